import {
  type Exemplar,
  isLegacyLabelName,
  isLegacyMetricName,
  type LabelledMetric,
} from "../model.ts";
import { ByteWriter, CHUNK_SIZE, escapeText, Piece } from "./byte_writer.ts";
import { escapeLabelName, escapeMetricName, type EscapingScheme } from "./escaping.ts";

const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const EQUALS = 61;
const LINE_FEED = 10;
/** The text after the value of a label, and after that of the last label. */
const NEXT_LABEL = new Piece('",');
const CLOSE = new Piece("} ");

/** The parts of a line that differ between the text formats. */
export interface TextSyntax {
  /** The spelling of names outside the classic alphabet. */
  readonly escaping: EscapingScheme;
  /** Spells a bucket bound or a quantile. */
  readonly formatBound: (bound: number) => string;
  /** Writes a timestamp that is given in seconds. */
  readonly writeTimestamp: (out: ByteWriter, seconds: number) => void;
  /** Whether lines can have exemplars. */
  readonly exemplars: boolean;
}

/** The name of a series, as its lines begin with it. */
export interface SeriesName {
  /** The name before labels: `name{`, or `{"name",` if it must be quoted. */
  readonly head: Piece;
  /** The same as a string. */
  readonly text: string;
  /** The name of a line without labels, and a space. */
  readonly bare: Piece;
}

/**
 * The objects of the last scrape. V8 discards compiled code if a garbage collection finds no object
 * of its kind, and there are some collections between two scrapes. This reference makes the next
 * scrape up to twice as fast.
 */
let _last: { writer: SeriesWriter; series: SeriesName } | undefined;

/**
 * Writes the lines of the text formats. The labels of a metric are written once, and copied into
 * its other lines. Labels that the metric before has as well are also copied.
 */
export class SeriesWriter {
  readonly out: ByteWriter = new ByteWriter();
  /** The size of the lines that are kept for the next scrape, in bytes. */
  kept = 0;
  readonly #syntax: TextSyntax;
  /** The label names of the metric before, and the text before each of its values. */
  #labelNames: readonly string[] = [];
  #labelHeads: readonly Piece[] = [];
  /** The label values of the metric before, and the place and the length of each label. */
  #values: string[] = [];
  readonly #places: number[] = [];
  readonly #lengths: number[] = [];
  /** The line before: its metric, its series, its place, and the place of its labels. */
  #metric: LabelledMetric | undefined;
  #name: SeriesName | undefined;
  #start = 0;
  #labelsFrom = 0;
  #labelsTo = 0;
  /** The bounds or states of the metric before, their label, and how they are spelled with it. */
  #parts: readonly (number | string)[] = [];
  #partName = "";
  #partLabels: readonly Piece[] = [];

  constructor(syntax: TextSyntax) {
    this.#syntax = syntax;
  }

  /** Whether lines can have exemplars. */
  get exemplars(): boolean {
    return this.#syntax.exemplars;
  }

  /** Whether enough is written for a chunk. Read it between two metrics. */
  get isFull(): boolean {
    return this.out.length >= CHUNK_SIZE;
  }

  /** Returns the bytes that are written, and starts again. */
  take(): Uint8Array<ArrayBuffer> {
    this.#metric = undefined;
    this.#values = [];
    return this.out.take();
  }

  /**
   * Spells the name of a family. Suffixes are appended to the spelled name, as in the other clients
   * of Prometheus.
   */
  spell(familyName: string): string {
    return escapeMetricName(familyName, this.#syntax.escaping);
  }

  /** Prepares the name of a series. It must be spelled already. */
  seriesName(name: string): SeriesName {
    const isLegacy = isLegacyMetricName(name);
    const text = isLegacy ? `${name}{` : `{${quote(name)},`;
    const bare = isLegacy ? `${name} ` : `{${quote(name)}} `;
    const series = { head: new Piece(text), text, bare: new Piece(bare) };
    _last = { writer: this, series };
    return series;
  }

  /** Writes a `#` line. The name must be spelled already. */
  comment(keyword: string, name: string, text: string, quotes: boolean): void {
    const { out } = this;
    out.text(`# ${keyword} ${isLegacyMetricName(name) ? name : quote(name)} `);
    out.escaped(text, quotes);
    out.byte(LINE_FEED);
  }

  /** Returns the text that lines with the same name and label names share. */
  commonText(name: SeriesName, labelNames: readonly string[]): string {
    return name.text + labelNames.map((label) => this.#labelName(label)).join();
  }

  /**
   * Writes a line.
   *
   * @param name The name of the series.
   * @param metric The metric whose labels it has.
   * @param value The value. Without one there is no line.
   * @param exemplar An exemplar, if there is one.
   */
  sample(
    name: SeriesName,
    metric: LabelledMetric,
    value: number | undefined,
    exemplar?: Exemplar | undefined,
  ): void {
    if (value === undefined) return;
    const { out } = this;
    const start = out.length;
    this.#begin(name, metric);
    if (this.#labelsTo > this.#labelsFrom) {
      out.length--; // The comma after the last label.
      out.piece(CLOSE);
      this.#name = undefined; // The beginning of the line cannot be repeated.
    } else {
      out.length = start;
      out.piece(name.bare);
    }
    out.number(value);
    this.#finish(metric.timestamp, exemplar);
    out.byte(LINE_FEED);
  }

  /**
   * Writes lines that differ in one more label.
   *
   * @param name The name of the series.
   * @param metric The metric whose labels they have.
   * @param label The name of the further label.
   * @param parts Its values: bounds, which may be without that of `+Inf`, quantiles or states.
   * @param values The value of each line.
   * @param exemplars The exemplars of the lines. Undefined for a line that has none.
   */
  samples(
    name: SeriesName,
    metric: LabelledMetric,
    label: string,
    parts: readonly (number | string)[],
    values: readonly number[],
    exemplars?: readonly (Exemplar | undefined)[] | undefined,
  ): void {
    if (values.length === 0) return;
    if (parts !== this.#parts || label !== this.#partName) {
      this.#partLabels = values.map((_, i) => new Piece(`${this.partLabel(label, parts[i])}} `));
      this.#parts = parts;
      this.#partName = label;
    }
    const { out } = this;
    const { timestamp } = metric;
    const from = out.length;
    this.#begin(name, metric);
    const hasMore = timestamp !== undefined || (exemplars !== undefined && this.exemplars);
    const finish = (line: number): void => this.#finish(timestamp, exemplars?.[line]);
    out.lines(from, this.#partLabels, values, hasMore ? finish : undefined);
  }

  /** Spells a label with a bound, a quantile or a state. The bound after the last is `+Inf`. */
  partLabel(label: string, part: number | string = Infinity): string {
    const text = typeof part === "number" ? this.#syntax.formatBound(part) : part;
    return `${this.#labelName(label)}=${quote(text)}`;
  }

  /** Writes the name of a line, and the labels of its metric with a comma after each. */
  #begin(name: SeriesName, metric: LabelledMetric): void {
    const { out } = this;
    if (metric === this.#metric && name === this.#name) {
      return out.repeat(this.#start, this.#labelsTo);
    }
    this.#start = out.length;
    out.piece(name.head);
    const from = out.length;
    if (metric !== this.#metric) {
      this.#labels(metric);
    } else if (this.#labelsTo > this.#labelsFrom) {
      out.repeat(this.#labelsFrom, this.#labelsTo - 1);
      out.byte(COMMA);
    }
    this.#labelsFrom = from;
    this.#labelsTo = out.length;
    this.#name = name;
    this.#metric = metric;
  }

  /** Writes the parts after the value of a line. */
  #finish(timestamp: number | undefined, exemplar: Exemplar | undefined): void {
    const { out } = this;
    if (timestamp !== undefined) {
      out.byte(SPACE);
      this.#syntax.writeTimestamp(out, timestamp);
    }
    if (exemplar !== undefined && this.#syntax.exemplars) this.#exemplar(exemplar);
  }

  #labels({ labelNames, labelValues }: LabelledMetric): void {
    const { out } = this;
    if (labelNames !== this.#labelNames) {
      this.#labelNames = labelNames;
      this.#values = [];
      this.#labelHeads = labelNames.map((name) => new Piece(`${this.#labelName(name)}="`));
    }
    const heads = this.#labelHeads;
    const values = this.#values;
    const places = this.#places;
    const lengths = this.#lengths;
    for (let i = 0; i < heads.length; i++) {
      const value = labelValues[i]!;
      const from = out.length;
      if (value === values[i]) {
        out.repeat(places[i]!, places[i]! + lengths[i]!);
        out.byte(COMMA);
      } else {
        out.piece(heads[i]!);
        out.escaped(value, true);
        out.piece(NEXT_LABEL);
        values[i] = value;
        // This may overwrite the comma.
        lengths[i] = out.length - 1 - from;
      }
      places[i] = from;
    }
  }

  #labelName(name: string): string {
    const spelled = escapeLabelName(name, this.#syntax.escaping);
    return isLegacyLabelName(spelled) ? spelled : quote(spelled);
  }

  #exemplar(exemplar: Exemplar): void {
    const { out } = this;
    const labels = Object.entries(exemplar.labels);
    // An exemplar without labels refers to nothing. The Go client leaves it out as well.
    if (labels.length === 0) return;
    out.text(" # {");
    let first = true;
    for (const [name, value] of labels) {
      if (!first) out.byte(COMMA);
      first = false;
      out.text(this.#labelName(name));
      out.byte(EQUALS);
      out.byte(QUOTE);
      out.escaped(value, true);
      out.byte(QUOTE);
    }
    out.text("} ");
    out.number(exemplar.value);
    if (exemplar.timestamp === undefined) return;
    out.byte(SPACE);
    this.#syntax.writeTimestamp(out, exemplar.timestamp);
  }
}

function quote(text: string): string {
  return `"${escapeText(text, true)}"`;
}
