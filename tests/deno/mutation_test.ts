import assert from "node:assert/strict";
import { test } from "node:test";
import {
  applyEdit,
  keyOf,
  listMutants,
  type Mutant,
  sampleMutants,
  SOURCES,
} from "../mutation/mutants.ts";
import plugin, { type Edit } from "../mutation/mutators.ts";

/** Returns the mutants of some code, each with its kind and the changed line. */
function mutate(code: string): string[] {
  return Deno.lint.runPlugin(plugin, "main.ts", code).map(({ message }) => {
    const { mutator, change } = applyEdit("main.ts", code, JSON.parse(message) as Edit);
    return `${mutator}: ${change.split(" → ")[1]}`;
  });
}

const MUTATORS: { code: string; mutants: string[] }[] = [
  {
    code: "if (a) b;",
    mutants: [
      "negated condition: if (!(a)) b;",
      "condition never met: if (false) b;",
      "condition always met: if (true) b;",
      "dropped statement: if (a) ;",
    ],
  },
  {
    code: "const c = a ? 1 : x;",
    mutants: [
      "negated condition: const c = !(a) ? 1 : x;",
      "condition never met: const c = false ? 1 : x;",
      "condition always met: const c = true ? 1 : x;",
      "off by one: const c = a ? 2 : x;",
    ],
  },
  {
    code: "while (i < n) i++;",
    mutants: [
      "condition never met: while (false) i++;",
      "comparison: while (i <= n) i++;",
      "comparison: while (i >= n) i++;",
      "dropped statement: while (i < n) ;",
      "counting the other way: while (i < n) i--;",
    ],
  },
  {
    code: "for (const x of xs) { if (!x) continue; }",
    mutants: [
      "dropped statement: ;",
      "condition never met: for (const x of xs) { if (false) continue; }",
      "condition always met: for (const x of xs) { if (true) continue; }",
      "dropped sign: for (const x of xs) { if (x) continue; }",
      "dropped statement: for (const x of xs) { if (!x) ; }",
    ],
  },
  {
    code: "function f() { return a /* && */ && (b ?? c); }",
    mutants: [
      "dropped statement: function f() { ; }",
      "logical operator: function f() { return a /* && */ || (b ?? c); }",
      "dropped fallback: function f() { return a /* && */ && (b); }",
    ],
  },
  { code: "const t = s + `${u}` + v;", mutants: [] },
  { code: "const t = a + b;", mutants: ["arithmetic: const t = a - b;"] },
  {
    code: "const t: -1 | true = -x as -1;",
    mutants: ["dropped sign: const t: -1 | true = x as -1;"],
  },
  {
    code: "const t = { a: true };",
    mutants: ["boolean: const t = { a: false };"],
  },
  {
    code: "a.b += c;",
    mutants: ["dropped statement: ;", "assignment: a.b -= c;"],
  },
  {
    code: "class A extends B { constructor() { super(); this.x = y; } }",
    mutants: ["dropped statement: class A extends B { constructor() { super(); ; } }"],
  },
];
for (const { code, mutants } of MUTATORS) {
  test(`the mutants of ${code}`, () => {
    assert.deepEqual(mutate(code), mutants);
  });
}

test("a mutant has the names of its surroundings, which do not change when lines move", () => {
  const code = "class A {\n  #b(): void {\n    c(\n      1,\n    );\n  }\n}\n";
  const [{ message = "" } = {}] = Deno.lint.runPlugin(plugin, "main.ts", code);
  const mutant = applyEdit("main.ts", code, JSON.parse(message) as Edit);
  assert.equal(keyOf(mutant), "main.ts A.#b: c( 1, ); → ;");
  assert.deepEqual([mutant.line, mutant.lastLine], [3, 5]);
  assert.equal(mutant.text, "class A {\n  #b(): void {\n    ;\n  }\n}\n");
});

const mutant = (file: string, number: number): Mutant => ({
  file,
  line: number,
  lastLine: number,
  mutator: "",
  within: "",
  change: String(number),
  text: "",
});
const population = [
  ...Array.from({ length: 30 }, (_, i) => mutant("a.ts", i)),
  ...Array.from({ length: 9 }, (_, i) => mutant("b.ts", i)),
  mutant("c.ts", 0),
];

test("a sample has mutants of each file in proportion", () => {
  const sample = sampleMutants(population, { count: 20, seed: 1 });
  const counts = Object.groupBy(sample, ({ file }) => file);
  assert.equal(sample.length, 20);
  assert.ok(counts["a.ts"]!.length >= 13 && counts["b.ts"]!.length >= 3);
  assert.equal(counts["c.ts"]?.length, 1);
});

test("only the seed determines the order of the mutants of a file", () => {
  const ofA = (mutants: Mutant[], seed: number): string[] =>
    sampleMutants(mutants, { count: 20, seed }).filter(({ file }) => file === "a.ts").map(keyOf);
  const before = ofA(population, 1);
  // If other files have a larger share, this one has a smaller share.
  const others = Array.from({ length: 30 }, (_, i) => mutant("d.ts", i));
  const after = ofA([...others, ...population], 1);
  assert.ok(after.length > 0 && after.length < before.length);
  assert.deepEqual(after.filter((key) => !before.includes(key)), []);
  assert.notDeepEqual(ofA(population, 2), before);
});

test("every mutated folder has mutants, and their keys differ", async () => {
  const mutants = await listMutants();
  for (const source of SOURCES.filter((source) => !source.endsWith(".ts"))) {
    assert.ok(mutants.some(({ file }) => file.startsWith(`${source}/`)), source);
  }
  assert.equal(new Set(mutants.map(keyOf)).size, mutants.length);
});
