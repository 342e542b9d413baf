import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  type Consumer,
  emptyFolder,
  GATE,
  installPackage,
  NAME,
  NODE_VERSIONS,
  run,
  runtimePath,
  TARBALL,
} from "./gate.ts";

let consumer: Consumer;
before(async () => consumer = await installPackage());
after(() => consumer[Symbol.asyncDispose]());

for (const version of NODE_VERSIONS) {
  test(`Node.js ${version} runs every entry point`, async () => {
    const node = await runtimePath("node", version);
    assert.match(await consumer.run(node, "program.mjs"), /^all entry points work$/m);
  });

  test(`Node.js ${version} loads every entry point by require()`, async () => {
    const node = await runtimePath("node", version);
    assert.match(await consumer.run(node, "program.cjs"), /^require works$/m);
  });
}

test("a stack trace names the lines of the sources", async () => {
  await consumer.write(
    "throws.mjs",
    `import { Counter } from "${NAME}";\n` +
      `try { new Counter("x_total", "X.").inc(-1) } catch (error) { console.log(error.stack) }\n`,
  );
  const output = await consumer.run(
    await runtimePath("node"),
    "--enable-source-maps",
    "throws.mjs",
  );
  const [, path = "", line = ""] = output.match(/prometheus\/(metrics\/\S+\.ts):(\d+):/) ?? [];
  const source = (await run("cat", [path], join(GATE, "../.."))).split("\n");
  assert.match(source[Number(line) - 1] ?? "", /throw|check|inc/, output);
});

test("npm test on an older Node.js names the required version if none can be fetched", async () => {
  const script = join(GATE, "../../build/pinned_node.mjs");
  for (const version of NODE_VERSIONS) {
    // There is no npx in this path.
    const options = { encoding: "utf8", env: { PATH: consumer.folder } } as const;
    const { status, stdout, stderr } = spawnSync(
      await runtimePath("node", version),
      [script, "--version"],
      options,
    );
    const isOld = version.startsWith("22.12.");
    assert.equal(status, isOld ? 1 : 0, stderr);
    assert.equal(stdout.trim(), isOld ? "" : `v${version}`);
    if (isOld) assert.match(stderr, /: it needs Node\.js 22\.18 or later, and "npx -y node@/);
  }
});

test("Bun runs every entry point in a project created by bun init", async () => {
  await using project = await emptyFolder();
  const bun = await runtimePath("bun");
  await project.run(bun, "init", "--yes");
  await project.run(bun, "add", TARBALL);
  await cp(join(GATE, "consumer"), project.folder, { recursive: true });
  assert.match(await project.run(bun, "program.mjs"), /^all entry points work$/m);
  assert.match(await project.run(bun, "program.cjs"), /^require works$/m);
  // Uses the project's tsconfig.json, Bun types and TypeScript version.
  const compiler = join(project.folder, "node_modules/typescript/bin/tsc");
  const node = await runtimePath("node");
  await project.run(node, compiler, "--noEmit", "--skipLibCheck", "false");
});

test("Deno runs every entry point of an npm package that npm has installed", async () => {
  const deno = await runtimePath("deno");
  const output = await consumer.run(deno, "run", "-A", "--no-lock", "program.mjs");
  assert.match(output, /^all entry points work$/m);
  await consumer.run(deno, "check", "--no-lock", "types.ts");
});

test("Deno runs every entry point of an npm package that is a folder", async () => {
  await using project = await emptyFolder();
  await cp(join(GATE, "../../dist/npm"), join(project.folder, "package"), { recursive: true });
  await cp(join(GATE, "consumer"), project.folder, { recursive: true });
  await project.write(
    "deno.json",
    JSON.stringify({
      links: ["./package"],
      nodeModulesDir: "auto",
      imports: { [NAME]: `npm:${NAME}`, [`${NAME}/`]: `npm:/${NAME}/` },
    }),
  );
  const deno = await runtimePath("deno");
  const output = await project.run(deno, "run", "-A", "--check", "program.mjs");
  assert.match(output, /^all entry points work$/m);
});
