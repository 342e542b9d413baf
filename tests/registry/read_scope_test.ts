import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  gather,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  generateOpenMetrics,
  generateProtobuf,
  MetricFamily,
  metricsResponse,
} from "../../mod.ts";

/** Returns the value of a series in a text. */
function valueIn(text: string, series: string): number | undefined {
  const line = text.split("\n").find((line) => line.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

const CIRCLE = "Cannot look up sample: its value depends on itself, through functions or " +
  "collectors that look up each other";

/** Ways to read a whole registry. */
const READS: readonly (readonly [what: string, read: (r: CollectorRegistry) => unknown])[] = [
  ["generateMetrics()", (registry) => generateMetrics(registry)],
  ["generateOpenMetrics()", (registry) => generateOpenMetrics(registry)],
  ["generateProtobuf()", (registry) => generateProtobuf(registry)],
  ["gather()", (registry) => [...gather(registry)]],
  ["gather() of a view", (registry) => [...gather(registry.restrictedRegistry(["other"]))]],
  ["collect()", (registry) => [...registry.collect()]],
  ["generateMetrics() of a proxy", (registry) => {
    return generateMetrics(new CollectorRegistryProxy(registry));
  }],
];

for (const order of ["in order", "in reverse"] as const) {
  for (const way of ["sync", "async"] as const) {
    test(`a chain of 1,000 functions that look up each other costs a few calls each, ${order}, ${way}`, async () => {
      const registry = new CollectorRegistry();
      let calls = 0;
      const numbers = Array.from({ length: 1000 }, (_, i) => i);
      if (order === "in reverse") numbers.reverse();
      for (const i of numbers) {
        new Gauge(`g${i}`, "G.", { registry }).setFunction(() => {
          calls++;
          return i === 0 ? 1 : registry.getSampleValue(`g${i - 1}`)! + 1;
        });
      }
      const text = way === "sync"
        ? generateMetrics(registry)
        : await generateMetricsAsync(registry);
      for (const i of [0, 1, 500, 999]) assert.equal(valueIn(text, `g${i}`), i + 1);
      // One call writes the value, one looks it up, and one repeats a look-up that was too deep.
      assert.ok(calls <= 3000, `${calls} calls`);
      assert.equal(registry.lastErrors().size, 0);
      calls = 0;
      assert.equal(registry.getSampleValue("g999"), 1000);
      assert.ok(calls <= 3000, `${calls} calls`);
    });
  }
}

test("functions that look up all the functions before them cost at most two calls each", () => {
  const registry = new CollectorRegistry();
  let calls = 0;
  for (let i = 0; i < 30; i++) {
    new Gauge(`g${i}`, "G.", { registry }).setFunction(() => {
      calls++;
      let sum = 1;
      for (let j = 0; j < i; j++) sum += registry.getSampleValue(`g${j}`)!;
      return sum;
    });
  }
  // Without a cache these would be 2 ** 30 calls.
  assert.equal(valueIn(generateMetrics(registry), "g29"), 2 ** 29);
  assert.ok(calls <= 60, `${calls} calls`);
});

test("a long chain whose functions catch errors has the right values", () => {
  const registry = new CollectorRegistry();
  const caught: unknown[] = [];
  for (let i = 299; i >= 0; i--) {
    new Gauge(`g${i}`, "G.", { registry }).setFunction(() => {
      if (i === 0) return 1;
      try {
        return registry.getSampleValue(`g${i - 1}`)! + 1;
      } catch (error) {
        caught.push(error);
        return -1;
      }
    });
  }
  const text = generateMetrics(registry);
  for (const i of [0, 100, 299]) assert.equal(valueIn(text, `g${i}`), i + 1);
  assert.equal(registry.lastErrors().size, 0);
  // The caught errors were temporary: the functions were called again.
  for (const error of caught) assert.match(String(error), /it will be looked up again$/);
});

test("a function that throws at the end of a long chain is the only error", () => {
  const registry = new CollectorRegistry();
  for (let i = 299; i >= 0; i--) {
    new Gauge(`g${i}`, "G.", { registry }).setFunction(() => {
      if (i === 0) throw new Error("broken");
      return (registry.getSampleValue(`g${i - 1}`) ?? 0) + 1;
    });
  }
  const text = generateMetrics(registry);
  assert.equal(valueIn(text, "g0"), undefined);
  assert.equal(valueIn(text, "g299"), 299);
  assert.deepEqual([...registry.lastErrors()].map(([name, { message }]) => [name, message]), [
    ["g0", "broken"],
  ]);
});

for (const size of [1, 2, 3, 51, 120]) {
  for (const way of ["sync", "async"] as const) {
    test(`only the members of a circle of ${size} functions are left out, ${way}`, async () => {
      const registry = new CollectorRegistry();
      let calls = 0;
      new Counter("before_total", "B.", { registry }).inc();
      for (let i = 0; i < size; i++) {
        new Gauge(`g${i}`, "G.", { registry }).setFunction(() => {
          calls++;
          return registry.getSampleValue(`g${(i + 1) % size}`)! + 1;
        });
      }
      // This function looks up a member, but is not a member.
      new Gauge("outside", "O.", { registry }).setFunction(() =>
        registry.getSampleValue("g0") ?? -1
      );
      new Gauge("after", "A.", { registry }).set(2);
      for (let read = 1; read <= 3; read++) {
        const text = way === "sync"
          ? generateMetrics(registry)
          : await generateMetricsAsync(registry);
        assert.equal(valueIn(text, "before_total"), 1);
        assert.equal(valueIn(text, "after"), 2);
        for (let i = 0; i < size; i++) {
          assert.equal(valueIn(text, `g${i}`), undefined);
          assert.equal(registry.lastErrors().get(`g${i}`)!.message, CIRCLE);
        }
        assert.ok(calls <= 4 * (size + 1), `${calls} calls of ${size}`);
        calls = 0;
      }
    });
  }
}

test("only the members of a circle through custom collectors are left out", () => {
  const registry = new CollectorRegistry();
  let calls = 0;
  const family = (name: string) => new MetricFamily(name, "C.", "gauge");
  for (const [name, other] of [["c0", "g1"], ["c2", "c0"]] as const) {
    registry.register({
      describe: () => [family(name)],
      collect: () => {
        calls++;
        return [family(name).addSample(name, {}, registry.getSampleValue(other)! + 1)];
      },
    });
  }
  new Gauge("g1", "G.", { registry }).setFunction(() => registry.getSampleValue("c2")! + 1);
  new Gauge("after", "A.", { registry }).set(2);
  for (let read = 1; read <= 2; read++) {
    const text = generateMetrics(registry);
    assert.equal(valueIn(text, "after"), 2);
    for (const name of ["c0", "g1", "c2"]) {
      assert.equal(valueIn(text, name), undefined, name);
      assert.equal(registry.lastErrors().get(name)!.message, CIRCLE, name);
    }
    assert.ok(calls <= 6, `${calls} calls`);
    calls = 0;
  }
});

test("collectors without describe() that look up each other finish with the right values", () => {
  const registry = new CollectorRegistry();
  const calls = [0, 0, 0];
  for (const i of [0, 1, 2]) {
    registry.register({
      collect: () => {
        calls[i]!++;
        const below = i === 0 ? 1 : registry.getSampleValue(`c${i - 1}`)!;
        return [new MetricFamily(`c${i}`, "C.", "gauge").addSample(`c${i}`, {}, below * 2)];
      },
    });
  }
  const text = generateMetrics(registry);
  assert.deepEqual([0, 1, 2].map((i) => valueIn(text, `c${i}`)), [2, 4, 8]);
  assert.ok(Math.max(...calls) <= 4, `${calls} calls`);
  assert.equal(registry.lastErrors().size, 0);
});

for (const [what, read] of READS) {
  for (const from of ["a function", "a collector", "a generator"] as const) {
    test(`${what} within ${from} leaves out only that one, with a helpful message`, async () => {
      const registry = new CollectorRegistry();
      let calls = 0;
      const inner = () => {
        calls++;
        read(registry);
        return 1;
      };
      new Counter("before_total", "B.", { registry }).inc();
      const family = () => new MetricFamily("inner", "I.", "gauge").addSample("inner", {}, inner());
      if (from === "a function") new Gauge("inner", "I.", { registry }).setFunction(inner);
      else if (from === "a collector") {
        registry.register({ name: "inner", collect: () => [family()] } as never);
      } else {
        registry.register({
          name: "inner",
          *collect() {
            yield family();
          },
        } as never);
      }
      new Gauge("other", "O.", { registry }).set(2);
      for (let i = 1; i <= 2; i++) {
        for (const text of [generateMetrics(registry), await generateMetricsAsync(registry)]) {
          assert.equal(valueIn(text, "before_total"), 1);
          assert.equal(valueIn(text, "other"), 2);
          assert.equal(valueIn(text, "inner"), undefined);
        }
        assert.equal(registry.lastErrors().get("inner")?.cause, "error");
        assert.match(registry.lastErrors().get("inner")!.message, /getSampleValue\(\)/);
        assert.ok(calls <= 4 * i, `${calls} calls`);
      }
      // A read from outside still works.
      assert.doesNotThrow(() => read(registry));
    });
  }
}

test("an asynchronous read within an asynchronous collector of the same registry ends", async () => {
  for (
    const read of [
      (registry: CollectorRegistry) => generateMetricsAsync(registry, { timeoutMs: 50 }),
      (registry: CollectorRegistry) =>
        metricsResponse(new Request("http://h/metrics"), { registry, timeoutMs: 50 })
          .then((response) => response.text()),
    ]
  ) {
    const registry = new CollectorRegistry();
    let calls = 0;
    registry.register({
      async *collect() {
        calls++;
        await Promise.resolve();
        const text = await read(registry);
        yield new MetricFamily("lines", "L.", "gauge").addSample(
          "lines",
          {},
          text.split("\n").length,
        );
      },
    });
    new Gauge("other", "O.", { registry }).set(2);
    const text = await generateMetricsAsync(registry, { timeoutMs: 10_000 });
    assert.equal(valueIn(text, "other"), 2);
    assert.equal(calls, 1);
    assert.ok(valueIn(text, "lines")! > 0, text);
  }
});

test("a look-up in an asynchronous collector calls no other collector and counts no error", async () => {
  const registry = new CollectorRegistry();
  let calls = 0;
  new Counter("hits_total", "H.", { registry }).inc(5);
  for (let i = 0; i < 20; i++) {
    const family = (name: string) => new MetricFamily(name, "F.", "gauge");
    registry.register({
      describe: () => [family(`derived${i}`)],
      async collect() {
        await Promise.resolve();
        const value = registry.getSampleValue("hits_total")! * 2;
        return [family(`derived${i}`).addSample(`derived${i}`, {}, value)];
      },
    });
    registry.register({
      describe: () => [family(`other${i}`)],
      collect: () => {
        calls++;
        return [family(`other${i}`).addSample(`other${i}`, {}, 1)];
      },
    });
  }
  for (let read = 1; read <= 2; read++) {
    const text = await generateMetricsAsync(registry);
    for (const i of [0, 19]) assert.equal(valueIn(text, `derived${i}`), 10);
    assert.equal(calls, 20 * read);
    assert.equal(registry.lastErrors().size, 0);
  }
});

test("a look-up calls only the collectors that may have the name", () => {
  const registry = new CollectorRegistry();
  const calls: string[] = [];
  const collector = (name: string, isDescribed: boolean) => {
    const family = () => new MetricFamily(name, "F.", "gauge").addSample(name, {}, 1);
    registry.register({
      collect: () => {
        calls.push(name);
        return [family()];
      },
      ...(isDescribed && { describe: () => [family()] }),
    });
  };
  collector("a", true);
  collector("b", true);
  collector("c", false);
  const cases: [name: string, value: number | undefined, called: string[]][] = [
    ["a", 1, ["a"]],
    ["b", 1, ["b"]],
    // Without describe(), only a full read finds the name.
    ["c", 1, ["a", "b", "c"]],
    ["d", undefined, ["a", "b", "c"]],
  ];
  for (const [name, value, called] of cases) {
    calls.length = 0;
    assert.equal(registry.getSampleValue(name), value);
    assert.deepEqual(calls, called);
  }
  calls.length = 0;
  // A collector without describe() may have another series of this name.
  assert.equal(registry.getSampleValue("a", { l: "v" }), undefined);
  assert.deepEqual(calls, ["a", "c"]);
});

test("another registry may be read within a function", () => {
  const [inner, outer] = [new CollectorRegistry(), new CollectorRegistry()];
  new Gauge("g", "G.", { registry: inner }).set(3);
  new Gauge("sum", "S.", { registry: outer }).setFunction(() =>
    inner.getSampleValue("g")! + valueIn(generateMetrics(inner), "g")!
  );
  assert.equal(valueIn(generateMetrics(outer), "sum"), 6);
  assert.equal(outer.lastErrors().size, 0);
});

test("two registries that look up each other lose only the circle", () => {
  const [a, b] = [new CollectorRegistry(), new CollectorRegistry()];
  new Gauge("x", "X.", { registry: a }).setFunction(() => b.getSampleValue("y")! + 1);
  new Gauge("y", "Y.", { registry: b }).setFunction(() => a.getSampleValue("x")! + 1);
  new Gauge("other", "O.", { registry: a }).set(2);
  for (let i = 0; i < 2; i++) {
    const text = generateMetrics(a);
    assert.equal(valueIn(text, "x"), undefined);
    assert.equal(valueIn(text, "other"), 2);
  }
});

test("a look-up within a function finds the prefix, constant labels and the registry's own counts", () => {
  const registry = new CollectorRegistry({ prefix: "app", constLabels: { region: "eu" } });
  new Counter("hits_total", "H.", { registry }).inc(2);
  registry.countError("x", "error", new Error("x"));
  new Gauge("twice", "T.", { registry }).setFunction(() =>
    registry.getSampleValue("app_hits_total", { region: "eu" })! * 2
  );
  const errors = { collector: "x", cause: "error", region: "eu" };
  new Gauge("errors", "E.", { registry }).setFunction(() =>
    registry.getSampleValue("app_narthex_collector_errors_total", errors)!
  );
  const text = generateMetrics(registry);
  assert.equal(valueIn(text, 'app_twice{region="eu"}'), 4);
  assert.equal(valueIn(text, 'app_errors{region="eu"}'), 1);
});

test("a function that reads the value of its own metric does not affect other metrics", () => {
  const registry = new CollectorRegistry();
  const gauge = new Gauge("g", "G.", { registry });
  gauge.setFunction(() => gauge.value + 1);
  new Gauge("other", "O.", { registry }).set(2);
  for (let i = 0; i < 2; i++) {
    const text = generateMetrics(registry);
    assert.equal(valueIn(text, "other"), 2);
    assert.equal(valueIn(text, "g"), undefined);
  }
});
