import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { BroadcastChannel } from "node:worker_threads";
import type { Batch } from "../../multiprocess/backend.ts";
import type { FoldedPiece } from "../../multiprocess/folded_totals.ts";
import { Places, Stamps } from "../../multiprocess/ledger.ts";
import { LedgerExchange } from "../../multiprocess/ledger_exchange.ts";
import { Replica } from "../../multiprocess/replica.ts";
import { WorkersSession } from "../../multiprocess/workers_session.ts";
import { FakeNetwork } from "../support/fake_network.ts";

const signal = new AbortController().signal;

/** Every batch adds one to the series of its instance. */
function batchOf(sequence: number, series: string): Batch {
  const adds = [{ family: "jobs", series, numbers: [1] }];
  return { sequence, families: [], adds, sets: [], deletes: [] };
}

/** A session with one instance, which has a series of its own. */
class Peer {
  readonly name: string;
  readonly session: WorkersSession;
  readonly channel: BroadcastChannel;
  pushed = 0;
  /** What its last read showed of each series. */
  shown: Map<string, number> = new Map();

  constructor(network: FakeNetwork, name: string) {
    this.name = name;
    // A cast: a session uses nothing else of a channel.
    this.channel = network.open(name) as unknown as BroadcastChannel;
    this.session = new WorkersSession(this.channel, {
      namespace: "",
      readOnly: false,
      deadAfterMs: 1e6,
      retentionMs: 1e9,
      timeoutMs: 10,
      signal,
    });
  }

  join(): Promise<string> {
    return this.session.join({ id: this.name, process: this.name }, { signal });
  }

  async push(): Promise<void> {
    const batch = batchOf(this.pushed + 1, this.name);
    assert.equal(await this.session.push(this.name, batch, { signal }), "applied");
    this.pushed++;
  }

  /** Reads, and sees to it that nothing has fallen. A read may have no end in time. */
  async read(): Promise<Map<string, number> | undefined> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), 60);
    const now = new Map<string, number>();
    try {
      for await (const { totals = [] } of this.session.read({ signal: limit.signal })) {
        for (const { series, numbers } of totals) {
          now.set(series, (now.get(series) ?? 0) + numbers[0]!);
        }
      }
    } catch (error) {
      if (limit.signal.aborted) return undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
    for (const [series, before] of this.shown) {
      const after = now.get(series) ?? 0;
      assert.ok(after >= before, `${this.name} shows ${after} of ${series} after ${before}`);
    }
    return this.shown = now;
  }

  /** Ends as a worker that is terminated. */
  terminate(): void {
    this.channel.close();
  }

  async close(): Promise<void> {
    await this.session.leave(this.name, { signal });
    await this.session.close();
  }
}

/** Runs something on a clock that can be put forward. */
async function withClock(run: (forward: (ms: number) => void) => Promise<void>): Promise<void> {
  const { now } = performance;
  let skew = 0;
  performance.now = () => now.call(performance) + skew;
  try {
    await run((ms) => void (skew += ms));
  } finally {
    performance.now = now;
  }
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`sessions on a channel that loses messages agree in the end, and none shows less than before (seed ${seed})`, () =>
    withClock(async (forward) => {
      const network = new FakeNetwork(seed);
      const pick = <T>(list: readonly T[]): T => list[Math.floor(network.random() * list.length)]!;
      const expected = new Map<string, number>();
      const living: Peer[] = [];
      let started = 0;
      const start = async (): Promise<void> => {
        const peer = new Peer(network, `peer ${++started}`);
        living.push(peer);
        await peer.join();
      };
      /** Who ends has told somebody: what nobody has heard of is lost with it. */
      const end = async (isClosing: boolean): Promise<void> => {
        const peer = pick(living);
        living.splice(living.indexOf(peer), 1);
        const heir = pick(living);
        network.calm(peer.name, heir.name, true);
        for (let i = 0; i < 20; i++) {
          const shown = await heir.read();
          if ((shown?.get(peer.name) ?? 0) === peer.pushed) break;
          assert.ok(i < 19, `${heir.name} does not learn from ${peer.name}`);
        }
        network.calm(peer.name, heir.name, false);
        if (isClosing) await peer.close();
        else peer.terminate();
      };
      await start();
      await start();
      network.loss = 0.3;
      for (let step = 0; step < 150; step++) {
        const dice = network.random();
        if (dice < 0.5) {
          const peer = pick(living);
          await peer.push();
          expected.set(peer.name, peer.pushed);
        } else if (dice < 0.75) await pick(living).read();
        else if (dice < 0.85) await sleep(Math.floor(4 * network.random()));
        else if (dice < 0.92) forward(1100);
        else if (living.length < 5) await start();
        // What has been terminated may come back, and so keeps others from being folded.
        else await end(seed % 2 === 0 || network.random() < 0.6);
      }
      network.loss = 0;
      await sleep(10);
      for (let round = 0; round < 4; round++) {
        forward(1100);
        for (const peer of living) await peer.read();
      }
      for (const peer of living) {
        const shown = await peer.read();
        assert.deepEqual(
          [...shown ?? []].filter(([, count]) => count > 0).sort(),
          [...expected].sort(),
          `${peer.name} of ${living.map(({ name }) => name)}`,
        );
      }
      for (const peer of living) await peer.close();
    }));
}

test("one that lacks what another has folded shows no less than before, and gets it after all", () =>
  withClock(async (forward) => {
    const network = new FakeNetwork(1);
    const [one, two, guest] = [
      new Peer(network, "one"),
      new Peer(network, "two"),
      new Peer(network, "guest"),
    ];
    for (const peer of [one, two, guest]) await peer.join();
    await guest.push();
    for (const peer of [one, two]) assert.equal((await peer.read())?.get("guest"), 1);
    // The second one hears nothing any more; the first one knew that it had the first batch.
    network.filter = (_, to) => to !== "two";
    await guest.push();
    assert.equal((await one.read())?.get("guest"), 2);
    await guest.close();
    forward(1100);
    await one.push();
    network.filter = () => true;
    assert.equal((await two.read())?.get("guest"), 2);
    for (let i = 0; i < 3; i++) {
      forward(1100);
      for (const peer of [one, two]) assert.equal((await peer.read())?.get("guest"), 2);
    }
    for (const peer of [one, two]) await peer.close();
  }));

test("one that hears of an end before the last batch waits for that batch", () =>
  withClock(async (forward) => {
    const network = new FakeNetwork(1);
    const [one, guest] = [new Peer(network, "one"), new Peer(network, "guest")];
    for (const peer of [one, guest]) await peer.join();
    await guest.push();
    assert.equal((await one.read())?.get("guest"), 1);
    network.filter = (_, __, data) => (data as { kind: string }).kind === "leave";
    await guest.push();
    await guest.session.leave("guest", { signal });
    await sleep(10);
    forward(1100);
    await one.push();
    network.filter = () => true;
    assert.equal((await one.read())?.get("guest"), 2);
    for (const { session } of [one, guest]) await session.close();
  }));

test("a read that waits when its session is closed is refused, and nothing is sent afterwards", async () => {
  const network = new FakeNetwork(1);
  const [one, two] = [new Peer(network, "one"), new Peer(network, "two")];
  for (const peer of [one, two]) await peer.join();
  // What is missing never comes.
  network.filter = (_, __, data) => !["batch", "ledger"].includes((data as { kind: string }).kind);
  await two.push();
  const reading = one.session.read({ signal }).next();
  await Promise.all([
    assert.rejects(reading, { message: "Cannot use the workers' store: it is closed" }),
    sleep(5).then(() => one.close()),
  ]);
  await sleep(50);
  two.terminate();
});

test("what is folded while the folded totals are sent is not among them", async () => {
  const options = { namespace: "", readOnly: false, deadAfterMs: 1e6, retentionMs: 1e9, signal };
  const replica = new Replica(options);
  const [first, second] = ["first", "second"].map((id, order) => {
    const ledger = replica.begin({ id, process: id, node: id, order });
    const adds = Array.from({ length: 3000 }, (_, i) => {
      return { family: "jobs", series: String(i), numbers: [1] };
    });
    const batch = { sequence: 1, families: [], adds, sets: [], deletes: [] };
    replica.take(ledger, 1, new Places(new Stamps()).changesOf(batch));
    return ledger;
  });
  replica.fold(first!);
  const late = new Replica(options);
  const pieces: FoldedPiece[] = [];
  const exchange = new LedgerExchange({
    node: "here",
    replica,
    timeoutMs: 1000,
    post(message) {
      if (message.kind !== "folded") return;
      if (pieces.length === 0) replica.whenUnread(() => replica.fold(second!));
      pieces.push(message.piece);
      if (message.isLast) late.adoptFolded(message.ids, message.sequences, pieces);
    },
  });
  exchange.send({ kind: "want", from: "late", to: "here", ids: [], wantsFolded: true });
  await exchange.whenSent();
  assert.equal(pieces.length, 4);
  assert.equal(late.foldedCount, 1);
  const totals = [...late.read()].flatMap(({ totals = [] }) => totals);
  assert.deepEqual(new Set(totals.map(({ numbers }) => numbers[0])), new Set([1]));
  assert.equal(replica.foldedCount, 2);
});
