import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Collector,
  CollectorRegistry,
  Counter,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  MetricFamily,
  metricsResponse,
} from "../../mod.ts";
import { ManualClock, until } from "../support/clock.ts";
import { assertHeard } from "../support/rejections.ts";

const gauge = (name: string) => new MetricFamily(name, "G.", "gauge").addSample(name, {}, 1);

function fail(): never {
  throw new Error("no connection");
}

class Database {
  collect(): never {
    fail();
  }
}

class Cache extends Database {}

class Statics {
  static collect(): never {
    fail();
  }
}

const named = (name: unknown): Collector => ({ name, collect: fail } as Collector);

/** Failing collectors, and the names under which their errors are counted. */
const NAMES: readonly (readonly [what: string, make: () => Collector, name: string])[] = [
  ["of a class", () => new Database(), "Database"],
  ["of a subclass", () => new Cache(), "Cache"],
  ["that is a class itself", () => Statics, "Statics"],
  ["of an anonymous class", () =>
    new (class {
      collect = fail;
    })(), "anonymous"],
  ["that is an anonymous class itself", () => {
    return [
      class {
        static collect = fail;
      },
    ][0]!;
  }, "anonymous"],
  ["that is a function", () => Object.assign(function pool() {}, { collect: fail }), "pool"],
  ["that is an object", () => ({ collect: fail }), "anonymous"],
  ["without a prototype", () => Object.assign(Object.create(null), { collect: fail }), "anonymous"],
  ["with a name", () => named("pool"), "pool"],
  ["with an empty name", () => named(""), "anonymous"],
  ["with a name that is not a string", () => named(7), "anonymous"],
  ["with a very long name", () => named("n".repeat(1000)), "n".repeat(200)],
  ["with a name that is not well-formed", () => named("a\ud800"), "a\ufffd"],
  ["with a getter that throws", () => ({
    get name() {
      return fail();
    },
    collect: fail,
  }), "anonymous"],
  ["with a description", () => ({
    describe: () => [gauge("pool_size"), gauge("pool_wait")],
    collect: fail,
  }), "pool_size"],
  ["with a name and a description", () => ({
    name: "pool",
    describe: () => [gauge("pool_size")],
    collect: fail,
  } as Collector), "pool"],
  [
    "with an empty description",
    () => Object.assign(new Database(), { describe: () => [] }),
    "Database",
  ],
  [
    "with a constructor without a name",
    () => ({ constructor: {}, collect: fail } as unknown as Collector),
    "anonymous",
  ],
];

for (const [what, make, name] of NAMES) {
  test(`a collector ${what} is counted as ${name.slice(0, 20)}`, () => {
    const registry = new CollectorRegistry();
    registry.register(make());
    generateMetrics(registry);
    assert.deepEqual([...registry.lastErrors().keys()], [name]);
    assert.equal(registry.lastErrors().get(name)!.message, "no connection");
    const labels = { collector: name, cause: "error" };
    assert.equal(registry.getSampleValue("narthex_collector_errors_total", labels), 2);
  });
}

test("a collector is named after the first family of its last successful read", () => {
  const registry = new CollectorRegistry();
  let isBroken = false;
  registry.register({
    collect: () => isBroken ? fail() : [gauge("pool_size"), gauge("pool_wait")],
  });
  generateMetrics(registry);
  isBroken = true;
  generateMetrics(registry);
  assert.deepEqual([...registry.lastErrors().keys()], ["pool_size"]);
});

test("later collectors of the same name get numbers, which are free again after unregister()", () => {
  const registry = new CollectorRegistry();
  const all = [new Database(), new Database(), new Database()];
  for (const collector of all) registry.register(collector);
  generateMetrics(registry);
  assert.deepEqual([...registry.lastErrors().keys()], ["Database", "Database#2", "Database#3"]);
  registry.unregister(all[1]!);
  registry.register(new Database());
  generateMetrics(registry);
  assert.deepEqual([...registry.lastErrors().keys()], ["Database", "Database#2", "Database#3"]);
  // Each collector keeps its number from its first error on.
  const count = (collector: string) =>
    registry.getSampleValue("narthex_collector_errors_total", { collector, cause: "error" });
  assert.deepEqual(["Database", "Database#2", "Database#3"].map(count), [3, 4, 5]);
});

test("lastErrors() has one error for a metric's function that throws", () => {
  const registry = new CollectorRegistry({ prefix: "app" });
  new Gauge("load", "L.", { registry, labelNames: ["cpu"] }).labels("0").setFunction(fail);
  generateMetrics(registry);
  assert.equal(registry.lastErrors().size, 1);
  assert.equal([...registry.lastErrors().values()][0]!.message, "no connection");
});

/** Returns a registry with a failing collector, and the calls of its `onError`. */
function failing(collect: Collector["collect"], clock = new ManualClock()) {
  const told: { error: unknown; about: { collector: string; cause: string } }[] = [];
  const registry = new CollectorRegistry({
    clock,
    onError: (error, about) => told.push({ error, about }),
  });
  registry.register({ name: "pool", collect } as Collector);
  new Counter("hits_total", "Hits.", { registry }).inc();
  return { registry, told, clock };
}

test("onError gets the thrown value, the collector and the cause", async () => {
  const error = new Error("no connection");
  const { registry, told } = failing(() => {
    throw error;
  });
  generateMetrics(registry);
  await generateMetricsAsync(registry);
  const about = { collector: "pool", cause: "error" };
  assert.deepEqual(told, [{ error, about }, { error, about }]);
  assert.equal(told[0]!.error, error);
});

test("onError gets a rejection once, even if several reads waited for it", async () => {
  const error = new Error("no connection");
  const { promise, reject } = Promise.withResolvers<MetricFamily[]>();
  const { registry, told } = failing(() => promise);
  const reads = [generateMetricsAsync(registry), generateMetricsAsync(registry)];
  reject(error);
  for (const text of await Promise.all(reads)) assert.match(text, /^hits_total 1$/m);
  assert.deepEqual(told, [{ error, about: { collector: "pool", cause: "error" } }]);
});

test("onError gets a timeout", async () => {
  const { registry, told, clock } = failing(() => new Promise(() => {}));
  const read = generateMetricsAsync(registry, { timeoutMs: 1000 });
  await until("the read waits", () => clock.timers > 0);
  await clock.advanceSlowly(2);
  assert.match(await read, /^hits_total 1$/m);
  assert.deepEqual(told.map(({ about }) => about), [{ collector: "pool", cause: "timeout" }]);
  assert.equal((told[0]!.error as Error).name, "TimeoutError");
});

test("onError gets an error for each other cause", () => {
  const { registry, told } = failing(() => [
    gauge("a"),
    gauge("a"),
    new MetricFamily("a", "A.", "counter").addSample("a", {}, 1),
    { name: "b" } as MetricFamily,
  ]);
  registry.register({ name: "later", collect: () => Promise.resolve([]) } as Collector);
  generateMetrics(registry);
  assert.deepEqual(told.map(({ about: { cause } }) => cause).sort(), [
    "async",
    "conflict",
    "duplicate",
    "invalid",
  ]);
  for (const { error } of told) assert.ok(error instanceof TypeError, String(error));
});

for (
  const [what, onError] of [
    ["throws", () => fail()],
    ["rejects", () => Promise.reject(new Error("no log"))],
    ["returns a thenable that throws", () => ({ then: fail })],
    ["reads the registry", () => generateMetrics(_current)],
  ] as const
) {
  test(`an onError that ${what} changes nothing`, () =>
    assertHeard(async () => {
      const registry = new CollectorRegistry({ onError });
      _current = registry;
      registry.register(new Database());
      new Counter("hits_total", "Hits.", { registry }).inc();
      assert.match(generateMetrics(registry), /^hits_total 1$/m);
      assert.match(await generateMetricsAsync(registry), /^hits_total 1$/m);
      assert.match(generateMetrics(registry), /\{collector="Database",cause="error"\} \d+$/m);
    }));
}

let _current: CollectorRegistry;

test("lastErrors() has the time, the cause and a short message of the last error", () => {
  const clock = new ManualClock(1_700_000_000);
  let error: unknown = new Error("first");
  const { registry } = failing(() => {
    throw error;
  }, clock);
  const last = () => {
    generateMetrics(registry);
    return registry.lastErrors().get("pool")!;
  };
  assert.deepEqual(last(), { cause: "error", message: "first", time: 1_700_000_000 });
  clock.advance(5);
  for (
    const [thrown, message] of [
      ["text", "text"],
      [undefined, "undefined"],
      [null, "null"],
      [{ code: 7 }, "{code}"],
      [new Error("m".repeat(5000)), "m".repeat(1000)],
      [Object.create(Error.prototype, { message: { get: fail } }), "unknown"],
    ] as const
  ) {
    error = thrown;
    assert.deepEqual(last(), { cause: "error", message, time: 1_700_000_005 });
  }
  // The returned map is a copy.
  (registry.lastErrors() as Map<string, unknown>).clear();
  assert.equal(registry.lastErrors().size, 1);
  registry.clear();
  assert.equal(registry.lastErrors().size, 0);
});

test("no failure prints anything", async (t) => {
  const methods = ["debug", "error", "info", "log", "trace", "warn"] as const;
  const mocks = methods.map((method) => t.mock.method(console, method, () => {}));
  const registry = new CollectorRegistry();
  registry.register(new Database());
  registry.register({ collect: () => Promise.reject(new Error("no connection")) });
  registry.register({ collect: () => [gauge("a"), gauge("a"), { name: "b" } as MetricFamily] });
  new Gauge("load", "L.", { registry }).setFunction(fail);
  generateMetrics(registry);
  await generateMetricsAsync(registry);
  const broken = { prefix: null, register() {}, unregister() {}, collect: fail };
  assert.equal(
    (await metricsResponse(new Request("http://h/metrics"), { registry: broken })).status,
    500,
  );
  assert.deepEqual(mocks.map((mock) => mock.mock.callCount()), methods.map(() => 0));
  assert.ok(registry.lastErrors().size >= 4);
});
