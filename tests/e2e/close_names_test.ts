import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { serve } from "../../examples/serve.ts";
import {
  CollectorRegistry,
  generateOpenMetrics,
  type MetricFamily,
  OPENMETRICS_CONTENT_TYPE,
} from "../../mod.ts";
import { closePairs, valuesOf } from "../support/close_names.ts";
import { testWithPrograms } from "../support/programs.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { testWithPython } from "../support/python.ts";

/**
 * A Python program that parses texts and prints, for each, the number of samples without those of
 * `_created`, or the error.
 */
const PARSE = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families

def parse(text):
    try:
        families = list(text_string_to_metric_families(text))
        return sum(
            1 for family in families for sample in family.samples
            if family.type == "gauge" or not sample.name.endswith("_created")
        )
    except Exception as error:
        return repr(error)

print(json.dumps([parse(text) for text in json.loads(sys.stdin.buffer.read().decode("utf-8"))]))
`;

function encode(families: readonly MetricFamily[]): string {
  const registry = new CollectorRegistry();
  registry.register({ collect: () => families });
  return generateOpenMetrics(registry, { created: true });
}

testWithPython("Python's prometheus_client reads families whose names are close", (python) => {
  const pairs = closePairs().filter(({ families }) =>
    // The program above counts samples by suffix, and would omit a counter whose name ends in
    // `_created`.
    !families.some(({ name, type }) => name.endsWith("_created") && type !== "gauge")
  );
  const texts = pairs.map(({ families }) => encode(families));
  const output = execFileSync(python, ["-c", PARSE], { input: JSON.stringify(texts) });
  const counts: unknown[] = JSON.parse(output.toString());
  for (const [i, { name, families }] of pairs.entries()) {
    assert.equal(counts[i], valuesOf(families).length, `${name}:\n${texts[i]}`);
  }
});

/** The names of the scraped pairs. */
const SCRAPED = [
  "gauge jobs and counter jobs_total",
  "counter jobs_total and gauge jobs",
  "gauge jobs and info jobs_info",
  "info jobs_info and histogram jobs",
  "counter jobs_total and gauge jobs_created",
  "histogram jobs and gauge jobs_created",
  "gauge jobs_created and summary jobs",
];

testWithPrograms(
  ["prometheus"],
  "Prometheus stores all series of families whose names are close",
  async (path) => {
    await using servers = new AsyncDisposableStack();
    const pairs = closePairs().filter(({ name }) => SCRAPED.includes(name));
    assert.equal(pairs.length, SCRAPED.length);
    const addresses: string[] = [];
    for (const { families } of pairs) {
      const headers = { "content-type": OPENMETRICS_CONTENT_TYPE };
      const server = await serve(() => new Response(encode(families), { headers }), 0);
      servers.defer(() => server.stop());
      addresses.push(`127.0.0.1:${server.port}`);
    }
    await using prometheus = await startPrometheus(path, addresses);
    for (const [i, { name, families }] of pairs.entries()) {
      await prometheus.waitForValue(`up{instance="${addresses[i]}"}`, (up) => up === 1);
      const selector = `{__name__=~"jobs.*",instance="${addresses[i]}"}`;
      const stored = await prometheus.query(selector);
      const values = stored.map(({ metric: { __name__: series }, value }) => `${series} ${value}`);
      for (const expected of valuesOf(families)) {
        assert.ok(
          values.includes(expected.replace(/\{.*\}/, "")),
          `${name}: ${expected}: ${values}`,
        );
      }
    }
  },
);
