import { familyLike, formatBound, type MetricFamily, openMetricsName } from "../model.ts";
import type { ByteWriter, Chunks } from "./byte_writer.ts";
import type { EscapingScheme } from "./escaping.ts";
import { encodeLines } from "./lines.ts";
import { SeriesWriter } from "./series_writer.ts";

/**
 * Encodes families in the OpenMetrics text format 1.0.
 *
 * Every series has the name that it has in the other formats, so a counter that is
 * not named `_total`, which OpenMetrics would rename, is written as `unknown`.
 * Native buckets are left out, as the format cannot carry them.
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
  for (const family of families) {
    const exposed = exposable(family);
    const { type, help, unit } = exposed;
    const name = openMetricsName(writer.spell(exposed.name), type);
    writer.comment("HELP", name, help, true);
    writer.comment("TYPE", name, type, true);
    // A unit must stand at the end of the name, which the spelling may have changed.
    if (unit !== "" && name.endsWith(`_${unit}`)) writer.comment("UNIT", name, unit, true);
    yield* encodeLines(writer, exposed, { created, negativeSums: false });
  }
  writer.out.text("# EOF\n");
  yield writer.take();
}

/** A counter whose series OpenMetrics would rename, as unknown; all others as they are. */
function exposable(family: MetricFamily): MetricFamily {
  if (family.type !== "counter" || family.name.endsWith("_total")) return family;
  return familyLike(family, { type: "unknown" });
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
