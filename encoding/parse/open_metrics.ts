import type { Exemplar, MetricFamily } from "../../model.ts";
import { readLabels } from "./labels.ts";
import type { ParseOptions } from "./limits.ts";
import { readNativeHistogram } from "./native_histogram.ts";
import { parseSeconds, parseValue } from "./numbers.ts";
import { OpenFamily } from "./open_family.ts";
import type { OpenMetricsSample } from "./sample.ts";
import { Scanner } from "./scanner.ts";

/**
 * Parses the text format of OpenMetrics 1.0 strictly: everything that the specification forbids is
 * an error. Two extensions are accepted: quoted names (`{"my.metric","a b"="c"} 1`), and native
 * histograms in the place of a value.
 *
 * The families have the names of their series: a counter `x` becomes `x_total`, an info `x` becomes
 * `x_info`. A repeated point of a series with the same timestamp, in nanoseconds, is left out.
 *
 * See https://prometheus.io/docs/specs/om/open_metrics_spec/
 *
 * @param text The text, up to and including `# EOF`.
 * @param options The limits of the text.
 * @returns The families, in the order of the text.
 * @throws {TypeError} If the text is not a string, or an option is invalid.
 * @throws {RangeError} If a limit is out of bounds.
 * @throws {ParseError} If the specification does not allow the text, or it exceeds a limit.
 */
export function parseOpenMetrics(text: string, options: ParseOptions = {}): MetricFamily[] {
  const scanner = new Scanner(text, "OpenMetrics", options);
  const families: MetricFamily[] = [];
  const claimedNames = new Set<string>();
  let open: OpenFamily | undefined;
  const reopen = (next?: OpenFamily) => {
    if (open !== undefined) families.push(open.close(claimedNames));
    open = next;
  };

  while (!scanner.take("# EOF")) {
    const at = scanner.position;
    scanner.startLine();
    if (scanner.take("# ")) {
      const { keyword, name, value, valueAt } = readMetadata(scanner);
      if (open?.name !== name) {
        scanner.countFamily(at);
        reopen(new OpenFamily(scanner, name, at));
      }
      open!.declare(keyword, value, { at, valueAt });
    } else {
      const sample = readSample(scanner);
      scanner.countSample(at);
      if (!open?.takes(sample)) {
        scanner.countFamily(at);
        reopen(new OpenFamily(scanner, sample.name, at));
      }
      open!.add(sample);
    }
  }
  scanner.take("\n");
  if (!scanner.isAtEnd) throw scanner.unexpected('"# EOF" must be the end');
  reopen();
  return families;
}

/** A line that begins with `# `. */
interface Metadata {
  keyword: string;
  name: string;
  value: string;
  valueAt: number;
}

/** Reads a line of metadata after the `# `. */
function readMetadata(scanner: Scanner): Metadata {
  const keyword = ["HELP", "TYPE", "UNIT"].find((word) => scanner.take(`${word} `));
  if (keyword === undefined) throw scanner.unexpected("HELP, TYPE, UNIT or EOF is expected here");
  const nameAt = scanner.position;
  const isQuoted = scanner.text[nameAt] === '"';
  const name = isQuoted ? scanner.readQuoted("a metric name", false) : scanner.readName(true);
  if (name === "") throw scanner.unexpected(`${keyword} must name a metric`, nameAt);
  if (!scanner.take(" ")) throw scanner.unexpected("a space must follow the metric name");
  const valueAt = scanner.position;
  return { keyword, name, value: scanner.readLine(), valueAt };
}

/** Reads a line with a sample. */
function readSample(scanner: Scanner): OpenMetricsSample {
  const at = scanner.position;
  if (scanner.isAtEnd) throw scanner.unexpected('"# EOF" must be the last line');
  if (scanner.isAtLineEnd) throw scanner.unexpected("a line must not be empty");
  let name = scanner.readName(true);
  let labels: Record<string, string> = {};
  if (scanner.text[scanner.position] === "{") {
    const braces = readLabels(scanner, { lenient: false, metricName: name === "" });
    labels = braces.labels;
    name ||= braces.metricName ?? "";
  }
  if (name === "") throw scanner.unexpected("a metric name is expected here", at);
  if (!scanner.take(" ")) throw scanner.unexpected("a space must follow the metric");

  const sample: OpenMetricsSample = { name, labels, value: 0, at, valueAt: scanner.position };
  if (scanner.text[scanner.position] === "{") {
    sample.nativeHistogram = readNativeHistogram(scanner);
  } else {
    sample.value = readValue(scanner);
  }
  let isSpaced = scanner.take(" ");
  if (isSpaced && scanner.text[scanner.position] !== "#") {
    sample.timestamp = readTimestamp(scanner);
    isSpaced = scanner.take(" ");
  }
  if (isSpaced) sample.exemplar = readExemplar(scanner);
  if (!scanner.isAtLineEnd) throw scanner.unexpected("the line must end here");
  scanner.take("\n");
  return sample;
}

function readExemplar(scanner: Scanner): Exemplar {
  if (!scanner.take("# ")) {
    throw scanner.unexpected("a line must end here, or an exemplar must follow");
  }
  const { labels } = readLabels(scanner, { lenient: false, metricName: false });
  if (!scanner.take(" ")) throw scanner.unexpected("a space must follow the labels of an exemplar");
  const value = readValue(scanner);
  return scanner.take(" ")
    ? { labels, value, timestamp: readTimestamp(scanner) }
    : { labels, value };
}

function readValue(scanner: Scanner): number {
  const at = scanner.position;
  const value = parseValue(scanner.readToken());
  if (value === undefined) throw scanner.unexpected("a value must be a number", at);
  return value;
}

function readTimestamp(scanner: Scanner): number {
  const at = scanner.position;
  const timestamp = parseSeconds(scanner.readToken());
  if (timestamp !== undefined) return timestamp;
  throw scanner.unexpected("a timestamp must be a finite number of seconds", at);
}
