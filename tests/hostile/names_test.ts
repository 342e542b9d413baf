import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOpenMetrics, parsePrometheusText } from "../../encoding/parse.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  generateMetrics,
  generateOpenMetrics,
  generateProtobuf,
  Histogram,
  Info,
  MetricFamily,
  metricsResponse,
  StateSet,
  Summary,
} from "../../mod.ts";
import { mergeFamilies } from "../../multiprocess/mod.ts";
import { lintMetrics, snapshot } from "../../testing.ts";
import { reportFault } from "../support/fault_report.ts";

/** Names of members of built-in objects, and names that Prometheus reserves. */
const NAMES = ["__proto__", "constructor", "hasOwnProperty", "toString", "__name__", "le"] as const;
type Name = typeof NAMES[number];

const RESERVED = /label names that start with "__" are reserved: received "__/;
const LE = /label "le" is reserved for the histogram itself$/;
/**
 * The error for labels with two leading underscores in classic names, because Prometheus drops
 * them.
 */
const CLASSIC = new Map<Name, RegExp>([["__proto__", RESERVED], ["__name__", RESERVED]]);

/** Returns an object with one own property of any name. */
function own<T>(name: string, value: T): Record<string, T> {
  return Object.fromEntries([[name, value]]);
}

interface Role {
  /** The role of the name. */
  role: string;
  /** The names that throw, with their errors. All others are ordinary. */
  refused: ReadonlyMap<Name, RegExp>;
  /** Uses the name in a registry that is then exposed. */
  use: (name: string, registry: CollectorRegistry) => void;
  /** The expected line. @default {none} */
  line?: (name: string) => string;
}

const utf8 = "utf8";
const states = ["on"] as const;
const ROLES: Role[] = [
  ...[Counter, Gauge, Histogram, Summary].map((Metric): Role => ({
    role: `the name of a ${Metric.name}`,
    refused: new Map(),
    use: (name, registry) => new Metric(name, name, { registry }),
    line: (name) => `# HELP ${name} ${name}`,
  })),
  {
    role: "the name of an Info",
    refused: new Map(),
    use: (name, registry) => new Info(name, name, { registry }).info({ a: 1 }),
    line: (name) => `${name}_info{a="1"} 1`,
  },
  {
    role: "the name of a StateSet, and so of its label",
    refused: CLASSIC,
    use: (name, registry) => new StateSet(name, name, { registry, states }).state("on"),
    line: (name) => `${name}{${name}="on"} 1`,
  },
  {
    role: "the namespace, the subsystem and the unit",
    refused: new Map(),
    use: (name, registry) => {
      new Gauge("m", "M.", { namespace: name, subsystem: name, unit: name, registry });
    },
    line: (name) => `${name}_${name}_m_${name} 0`,
  },
  ...[Counter, Gauge, Summary, Info].map((Metric): Role => ({
    role: `a label name of a ${Metric.name}`,
    refused: CLASSIC,
    use: (name, registry) => {
      const metric = new Metric("m", "M.", { labelNames: [name], registry });
      useLabels(metric as unknown as Labelled, name);
    },
  })),
  {
    role: "a label name of a Histogram",
    refused: new Map([...CLASSIC, ["le", LE]]),
    use: (name, registry) => {
      useLabels(new Histogram("m", "M.", { labelNames: [name], registry }), name);
    },
    line: (name) => `m_count{${name}="x"} 0`,
  },
  {
    role: "a UTF-8 label name",
    refused: new Map([["__name__", RESERVED]]),
    use: (name, registry) => {
      const options = { labelNames: [name], nameValidation: utf8, registry } as const;
      const counter = new Counter("m", "M.", options);
      useLabels(counter, name);
      counter.labels("x").inc();
    },
    line: (name) => `m{${name}="x"} 1`,
  },
  {
    role: "a label with a default",
    refused: CLASSIC,
    use: (name, registry) => {
      const defaultLabels = own(name, "x");
      new Counter("m", "M.", { labelNames: [name], defaultLabels, registry }).inc();
    },
    line: (name) => `m{${name}="x"} 1`,
  },
  {
    role: "a label value",
    refused: new Map(),
    use: (name, registry) => {
      const counter = new Counter("m", "M.", { labelNames: ["a", "b"], registry });
      counter.labels({ a: name, b: name }).inc();
      counter.labels({ a: name }).labels({ b: name }).inc();
      counter.labels(name, name).inc();
      assert.equal(counter.remove("x", name), false);
    },
    line: (name) => `m{a="${name}",b="${name}"} 3`,
  },
  {
    role: "a state",
    refused: new Map(),
    use: (name, registry) => new StateSet("m", "M.", { states: [name], registry }).state(name),
    line: (name) => `m{m="${name}"} 1`,
  },
  {
    role: "a label of an info",
    refused: CLASSIC,
    use: (name, registry) => new Info("m", "M.", { registry }).info(own(name, "x")),
    line: (name) => `m_info{${name}="x"} 1`,
  },
  {
    role: "a label of an exemplar",
    refused: CLASSIC,
    use: (name, registry) => {
      const counter = new Counter("m", "M.", { registry });
      counter.inc(1, own(name, "x"));
      assert.deepEqual(Object.entries(counter.labels().exemplar!.labels), [[name, "x"]]);
    },
    line: () => "m 1",
  },
  {
    role: "a constant label",
    refused: CLASSIC,
    use: (name) => {
      const registry = new CollectorRegistry({ constLabels: own(name, "x") });
      new Gauge("m", "M.", { registry });
      assert.equal(registry.getSampleValue("m", own(name, "x")), 0);
      assert.equal(registry.getSampleValue("m", own(name, "y")), undefined);
      assert.equal(registry.getSampleValue("m", {}), undefined);
    },
  },
  {
    role: "a label of the target info",
    refused: CLASSIC,
    use: (name, registry) => {
      registry.setTargetInfo(own(name, "x"));
      assert.deepEqual(Object.entries(registry.getTargetInfo()!), [[name, "x"]]);
    },
    line: (name) => `target_info{${name}="x"} 1`,
  },
  {
    role: "the prefix",
    refused: new Map(),
    use: (name) => {
      const registry = new CollectorRegistry({ prefix: name });
      new Gauge("m", "M.", { registry });
      // A single underscore joins the prefix and the name.
      const prefix = name.replace(/_+$/, "");
      assert.match(generateMetrics(registry), new RegExp(`^${prefix}_m 0$`, "m"));
    },
  },
  {
    role: "a label of a custom collector",
    refused: CLASSIC,
    use: (name, registry) => {
      const family = new MetricFamily("m", "M.", "gauge").addSample("m", own(name, "x"), 1);
      assert.deepEqual(Object.entries([...family.samples][0]!.labels), [[name, "x"]]);
      registry.register({ collect: () => [family] });
    },
    line: (name) => `m{${name}="x"} 1`,
  },
  {
    role: "the name in a query of a registry",
    refused: new Map(),
    use: (name, registry) => {
      assert.equal(registry.getSampleValue(name), undefined);
      assert.equal(registry.getSampleValue(name, own(name, "x")), undefined);
      new Gauge(name, "M.", { registry });
      new Gauge("other", "O.", { registry });
      assert.equal(registry.getSampleValue(name), 0);
      assert.equal(registry.getSampleValue(name, own(name, "x")), undefined);
      const view = registry.restrictedRegistry([name]);
      assert.deepEqual([...view.collect()].map((family) => family.name), [name]);
    },
  },
  {
    role: "the name of a metric in a snapshot",
    refused: new Map(),
    use: (name, registry) => {
      const gauge = new Gauge(name, "M.", { registry });
      const before = snapshot(registry);
      gauge.set(3);
      assert.deepEqual(Object.entries(before.diff()), [[name, 3]]);
      assert.ok(Array.isArray(lintMetrics(registry)));
    },
    line: (name) => `${name} 3`,
  },
  {
    role: "the name of a metric of several processes",
    refused: new Map(),
    use: (name) => {
      const families = () => [new MetricFamily(name, "M.", "counter").addSample(name, {}, 2)];
      const [merged, ...others] = mergeFamilies(families(), families());
      assert.deepEqual([...merged!.samples], [{ name, labels: {}, value: 4 }]);
      assert.equal(others.length, 0);
    },
  },
];

interface Labelled {
  labels(...args: unknown[]): object;
  remove(...args: unknown[]): boolean;
  removeMatching(labels: object): number;
}

/** Uses every way to select a child. */
function useLabels(metric: Labelled, name: string): void {
  const child = metric.labels(own(name, "y"));
  assert.equal(metric.labels("y"), child);
  assert.equal((metric.labels({}) as Labelled).labels(own(name, "y")), child);
  assert.equal(metric.remove(own(name, "z")), false);
  assert.equal(metric.removeMatching(own(name, "z")), 0);
  assert.equal(metric.removeMatching(own(name, "y")), 1);
  metric.labels(own(name, "x"));
}

/** Returns all members of the prototypes that a name could reach. */
function prototypes(): unknown {
  // The descriptors are lists because Node 24.21 never finds objects with all descriptors of `Map`
  // equal.
  return [Object.prototype, Function.prototype, Array.prototype, Map.prototype].map((prototype) =>
    Reflect.ownKeys(prototype).map((key) => [
      key,
      Object.getOwnPropertyDescriptor(prototype, key),
    ])
  );
}

let uses = 0;
for (const { role, refused, use, line } of ROLES) {
  for (const name of NAMES) {
    const problem = refused.get(name);
    test(`"${name}" as ${role} is ${problem === undefined ? "ordinary" : "rejected"}`, async () => {
      const before = prototypes();
      const registry = new CollectorRegistry();
      uses++;
      if (problem !== undefined) {
        assert.throws(() => use(name, registry), (error) => {
          assert.ok(error instanceof TypeError);
          assert.match(error.message, /^Cannot /);
          assert.match(error.message, problem);
          return true;
        });
      } else {
        use(name, registry);
        const text = generateMetrics(registry);
        if (line !== undefined) assert.ok(text.split("\n").includes(line(name)), text);
        // It can be parsed and filtered by.
        parsePrometheusText(text);
        // The stricter parser rejects labels that OpenMetrics reserves.
        if (!text.includes("{__")) parseOpenMetrics(generateOpenMetrics(registry));
        generateProtobuf(registry);
        const url = `http://localhost/metrics?name[]=${name}&${name}=${name}`;
        assert.equal((await metricsResponse(new Request(url), { registry })).status, 200);
      }
      assert.deepEqual(prototypes(), before);
    });
  }
}

for (const name of NAMES) {
  test(`"${name}" is parsed as a metric name and as a label name`, () => {
    const before = prototypes();
    const isReserved = name === "__name__";
    const labelled = `m{${name}="x",b="y"} 1\n`;
    const named = `# HELP ${name} H.\n# TYPE ${name} gauge\n${name} 1\n`;
    for (const parse of [parsePrometheusText, parseOpenMetrics]) {
      const end = parse === parseOpenMetrics ? "# EOF\n" : "";
      const [family] = parse(named + end);
      assert.deepEqual([...family!.samples], [{ name, labels: {}, value: 1 }]);
      const isRefused = isReserved || (name === "__proto__" && end !== "");
      if (isRefused) {
        assert.throws(() => parse(labelled + end), { name: "ParseError" });
        continue;
      }
      const [sample] = parse(labelled + end).flatMap(({ samples }) => [...samples]);
      assert.deepEqual(Object.entries(sample!.labels), [[name, "x"], ["b", "y"]]);
      assert.equal(Object.getPrototypeOf(sample!.labels), Object.prototype);
    }
    assert.deepEqual(prototypes(), before);
  });
}

test("an inherited label is a missing label", () => {
  for (const name of ["constructor", "hasOwnProperty", "toString"]) {
    const counter = new Counter("m", "M.", { labelNames: [name, "b"], registry: null });
    // Every object inherits such a property, but it is not a label.
    const partial = counter.labels({ b: "x" } as never) as unknown as { inc(): void };
    assert.throws(() => partial.inc(), { name: "UnobservableMetricError" });
    const family = new MetricFamily("s", "S.", "stateset");
    assert.throws(() => family.addSample("s", {}, 1), /label "s" is missing/);
  }
  const family = new MetricFamily("constructor", "S.", "stateset");
  assert.throws(() => family.addSample("constructor", {}, 1), /label "constructor" is missing/);
});

test("reports the figure of this file", () => {
  reportFault({
    fault: `the names ${NAMES.join(", ")}, each in ${ROLES.length} roles`,
    bar:
      "the first four are ordinary, the last two throw where reserved; Object.prototype unchanged",
    figure: `${uses} uses: all names ordinary as names and values; as labels __name__ throws ` +
      "everywhere, __proto__ throws outside of UTF-8 names (like everything that begins with __), le " +
      "throws on histograms; Object.prototype unchanged",
  });
});
