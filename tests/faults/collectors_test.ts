import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  type Collector,
  CollectorRegistry,
  type CollectorRegistryOptions,
  Counter,
  Gauge,
  Histogram,
  MetricFamily,
  metricsHandler,
} from "../../mod.ts";
import { load, reportFault } from "../support/fault_report.ts";
import { assertHeard } from "../support/rejections.ts";

/** The number of scrapes of each collector. */
const SCRAPES = load(50, 2);
const ACCEPTS = {
  text: "text/plain",
  OpenMetrics: "application/openmetrics-text;version=1.0.0",
  protobuf:
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
};
const SCRAPE_TIMEOUT_MS = 10_000;

/** Creates a family whose name shows that it belongs to the failing collector. */
function bad(): MetricFamily {
  return new MetricFamily("bad", "B.", "gauge").addSample("bad", { a: "b" }, 1);
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable(Object.create(null), {});
  revoke();
  return proxy;
}

/** Returns an object whose properties all throw. */
function throwing(thrown: unknown): object {
  return new Proxy(Object.create(null), {
    get: () => {
      throw thrown;
    },
    has: () => {
      throw thrown;
    },
    getPrototypeOf: () => {
      throw thrown;
    },
  });
}

/** Creates a family with one invalid property. A getter throws the value instead. */
function broken(property: string, value: unknown, isGetter = false): object {
  const shape = { name: "bad", help: "B.", type: "gauge", unit: "", metrics: [] };
  return Object.defineProperty(
    shape,
    property,
    isGetter
      ? {
        get: () => {
          throw value;
        },
      }
      : { value },
  );
}

/** Creates a gauge's metric with one invalid property. */
function brokenMetric(property: string, value: unknown): object {
  return { labelNames: ["a"], labelValues: ["b"], value: 1, [property]: value };
}

const THROWN: unknown[] = [
  new Error("broken"),
  undefined,
  null,
  "text",
  7,
  Symbol("broken"),
  revoked(),
  throwing(undefined),
];

const GARBAGE: unknown[] = [
  ...[undefined, null, 0, 7, NaN, 7n, "", "bad", true, Symbol("bad"), {}, () => {}],
  ...[new Date(), /bad/, new Map([["bad", 1]]), new Uint8Array(3), Promise.resolve(bad())],
  ...[revoked(), throwing(new Error("broken")), throwing(undefined), new WeakMap(), globalThis],
  { then: 7 },
  { name: "bad" },
  { name: "bad", help: "B.", type: "gauge" },
];

/** Promises that mean no families when they are returned, but are garbage when they are yielded. */
const NO_FAMILIES: unknown[] = [Promise.resolve(null), Promise.resolve(7), Promise.resolve({})];

/** Invalid values for the properties of a family. */
const PROPERTIES: [property: string, values: unknown[]][] = [
  ["name", [undefined, "", 7, Symbol("bad"), {}, throwing(7)]],
  ["help", [undefined, 7, null, Symbol("bad")]],
  ["type", ["", "Gauge", "constructor", 7, null]],
  ["unit", [7, {}]],
  ["metrics", [undefined, null, 7, {}, [null], [7], [revoked()], [throwing(1)], [[]]]],
];

const METRICS: object[] = [
  brokenMetric("labelNames", null),
  brokenMetric("labelNames", ["a", "b"]),
  brokenMetric("labelNames", [""]),
  brokenMetric("labelNames", [7]),
  brokenMetric("labelValues", [7]),
  brokenMetric("labelValues", [Symbol("bad")]),
  brokenMetric("labelValues", [throwing(undefined)]),
  brokenMetric("value", "7"),
  brokenMetric("value", undefined),
  brokenMetric("value", 7n),
  brokenMetric("timestamp", "now"),
  brokenMetric("timestamp", 1e300),
  brokenMetric("exemplar", {}),
];

/** The faults of a collector. */
const FAULTS: [what: string, collect: () => unknown][] = [];
for (const thrown of THROWN) {
  FAULTS.push(["throws", () => {
    throw thrown;
  }]);
  FAULTS.push(["rejects", () => Promise.reject(thrown)]);
  FAULTS.push(["yields and throws", function* () {
    yield bad();
    throw thrown;
  }]);
  FAULTS.push(["yields and rejects", async function* () {
    yield await Promise.resolve(bad());
    throw thrown;
  }]);
  FAULTS.push(["yields a promise that rejects", () => [Promise.reject(thrown), bad()]]);
  FAULTS.push([
    "returns a promise of promises that reject",
    () => Promise.resolve([Promise.reject(thrown), Promise.reject(thrown)]),
  ]);
  for (const property of ["name", "help", "type", "unit", "metrics", "labelNames"]) {
    FAULTS.push([`yields a throwing ${property}`, () => [broken(property, thrown, true)]]);
  }
  FAULTS.push(["yields metrics that throw", () => [broken("metrics", {
    *[Symbol.iterator]() {
      yield brokenMetric("value", 1);
      throw thrown;
    },
  })]]);
}
for (const garbage of GARBAGE) {
  FAULTS.push(["yields garbage", () => [garbage]]);
  FAULTS.push(["yields garbage later", () => Promise.resolve([garbage])]);
}
for (const garbage of [...GARBAGE, ...NO_FAMILIES]) {
  FAULTS.push(["returns garbage", () => garbage]);
}
for (const [property, values] of PROPERTIES) {
  for (const value of values) {
    FAULTS.push([
      `yields a family whose ${property} is wrong`,
      () => [broken(property, value)],
    ]);
  }
}
for (const metric of METRICS) {
  FAULTS.push([
    "yields an invalid metric",
    () => [{ ...broken("unit", ""), metrics: [metric] }],
  ]);
}
FAULTS.push(["never ends", function* () {
  const family = bad();
  for (;;) yield family;
}]);
FAULTS.push(["never ends and never waits", async function* () {
  const family = bad();
  for (;;) yield family;
}]);

/** Creates a registry with several collectors, one of which fails. */
function build(options: CollectorRegistryOptions, collector?: Collector): CollectorRegistry {
  const registry = new CollectorRegistry(options);
  const clock = { now: () => 1000, monotonic: () => 0 };
  const common = { registry, clock };
  new Gauge("before", "B.", common).set(1);
  if (collector !== undefined) registry.register(collector);
  new Counter("between_total", "B.", common).inc(3, { trace_id: "x" });
  const histogram = new Histogram("behind", "B.", { ...common, labelNames: ["a"] });
  histogram.labels("x").observe(1);
  return registry;
}

/** Returns the families of a scrape as text, except those of the failing collector. */
function others(format: keyof typeof ACCEPTS, body: Uint8Array): string[] {
  const isOwn = (text: string) => /(?:^|[ _])(?:bad|narthex_)/m.test(text);
  const text = new TextDecoder("latin1").decode(body);
  if (format !== "protobuf") {
    return text.split(/^(?=# (?:HELP|EOF))/m).filter((part) => !isOwn(part));
  }
  const messages: string[] = [];
  for (let at = 0; at < body.length;) {
    let length = 0;
    let shift = 0;
    for (let more = true; more; shift += 7) {
      more = body[at]! > 127;
      length += (body[at++]! & 127) * 2 ** shift;
    }
    messages.push(text.slice(at, at += length));
  }
  return messages.filter((message) => !/bad|narthex_/.test(message));
}

/** Scrapes, and returns the families except those of the failing collector. */
async function scrape(
  registry: CollectorRegistry,
  format: keyof typeof ACCEPTS,
): Promise<{ status: number; families: string[]; body: string }> {
  const headers = { accept: ACCEPTS[format], "accept-encoding": "identity" };
  const handler = metricsHandler({ registry, timeoutMs: SCRAPE_TIMEOUT_MS });
  const response = await handler(new Request("http://localhost/metrics", { headers }));
  const body = new Uint8Array(await response.arrayBuffer());
  const families = others(format, body);
  return { status: response.status, families, body: new TextDecoder("latin1").decode(body) };
}

let faults = 0;
let scrapes = 0;
const REGISTRIES: [what: string, options: CollectorRegistryOptions][] = [
  ["a plain registry", {}],
  ["a registry with prefix and constant labels", { prefix: "p", constLabels: { region: "eu" } }],
];
for (const [what, options] of REGISTRIES) {
  for (const format of ["text", "OpenMetrics", "protobuf"] as const) {
    test(`failing collectors of ${what} affect only their own families, in ${format}`, () =>
      assertHeard(async () => {
        const expected = await scrape(build(options), format);
        assert.equal(expected.families.length, format === "OpenMetrics" ? 4 : 3);
        for (const [fault, collect] of FAULTS) {
          const registry = build(options, { collect } as Collector);
          let body = "";
          // Endless collectors take a long time.
          const times = fault.startsWith("never") ? 1 : SCRAPES;
          for (let i = 0; i < times; i++) {
            const actual = await scrape(registry, format);
            assert.equal(actual.status, 200, fault);
            assert.deepEqual(actual.families, expected.families, fault);
            body = actual.body;
            scrapes++;
          }
          // An error that only occurs during encoding is counted in the next scrape.
          if (!body.includes("narthex_collector_errors_total")) {
            body = (await scrape(registry, format)).body;
          }
          assert.match(body, /narthex_collector_errors_total/, fault);
          faults++;
        }
      }));
  }
}

after(() =>
  reportFault({
    fault: "a collector that throws, rejects, throws a non-error, yields garbage",
    bar: "200; every other family byte for byte; counted; no unhandled rejection",
    figure: `${faults} collectors, ${scrapes} scrapes: all of it held in each`,
  })
);
