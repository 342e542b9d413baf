import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { CollectorRegistry, Counter, Gauge } from "../../mod.ts";
import { type Backend, loadBackend, type LoadBackendOptions } from "../../multiprocess/mod.ts";
import { workersBackend, type WorkersBackendOptions } from "../../multiprocess/workers/mod.ts";
import { KnownMemory } from "../../multiprocess/workers/known_memory.ts";
import type { MemoryMessage } from "../../multiprocess/workers/memory.ts";
import { rowsOf } from "../../multiprocess/workers/snapshot.ts";
import { nextTurn } from "../../time/turn.ts";
import { testBackend } from "../support/backend_contract.ts";
import { ManualClock, settle } from "../support/clock.ts";
import { PATIENCE_MS, waitFor } from "../support/processes.ts";
import { testGuards } from "../support/shared_guards.ts";
import { type CountingWorker, CountingWorkers, type Limits } from "../support/workers.ts";

/**
 * A backend for one test: all tests are in one process, and other files' may be too. All sessions of
 * an isolate know the same memories, so they need no answer.
 */
function apart(options: WorkersBackendOptions = {}): () => Backend {
  const test = crypto.randomUUID();
  const { name, open } = workersBackend({ timeoutMs: 1, ...options });
  return () => ({
    name,
    open: (options) => open({ ...options, namespace: `${test} ${options.namespace}` }),
  });
}

testBackend("workers", () => {
  const backend = apart();
  return Promise.resolve({ backend, [Symbol.asyncDispose]: () => Promise.resolve() });
}, { canLose: false });

/** A registry of this isolate that shares with others. */
async function share(backend: Backend, options: LoadBackendOptions = {}) {
  const registry = new CollectorRegistry();
  const jobs = new Counter("jobs_total", "Jobs.", { registry });
  const level = new Gauge("level", "Level.", { registry, aggregation: "sum" });
  const shared = await loadBackend(backend, { registry, intervalMs: 1e6, ...options });
  const value = (name: string, labels = {}) => shared.getSampleValueAsync(name, labels);
  const peers = (state: string) => value("narthex_backend_peers", { state });
  return { jobs, level, shared, value, peers, total: () => value("jobs_total") };
}

/** A registry of this isolate that shares with workers. */
async function shareWith(workers: CountingWorkers) {
  await workers.host;
  const options = { ...workers.limits, namespace: workers.test, timeoutMs: PATIENCE_MS };
  return await share(workersBackend({ timeoutMs: PATIENCE_MS }), options);
}

/** Waits until this isolate sees others in some states. */
async function waitForPeers(
  { peers }: Awaited<ReturnType<typeof share>>,
  expected: { readonly answering: number; readonly blocked: number },
): Promise<void> {
  const { answering, blocked } = expected;
  await waitFor(`${answering} answering and ${blocked} blocked peers`, async () => {
    const counts = [await peers("answering"), await peers("blocked")];
    return (counts[0] === answering && counts[1] === blocked) || undefined;
  });
}

/** A test with workers, which end with it. */
function withWorkers(
  run: (workers: CountingWorkers) => Promise<void>,
  limits: Limits = {},
): () => Promise<void> {
  return async () => {
    const workers = new CountingWorkers(limits);
    try {
      await run(workers);
    } finally {
      await workers[Symbol.asyncDispose]();
    }
  };
}

const KINDS: readonly ("node" | "web")[] = "Deno" in globalThis || "Bun" in globalThis
  ? ["node", "web"]
  : ["node"];
for (const kind of KINDS) {
  test(
    `workers (${kind}) add up, and any of them has the total`,
    withWorkers(async (workers) => {
      const [one, two] = [await workers.start("one", kind), await workers.start("two", kind)];
      const here = await shareWith(workers);
      here.jobs.inc(1);
      await here.shared.flush();
      await one.count(10);
      await two.count(100);
      assert.deepEqual(await Promise.all([here.total(), one.total(), two.total()]), [
        111,
        111,
        111,
      ]);
      assert.equal(await here.value("workers"), 2);
      await waitForPeers(here, { answering: 2, blocked: 0 });
      await here.shared.close();
      assert.equal(await one.total(), 111);
    }),
  );
}

test(
  "a worker that was terminated stays in the totals, also of those that start later",
  withWorkers(async (workers) => {
    const here = await shareWith(workers);
    here.jobs.inc(1);
    const one = await workers.start("one");
    await one.count(10);
    await (await workers.host).close();
    await one.terminate();
    assert.equal(await here.total(), 11);
    const two = await workers.start("two");
    assert.equal(await two.total(), 11);
    await here.shared.close();
    assert.equal(await two.total(), 11, "nobody is left who has seen the first one");
    await two.count(100);
    const three = await workers.start("three");
    await two.close();
    assert.equal(await three.total(), 111);
  }),
);

test(
  "workers that are terminated and replaced while they count: nothing is lost, no total falls",
  withWorkers(async (workers) => {
    const here = await shareWith(workers);
    let [issued, acked, last] = [0, 0, 0];
    const hold = (total: number | undefined): void => {
      if (total === undefined) return;
      assert.ok(total >= last && total <= issued, `${total} after ${last} of ${issued}`);
      last = total;
    };
    const work = async (name: string): Promise<void> => {
      for (let life = 0; life < 3; life++) {
        const worker = await workers.start(`${name} ${life}`);
        for (let i = 0; i < 15; i++) {
          issued++;
          await worker.count(1);
          acked++;
        }
        // Terminated in the middle of a flush, which may or may not arrive.
        issued++;
        worker.count(1);
        await sleep(life);
        await worker.terminate();
      }
    };
    let isRunning = true;
    const observer = await workers.start("observer");
    const scrape = async (): Promise<void> => {
      // In turn: no reader may show less than another one has shown.
      while (isRunning) for (const { total } of [here, observer]) hold(await total());
    };
    const scraping = scrape();
    await Promise.all([work("one"), work("two")]);
    isRunning = false;
    await scraping;
    hold(await here.total());
    assert.ok(last >= acked, `${last} of ${acked}`);
    assert.equal(await observer.total(), last);
    await here.shared.close();
  }),
);

test(
  "a blocked worker delays no scrape, and its last numbers are used",
  withWorkers(async (workers) => {
    const here = await shareWith(workers);
    const [one, two] = [await workers.start("one"), await workers.start("two")];
    await one.count(10);
    await two.count(100);
    assert.equal(await here.total(), 110);
    await one.block();
    assert.equal(await here.total(), 110);
    assert.equal(await here.value("narthex_backend_up"), 1);
    await waitForPeers(here, { answering: 1, blocked: 1 });
    // One that starts meanwhile learns what the blocked one had counted from the others.
    const three = await workers.start("three");
    assert.equal(await three.total(), 110);
    assert.equal(one.isBlocked, true, "everything until now happened while it was blocked");
    await one.unblock();
    assert.equal(await one.total(), 110);
    await waitForPeers(here, { answering: 3, blocked: 0 });
    await here.shared.close();
  }),
);

test(
  "16 workers that are terminated, closed and blocked together: the total is exact",
  withWorkers(async (workers) => {
    const here = await shareWith(workers);
    const start = (i: number) => workers.start(`worker ${i}`, KINDS[i % KINDS.length]);
    const all = await Promise.all(Array.from({ length: 16 }, (_, i) => start(i)));
    let [last, expected] = [0, 0];
    const count = async (some: readonly CountingWorker[], scale: number): Promise<void> => {
      await Promise.all(some.map(async (worker, i) => {
        const number = scale * (i + 1);
        expected += number;
        await worker.count(number);
      }));
    };
    let isRunning = true;
    const scraping = (async () => {
      while (isRunning) {
        const total = await here.total() ?? NaN;
        assert.ok(total >= last && total <= expected, `${total} after ${last} of ${expected}`);
        last = total;
        // A read ends without a turn of the event loop, which the messages of workers need.
        await nextTurn();
      }
    })();
    await count(all, 1);
    const [blocked, terminated, closed, running] = [0, 4, 8, 12].map((i) => all.slice(i, i + 4));
    await Promise.all([
      ...blocked!.map((worker) => worker.block()),
      ...terminated!.map((worker) => worker.terminate()),
      ...closed!.map((worker) => worker.close()),
      count(running!, 1000),
    ]);
    // These take over the memories of those that have closed.
    const next = await Promise.all([16, 17, 18, 19].map(start));
    await count(next, 1_000_000);
    for (const worker of blocked!) assert.equal(worker.isBlocked, true);
    for (const worker of [...running!, ...next]) assert.equal(await worker.total(), expected);
    await Promise.all(blocked!.map((worker) => worker.unblock()));
    await count(blocked!, 1_000_000_000);
    isRunning = false;
    await scraping;
    await count(running!, 1000);
    for (const worker of [here, ...blocked!, ...running!, ...next]) {
      assert.equal(await worker.total(), expected);
    }
    await here.shared.close();
  }, { deadAfterMs: PATIENCE_MS, retentionMs: 1 }),
);

test(
  "a worker that was blocked during a thousand flushes is up to date when it wakes",
  withWorkers(async (workers) => {
    const one = await workers.start("one");
    const here = await shareWith(workers);
    await one.block();
    for (let i = 0; i < 1000; i++) {
      here.jobs.inc();
      await here.shared.flush();
    }
    await one.unblock();
    assert.equal(await one.total(), 1000);
    assert.equal(await here.total(), 1000);
    await here.shared.close();
  }),
);

test("totals go on where they were when a registry is shared again, alone or beside others", async () => {
  const registry = new CollectorRegistry();
  const jobs = new Counter("jobs_total", "Jobs.", { registry });
  const load = (namespace: string) =>
    loadBackend(workersBackend({ timeoutMs: 1 }), { registry, namespace, intervalMs: 1e6 });
  const namespace = crypto.randomUUID();
  for (let i = 1; i <= 3; i++) {
    jobs.inc();
    const shared = await load(namespace);
    assert.equal(await shared.getSampleValueAsync("jobs_total"), i, "alone");
    await shared.close();
  }
  const elsewhere = await load(crypto.randomUUID());
  assert.equal(await elsewhere.getSampleValueAsync("jobs_total"), 3, "another namespace");
  await elsewhere.close();

  const other = await share(workersBackend({ timeoutMs: 1 }), { namespace });
  for (let i = 4; i <= 6; i++) {
    jobs.inc();
    const shared = await load(namespace);
    assert.equal(await shared.getSampleValueAsync("jobs_total"), i, "beside another");
    await shared.close();
    assert.equal(await other.total(), i);
  }
  await other.shared.close();
});

test("a new isolate that has no time to wait for an answer gives no total", async () => {
  const clock = new ManualClock();
  const backend = apart({ timeoutMs: 60_000 });
  const one = await share(backend(), { timeoutMs: 100, timers: clock });
  one.jobs.inc();
  const reading = Promise.all([one.total(), one.value("narthex_backend_up")]);
  assert.deepEqual(await settle(clock, reading), [undefined, 0]);
  await settle(clock, one.shared.close());
});

/** Two registries of this isolate on a clock, after the time in which they wait for others. */
async function shareTwo(options: LoadBackendOptions) {
  const clock = new ManualClock();
  const backend = apart({ timeoutMs: 1000 });
  const start = () => share(backend(), { ...options, timers: clock });
  const [here, there] = [await start(), await start()];
  await clock.advanceSlowly(1);
  return { clock, start, here, there };
}

test("instances start and close: totals stay to the last bit, everywhere", async () => {
  const { clock, start, here, there } = await shareTwo({ deadAfterMs: 1000, retentionMs: 3000 });
  let last = 0;
  for (let i = 1; i <= 30; i++) {
    const guest = await start();
    guest.jobs.inc(i / 10);
    guest.level.set(1);
    await guest.shared.close();
    await clock.advanceSlowly(0.9);
    for (const { jobs, shared, total } of [here, there]) {
      jobs.inc(0.1);
      await shared.flush();
      const now = Number(await total());
      assert.ok(now >= last, `${now} after ${last}`);
      last = now;
    }
  }
  assert.equal(await here.total(), await there.total());
  assert.ok(Math.abs(last - 52.5) < 1e-9, String(last));
  assert.equal(await here.value("level"), 3, "those that have ended within retentionMs");
  assert.equal(await here.peers("ended"), 4, "instances that started have taken over the others");
  const late = await start();
  await clock.advanceSlowly(1);
  assert.equal(await late.total(), last);
  await here.shared.close();
  assert.equal(await late.total(), last);
  for (const { shared } of [there, late]) await shared.close();
});

test("an instance that was silent for long is forgotten except for its totals, and may come back", async () => {
  const { clock, here, there } = await shareTwo({ deadAfterMs: 10_000, retentionMs: 60_000 });
  here.jobs.inc(2);
  here.level.set(5);
  await here.shared.flush();
  assert.equal(await there.total(), 2);
  assert.equal(await there.value("level"), 5);
  for (const seconds of [65, 100]) {
    await clock.advanceSlowly(seconds);
    assert.equal(await there.total(), 2);
    assert.equal(await there.value("level"), 0, "its own");
  }
  here.jobs.inc(3);
  assert.equal(await here.shared.flush(), true);
  assert.equal(await here.total(), 5);
  assert.equal(await there.total(), 5);
  assert.equal(await there.value("level"), 5);
  for (const { shared } of [here, there]) await shared.close();
});

test("a registry that is shared again, as soon as it was closed, is heard", async () => {
  const backend = apart();
  for (let i = 0; i < 3; i++) {
    const here = await share(backend());
    assert.equal(await here.shared.flush(), true);
    await here.shared.close();
  }
});

test("a store that is only read is a copy too, and counts nothing", async () => {
  const backend = apart();
  const here = await share(backend());
  here.jobs.inc(2);
  await here.shared.flush();
  const reader = await share(backend(), { readOnly: true });
  reader.jobs.inc(100);
  assert.equal(await reader.total(), 2);
  await here.shared.close();
  assert.equal(await reader.total(), 2);
  await reader.shared.close();
});

test("a copy of memory that another thread writes at the same time is always of one moment", async () => {
  const worker = new Worker(new URL("../support/memory_writer.ts", import.meta.url));
  const message: MemoryMessage = await new Promise((resolve) => worker.once("message", resolve));
  const known = new KnownMemory(message, 0);
  let [last, moments] = [0, 0];
  for (let i = 0; i < 20_000 || moments < 100; i++) {
    const snapshot = await known.snapshot(() => Promise.resolve());
    const numbers = [...rowsOf(snapshot, "total")].map(({ numbers }) => numbers[0]!);
    const [first = 0] = numbers;
    assert.ok(numbers.every((number) => number === first), "all numbers are of one batch");
    assert.ok(first >= last, `${first} after ${last}`);
    if (first > last) moments++;
    last = first;
    if (i % 1000 === 0) await sleep(0);
  }
  await worker.terminate();
  const ended = await known.snapshot(() => Promise.resolve());
  const numbers = new Set([...rowsOf(ended, "total")].map(({ numbers }) => numbers[0]!));
  assert.equal(numbers.size, 1, "it was terminated in the middle of a write");
});

test("loadBackend() rejects, and names SQLite, where there is no shared memory", async () => {
  const { SharedArrayBuffer } = globalThis;
  // @ts-expect-error A runtime without it.
  globalThis.SharedArrayBuffer = undefined;
  try {
    await assert.rejects(share(apart()()), /no SharedArrayBuffer: use sqliteBackend\(\)/);
  } finally {
    globalThis.SharedArrayBuffer = SharedArrayBuffer;
  }
});

const guardClock = new ManualClock();
testGuards((name, run) => {
  test(`workers: ${name}`, () => {
    const backend = apart();
    return run({
      backend: () => ({
        name: "workers",
        async open(options) {
          const session = await backend().open(options);
          // Nobody answers.
          await guardClock.advanceSlowly(0.2);
          return session;
        },
      }),
      advance: (seconds) => guardClock.advanceSlowly(seconds),
    });
  });
}, {
  limits: false,
  clock: guardClock,
  options: { timers: guardClock, deadAfterMs: 60_000, timeoutMs: 1e8 },
});

for (const timeoutMs of [0, -1, NaN, Infinity, "1"]) {
  test(`workersBackend() refuses a timeout of ${JSON.stringify(timeoutMs)} (${timeoutMs})`, () => {
    const error = typeof timeoutMs === "number" ? RangeError : TypeError;
    // A cast: callers without types may pass anything.
    assert.throws(() => workersBackend({ timeoutMs: timeoutMs as number }), error);
  });
}
