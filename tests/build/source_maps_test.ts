import assert from "node:assert/strict";
import { test } from "node:test";
import { keepLines } from "../../build/source_maps.ts";

/** A map of one source, made by the TypeScript compiler from code with comments and types. */
const MAP = JSON.stringify({
  version: 3,
  file: "a.js",
  sourceRoot: "",
  sources: ["../src/a.ts"],
  names: [],
  mappings:
    "AAEA,MAAM,CAAC,GAAG,CAAC,CAAC;AAGZ,MAAM,UAAU,CAAC,CAAC,CAAS;IACzB,OAAO,CAAC,GAAG,CAAC,CAAC;AACf,CAAC;AAtBD,OAAO",
});

test("keepLines() keeps the line of each line, forwards and backwards", () => {
  const map = JSON.parse(keepLines(MAP, "a.ts"));
  assert.deepEqual(map, {
    version: 3,
    file: "a.js",
    sources: ["a.ts"],
    names: [],
    mappings: map.mappings,
  });
  assert.equal(map.mappings, "AAEA;AAGA;AACA;AACA;AAtBA");
});

test("keepLines() leaves lines without a mapping empty", () => {
  const mappings = ";;AAGA,CAAC;;A;AACA";
  const kept = JSON.parse(
    keepLines(JSON.stringify({ version: 3, file: "a.js", mappings }), "a.ts"),
  );
  assert.equal(kept.mappings, ";;AAGA;;;AACA");
});
