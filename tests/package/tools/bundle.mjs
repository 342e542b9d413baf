// Bundles a program for Node.js, minified: `node bundle.mjs BUNDLER PROGRAM OUTPUT`.
import { readFile, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import process from "node:process";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import * as vite from "vite";
import webpack from "webpack";

const [, , bundler, program, output] = process.argv;

/** Each makes one module of the program, the package included. */
const BUNDLERS = {
  async esbuild() {
    await esbuild.build({
      entryPoints: [program],
      outfile: output,
      bundle: true,
      minify: true,
      platform: "node",
      format: "esm",
      logLevel: "warning",
    });
  },

  async vite() {
    await vite.build({
      root: dirname(program),
      configFile: false,
      logLevel: "warn",
      ssr: { noExternal: true },
      build: {
        ssr: program,
        minify: true,
        emptyOutDir: false,
        outDir: dirname(output),
        rollupOptions: { output: { entryFileNames: basename(output) } },
      },
    });
  },

  async webpack() {
    const stats = await new Promise((resolve, reject) => {
      webpack({
        mode: "production",
        target: "node22",
        context: dirname(program),
        entry: program,
        output: {
          path: dirname(output),
          filename: basename(output),
          module: true,
          library: { type: "module" },
        },
        experiments: { outputModule: true },
      }, (error, stats) => error ? reject(error) : resolve(stats));
    });
    if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString());
  },

  async rollup() {
    const warnings = [];
    const bundle = await rollup({
      input: program,
      plugins: [nodeResolve({ preferBuiltins: true })],
      external: /^node:/,
      onwarn: (warning) => warnings.push(warning.message),
    });
    if (warnings.length > 0) throw new Error(warnings.join("\n"));
    await bundle.write({ file: output, format: "esm", inlineDynamicImports: true });
    // It has no minifier of its own.
    const { code } = await esbuild.transform(await readFile(output, "utf8"), { minify: true });
    await writeFile(output, code);
  },
};

await BUNDLERS[bundler]();
