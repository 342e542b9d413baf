import assert from "node:assert/strict";
import { ParseError, parseOpenMetrics, parsePrometheusText } from "../../encoding/parse.ts";
import { serve } from "../../examples/serve.ts";
import { OPENMETRICS_CONTENT_TYPE, PROMETHEUS_CONTENT_TYPE } from "../../mod.ts";
import { waitFor } from "../support/processes.ts";
import { testWithPrograms } from "../support/programs.ts";
import { startPrometheus } from "../support/prometheus.ts";

/** Lines of metadata before `x 1`, and whether Prometheus accepts them. */
const TEXT: readonly (readonly [line: string, isAccepted: boolean])[] = [
  ["# TYPE x counter", true],
  ["# TYPE x COUNTER", false],
  ["# TYPE x Counter", false],
  ["# TYPE x", false],
  ["# TYPE x ", false],
  ["# TYPE", true],
  ["# TYPE ", false],
  ["# TYPE  x counter", true],
  ["# TYPE x\tcounter", true],
  ["#\tTYPE x counter", true],
  ["#TYPE x COUNTER", true],
  ["# type x COUNTER", true],
  [" # TYPE x COUNTER", false],
  ["# TYPE x counter ", false],
  ["# TYPE x counter # comment", false],
  ["# TYPE x unknown", false],
  ["# TYPE x info", false],
  ["# TYPE x stateset", false],
  ["# TYPE x gaugehistogram", false],
  ["# TYPE x untyped", true],
  ["# TYPE 1x counter", false],
  ["# HELP x", true],
  ["# HELP x ", true],
  ["# HELP", true],
  ["# HELP ", false],
  ["# HELP 1x text", false],
  ["# UNIT x seconds", true],
  ["# EOF", true],
  ["# TYPE x counter\n# TYPE x gauge", true],
];

/** The same for OpenMetrics, without the rules that Prometheus does not enforce. */
const OPEN_METRICS: readonly (readonly [line: string, isAccepted: boolean])[] = [
  ["# TYPE x gauge", true],
  ["# TYPE x GAUGE", false],
  ["# TYPE x", false],
  ["# TYPE x ", false],
  ["# TYPE", false],
  ["# TYPE x untyped", false],
  ["# TYPE x unknown", true],
  ["# TYPE x gauge ", false],
  ["#  TYPE x gauge", false],
  ["#TYPE x gauge", false],
  ["# type x gauge", false],
  ["# HELP x", false],
  ["# HELP x ", true],
  ["# comment", false],
];

const CASES = [
  ...TEXT.map(([line, isAccepted]) => ({
    text: `${line}\nx 1\n`,
    isAccepted,
    parse: parsePrometheusText,
    contentType: PROMETHEUS_CONTENT_TYPE,
  })),
  ...OPEN_METRICS.map(([line, isAccepted]) => ({
    text: `${line}\nx 1\n# EOF\n`,
    isAccepted,
    parse: parseOpenMetrics,
    contentType: OPENMETRICS_CONTENT_TYPE,
  })),
];

testWithPrograms(
  ["prometheus"],
  "the parsers accept the lines of metadata that Prometheus accepts, and refuse the others",
  async (path) => {
    await using servers = new AsyncDisposableStack();
    const ports: number[] = [];
    for (const { text, contentType } of CASES) {
      const server = await serve(
        () => new Response(text, { headers: { "content-type": contentType } }),
        0,
      );
      servers.defer(() => server.stop());
      ports.push(server.port);
    }
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    await using prometheus = await startPrometheus(path, addresses);
    const targets = await waitFor("a scrape of each text", async () => {
      const targets = await prometheus.targets();
      const isDone = targets.length === CASES.length &&
        targets.every(({ health }) => health !== "unknown");
      return isDone ? targets : undefined;
    });
    for (const [i, { text, isAccepted, parse }] of CASES.entries()) {
      const target = targets.find(({ scrapeUrl }) => new URL(scrapeUrl).host === addresses[i])!;
      const spelled = JSON.stringify(text);
      assert.equal(target.health, isAccepted ? "up" : "down", `${spelled}: ${target.lastError}`);
      if (isAccepted) parse(text);
      else assert.throws(() => parse(text), ParseError, spelled);
    }
  },
);
