/**
 * What limits and expiry promise for what processes share, as tests of a backend.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  CollectorRegistry,
  Counter,
  gatherAsync,
  Gauge,
  Histogram,
  type HistogramMetric,
} from "../../mod.ts";
import { type Backend, loadBackend, type LoadBackendOptions } from "../../multiprocess/mod.ts";
import { Increase } from "./increase.ts";
import { samplesAsync } from "./series.ts";

/** Defines a test that has a store: how to make another backend on it. */
export type DefineTest = (
  name: string,
  run: (
    store: { backend: () => Backend; advance: (seconds: number) => Promise<void> },
  ) => Promise<void>,
) => void;

/** Options of {@linkcode testGuards}. */
export interface TestGuardsOptions {
  /** Options of `loadBackend()`, a clock for example. */
  readonly options?: LoadBackendOptions;
  /** Whether limits hold for all processes together. @default {true} */
  readonly limits?: boolean;
  /** Options of metrics. */
  readonly clock?: { now(): number; monotonic(): number };
}

/** Sums of the increases that Prometheus sees of each series. */
class Increases {
  readonly #bySeries: Map<string, Increase> = new Map();

  see(samples: ReadonlyMap<string, number>): void {
    for (const [series, value] of samples) {
      let increase = this.#bySeries.get(series);
      if (increase === undefined) this.#bySeries.set(series, increase = new Increase());
      increase.see(value);
    }
  }

  get total(): number {
    return [...this.#bySeries.values()].reduce((sum, { total }) => sum + total, 0);
  }
}

/** Defines the tests. */
export function testGuards(define: DefineTest, given: TestGuardsOptions = {}): void {
  const options = { intervalMs: 1e9, ...given.options };
  const clock = given.clock === undefined ? {} : { clock: given.clock };
  const defineLimit: DefineTest = given.limits === false ? () => {} : define;
  /** Starts a process with a native histogram, whose series may expire. */
  const startSizes = async (backend: () => Backend, expireAfterSeconds?: number) => {
    const registry = new CollectorRegistry();
    const given = { registry, labelNames: ["tenant"], expireAfterSeconds, ...clock } as const;
    const size = new Histogram("size", "S.", { ...given, buckets: [], nativeHistogram: true });
    return { size, shared: await loadBackend(backend(), { registry, ...options }) };
  };

  defineLimit(
    "a limit holds for all processes, even after restarts, and loses no count",
    async ({ backend }) => {
      const increases = new Increases();
      let counted = 0;
      for (let run = 0; run < 4; run++) {
        const registry = new CollectorRegistry({ maxSeries: 20 });
        const hits = new Counter("hits_total", "H.", {
          registry,
          labelNames: ["tenant"],
          ...clock,
        });
        const size = new Histogram("size", "S.", {
          registry,
          labelNames: ["tenant"],
          buckets: [1],
          nativeHistogram: true,
          ...clock,
        });
        const shared = await loadBackend(backend(), { registry, ...options });
        for (let round = 0; round < 3; round++) {
          for (let i = 0; i < 30; i++) {
            hits.labels(`${run} ${i}`).inc();
            size.labels(`${run} ${i}`).observe(0.5);
            counted++;
          }
          assert.equal(await shared.flush(), true);
          const samples = await samplesAsync(shared);
          const of = (name: string) =>
            new Map([...samples].filter(([series]) => series.startsWith(`${name}{`)));
          const hitsNow = of("hits_total");
          assert.ok(hitsNow.size <= 21, `${hitsNow.size} series`);
          assert.ok(hitsNow.has('hits_total{tenant="overflow"}'));
          assert.equal(of("size_count").size, hitsNow.size);
          increases.see(hitsNow);
          const counts = [...of("size_count").values()].reduce((sum, value) => sum + value, 0);
          assert.equal(counts, counted);
        }
        await shared.close();
      }
      assert.equal(increases.total, counted);
    },
  );

  defineLimit("the largest of different limits counts", async ({ backend }) => {
    const start = async (maxSeries: number) => {
      const registry = new CollectorRegistry({ maxSeries });
      const hits = new Counter("hits_total", "H.", { registry, labelNames: ["tenant"], ...clock });
      return { hits, shared: await loadBackend(backend(), { registry, ...options }) };
    };
    const [few, many] = [await start(5), await start(15)];
    for (let i = 0; i < 20; i++) {
      few.hits.labels(`few ${i}`).inc();
      many.hits.labels(`many ${i}`).inc();
    }
    await few.shared.flush();
    await many.shared.flush();
    const samples = await samplesAsync(few.shared);
    const hits = [...samples].filter(([series]) => series.startsWith("hits_total{"));
    assert.equal(hits.length, 16);
    assert.equal(hits.reduce((sum, [, value]) => sum + value, 0), 40);
    for (const { shared } of [few, many]) await shared.close();
  });

  defineLimit(
    "a limit holds after the overflow series has expired",
    async ({ backend, advance }) => {
      const start = async () => {
        const registry = new CollectorRegistry({ maxSeries: 3 });
        const given = {
          registry,
          labelNames: ["tenant"],
          expireAfterSeconds: 10,
          ...clock,
        } as const;
        const hits = new Counter("hits_total", "H.", given);
        return { hits, shared: await loadBackend(backend(), { registry, ...options }) };
      };
      const [one, two] = [await start(), await start()];
      const keep = async () => {
        for (const tenant of ["a", "b", "c"]) one.hits.labels(tenant).inc();
        assert.equal(await one.shared.flush(), true);
      };
      for (let round = 0; round < 4; round++) {
        await keep();
        two.hits.labels(`${round % 3}`).inc();
        const tenants = [...await samplesAsync(two.shared)].filter(([series]) =>
          series.startsWith("hits_total{")
        );
        assert.deepEqual(tenants.map(([series]) => series.match(/"(.+)"/)?.[1]).toSorted(), [
          "a",
          "b",
          "c",
          "overflow",
        ]);
        assert.equal(Number(tenants.find(([series]) => series.includes("overflow"))?.[1]), 1);
        await advance(6);
        await keep();
        await advance(6);
        await keep();
      }
      for (const { shared } of [one, two]) await shared.close();
    },
  );

  defineLimit("parts of native histograms are not counted as series", async ({ backend }) => {
    const start = async (maxSeries: number) => {
      const registry = new CollectorRegistry({ maxSeries });
      const given = { registry, labelNames: ["tenant"], nativeHistogram: true, ...clock } as const;
      const size = new Histogram("size", "S.", { ...given, buckets: [] });
      return { size, shared: await loadBackend(backend(), { registry, ...options }) };
    };
    const [unlimited, limited] = [await start(Infinity), await start(5)];
    for (let i = 0; i < 10; i++) unlimited.size.labels("one").observe(2 ** i);
    assert.equal(await unlimited.shared.flush(), true);
    limited.size.labels("two").observe(1);
    assert.equal(await limited.shared.getSampleValueAsync("size_count", { tenant: "two" }), 1);
    for (const { shared } of [unlimited, limited]) await shared.close();
  });

  define(
    "gauges beyond the limit are left out, running processes last",
    async ({ backend }) => {
      const start = async (name: string, count: number) => {
        const registry = new CollectorRegistry({ maxSeries: 10 });
        const level = new Gauge("level", "L.", {
          registry,
          labelNames: ["room"],
          aggregation: "sum",
          ...clock,
        });
        for (let i = 0; i < count; i++) level.labels(`${name} ${i}`).set(1);
        const shared = await loadBackend(backend(), { registry, ...options });
        await shared.flush();
        return shared;
      };
      const old = await start("old", 8);
      await old.close();
      const young = await start("young", 7);
      const levels = [...await samplesAsync(young)].filter(([series]) =>
        series.startsWith("level{")
      );
      assert.equal(levels.length, 10);
      assert.equal(levels.filter(([series]) => series.includes("young")).length, 7);
      await young.close();
    },
  );

  define(
    "series expire in the store and start at zero when they come back",
    async ({ backend, advance }) => {
      const start = async () => {
        const registry = new CollectorRegistry();
        const given = {
          registry,
          labelNames: ["tenant"],
          expireAfterSeconds: 10,
          ...clock,
        } as const;
        const hits = new Counter("hits_total", "H.", given);
        const size = new Histogram("size", "S.", { ...given, buckets: [], nativeHistogram: true });
        return { hits, size, shared: await loadBackend(backend(), { registry, ...options }) };
      };
      const [one, two] = [await start(), await start()];
      const increases = new Increases();
      let counted = 0;
      const see = async (): Promise<number> => {
        const samples = await samplesAsync(one.shared);
        const hits = new Map([...samples].filter(([series]) => series.startsWith("hits_total{")));
        increases.see(hits);
        return hits.size;
      };
      for (let round = 0; round < 5; round++) {
        for (const { hits, size, shared } of [one, two]) {
          for (const tenant of ["always", `round ${round}`, round % 2 === 0 ? "even" : "odd"]) {
            // What comes back starts lower than it was, as Prometheus needs it to see a restart.
            hits.labels(tenant).inc(5 - round);
            size.labels(tenant).observe(1);
            counted += 5 - round;
          }
          assert.equal(await shared.flush(), true);
        }
        // What is left of the round before was not touched for six seconds.
        assert.equal(await see(), round === 0 ? 3 : 5);
        await advance(6);
      }
      assert.equal(increases.total, counted);
      await advance(20);
      await see();
      for (const { hits, size, shared } of [one, two]) {
        hits.labels("always").inc(3);
        size.labels("always").observe(1);
        await shared.flush();
        counted += 3;
      }
      assert.equal(await see(), 1);
      assert.equal(await one.shared.getSampleValueAsync("hits_total", { tenant: "always" }), 6);
      assert.equal(await one.shared.getSampleValueAsync("size_count", { tenant: "always" }), 2);
      assert.equal(increases.total, counted);
      for (const { shared } of [one, two]) await shared.close();
    },
  );

  defineLimit(
    "the parts of a histogram expire with it when processes differ in their expiry",
    async ({ backend, advance }) => {
      const [long, short] = [await startSizes(backend, 20), await startSizes(backend, 10)];
      long.size.labels("a").observe(1);
      assert.equal(await long.shared.flush(), true);
      short.size.labels("a").observe(1000);
      assert.equal(await short.shared.flush(), true);
      await advance(15);
      for await (const { name, metrics } of gatherAsync(long.shared)) {
        if (name !== "size") continue;
        // The metrics of a histogram.
        const [{ count, native }] = [...metrics] as [HistogramMetric];
        const buckets = [...native!.positive.values()];
        assert.deepEqual([count, buckets], [2, [1, 1]]);
      }
      for (const { shared } of [long, short]) await shared.close();
    },
  );

  defineLimit(
    "a process without expiry brings back an expired histogram without its parts",
    async ({ backend, advance }) => {
      const [former, next] = [await startSizes(backend, 10), await startSizes(backend)];
      // The batch that brings it back does not introduce the family.
      next.size.labels("b").observe(1);
      assert.equal(await next.shared.flush(), true);
      for (const value of [1, 1000]) former.size.labels("a").observe(value);
      assert.equal(await former.shared.flush(), true);
      await advance(15);
      next.size.labels("a").observe(1);
      assert.equal(await next.shared.getSampleValueAsync("size_count", { tenant: "a" }), 1);
      for (const { shared } of [former, next]) await shared.close();
    },
  );

  defineLimit(
    "a series does not expire while a process without expiry adds to it",
    async ({ backend, advance }) => {
      const [former, next] = [await startSizes(backend, 10), await startSizes(backend)];
      former.size.labels("a").observe(1);
      assert.equal(await former.shared.flush(), true);
      for (let expected = 2; expected < 5; expected++) {
        next.size.labels("a").observe(2);
        const count = await next.shared.getSampleValueAsync("size_count", { tenant: "a" });
        assert.equal(count, expected);
        await advance(6);
      }
      for (const { shared } of [former, next]) await shared.close();
    },
  );

  define(
    "a sum that overflows stays finite in the store and counts missing observations",
    async ({ backend }) => {
      const registry = new CollectorRegistry();
      const size = new Histogram("size", "S.", { registry, buckets: [1], ...clock });
      const shared = await loadBackend(backend(), { registry, ...options });
      size.observe(0.5);
      await shared.flush();
      for (const value of [1e308, 1e308, 1]) size.observe(value);
      await shared.flush();
      size.observe(2);
      const lacking = "narthex_nonfinite_observations_total";
      const value = (name: string, labels = {}) => shared.getSampleValueAsync(name, labels);
      assert.equal(await value("size_count"), 5);
      assert.equal(await value("size_sum"), 0.5);
      assert.equal(await value(lacking, { metric: "size" }), 4);
      await shared.close();
      // Another process adds to both.
      const other = new CollectorRegistry();
      const again = new Histogram("size", "S.", { registry: other, buckets: [1], ...clock });
      again.observe(3);
      await using second = await loadBackend(backend(), { registry: other, ...options });
      assert.equal(await second.getSampleValueAsync("size_sum"), 3.5);
      assert.equal(await second.getSampleValueAsync("size_count"), 6);
      assert.equal(await second.getSampleValueAsync(lacking, { metric: "size" }), 4);
    },
  );
}
