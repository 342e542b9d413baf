/**
 * Tests the library against the cases of other projects: `deno task conformance`.
 *
 * The cases are files in a folder next to the checkout, or in the folder of the environment
 * variable `NARTHEX_VECTORS`. The output has a line for each file, with the number of cases, of
 * cases that pass and of known deviations. The deviations are explained below the table. A case
 * that does not hold is a failure, and so is an obsolete deviation.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../support/paths.ts";
import * as exposition from "./exposition.ts";
import * as lint from "./lint.ts";
import * as names from "./names.ts";
import * as native from "./native.ts";
import * as parsing from "./parsing.ts";
import * as protobuf from "./protobuf.ts";
import {
  emptyOutcome,
  inapplicable,
  type JsonObject,
  type Outcome,
  type Runner,
} from "./runner.ts";

const cases = (file: JsonObject) => file["cases"];

/** The runners of each file. */
const RUNNERS: Readonly<Record<string, readonly Runner[]>> = {
  "float_format.json": [names.floatFormat],
  "name_escaping.json": names.escaping,
  "native_histogram_bounds_schema8.json": [native.bounds, native.boundsByPlace],
  "native_histogram_bucket_index.json": [native.bucketIndex],
  "native_histogram_encoding.json": native.encoding,
  "native_histogram_exemplars.json": [native.exemplars],
  "native_histogram_schema_pick.json": [native.schemaPick],
  "native_histogram_upper_bounds.json": [native.upperBounds],
  "native_histograms.json": [native.observations],
  "negotiation.json": names.negotiation,
  "om2_exposition_expfmt.json": [exposition.openMetricsDraft],
  "om_exposition_client_python.json": [exposition.openMetricsPython],
  "om_exposition_expfmt.json": exposition.openMetricsExpfmt,
  "om_parse_client_python.json": [parsing.openMetricsPython],
  "om_parser_cases.json": [parsing.openMetricsProject],
  "prometheus_2_42_native_histogram_behaviour.json": [
    inapplicable("results in prose, about a server", cases),
  ],
  "prometheus_2_42_scrape_behaviour.json": [parsing.scrapes],
  "promtool_2_42_check_metrics.json": [lint.promtool],
  "protobuf.json": [protobuf.encode, ...protobuf.decode],
  "pushgateway_1_5.json": [
    inapplicable("requests in prose, for a gateway: see tests/e2e/pushgateway_test.ts", cases),
  ],
  "text_exposition_client_python.json": [exposition.textPython],
  "text_exposition_expfmt.json": exposition.textExpfmt,
  "text_parse_client_python.json": [parsing.textPython],
  "text_parse_expfmt.json": parsing.textExpfmt,
  "textparse_prometheus_3_14.json": parsing.server,
};

/** The number of lines that are shown of a failure. */
const MESSAGE_LINES = 40;

async function main(): Promise<number> {
  const folder = process.env["NARTHEX_VECTORS"] || join(ROOT, "..", "shared", "vectors");
  if (!existsSync(folder)) {
    console.log(`No conformance vectors: there is no folder ${folder}`);
    return process.env["CI"] ? 1 : 0;
  }
  const rows: string[][] = [];
  const details: string[] = [];
  let [passed, failed, deviating, excluded] = [0, 0, 0, 0];
  const files = readdirSync(folder).filter((file) => file.endsWith(".json")).sort();
  for (const file of files) {
    const runners = Object.hasOwn(RUNNERS, file) ? RUNNERS[file] : undefined;
    if (runners === undefined) {
      rows.push([file, "unknown file", "", "", "", ""]);
      continue;
    }
    const outcome = emptyOutcome();
    const content: JsonObject = JSON.parse(readFileSync(join(folder, file), "utf8"));
    for (const run of runners) await run(content, outcome);
    if (outcome.cases === 0) {
      outcome.failures.push({ name: "the file", message: "has no cases where they should be" });
    }
    passed += outcome.passed;
    deviating += outcome.deviating;
    excluded += countExcluded(outcome);
    failed += outcome.failures.length;
    rows.push(toRow(file, outcome));
    details.push(...describe(file, outcome));
  }
  console.log(table([
    ["file", "cases", "passed", "deviations", "not applicable", "failed"],
    ...rows,
  ]));
  if (details.length > 0) console.log(`\n${details.join("\n")}`);
  if (files.length === 0) {
    console.log(`\nNo conformance vectors: there are none in ${folder}`);
    failed++;
  }
  console.log(`\n${deviating} known deviations, ${excluded} not applicable`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function toRow(file: string, outcome: Outcome): string[] {
  const { cases, passed, deviating, failures } = outcome;
  return [file, ...[cases, passed, deviating, countExcluded(outcome), failures.length].map(String)];
}

function countExcluded({ inapplicable }: Outcome): number {
  return [...inapplicable.values()].flat().length;
}

/** Returns the details of a file: deviations, inapplicable cases and failures. */
function describe(file: string, { deviations, inapplicable, failures }: Outcome): string[] {
  const lines: string[] = [];
  for (
    const [kind, reasons] of [["deviation", deviations], ["not applicable", inapplicable]] as const
  ) {
    for (const [reason, names] of reasons) {
      lines.push(`  ${kind} (${names.length}): ${reason}`);
      // The names of inapplicable cases add nothing to the reason.
      if (kind === "deviation") lines.push(...names.map((name) => `    ${name}`));
    }
  }
  for (const { name, message } of failures) {
    const shown = message.split("\n").slice(0, MESSAGE_LINES).join("\n      ");
    lines.push(`  FAILED ${name}\n      ${shown}`);
  }
  return lines.length === 0 ? [] : [file, ...lines];
}

function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)
    ).join("  ").trimEnd()
  ).join("\n");
}

process.exitCode = await main();
