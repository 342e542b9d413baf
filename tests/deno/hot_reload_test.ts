import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { copyLibrary, type LibraryCopy } from "../support/library_copy.ts";
import { type RunningProgram, start, waitFor } from "../support/processes.ts";
import { testWithPrograms } from "../support/programs.ts";
import { runtimePath } from "../support/runtimes.ts";
import { readSnippets } from "../support/readme.ts";

/** Returns the unchanged lines of README.md for hot reload. */
function readmeLines(): string {
  const found = readSnippets().filter(({ code }) => code.includes('onDuplicate: "replace"'));
  assert.equal(found.length, 1);
  return found[0]!.code;
}

/** A version of the program. Each edit changes something. */
interface Edition {
  readonly version: number;
  readonly help: string;
  readonly bucket: number;
}

/** Returns README's lines, followed by code that a user may edit. */
function program({ version, help, bucket }: Edition): string {
  return `${readmeLines()}
import { Gauge, generateMetrics, Histogram, MetricFamily } from "@narthex/prometheus";

new Gauge("edited", "${help}").inc();
new Histogram("size", "Sizes.", { buckets: [${bucket}] }).observe(1);
let isOpen = true;
REGISTRY.register({
  collect() {
    console.log("CALLED ${version}");
    if (!isOpen) throw new Error("closed");
    return [new MetricFamily("custom", "C.", "gauge").addSample("custom", {}, ${version})];
  },
});
const text = [generateMetrics(), generateMetrics()].at(-1);
console.log("EDITION " + JSON.stringify({ version: ${version}, text }));
// Programs close the resources of a module before the module runs again.
isOpen = false;
setInterval(() => {}, 1000);
`;
}

/** The output of one run of the module. */
interface Run {
  readonly version: number;
  /** The versions of the collectors that its two reads called. */
  readonly called: readonly number[];
  readonly help: string | undefined;
  value(series: string): number | undefined;
}

function readRuns(output: string): Run[] {
  let called: number[] = [];
  const runs: Run[] = [];
  for (const line of output.split("\n")) {
    const [, version] = /^CALLED (\d+)$/.exec(line) ?? [];
    if (version !== undefined) called.push(Number(version));
    const [, json] = /^EDITION (\{.*\})$/.exec(line) ?? [];
    if (json === undefined) continue;
    const { version: edition, text }: { version: number; text: string } = JSON.parse(json);
    const lines = text.split("\n");
    runs.push({
      version: edition,
      called,
      help: lines.find((line) => line.startsWith("# HELP edited "))?.slice(14),
      value: (series) => {
        const found = lines.find((line) => line.startsWith(`${series} `));
        return found === undefined ? undefined : Number(found.slice(series.length + 1));
      },
    });
    called = [];
  }
  return runs;
}

/** Edits a file until the program has noticed. A watcher that is not yet ready misses an edit. */
async function edit(
  running: RunningProgram,
  { path, code, sign }: { path: string; code: string; sign: RegExp },
): Promise<void> {
  await waitFor(`the edit is seen: ${running.output()}`, async () => {
    await writeFile(path, code);
    for (let i = 0; i < 40; i++) {
      if (sign.test(running.output())) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return undefined;
  });
}

const EDITIONS: readonly Edition[] = [
  { version: 1, help: "First.", bucket: 5 },
  { version: 2, help: "First.", bucket: 5 },
  { version: 3, help: "Second.", bucket: 5 },
  { version: 4, help: "Second.", bucket: 7 },
  { version: 5, help: "Second.", bucket: 7 },
];

/** The output of a module that has loaded a backend. */
const VERSION_REGEXP = /^VERSION \d (.*)$/gm;

/** Lets programs import a copy of the library by the name of the package. */
async function nameLibrary(copy: LibraryCopy): Promise<void> {
  const name = "@narthex/prometheus";
  const exports = {
    ".": "./mod.ts",
    "./multiprocess": "./multiprocess/mod.ts",
    "./sqlite": "./multiprocess/sqlite/mod.ts",
  };
  await copy.write("package.json", JSON.stringify({ name, type: "module", exports }));
  await copy.write("deno.json", JSON.stringify({ imports: { [name]: "./mod.ts" } }));
}

/** Starts `app.ts` under `bun --hot`. */
async function startHot({ folder }: LibraryCopy): Promise<RunningProgram> {
  const env = { ...process.env, NO_COLOR: "1" };
  return start(await runtimePath("bun"), ["--hot", "app.ts"], { cwd: folder, env });
}

testWithPrograms(
  ["npx"],
  "README's lines keep counts under bun --hot, and show edits of definitions",
  async () => {
    await using copy = await copyLibrary();
    await nameLibrary(copy);
    await copy.write("app.ts", program(EDITIONS[0]!));
    await using bun = await startHot(copy);
    await bun.waitForOutput(/^EDITION \{"version":1,/m);
    for (const edition of EDITIONS.slice(1)) {
      await edit(bun, {
        path: join(copy.folder, "app.ts"),
        code: program(edition),
        sign: new RegExp(`^EDITION \\{"version":${edition.version},`, "m"),
      });
    }
    const runs = readRuns(bun.output());
    const editionOf = ({ version }: Run) =>
      EDITIONS.find((edition) => edition.version === version)!;
    for (const [i, run] of runs.entries()) {
      const what = `run ${i + 1}, version ${run.version}:\n${bun.output()}`;
      // The definition never changes, so each run adds one, however often an edit is seen.
      assert.equal(run.value("reloads_total"), i + 1, what);
      // A count continues as long as its definition is the same.
      const { help, bucket } = editionOf(run);
      const alike = runs.slice(0, i + 1).map(editionOf);
      assert.equal(run.help, help, what);
      assert.equal(run.value("edited"), alike.filter((other) => other.help === help).length, what);
      const sizes = alike.filter((other) => other.bucket === bucket).length;
      assert.equal(run.value("size_count"), sizes, what);
      assert.equal(run.value(`size_bucket{le="${bucket}"}`), sizes, what);
      // The edited collector shows its own value. Its second read calls no other collector.
      assert.equal(run.value("custom"), run.version, what);
      assert.equal(run.called.at(-1), run.version, what);
      assert.ok(run.called.length <= 3, what);
      assert.equal(
        run.value('narthex_collector_errors_total{collector="custom",cause="error"}'),
        undefined,
        what,
      );
    }
    assert.ok(runs.length >= EDITIONS.length);
  },
);

testWithPrograms(
  ["npx"],
  "a module that loads a backend continues to count in each run of bun --hot",
  async () => {
    await using copy = await copyLibrary();
    await nameLibrary(copy);
    const code = (version: number) =>
      `console.log("RUN");
${readmeLines()}
import { generateMetricsAsync } from "@narthex/prometheus";
import { loadBackend } from "@narthex/prometheus/multiprocess";
import { sqliteBackend } from "@narthex/prometheus/sqlite";

const onError = (error) => console.log("FAILED " + error);
await loadBackend(sqliteBackend("./metrics.db"), { onError });
new Counter("late_total", "Created after the backend was loaded.").inc();
console.log("VERSION ${version} " + JSON.stringify(await generateMetricsAsync()));
setInterval(() => {}, 1000);
`;
    await copy.write("app.ts", code(1));
    await using bun = await startHot(copy);
    await bun.waitForOutput(/^VERSION 1 /m);
    for (const version of [2, 3, 4]) {
      await edit(bun, {
        path: join(copy.folder, "app.ts"),
        code: code(version),
        sign: new RegExp(`^VERSION ${version} `, "m"),
      });
    }
    const output = bun.output();
    assert.ok(!output.includes("FAILED"), output);
    // A slow machine may see an edit twice, and may start a run before the last one has ended.
    const [runs, prints] = [[...output.matchAll(/^RUN$/gm)], [...output.matchAll(VERSION_REGEXP)]];
    assert.ok(prints.length >= 4, output);
    for (const [i, { index, 1: json }] of prints.entries()) {
      const text: string = JSON.parse(json!);
      const valueOf = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
      const [reloads, late] = [valueOf("reloads_total"), valueOf("late_total")];
      assert.equal(reloads, runs.filter((run) => run.index < index).length, output);
      assert.ok(late > i && late <= reloads, output);
    }
  },
);

test("all counts continue under deno run --watch-hmr", async () => {
  await using copy = await copyLibrary();
  await nameLibrary(copy);
  const code = (version: number) =>
    `${readmeLines()}
import { generateMetrics } from "@narthex/prometheus";

const ticks = new Counter("ticks_total", "Ticks.");
function tick() {
  ticks.inc();
  console.log("VERSION ${version} " + JSON.stringify(generateMetrics()));
}
setInterval(() => tick(), 50);
`;
  await copy.write("app.ts", code(1));
  const args = ["run", "-A", "--no-check", "--watch-hmr", "app.ts"];
  await using deno = start(await runtimePath("deno"), args, {
    cwd: copy.folder,
    env: { ...process.env, NO_COLOR: "1" },
  });
  await deno.waitForOutput(/^VERSION 1 .*ticks_total 2/m);
  await edit(deno, { path: join(copy.folder, "app.ts"), code: code(2), sign: /^VERSION 2 /m });
  const ticks = [...deno.output().matchAll(/^VERSION \d .*reloads_total 1\\n.*ticks_total (\d+)/gm)]
    .map(([, count]) => Number(count));
  assert.deepEqual(ticks, ticks.map((_, i) => i + 1));
});
