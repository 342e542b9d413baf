import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { RUNTIMES, seriesValue, startDemo } from "../support/demo.ts";
import { waitFor } from "../support/processes.ts";
import { testWithPrograms } from "../support/programs.ts";
import { startPrometheus } from "../support/prometheus.ts";

/** Returns the cumulative buckets of one series of a histogram, in exposed order. */
function readBuckets(exposition: string, name: string, labels: string): [number, number][] {
  const start = `${name}_bucket{${labels},le="`;
  return exposition.split("\n").filter((line) => line.startsWith(start)).map((line) => {
    const [bound = "", count = ""] = line.slice(start.length).split(`"} `);
    return [Number(bound.replace("Inf", "Infinity")), Number(count)];
  });
}

/** Interpolates linearly in cumulative buckets, like `histogram_quantile` of Prometheus. */
function histogramQuantile(quantile: number, buckets: [number, number][]): number {
  const rank = quantile * (buckets.at(-1)?.[1] ?? NaN);
  let lowerBound = 0;
  let below = 0;
  for (const [upperBound, count] of buckets) {
    if (count >= rank) {
      return lowerBound + (upperBound - lowerBound) * (rank - below) / (count - below);
    }
    lowerBound = upperBound;
    below = count;
  }
  return NaN;
}

for (const runtime of RUNTIMES) {
  const title = `Prometheus reads the exposed values of the demo under ${runtime}`;
  testWithPrograms(["prometheus"], title, async (path) => {
    await using demo = await startDemo(runtime);
    await using prometheus = await startPrometheus(path, demo.address);

    assert.equal(await prometheus.waitForValue("up", (up) => up === 1), 1);

    // Only this test visits the index, so these series do not change afterwards.
    for (let visit = 0; visit < 3; visit++) await demo.page("/");
    const visits = `bakery_http_requests_total{route="/",status="200"}`;
    assert.equal(await prometheus.waitForValue(visits, (value) => value === 3), 3);
    const exposition = await demo.page("/metrics");
    assert.equal(seriesValue(exposition, visits), 3);
    const rests = [
      `bakery_http_request_duration_seconds_count{route="/"}`,
      `bakery_http_request_duration_seconds_sum{route="/"}`,
      `bakery_http_response_size_bytes_count{route="/"}`,
      `bakery_http_response_size_bytes_sum{route="/"}`,
    ];
    for (const series of rests) {
      assert.equal(await prometheus.waitForValue(series), seriesValue(exposition, series), series);
    }

    const duration = "bakery_http_request_duration_seconds";
    const buckets = readBuckets(exposition, duration, `route="/"`);
    assert.equal(buckets.length, 15);
    for (const quantile of [0.5, 0.9]) {
      const asked = await prometheus.waitForValue(
        `histogram_quantile(${quantile}, sum by (le) (${duration}_bucket{route="/"}))`,
      );
      const expected = histogramQuantile(quantile, buckets);
      assert.ok(Math.abs(asked - expected) < 1e-9, `${asked} is not ${expected}`);
    }
    // A cake takes at least a quarter of a second, a bound that even a slow machine satisfies.
    const cake = `sum by (le) (rate(${duration}_bucket{route="/cake"}[30s]))`;
    const slow = await prometheus.waitForValue(
      `histogram_quantile(0.5, ${cake})`,
      Number.isFinite,
    );
    assert.ok(slow > 0.2, `the median cake takes ${slow} s`);

    const bread = `bakery_http_requests_total{route="/bread",status="200"}`;
    const first = await prometheus.waitForValue(bread, (value) => value > 0);
    const later = await prometheus.waitForValue(bread, (value) => value > first);
    assert.ok(later <= seriesValue(await demo.page("/metrics"), bread));
    const refused = `bakery_http_requests_total{route="/order",status="503"}`;
    assert.ok(await prometheus.waitForValue(refused) > 0);
    const refusals = await prometheus.waitForValue("bakery_orders_refused_total");
    assert.ok(refusals > 0);

    const busy = "max_over_time(bakery_http_requests_in_progress[1m])";
    assert.ok(await prometheus.waitForValue(busy, (value) => value > 0) <= 10);
    assert.ok(await prometheus.waitForValue("bakery_orders_waiting") >= 0);
    assert.equal(await prometheus.waitForValue("sum(bakery_oven_state)"), 1);
    const [build] = await prometheus.query("bakery_build_info");
    assert.equal(build?.value, 1);
    assert.match(build.metric["runtime"] ?? "", new RegExp(`^${runtime}`, "i"));

    // Every line that the demo writes arrives.
    const samples = await waitFor("every sample", async () => {
      const page = await demo.page("/metrics");
      const lines = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
      const scraped = await prometheus.waitForValue("scrape_samples_scraped");
      return scraped === lines.length ? scraped : undefined;
    });
    assert.ok(samples > 50);
    const targets = await prometheus.targets();
    assert.deepEqual(targets.map(({ health, lastError }) => ({ health, lastError })), [
      { health: "up", lastError: "" },
    ]);
  });

  testWithPrograms(
    ["promtool"],
    `promtool reports nothing about the demo under ${runtime}`,
    async (promtool) => {
      await using demo = await startDemo(runtime);
      const failed = `bakery_http_requests_total{route="/order",status="503"}`;
      const exposition = await waitFor("a request that fails", async () => {
        const page = await demo.page("/metrics");
        return page.includes(failed) ? page : undefined;
      });
      const { status, stdout, stderr } = spawnSync(promtool, ["check", "metrics"], {
        input: exposition,
        encoding: "utf8",
      });
      assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
    },
  );

  test(`the demo under ${runtime} prints one line, and stops on a signal`, async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      await using demo = await startDemo(runtime);
      assert.match(await demo.page("/"), /<a href="\/metrics">/);
      assert.match(await demo.page("/nowhere"), /no such page/);
      assert.match(await demo.page("/metrics"), /^# HELP /);
      assert.equal(await demo.program.stop(signal), 0);
      assert.match(
        demo.program.output(),
        /^Narthex demo: http:\/\/localhost:\d+\/ \(metrics at \/metrics\)\n$/,
      );
    }
  });
}

test("the demo reports a port that is in use", async () => {
  await using demo = await startDemo("deno");
  const port = demo.address.split(":")[1] ?? "";
  const second = spawnSync(process.execPath, ["task", "--quiet", "demo", "--port", port], {
    encoding: "utf8",
  });
  assert.equal(second.status, 1);
  assert.equal(second.stdout, "");
  assert.match(second.stderr, /in use/i);
  assert.match(second.stderr, /--port N/);
});
