import {
  createdName,
  familyLike,
  formatBound,
  type MetricFamily,
  openMetricsName,
  sampleNames,
} from "../model.ts";
import type { ByteWriter, Chunks } from "./byte_writer.ts";
import type { EscapingScheme } from "./escaping.ts";
import { encodeLines } from "./lines.ts";
import { SeriesWriter } from "./series_writer.ts";

/**
 * Encodes families in the OpenMetrics text format 1.0.
 *
 * Every series has the name that it has in the other formats. OpenMetrics takes `_total` and `_info`
 * off the names of counters and infos. A counter without `_total`, which it would rename, and one
 * whose shorter name another family has, are written under their full name as `unknown`. So is
 * such an info. Native buckets are left out, because the format cannot carry them.
 *
 * See https://prometheus.io/docs/specs/om/open_metrics_spec/
 *
 * @param families The families, as exposed.
 * @param escaping How names are spelled that are not of the classic alphabet.
 * @param created Whether to write `_created` series.
 * @returns The text in UTF-8, in chunks of some 256 KiB, each made when it is asked for.
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
  const taken = new Set(all.flatMap(({ name, type }) => sampleNames(writer.spell(name), type)));
  for (const family of all) {
    const exposed = exposable(family, writer.spell(family.name), taken);
    const { type, help, unit } = exposed;
    const fullName = writer.spell(exposed.name);
    const name = openMetricsName(fullName, type);
    taken.add(name);
    writer.comment("HELP", name, help, true);
    writer.comment("TYPE", name, type, true);
    // A unit must stand at the end of the name, which the spelling may have changed.
    if (unit !== "" && name.endsWith(`_${unit}`)) writer.comment("UNIT", name, unit, true);
    const createdSeries = created ? createdName(fullName, type) : undefined;
    const hasCreated = createdSeries !== undefined && !taken.has(createdSeries);
    yield* encodeLines(writer, exposed, { created: hasCreated, negativeSums: false });
  }
  writer.out.text("# EOF\n");
  yield writer.take();
}

/** A family as the format can have it: one that would be renamed, or cannot be, as unknown. */
function exposable(
  family: MetricFamily,
  fullName: string,
  taken: ReadonlySet<string>,
): MetricFamily {
  const { type } = family;
  if (type !== "counter" && type !== "info") return family;
  const name = openMetricsName(fullName, type);
  return name === fullName || taken.has(name) ? familyLike(family, { type: "unknown" }) : family;
}

/** Spells a bound or quantile so that it is recognized as a float. */
function formatCanonical(bound: number): string {
  const text = formatBound(bound);
  return Number.isInteger(bound) && !text.includes("e") ? `${text}.0` : text;
}

/** Seconds since 1970. */
function writeTimestamp(out: ByteWriter, seconds: number): void {
  out.number(seconds);
}
