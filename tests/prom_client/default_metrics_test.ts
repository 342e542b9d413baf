import official from "@prometheus-io/client";
import assert from "node:assert/strict";
import { test } from "node:test";
import { SampledDelay } from "../../prom_client/default_metrics/event_loop.ts";
import client from "../../prom_client/mod.ts";
import { ManualClock } from "../support/clock.ts";

/** Returns the parts that dashboards and other processes rely on. */
function describe(metrics: unknown[]): unknown[] {
  return (metrics as Record<string, unknown>[]).map((
    { name, help, type, aggregator, labelNames },
  ) => ({
    name,
    help,
    type,
    aggregator,
    labelNames,
  }));
}

for (const config of [{}, { prefix: "app_", labels: { host: "h" } }]) {
  test(`the default metrics equal those of the official client: ${JSON.stringify(config)}`, async () => {
    const theirs = new official.Registry();
    const ours = new client.Registry();
    official.collectDefaultMetrics({ ...config, register: theirs });
    client.collectDefaultMetrics({ ...config, register: ours });
    assert.deepEqual(describe(ours.getMetricsAsArray()), describe(theirs.getMetricsAsArray()));
    const [expected, actual] = [await theirs.metrics(), await ours.metrics()];
    // Both have the same series, except for those that appear by chance.
    const seriesOf = (text: string): string[] =>
      text.split("\n")
        .filter((line) => !/^#|gc_|active_|utilization|^$/.test(line))
        .map((line) => line.replace(/ \S+$/, ""));
    assert.deepEqual(seriesOf(actual), seriesOf(expected));
  });
}

test("values of the default metrics are plausible", async () => {
  const registry = new client.Registry();
  client.collectDefaultMetrics({ register: registry });
  await registry.metrics();
  const valueOf = async (name: string): Promise<number> => {
    const text = await registry.getSingleMetricAsString(name);
    return Number(/ (\S+)$/.exec(text)![1]);
  };
  assert.ok(await valueOf("process_resident_memory_bytes") > 1e6);
  assert.ok(await valueOf("nodejs_heap_size_used_bytes") > 1e5);
  const started = await valueOf("process_start_time_seconds");
  assert.ok(started > 1.6e9 && started <= Date.now() / 1000 + 1);
  assert.ok(await valueOf("process_cpu_seconds_total") >= 0);
});

test("collectDefaultMetrics() throws the errors of the official client", () => {
  const register = new client.Registry();
  client.collectDefaultMetrics({ register });
  assert.throws(() => client.collectDefaultMetrics({ register }), {
    message: "A metric with the name process_cpu_user_seconds_total has already been registered.",
  });
  // @ts-expect-error It is not an object.
  assert.throws(() => client.collectDefaultMetrics("x"), {
    name: "TypeError",
    message: "config must be null, undefined, or an object",
  });
});

test("the delay of the event loop is sampled until it is reset", () => {
  const clock = new ManualClock();
  const delay = new SampledDelay(10, clock);
  for (const nanoseconds of [1e6, 2e6, 3e6]) delay.observe(nanoseconds);
  assert.equal(delay.min, 1e6);
  assert.equal(delay.max, 3e6);
  assert.equal(delay.mean, 2e6);
  assert.equal(Math.round(delay.stddev), Math.round(Math.sqrt(2 / 3) * 1e6));
  assert.ok(Math.abs(delay.percentile(50) - 2e6) < 4e4);
  delay.reset();
  assert.equal(delay.max, 0);
});
