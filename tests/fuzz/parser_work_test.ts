import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ParseError, parseOpenMetrics, parsePrometheusText } from "../../encoding/parse.ts";
import { load, reportFault } from "../support/fault_report.ts";
import { WorkCounter } from "../support/work.ts";

/** How large the smallest text is, in what it has many of. */
const SIZE = load(20_000, 1100);
/** How often the size of a text is doubled. */
const DOUBLINGS = load(2, 1);
/** How often a text is tried whose work was counted wrong. */
const TRIES = 4;
/** Twice the text is twice the work; sorting, which is a little more, is allowed. */
const MAX_RATIO = 2.3;

const times = (n: number, line: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => line(i)).join("");

/** Texts that have many of something. */
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

let counter: WorkCounter;
before(async () => {
  counter = await WorkCounter.start();
});
after(() => counter.stop());

/** The work of a text, in what it has many of. */
function workOf(parse: (text: string) => unknown, text: string): Promise<number> {
  return counter.count(() => {
    try {
      parse(text);
    } catch (error) {
      // Other errors are found where they can be told apart.
      if (!(error instanceof ParseError)) throw error;
    }
  });
}

/** How much more the work becomes each time that the text becomes twice as large. */
async function ratiosOf(
  parse: (text: string) => unknown,
  make: (n: number) => string,
): Promise<number[]> {
  const counts: number[] = [];
  for (let i = 0; i <= DOUBLINGS; i++) counts.push(await workOf(parse, make(SIZE * 2 ** i)));
  return counts.slice(1).map((count, i) => count / counts[i]!);
}

/** The greater of these ratios, of the try in which it is smallest. */
async function ratioOf(parse: (text: string) => unknown, make: (n: number) => string) {
  let ratio = Infinity;
  for (let i = 0; i < TRIES && !(ratio < MAX_RATIO); i++) {
    ratio = Math.min(ratio, Math.max(...await ratiosOf(parse, make)));
  }
  return ratio;
}

for (const [name, parse, end] of PARSERS) {
  test(`the work of ${name} is in proportion to the text`, async (t) => {
    let worst: [ratio: number, shape: string] = [0, ""];
    for (const [shape, make] of SHAPES) {
      await t.test(`with many ${shape}`, async () => {
        const ratio = await ratioOf(parse, (n) => make(n) + end);
        if (ratio > worst[0]) worst = [ratio, shape];
        assert.ok(ratio < MAX_RATIO, `twice the text is ${ratio} times the work`);
      });
    }
    reportFault({
      fault: `${SHAPES.length} pathological texts for ${name}, of ${SIZE} to ` +
        `${SIZE * 2 ** DOUBLINGS} quotes, backslashes, blanks, braces, labels, families, …`,
      bar: `linear: twice the text is at most ${MAX_RATIO} times the work (blocks of code run, ` +
        "and characters and items looked at)",
      figure: `at most ${worst[0].toFixed(2)} times (${worst[1]})`,
    });
  });
}

test("work that grows with the square of the text is seen", async () => {
  const quadratic = (text: string) => {
    for (let i = 0; i < text.length; i += 10) text.slice(i).indexOf("x");
  };
  const ratio = await ratioOf(quadratic, (n) => " ".repeat(n));
  assert.ok(ratio > 3.5, `twice the text is ${ratio} times the work`);
});
