import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  MetricFamily,
  REGISTRY,
  type Registry,
} from "../../mod.ts";

test("the default registry is a proxy that stands for a registry without a prefix", () => {
  assert.ok(REGISTRY instanceof CollectorRegistryProxy);
  assert.equal(REGISTRY.prefix, null);
  assert.ok(REGISTRY.getRegistry() instanceof CollectorRegistry);
});

test("metrics that are given no registry go to the default one, null means none", () => {
  const gauge = new Gauge("proxy_test_default", "D.");
  new Gauge("proxy_test_none", "N.", { registry: null });
  assert.equal(REGISTRY.getSampleValue("proxy_test_default"), 0);
  assert.equal(REGISTRY.getSampleValue("proxy_test_none"), undefined);
  assert.match(generateMetrics(), /^proxy_test_default 0$/m);
  assert.equal(REGISTRY.unregister(gauge), true);
});

test("setRegistry() exchanges the registry; what was registered before stays where it was", () => {
  const [first, second] = [new CollectorRegistry(), new CollectorRegistry({ prefix: "second" })];
  const proxy = new CollectorRegistryProxy(first);
  const early = new Counter("early_total", "E.", { registry: proxy });
  proxy.setRegistry(second);
  new Counter("late_total", "L.", { registry: proxy }).inc();
  early.inc(5);
  assert.equal(proxy.prefix, "second");
  assert.equal(proxy.getRegistry(), second);
  assert.equal(proxy.getSampleValue("second_late_total"), 1);
  assert.equal(proxy.getSampleValue("second_early_total"), undefined);
  assert.equal(first.getSampleValue("early_total"), 5);
  assert.equal(proxy.unregister(early), false);
});

test("a proxy hands on everything", async () => {
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

test("a proxy that is given nothing makes a registry", () => {
  const proxy = new CollectorRegistryProxy();
  new Gauge("g", "G.", { registry: proxy });
  assert.equal(proxy.getSampleValue("g"), 0);
});

test("a proxy falls back on what the protocol asks for", async () => {
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
  test(`a proxy stands for no thing that is no registry: ${i}`, () => {
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
