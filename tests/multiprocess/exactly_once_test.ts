import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  Gauge,
  Histogram,
  type Registry,
  Summary,
} from "../../mod.ts";
import {
  loadBackend,
  type LoadBackendOptions,
  type SharedRegistry,
} from "../../multiprocess/mod.ts";
import { ManualClock } from "../support/clock.ts";
import { type Faults, MemoryStore } from "../support/memory_store.ts";

/** No flush but those that a test asks for. */
const options = { intervalMs: 2 ** 30 } as const;

/** A process: its registry, its metrics, and how the network treats it. */
interface Process {
  readonly shared: SharedRegistry;
  readonly faults: Faults;
  readonly jobs: Counter<readonly ["queue"]>;
  readonly size: Histogram;
  readonly native: Histogram;
  readonly time: Summary;
}

async function startProcess(
  store: MemoryStore,
  faults: Faults = {},
  given: LoadBackendOptions = {},
): Promise<Process> {
  const registry = new CollectorRegistry();
  return {
    jobs: new Counter("jobs_total", "Jobs.", { registry, labelNames: ["queue"] }),
    size: new Histogram("size", "Sizes.", { registry, buckets: [1, 2, 5] }),
    native: new Histogram("wide", "Wide.", {
      registry,
      nativeHistogram: { bucketFactor: 1.1, maxBuckets: 4 },
    }),
    time: new Summary("time", "Times.", { registry, quantiles: [0.5] }),
    shared: await loadBackend(store.backend(faults), { ...options, registry, ...given }),
    faults,
  };
}

/** A sequence of answers to whether something goes wrong, then never any more. */
function outcomes(list: readonly boolean[]): () => boolean {
  let i = 0;
  return () => list[i++] ?? false;
}

const someOf = fc.array(fc.boolean(), { maxLength: 30 });

test("counts each increment once when requests and replies are lost", async () => {
  const step = fc.record({
    process: fc.nat({ max: 2 }),
    queue: fc.constantFrom("a", "b", 'c"]'),
    value: fc.nat({ max: 1000 }),
    flush: fc.boolean(),
  });
  const run = async (
    steps: { process: number; queue: string; value: number; flush: boolean }[],
    faults: { requests: boolean[]; replies: boolean[] }[],
  ) => {
    const store = new MemoryStore();
    const processes = await Promise.all(
      faults.map(({ requests, replies }) =>
        startProcess(store, { losesRequest: outcomes(requests), losesReply: outcomes(replies) })
      ),
    );
    const expected = new Map<string, number>();
    let [sum, count] = [0, 0];
    for (const { process, queue, value, flush } of steps) {
      const { jobs, size, native, time, shared } = processes[process]!;
      jobs.labels(queue).inc(value);
      for (const distribution of [size, native, time]) distribution.observe(value);
      expected.set(queue, (expected.get(queue) ?? 0) + value);
      sum += value;
      count++;
      if (flush) await shared.flush();
    }
    for (const { shared, faults } of processes) {
      faults.losesRequest = faults.losesReply = () => false;
      assert.equal(await shared.flush(), true);
    }
    const { shared } = processes[0]!;
    for (const [queue, value] of expected) {
      assert.equal(await shared.getSampleValueAsync("jobs_total", { queue }), value);
    }
    for (const name of ["size", "wide", "time"]) {
      assert.equal(await shared.getSampleValueAsync(`${name}_sum`), sum);
      assert.equal(await shared.getSampleValueAsync(`${name}_count`), count);
    }
    const small = steps.filter(({ value }) => value <= 2).length;
    assert.equal(await shared.getSampleValueAsync("size_bucket", { le: 2 }), small);
    for (const { shared } of processes) await shared.close();
  };
  const network = fc.record({ requests: someOf, replies: someOf });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.array(network, { minLength: 3, maxLength: 3 }),
      run,
    ),
    { numRuns: 100 },
  );
});

test("remove(), clear() and reset keep flushed counts, and later counts are added", async () => {
  const change = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("inc"), queue: fc.nat({ max: 2 }) }) },
    { weight: 3, arbitrary: fc.constant({ kind: "flush", queue: 0 }) },
    fc.record({ kind: fc.constant("remove"), queue: fc.nat({ max: 2 }) }),
    fc.constant({ kind: "clear", queue: 0 }),
  );
  const run = async (changes: { kind: string; queue: number }[]) => {
    const store = new MemoryStore();
    const registry = new CollectorRegistry({ constLabels: { region: "eu" } });
    let time = 0;
    const clock = { now: () => time++, monotonic: () => 0 };
    const jobs = new Counter("jobs_total", "Jobs.", { registry, clock, labelNames: ["queue"] });
    const wide = new Histogram("wide", "Wide.", {
      registry,
      clock,
      labelNames: ["queue"],
      nativeHistogram: { maxBuckets: 3, minResetDurationSeconds: 20, maxZeroThreshold: 4 },
    });
    const shared = await loadBackend(store.backend(), { ...options, registry });
    const [flushed, pending] = [[0, 0, 0], [0, 0, 0]];
    let value = 1;
    // A histogram that starts again by itself loses what was not flushed: flush at once.
    const observe = async (queue: string) => {
      wide.labels(queue).observe(value = (value * 7) % 1000);
      await shared.flush();
      for (const i of [0, 1, 2]) {
        flushed[i]! += pending[i]!;
        pending[i] = 0;
      }
    };
    let observed = 0;
    for (const { kind, queue } of changes) {
      if (kind === "inc") {
        jobs.labels(queue).inc(queue + 1);
        pending[queue]! += queue + 1;
      } else if (kind === "flush") {
        observed++;
        await observe("q");
      } else if (kind === "remove") {
        jobs.remove({ queue });
        pending[queue] = 0;
      } else {
        jobs.clear();
        wide.clear();
        pending.fill(0);
      }
    }
    await observe("q");
    observed++;
    for (const queue of [0, 1, 2]) {
      const total = await shared.getSampleValueAsync("jobs_total", { region: "eu", queue });
      assert.equal(total ?? 0, flushed[queue]);
    }
    const count = await shared.getSampleValueAsync("wide_count", { region: "eu", queue: "q" });
    assert.equal(count, observed);
    await shared.close();
  };
  await fc.assert(fc.asyncProperty(fc.array(change, { maxLength: 60 }), run), { numRuns: 150 });
});

test("a flush ends at its time limit when the store hangs, and loses nothing", async () => {
  const store = new MemoryStore();
  let hangs = false;
  const clock = new ManualClock();
  let asked = () => {};
  const hanging = new Promise<void>((resolve) => asked = resolve);
  const faults = {
    hangs: () => {
      if (hangs) asked();
      return hangs;
    },
  };
  const one = await startProcess(store, faults, { timers: clock, timeoutMs: 250 });
  one.jobs.labels("a").inc(2);
  hangs = true;
  const flushing = one.shared.flush();
  await hanging;
  clock.advance(0.25);
  assert.equal(await flushing, false);
  one.jobs.labels("a").inc(3);
  hangs = false;
  assert.equal(await one.shared.flush(), true);
  assert.equal(await one.shared.getSampleValueAsync("jobs_total", { queue: "a" }), 5);
  assert.equal(
    await one.shared.getSampleValueAsync("narthex_backend_errors_total"),
    undefined,
    "the counter has labels",
  );
  await one.shared.close();
});

test("totals start at zero and gauges are sent again after the store lost everything", async () => {
  const store = new MemoryStore();
  const registry = new CollectorRegistry();
  const jobs = new Counter("jobs_total", "Jobs.", { registry, labelNames: ["queue"] });
  const heat = new Gauge("heat", "Heat.", { registry, aggregation: "sum" });
  const wide = new Histogram("wide", "Wide.", { registry, nativeHistogram: true });
  let losesReply = false;
  const backend = store.backend({ losesReply: () => losesReply });
  const shared = await loadBackend(backend, { ...options, registry });
  jobs.labels("a").inc(10);
  jobs.labels("b").inc(1);
  heat.set(-0);
  wide.observe(3);
  await shared.flush();
  jobs.labels("a").inc(5);
  losesReply = true;
  assert.equal(await shared.flush(), false);
  losesReply = false;
  store.lose();
  jobs.labels("a").inc(2);
  wide.observe(3);
  assert.equal(await shared.flush(), true);
  assert.equal(await shared.getSampleValueAsync("jobs_total", { queue: "a" }), 7);
  assert.equal(await shared.getSampleValueAsync("jobs_total", { queue: "b" }), 0);
  assert.equal(await shared.getSampleValueAsync("wide_count"), 1);
  assert.ok(Object.is(await shared.getSampleValueAsync("heat"), -0));
  await shared.close();
});

test("a process that the store has forgotten counts nothing twice", async () => {
  const store = new MemoryStore();
  let losesReply = false;
  const one = await startProcess(store, { losesReply: () => losesReply });
  one.jobs.labels("a").inc(10);
  assert.equal(await one.shared.flush(), true);
  store.expire();
  one.jobs.labels("a").inc(5);
  assert.equal(await one.shared.flush(), true, "nothing is in doubt");
  assert.equal(await one.shared.getSampleValueAsync("jobs_total", { queue: "a" }), 15);

  one.jobs.labels("a").inc(3);
  losesReply = true;
  assert.equal(await one.shared.flush(), false);
  losesReply = false;
  store.expire();
  one.jobs.labels("a").inc(1);
  assert.equal(await one.shared.flush(), true, "an uncertain batch is not sent again");
  assert.equal(await one.shared.getSampleValueAsync("jobs_total", { queue: "a" }), 19);
  await one.shared.close();
});

test("totals start at zero when the store went back in time", async () => {
  const store = new MemoryStore();
  const one = await startProcess(store);
  one.jobs.labels("a").inc(10);
  await one.shared.flush();
  one.jobs.labels("a").inc(10);
  await one.shared.flush();
  const [instance] = store.instances.values();
  instance!.sequence--;
  one.jobs.labels("a").inc(4);
  assert.equal(await one.shared.flush(), true);
  assert.equal(await one.shared.getSampleValueAsync("jobs_total", { queue: "a" }), 4);
  await one.shared.close();
});

test("only what has changed is sent", async () => {
  const store = new MemoryStore();
  const one = await startProcess(store);
  for (let i = 0; i < 50; i++) one.jobs.labels(`${i}`).inc();
  await one.shared.flush();
  const before = store.applied;
  await one.shared.flush();
  assert.equal(store.applied, before, "nothing changed, so that nothing is sent");
  one.jobs.labels("7").inc();
  await one.shared.flush();
  assert.equal(store.applied, before + 1);
  await one.shared.close();
});

test("many gauges that are removed at once are deleted in several batches", async () => {
  const store = new MemoryStore();
  const registry = new CollectorRegistry();
  const given = { registry, labelNames: ["room"], aggregation: "sum" } as const;
  const [heat, light] = [new Gauge("heat", "H.", given), new Gauge("light", "L.", given)];
  await using shared = await loadBackend(store.backend(), { ...options, registry });
  for (const gauge of [heat, light]) for (let i = 0; i < 50; i++) gauge.labels(`${i}`).set(1);
  assert.equal(await shared.flush(), true);
  const before = store.applied;
  heat.clear();
  registry.unregister(light);
  assert.equal(await shared.flush(), true);
  // The store takes seven numbers at a time.
  assert.ok(store.applied >= before + 14, `${store.applied - before} batches`);
  for (const { rows } of store.instances.values()) assert.equal(rows.size, 0);
});

test("a store that loses everything during a flush has everything afterwards", async () => {
  const store = new MemoryStore();
  const registry = new CollectorRegistry();
  const heat = new Gauge("heat", "Heat.", { registry, labelNames: ["room"], aggregation: "sum" });
  let calls = 0;
  const losesRequest = () => {
    // A flush takes several batches.
    if (++calls === 5) store.lose();
    return false;
  };
  const shared = await loadBackend(store.backend({ losesRequest }), { ...options, registry });
  for (let room = 0; room < 100; room++) heat.labels(room).set(room);
  assert.equal(await shared.flush(), true);
  assert.ok(calls > 5);
  for (let room = 0; room < 100; room++) {
    assert.equal(await shared.getSampleValueAsync("heat", { room }), room);
  }
  await shared.close();
});

for (const constLabels of [undefined, { region: "eu" }]) {
  const labels = constLabels ?? {};
  const having = constLabels === undefined ? "" : ", with constant labels";

  test(`a counter whose function sometimes throws is counted once${having}`, async () => {
    const registry = new CollectorRegistry({ constLabels });
    const shared = await loadBackend(new MemoryStore().backend(), { ...options, registry });
    let value = 5;
    const jobs = new Counter("jobs_total", "Jobs.", { registry });
    jobs.setFunction(() => value);
    await shared.flush();
    value = NaN;
    await shared.flush();
    value = 7;
    assert.equal(await shared.getSampleValueAsync("jobs_total", labels), 7);
    await shared.close();
  });

  test(`a metric that is registered again continues from its former value${having}`, async () => {
    const registry = new CollectorRegistry({ constLabels });
    const shared = await loadBackend(new MemoryStore().backend(), { ...options, registry });
    const jobs = new Counter("jobs_total", "Jobs.", { registry, labelNames: ["queue"] });
    const wide = new Histogram("wide", "Wide.", { registry, nativeHistogram: {} });
    jobs.labels("a").inc(2);
    wide.observe(2);
    await shared.flush();
    registry.clear();
    await shared.flush();
    for (const metric of [jobs, wide]) registry.register(metric);
    jobs.labels("a").inc(1);
    wide.observe(3);
    const read = { queue: "a", ...labels };
    assert.equal(await shared.getSampleValueAsync("jobs_total", read), 3);
    assert.equal(await shared.getSampleValueAsync("wide_sum", labels), 5);
    assert.equal(await shared.getSampleValueAsync("wide_count", labels), 2);
    await shared.close();
  });
}

test("a metric under two sets of constant labels has two series", async () => {
  const inner = ["a", "b"].map((side) => new CollectorRegistry({ constLabels: { side } }));
  const jobs = new Counter("jobs_total", "Jobs.", { registry: null });
  for (const registry of inner) registry.register(jobs);
  const registry: Registry = {
    prefix: null,
    register: () => {},
    unregister: () => {},
    collect: () => inner.flatMap((one) => [...one.collect()]),
  };
  const shared = await loadBackend(new MemoryStore().backend(), { ...options, registry });
  for (let count = 1; count < 4; count++) {
    jobs.inc();
    for (const side of ["a", "b"]) {
      assert.equal(await shared.getSampleValueAsync("jobs_total", { side }), count);
    }
  }
  await shared.close();
});

test("a registry that is loaded again after close() continues in the same store", async () => {
  const store = new MemoryStore();
  const registry = new CollectorRegistry();
  const jobs = new Counter("jobs_total", "Jobs.", { registry });
  const heat = new Gauge("heat", "Heat.", { registry, aggregation: "livesum" });
  heat.set(20);
  let losesReply = () => false;
  const faults: Faults = { losesReply: () => losesReply() };
  for (let life = 1; life <= 3; life++) {
    jobs.inc();
    const shared = await loadBackend(store.backend(faults), { ...options, registry });
    assert.equal(await shared.getSampleValueAsync("jobs_total"), life);
    assert.equal(await shared.getSampleValueAsync("heat"), 20);
    jobs.inc(0);
    await shared.close();
  }
  // A batch is applied, and its reply is lost, when the process leaves the store.
  const last = await loadBackend(store.backend(faults), { ...options, registry });
  await last.flush();
  jobs.inc(4);
  losesReply = () => true;
  await last.close();
  losesReply = () => false;
  const again = await loadBackend(store.backend(faults), { ...options, registry });
  jobs.inc(8);
  assert.equal(await again.getSampleValueAsync("jobs_total"), 15);
  await again.close();
  // Another store has all of it.
  store.lose();
  const other = await loadBackend(store.backend(faults), { ...options, registry });
  assert.equal(await other.getSampleValueAsync("jobs_total"), 15);
  await other.close();
});

test("a backend that is loaded again replaces the first one and counts nothing twice", async () => {
  const store = new MemoryStore();
  const registry = new CollectorRegistry();
  const proxy = new CollectorRegistryProxy(registry);
  const jobs = new Counter("jobs_total", "Jobs.", { registry: proxy });
  const load = (registry: Registry) => loadBackend(store.backend(), { ...options, registry });
  jobs.inc();
  const first = await load(proxy);
  await first.flush();
  jobs.inc();
  // By the proxy, by the registry behind, and by the shared registry itself; two at the same time.
  const others = await Promise.all([load(proxy), load(registry)]);
  const last = await load(proxy.getRegistry());
  for (const former of [first, ...others]) {
    assert.equal(await former.flush(), false, "it is closed");
  }
  jobs.inc();
  assert.equal(proxy.getRegistry(), last);
  assert.equal(await last.getSampleValueAsync("jobs_total"), 3);
  const failing = { name: "none", open: () => Promise.reject(new Error("none")) };
  await assert.rejects(loadBackend(failing, { ...options, registry: proxy }), /^Error: none$/);
  assert.equal(proxy.getRegistry(), last, "the first one stays if the second one cannot be opened");
  assert.equal(await last.flush(), true);
  await last.close();
  assert.equal(proxy.getRegistry(), registry);
});

test("counts continue when the shared registry is exchanged", async () => {
  const store = new MemoryStore();
  const proxy = new CollectorRegistryProxy();
  const jobs = new Counter("jobs_total", "Jobs.", { registry: proxy });
  jobs.inc(2);
  const shared = await loadBackend(store.backend(), { ...options, registry: proxy });
  await shared.flush();
  const former = proxy.setRegistry(new CollectorRegistry());
  assert.equal(proxy.getRegistry(), shared);
  assert.notEqual(shared.getInner(), former);
  jobs.inc();
  assert.equal(await shared.getSampleValueAsync("jobs_total"), 3);
  new Counter("late_total", "L.", { registry: proxy }).inc();
  assert.equal(await shared.getSampleValueAsync("late_total"), 1);
  const other = await loadBackend(store.backend(), { ...options, registry: former });
  assert.throws(
    () => shared.setInner(former),
    /^TypeError: Cannot set registry: it is shared already$/,
  );
  await other.close();
  await shared.close();
  assert.equal(proxy.getRegistry(), shared.getInner());
  const again = await loadBackend(store.backend(), { ...options, registry: proxy });
  jobs.inc();
  assert.equal(await again.getSampleValueAsync("jobs_total"), 4);
  await again.close();
});

test("a registry that was in several stores continues in each of them", async () => {
  const [one, two] = [new MemoryStore("one"), new MemoryStore("two")];
  const registry = new CollectorRegistry();
  const jobs = new Counter("jobs_total", "Jobs.", { registry });
  let count = 0;
  for (const store of [one, two, one, two]) {
    jobs.inc();
    count++;
    const shared = await loadBackend(store.backend(), { ...options, registry });
    assert.equal(await shared.getSampleValueAsync("jobs_total"), count);
    await shared.close();
  }
});
