import type { Metric, MetricType, NumberColumn } from "./sample.ts";

/**
 * Marks metrics that need no check before they are written: all of them have the shape of this
 * type, no two have the same labels, and reading one neither throws nor calls foreign code. It is
 * known to all copies of this package whose registries have the same protocol version.
 */
export const TRUSTED: unique symbol = Symbol.for("narthex.trusted.2");

/** Keeps the series of a metric from expiring before a reader that must not miss a number. */
export interface SeriesExpiry {
  /**
   * Begins a read of all series. From its first call on, a series expires only if it has not
   * changed since the reader began a read that it completed.
   *
   * @param reader The reader, by identity.
   * @returns A function to call when everything has been read.
   */
  beginRead(reader: object): () => void;
  /**
   * Lets series expire without this reader from now on.
   *
   * @param reader The reader.
   */
  release(reader: object): void;
}

/** What the metrics of a family may offer to readers, beside the metrics themselves. */
export interface LiveMetrics extends Iterable<Metric> {
  /** The type for which the metrics are safe to read. Undefined if they must be checked. */
  readonly [TRUSTED]?: MetricType | undefined;
  /** The numbers side by side, for readers that go over all of them. */
  readonly numberColumn?: NumberColumn | undefined;
  /** How a reader keeps series from expiring before it has read them. */
  readonly expiry?: SeriesExpiry | undefined;
}

/**
 * Creates metrics that are a view of others: as trustworthy as these are, and unmarked if they are.
 *
 * @param source The metrics that are seen.
 * @param walk Walks over the view.
 * @param isTrusted Whether the view keeps all that the mark promises.
 * @returns The view, as live as its source.
 */
export function viewOf(
  source: LiveMetrics,
  walk: () => Iterator<Metric>,
  isTrusted = true,
): LiveMetrics {
  const view = { [Symbol.iterator]: walk };
  if (!(TRUSTED in source)) return view;
  return Object.defineProperties(view, {
    [TRUSTED]: { get: () => isTrusted ? source[TRUSTED] : undefined },
    expiry: { get: () => source.expiry },
  });
}
