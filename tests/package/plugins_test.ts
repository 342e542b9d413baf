/**
 * Runs unchanged plugins for prom-client. They run with prom-client, and with this library in its
 * place by npm's `overrides`. Their samples must be equal.
 */
import assert from "node:assert/strict";
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT } from "../support/paths.ts";
import { type Consumer, emptyFolder, GATE, NAME, runtimePath, TARBALL, TOOLS } from "./gate.ts";

/** The replacements of packages, by the names of the original packages. */
const ALIASES = {
  "prom-client": "examples/prom_client_alias/prom-client",
  "@prometheus-io/client": "examples/prom_client_alias/prometheus-io-client",
};

/** The plugins that run on each runtime. */
const PLUGINS = {
  node: [
    "express-prom-bundle",
    "@willsoto/nestjs-prometheus",
    "fastify-metrics",
    "@hono/prometheus",
    "prometheus-api-metrics",
    "@graphql-yoga/plugin-prometheus",
    "opossum-prometheus",
    "kafkajs",
    "pg",
  ],
  bun: ["express-prom-bundle", "@hono/prometheus", "elysia-prometheus"],
  deno: ["express-prom-bundle", "@hono/prometheus"],
} as const;

/** Plugins with their own registry instead of the default one. */
const OWN_REGISTRY: readonly string[] = ["@hono/prometheus", "elysia-prometheus"];

/** The output of the program for a plugin. */
interface Result {
  error?: string;
  samples: string[];
  /** The lines of `metricsHandler()`. */
  handler: string[] | null;
}

let original: Consumer;
let replaced: Consumer;

/** Creates a folder with the plugins, and with replacements for some packages. */
async function installPlugins(replacements: Record<string, string>): Promise<Consumer> {
  const consumer = await emptyFolder();
  const plugins = join(GATE, "plugins");
  const manifest = JSON.parse(await readFile(join(plugins, "package.json"), "utf8"));
  const dependencies = { ...manifest.dependencies, ...replacements };
  const overrides = Object.fromEntries(
    Object.keys(replacements).map((name) => [name, `$${name}`]),
  );
  const changed = { ...manifest, dependencies, overrides };
  await consumer.write("package.json", JSON.stringify(changed));
  for (const name of ["program.mjs", "types.ts", "plugin_types.ts"]) {
    await cp(join(plugins, name), join(consumer.folder, name));
  }
  const options = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
  await consumer.run("npm", "install", ...options);
  return consumer;
}

before(async () => {
  const packed = await emptyFolder();
  const replacements: Record<string, string> = { [NAME]: `file:${TARBALL}` };
  for (const [name, path] of Object.entries(ALIASES)) {
    const output = await packed.run("npm", "pack", "--silent", join(ROOT, path));
    replacements[name] = `file:${join(packed.folder, output.trim())}`;
  }
  original = await installPlugins({});
  replaced = await installPlugins(replacements);
  await packed[Symbol.asyncDispose]();
});

after(async () => {
  await original?.[Symbol.asyncDispose]();
  await replaced?.[Symbol.asyncDispose]();
});

test("programs for the official client and declarations of plugins compile, with skipLibCheck: false", async () => {
  const compilerOptions = {
    noEmit: true,
    strict: true,
    skipLibCheck: false,
    target: "es2022",
    module: "nodenext",
    lib: ["ES2022", "DOM"],
    types: ["node"],
    experimentalDecorators: true,
  };
  const config = JSON.stringify({ compilerOptions, files: ["types.ts", "plugin_types.ts"] });
  const node = await runtimePath("node");
  for (const consumer of [original, replaced]) {
    await consumer.write("tsconfig.json", config);
    await consumer.run(node, join(TOOLS, "node_modules/typescript/bin/tsc"));
  }
});

for (const runtime of ["node", "bun", "deno"] as const) {
  test(`plugins have the same samples with this library as with prom-client, on ${runtime}`, async () => {
    const path = await runtimePath(runtime);
    const flags = runtime === "deno" ? ["run", "-A", "--no-check"] : [];
    // Each plugin runs in its own process, because most of them leave something behind.
    for (const plugin of PLUGINS[runtime]) {
      const [expected, actual] = await Promise.all([original, replaced].map(async (consumer) => {
        const output = await consumer.run(path, ...flags, "program.mjs", plugin);
        const results: Record<string, Result> = JSON.parse(output.trim().split("\n").at(-1)!);
        return results[plugin]!;
      })) as [Result, Result];
      assert.equal(expected.error, undefined, plugin);
      assert.equal(actual.error, undefined, plugin);
      assert.ok(expected.samples.length > 0, plugin);
      assert.deepEqual(actual.samples, expected.samples, plugin);
      assert.equal(expected.handler, null, plugin);
      if (OWN_REGISTRY.includes(plugin)) continue;
      // The handler is read later, when some plugins have also counted the scrape.
      const missing = actual.samples.filter((sample) =>
        !actual.handler!.some((other) => other.replace(/ \S+$/, "") === sample.replace(/ \S+$/, ""))
      );
      assert.deepEqual(missing, [], plugin);
    }
  });
}
