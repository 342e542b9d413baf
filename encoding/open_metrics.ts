import {
  createdName,
  familyLike,
  formatBound,
  type MetricFamily,
  type MetricType,
  type NumberMetric,
  openMetricsName,
  reservedLabelName,
  sampleNames,
} from "../model.ts";
import type { ByteWriter, Chunks } from "./byte_writer.ts";
import type { EscapingScheme } from "./escaping.ts";
import { encodeLines } from "./lines.ts";
import { SeriesWriter } from "./series_writer.ts";

/**
 * Encodes families in the OpenMetrics text format 1.0.
 *
 * Every series has the same name as in the other formats. OpenMetrics removes `_total` from the
 * name of a counter and `_info` from that of an info. Three kinds of families are written under their
 * full name as `unknown`: counters without `_total`, because OpenMetrics would rename them, families
 * whose shorter name another family has, and families whose `_created` would have the name of another
 * one. Native buckets are left out, because the format does not have them.
 *
 * See https://prometheus.io/docs/specs/om/open_metrics_spec/
 *
 * @param families The families, as exposed.
 * @param escaping The spelling of names outside the classic alphabet.
 * @param created Whether to write `_created` series.
 * @returns The text in UTF-8, in chunks of about 256 KiB, each made when it is requested.
 */
export function* encodeOpenMetrics(
  families: Iterable<MetricFamily>,
  escaping: EscapingScheme,
  created: boolean,
): Chunks {
  const writer = new SeriesWriter({
    escaping,
    formatBound: formatCanonical,
    writeTimestamp,
    exemplars: true,
  });
  const all = [...families];
  const names = new TakenNames(all, (name) => writer.spell(name));
  for (const family of all) {
    for (const exposed of exposable(family, writer.spell(family.name), names)) {
      const { type, help, unit } = exposed;
      const name = openMetricsName(writer.spell(exposed.name), type);
      writer.comment("HELP", name, help, true);
      writer.comment("TYPE", name, type, true);
      // A unit must stand at the end of the name, which the spelling may have changed.
      if (unit !== "" && name.endsWith(`_${unit}`)) writer.comment("UNIT", name, unit, true);
      yield* encodeLines(writer, exposed, { created, negativeSums: false });
    }
  }
  writer.out.text("# EOF\n");
  yield writer.take();
}

/** The names that the families of a scrape have in OpenMetrics. */
class TakenNames {
  /** The names of families and of their series, which are the same in every format. */
  readonly #fixed: Set<string> = new Set();
  /** The names that some types keep for `_created`, whether they are written or not. */
  readonly #created: Set<string> = new Set();
  /** The shorter names that were given to families. */
  readonly #given: Set<string> = new Set();

  constructor(families: readonly MetricFamily[], spell: (name: string) => string) {
    for (const { name, type } of families) {
      const fullName = spell(name);
      for (const fixed of [fullName, ...sampleNames(fullName, type)]) this.#fixed.add(fixed);
      const created = createdName(fullName, type);
      const isCounter = type !== "counter" || openMetricsName(fullName, type) !== fullName;
      if (created !== undefined && isCounter) this.#created.add(created);
    }
  }

  /** Whether another family has the name that a type keeps for `_created`. */
  hasCreated(fullName: string, type: MetricType): boolean {
    const created = createdName(fullName, type);
    return created !== undefined && this.#fixed.has(created);
  }

  /** Gives a shorter name to a family, unless another one has it. */
  give(name: string): boolean {
    if (this.#fixed.has(name) || this.#created.has(name) || this.#given.has(name)) return false;
    this.#given.add(name);
    return true;
  }
}

/**
 * Returns a family as it is written: as `unknown` if OpenMetrics would change its name, or if another
 * family has one of its names. A histogram or a summary becomes a family for each of its sample names.
 */
function exposable(family: MetricFamily, fullName: string, names: TakenNames): MetricFamily[] {
  const { type } = family;
  if (type === "counter" || type === "info") {
    const name = openMetricsName(fullName, type);
    const isTyped = name !== fullName && !names.hasCreated(fullName, type) && names.give(name);
    return [isTyped ? family : familyLike(family, { type: "unknown" })];
  }
  if (!names.hasCreated(fullName, type)) return [family];
  return sampleNames(family.name, type).map((name) =>
    familyLike(family, {
      name,
      type: "unknown",
      labelNames: undefined,
      metrics: { [Symbol.iterator]: () => parts(family, name) },
    })
  );
}

/** Yields the samples of one name as metrics. */
function* parts(family: MetricFamily, name: string): Generator<NumberMetric> {
  const reserved = reservedLabelName(family.type, family.name);
  for (const sample of family.samples) {
    if (sample.name !== name) continue;
    const { labels, value, timestamp } = sample;
    const labelNames = Object.keys(labels);
    const labelValues = labelNames.map((label) =>
      label === reserved
        ? formatCanonical(Number(labels[label]!.replace("Inf", "Infinity")))
        : labels[label]!
    );
    yield { labelNames, labelValues, value, timestamp };
  }
}

/** Spells a bound or a quantile as a float. */
function formatCanonical(bound: number): string {
  const text = formatBound(bound);
  return Number.isInteger(bound) && !text.includes("e") ? `${text}.0` : text;
}

/** Writes seconds since 1970. */
function writeTimestamp(out: ByteWriter, seconds: number): void {
  out.number(seconds);
}
