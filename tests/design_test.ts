import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ROOT_URL } from "./support/paths.ts";
import { readImports, readSources, resolveSpecifier, roomOf } from "./support/sources.ts";

/** Each room of the library, and the rooms that it may import. */
const MAY_IMPORT: Record<string, string[]> = {
  mod: ["model", "metrics", "registry", "exposition"],
  model: [],
  time: [],
  estimators: ["model"],
  registry: ["model", "time"],
  metrics: ["model", "time", "estimators", "registry"],
  encoding: ["model"],
  exposition: ["model", "time", "encoding", "registry"],
  collectors: ["mod", "model", "time"],
  bridges: ["mod", "model", "time", "encoding"],
  multiprocess: ["mod", "model", "time", "estimators"],
  prom_client: [
    "mod",
    "model",
    "time",
    "encoding",
    "collectors",
    "bridges",
    "multiprocess",
  ],
  live: ["mod", "model"],
  testing: ["mod", "model", "encoding"],
};
/** Rooms that may use features of a single runtime. */
const RUNTIME_ROOMS = ["collectors", "multiprocess", "prom_client"];
/**
 * Files of other rooms that may also use them, because they write files or read the environment.
 */
const RUNTIME_FILES = ["bridges/otlp/environment.ts", "bridges/textfile/replace_file.ts"];
/** Rooms that may use `Request` and `Response`. */
const WEB_ROOMS = ["exposition", "collectors", "bridges", "live"];

const sources = readSources();

/** Returns the import table of docs/architecture.md. */
function readTable(): Record<string, string[]> {
  const text = readFileSync(new URL("docs/architecture.md", ROOT_URL), "utf8");
  const rows = text.matchAll(/^\| `([\w.]+)\/?` +\|[^|]+\| ([^|]+?) +\|$/gm);
  return Object.fromEntries(
    [...rows].map(([, place = "", rooms = ""]) => [
      roomOf(place),
      [...rooms.matchAll(/`(\w+)`/g)].map(([, room = ""]) => room),
    ]),
  );
}

/** Returns a path from a node back to itself, or `undefined`. */
function findCycle(edges: Map<string, Set<string>>): string[] | undefined {
  const finished = new Set<string>();
  const visit = (node: string, way: string[]): string[] | undefined => {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node];
    if (finished.has(node)) return undefined;
    for (const next of edges.get(node) ?? []) {
      const cycle = visit(next, [...way, node]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(node);
    return undefined;
  };
  for (const node of edges.keys()) {
    const cycle = visit(node, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

test("docs/architecture.md and this test have the same import table", () => {
  assert.deepEqual(readTable(), MAY_IMPORT);
});

test("every file belongs to a room, and rooms import only what the table allows", () => {
  assert.ok(sources.length > 0);
  const offences: string[] = [];
  for (const { path, room, imports } of sources) {
    const allowed = MAY_IMPORT[room];
    if (allowed === undefined) {
      offences.push(`${path} is in no room`);
      continue;
    }
    for (const { specifier } of imports) {
      const other = roomOf(resolveSpecifier(path, specifier));
      if (other !== room && specifier.startsWith(".") && !allowed.includes(other)) {
        offences.push(`${path} imports ${specifier}`);
      }
    }
  }
  assert.deepEqual(offences, []);
});

test("no file imports itself, directly or indirectly, not even for types", () => {
  const edges = new Map(sources.map(({ path, imports }) => [
    path,
    new Set(imports.map(({ specifier }) => resolveSpecifier(path, specifier))),
  ]));
  assert.equal(findCycle(edges), undefined);
});

test("findCycle() finds a cycle", () => {
  const edges = new Map([["a", new Set(["b"])], ["b", new Set(["c"])], ["c", new Set(["b"])]]);
  assert.deepEqual(findCycle(edges), ["b", "c", "b"]);
});

test("library files import each other by a relative path with .ts, and import nothing else", () => {
  const offences = sources.flatMap(({ path, room, imports }) =>
    imports.filter(({ specifier }) =>
      !/^\.\.?\/.*\.ts$/.test(specifier) &&
      !(specifier.startsWith("node:") &&
        (RUNTIME_ROOMS.includes(room) || RUNTIME_FILES.includes(path)))
    ).map(({ specifier }) => `${path} imports ${specifier}`)
  );
  assert.deepEqual(offences, []);
});

test("readImports() finds every kind of import", () => {
  const code = `
import a from "1";
import { b, type c } from "2";
import d, { e } from "3";
import * as f from "4";
import type { g } from "5";
export {
  h,
} from "6";
export * from "7";
export * as i from "8";
export type { j } from "9";
export class k {}
import "10";
const l = await import("11");
const m = "export from";
`;
  const seen = readImports(code).sort((a, b) => Number(a.specifier) - Number(b.specifier));
  assert.deepEqual(
    seen.map(({ specifier }) => specifier),
    ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"],
  );
});

const WORDS: { what: string; regexp: RegExp; rooms: string[]; files?: string[] }[] = [
  {
    what: "Deno, Bun, process or Node's modules",
    rooms: RUNTIME_ROOMS,
    files: RUNTIME_FILES,
    regexp: /\b(?:Deno|Bun|process)\.\w|"node:/,
  },
  { what: "Request or Response", rooms: WEB_ROOMS, regexp: /\b(?:Request|Response)\b/ },
  { what: "the console, for one warning", rooms: ["registry"], regexp: /\bconsole\b/ },
];
for (const { what, rooms, files = [], regexp } of WORDS) {
  test(`only ${[...rooms, ...files].join(", ")} may use ${what}`, () => {
    const offences = sources.filter(({ path, room, code }) =>
      !rooms.includes(room) && !files.includes(path) && regexp.test(code)
    );
    assert.deepEqual(offences.map(({ path }) => path), []);
  });
}

test("no file is a collection of utilities", () => {
  const junk = sources.filter(({ path }) =>
    /(?:^|\/)(?:utils?|helpers?|misc|common)\.ts$/.test(path)
  );
  assert.deepEqual(junk.map(({ path }) => path), []);
});
