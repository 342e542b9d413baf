import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { encodeOpenMetrics } from "../../encoding/open_metrics.ts";
import { ParseError, parseOpenMetrics, parsePrometheusText } from "../../encoding/parse.ts";
import { encodeProtobuf } from "../../encoding/protobuf.ts";
import { encodeText } from "../../encoding/text.ts";
import { exposedNames, type MetricFamily } from "../../model.ts";
import { load, reportFault } from "../support/fault_report.ts";
import { toPlain } from "../support/plain.ts";
import { project, type TextFormat } from "../support/project.ts";
import { Random } from "../support/random.ts";
import { OPEN_METRICS, TEXTS } from "./expositions.ts";
import { makeInput, minimise, MUTATIONS } from "./mutations.ts";
import { startWatchdog } from "./watchdog.ts";

/** The number of inputs for each parser. */
const RUNS = load(500_000, 10_000);
/** One in this many inputs is also written and read again, which takes longer. */
const WRITTEN = 10;
/** The seed of the first input. Each further input adds one. */
const SEED = Number(process.env["NARTHEX_FUZZ_SEED"] ?? 1);

interface Parser {
  name: string;
  format: string;
  written: TextFormat;
  bases: readonly string[];
  end: string;
  parse: (text: string) => MetricFamily[];
  encode: (families: MetricFamily[]) => Iterable<Uint8Array>;
}

const PARSERS: Parser[] = [
  {
    name: "parsePrometheusText()",
    format: "Prometheus text",
    written: "text",
    bases: TEXTS,
    end: "",
    parse: parsePrometheusText,
    encode: (families) => encodeText(families, "allow-utf-8"),
  },
  {
    name: "parseOpenMetrics()",
    format: "OpenMetrics",
    written: "openmetrics with created",
    bases: OPEN_METRICS,
    end: "# EOF",
    parse: parseOpenMetrics,
    encode: (families) => encodeOpenMetrics(families, "allow-utf-8", true),
  },
];

/** Messages of a JavaScript engine, as opposed to intended errors. */
const ENGINE_REGEXP =
  /is not a function|is not iterable|is not defined|cannot read prop|undefined is not|null is not|call stack|out of memory|invalid (?:array|string|typed)/i;

function checkError(error: unknown, text: string, format: string): void {
  assert.ok(error instanceof ParseError, `not a ParseError: ${error}`);
  const { message, line, column } = error;
  assert.ok(message.startsWith(`Cannot parse ${format}: `), message);
  assert.ok(message.endsWith(` (line ${line}, column ${column})`), message);
  assert.ok(message.length < 1000, `${message.length} characters of message`);
  assert.ok(message.isWellFormed(), "a message that is not well-formed");
  assert.doesNotMatch(message.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""'), ENGINE_REGEXP);
  const lines = text.split("\n");
  assert.ok(line >= 1 && line <= lines.length, `line ${line} of ${lines.length}`);
  const { length } = lines[line - 1]!;
  assert.ok(column >= 1 && column <= length + 1, `column ${column} of ${length}`);
}

function checkFamilies(families: MetricFamily[]): void {
  for (const family of families) {
    assert.ok(family.name !== "" && family.name.isWellFormed() && family.help.isWellFormed());
    for (const { name, labels, value, timestamp } of family.samples) {
      assert.ok(name.startsWith(family.name.replace(/_total$|_info$/, "")), name);
      assert.equal(typeof value, "number");
      assert.ok(timestamp === undefined || Number.isFinite(timestamp), `${timestamp}`);
      for (const [label, text] of Object.entries(labels)) {
        assert.ok(label.isWellFormed() && text.isWellFormed());
      }
    }
  }
}

/** Checks that parsed families can be written in every format, and survive a round trip. */
function checkWritten(families: MetricFamily[], parser: Parser): void {
  for (const encode of [encodeText, encodeOpenMetrics]) {
    for (const _ of encode(families, "underscores", false));
  }
  for (const _ of encodeProtobuf(families, "allow-utf-8"));
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  for (const chunk of parser.encode(families)) text += decoder.decode(chunk, { stream: true });
  const again = parser.parse(text);
  // In format 0.0.4, families may use each other's names. Such families do not survive a round
  // trip.
  const names = families.flatMap(({ name, type }) => [...exposedNames(name, type)]);
  if (new Set(names).size < names.length) return;
  const expected = project(families, parser.written);
  for (const sample of expected.flatMap(({ samples }) => samples)) {
    for (const moment of [sample, sample.exemplar]) {
      // Zeros lose their sign here too.
      if (moment?.timestamp !== undefined) moment.timestamp += 0;
    }
  }
  assert.deepEqual(again.map(toPlain), expected);
}

/** Parses a text, and throws on unexpected behaviour. Returns whether the text was parsed. */
function tryText(text: string, parser: Parser, isWritten: boolean): boolean {
  let families: MetricFamily[];
  try {
    families = parser.parse(text);
  } catch (error) {
    checkError(error, text, parser.format);
    return false;
  }
  checkFamilies(families);
  if (isWritten) checkWritten(families, parser);
  return true;
}

function problemOf(text: string, parser: Parser): string | undefined {
  try {
    tryText(text, parser, true);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

for (const parser of PARSERS) {
  test(`${parser.name} parses or rejects ${RUNS} mutated expositions`, () => {
    using watchdog = startWatchdog(`${parser.name} hangs: NARTHEX_FUZZ_SEED=`);
    let read = 0;
    let longest = 0;
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      watchdog.beat(seed);
      const text = makeInput(new Random(seed), parser.bases, parser.end);
      longest = Math.max(longest, text.length);
      try {
        if (tryText(text, parser, seed % WRITTEN === 0)) read++;
      } catch (error) {
        const small = minimise(text, (shorter) => problemOf(shorter, parser) !== undefined);
        assert.fail(
          `NARTHEX_FUZZ_SEED=${seed}: ${JSON.stringify(small)}: ${problemOf(small, parser)}` +
            `\nat first: ${JSON.stringify(text)}: ${error}`,
        );
      }
    }
    // Both outcomes must be tested.
    assert.ok(read > RUNS / 20 && read < RUNS * 19 / 20, `${read} of ${RUNS} were read`);
    reportFault({
      fault: `${RUNS} inputs for ${parser.name}, mutated from real expositions`,
      bar: "no hang, no crash, no error but ParseError",
      figure: `0 failures; ${read} read, ${RUNS - read} refused, up to ${longest} characters, ` +
        `seed ${SEED}`,
    });
  });

  test(`${parser.name} parses the expositions before they are mutated`, () => {
    for (const base of parser.bases) assert.ok(parser.parse(base).length > 1);
  });
}

test("mutations change texts and a seed reproduces its input", () => {
  const base = TEXTS[0]!;
  for (const [name, mutate] of Object.entries(MUTATIONS)) {
    const changed = Array.from({ length: 20 }, (_, i) => mutate(base, new Random(i), TEXTS));
    assert.ok(changed.some((text) => text !== base), name);
  }
  assert.equal(makeInput(new Random(7), TEXTS, ""), makeInput(new Random(7), TEXTS, ""));
});

test("a failing input is minimised", () => {
  assert.equal(minimise("abcXdefgYhij", (text) => /X.*Y/.test(text)), "XY");
});

test("messages of the engine are distinguished from those of the library", () => {
  const text = 'a "is not a function"\n';
  assert.throws(() => checkError(new TypeError("x"), text, "OpenMetrics"), /not a ParseError/);
  const internal = new ParseError("Cannot parse OpenMetrics: x is not a function", 1, 1);
  assert.throws(() => checkError(internal, text, "OpenMetrics"), assert.AssertionError);
  const meant = new ParseError('Cannot parse OpenMetrics: received "is not a function"', 1, 1);
  checkError(meant, text, "OpenMetrics");
});
