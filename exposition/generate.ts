import { encodeOpenMetrics } from "../encoding/open_metrics.ts";
import { encodeProtobuf } from "../encoding/protobuf.ts";
import { encodeText } from "../encoding/text.ts";
import type { EscapingScheme } from "../encoding/escaping.ts";
import type { MetricFamily } from "../model.ts";
import {
  type CollectAsyncOptions,
  gather,
  gatherAsync,
  recheck,
  REGISTRY,
  type Registry,
} from "../registry.ts";

/** Options of the functions that generate a text. */
export interface GenerateOptions {
  /**
   * How names are spelled that are not of Prometheus's classic alphabet.
   * @default {"underscores"}
   */
  escaping?: EscapingScheme | undefined;
}

/** Options of {@linkcode generateOpenMetrics}. */
export interface GenerateOpenMetricsOptions extends GenerateOptions {
  /** Whether to write `_created` series. @default {false} */
  created?: boolean | undefined;
}

/** Options of {@linkcode generateMetricsAsync}. */
export interface GenerateAsyncOptions extends GenerateOptions, CollectAsyncOptions {}

/**
 * The metrics of a registry in the Prometheus text format 0.0.4. Asynchronous
 * collectors are left out and counted; {@linkcode generateMetricsAsync} awaits them.
 *
 * @param registry The registry; the default one if left out.
 * @param options How names are spelled.
 * @returns The text, `""` for an empty registry.
 *
 * @example A scrape of the default registry
 * ```ts
 * import { Counter, generateMetrics } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * new Counter("hits_total", "Hits.").inc();
 * assert.equal(
 *   generateMetrics(),
 *   "# HELP hits_total Hits.\n# TYPE hits_total counter\nhits_total 1\n",
 * );
 * ```
 */
export function generateMetrics(
  registry: Registry = REGISTRY,
  options: GenerateOptions = {},
): string {
  const { escaping = "underscores" } = options;
  return write(registry, gather(registry), (all) => decode(encodeText(all, escaping)));
}

/**
 * The same as {@linkcode generateMetrics}, with asynchronous collectors awaited.
 *
 * @param registry The registry; the default one if left out.
 * @param options How names are spelled, a signal and a time limit.
 * @returns The text, `""` for an empty registry.
 *
 * @example A collector that awaits
 * ```ts
 * import { CollectorRegistry, generateMetricsAsync, MetricFamily } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * registry.register({
 *   async *collect() {
 *     yield new MetricFamily("users", "Users.", "gauge")
 *       .addSample("users", {}, await Promise.resolve(7));
 *   },
 * });
 * assert.match(await generateMetricsAsync(registry), /^users 7$/m);
 * ```
 */
export async function generateMetricsAsync(
  registry: Registry = REGISTRY,
  options: GenerateAsyncOptions = {},
): Promise<string> {
  const families: MetricFamily[] = [];
  for await (const family of gatherAsync(registry, options)) families.push(family);
  const { escaping = "underscores" } = options;
  return write(registry, families, (all) => decode(encodeText(all, escaping)));
}

/**
 * The metrics of a registry in the OpenMetrics text format 1.0: with units,
 * exemplars, and the types that format 0.0.4 does not know.
 *
 * @param registry The registry; the default one if left out.
 * @param options How names are spelled, and whether `_created` series are written.
 * @returns The text; it ends in `# EOF`.
 *
 * @example A counter with an exemplar
 * ```ts
 * import { CollectorRegistry, Counter, generateOpenMetrics } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Counter("hits_total", "Hits.", { registry }).inc(1, { trace_id: "abc" });
 * assert.match(generateOpenMetrics(registry), /^hits_total 1 # \{trace_id="abc"\} 1 /m);
 * ```
 */
export function generateOpenMetrics(
  registry: Registry = REGISTRY,
  options: GenerateOpenMetricsOptions = {},
): string {
  const { escaping = "underscores", created = false } = options;
  return write(
    registry,
    gather(registry),
    (all) => decode(encodeOpenMetrics(all, escaping, created)),
  );
}

/**
 * The metrics of a registry as protobuf: delimited `io.prometheus.client.MetricFamily`
 * messages, the only format that carries native histograms.
 *
 * @param registry The registry; the default one if left out.
 * @param options How names are spelled.
 * @returns The messages.
 *
 * @example The size of a message
 * ```ts
 * import { CollectorRegistry, Gauge, generateProtobuf } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Gauge("workers", "Workers that run.", { registry }).set(4);
 * const bytes = generateProtobuf(registry);
 * assert.equal(bytes[0], bytes.length - 1);
 * ```
 */
export function generateProtobuf(
  registry: Registry = REGISTRY,
  options: GenerateOptions = {},
): Uint8Array<ArrayBuffer> {
  const { escaping = "underscores" } = options;
  const chunks = write(registry, gather(registry), (all) => [...encodeProtobuf(all, escaping)]);
  const all = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/**
 * Encodes families. When one of them has promised to be safe to read and is not, the others are
 * encoded without what cannot be read.
 */
function write<T>(
  registry: Registry,
  families: Iterable<MetricFamily>,
  encode: (families: Iterable<MetricFamily>) => T,
): T {
  try {
    return encode(families);
  } catch {
    return encode(recheck(registry, families));
  }
}

function decode(chunks: Iterable<Uint8Array>): string {
  const decoder = new TextDecoder();
  let text = "";
  for (const chunk of chunks) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}
