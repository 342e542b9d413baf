import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import client from "prom-client";
import { parsePrometheusText } from "../encoding/parse.ts";
import * as narthex from "../mod.ts";
import { ROOT_URL } from "./support/paths.ts";

// Names that the lines of the table can use.
const labelNames = ["method"] as const;
const jobs = ["first", "second"];
type Body = (...values: unknown[]) => Promise<unknown>;
// The constructor of asynchronous functions has no name.
const AsyncFunction = (async () => {}).constructor as new (...texts: string[]) => Body;

/**
 * Runs a line of code with the keys of `scope` as variables. Returns the result of its last part.
 */
async function run(code: string, scope: Record<string, unknown>): Promise<unknown> {
  const parts = code.split("; ");
  const last = parts.pop();
  const text = `${parts.map((part) => `${part};`).join("\n")}\nreturn (${last});`;
  return await new AsyncFunction(...Object.keys(scope), text)(...Object.values(scope));
}

/** Returns every series of an exposition with its value, except for times. */
function readSeries(exposition: string): Record<string, unknown> {
  const series: Record<string, unknown> = {};
  for (const family of parsePrometheusText(exposition)) {
    for (const { name, labels, value } of family.samples) {
      // prom-client writes `le` first.
      const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
      const isTime = name === "duration_seconds_sum" || value > 1e9;
      // An empty quantile is NaN here, but 0 in prom-client.
      series[key] = isTime ? "a time" : Number.isNaN(value) ? 0 : value;
    }
  }
  return series;
}

async function runOld(code: string): Promise<{ result: unknown; exposition: string }> {
  client.register.clear();
  client.register.setDefaultLabels({});
  const names = [...labelNames];
  const own = new client.Registry();
  const counter = new client.Counter({ name: "calls_total", help: "Calls.", labelNames: names });
  counter.inc({ method: "GET" });
  const gauge = new client.Gauge({ name: "level", help: "Level.", labelNames: names });
  const histogram = new client.Histogram({
    name: "duration_seconds",
    help: "Time.",
    labelNames: names,
  });
  const result = await run(code, { client, own, counter, gauge, histogram, jobs });
  const exposition = await client.register.metrics() + await own.metrics();
  return { result, exposition };
}

async function runNew(code: string): Promise<{ result: unknown; exposition: string }> {
  narthex.REGISTRY.setRegistry(new narthex.CollectorRegistry(), { collectors: "leave" });
  const own = new narthex.CollectorRegistry();
  const options = { labelNames };
  // A line about labels of all metrics comes before the metrics are created.
  const isFirst = code.includes("setRegistry");
  const first = isFirst ? await run(code, { ...narthex }) : undefined;
  const counter = new narthex.Counter("calls_total", "Calls.", options);
  counter.labels({ method: "GET" }).inc();
  const gauge = new narthex.Gauge("level", "Level.", options);
  const histogram = new narthex.Histogram("duration_seconds", "Time.", options);
  const scope = { ...narthex, own, counter, gauge, histogram, jobs };
  const result = isFirst ? first : await run(code, scope);
  return { result, exposition: narthex.generateMetrics() + narthex.generateMetrics(own) };
}

/** Lines about metrics outside the default registry. Other tests run their new calls. */
const ELSEWHERE_REGEXP = /collectDefaultMetrics|Pushgateway|AggregatorRegistry/;
const page = readFileSync(new URL("docs/migrating_from_prom_client.md", ROOT_URL), "utf8");
const rows = [...page.matchAll(/^\| `([^|`]+)` +\| `([^|`]+)`.*\|$/gm)]
  .map(([, old = "", now = ""]) => ({ old, now }));

test("docs/migrating_from_prom_client.md has a table of calls", () => {
  assert.ok(rows.length > 20);
  const classes = ["Counter", "Gauge", "Histogram", "Summary", "Registry", "Pushgateway"];
  for (const name of classes) assert.ok(rows.some(({ old }) => old.includes(`client.${name}(`)));
});

for (const { old, now } of rows.filter(({ old }) => !ELSEWHERE_REGEXP.test(old))) {
  test(`\`${old}\` and \`${now}\` do the same`, async () => {
    try {
      const before = await runOld(old);
      const after = await runNew(now);
      assert.deepEqual(readSeries(after.exposition), readSeries(before.exposition));
      if (typeof before.result === "string") assert.equal(typeof after.result, "string");
    } finally {
      narthex.REGISTRY.setRegistry(new narthex.CollectorRegistry(), { collectors: "leave" });
      client.register.clear();
    }
  });
}

test("the names in the other lines of the table are exported", async () => {
  const others = rows.filter(({ old }) => ELSEWHERE_REGEXP.test(old));
  const entries = ["runtime", "pushgateway", "multiprocess", "sqlite"];
  const names = await Promise.all(
    entries.map(async (entry) => Object.keys(await import(`@narthex/prometheus/${entry}`))),
  );
  const exported = names.flat();
  for (const { now } of others) {
    const [, name = ""] = now.match(/^(?:await )?(\w+)\(/) ?? [];
    assert.ok(exported.includes(name), name);
  }
});
