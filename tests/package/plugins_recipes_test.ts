/**
 * Runs the recipes of docs/prom_client.md verbatim. Each test replaces prom-client by this library,
 * installs two plugins, and reads their metrics from `metricsHandler()`.
 */
import assert from "node:assert/strict";
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../support/paths.ts";
import { type Consumer, emptyFolder, GATE, NAME, runtimePath, TARBALL } from "./gate.ts";

/** One plugin for each of the two packages, with one of its samples. */
const PLUGINS = {
  "express-prom-bundle": /^http_request_duration_seconds_count\{.*path="\/users\/#val".*\} 1$/,
  "fastify-metrics": /^http_request_duration_seconds_count\{.*route="\/users\/:id".*\} 2$/,
};

/** The packages that the plugins and the program import. */
const NEEDED = ["express", "express-prom-bundle", "fastify", "fastify-metrics"];

/** The part of a `package.json` that the recipe contains. */
interface Manifest {
  dependencies: Record<string, string>;
  overrides?: Record<string, string>;
}

/** The two recipes of the page: a `package.json` and a `deno.json`. */
const [manifest, config] = await readRecipes() as [Manifest, { links: string[] }];

async function readRecipes(): Promise<unknown[]> {
  const page = await readFile(join(ROOT, "docs/prom_client.md"), "utf8");
  return Array.from(page.matchAll(/^```json\n(.*?)^```$/gms), ([, text]) => JSON.parse(text!));
}

/** Creates a project with the folders of the page and the two plugins. */
async function makeProject(changed: Manifest): Promise<Consumer> {
  const project = await emptyFolder();
  const plugins = join(GATE, "plugins");
  const { dependencies } = JSON.parse(await readFile(join(plugins, "package.json"), "utf8"));
  const added = Object.fromEntries(NEEDED.map((name) => [name, dependencies[name]]));
  await project.write(
    "package.json",
    JSON.stringify({ ...changed, dependencies: { ...added, ...changed.dependencies } }),
  );
  await cp(join(ROOT, "examples/prom_client_alias"), join(project.folder, "packages"), {
    recursive: true,
  });
  await cp(join(plugins, "program.mjs"), join(project.folder, "program.mjs"));
  return project;
}

/** Runs the plugins in a project, and prints one sample of each. */
async function runPlugins(project: Consumer, program: string, ...args: string[]): Promise<void> {
  for (const [plugin, counted] of Object.entries(PLUGINS)) {
    const output = await project.run(program, ...args, "program.mjs", plugin);
    const { error, handler } = JSON.parse(output.trim().split("\n").at(-1)!)[plugin];
    assert.equal(error, undefined, plugin);
    const sample = handler.find((line: string) => counted.test(line));
    assert.notEqual(sample, undefined, `${plugin}\n${handler.join("\n")}`);
    console.log(sample);
  }
}

/** Returns the `package.json` of the page, with the tarball instead of the published package. */
function withTarball({ dependencies, overrides }: Manifest): Manifest {
  return {
    dependencies: { ...dependencies, [NAME]: `file:${TARBALL}` },
    overrides: { ...overrides, [NAME]: `$${NAME}` },
  };
}

test("the npm recipe adds the metrics of plugins to metricsHandler()", async () => {
  await using project = await makeProject(withTarball(manifest));
  const options = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
  await project.run("npm", "install", ...options);
  await runPlugins(project, await runtimePath("node"));
});

test("the Bun recipe adds the metrics of plugins to metricsHandler()", async () => {
  await using project = await makeProject(withTarball(manifest));
  const bun = await runtimePath("bun");
  await project.run(bun, "install", "--silent");
  await runPlugins(project, bun);
});

test("the Deno recipe adds the metrics of plugins to metricsHandler()", async () => {
  const { dependencies } = manifest;
  await using project = await makeProject({ dependencies });
  // Links the built package instead of the published one.
  await cp(join(ROOT, "dist/npm"), join(project.folder, "narthex"), { recursive: true });
  await project.write(
    "deno.json",
    JSON.stringify({ ...config, links: [...config.links, "./narthex"] }),
  );
  await runPlugins(project, await runtimePath("deno"), "run", "-A", "--quiet");
});
