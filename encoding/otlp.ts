import type {
  Exemplar,
  HistogramMetric,
  LabelSet,
  Metric,
  MetricFamily,
  NumberMetric,
  StateSetMetric,
  SummaryMetric,
} from "../model.ts";
import { exponentialFields } from "./otlp/exponential.ts";
import { encodeAsJson, encodeAsProtobuf, type Message, type Value } from "./otlp/message.ts";
import { toUcum } from "./otlp/units.ts";
import { toCount } from "./proto_writer.ts";

/** The encodings of OTLP. */
export type OtlpEncoding = "protobuf" | "json";

/** Options of {@linkcode encodeOtlp}. */
export interface OtlpEncoderOptions {
  readonly encoding: OtlpEncoding;
  /** Whether counters and histograms are differences since their start. */
  readonly isDelta: boolean;
  /** Returns since when a metric counts, in seconds since 1970. */
  readonly startOf: (metric: Metric) => number | undefined;
  /** The time of all points that have none themselves, in milliseconds since 1970. */
  readonly timestampMs: number;
  /** Exemplars with an earlier time are left out, in milliseconds since 1970. */
  readonly exemplarsSinceMs: number;
  readonly exemplars: boolean;
  /** Whether native histograms are written as exponential ones; else as classic ones. */
  readonly nativeHistograms: boolean;
  /** Attributes of the resource that count more than those of `target_info`. */
  readonly resource: Readonly<Record<string, string>>;
  /** Default attributes of the resource. */
  readonly resourceDefaults: Readonly<Record<string, string>>;
  /** The scope of metrics that name none. */
  readonly scope: { readonly name: string; readonly version: string };
  /** From how many points on a request is complete. */
  readonly maxPoints: number;
}

/** An encoded `ExportMetricsServiceRequest`. */
export interface OtlpRequest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many data points it has. */
  readonly points: number;
}

const TEMPORALITY = { delta: 1, cumulative: 2 } as const;

/** Labels that name the scope of a point. Others with the prefix are attributes of the scope. */
const SCOPE_PREFIX = "otel_scope_";
const SCOPE_INFO = "otel_scope_info";
const TARGET_INFO = "target_info";

/** The scope of some points. */
interface Scope {
  readonly name: string;
  readonly version: string;
  readonly schemaUrl: string;
  readonly attributes: Record<string, string>;
}

/** How one kind of metric is written: the name of its field, and further members. */
interface Shape {
  readonly field: "gauge" | "sum" | "histogram" | "exponentialHistogram" | "summary";
  readonly fields?: Message;
}

/**
 * Encodes families as requests of OTLP metrics, by the specification of Prometheus compatibility.
 * Requests are created one by one. A metric with many points may be in several of them.
 *
 * - `target_info` becomes the resource, labels `otel_scope_*` and `otel_scope_info` the scope.
 * - Infos and statesets are sums that are not monotonic. A gaugehistogram, and a histogram or
 *   summary without a count, has no counterpart and is left out.
 * - A native histogram is an exponential one.
 *
 * See https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 *
 * @param families The families, as exposed.
 * @param options Time, resource, limits.
 * @returns The requests.
 */
export function* encodeOtlp(
  families: readonly MetricFamily[],
  options: OtlpEncoderOptions,
): Generator<OtlpRequest> {
  const encoder = new Encoder(families, options);
  for (const family of families) yield* encoder.family(family);
  yield* encoder.rest();
}

/** Puts points into requests. */
class Encoder {
  readonly #options: OtlpEncoderOptions;
  readonly #resource: Message;
  /** The attributes of each scope in `otel_scope_info`, by name and version. */
  readonly #scopeInfos: Map<string, Record<string, string>> = new Map();
  /** The scopes of the request that is being put together, with their metrics. */
  #scopes: Map<string, { scope: Scope; metrics: Map<string, Message> }> = new Map();
  #points = 0;
  /** The scope of points that name none. */
  readonly #ownScope: Scope;
  readonly #scratch: number[] = [];

  constructor(families: readonly MetricFamily[], options: OtlpEncoderOptions) {
    this.#options = options;
    this.#ownScope = { ...options.scope, schemaUrl: "", attributes: {} };
    const attributes: Record<string, string> = { ...options.resourceDefaults };
    for (const { name, metrics } of families) {
      if (name === TARGET_INFO) {
        for (const metric of metrics) Object.assign(attributes, labelsOf(metric));
      } else if (name === SCOPE_INFO) {
        for (const metric of metrics) this.#addScopeInfo(labelsOf(metric));
      }
    }
    Object.assign(attributes, options.resource);
    this.#resource = { attributes: toAttributes(Object.entries(attributes)) };
  }

  *family(family: MetricFamily): Generator<OtlpRequest> {
    const { name, type } = family;
    if (name === TARGET_INFO || name === SCOPE_INFO || type === "gaugehistogram") return;
    for (const metric of family.metrics) {
      const point = this.#pointOf(family, metric);
      if (point === undefined) continue;
      const [shape, points] = point;
      const { scope, scopeKey, attributes } = this.#split(metric);
      const dataPoints = this.#dataPoints(scope, scopeKey, family, shape);
      for (const { extra, ...fields } of points) {
        dataPoints.push({
          attributes: toAttributes(extra === undefined ? attributes : [...attributes, extra]),
          ...fields,
        });
        this.#points++;
      }
      if (this.#points >= this.#options.maxPoints) yield this.#take();
    }
  }

  *rest(): Generator<OtlpRequest> {
    if (this.#points > 0) yield this.#take();
  }

  #take(): OtlpRequest {
    const { encoding } = this.#options;
    const scopeMetrics = Array.from(this.#scopes.values(), ({ scope, metrics }) => ({
      scope: {
        name: scope.name,
        version: scope.version || undefined,
        attributes: toAttributes(Object.entries(scope.attributes)),
      },
      metrics: [...metrics.values()],
      schemaUrl: scope.schemaUrl || undefined,
    }));
    const request = { resourceMetrics: [{ resource: this.#resource, scopeMetrics }] };
    const points = this.#points;
    this.#scopes = new Map();
    this.#points = 0;
    const bytes = encoding === "json" ? encodeAsJson(request) : encodeAsProtobuf(request);
    return { bytes, points };
  }

  /** The points of a metric in the present request. */
  #dataPoints(
    scope: Scope,
    scopeKey: string,
    family: MetricFamily,
    { field, fields }: Shape,
  ): Value[] {
    let entry = this.#scopes.get(scopeKey);
    if (entry === undefined) this.#scopes.set(scopeKey, entry = { scope, metrics: new Map() });
    const metricKey = `${field} ${family.name}`;
    const known = entry.metrics.get(metricKey);
    // It was put there below.
    if (known !== undefined) return (known[field] as Message)["dataPoints"] as Value[];
    const dataPoints: Value[] = [];
    const { name, help, unit, type } = family;
    entry.metrics.set(metricKey, {
      name,
      description: help || undefined,
      unit: unit === "" ? undefined : toUcum(unit),
      [field]: { dataPoints, ...fields },
      metadata: toAttributes([["prometheus.type", type]]),
    });
    return dataPoints;
  }

  /** The points of a metric without attributes, of which `extra` is one; nothing to leave it out. */
  #pointOf(
    family: MetricFamily,
    metric: Metric,
  ): [Shape, (Message & { extra?: [string, string] })[]] | undefined {
    const { isDelta, nativeHistograms } = this.#options;
    const times = this.#times(metric, family.type !== "gauge" && family.type !== "unknown");
    const aggregationTemporality = isDelta ? TEMPORALITY.delta : TEMPORALITY.cumulative;
    // A family's metrics have the shape of its type.
    switch (family.type) {
      case "counter": {
        const { value, exemplar } = metric as NumberMetric;
        const exemplars = this.#exemplars([exemplar]);
        const fields = { aggregationTemporality, isMonotonic: true };
        return [{ field: "sum", fields }, [{ ...times, asDouble: value, exemplars }]];
      }
      case "histogram": {
        const { count, sum, native } = metric as HistogramMetric;
        if (count === undefined) return undefined;
        const numbers = { ...times, count: toCount(count), sum };
        const fields = { aggregationTemporality };
        if (native !== undefined && nativeHistograms) {
          const { nativeExemplars = [] } = metric as HistogramMetric;
          const exemplars = this.#exemplars(nativeExemplars);
          const point = { ...numbers, ...exponentialFields(native), exemplars };
          return [{ field: "exponentialHistogram", fields }, [point]];
        }
        const point = { ...numbers, ...this.#buckets(metric as HistogramMetric) };
        return [{ field: "histogram", fields }, [point]];
      }
      case "summary": {
        const summary = metric as SummaryMetric;
        const { count, sum = 0, quantiles } = summary;
        if (count === undefined) return undefined;
        const values = summary.quantileValues();
        const quantileValues = quantiles.map((quantile, i) => ({ quantile, value: values[i]! }));
        return [{ field: "summary" }, [{ ...times, count: toCount(count), sum, quantileValues }]];
      }
      case "stateset": {
        const { states, stateValues } = metric as StateSetMetric;
        const points = states.map((state, i) => ({
          ...times,
          asDouble: stateValues[i]!,
          extra: [family.name, state] as [string, string],
        }));
        return [NON_MONOTONIC, points];
      }
      case "info":
        return [NON_MONOTONIC, [{ ...times, asDouble: (metric as NumberMetric).value }]];
      default:
        return [{ field: "gauge" }, [{ ...times, asDouble: (metric as NumberMetric).value }]];
    }
  }

  #times(metric: Metric, hasStart: boolean): Message {
    const { startOf, timestampMs } = this.#options;
    const { timestamp } = metric;
    const timeUnixNano = toNanoseconds(timestamp === undefined ? timestampMs : timestamp * 1000);
    const start = hasStart ? startOf(metric) : undefined;
    if (start === undefined) return { timeUnixNano };
    return { startTimeUnixNano: toNanoseconds(start * 1000), timeUnixNano };
  }

  #buckets(metric: HistogramMetric): Message {
    const { bounds, exemplars } = metric;
    const cumulative = metric.cumulativeCounts(this.#scratch);
    let before = 0;
    const bucketCounts = cumulative.map((count) => {
      const own = toCount(count - before);
      before = count;
      return own;
    });
    return {
      bucketCounts,
      // Without counts there must be no bounds either.
      explicitBounds: cumulative.length === 0 ? [] : [...bounds],
      exemplars: this.#exemplars(exemplars ?? []),
    };
  }

  #exemplars(exemplars: Iterable<Exemplar | undefined>): Message[] {
    const { exemplars: areWanted, exemplarsSinceMs, timestampMs } = this.#options;
    const messages: Message[] = [];
    if (!areWanted) return messages;
    for (const exemplar of exemplars) {
      if (exemplar === undefined) continue;
      const { labels, value, timestamp } = exemplar;
      const timeMs = timestamp === undefined ? timestampMs : timestamp * 1000;
      if (timeMs < exemplarsSinceMs) continue;
      const traceId = idOf(labels, "trace_id", TRACE_ID_REGEXP);
      const spanId = idOf(labels, "span_id", SPAN_ID_REGEXP);
      const rest = Object.entries(labels).filter(([name]) =>
        !(name === "trace_id" && traceId) && !(name === "span_id" && spanId)
      );
      messages.push({
        timeUnixNano: toNanoseconds(timeMs),
        asDouble: value,
        spanId,
        traceId,
        filteredAttributes: toAttributes(rest),
      });
    }
    return messages;
  }

  /** Tells the labels that name the scope from those of the point. */
  #split({ labelNames, labelValues }: LabelSet): {
    scope: Scope;
    scopeKey: string;
    attributes: [string, string][];
  } {
    const attributes: [string, string][] = [];
    const own: Record<string, string> = {};
    let hasScope = false;
    for (let i = 0; i < labelNames.length; i++) {
      const name = labelNames[i]!;
      const value = labelValues[i] ?? "";
      if (name.startsWith(SCOPE_PREFIX)) {
        own[name.slice(SCOPE_PREFIX.length)] = value;
        hasScope = true;
      } else {
        attributes.push([name, value]);
      }
    }
    if (!hasScope) return { scope: this.#ownScope, scopeKey: "", attributes };
    const { name = "", version = "", schema_url: schemaUrl = "", ...rest } = own;
    const infos = this.#scopeInfos.get(JSON.stringify([name, version]));
    const scope = { name, version, schemaUrl, attributes: { ...infos, ...rest } };
    return { scope, scopeKey: JSON.stringify(scope), attributes };
  }

  #addScopeInfo(labels: Record<string, string>): void {
    const { otel_scope_name: name = "", otel_scope_version: version = "", ...rest } = labels;
    const attributes = Object.entries(rest).map(([label, value]) => [
      label.startsWith(SCOPE_PREFIX) ? label.slice(SCOPE_PREFIX.length) : label,
      value,
    ]);
    const { schema_url: _, ...others } = Object.fromEntries(attributes);
    this.#scopeInfos.set(JSON.stringify([name, version]), others);
  }
}

const NON_MONOTONIC: Shape = {
  field: "sum",
  fields: { aggregationTemporality: TEMPORALITY.cumulative, isMonotonic: false },
};

const TRACE_ID_REGEXP = /^(?!0{32})[0-9a-f]{32}$/i;
const SPAN_ID_REGEXP = /^(?!0{16})[0-9a-f]{16}$/i;

function idOf(
  labels: Readonly<Record<string, string>>,
  name: string,
  regexp: RegExp,
): string | undefined {
  const id = Object.hasOwn(labels, name) ? labels[name]! : "";
  return regexp.test(id) ? id.toLowerCase() : undefined;
}

function labelsOf({ labelNames, labelValues }: LabelSet): Record<string, string> {
  return Object.fromEntries(labelNames.map((name, i) => [name, labelValues[i] ?? ""]));
}

/** An empty label is no label, and an attribute neither. */
function toAttributes(entries: Iterable<readonly [string, string]>): Message[] {
  const attributes: Message[] = [];
  for (const [key, value] of entries) {
    if (value !== "") attributes.push({ key, value: { stringValue: value } });
  }
  return attributes;
}

/** The largest time that fits, in milliseconds: the year 2554. */
const MAX_TIME_MS = (2 ** 64 - 2 ** 12) / 1e6;

function toNanoseconds(milliseconds: number): bigint {
  // A time before 1970 cannot be written.
  const whole = Math.round(Math.max(0, Math.min(MAX_TIME_MS - 1, milliseconds)));
  return BigInt(whole) * 1_000_000n;
}
