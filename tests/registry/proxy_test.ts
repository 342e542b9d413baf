import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Collector,
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  gather,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  MetricFamily,
  REGISTRY,
  type Registry,
} from "../../mod.ts";

function namesOf(registry: Registry): string[] {
  return Array.from(gather(registry), ({ name }) => name);
}

test("the default registry is a proxy that stands for a registry without a prefix", () => {
  assert.ok(REGISTRY instanceof CollectorRegistryProxy);
  assert.equal(REGISTRY.prefix, null);
  assert.ok(REGISTRY.getRegistry() instanceof CollectorRegistry);
});

test("metrics go to the default registry unless `registry` is null", () => {
  const gauge = new Gauge("proxy_test_default", "D.");
  new Gauge("proxy_test_none", "N.", { registry: null });
  assert.equal(REGISTRY.getSampleValue("proxy_test_default"), 0);
  assert.equal(REGISTRY.getSampleValue("proxy_test_none"), undefined);
  assert.match(generateMetrics(), /^proxy_test_default 0$/m);
  assert.equal(REGISTRY.unregister(gauge), true);
});

test("setRegistry() replaces the registry and moves its collectors", () => {
  const [first, second] = [new CollectorRegistry(), new CollectorRegistry({ prefix: "second" })];
  const proxy = new CollectorRegistryProxy(first);
  const early = new Counter("early_total", "E.", { registry: proxy });
  const direct = new Counter("direct_total", "D.", { registry: first });
  assert.equal(proxy.setRegistry(second), first);
  new Counter("late_total", "L.", { registry: proxy }).inc();
  early.inc(5);
  direct.inc(6);
  assert.equal(proxy.prefix, "second");
  assert.equal(proxy.getRegistry(), second);
  assert.deepEqual(namesOf(proxy), [
    "second_early_total",
    "second_direct_total",
    "second_late_total",
  ]);
  assert.equal(proxy.getSampleValue("second_early_total"), 5);
  assert.equal(proxy.getSampleValue("second_direct_total"), 6);
  assert.deepEqual(namesOf(first), []);
  assert.equal(proxy.unregister(early), true);
});

test('setRegistry() with collectors: "leave" moves nothing, and can be undone', () => {
  const first = new CollectorRegistry();
  const proxy = new CollectorRegistryProxy(first);
  new Counter("jobs_total", "Jobs.", { registry: proxy }).inc();
  const second = new CollectorRegistry();
  assert.equal(proxy.setRegistry(second, { collectors: "leave" }), first);
  assert.deepEqual(namesOf(proxy), []);
  new Counter("jobs_total", "Jobs.", { registry: proxy }).inc(7);
  assert.equal(proxy.setRegistry(first, { collectors: "leave" }), second);
  assert.equal(proxy.getSampleValue("jobs_total"), 1);
});

test("setRegistry() with the current registry does nothing", () => {
  const registry = new CollectorRegistry();
  const proxy = new CollectorRegistryProxy(registry);
  new Counter("jobs_total", "Jobs.", { registry: proxy }).inc();
  assert.equal(proxy.setRegistry(registry), registry);
  assert.equal(proxy.getSampleValue("jobs_total"), 1);
});

test("setRegistry() throws before it changes anything", () => {
  const first = new CollectorRegistry();
  const proxy = new CollectorRegistryProxy(first);
  new Counter("a_total", "A.", { registry: proxy }).inc();
  new Counter("b_total", "B.", { registry: proxy, labelNames: ["zone"] }).labels("x").inc();
  const taken = new CollectorRegistry();
  new Gauge("b_total", "Another.", { registry: taken });
  const refusals: [CollectorRegistry, string][] = [
    [taken, "DuplicateMetricError"],
    [new CollectorRegistry({ constLabels: { zone: "eu" } }), "TypeError"],
  ];
  for (const [registry, name] of refusals) {
    const before = generateMetrics(registry);
    assert.throws(() => proxy.setRegistry(registry), { name });
    assert.equal(proxy.getRegistry(), first);
    assert.equal(proxy.getSampleValue("a_total"), 1);
    assert.equal(generateMetrics(registry), before);
  }
});

test("setRegistry() throws if the new registry has the same metric, and keeps both counts", () => {
  const proxy = new CollectorRegistryProxy();
  new Counter("jobs_total", "Jobs.", { registry: proxy }).inc(5);
  const other = new CollectorRegistry();
  new Counter("jobs_total", "Jobs.", { registry: other }).inc(7);
  assert.throws(() => proxy.setRegistry(other), { name: "DuplicateMetricError" });
  assert.equal(proxy.getSampleValue("jobs_total"), 5);
  assert.equal(other.getSampleValue("jobs_total"), 7);
});

test("setRegistry() moves errors, and target info and constant labels that were set by a method", () => {
  const first = new CollectorRegistry({ targetInfo: { of: "first" } });
  const proxy = new CollectorRegistryProxy(first);
  proxy.countError("x", "error", new Error("broken"));
  proxy.setConstLabels({ zone: "eu" });
  const second = new CollectorRegistry();
  proxy.setRegistry(second);
  const labels = { collector: "x", cause: "error", zone: "eu" };
  assert.equal(proxy.getSampleValue("narthex_collector_errors_total", labels), 1);
  assert.equal(proxy.lastErrors().get("x")?.message, "broken");
  assert.equal(proxy.getTargetInfo(), null, "was set by an option");
  proxy.setTargetInfo({ of: "second" });
  const third = new CollectorRegistry({ targetInfo: { of: "third" }, constLabels: { zone: "us" } });
  third.countError("y", "async");
  proxy.setRegistry(third);
  assert.deepEqual(proxy.getTargetInfo(), { of: "third" });
  assert.deepEqual([...proxy.lastErrors().keys()], ["y"]);
  const own = { collector: "y", cause: "async", zone: "us" };
  assert.equal(proxy.getSampleValue("narthex_collector_errors_total", own), 1);
});

test("setRegistry() moves collectors from and to custom registries", () => {
  class Minimal implements Registry {
    readonly prefix = null;
    readonly collectors = new Set<Collector>();
    register(collector: Collector): void {
      if (this.collectors.size === 2) throw new Error("full");
      this.collectors.add(collector);
    }
    unregister(collector: Collector): boolean {
      return this.collectors.delete(collector);
    }
    *collect(): Generator<MetricFamily> {
      for (const collector of this.collectors) yield* collector.collect() as MetricFamily[];
    }
  }
  const proxy = new CollectorRegistryProxy(new Minimal());
  const gauges = ["a", "b"].map((name) => new Gauge(name, "", { registry: proxy }));
  const standard = new CollectorRegistry();
  proxy.setRegistry(standard);
  assert.deepEqual(namesOf(standard), ["a", "b"]);
  new Gauge("c", "", { registry: proxy });
  const small = new Minimal();
  assert.throws(() => proxy.setRegistry(small), { message: "full" });
  assert.equal(small.collectors.size, 0);
  assert.deepEqual(namesOf(proxy), ["a", "b", "c"]);
  proxy.unregister(gauges[0]!);
  proxy.setRegistry(small);
  assert.deepEqual(namesOf(small), ["b", "c"]);
  assert.deepEqual(namesOf(standard), []);
});

test("a proxy forwards every call", async () => {
  const registry = new CollectorRegistry({ prefix: "app" });
  const proxy = new CollectorRegistryProxy(registry);
  const gauge = new Gauge("g", "G.", { registry: null });
  assert.equal(proxy.register(gauge), gauge);
  assert.deepEqual([...proxy.collect()].map(({ name }) => name), ["g"]);
  proxy.setTargetInfo({ a: "1" });
  assert.deepEqual(proxy.getTargetInfo(), { a: "1" });
  assert.deepEqual(registry.getTargetInfo(), { a: "1" });
  proxy.countError("x", "error");
  assert.equal(generateMetrics(proxy), generateMetrics(registry));
  assert.equal(await generateMetricsAsync(proxy), generateMetrics(registry));
  const view = proxy.restrictedRegistry(["app_g"]);
  assert.equal(generateMetrics(view), "# HELP app_g G.\n# TYPE app_g gauge\napp_g 0\n");
  proxy.setTargetInfo(null);
  proxy.clear();
  assert.equal(generateMetrics(registry), "");
});

test("a proxy without an argument creates a registry", () => {
  const proxy = new CollectorRegistryProxy();
  new Gauge("g", "G.", { registry: proxy });
  assert.equal(proxy.getSampleValue("g"), 0);
});

test("a proxy of a minimal registry falls back on the required members", async () => {
  const families = [new MetricFamily("m", "M.", "gauge").addSample("m", { l: "v" }, 1)];
  const minimal: Registry = {
    prefix: "own",
    register() {},
    unregister() {},
    collect: () => families,
  };
  const proxy = new CollectorRegistryProxy(minimal);
  const text = '# HELP own_m M.\n# TYPE own_m gauge\nown_m{l="v"} 1\n';
  assert.equal(proxy.register(new Gauge("g", "G.", { registry: null })), undefined);
  assert.equal(generateMetrics(proxy), text);
  assert.equal(await generateMetricsAsync(proxy), text);
  assert.equal(generateMetrics(proxy.restrictedRegistry(["own_m"])), text);
  assert.equal(generateMetrics(proxy.restrictedRegistry(["m"])), "");
  assert.equal(proxy.getSampleValue("own_m", { l: "v" }), 1);
  proxy.countError("m", "error");
  for (const method of ["clear", "setTargetInfo", "getTargetInfo"] as const) {
    assert.throws(() => (proxy[method] as (argument: null) => void)(null), {
      name: "TypeError",
      message: `Cannot call ${method}(): the registry in use has no such method`,
    });
  }
});

const NOT_REGISTRIES: unknown[] = [null, "x", {}, { register() {}, unregister() {} }, new Map()];

for (const [i, registry] of NOT_REGISTRIES.entries()) {
  test(`a proxy throws if its registry is not a registry: ${i}`, () => {
    const former = new CollectorRegistry();
    const proxy = new CollectorRegistryProxy(former);
    assert.throws(() => proxy.setRegistry(registry as Registry), {
      name: "TypeError",
      message: /^Cannot set registry: a registry must have \w+\(\): received /,
    });
    assert.equal(proxy.getRegistry(), former);
    assert.throws(() => new CollectorRegistryProxy(registry as Registry), {
      message: /^Cannot create proxy: a registry must have/,
    });
  });
}

test("a proxy cannot stand for itself", () => {
  const proxy = new CollectorRegistryProxy();
  assert.throws(() => proxy.setRegistry(proxy), {
    message: "Cannot set registry: a proxy cannot stand for itself",
  });
});
