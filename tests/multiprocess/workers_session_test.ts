import assert from "node:assert/strict";
import { test } from "node:test";
import type { Batch, Row } from "../../multiprocess/mod.ts";
import { KnownMemory } from "../../multiprocess/workers/known_memory.ts";
import { OwnMemory } from "../../multiprocess/workers/own_memory.ts";
import { WorkersSession } from "../../multiprocess/workers/session.ts";
import { rowsOf } from "../../multiprocess/workers/snapshot.ts";
import { ManualClock, settle } from "../support/clock.ts";
import { type FakeIsolate, FakeNetwork } from "../support/fake_network.ts";

const signal = new AbortController().signal;
const TIMEOUT_MS = 1000;
const OPTIONS = {
  namespace: "",
  readOnly: false,
  deadAfterMs: 10_000,
  retentionMs: 60_000,
  signal,
};

/** Every batch adds one to the series of its instance. */
function batchOf(sequence: number, series: string, adds: readonly Row[] = []): Batch {
  const row = { family: "jobs", series, numbers: [1] };
  return { sequence, families: [], adds: [row, ...adds], sets: [], deletes: [] };
}

/** A session with one instance, which has a series of its own. */
class Peer {
  readonly name: string;
  readonly session: WorkersSession;
  readonly isolate: FakeIsolate;
  readonly #clock: ManualClock;
  #id: string;
  #sequence = 0;
  pushed = 0;

  constructor(network: FakeNetwork, name: string, retentionMs = OPTIONS.retentionMs) {
    this.name = this.#id = name;
    this.#clock = network.clock;
    this.isolate = network.open(name);
    const options = { ...OPTIONS, retentionMs, timeoutMs: TIMEOUT_MS, timers: this.isolate };
    this.session = new WorkersSession(this.isolate, options);
  }

  async join(): Promise<void> {
    await settle(this.#clock, this.session.join({ id: this.#id, process: "" }, { signal }));
    // What was posted arrives.
    await this.#clock.advanceSlowly(0.001);
  }

  /** Joins under another id, as an instance does that the store does not know any more. */
  async rejoin(): Promise<void> {
    this.#id += " again";
    this.#sequence = 0;
    await this.join();
  }

  async push(adds?: readonly Row[]): Promise<void> {
    const push = () => {
      const batch = batchOf(this.#sequence + 1, this.name, adds);
      return settle(this.#clock, this.session.push(this.#id, batch, { signal }));
    };
    if (await push() === "unknown") {
      await this.rejoin();
      assert.equal(await push(), "applied");
    }
    this.#sequence++;
    this.pushed++;
  }

  /** The totals by series, without waiting for virtual time. */
  async readNow(): Promise<Map<string, number>> {
    const totals = new Map<string, number>();
    for await (const slice of this.session.read({ signal, timeoutMs: 2 * TIMEOUT_MS })) {
      for (const { series, numbers } of slice.totals ?? []) {
        totals.set(series, (totals.get(series) ?? 0) + numbers[0]!);
      }
    }
    return totals;
  }

  read(): Promise<Map<string, number>> {
    return settle(this.#clock, this.readNow());
  }

  async close(): Promise<void> {
    await settle(this.#clock, this.session.leave(this.#id, { signal }));
    await settle(this.#clock, this.session.close());
  }
}

/** Some peers that have settled. */
async function startPeers<Names extends readonly string[]>(
  network: FakeNetwork,
  ...names: Names
): Promise<{ [K in keyof Names]: Peer }> {
  const peers = names.map((name) => new Peer(network, name));
  for (const peer of peers) await peer.join();
  await network.clock.advanceSlowly(TIMEOUT_MS / 1000);
  // As many peers as names.
  return peers as { [K in keyof Names]: Peer };
}

test("the first isolate reads when no other one has answered within timeoutMs", async () => {
  const network = new FakeNetwork(new ManualClock());
  const opened = network.clock.monotonic();
  const one = new Peer(network, "one");
  await one.join();
  await one.push();
  assert.deepEqual(await one.read(), new Map([["one", 1]]));
  const waited = network.clock.monotonic() - opened;
  assert.ok(waited >= 0.95 && waited <= 1.1, `${waited} s of virtual time`);
  await one.close();
});

test("a fault in the background does not end the program, and is retried", async () => {
  const network = new FakeNetwork(new ManualClock());
  const one = new Peer(network, "one");
  const post = one.isolate.postMessage;
  let failures = 0;
  // An isolate that waits for an answer asks again in the background.
  one.isolate.postMessage = () => {
    failures++;
    throw new RangeError("Array buffer allocation failed");
  };
  await network.clock.advanceSlowly(0.9);
  assert.equal(failures, 1);
  one.isolate.postMessage = post;
  await one.join();
  await one.push();
  assert.deepEqual(await one.read(), new Map([["one", 1]]));
  await one.close();
});

test("a new isolate reads as soon as a settled one has answered", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one] = await startPeers(network, "one");
  await one.push();
  network.delay = () => 5;
  const began = network.clock.monotonic();
  const two = new Peer(network, "two");
  assert.deepEqual(await two.read(), new Map([["one", 1]]));
  assert.ok(network.clock.monotonic() - began < 0.1);
});

test("the answer of an isolate that is new itself does not count", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one] = await startPeers(network, "one");
  await one.push();
  one.isolate.block();
  const [two, three] = [new Peer(network, "two"), new Peer(network, "three")];
  const reading = Promise.all([two.readNow(), three.readNow()]);
  await network.clock.advanceSlowly(0.5);
  one.isolate.unblock();
  assert.deepEqual(await settle(network.clock, reading), [
    new Map([["one", 1]]),
    new Map([["one", 1]]),
  ]);
});

test("a new isolate whose first answer lacks what another has shown waits for the rest", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one, two] = await startPeers(network, "one", "two");
  await one.push();
  // The memory of the guest has not arrived at the first one.
  network.delay = (from, to) => from === "guest" && to === "one" ? 1e6 : 0;
  const guest = new Peer(network, "guest");
  await guest.join();
  for (let i = 0; i < 10; i++) await guest.push();
  assert.deepEqual(await two.read(), new Map([["one", 1], ["guest", 10]]));
  guest.isolate.terminate();
  // The first one answers at once, the second one late.
  network.delay = (from) => from === "two" ? 300 : 0;
  const late = new Peer(network, "late");
  const began = network.clock.monotonic();
  assert.deepEqual(await late.read(), new Map([["one", 1], ["guest", 10]]));
  assert.ok(network.clock.monotonic() - began >= 0.3);
});

test("an isolate that lacks what another has shown asks for it", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one, two] = await startPeers(network, "one", "two");
  network.delay = (from, to) => from === "guest" && to === "one" ? Infinity : 0;
  const guest = new Peer(network, "guest");
  await guest.join();
  await guest.push();
  assert.equal((await two.read()).get("guest"), 1);
  assert.equal((await one.read()).get("guest"), 1);
});

test("an isolate that lacks what a new one shows waits for it, though it has not heard of that one", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one] = await startPeers(network, "one", "two");
  network.delay = (_, to) => to === "one" ? Infinity : 0;
  const guest = new Peer(network, "guest");
  await guest.join();
  await guest.push();
  const late = new Peer(network, "late");
  // The other one has answered, and has shown nothing itself.
  assert.deepEqual(await late.read(), new Map([["guest", 1]]));
  network.delay = () => 0;
  assert.deepEqual(await one.read(), new Map([["guest", 1]]));
});

test("a new isolate asks again if its first question was lost", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one] = await startPeers(network, "one");
  await one.push();
  network.delay = () => Infinity;
  const guest = new Peer(network, "guest");
  network.delay = () => 0;
  assert.deepEqual(await guest.read(), new Map([["one", 1]]));
});

test("a read fails if larger data of the next owner of a memory do not arrive in time", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one, two, guest] = await startPeers(network, "one", "two", "guest");
  await guest.push();
  await guest.close();
  network.delay = (_, to, { memories }) => {
    return to === "one" && memories.some(({ owner }) => owner > 0) ? Infinity : 0;
  };
  const next = new Peer(network, "next");
  await next.join();
  await next.push();
  assert.equal(ended(two), 0, "the memory of the guest was taken over");
  assert.deepEqual(await two.read(), new Map([["guest", 1], ["next", 1]]));
  await assert.rejects(one.read(), /memory of another isolate has not arrived/);
  network.delay = () => 0;
  assert.deepEqual(await one.read(), new Map([["guest", 1], ["next", 1]]));
});

test("an answer does not grow with the sessions that have ended", async () => {
  const network = new FakeNetwork(new ManualClock());
  await startPeers(network, "one");
  let length = 0;
  network.delay = (from, _, message) => {
    if (from === "one" && message.to !== undefined) length = JSON.stringify(message).length;
    return 0;
  };
  const lengthAfter = async (sessions: number): Promise<number> => {
    for (let i = 0; i < sessions; i++) {
      const guest = new Peer(network, "guest");
      await guest.read();
      await settle(network.clock, guest.session.close());
      await network.clock.advanceSlowly(1);
    }
    return length;
  };
  const before = await lengthAfter(2);
  const after = await lengthAfter(20);
  assert.ok(after < before + 100, `${before} characters, then ${after}`);
});

test("an isolate that lacks larger data that another has shown waits for them", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one, two, guest] = await startPeers(network, "one", "two", "guest");
  await guest.push();
  for (const peer of [one, two]) assert.equal((await peer.read()).get("guest"), 1);
  network.delay = (from, to) => to === "one" ? (from === "guest" ? Infinity : 20) : 0;
  const rows = Array.from({ length: 5000 }, (_, i): Row => {
    return { family: "jobs", series: `row ${i}`, numbers: [i] };
  });
  await guest.push(rows);
  assert.equal((await two.read()).get("row 4999"), 4999);
  guest.isolate.terminate();
  const shown = await one.read();
  assert.equal(shown.get("guest"), 2);
  assert.equal(shown.size, 5001);
});

test("a read fails if memory of an isolate that is alive does not arrive in time", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one, two] = await startPeers(network, "one", "two");
  network.delay = (_, to) => to === "one" ? Infinity : 0;
  const guest = new Peer(network, "guest");
  await guest.join();
  await guest.push();
  assert.equal((await two.read()).get("guest"), 1);
  await assert.rejects(one.read(), /memory of another isolate has not arrived/);
  network.delay = () => 0;
  assert.equal((await one.read()).get("guest"), 1);
});

test("a blocked isolate delays no other one, and its numbers are shown", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one, two] = await startPeers(network, "one", "two");
  await two.push();
  two.isolate.block();
  const before = network.clock.monotonic();
  assert.deepEqual(await one.readNow(), new Map([["two", 1]]));
  assert.equal(network.clock.monotonic(), before, "no virtual time has passed");
});

test("isolates are counted by their state", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one, two, three] = await startPeers(network, "one", "two", "three");
  for (const peer of [one, two, three]) await peer.push();
  const states = () => {
    const [family] = one.session.collect();
    return family!.samples.map(({ labels, value }) => `${labels["state"]} ${value}`).join(", ");
  };
  assert.equal(states(), "answering 2, blocked 0, ended 0");
  two.isolate.block();
  await network.clock.advanceSlowly(2.5);
  assert.equal(states(), "answering 1, blocked 1, ended 0");
  await three.close();
  assert.equal(states(), "answering 0, blocked 1, ended 1");
  await network.clock.advanceSlowly(10);
  assert.equal(states(), "answering 0, blocked 0, ended 2");
  two.isolate.unblock();
  await network.clock.advanceSlowly(0.001);
  await two.push();
  assert.equal((await one.read()).get("two"), 2);
  assert.equal(states(), "answering 1, blocked 0, ended 1");
});

test("a waiting read rejects when its session is closed", async () => {
  const network = new FakeNetwork(new ManualClock());
  const one = new Peer(network, "one");
  const reading = one.readNow();
  reading.catch(() => {});
  await settle(network.clock, one.session.close());
  await assert.rejects(reading, { message: "Cannot use the workers' store: it is closed" });
});

test("an instance whose memory was taken over while it was blocked joins again, and loses nothing", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one, two] = await startPeers(network, "one", "two");
  await one.push();
  await two.push();
  two.isolate.block();
  for (let i = 0; i < 8; i++) {
    await network.clock.advanceSlowly(9);
    await one.push();
  }
  const three = new Peer(network, "three");
  await three.join();
  await three.push();
  assert.equal(ended(three), 0);
  const expected = new Map([["one", 9], ["two", 1], ["three", 1]]);
  assert.deepEqual(await one.read(), expected);
  two.isolate.unblock();
  await network.clock.advanceSlowly(0.001);
  assert.deepEqual(await two.read(), expected);
  assert.equal(await two.session.push("two", batchOf(2, "two"), { signal }), "unknown");
  await two.rejoin();
  await two.push();
  for (const peer of [one, two, three]) {
    assert.deepEqual(await peer.read(), new Map([...expected, ["two", 2]]));
  }
});

test("a memory is not taken over while its owner sends larger data", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one, two] = await startPeers(network, "one", "two");
  const rows = Array.from({ length: 500 }, (_, i): Row => {
    return { family: "jobs", series: `row ${i}`, numbers: [1] };
  });
  network.delay = (from) => from === "two" ? Infinity : 0;
  const pushing = two.session.push("two", batchOf(1, "two", rows), { signal });
  // It has written, and waits for the turn after which the others may miss the data.
  await Promise.resolve();
  two.isolate.block();
  await network.clock.advanceSlowly(71);
  await one.push();
  const three = new Peer(network, "three");
  await three.join();
  await three.push();
  network.delay = () => 0;
  two.isolate.unblock();
  assert.equal(await settle(network.clock, pushing), "applied");
  for (const peer of [one, two, three]) {
    const totals = await peer.read();
    assert.equal(totals.get("two"), 1);
    assert.equal(totals.get("row 499"), 1);
  }
});

/** How many ended instances a peer remembers. */
function ended({ session }: Peer): number {
  const [family] = session.collect();
  return family!.samples.find(({ labels }) => labels["state"] === "ended")!.value;
}

test("an instance that starts takes over the memory of one that has left", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one] = await startPeers(network, "one");
  const expected = new Map<string, number>();
  for (let i = 0; i < 20; i++) {
    const guest = new Peer(network, `guest ${i}`);
    await guest.join();
    await guest.push();
    expected.set(guest.name, 1);
    await guest.close();
    assert.equal(ended(one), 1);
  }
  assert.deepEqual(await one.read(), expected);
});

test("totals go on when their metric gets an expiry, or loses it", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one, two] = await startPeers(network, "one", "two");
  const limits: readonly (number | undefined)[] = [undefined, 60_000, undefined];
  for (const [i, expireAfterMs] of limits.entries()) {
    const families = [{ family: "jobs", help: "", expireAfterMs }];
    const adds = ["a", "b", "c"].map((series, place): Row => {
      return { family: "jobs", series, numbers: [place + 1] };
    });
    adds.push({ family: "jobs", series: "a part", numbers: [1], partOf: "a" });
    const batch = { sequence: i + 1, families, adds, sets: [], deletes: [] };
    await settle(network.clock, one.session.push("one", batch, { signal }));
    const expected = { a: i + 1, b: 2 * (i + 1), c: 3 * (i + 1), "a part": i + 1 };
    assert.deepEqual(Object.fromEntries(await two.read()), expected);
  }
});

test("a series that one isolate adds to while another starts it again at zero does not fall", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one, two] = await startPeers(network, "one", "two");
  const push = ({ session, name }: Peer, sequence: number, number: number) => {
    const families = [{ family: "jobs", help: "", expireAfterMs: 60_000 }];
    const adds = [{ family: "jobs", series: "s", numbers: [number] }];
    return session.push(name, { sequence, families, adds, sets: [], deletes: [] }, { signal });
  };
  await settle(network.clock, push(one, 1, 100));
  await network.clock.advanceSlowly(119.999);
  const adding = push(two, 1, 1);
  // It has seen when something was added last, and waits for a turn.
  for (let i = 0; i < 20; i++) await Promise.resolve();
  assert.equal(await push(one, 2, 1), "applied");
  network.clock.advance(0.002);
  assert.equal(await settle(network.clock, adding), "applied");
  assert.deepEqual(await two.read(), new Map([["s", 102]]));
  await network.clock.advanceSlowly(1);
  assert.deepEqual(await two.read(), new Map([["s", 102]]));
});

test("of two instances that start at the same time, one takes over a memory", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one, guest] = await startPeers(network, "one", "guest");
  await guest.push();
  await guest.close();
  const [two, three] = [new Peer(network, "two"), new Peer(network, "three")];
  await network.clock.advanceSlowly(0.001);
  await Promise.all([two.join(), three.join()]);
  for (const peer of [two, three]) await peer.push();
  assert.equal(ended(one), 0);
  const expected = new Map([["guest", 1], ["two", 1], ["three", 1]]);
  for (const peer of [one, two, three]) assert.deepEqual(await peer.read(), expected);
});

test("a memory is not taken over while its owner's values count", async () => {
  const network = new FakeNetwork(new ManualClock());
  const [one, guest] = await startPeers(network, "one", "guest");
  const sets = [{ family: "level", series: "", numbers: [5] }];
  await guest.session.push("guest", { ...batchOf(1, "guest"), sets }, { signal });
  await guest.close();
  const two = new Peer(network, "two");
  await two.join();
  assert.equal(ended(one), 1);
  await network.clock.advanceSlowly(61);
  for (const peer of [one, two]) await peer.push();
  const three = new Peer(network, "three");
  await three.join();
  assert.equal(ended(one), 0);
  assert.deepEqual(await one.read(), new Map([["guest", 1], ["one", 1], ["two", 1]]));
});

test("a memory whose next owner was terminated before it could say so is still read", async () => {
  const own = ownMemory("a");
  own.apply(batchOf(1, "x"));
  own.commit();
  own.leave();
  const [here, there] = [new KnownMemory(own.message, 0), new KnownMemory(own.message, 0)];
  assert.ok(await here.takeOver(0, OPTIONS, pause));
  assert.equal(await there.takeOver(1e9, OPTIONS, pause), undefined);
  assert.deepEqual(await totalsOf(there), [1]);
  assert.equal(there.isOutdated, false);
  assert.equal(there.isForgotten(0, OPTIONS), true);
});

test("data of a former owner that arrive late are not mistaken for those of the next", async () => {
  const former = ownMemory("a");
  former.apply(batchOf(1, "x"));
  former.commit();
  const late = former.message;
  former.compact();
  const [here, there] = [new KnownMemory(former.message, 0), new KnownMemory(former.message, 0)];
  const own = await nextOwner(here, "b");
  assert.equal(former.beginWrite(), false);
  own.apply(batchOf(1, "x"));
  own.commit();
  for (const message of [own.message, late, former.message]) there.update(message, 0);
  assert.deepEqual(await totalsOf(there), [2]);
  assert.equal(here.isOutdated, true);
  here.update(own.message, 0);
  assert.deepEqual(await totalsOf(here), [2]);
  assert.equal(here.instance.id, "b");
});

test("each owner of a memory takes few of its generations", async () => {
  const own = ownMemory("a");
  own.commit();
  own.leave();
  const known = new KnownMemory(own.message, 0);
  for (let i = 1; i <= 1000; i++) {
    const next = await nextOwner(known, `${i}`);
    next.apply(batchOf(1, "x"));
    next.commit();
    next.compact();
    next.leave();
    known.update(next.message, 0);
  }
  assert.deepEqual(await totalsOf(known), [1000]);
  // They must fit into 31 bits.
  assert.ok(known.message(0).generation < 5000, `${known.message(0).generation}`);
});

/** An instance that takes over the memory of one that has ended. */
async function nextOwner(known: KnownMemory, id: string): Promise<OwnMemory> {
  const former = await known.takeOver(1e9, OPTIONS, pause);
  return new OwnMemory({ id, process: "", node: `of ${id}` }, () => 2, former);
}

/** A memory without a session. */
function ownMemory(id: string): OwnMemory {
  return new OwnMemory({ id, process: "", node: `of ${id}` }, () => 1);
}

const pause = (): Promise<void> => Promise.resolve();

async function totalsOf(memory: KnownMemory): Promise<number[]> {
  const snapshot = await memory.snapshot(pause);
  return [...rowsOf(snapshot, "total")].flatMap(({ numbers }) => numbers);
}

test("an unfinished write changes nothing", async () => {
  const own = ownMemory("a");
  own.apply(batchOf(1, "x"));
  own.commit();
  own.apply(batchOf(2, "x"));
  own.commit();
  const { message } = own;
  const known = new KnownMemory(message, 0);
  assert.deepEqual(await totalsOf(known), [2]);
  // What a writer leaves that is terminated: the other area is full of anything.
  const words = new Int32Array(message.data, 0, 4);
  const length = 1 + words[2]!;
  const other = (words[0]! + 1) & 1;
  new Float64Array(message.data, 16 + other * length * 8, length).fill(NaN);
  assert.deepEqual(await totalsOf(known), [2]);
});

test("data with many deleted rows are replaced by smaller ones", async () => {
  const own = ownMemory("a");
  for (let sequence = 1; sequence <= 2000; sequence++) {
    const row = { family: "g", series: `${sequence}`, numbers: [sequence] };
    const deletes = [{ family: "g", series: `${sequence - 10}` }];
    own.apply({ families: [], adds: [], sets: [row], deletes });
    own.commit();
  }
  const known = new KnownMemory(own.message, 0);
  const values = async () =>
    [...rowsOf(await known.snapshot(pause), "own")].map(({ numbers }) => numbers[0]);
  const expected = Array.from({ length: 10 }, (_, i) => 1991 + i);
  assert.deepEqual(await values(), expected);
  const { byteLength } = own.message.data;
  assert.ok(byteLength < 32_000, `${byteLength} bytes`);
  own.compact();
  assert.ok(own.message.data.byteLength < 600, `${own.message.data.byteLength} bytes`);
  known.update(own.message, 0);
  assert.deepEqual(await values(), expected);
});

for (const seed of Array.from({ length: 12 }, (_, i) => i + 1)) {
  test(`no read shows less than a read before it, of whichever isolate (seed ${seed})`, async () => {
    const clock = new ManualClock();
    const network = new FakeNetwork(clock, seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(network.random() * list.length)]!;
    const shown = new Map<string, number>();
    const expected = new Map<string, number>();
    const living: Peer[] = [];
    const blocked = new Map<Peer, number>();
    const unblock = (): void => {
      for (const peer of blocked.keys()) peer.isolate.unblock();
      blocked.clear();
    };
    let started = 0;
    network.delay = (_from, _to, { asks, to }) => {
      // A new isolate that gets no answer takes itself for the first one.
      const isNeeded = asks || to !== undefined;
      if (network.random() < 0.2 && !isNeeded) return Infinity;
      return network.random() < 0.7 ? 0 : Math.floor(20 * network.random());
    };
    const start = async (): Promise<void> => {
      const name = `peer ${++started}`;
      // So short that memories of instances that were terminated or blocked are taken over.
      const peer = new Peer(network, name, 1000);
      await peer.join();
      living.push(peer);
    };
    const read = async (peer: Peer): Promise<void> => {
      const before = new Map(shown);
      let now: Map<string, number>;
      try {
        now = await peer.read();
      } catch (error) {
        // A gap, which is no fall.
        assert.match(String(error), /has not arrived/);
        return;
      }
      for (const [series, least] of before) {
        const value = now.get(series) ?? 0;
        assert.ok(value >= least, `${peer.name} shows ${value} of ${series} after ${least}`);
      }
      for (const [series, value] of now) shown.set(series, value);
    };
    await start();
    await start();
    await clock.advanceSlowly(1);
    for (let step = 0; step < 200; step++) {
      // What is lost on the way is not waited for when its isolate counts as ended.
      if (Math.min(...blocked.values()) < clock.monotonic() - 5) unblock();
      const dice = network.random();
      const awake = living.filter((peer) => !blocked.has(peer));
      if (dice < 0.4) {
        const peer = pick(awake);
        const rows = Array.from({ length: Math.floor(40 * network.random() ** 4) }, (_, i) => {
          return { family: "jobs", series: `${peer.name} ${i}`, numbers: [1] };
        });
        await peer.push(rows);
        expected.set(peer.name, peer.pushed);
        for (const { series } of rows) expected.set(series, (expected.get(series) ?? 0) + 1);
      } else if (dice < 0.75) await read(pick(awake));
      else if (dice < 0.8) await clock.advanceSlowly(network.random());
      else if (dice < 0.83) await clock.advanceSlowly(3);
      else if (dice < 0.88 && awake.length > 1) {
        const peer = pick(awake);
        peer.isolate.block();
        blocked.set(peer, clock.monotonic());
      } else if (dice < 0.93) {
        unblock();
      } else if (living.length < 5) await start();
      else if (awake.length > 2) {
        const peer = pick(awake);
        // What no other isolate has heard of ends with it.
        await read(awake.find((other) => other !== peer)!);
        living.splice(living.indexOf(peer), 1);
        if (network.random() < 0.5) await peer.close();
        else peer.isolate.terminate();
      }
    }
    unblock();
    network.delay = () => 0;
    await clock.advanceSlowly(3);
    for (const peer of living) {
      const now = await peer.read();
      assert.deepEqual([...now].sort(), [...expected].sort(), peer.name);
    }
    for (const peer of living) await peer.close();
  });
}
