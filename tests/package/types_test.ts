import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Consumer, ENTRY_POINTS, installPackage, runtimePath, TOOLS } from "./gate.ts";

/** The paths of compilers. */
const COMPILERS = {
  "TypeScript 5.9": "node_modules/typescript/bin/tsc",
  "the latest TypeScript": "node_modules/typescript-latest/bin/tsc",
};

/** Module resolutions. The programs are ES modules. */
const RESOLUTIONS = {
  nodenext: { module: "nodenext" },
  node16: { module: "node16" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
};

/** Global types that a program may have. */
const GLOBALS = {
  "ES2022 and Node's types": { lib: ["ES2022"], types: ["node"] },
  "ES2022 and the DOM": { lib: ["ES2022", "DOM"], types: [] },
  "all of them": { lib: ["ESNext", "DOM", "DOM.Iterable", "DOM.AsyncIterable"], types: ["node"] },
};

let consumer: Consumer;
let node: string;
before(async () => {
  node = await runtimePath("node");
  consumer = await installPackage();
  const entries = ENTRY_POINTS.map((name, i) => `export * as entry${i} from "${name}";\n`);
  await consumer.write("entries.ts", entries.join(""));
  await consumer.write("wrong.ts", `import { missing } from "${ENTRY_POINTS[1]}";\n`);
});
after(() => consumer[Symbol.asyncDispose]());

async function compile(
  compiler: string,
  options: Record<string, unknown>,
  files: readonly string[],
): Promise<void> {
  const compilerOptions = {
    noEmit: true,
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    target: "es2022",
    typeRoots: [join(TOOLS, "node_modules/@types")],
    ...options,
  };
  await consumer.write("tsconfig.json", JSON.stringify({ compilerOptions, files }));
  await consumer.run(node, join(TOOLS, compiler));
}

for (const [name, compiler] of Object.entries(COMPILERS)) {
  for (const [globals, types] of Object.entries(GLOBALS)) {
    for (const [resolution, module] of Object.entries(RESOLUTIONS)) {
      test(`${name} compiles the package by ${resolution}, with ${globals}`, () =>
        compile(compiler, { ...types, ...module }, ["types.ts", "entries.ts"]));
    }
  }

  test(`${name} refuses an import of a missing export`, () =>
    assert.rejects(
      compile(compiler, { ...GLOBALS["ES2022 and the DOM"], ...RESOLUTIONS.bundler }, ["wrong.ts"]),
      /missing/,
    ));
}
