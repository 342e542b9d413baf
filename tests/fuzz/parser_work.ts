/**
 * A program that counts how the work of the parsers grows with twice the text. It prints a line of
 * JSON for each text. Run it with {@linkcode WORK_FLAGS}, so that the counts are exact.
 *
 * @module
 */
import { ParseError, parseOpenMetrics, parsePrometheusText } from "../../encoding/parse.ts";
import { load } from "../support/fault_report.ts";
import { WorkCounter } from "../support/work.ts";

/** The growth of work each time that a text doubles. */
export interface Growth {
  /** The function that does the work. */
  readonly of: string;
  /** The shape of the text. */
  readonly shape: string;
  /** The greatest ratio of two consecutive counts. */
  readonly ratio: number;
}

/** The size of the smallest text, as a number of repetitions. */
export const SIZE = load(20_000, 1100);
/** The number of doublings. */
export const DOUBLINGS = load(2, 1);

const times = (n: number, line: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => line(i)).join("");

/** Texts with many repetitions of something. */
const SHAPES: readonly [name: string, make: (n: number) => string][] = [
  ["quotes", (n) => `a{b=${'"'.repeat(n)}} 1\n`],
  ["quotes in braces", (n) => `{${'"'.repeat(n)}} 1\n`],
  ["backslashes in a value", (n) => `a{b="${"\\\\".repeat(n)}"} 1\n`],
  ["backslashes without an end", (n) => `a{b="${"\\".repeat(n)}`],
  ["backslashes in help", (n) => `# HELP a ${"\\\\".repeat(n)}\n`],
  ["escaped line feeds", (n) => `a{b="${"\\n".repeat(n)}"} 1\n`],
  ["escaped quotes", (n) => `# HELP "${'\\"'.repeat(n)}" x\n`],
  ["line feeds", (n) => "\n".repeat(n)],
  ["line feeds in a value", (n) => `a{b="${"\n".repeat(n)}"} 1 x\n`],
  ["blanks before a value", (n) => `a${" ".repeat(n)}1\n`],
  ["blanks behind a value", (n) => `a 1${" ".repeat(n)}x\n`],
  ["blanks in braces", (n) => `a{${" \t".repeat(n)}} 1\n`],
  ["blanks before a comment", (n) => `${"\t".repeat(n)}#${" ".repeat(n)}HELP\n`],
  ["comments", (n) => times(n, () => "#\n")],
  ["a long comment", (n) => `# ${"x".repeat(n)}\n`],
  ["braces", (n) => `a${"{".repeat(n)}`],
  ["closed braces", (n) => `a${"{}".repeat(n)} 1\n`],
  ["commas", (n) => `a{b="c"${",".repeat(n)}} 1\n`],
  ["equals signs", (n) => `a{b${"=".repeat(n)}"c"} 1\n`],
  ["digits", (n) => `a ${"1".repeat(n)}\n`],
  ["digits and a letter", (n) => `a ${"1".repeat(n)}x\n`],
  ["digits of a fraction", (n) => `a 0.${"1".repeat(n)}\n`],
  ["digits of an exponent", (n) => `a 1e${"1".repeat(n)}\n`],
  ["digits of a timestamp", (n) => `a 1 ${"1".repeat(n)}.${"1".repeat(n)}\n`],
  ["signs", (n) => `a ${"+".repeat(n)}1\n`],
  ["points", (n) => `a ${".".repeat(n)}1\n`],
  ["letters in a name", (n) => `${"a".repeat(n)} 1\n`],
  [
    "letters in a name that is taken",
    (n) => `# TYPE ${"a".repeat(n)} counter\n${"a".repeat(n)} 1\n`,
  ],
  ["letters in a label name", (n) => `a{${"b".repeat(n)}="c"} 1\n`],
  ["letters in a value", (n) => `a{b="${"\u{1f525}é".repeat(n)}"} 1\n`],
  ["letters in a type", (n) => `# TYPE a ${"counter".repeat(n)}\n`],
  ["letters in a unit", (n) => `# TYPE a gauge\n# UNIT a ${"s".repeat(n)}\na 1\n`],
  ["letters in an error", (n) => `# TYPE a gauge\n# UNIT a ${"s".repeat(n)}\n# HELP a ${"\n"}`],
  ["labels", (n) => `a{${times(n, (i) => `${i > 0 ? "," : ""}l${i}="x"`)}} 1\n`],
  ["labels with numbers for names", (n) => `{"a"${times(n, (i) => `,"${i}"="x"`)}} 1\n`],
  ["labels of one name", (n) => `a{${times(n, (i) => `${i > 0 ? "," : ""}l="x"`)}} 1\n`],
  ["metric names in braces", (n) => `{${times(n, (i) => `${i > 0 ? "," : ""}"a${i}"`)}} 1\n`],
  ["families", (n) => times(n, (i) => `a${i} 1\n`)],
  ["families without samples", (n) => times(n, (i) => `# TYPE a${i} gauge\n`)],
  ["families with the same name", (n) => times(n, () => "# TYPE a gauge\n# HELP a b\na 1\n")],
  ["families in turn", (n) => times(n, (i) => `a${i % 2} 1\n`)],
  [
    "families whose names begin alike",
    (n) => times(n, (i) => `# TYPE a${"_sum".repeat(i % 8)} histogram\na_bucket{le="${i}"} 1\n`),
  ],
  ["series", (n) => times(n, (i) => `a{b="${i}"} 1\n`)],
  ["series in turn", (n) => times(n, (i) => `a{b="${i % 2}"} 1\n`)],
  ["series that come again", (n) => times(n, () => "a 1\n")],
  ["times of a series", (n) => `# TYPE a gauge\n${times(n, (i) => `a 1 ${i}\n`)}`],
  ["times of a histogram", (n) => {
    return `# TYPE a histogram\n${times(n, (i) => `a_bucket{le="+Inf"} 1 ${i}\n`)}`;
  }],
  ["exemplars", (n) => {
    return `# TYPE a counter\n${times(n, (i) => `a_total{b="${i}"} 1 # {c="${i}"} 1 ${i}.5\n`)}`;
  }],
  ["labels of an exemplar", (n) => {
    return `# TYPE a counter\na_total 1 # {${times(n, (i) => `${i > 0 ? "," : ""}l${i}=""`)}} 1\n`;
  }],
  ["letters in an exemplar", (n) => {
    return `# TYPE a counter\na_total 1 # {l="${"é".repeat(n)}"} 1\n`;
  }],
  ["buckets", (n) => {
    return `# TYPE a histogram\n${times(n, (i) => `a_bucket{le="${i}"} ${i}\n`)}` +
      `a_bucket{le="+Inf"} ${n}\n`;
  }],
  ["buckets from the highest to the lowest", (n) => {
    return `# TYPE a histogram\n${times(n, (i) => `a_bucket{le="${-i}"} 1\n`)}`;
  }],
  ["buckets of series in turn", (n) => {
    const line = (i: number) => `a_bucket{b="${i % 100}",le="${-i}"} 1\n`;
    return `# TYPE a histogram\n${times(n, line)}`;
  }],
  ["buckets of one bound", (n) => `# TYPE a histogram\n${times(n, () => 'a_bucket{le="1"} 1\n')}`],
  ["buckets without a bound", (n) => `# TYPE a histogram\n${times(n, () => "a_bucket 1\n")}`],
  ["quantiles", (n) => {
    return `# TYPE a summary\n${times(n, (i) => `a{quantile="${i / n}"} 1\n`)}`;
  }],
  ["quantiles of one rank", (n) => {
    return `# TYPE a summary\n${times(n, () => 'a{quantile="1"} 1\n')}`;
  }],
  ["states", (n) => `# TYPE a stateset\n${times(n, (i) => `a{a="${i}"} 1\n`)}`],
  ["infos", (n) => `# TYPE a info\n${times(n, (i) => `a_info{b="${i}"} 1\n`)}`],
  ["created times", (n) => {
    return `# TYPE a counter\n${times(n, (i) => `a_total{b="${i}"} 1\na_created{b="${i}"} 1\n`)}`;
  }],
  ["native histograms", (n) => {
    const native = "{count:1,sum:1,schema:0,zero_threshold:0,zero_count:1}";
    return `# TYPE a histogram\n${times(n, (i) => `a{b="${i}"} ${native}\n`)}`;
  }],
  ["native buckets", (n) => {
    const list = (item: string) => `[${times(n, (i) => `${i > 0 ? "," : ""}${item}`)}]`;
    return "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:1," +
      `positive_spans:${list("0:1")},positive_deltas:${list("0")}}\n`;
  }],
  ["brackets", (n) => `# TYPE a histogram\na {count:1,positive_spans:${"[".repeat(n)}\n`],
  ["a span of many buckets", (n) => {
    return "# TYPE a histogram\na {count:1,sum:1,schema:0,zero_threshold:0,zero_count:1," +
      `positive_spans:[0:${n}000000],positive_deltas:[1]}\n`;
  }],
];

const PARSERS = [
  ["parsePrometheusText()", parsePrometheusText, ""],
  ["parseOpenMetrics()", parseOpenMetrics, "# EOF\n"],
] as const;

/** Does quadratic work, which must be detected. */
function quadratic(text: string): void {
  for (let i = 0; i < text.length; i += 10) text.slice(i).indexOf("x");
}

/** Counts the work of a text. */
function workOf(
  counter: WorkCounter,
  parse: (text: string) => unknown,
  text: string,
): Promise<number> {
  return counter.count(() => {
    try {
      parse(text);
    } catch (error) {
      // The fuzz tests check which errors are thrown.
      if (!(error instanceof ParseError)) throw error;
    }
  });
}

async function ratioOf(
  counter: WorkCounter,
  parse: (text: string) => unknown,
  make: (n: number) => string,
): Promise<number> {
  const counts: number[] = [];
  for (let i = 0; i <= DOUBLINGS; i++) {
    counts.push(await workOf(counter, parse, make(SIZE * 2 ** i)));
  }
  return Math.max(...counts.slice(1).map((count, i) => count / counts[i]!));
}

async function main(): Promise<void> {
  const counter = await WorkCounter.start();
  const print = (growth: Growth) => console.log(JSON.stringify(growth));
  for (const [of, parse, end] of PARSERS) {
    for (const [shape, make] of SHAPES) {
      print({ of, shape, ratio: await ratioOf(counter, parse, (n) => make(n) + end) });
    }
  }
  const ratio = await ratioOf(counter, quadratic, (n) => " ".repeat(n));
  print({ of: "quadratic()", shape: "blanks", ratio });
  counter.stop();
}

if (import.meta.main) await main();
