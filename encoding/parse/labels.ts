import type { Scanner } from "./scanner.ts";

/** What stands between braces. */
export interface ParsedLabels {
  /** The labels, in an object without a prototype, so that any name is an ordinary one. */
  labels: Record<string, string>;
  /** The name of the metric, if it stands between the braces too. */
  metricName: string | undefined;
}

/** How the formats differ between the braces. */
export interface LabelGrammar {
  /**
   * Whether blanks may stand anywhere, a comma may follow the last label or be
   * missing, values may have line breaks, and names may be reserved ones: all that
   * Prometheus accepts in format 0.0.4, and nothing of which OpenMetrics allows.
   */
  lenient: boolean;
  /** Whether the name of the metric may stand here, quoted, because it does not stand before. */
  metricName: boolean;
}

/**
 * Reads a set of labels, from its opening brace to its closing one.
 *
 * @param scanner Where the opening brace is.
 * @param grammar What is allowed.
 * @returns The labels.
 * @throws {ParseError} If the text is not a set of labels, or has a label twice.
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
    if (!isQuoted && name === "") throw scanner.unexpected("a label name must stand here");
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
    // OpenMetrics 1.0 has no blanks here. Neither has it names between braces, and
    // where these came from, a blank behind the comma is usual.
    if (metricName !== undefined) scanner.skipBlanks();
  }
}
