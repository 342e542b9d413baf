import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDeclaration, finishDeclaration, importsOf } from "../../build/declarations.ts";

const DECLARATION = `/**
 * \`\`\`ts
 * import { Counter } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 * \`\`\`
 */
import { type A } from "./a.ts";
import type { B } from "../b.ts";
export { C } from "./c/c.ts";
export type D = import("./d.ts").D | import("./e.ts").E;
export declare const HTML = "text/html,*/*;q=0.8";
`;

test("importsOf() finds all imports except those in comments", () => {
  assert.deepEqual(importsOf("metrics/counter.d.ts", DECLARATION), [
    "metrics/a.d.ts",
    "b.d.ts",
    "metrics/c/c.d.ts",
    "metrics/d.d.ts",
    "metrics/e.d.ts",
  ]);
});

test("checkDeclaration() throws on packages and runtime modules", () => {
  checkDeclaration("a.d.ts", DECLARATION);
  for (const specifier of ["node:sqlite", "fs", "undici-types", "./a.js", "./a"]) {
    for (const form of ["import type { X } from", "import", "export * from"]) {
      assert.throws(
        () => checkDeclaration("x.d.ts", `${form} "${specifier}";\n`),
        new Error(
          'Cannot publish "x.d.ts": its types must not need a package or a runtime: ' +
            `received "${specifier}"`,
        ),
      );
    }
    assert.throws(() => checkDeclaration("x.d.ts", `type X = import("${specifier}").X;\n`));
  }
});

test("finishDeclaration() renames imported files and leaves comments unchanged", () => {
  assert.equal(
    finishDeclaration(DECLARATION),
    DECLARATION.replaceAll('.ts"', '.js"'),
  );
});

test("finishDeclaration() references the types of using where they are needed", () => {
  for (
    const code of [
      "class X { [Symbol.dispose](): void; }",
      "class X { [Symbol.asyncDispose](): Promise<void>; }",
      "class X implements AsyncDisposable {}",
      "declare const x: Disposable;",
    ]
  ) {
    assert.equal(finishDeclaration(code), `/// <reference lib="esnext.disposable" />\n${code}`);
  }
  assert.equal(finishDeclaration("declare const disposed: 1;"), "declare const disposed: 1;");
});
