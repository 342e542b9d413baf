/**
 * Measures the size of the core as a bundle, and its import time in a fresh process, from source
 * and as a bundle, compared with the official client. Prints a table, and writes it into
 * docs/benchmarks.md.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build, stop } from "esbuild";
import { runFresh } from "./fresh_process.ts";
import { type Measured, summarise } from "./harness.ts";
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
    banner: "",
  },
  {
    name: "@prometheus-io/client",
    entry: "@prometheus-io/client",
    specifier: "@prometheus-io/client",
    // This package is CommonJS, and requires the platform's modules.
    banner: 'import{createRequire}from"node:module";const require=createRequire("/");',
  },
];

/** Bundles and minifies a module with all its imports. */
async function bundle({ entry, banner }: (typeof CONTESTANTS)[number]): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: fileURLToPath(new URL("..", import.meta.url)),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    platform: "node",
    banner: { js: banner },
    write: false,
  });
  return outputFiles[0]!.contents; // One entry point makes one file.
}

/** Measures the import times of modules, in nanoseconds. */
async function measureImports(specifiers: readonly string[]): Promise<Measured[]> {
  const times: number[][] = specifiers.map(() => []);
  for (let round = -1; round < PROCESSES; round++) {
    for (const [i, specifier] of specifiers.entries()) {
      const time = await runFresh("import_time.ts", specifier) as number; // It prints a number.
      if (round >= 0) times[i]!.push(time * 1e6); // The first round fills the caches.
    }
  }
  return times.map(summarise);
}

const bundles = await Promise.all(CONTESTANTS.map(bundle));
const folder = mkdtempSync(join(tmpdir(), "narthex-size-"));
const files = bundles.map((contents, i) => {
  const file = join(folder, `bundle_${i}.mjs`);
  writeFileSync(file, contents);
  return pathToFileURL(file).href;
});
const imports = await measureImports([...CONTESTANTS.map(({ specifier }) => specifier), ...files]);
rmSync(folder, { recursive: true });
const rows = [["", "minified", "minified, gzip", "import", "import of the bundle"]];
for (const [i, { name }] of CONTESTANTS.entries()) {
  rows.push([
    name,
    formatQuantity(bundles[i]!.length, MEMORY),
    formatQuantity(gzipSync(bundles[i]!, { level: 9 }).length, MEMORY),
    formatMeasured(imports[i]!, TIME),
    formatMeasured(imports[i + CONTESTANTS.length]!, TIME),
  ]);
}
rows.push(["target", "–", "≤ 10 kB", "≤ 10 ms", "–"]);
await stop();
const text = `${describeRun("deno task size")}\n\n` +
  `Bundled by \`esbuild\` ${
    versionOf("esbuild")
  }; imports are the median of ${PROCESSES} fresh processes.\n\n` +
  formatTable(rows);
console.log(text);
writeSection("Size and import time", text);
