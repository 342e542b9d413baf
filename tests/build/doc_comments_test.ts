import assert from "node:assert/strict";
import { test } from "node:test";
import { commentText, declarationOf, membersOf } from "../../build/declaration_reader.ts";
import { renderComment } from "../../build/doc_comments.ts";

const FILE = `import { A } from "./a.js";
type Hidden = 1;
/**
 * Counts.
 *
 * @typeParam T What.
 * @example One
 * \`\`\`ts
 * @decorated
 * count();
 * \`\`\`
 */
export declare class Counter<T extends {
    a: 1;
}> extends A {
    #private;
    /** The name. @default {"x"} */
    readonly name: string;
    /**
     * Counts up, see {@linkcode A}.
     *
     * @param by By how much,
     * at least 0.
     * @returns This.
     * @throws {RangeError} If it is less.
     */
    inc(by?: number): this;
    /** Stops. */
    [Symbol.dispose](): void;
    get samples(): 1;
}
/** A type. */
export type Name = "a" | {
    b: 1;
};
export declare function f(a: 1): void;
export declare function f(a: 2): void;
export declare const CounterX: 1;
`;

test("declarationOf() finds a whole declaration and its comment", () => {
  assert.equal(declarationOf("Name", FILE).code, 'export type Name = "a" | {\n    b: 1;\n};');
  assert.equal(declarationOf("Name", FILE).comment, "A type.");
  assert.equal(
    declarationOf("f", FILE).code,
    "export declare function f(a: 1): void;\nexport declare function f(a: 2): void;",
  );
  assert.equal(declarationOf("f", FILE).comment, "");
  assert.equal(declarationOf("CounterX", FILE).code, "export declare const CounterX: 1;");
  const { code, comment } = declarationOf("Counter", FILE);
  assert.match(comment, /^Counts\.\n\n@typeParam T What\./);
  assert.equal(
    commentText.remove(code),
    `export declare class Counter<T extends {
    a: 1;
}> extends A {
    readonly name: string;
    inc(by?: number): this;
    [Symbol.dispose](): void;
    get samples(): 1;
}`,
  );
  assert.throws(() => declarationOf("Hidden", FILE), /Cannot find the declaration of "Hidden"/);
});

test("membersOf() returns the members that have a comment", () => {
  const members = membersOf(declarationOf("Counter", FILE).code);
  assert.deepEqual(members.map(({ name }) => name), ["name", "inc()", "[Symbol.dispose]()"]);
});

test("renderComment() writes prose, lists and examples", () => {
  const [name, inc] = membersOf(declarationOf("Counter", FILE).code);
  assert.equal(renderComment(name!.comment), 'The name. Default: `"x"`.');
  assert.equal(
    renderComment(inc!.comment),
    `Counts up, see \`A\`.

Parameters:

- \`by\`: By how much, at least 0.

Returns:

- This.

Throws:

- \`RangeError\`: If it is less.`,
  );
  assert.equal(
    renderComment(declarationOf("Counter", FILE).comment),
    `Counts.

Type parameters:

- \`T\`: What.

Example: One

\`\`\`ts
@decorated
count();
\`\`\``,
  );
  assert.equal(
    renderComment("See {@link https://example.com/ | this}, {@link https://example.com/}."),
    "See [this](https://example.com/), <https://example.com/>.",
  );
});
