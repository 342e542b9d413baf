/**
 * Compares the libraries side by side. Prints the table, and writes it into docs/benchmarks.md.
 *
 * @module
 */
import { compareMemory, compareSpeed, ratioOf, type Results, warmUp } from "./compare.ts";
import { RUNTIME } from "./fresh_process.ts";
import type { Effort } from "./harness.ts";
import {
  describeRun,
  formatMeasured,
  formatNumber,
  formatTable,
  MEMORY,
  TIME,
  versionOf,
  writeSection,
} from "./report.ts";
import {
  ALL_LIBRARIES,
  LIBRARIES,
  MEMORY_ROWS,
  type Row,
  ROW_IDS,
  ROWS,
  type Target,
} from "./work.ts";

const EFFORT: Effort = { rounds: 25, scrapes: 11, batchMs: 10 };
const PROCESSES = 3;
/** The fraction of the ratios that must be reached on this runtime. */
const PART = RUNTIME === "Deno" ? 1 : 0.7;
const COMMANDS = {
  "Deno": "deno task bench",
  "Bun": "deno task bench:bun",
  "Node.js": "deno task bench:node",
};

function formatRow(row: Row, results: Results, units: typeof TIME): string[] {
  const cells = ALL_LIBRARIES.map((library) => {
    const measured = results.get(library);
    return measured === undefined ? "–" : formatMeasured(measured, units);
  });
  const ratio = ratioOf(results);
  return [
    row.title,
    ...cells,
    ratio === undefined ? "–" : `${formatNumber(ratio)} ×`,
    formatTarget(row.target, results),
  ];
}

/** Formats the target, and whether it was missed. */
function formatTarget({ ratio, nanoseconds }: Target = {}, results: Results): string {
  if (ratio !== undefined) {
    const wanted = ratio * PART;
    const missed = ratioOf(results)! < wanted ? ", missed" : "";
    return `≥ ${Number(wanted.toPrecision(3))} ×${missed}`;
  }
  if (nanoseconds === undefined) return "–";
  return `≤ ${nanoseconds} ns${results.get("narthex")!.median > nanoseconds ? ", missed" : ""}`;
}

await warmUp(ALL_LIBRARIES);

const table = [["", ...Object.values(LIBRARIES), "ratio", "target"]];
for (const id of ROW_IDS) {
  table.push(formatRow(ROWS[id], await compareSpeed(id, ALL_LIBRARIES, EFFORT), TIME));
}
for (const row of MEMORY_ROWS) {
  table.push(formatRow(row, await compareMemory(row, ALL_LIBRARIES, PROCESSES), MEMORY));
}

const packages = [
  "@prometheus-io/client",
  "prom-client",
  "@opentelemetry/sdk-metrics",
  "@opentelemetry/exporter-prometheus",
];
const versions = packages.map((name) => `\`${name}\` ${versionOf(name)}`).join(", ");
const text = `${describeRun(COMMANDS[RUNTIME])}\n\nBeside ${versions}.\n\n${formatTable(table)}`;
console.log(text);
writeSection(RUNTIME, text);
