import type { MetricFamily, MetricType } from "../../model.ts";
import { readLabels } from "./labels.ts";
import type { ParseOptions } from "./limits.ts";
import { parseMilliseconds, parseValue } from "./numbers.ts";
import { Scanner, unescapeHelp } from "./scanner.ts";
import { addSample, createFamily, type ParsedSample } from "./sample.ts";

/** The types by their names in the text. The format does not have the last one. Others write it. */
const TYPES: ReadonlyMap<string, MetricType> = new Map([
  ["counter", "counter"],
  ["gauge", "gauge"],
  ["histogram", "histogram"],
  ["summary", "summary"],
  ["untyped", "unknown"],
  ["gauge_histogram", "gaugehistogram"],
]);

/**
 * The types whose series have suffixes: for each suffix in the text, the suffix in the model.
 */
const PARTS: Readonly<Partial<Record<MetricType, Readonly<Record<string, string>>>>> = {
  histogram: { _bucket: "_bucket", _sum: "_sum", _count: "_count" },
  gaugehistogram: {
    _bucket: "_bucket",
    _sum: "_gsum",
    _count: "_gcount",
    _gsum: "_gsum",
    _gcount: "_gcount",
  },
  summary: { _sum: "_sum", _count: "_count" },
};

/** The number of different bounds from which the buckets of a histogram are sorted. */
const MANY_BOUNDS = 1000;

/** All lines of the text with one name. */
export interface TextEntry {
  /** The name of a family or of a sample. */
  readonly name: string;
  /** The index where the name occurs first. */
  readonly at: number;
  /** The help text, if the name has one. */
  help: string | undefined;
  /** The type, if the name has one. */
  type: MetricType | undefined;
  /** The samples of this name. */
  samples: ParsedSample[];
}

/**
 * Parses the Prometheus text format 0.0.4, as tolerantly as Prometheus does. HELP and TYPE are
 * optional and may be anywhere. The samples of a family may be in any order. Samples without a
 * declared family become families of type unknown. So do samples that do not fit their family, such
 * as a bucket without `le`.
 *
 * See https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 * @param text The text.
 * @param options The limits of the text.
 * @returns The families, in the order of their first occurrence.
 * @throws {TypeError} If the text is not a string, or an option is invalid.
 * @throws {RangeError} If a limit is out of bounds.
 * @throws {ParseError} If Prometheus would refuse the text, or it exceeds a limit.
 */
export function parsePrometheusText(text: string, options: ParseOptions = {}): MetricFamily[] {
  const scanner = new Scanner(text, "Prometheus text", options);
  return assemble(scanner, readEntries(scanner));
}

/**
 * Reads what the text format 0.0.4 says under each name, without making families of it.
 *
 * @param scanner The text.
 * @returns What stands under each name, in the order of the text.
 * @throws {ParseError} If Prometheus would refuse the text, or it is beyond a limit.
 */
export function readEntries(scanner: Scanner): Map<string, TextEntry> {
  const entries = new Map<string, TextEntry>();
  while (!scanner.isAtEnd) {
    scanner.startLine();
    scanner.skipBlanks();
    if (scanner.take("#")) {
      readComment(scanner, entries);
    } else if (!scanner.isAtLineEnd) {
      const sample = readSample(scanner);
      scanner.countSample(sample.at);
      entryOf(entries, sample.name, sample.at).samples.push(sample);
    }
    if (!scanner.isAtLineEnd) throw scanner.unexpected("the line must end here");
    scanner.take("\n");
  }
  return entries;
}

function entryOf(entries: Map<string, TextEntry>, name: string, at: number): TextEntry {
  let entry = entries.get(name);
  if (entry === undefined) {
    entry = { name, at, help: undefined, type: undefined, samples: [] };
    entries.set(name, entry);
  }
  return entry;
}

/** Reads a comment after the `#`, up to the end of its line. */
function readComment(scanner: Scanner, entries: Map<string, TextEntry>): void {
  const start = scanner.position;
  scanner.skipBlanks();
  const keyword = scanner.position > start ? scanner.readToken() : "";
  if (keyword === "HELP" || keyword === "TYPE") {
    // Without anything behind it, the keyword is a comment.
    if (scanner.isAtLineEnd) return;
    scanner.skipBlanks();
    const at = scanner.position;
    const isQuoted = scanner.text[at] === '"';
    const name = isQuoted ? scanner.readQuoted("a metric name", true) : scanner.readName(true);
    const afterName = scanner.position;
    scanner.skipBlanks();
    if (name === "" || (scanner.position === afterName && !scanner.isAtLineEnd)) {
      throw scanner.unexpected(`${keyword} must name a metric`, at);
    }
    const entry = entryOf(entries, name, at);
    if (entry.help === undefined && entry.type === undefined) scanner.countFamily(at);
    const textAt = scanner.position;
    const text = readToLineEnd(scanner);
    if (keyword === "HELP") {
      entry.help = unescapeHelp(text, false);
    } else {
      const type = TYPES.get(text);
      if (type === undefined) throw scanner.unexpected("TYPE must be a metric type", textAt);
      entry.type = type;
    }
  } else {
    readToLineEnd(scanner);
  }
}

/** Reads the rest of the line without its end. */
function readToLineEnd(scanner: Scanner): string {
  const start = scanner.position;
  const text = scanner.readLine();
  scanner.position = start + text.length;
  return text;
}

function readSample(scanner: Scanner): ParsedSample {
  const at = scanner.position;
  let name = scanner.readName(true);
  let labels: Record<string, string> = {};
  scanner.skipBlanks();
  if (scanner.text[scanner.position] === "{") {
    const braces = readLabels(scanner, { lenient: true, metricName: name === "" });
    labels = braces.labels;
    name ||= braces.metricName ?? "";
    scanner.skipBlanks();
  }
  if (name === "") throw scanner.unexpected("a metric name is expected here", at);

  const valueAt = scanner.position;
  const value = parseValue(scanner.readToken());
  if (value === undefined) throw scanner.unexpected("a number must follow the metric", valueAt);
  const sample: ParsedSample = { name, labels, value, at };
  scanner.skipBlanks();
  if (!scanner.isAtLineEnd) {
    const timestampAt = scanner.position;
    const timestamp = parseMilliseconds(scanner.readToken());
    if (timestamp === undefined) {
      throw scanner.unexpected("a timestamp must be a number of milliseconds", timestampAt);
    }
    sample.timestamp = timestamp;
    scanner.skipBlanks();
  }
  return sample;
}

/** Creates families from the entries. */
function assemble(scanner: Scanner, entries: Map<string, TextEntry>): MetricFamily[] {
  // A sample of a histogram or a summary is moved from its own entry to the family.
  const gathered = new Map<TextEntry, ParsedSample[]>();
  for (const entry of entries.values()) {
    const parts = entry.type === undefined ? undefined : PARTS[entry.type];
    if (parts !== undefined && entry.samples.every((sample) => fits(entry, sample, ""))) {
      gathered.set(entry, gather(entries, entry, parts));
    }
  }
  const families: MetricFamily[] = [];
  for (const entry of entries.values()) {
    const { name, at, help, type, samples } = entry;
    const isDeclared = help !== undefined || type !== undefined;
    if (!isDeclared && samples.length === 0) continue;
    const parts = gathered.get(entry);
    // If a histogram or a summary has a sample that does not belong to it, such as a histogram with
    // a sample of its bare name, its type is wrong.
    const isBroken = type !== undefined && PARTS[type] !== undefined && parts === undefined;
    const family = createFamily(scanner, at, {
      name,
      help: help ?? "",
      type: isBroken ? "unknown" : type ?? "unknown",
    });
    for (const sample of parts ?? samples) addSample(scanner, family, sample);
    families.push(family);
  }
  return families;
}

/** Collects the samples of a histogram or a summary from the entries of their names. */
function gather(
  entries: Map<string, TextEntry>,
  entry: TextEntry,
  parts: Readonly<Record<string, string>>,
): ParsedSample[] {
  const samples = entry.samples.map((sample) => withBound(entry, sample, ""));
  for (const [suffix, modelSuffix] of Object.entries(parts)) {
    const part = entries.get(entry.name + suffix);
    // A declared name has its own family.
    if (part === undefined || part.help !== undefined || part.type !== undefined) continue;
    const fitting: ParsedSample[] = [];
    const misfits: ParsedSample[] = [];
    for (const sample of part.samples) {
      if (fits(entry, sample, suffix)) fitting.push(withBound(entry, sample, suffix));
      else misfits.push(sample);
    }
    if (suffix === "_bucket") sortManyBuckets(fitting);
    for (const sample of fitting) {
      sample.name = entry.name + modelSuffix;
      samples.push(sample);
    }
    part.samples = misfits;
  }
  return samples;
}

/** Returns the label that a sample of a histogram or a summary must have, if there is one. */
function boundName(entry: TextEntry, suffix: string): string | undefined {
  if (suffix === "_bucket") return "le";
  return entry.type === "summary" && suffix === "" ? "quantile" : undefined;
}

/** Returns whether a sample can belong to its histogram or summary. */
function fits(entry: TextEntry, sample: ParsedSample, suffix: string): boolean {
  const name = boundName(entry, suffix);
  if (name === undefined) return suffix !== "";
  const bound = parseValue(String(sample.labels[name]));
  return bound !== undefined && !Number.isNaN(bound);
}

/** Converts the bound to a number, because the text can spell it in more ways than the model. */
function withBound(entry: TextEntry, sample: ParsedSample, suffix: string): ParsedSample {
  const name = boundName(entry, suffix);
  if (name !== undefined) sample.labels[name] = parseValue(String(sample.labels[name]))!;
  return sample;
}

/**
 * Sorts the buckets of a histogram if it has very many bounds. Adding buckets in the order of their
 * bounds is fastest, and real histograms are in order. Others could take very long.
 */
function sortManyBuckets(samples: ParsedSample[]): void {
  const bound = (sample: ParsedSample): number => Number(sample.labels["le"]);
  if (new Set(samples.map(bound)).size <= MANY_BOUNDS) return;
  samples.sort((a, b) => bound(a) < bound(b) ? -1 : bound(a) > bound(b) ? 1 : 0);
}
