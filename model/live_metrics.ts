import type { SeriesExpiry } from "./collector.ts";
import type { Metric, MetricType, NumberColumn } from "./sample.ts";

/**
 * Marks metrics that need no check before they are written: all of them have the shape of this
 * type, no two have the same labels, and reading one neither throws nor calls foreign code. It is
 * known to all copies of this package whose registries have the same protocol version.
 */
export const TRUSTED: unique symbol = Symbol.for("narthex.trusted.2");

/** What the metrics of a family may offer to readers, beside the metrics themselves. */
export interface LiveMetrics extends Iterable<Metric> {
  /** The type for which the metrics are safe to read. Undefined if they must be checked. */
  readonly [TRUSTED]?: MetricType | undefined;
  /** The numbers side by side, for readers that go over all of them. */
  readonly numberColumn?: NumberColumn | undefined;
  /** How a reader keeps series from expiring before it has read them. */
  readonly expiry?: SeriesExpiry | undefined;
}
