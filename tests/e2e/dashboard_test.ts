import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Runtime, RUNTIMES, startDemo } from "../support/demo.ts";
import { ROOT_URL } from "../support/paths.ts";
import { waitFor } from "../support/processes.ts";
import { testWithPrograms } from "../support/programs.ts";
import { type PrometheusServer, type QueryResult, startPrometheus } from "../support/prometheus.ts";

const COMPOSE = new URL("examples/compose/", ROOT_URL);
const read = (path: string): string => readFileSync(new URL(path, COMPOSE), "utf8");

/** The part of Grafana's dashboard model that the tests use. */
interface Dashboard {
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}
interface Variable {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
  readonly allValue?: string;
  readonly datasource?: { readonly uid: string };
}
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly options?: { readonly yAxis?: { readonly unit?: string } };
}
interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: { readonly uid: string };
}

const dashboard: Dashboard = JSON.parse(read("grafana/dashboards/narthex.json"));
const panels = dashboard.panels.filter(({ type }) => type !== "row");
const scrapeSeconds = Number(/^ {2}scrape_interval: (\d+)s$/m.exec(read("prometheus.yml"))?.[1]);

/** The sentences in panel descriptions about the runtimes that have the metric. */
const AVAILABILITY: Readonly<Record<string, readonly Runtime[]>> = {
  "Only Node.js tells.": ["node"],
  "Bun does not tell.": ["deno", "node"],
  "Deno does not tell.": ["bun", "node"],
  "Deno tells with --allow-all.": RUNTIMES,
};

function runtimesOf({ description = "" }: Panel): readonly Runtime[] {
  const sentence = Object.keys(AVAILABILITY).find((text) => description.includes(text));
  assert.ok(sentence !== undefined || !/\b(?:Node|Bun|Deno)\b/.test(description), description);
  return sentence === undefined ? RUNTIMES : AVAILABILITY[sentence]!;
}

/** Replaces variables in a query like Grafana does. */
function substitute(expression: string, values: Readonly<Record<string, string>>): string {
  const all: Readonly<Record<string, string>> = {
    ...values,
    // See https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/
    __rate_interval: `${4 * scrapeSeconds}s`,
    __range: "900s",
  };
  return expression.replace(/\$(?:\{(\w+)\}|(\w+))/g, (text, braced, plain) => {
    const value = all[braced ?? plain];
    assert.ok(value !== undefined, `${text} is not a variable`);
    return value;
  });
}

/** Escapes a selected value for a regular expression in a PromQL string. */
function quote(value: string): string {
  return value.replace(/[\\^$.*+?()[\]{}|]/g, "\\\\$&");
}

const isFinite = ({ value }: QueryResult): boolean => Number.isFinite(value);

/** Every query of the dashboard, with its panel. */
const queries = panels.flatMap((panel) =>
  (panel.targets ?? []).map(({ expr, refId }) => ({ panel, expr, name: `${panel.title} ${refId}` }))
);

/** Waits until every query returns a number. The error names the queries that return none. */
async function askAll(
  prometheus: PrometheusServer,
  who: string,
  asked: readonly { readonly name: string; readonly query: string }[],
): Promise<void> {
  let waiting = [...asked];
  const all = waitFor(`all queries of ${who}`, async () => {
    const results = await Promise.all(waiting.map(({ query }) => prometheus.query(query)));
    waiting = waiting.filter((_, i) => !results[i]!.some(isFinite));
    return waiting.length === 0 || undefined;
  });
  await all.catch((cause) => {
    throw new Error(`Cannot draw for ${who}: ${JSON.stringify(waiting, undefined, 1)}`, { cause });
  });
}

test("every panel has a description, a unit and the selected data source", () => {
  assert.ok(panels.length > 20);
  for (const { title, description, datasource, targets = [], fieldConfig, options } of panels) {
    assert.ok((description ?? "").endsWith("."), title);
    assert.ok(fieldConfig?.defaults.unit ?? options?.yAxis?.unit ?? title === "Runtimes", title);
    assert.ok(targets.length > 0, title);
    for (const target of [{ datasource }, ...targets]) {
      assert.equal(target.datasource?.uid, "${datasource}", title);
    }
    for (const { expr, legendFormat } of targets) {
      assert.ok(legendFormat !== "" || title === "Runtimes", title);
      // Every selector has the selected job and instance.
      const metrics = expr.match(
        /\b(?:up\b|(?:process|runtime|http_server|http_client)_).*?[^\w]/g,
      );
      const chosen = expr.match(/\w\{job=~"\$job", instance=~"\$instance"/g);
      assert.ok(metrics !== null && metrics.length === chosen?.length, expr);
    }
  }
  for (const variable of dashboard.templating.list.filter(({ type }) => type === "query")) {
    assert.equal(variable.datasource?.uid, "${datasource}");
  }
});

test("no panels overlap, and no panel is wider than the page", () => {
  const ids = dashboard.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    assert.ok(x + w <= 24, title);
    for (let i = x; i < x + w; i++) {
      for (let j = y; j < y + h; j++) {
        assert.equal(taken.get(`${i} ${j}`), undefined, title);
        taken.set(`${i} ${j}`, title);
      }
    }
  }
});

test("Grafana has the scrape interval of Prometheus", () => {
  assert.ok(scrapeSeconds > 0);
  const source = read("grafana/provisioning/datasources/prometheus.yaml");
  assert.match(source, new RegExp(`^ +timeInterval: ${scrapeSeconds}s$`, "m"));
});

testWithPrograms(
  ["prometheus"],
  "every query of the dashboard returns data from the demo, on the runtimes that its panel names",
  async (path) => {
    // Deno has the permissions of compose.yaml.
    await using deno = await startDemo("deno", [], ["--allow-all"]);
    await using bun = await startDemo("bun");
    await using node = await startDemo("node");
    const demos = { deno, bun, node };
    const addresses = RUNTIMES.map((runtime) => demos[runtime].address);
    await using prometheus = await startPrometheus(path, addresses);

    // First, nothing is selected.
    const everything = { job: ".+", instance: ".+" };
    for (const { name, allValue } of dashboard.templating.list) {
      if (name in everything) assert.equal(allValue, ".+");
    }
    await askAll(
      prometheus,
      "all instances",
      queries.map(({ name, expr }) => ({ name, query: substitute(expr, everything) })),
    );

    // A quantile of sizes is shown as the bound of its bucket.
    const exposition = await (await fetch(`http://${deno.address}/metrics`)).text();
    const bounds = [...exposition.matchAll(/_body_size_bytes_bucket\{.*le="(\d+)"/g)]
      .map(([, le]) => Number(le));
    const sizes = queries.filter(({ expr }) => expr.includes("_body_size_bytes_bucket"));
    assert.equal(sizes.length, 6);
    for (const { name, expr } of sizes) {
      for (const { value } of await prometheus.query(substitute(expr, everything))) {
        assert.ok(bounds.includes(value), `${name}: ${value}`);
      }
    }

    // The values that can be selected.
    for (const { name, definition = "" } of dashboard.templating.list) {
      if (definition === "") continue;
      const [, selector = "", label = ""] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
      const query = `group by (${label}) (${substitute(selector, { job: "demo" })})`;
      const values = (await prometheus.query(query)).map(({ metric }) => metric[label]).sort();
      assert.deepEqual(values, name === "job" ? ["demo"] : addresses.toSorted());
    }

    // Each instance has exactly the metrics that the panels promise.
    for (const runtime of RUNTIMES) {
      const chosen = { job: "demo", instance: quote(demos[runtime].address) };
      const ask = ({ name, expr }: { name: string; expr: string }) => ({
        name,
        query: substitute(expr, chosen),
      });
      const has = queries.filter(({ panel }) => runtimesOf(panel).includes(runtime));
      const lacks = queries.filter(({ panel }) => !runtimesOf(panel).includes(runtime));
      await askAll(prometheus, runtime, has.map(ask));
      for (const { name, query } of lacks.map(ask)) {
        assert.deepEqual(await prometheus.query(query), [], `${name} of ${runtime}`);
      }
      assert.ok(lacks.length > 0 || runtime === "node");
    }
  },
);
