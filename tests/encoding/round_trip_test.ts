import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeOpenMetrics } from "../../encoding/open_metrics.ts";
import { parseOpenMetrics, parsePrometheusText } from "../../encoding/parse.ts";
import { encodeText } from "../../encoding/text.ts";
import type { MetricFamily } from "../../model.ts";
import { arbitraryFamilies } from "../support/families.ts";
import { toPlain } from "../support/plain.ts";
import { project, type TextFormat } from "../support/project.ts";

const RUNS = { seed: 42, numRuns: 300 };

interface Case {
  format: TextFormat;
  legal: boolean;
  encode: (families: MetricFamily[]) => Iterable<Uint8Array>;
  parse: (text: string) => MetricFamily[];
}

const CASES: Case[] = [
  {
    format: "text",
    legal: false,
    encode: (families) => encodeText(families, "allow-utf-8"),
    parse: parsePrometheusText,
  },
  {
    format: "openmetrics",
    legal: true,
    encode: (families) => encodeOpenMetrics(families, "allow-utf-8", false),
    parse: parseOpenMetrics,
  },
  {
    format: "openmetrics with created",
    legal: true,
    encode: (families) => encodeOpenMetrics(families, "allow-utf-8", true),
    parse: parseOpenMetrics,
  },
];

function decode(chunks: Iterable<Uint8Array>): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return [...chunks].map((chunk) => decoder.decode(chunk, { stream: true })).join("");
}

for (const { format, legal, encode, parse } of CASES) {
  test(`families parsed from ${format} equal those of project()`, () => {
    fc.assert(
      fc.property(arbitraryFamilies({ legal }), (families) => {
        const read = parse(decode(encode(families)));
        assert.deepEqual(read.map(toPlain), project(families, format));
      }),
      RUNS,
    );
  });

  test(`families parsed from ${format} do not change when they are written and parsed again`, () => {
    fc.assert(
      fc.property(arbitraryFamilies({ legal }), (families) => {
        const once = parse(decode(encode(families)));
        const twice = parse(decode(encode(once)));
        assert.deepEqual(twice.map(toPlain), once.map(toPlain));
      }),
      RUNS,
    );
  });
}
