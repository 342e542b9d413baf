import { encodeOpenMetrics } from "../encoding/open_metrics.ts";
import { encodeProtobuf } from "../encoding/protobuf.ts";
import { encodeText } from "../encoding/text.ts";
import { checkEscapingScheme, type EscapingScheme } from "../encoding/escaping.ts";
import { checkKnownOptions, checkShape, type KnownOptions, type MetricFamily } from "../model.ts";
import {
  gather,
  gatherAsync,
  type Gatherer,
  READ_OPTIONS,
  type ReadAsyncOptions,
  REGISTRY,
} from "../registry.ts";

/** Options of the functions that generate an exposition. */
export interface GenerateOptions {
  /** How to spell names outside Prometheus's classic character set. @default {"underscores"} */
  escaping?: EscapingScheme | undefined;
}

/** Options of {@linkcode generateOpenMetrics}. */
type GenerateOpenMetricsOptions = GenerateOptions & {
  /** Whether to write `_created` series. @default {false} */
  created?: boolean | undefined;
};

/**
 * Generates the metrics of a registry in the Prometheus text format 0.0.4. Skips
 * asynchronous collectors and counts them; {@linkcode generateMetricsAsync} awaits them.
 *
 * @param registry The registry, or a view of one. @default {REGISTRY}
 * @param options How names are spelled.
 * @returns The text, `""` for an empty registry.
 *
 * @example Generate the text of the default registry
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
  registry: Gatherer = REGISTRY,
  options: GenerateOptions = {},
): string {
  const { escaping } = checkGenerateOptions(options, KNOWN);
  return decode(encodeText(gather(registry), escaping));
}

/**
 * Generates the same text as {@linkcode generateMetrics}, and awaits asynchronous collectors.
 *
 * @param registry The registry, or a view of one. @default {REGISTRY}
 * @param options How names are spelled, which families to read, a signal and a time limit.
 * @returns The text, `""` for an empty registry.
 *
 * @example Await a collector
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
  registry: Gatherer = REGISTRY,
  options: GenerateOptions & ReadAsyncOptions = {},
): Promise<string> {
  const { escaping, read } = checkGenerateOptions(options, { ...KNOWN, ...READ_OPTIONS });
  return decode(encodeText(await gatherAll(registry, read), escaping));
}

/**
 * Generates the metrics of a registry in the OpenMetrics text format 1.0. Unlike format 0.0.4, it
 * has units, exemplars and more types.
 *
 * @param registry The registry, or a view of one. @default {REGISTRY}
 * @param options How names are spelled, and whether `_created` series are written (not by default).
 * @returns The text. It ends in `# EOF`.
 *
 * @example Generate the text of a counter with an exemplar
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
  registry: Gatherer = REGISTRY,
  options: GenerateOptions & { created?: boolean | undefined } = {},
): string {
  const { escaping, created } = checkGenerateOptions(options, OPEN_METRICS);
  return decode(encodeOpenMetrics(gather(registry), escaping, created));
}

/**
 * Generates the same text as {@linkcode generateOpenMetrics}, and awaits asynchronous collectors.
 *
 * @param registry The registry, or a view of one. @default {REGISTRY}
 * @param options The options of {@linkcode generateOpenMetrics} and
 * {@linkcode generateMetricsAsync}.
 * @returns The text. It ends in `# EOF`.
 *
 * @example Await a collector
 * ```ts
 * import { CollectorRegistry, generateOpenMetricsAsync, MetricFamily } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * registry.register({
 *   collect: async () => [
 *     new MetricFamily("users", "Users.", "gauge").addSample("users", {}, await Promise.resolve(7)),
 *   ],
 * });
 * assert.match(await generateOpenMetricsAsync(registry), /^users 7\n# EOF\n$/m);
 * ```
 */
export async function generateOpenMetricsAsync(
  registry: Gatherer = REGISTRY,
  options: GenerateOptions & ReadAsyncOptions & { created?: boolean | undefined } = {},
): Promise<string> {
  const { escaping, created, read } = checkGenerateOptions(options, {
    ...OPEN_METRICS,
    ...READ_OPTIONS,
  });
  return decode(encodeOpenMetrics(await gatherAll(registry, read), escaping, created));
}

/**
 * Generates the metrics of a registry as protobuf: delimited `io.prometheus.client.MetricFamily`
 * messages. No other format has native histograms.
 *
 * @param registry The registry, or a view of one. @default {REGISTRY}
 * @param options How names are spelled.
 * @returns The messages.
 *
 * @example Read the size of a message
 * ```ts
 * import { CollectorRegistry, Gauge, generateProtobuf } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Gauge("workers", "Running workers.", { registry }).set(4);
 * const bytes = generateProtobuf(registry);
 * assert.equal(bytes[0], bytes.length - 1);
 * ```
 */
export function generateProtobuf(
  registry: Gatherer = REGISTRY,
  options: GenerateOptions = {},
): Uint8Array<ArrayBuffer> {
  const { escaping } = checkGenerateOptions(options, KNOWN);
  return join(encodeProtobuf(gather(registry), escaping));
}

/**
 * Generates the same bytes as {@linkcode generateProtobuf}, and awaits asynchronous collectors.
 *
 * @param registry The registry, or a view of one. @default {REGISTRY}
 * @param options How names are spelled, which families to read, a signal and a time limit.
 * @returns The messages.
 *
 * @example Await a collector
 * ```ts
 * import { CollectorRegistry, generateProtobufAsync, MetricFamily } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * registry.register({
 *   collect: async () => [
 *     new MetricFamily("users", "Users.", "gauge").addSample("users", {}, await Promise.resolve(7)),
 *   ],
 * });
 * const bytes = await generateProtobufAsync(registry);
 * assert.equal(bytes[0], bytes.length - 1);
 * ```
 */
export async function generateProtobufAsync(
  registry: Gatherer = REGISTRY,
  options: GenerateOptions & ReadAsyncOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { escaping, read } = checkGenerateOptions(options, { ...KNOWN, ...READ_OPTIONS });
  return join(encodeProtobuf(await gatherAll(registry, read), escaping));
}

const KNOWN: KnownOptions<GenerateOptions> = { escaping: true };
const OPEN_METRICS: KnownOptions<GenerateOpenMetricsOptions> = { escaping: true, created: true };

/** The checked options of an encoder with all defaults, and the options of the read. */
interface CheckedOptions {
  readonly escaping: EscapingScheme;
  readonly created: boolean;
  readonly read: ReadAsyncOptions;
}

function checkGenerateOptions<Options extends GenerateOpenMetricsOptions>(
  options: Options,
  known: KnownOptions<Options>,
): CheckedOptions {
  const doing = "Cannot generate metrics";
  const { escaping = "underscores", created = false, ...read } = checkKnownOptions(
    options,
    known,
    doing,
  );
  checkEscapingScheme(escaping, doing);
  checkShape(typeof created === "boolean", doing, "created must be a boolean", created);
  return { escaping, created, read };
}

async function gatherAll(registry: Gatherer, options: ReadAsyncOptions): Promise<MetricFamily[]> {
  const families: MetricFamily[] = [];
  for await (const family of gatherAsync(registry, options)) families.push(family);
  return families;
}

function join(chunks: Iterable<Uint8Array>): Uint8Array<ArrayBuffer> {
  const parts = [...chunks];
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function decode(chunks: Iterable<Uint8Array>): string {
  const decoder = new TextDecoder();
  let text = "";
  for (const chunk of chunks) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}
