import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  CollectorRegistryProxy,
  gather,
  gatherAsync,
  generateMetrics,
  generateMetricsAsync,
  generateOpenMetrics,
  generateOpenMetricsAsync,
  generateProtobuf,
  generateProtobufAsync,
  MetricFamily,
  metricsHandler,
  metricsResponse,
} from "../../mod.ts";
import { lintMetricsAsync, snapshotAsync } from "../../testing.ts";

const registry = new CollectorRegistry();

/** Calls everything that takes options. */
const TAKERS: Record<string, (options: object) => unknown> = {
  CollectorRegistry: (options) => new CollectorRegistry(options),
  setRegistry: (options) =>
    new CollectorRegistryProxy().setRegistry(new CollectorRegistry(), options),
  MetricFamily: (options) => new MetricFamily("m", "M.", "gauge", options),
  addSample: (options) => new MetricFamily("m", "M.", "gauge").addSample("m", {}, 1, options),
  gather: (options) => gather(registry, options),
  gatherAsync: (options) => gatherAsync(registry, options).next(),
  generateMetrics: (options) => generateMetrics(registry, options),
  generateMetricsAsync: (options) => generateMetricsAsync(registry, options),
  generateOpenMetrics: (options) => generateOpenMetrics(registry, options),
  generateOpenMetricsAsync: (options) => generateOpenMetricsAsync(registry, options),
  generateProtobuf: (options) => generateProtobuf(registry, options),
  generateProtobufAsync: (options) => generateProtobufAsync(registry, options),
  metricsHandler: (options) => metricsHandler(options),
  metricsResponse: (options) => metricsResponse(undefined, options),
  snapshotAsync: (options) => snapshotAsync(registry, options),
  lintMetricsAsync: (options) => lintMetricsAsync(registry, options),
};

for (const [name, take] of Object.entries(TAKERS)) {
  test(`${name} names an unknown option and the known options`, async () => {
    await assert.rejects(async () => await take({ compres: false }), (error) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /^Cannot .*unknown option "compres": known options are "\w+"/);
      return true;
    });
  });

  test(`${name} ignores inherited properties of its options`, async () => {
    const inherited = [
      "compres",
      "prefix",
      "registry",
      "names",
      "unit",
      "timestamp",
      "escaping",
      "timeoutMs",
      "collectors",
    ];
    const prototype = Object.prototype as unknown as Record<string, unknown>;
    for (const key of inherited) {
      Object.defineProperty(prototype, key, { value: 7, configurable: true, enumerable: true });
    }
    try {
      await take({});
    } finally {
      for (const key of inherited) delete prototype[key];
    }
  });
}

for (const name of ["metricsHandler"]) {
  test(`${name}(registry) explains how to pass a registry`, () => {
    for (const given of [registry, new CollectorRegistryProxy()]) {
      assert.throws(() => TAKERS[name]!(given), {
        name: "TypeError",
        message: /options must be \{ registry \}, not the registry itself/,
      });
    }
  });
}

const TIMES: [options: object, what: string][] = [
  [{ timestamp: Date.now() }, "timestamp"],
  [{ timestamp: -1.7e12 }, "timestamp"],
  [{ timestamp: 1.0001e11 }, "timestamp"],
  [{ exemplar: { labels: { a: "b" }, value: 1, timestamp: Date.now() } }, "exemplar timestamp"],
];

for (const [options, what] of TIMES) {
  test(`rejects a time in milliseconds: ${JSON.stringify(options)}`, () => {
    const family = new MetricFamily("m_total", "M.", "counter");
    assert.throws(() => family.addSample("m_total", {}, 1, options), (error) => {
      assert.ok(error instanceof RangeError);
      assert.match(
        error.message,
        new RegExp(`: ${what} must be in seconds since 1970, not in mil`),
      );
      return true;
    });
    assert.deepEqual([...family.samples], []);
  });
}

test("accepts times in seconds, far in the past and in the future", () => {
  for (const timestamp of [0, -1, 1e11, -1e11, Date.now() / 1000]) {
    const family = new MetricFamily("m", "M.", "gauge").addSample("m", {}, 1, { timestamp });
    assert.equal([...family.samples][0]?.timestamp, timestamp);
  }
});

test("skips a custom collector's metric with a time in milliseconds and keeps the error", () => {
  const registry = new CollectorRegistry();
  const metric = { labelNames: [], labelValues: [], value: 1, timestamp: Date.now() };
  registry.register({
    collect: () => [new MetricFamily("m", "M.", "gauge", { metrics: [metric] })],
  });
  assert.doesNotMatch(generateMetrics(registry), /^m /m);
  assert.match(registry.lastErrors().get("m")?.message ?? "", /seconds since 1970, not in milli/);
});
