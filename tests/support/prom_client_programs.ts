/**
 * Random programs that run step by step against prom-client's official successor and against this
 * library's drop-in replacement, with a clock that both read.
 *
 * @module
 */
import process from "node:process";
import type { Random } from "./random.ts";

/** The part of the clients that the programs use. */
// deno-lint-ignore no-explicit-any -- The programs also make calls that the types forbid.
export type Client = any;

/** A clock of whole seconds that both clients read until `restore()`. */
export class SharedClock {
  /** The time, in seconds. */
  seconds = 1_700_000_000;
  readonly #now = performance.now;
  readonly #dateNow = Date.now;
  readonly #hrtime = process.hrtime;

  constructor() {
    performance.now = () => this.seconds * 1000;
    Date.now = () => this.seconds * 1000;
    const hrtime = (
      since?: [number, number],
    ): [number, number] => [this.seconds - (since?.[0] ?? 0), 0];
    // The other members of `hrtime` are not used.
    process.hrtime = hrtime as typeof process.hrtime;
  }

  /** Restores the clocks of the runtime. */
  restore(): void {
    performance.now = this.#now;
    Date.now = this.#dateNow;
    process.hrtime = this.#hrtime;
  }
}

/** A step of a program: a description, and a function that performs it with either client. */
export interface Step {
  readonly text: string;
  run(world: World): unknown;
}

/** The state of a program with one client. */
export interface World {
  readonly client: Client;
  readonly clock: SharedClock;
  readonly register: Client;
  readonly metrics: Client[];
  readonly handles: Client[];
  readonly ends: Client[];
}

/** Runs a step, and returns its result or its error as text. */
export async function outcomeOf(step: Step, world: World): Promise<string> {
  try {
    const value = await step.run(world);
    return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
}

type Pool = { values: readonly unknown[]; mayMiss: boolean };

/** Pools of label values. No pool has two values that the official client confuses. */
const POOLS: readonly Pool[] = [
  { values: ["x", "y", "zwölf", 'q"uo\\te\n'], mayMiss: true },
  { values: ["x", "", "y"], mayMiss: true },
  { values: [1, 2, "1", 2.5, -3], mayMiss: true },
  { values: [null, "a", 7], mayMiss: false },
  { values: [undefined, "a", true], mayMiss: false },
  { values: [{}, "a", ["p"], false], mayMiss: false },
];

interface MetricPlan {
  readonly type: "Counter" | "Gauge" | "Histogram" | "Summary";
  readonly names: readonly string[];
  readonly pools: readonly Pool[];
  readonly hasExemplars: boolean;
}

/**
 * Draws a random program.
 *
 * @param random The source of its choices.
 * @param isOpenMetrics Whether its registry writes OpenMetrics.
 * @param steps The number of steps after the metrics are created.
 * @param isExact Whether to include only steps whose output must be identical byte for byte.
 */
export function drawProgram(
  random: Random,
  isOpenMetrics: boolean,
  steps: number,
  isExact = false,
): Step[] {
  const program: Step[] = [];
  const plans: MetricPlan[] = [];
  const add = (text: string, run: Step["run"]): void => void program.push({ text, run });
  for (let i = random.below(3) + 1; i > 0; i--) {
    const { plan, step } = drawMetric(random, isOpenMetrics, plans.length, isExact);
    plans.push(plan);
    program.push(step);
  }
  for (let i = 0; i < steps; i++) {
    const number = random.below(plans.length);
    program.push(drawStep(random, plans[number]!, number, isOpenMetrics));
  }
  add("json", async ({ register }) => spellJson(await register.getMetricsAsJSON()));
  // This library spells NaN correctly.
  add("metrics", async ({ register }) => {
    const text = await register.metrics();
    return isExact ? text.replace(/ Nan$/gm, " NaN") : maskText(text);
  });
  return program;
}

function drawMetric(
  random: Random,
  isOpenMetrics: boolean,
  number: number,
  isExact: boolean,
): { plan: MetricPlan; step: Step } {
  const types = ["Counter", "Gauge", "Histogram", "Summary"] as const;
  const type = random.pick(isExact ? types.slice(0, 3) : types);
  const names = ["b", "a", "_c", "__d"].slice(0, random.below(5));
  const pools = names.map(() => random.pick(POOLS));
  const hasExemplars = isOpenMetrics && !isExact && random.below(3) === 0 &&
    (type === "Counter" || type === "Histogram");
  const isTotal = type === "Counter" && !isOpenMetrics && random.below(2) === 0;
  const buckets = random.pick([undefined, [1, 2, 5], [], [0.1, 1e6, 1e21], [-2, 0, 1e-7]]);
  const percentiles = random.pick([undefined, [0.5], [0.1, 0.99], []]);
  const aggregator = random.pick([undefined, "max", "omit"]);
  const hook = random.below(6);
  const config: Record<string, unknown> = {
    name: `m${number}${isTotal ? "_total" : ""}`,
    help: random.pick(["Help.", 'He "l\\p\nme.']),
    labelNames: names,
    ...(buckets !== undefined && type === "Histogram" && { buckets }),
    ...(percentiles !== undefined && type === "Summary" && { percentiles }),
    ...(aggregator !== undefined && { aggregator }),
    ...(hasExemplars && { enableExemplars: true }),
    ...(hook === 0 && type === "Gauge" && {
      collect(this: Client): void {
        this.inc({}, 1);
      },
    }),
    ...(hook === 1 && type === "Gauge" && {
      async collect(this: Client): Promise<void> {
        await Promise.resolve();
        this.set(4);
      },
    }),
  };
  const broken = random.below(30);
  if (broken === 0) config.name = "1x";
  if (broken === 1) config.help = "";
  if (broken === 2) config.labelNames = ["a-b", "ok"];
  if (broken === 3) config.collect = "no";
  const step: Step = {
    text: `new ${type}(${JSON.stringify(config)})`,
    run({ client, register, metrics }) {
      // If creating the metric fails, later steps use this placeholder.
      metrics[number] = new client.Gauge({
        name: "none",
        help: "n",
        registers: [],
        labelNames: names,
      });
      metrics[number] = new client[type]({ ...config, registers: [register] });
    },
  };
  return { plan: { type, names, pools, hasExemplars }, step };
}

/** Draws labels in any order, with some omitted. */
function drawLabels(random: Random, { names, pools }: MetricPlan): Record<string, unknown> {
  const order = names.map((name, i) => ({ name, pool: pools[i]!, rank: random.next() }));
  if (random.below(2) === 0) order.sort((a, b) => a.rank - b.rank);
  const labels: Record<string, unknown> = {};
  for (const { name, pool } of order) {
    if (pool.mayMiss && random.below(4) === 0) continue;
    labels[name] = random.pick(pool.values);
  }
  return areEmpty(Object.values(labels)) ? {} : labels;
}

/**
 * Returns whether all labels are empty. The official client treats them as a different series than
 * no labels.
 */
function areEmpty(values: unknown[]): boolean {
  return values.length > 0 && values.every((value) => value === "");
}

/** Draws a value for each label, except objects: the first would be mistaken for named labels. */
function drawValues(random: Random, { pools }: MetricPlan): unknown[] {
  return pools.map(({ values }) => random.pick(values.filter((one) => typeof one !== "object")));
}

function drawAmount(random: Random, type: MetricPlan["type"]): unknown {
  const odd = [undefined, null, "5", "x", {}, -1, Infinity, -Infinity];
  if (type === "Gauge") odd.push(NaN, true);
  return random.below(5) === 0
    ? random.pick(odd)
    : random.pick([1, 2, 0, 0.5, 3, 1e9, 12345.678, 1e-7, 2 ** 60]);
}

function drawStep(random: Random, plan: MetricPlan, number: number, isOpenMetrics: boolean): Step {
  const { type, names, hasExemplars } = plan;
  const labels = drawLabels(random, plan);
  const amount = drawAmount(random, type);
  const isBare = random.below(4) === 0;
  const verb = type === "Counter"
    ? "inc"
    : type === "Gauge"
    ? random.pick(["inc", "dec", "set"])
    : "observe";
  const about = `m${number} ${type}(${names}) ${JSON.stringify(labels)} ${String(amount)}`;
  const make = (text: string, run: Step["run"]): Step => ({ text: `${text} ${about}`, run });
  switch (random.below(22)) {
    case 0:
      return make("unknown label", ({ metrics }) => metrics[number][verb]({ nope: 1 }, 1));
    case 1:
      return make("remove", ({ metrics }) => metrics[number].remove(labels));
    case 2: {
      const values = drawValues(random, plan);
      return random.below(2) === 0
        ? make(`remove(${values})`, ({ metrics }) => {
          if (!areEmpty(values)) metrics[number].remove(...values);
        })
        : make("wrong number", ({ metrics }) => metrics[number].labels(...values, "more"));
    }
    case 3:
      if (random.below(2) === 0) return make("reset", ({ metrics }) => metrics[number].reset());
      return make("resetMetrics", ({ register }) => register.resetMetrics());
    case 4:
    case 5:
      return make("labels()", ({ metrics, handles }) => {
        handles[number] = metrics[number].labels(labels);
      });
    case 6:
    case 7: {
      const values = drawValues(random, plan);
      return make(`labels(${values})`, ({ metrics, handles }) => {
        if (!areEmpty(values)) handles[number] = metrics[number].labels(...values);
      });
    }
    case 8:
    case 9:
      // In the official client, handles of a counter with exemplars count a different series.
      if (hasExemplars) return make("nothing", () => {});
      return make("handle", ({ handles }) => {
        const write = handles[number]?.[verb];
        write?.(amount);
      });
    case 10:
      if (type === "Counter" || hasExemplars) return make("nothing", () => {});
      return make("startTimer", ({ metrics, ends, clock }) => {
        const own = { ...labels };
        ends[number] = metrics[number].startTimer(own);
        clock.seconds += 1;
        delete own.a;
      });
    case 11: {
      const more = drawLabels(random, plan);
      return make(`end ${JSON.stringify(more)}`, ({ ends, clock }) => {
        clock.seconds += 2;
        return ends[number]?.(more);
      });
    }
    case 12:
      if (type === "Histogram") return make("zero", ({ metrics }) => metrics[number].zero(labels));
      if (type === "Gauge") {
        return make(
          "setToCurrentTime",
          ({ metrics }) =>
            isBare ? metrics[number].setToCurrentTime() : metrics[number].setToCurrentTime(labels),
        );
      }
      return make("nothing", () => {});
    case 13:
      if (random.below(3) > 0) return make("nothing", () => {});
      return make(
        "defaults",
        ({ register }) => register.setDefaultLabels(isBare ? {} : { host: "h", n: 1 }),
      );
    case 14:
      if (random.below(8) === 0) {
        return make("clear", ({ register }) => register.clear());
      }
      if (random.below(4) === 0) {
        return make("remove single", ({ register }) => register.removeSingleMetric(`m${number}`));
      }
      return make("register again", ({ register, metrics }) => {
        register.registerMetric(metrics[number]);
        return String(register.getSingleMetric(metrics[number].name) === metrics[number]);
      });
    case 15:
      if (isOpenMetrics && type === "Counter") return make("nothing", () => {});
      return make(
        "single text",
        async ({ register, metrics }) =>
          maskText(await register.getMetricsAsString(metrics[number])),
      );
    case 16:
      return make("single json", async ({ metrics }) => spellJson([await metrics[number].get()]));
    default:
      if (hasExemplars) {
        const exemplarLabels = random.pick([undefined, { trace: "abc", n: 1 }]);
        return make(
          "exemplar",
          ({ metrics }) =>
            metrics[number][verb]({ labels, value: amount === null ? 1 : amount, exemplarLabels }),
        );
      }
      if (isBare) return make("bare", ({ metrics }) => metrics[number][verb](amount));
      return make("write", ({ metrics }) => metrics[number][verb](labels, amount));
  }
}

/** Formats metrics as JSON with sorted keys, and keeps values that `JSON.stringify` would lose. */
function spellJson(metrics: Client[]): string {
  const spell = (value: unknown): unknown => {
    if (typeof value === "number") return Object.is(value, -0) ? "0" : String(value);
    if (value === undefined) return "undefined";
    if (Array.isArray(value)) return value.map(spell);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map((
        [key, own],
      ) => [key, spell(own)]),
    );
  };
  return JSON.stringify(metrics.map(({ values, ...metric }) => ({
    ...metric,
    values: values.map(({ exemplar, ...value }: Client) => {
      // In the official client, a summary without labels first has no `labels` member.
      const all = { ...value, labels: value.labels ?? {} };
      // This library computes correct quantiles, and its exemplars of counters have the counted
      // value.
      if (metric.type === "summary" && "quantile" in all.labels) all.value = "?";
      if (exemplar && metric.type === "counter") exemplar = { ...exemplar, value: "?" };
      return spell(exemplar === undefined ? all : { ...all, exemplar: { ...exemplar } });
    }),
  })));
}

/** Masks the intended differences. */
function maskText(text: string): string {
  return text
    .replace(/^(\w+\{(?:.*,)?quantile="[^"]*".*\}) \S+$/gm, "$1 ?")
    .replace(/^(\w+_total.* # \{.*\}) \S+ (\S+)$/gm, "$1 ? $2")
    .replace(/ Nan$/gm, " NaN");
}
