import type { Scanner } from "./scanner.ts";

/** The text between braces. */
export interface ParsedLabels {
  /** The labels, in an object without a prototype, so that any name is an ordinary property. */
  labels: Record<string, string>;
  /** The name of the metric, if it is between the braces. */
  metricName: string | undefined;
}

/** The differences of the formats between the braces. */
export interface LabelGrammar {
  /**
   * Whether spaces are allowed everywhere, commas after the last label or missing commas, line
   * breaks in values, and reserved names. Prometheus accepts all of them in format 0.0.4, and
   * OpenMetrics allows none of them.
   */
  lenient: boolean;
  /** Whether a quoted metric name is allowed here, because there was none before the braces. */
  metricName: boolean;
}

/**
 * Reads a set of labels, from its opening brace to its closing one.
 *
 * @param scanner The scanner, at the opening brace.
 * @param grammar The grammar of the format.
 * @returns The labels.
 * @throws {ParseError} If the text is not a set of labels, or if a label is repeated.
 */
export function readLabels(scanner: Scanner, grammar: LabelGrammar): ParsedLabels {
  const { lenient } = grammar;
  const labels: Record<string, string> = Object.create(null);
  let metricName: string | undefined;
  const skip = () => {
    if (lenient) scanner.skipBlanks();
  };

  if (!scanner.take("{")) throw scanner.unexpected("labels must begin with a brace");
  skip();
  if (scanner.take("}")) return { labels, metricName };
  for (;;) {
    const at = scanner.position;
    const isQuoted = scanner.text[at] === '"';
    const name = isQuoted ? scanner.readQuoted("a name", lenient) : scanner.readName(false);
    if (!isQuoted && name === "") throw scanner.unexpected("a label name is expected here");
    skip();
    const next = scanner.text[scanner.position];
    if (isQuoted && (next === "," || next === "}")) {
      if (!grammar.metricName) throw scanner.unexpected("a label must have a value", at);
      if (metricName !== undefined) throw scanner.unexpected("a metric must have one name", at);
      metricName = name;
    } else {
      if (!scanner.take("=")) throw scanner.unexpected(`"=" must follow a label name`);
      if (name === "" || name === "__name__" || (!lenient && name.startsWith("__"))) {
        throw scanner.unexpected("a label name must not be empty or reserved", at);
      }
      if (name in labels) throw scanner.unexpected("label names must differ", at);
      skip();
      labels[name] = scanner.readQuoted("a label value", lenient);
      skip();
    }
    if (scanner.take("}")) return { labels, metricName };
    const isComma = scanner.take(",");
    if (!isComma && !lenient) throw scanner.unexpected('"," or "}" must follow a label');
    skip();
    if (isComma && lenient && scanner.take("}")) return { labels, metricName };
    // OpenMetrics 1.0 allows no spaces here. It does not have names between braces either, and in
    // texts that have them, a space after the comma is usual.
    if (metricName !== undefined) scanner.skipBlanks();
  }
}
