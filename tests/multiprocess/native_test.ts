import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CollectorRegistry, gather, gatherAsync, Histogram } from "../../mod.ts";
import { loadBackend, mergeFamilies } from "../../multiprocess/mod.ts";
import { MemoryStore } from "../support/memory_store.ts";
import { type PlainFamily, toPlain } from "../support/plain.ts";

const nativeHistogram = fc.record({
  bucketFactor: fc.constantFrom(1.1, 1.5, 2, 10),
  maxBuckets: fc.constantFrom(0, 2, 4),
  zeroThreshold: fc.constantFrom(0, 2 ** -128, 0.3),
  maxZeroThreshold: fc.constantFrom(0, 1, 50, 1000),
});

const observation = fc.record({
  process: fc.nat({ max: 1 }),
  value: fc.oneof(
    fc.integer({ min: -100, max: 100 }),
    fc.integer({ min: 1, max: 100 }).map((n) => n / 64),
    fc.constantFrom(0, 2 ** 40, 2 ** -10),
  ),
  flush: fc.boolean(),
});

/** The samples, and how much is in native histograms. */
function countsOf({ samples, natives }: PlainFamily) {
  return {
    samples,
    natives: natives.map(({ native: { sum, count, zeroCount, positive, negative } }) => {
      const buckets = [zeroCount, ...positive.values(), ...negative.values()];
      return { sum, count, inBuckets: buckets.reduce((sum, count) => sum + count, 0) };
    }),
  };
}

test("native histograms in the store equal the merged ones of the processes", async () => {
  const run = async (
    all: (typeof nativeHistogram extends fc.Arbitrary<infer T> ? T : never)[],
    observations: { process: number; value: number; flush: boolean }[],
  ) => {
    const store = new MemoryStore();
    const processes = await Promise.all(all.map(async (nativeHistogram) => {
      const registry = new CollectorRegistry();
      const options = { registry, nativeHistogram, buckets: [1, 10] };
      const wide = new Histogram("wide", "Wide.", options);
      const shared = await loadBackend(store.backend(), { registry, intervalMs: 1e9 });
      return { registry, wide, shared };
    }));
    for (const { process, value, flush } of observations) {
      const { wide, shared } = processes[process % processes.length]!;
      wide.observe(value);
      if (flush) assert.equal(await shared.flush(), true);
    }
    for (const { shared } of processes) await shared.flush();
    const [expected] = mergeFamilies(...processes.map(({ registry }) => gather(registry)));
    for await (const family of gatherAsync(processes[0]!.shared)) {
      if (family.name !== "wide") continue;
      const [stored, local] = [toPlain(family), toPlain(expected!)];
      assert.deepEqual(countsOf(stored), countsOf(local));
      // The store has seen finer buckets than there are now, which several processes share better.
      if (processes.length === 1) assert.deepEqual(stored.natives, local.natives);
    }
    for (const { shared } of processes) await shared.close();
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(nativeHistogram, { minLength: 1, maxLength: 2 }),
      fc.array(observation, { maxLength: 40 }),
      run,
    ),
    { numRuns: 300 },
  );
});

test("a zero threshold inside a bucket of another histogram moves to its end", () => {
  const sources = ([[0.3, [0.1, 0.4]], [0, [0.29]]] as const).map(([zeroThreshold, values]) => {
    const registry = new CollectorRegistry();
    const nativeHistogram = { bucketFactor: 2, zeroThreshold };
    const wide = new Histogram("wide", "Wide.", { registry, nativeHistogram });
    for (const value of values) wide.observe(value);
    return gather(registry);
  });
  for (const order of [sources, sources.toReversed()]) {
    const [family] = mergeFamilies(...order);
    const [{ native }] = toPlain(family!).natives as [PlainFamily["natives"][number]];
    assert.deepEqual(
      { ...native, sum: 0 },
      {
        schema: 0,
        zeroThreshold: 0.5,
        zeroCount: 3,
        positive: new Map(),
        negative: new Map(),
        sum: 0,
        count: 3,
      },
    );
  }
});
