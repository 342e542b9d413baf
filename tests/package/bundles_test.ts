import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Consumer, installPackage, runtimePath, runTool } from "./gate.ts";

let consumer: Consumer;
before(async () => consumer = await installPackage());
after(() => consumer[Symbol.asyncDispose]());

/** Runs a bundle in a folder without installed packages. */
async function runBundle(runtime: "bun" | "node", bundle: string): Promise<void> {
  assert.doesNotMatch(await readFile(bundle, "utf8"), /@narthex\/prometheus["']/);
  const path = await runtimePath(runtime);
  assert.match(await consumer.run(path, bundle), /^all entry points work$/m);
}

for (const bundler of ["esbuild", "vite", "webpack", "rollup"]) {
  test(`a minified bundle by ${bundler} runs`, async () => {
    const bundle = join(consumer.folder, `${bundler}.mjs`);
    await runTool("bundle.mjs", bundler, join(consumer.folder, "program.mjs"), bundle);
    await runBundle("node", bundle);
  });
}

for (const target of ["bun", "node"] as const) {
  test(`a minified bundle by bun build for ${target} runs`, async () => {
    const bundle = join(consumer.folder, `bun_${target}.mjs`);
    const args = ["build", "--minify", `--target=${target}`, `--outfile=${bundle}`];
    await consumer.run(await runtimePath("bun"), ...args, "program.mjs");
    await runBundle(target, bundle);
  });
}

test("an executable by bun build --compile runs", async () => {
  const program = join(consumer.folder, "program");
  const args = ["build", "--compile", `--outfile=${program}`, "program.mjs"];
  await consumer.run(await runtimePath("bun"), ...args);
  assert.match(await consumer.run(program), /^all entry points work$/m);
});

test("a bundle contains only the parts that the program uses", async () => {
  const size = async (name: string, code: string): Promise<number> => {
    await consumer.write(`${name}.mjs`, code);
    const bundle = join(consumer.folder, `${name}_bundle.mjs`);
    await runTool("bundle.mjs", "esbuild", join(consumer.folder, `${name}.mjs`), bundle);
    return (await stat(bundle)).size;
  };
  const entry = '"@narthex/prometheus"';
  const all = await size("all", `export * from ${entry};`);
  const some = await size(
    "some",
    `import { Counter, generateMetrics } from ${entry};\n` +
      `new Counter("x_total", "X.").inc();\nconsole.log(generateMetrics());`,
  );
  assert.ok(some < 0.75 * all, `${some} of ${all} bytes`);
  assert.equal(await size("none", `import ${entry};`), 0);
});
