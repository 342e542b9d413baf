import official from "@prometheus-io/client";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import {
  CollectorRegistry,
  Counter as NativeCounter,
  generateMetrics,
  generateMetricsAsync,
  generateOpenMetrics,
  metricsHandler,
  REGISTRY,
} from "../../mod.ts";
import client, { fromPromClient } from "../../prom_client/mod.ts";
import { copyLibrary } from "../support/library_copy.ts";

afterEach(() => {
  client.register.clear();
  client.register.setContentType(client.prometheusContentType);
  REGISTRY.setRegistry(new CollectorRegistry(), { collectors: "leave" });
});

async function scrape(accept = "text/plain"): Promise<string> {
  const request = new Request("http://localhost/metrics", { headers: { accept } });
  return await (await metricsHandler()(request)).text();
}

test("native and drop-in metrics appear in both registries, in the order of registration", async () => {
  new NativeCounter("native_total", "N.", { labelNames: ["a"] }).labels("x").inc(2);
  new client.Gauge({ name: "jobs", help: "J.", labelNames: ["queue"] }).set({ queue: "mail" }, 3);
  const text = "# HELP native_total N.\n# TYPE native_total counter\n" +
    'native_total{a="x"} 2\n# HELP jobs J.\n# TYPE jobs gauge\njobs{queue="mail"} 3\n';
  assert.equal(await scrape(), text);
  assert.equal(generateMetrics(), text);
  assert.equal(await client.register.metrics(), text.replace("\n# HELP jobs", "\n\n# HELP jobs"));
  const json = await client.register.getMetricsAsJSON();
  assert.deepEqual(json.map(({ name }) => name).sort(), ["jobs", "native_total"]);
});

test("gauge jobs and counter jobs_total can coexist, native or not", async () => {
  new client.Gauge({ name: "jobs", help: "J." }).set(1);
  new client.Counter({ name: "jobs_total", help: "J." }).inc(2);
  new NativeCounter("done_total", "D.").inc(3);
  new client.Gauge({ name: "done", help: "D." }).set(4);
  const text = await client.register.metrics();
  for (const line of ["jobs 1", "jobs_total 2", "done_total 3", "done 4"]) {
    assert.ok(text.includes(`\n${line}\n`), line);
  }
  assert.match(generateOpenMetrics(), /^# TYPE jobs_total unknown$/m);
});

test("a duplicate name throws the message of the official client, for native metrics too", () => {
  new client.Gauge({ name: "g", help: "G." });
  new NativeCounter("n_total", "N.");
  for (const name of ["g", "n_total"]) {
    assert.throws(() => new client.Counter({ name, help: "H." }), {
      name: "Error",
      message: `A metric with the name ${name} has already been registered.`,
    });
  }
});

test("late default labels are on every family in every format, and a metric's labels win", async () => {
  new NativeCounter("native_total", "N.", { labelNames: ["host"] }).labels("own").inc();
  new client.Gauge({ name: "g", help: "G.", labelNames: ["b"] }).set({ b: "1" }, 2);
  const histogram = new client.Histogram({
    name: "h",
    help: "H.",
    labelNames: ["b"],
    buckets: [1],
  });
  histogram.observe({ b: "1" }, 1);
  client.register.setDefaultLabels({ host: "h1", zone: 2 });
  const dropIn = await client.register.metrics();
  for (
    const line of [
      'native_total{host="own",zone="2"} 1',
      'g{b="1",host="h1",zone="2"} 2',
      'h_bucket{le="1",host="h1",zone="2",b="1"} 1',
      'h_sum{host="h1",zone="2",b="1"} 1',
    ]
  ) assert.ok(dropIn.includes(`\n${line}\n`), `${line}\n${dropIn}`);
  for (
    const line of [
      'native_total{host="own",zone="2"} 1',
      'g{b="1",host="h1",zone="2"} 2',
      'h_sum{b="1",host="h1",zone="2"} 1',
    ]
  ) {
    assert.ok((await scrape()).includes(`\n${line}\n`), line);
    assert.ok((await scrape("application/openmetrics-text")).includes(`\n${line}\n`), line);
  }
  assert.equal(REGISTRY.getSampleValue("g", { b: "1", host: "h1", zone: "2" }), 2);
  client.register.setDefaultLabels({});
  assert.match(generateMetrics(), /^g\{b="1"\} 2$/m);
});

test("setRegistry() moves default labels", () => {
  new client.Gauge({ name: "g", help: "G." }).set(2);
  client.register.setDefaultLabels({ host: "h1" });
  REGISTRY.setRegistry(new CollectorRegistry({ prefix: "app" }));
  assert.equal(REGISTRY.getSampleValue("app_g", { host: "h1" }), 2);
});

test("clear() and resetMetrics() keep native metrics and their values", async () => {
  const native = new NativeCounter("native_total", "N.");
  native.inc(5);
  const gauge = new client.Gauge({ name: "g", help: "G." });
  gauge.set(2);
  client.register.resetMetrics();
  assert.match(generateMetrics(), /^native_total 5\n(?:.*\n)*g 0$/m);
  client.register.clear();
  assert.equal(
    generateMetrics(),
    "# HELP native_total N.\n# TYPE native_total counter\nnative_total 5\n",
  );
  assert.equal(client.register.getSingleMetric("g"), undefined);
  gauge.set(3);
  client.register.registerMetric(gauge);
  assert.equal(client.register.getSingleMetric("g"), gauge);
  assert.match(await client.register.metrics(), /^g 3$/m);
});

test("clear can be overwritten", () => {
  const { clear } = client.register;
  let calls = 0;
  client.register.clear = () => {
    calls++;
  };
  client.register.clear();
  assert.equal(calls, 1);
  client.register.clear = clear;
});

test("register.metrics() rejects when collect() fails, and metricsHandler() omits only that metric", async () => {
  new client.Gauge({ name: "good", help: "G." }).set(1);
  new client.Gauge({
    name: "bad",
    help: "B.",
    collect() {
      throw new Error("no answer");
    },
  });
  new client.Gauge({
    name: "late",
    help: "L.",
    collect: () => Promise.reject(new Error("no answer either")),
  });
  await assert.rejects(client.register.metrics(), { message: "no answer" });
  const text = await scrape();
  assert.match(text, /^good 1$/m);
  assert.doesNotMatch(text, /^# TYPE bad/m);
  assert.match(text, /^narthex_collector_errors_total\{collector="bad",cause="error"\} 1$/m);
  assert.match(text, /^narthex_collector_errors_total\{collector="late",cause="error"\} 1$/m);
});

test("collect() is called once per read, with the metric as this", async () => {
  const seen: unknown[] = [];
  const gauge: unknown = new client.Gauge({
    name: "g",
    help: "G.",
    async collect() {
      await Promise.resolve();
      seen.push(this);
      this.set(seen.length);
    },
  });
  assert.match(await client.register.metrics(), /^g 1$/m);
  assert.match(await scrape(), /^g 2$/m);
  assert.match(await generateMetricsAsync(), /^g 3$/m);
  const [json] = await client.register.getMetricsAsJSON();
  assert.deepEqual(json!.values, [{ value: 4, labels: {} }]);
  assert.deepEqual(seen, [gauge, gauge, gauge, gauge]);
});

test("several copies of this package share one registry", async () => {
  const folder = await copyLibrary();
  type Copy = typeof import("../../prom_client/mod.ts");
  const copy: Copy = await import(new URL("prom_client/mod.ts", folder.url).href);
  await folder[Symbol.asyncDispose]();
  assert.notEqual(copy.Gauge, client.Gauge);
  const theirs = new copy.Gauge({ name: "theirs", help: "T.", labelNames: ["b", "a"] });
  theirs.set({ a: "1", b: "2" }, 3);
  new client.Gauge({ name: "ours", help: "O." }).set(4);
  copy.register.setDefaultLabels({ host: "h" });
  assert.equal(client.register.getSingleMetric("theirs"), theirs as unknown);
  const text = await client.register.metrics();
  assert.match(text, /^theirs\{a="1",b="2",host="h"\} 3$/m);
  assert.match(text, /^ours\{host="h"\} 4$/m);
  assert.equal(await copy.register.metrics(), text);
  assert.throws(() => new copy.Gauge({ name: "ours", help: "O." }), /already been registered/);
});

test("metrics of the official client can be registered", async () => {
  const theirs = new official.Histogram({
    name: "h",
    help: "H.",
    buckets: [1],
    labelNames: ["a"],
    registers: [],
  });
  theirs.observe({ a: "x" }, 0.5);
  client.register.registerMetric(theirs as unknown as InstanceType<typeof client.Histogram>);
  const text = await client.register.metrics();
  assert.equal(
    text,
    '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1",a="x"} 1\n' +
      'h_bucket{le="+Inf",a="x"} 1\nh_sum{a="x"} 0.5\nh_count{a="x"} 1\n',
  );
  assert.match(await scrape(), /^h_bucket\{a="x",le="1"\} 1$/m);
});

test("metrics of this package can be registered with the official client", async () => {
  const registry = new official.Registry();
  const ours = new client.Counter({
    name: "c_total",
    help: "C.",
    labelNames: ["a"],
    registers: [],
  });
  ours.inc({ a: "x" }, 2);
  registry.registerMetric(ours as unknown as InstanceType<typeof official.Counter>);
  assert.equal(
    await registry.metrics(),
    '# HELP c_total C.\n# TYPE c_total counter\nc_total{a="x"} 2\n',
  );
});

test("fromPromClient() adds the metrics of the official client to any registry", async () => {
  const theirs = new official.Registry();
  const options = { help: "H.", labelNames: ["a"], registers: [theirs] };
  new official.Counter({ name: "c_total", ...options }).inc({ a: "x" });
  new official.Histogram({ name: "h", buckets: [1], ...options }).observe({ a: "x" }, 2);
  new official.Summary({ name: "s", percentiles: [0.5], ...options }).observe({ a: "x" }, 2);
  const registry = new CollectorRegistry();
  registry.register(fromPromClient(theirs));
  assert.equal(
    await generateMetricsAsync(registry),
    '# HELP c_total H.\n# TYPE c_total counter\nc_total{a="x"} 1\n' +
      '# HELP h H.\n# TYPE h histogram\nh_bucket{a="x",le="1"} 0\nh_bucket{a="x",le="+Inf"} 1\n' +
      'h_sum{a="x"} 2\nh_count{a="x"} 1\n' +
      '# HELP s H.\n# TYPE s summary\ns{a="x",quantile="0.5"} 2\ns_sum{a="x"} 2\ns_count{a="x"} 1\n',
  );
});

test("aggregate() and merge() behave like those of the official client", async () => {
  for (const aggregator of ["sum", "first", "omit", "average", "min", "max"] as const) {
    const texts: string[] = [];
    for (const library of [official, client]) {
      // Both have the same members, but their types differ in private ones.
      const { Registry, Gauge, Histogram } = library as typeof client;
      const processes = [1, 2, 3].map((number) => {
        const registry = new Registry();
        const options = { help: "H.", labelNames: ["a"], registers: [registry], aggregator };
        new Gauge({ name: "g", ...options }).set({ a: number % 2 }, number);
        new Histogram({ name: "h", buckets: [2], ...options }).observe({ a: "x" }, number);
        return registry;
      });
      const json = await Promise.all(processes.map((registry) => registry.getMetricsAsJSON()));
      texts.push(await Registry.aggregate(json).metrics());
      assert.throws(() => Registry.merge(processes), /already been registered/);
      const merged = Registry.merge([processes[0]!]);
      assert.equal(await merged.metrics(), await processes[0]!.metrics());
    }
    const lines = texts.map((text) => text.trim().split("\n").sort());
    assert.deepEqual(lines[1], lines[0], aggregator);
  }
  assert.throws(() => client.Registry.aggregate([[{ name: "x", aggregator: "no", values: [] }]]), {
    message: "'no' is not a defined aggregator.",
  });
});
