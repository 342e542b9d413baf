import {
  type Exemplar,
  isLegacyLabelName,
  isLegacyMetricName,
  type LabelledMetric,
} from "../model.ts";
import { ByteWriter, CHUNK_SIZE, escapeText } from "./byte_writer.ts";
import { escapeLabelName, escapeMetricName, type EscapingScheme } from "./escaping.ts";

const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const EQUALS = 61;
const OPEN = 123;
const CLOSE = 125;
const LINE_FEED = 10;

/** How the two text formats differ in a line. */
export interface TextSyntax {
  /** How names are spelled that are not of the classic alphabet. */
  readonly escaping: EscapingScheme;
  /** Spells a bucket bound or a quantile. */
  readonly formatBound: (bound: number) => string;
  /** Writes a timestamp that is given in seconds. */
  readonly writeTimestamp: (out: ByteWriter, seconds: number) => void;
  /** Whether lines can have exemplars. */
  readonly exemplars: boolean;
}

/** The name of a series as it stands at the beginning of its lines. */
export interface SeriesName {
  /** The name, or, when it has to be quoted, an opening brace and the quoted name. */
  readonly bytes: Uint8Array;
  /** Whether the brace is open already. */
  readonly quoted: boolean;
}

/**
 * Writes the lines of the text formats. What the lines of one metric share is
 * written once: the labels of the first line are copied into the others.
 */
export class SeriesWriter {
  readonly out: ByteWriter = new ByteWriter();
  readonly #syntax: TextSyntax;
  /** The label names of the metric before, and what stands before and between its values. */
  #labelNames: readonly string[] = [];
  #labelHeads: readonly Uint8Array[] = [];
  /** Where the labels of the metric in hand were written. */
  #metric: LabelledMetric | undefined;
  #labelsFrom = 0;
  #labelsTo = 0;
  /** The bounds of the metric before, spelled as labels. */
  #bounds: readonly number[] | undefined;
  #boundName = "";
  #boundLabels: readonly Uint8Array[] = [];
  /** The states of the metric before, spelled as labels. */
  #states: readonly string[] | undefined;
  #stateName = "";
  #stateLabels: readonly Uint8Array[] = [];

  constructor(syntax: TextSyntax) {
    this.#syntax = syntax;
  }

  /** Whether enough is written for a chunk. To be asked between two metrics. */
  get isFull(): boolean {
    return this.out.length >= CHUNK_SIZE;
  }

  /** Hands over what is written and begins anew. */
  take(): Uint8Array<ArrayBuffer> {
    this.#metric = undefined;
    return this.out.take();
  }

  /**
   * Spells the name of a family. Suffixes go behind the spelled name, as Prometheus's
   * other clients have it.
   */
  spell(familyName: string): string {
    return escapeMetricName(familyName, this.#syntax.escaping);
  }

  /** Prepares the name of a series that is spelled already. */
  seriesName(name: string): SeriesName {
    const quoted = !isLegacyMetricName(name);
    return { quoted, bytes: encode(quoted ? `{${quote(name)}` : name) };
  }

  /** The labels of a stateset, one for each state. */
  stateLabels(name: string, states: readonly string[]): readonly Uint8Array[] {
    if (states !== this.#states || name !== this.#stateName) {
      this.#stateLabels = states.map((state) => encode(`${this.#labelName(name)}=${quote(state)}`));
      this.#states = states;
      this.#stateName = name;
    }
    return this.#stateLabels;
  }

  /** The labels for `le` or `quantile`, one for each bound and, for buckets, one for `+Inf`. */
  boundLabels(name: "le" | "quantile", bounds: readonly number[]): readonly Uint8Array[] {
    if (bounds !== this.#bounds || name !== this.#boundName) {
      const { formatBound } = this.#syntax;
      const all = name === "le" ? [...bounds, Infinity] : bounds;
      this.#boundLabels = all.map((bound) => encode(`${name}="${formatBound(bound)}"`));
      this.#bounds = bounds;
      this.#boundName = name;
    }
    return this.#boundLabels;
  }

  /** Writes a `#` line for a name that is spelled already. */
  comment(keyword: string, name: string, text: string, quotes: boolean): void {
    const { out } = this;
    out.text(`# ${keyword} ${isLegacyMetricName(name) ? name : quote(name)} `);
    out.escaped(text, quotes);
    out.byte(LINE_FEED);
  }

  /** Writes a line. */
  sample(
    name: SeriesName,
    metric: LabelledMetric,
    extra: Uint8Array | undefined,
    value: number,
    exemplar?: Exemplar | undefined,
  ): void {
    const { out } = this;
    out.copy(name.bytes);
    const hasLabels = metric.labelNames.length > 0;
    if (hasLabels || extra !== undefined) {
      out.byte(name.quoted ? COMMA : OPEN);
      if (hasLabels) this.#labels(metric);
      if (extra !== undefined) {
        if (hasLabels) out.byte(COMMA);
        out.copy(extra);
      }
      out.byte(CLOSE);
    } else if (name.quoted) {
      out.byte(CLOSE);
    }
    out.byte(SPACE);
    out.number(value);
    if (metric.timestamp !== undefined) {
      out.byte(SPACE);
      this.#syntax.writeTimestamp(out, metric.timestamp);
    }
    if (exemplar !== undefined && this.#syntax.exemplars) this.#exemplar(exemplar);
    out.byte(LINE_FEED);
  }

  #labels(metric: LabelledMetric): void {
    const { out } = this;
    if (metric === this.#metric) return out.repeat(this.#labelsFrom, this.#labelsTo);
    const { labelNames, labelValues } = metric;
    if (labelNames !== this.#labelNames) {
      this.#labelNames = labelNames;
      this.#labelHeads = labelNames.map((name, i) =>
        encode(`${i === 0 ? "" : '",'}${this.#labelName(name)}="`)
      );
    }
    const heads = this.#labelHeads;
    this.#labelsFrom = out.length;
    for (let i = 0; i < heads.length; i++) {
      out.copy(heads[i]!);
      out.escaped(labelValues[i]!, true);
    }
    out.byte(QUOTE);
    this.#labelsTo = out.length;
    this.#metric = metric;
  }

  #labelName(name: string): string {
    const spelled = escapeLabelName(name, this.#syntax.escaping);
    return isLegacyLabelName(spelled) ? spelled : quote(spelled);
  }

  #exemplar(exemplar: Exemplar): void {
    const { out } = this;
    const labels = Object.entries(exemplar.labels);
    // Without labels it refers to nothing; Go's client leaves it out as well.
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

const encoder = new TextEncoder();

/** Encodes a short text that is going to be copied many times. */
function encode(text: string): Uint8Array {
  return encoder.encode(text);
}

function quote(text: string): string {
  return `"${escapeText(text, true)}"`;
}
