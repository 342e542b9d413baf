/**
 * How large the core is as a bundle, and how long its import takes in a fresh process, beside the
 * official client. Prints a table, and writes it into docs/benchmarks.md.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, stop } from "esbuild";
import { runFresh } from "./fresh_process.ts";
import { summarise } from "./harness.ts";
import {
  describeRun,
  formatMeasured,
  formatQuantity,
  formatTable,
  MEMORY,
  TIME,
  versionOf,
  writeSection,
} from "./report.ts";

const PROCESSES = 21;

const CONTESTANTS = [
  {
    name: "Narthex",
    entry: fileURLToPath(new URL("../mod.ts", import.meta.url)),
    specifier: "../mod.ts",
  },
  {
    name: "@prometheus-io/client",
    entry: "@prometheus-io/client",
    specifier: "@prometheus-io/client",
  },
];

/** The size of a module with all that it imports, minified, and compressed besides. */
async function bundle(entry: string): Promise<{ minified: number; compressed: number }> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: fileURLToPath(new URL("..", import.meta.url)),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    platform: "node",
    write: false,
  });
  const { contents } = outputFiles[0]!; // One entry point, one file.
  return { minified: contents.length, compressed: gzipSync(contents, { level: 9 }).length };
}

const times: number[][] = CONTESTANTS.map(() => []);
for (let round = -1; round < PROCESSES; round++) {
  for (const [i, { specifier }] of CONTESTANTS.entries()) {
    const time = await runFresh("import_time.ts", specifier) as number; // It prints one.
    if (round >= 0) times[i]!.push(time * 1e6); // The first round fills the caches.
  }
}
const rows = [["", "minified", "minified, gzip", "import in a fresh process"]];
for (const [i, { name, entry }] of CONTESTANTS.entries()) {
  const { minified, compressed } = await bundle(entry);
  rows.push([
    name,
    formatQuantity(minified, MEMORY),
    formatQuantity(compressed, MEMORY),
    formatMeasured(summarise(times[i]!), TIME),
  ]);
}
rows.push(["target", "–", "≤ 10 kB", "≤ 10 ms"]);
await stop();
const text = `${describeRun("deno task size")}\n\n` +
  `Bundled by \`esbuild\` ${versionOf("esbuild")}; median of ${PROCESSES} processes.\n\n` +
  formatTable(rows);
console.log(text);
writeSection("Size and import time", text);
