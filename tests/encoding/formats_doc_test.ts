import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { escapeMetricName, isEscapingScheme } from "../../encoding/escaping.ts";
import {
  OPENMETRICS_CONTENT_TYPE,
  PROMETHEUS_CONTENT_TYPE,
  PROTOBUF_CONTENT_TYPE,
} from "../../exposition.ts";
import { ROOT_URL } from "../support/paths.ts";

const text = readFileSync(new URL("docs/formats.md", ROOT_URL), "utf8");

test("docs/formats.md has the Content-Types of the formats", () => {
  const types = [...text.matchAll(/^\| [^|]+\| `([a-z]+\/[^`]+)` +\| `generate\w+` +\|$/gm)];
  assert.deepEqual(
    types.map(([, type]) => type),
    [PROMETHEUS_CONTENT_TYPE, OPENMETRICS_CONTENT_TYPE, PROTOBUF_CONTENT_TYPE],
  );
});

test("docs/formats.md has the results of the escaping schemes", () => {
  const original = /^\| scheme +\| `([^`]+)`/m.exec(text)![1]!;
  const rows = [...text.matchAll(/^\| `([a-z0-9-]+)` +\| `([^`]+)` +\|/gm)]
    .filter(([, scheme = ""]) => isEscapingScheme(scheme));
  assert.equal(rows.length, 4);
  for (const [, scheme = "", escaped] of rows) {
    assert.ok(isEscapingScheme(scheme));
    assert.equal(escapeMetricName(original, scheme), escaped);
  }
});
