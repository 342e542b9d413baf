/**
 * An OTLP receiver for tests. It decodes with OpenTelemetry's own definitions, so it shares no code
 * with the sender.
 *
 * @module
 */
import { gunzipSync } from "node:zlib";
// The types of the package do not describe its contents.
// @ts-types="./otlp_definitions.d.ts"
import generated from "@opentelemetry/otlp-transformer/build/src/generated/root.js";

const { ExportMetricsServiceRequest, ExportMetricsServiceResponse } =
  generated.opentelemetry.proto.collector.metrics.v1;

/** An attribute. */
export interface ReceivedAttribute {
  key: string;
  value: { stringValue: string };
}

/** A point of any kind. 64-bit integers are strings. */
export interface ReceivedPoint {
  attributes?: ReceivedAttribute[];
  startTimeUnixNano?: string;
  timeUnixNano: string;
  asDouble?: number;
  count?: string;
  sum?: number;
  bucketCounts?: string[];
  explicitBounds?: number[];
  scale?: number;
  zeroCount?: string;
  zeroThreshold?: number;
  positive?: { offset: number; bucketCounts: string[] };
  negative?: { offset: number; bucketCounts: string[] };
  quantileValues?: { quantile?: number; value?: number }[];
  exemplars?: {
    timeUnixNano: string;
    asDouble: number;
    traceId?: string;
    spanId?: string;
    filteredAttributes?: ReceivedAttribute[];
  }[];
}

interface Points {
  dataPoints: ReceivedPoint[];
  aggregationTemporality?: number;
  isMonotonic?: boolean;
}

/** A metric. */
export interface ReceivedMetric {
  name: string;
  description?: string;
  unit?: string;
  gauge?: Points;
  sum?: Points;
  histogram?: Points;
  exponentialHistogram?: Points;
  summary?: Points;
  metadata?: ReceivedAttribute[];
}

/** A request. */
export interface ReceivedExport {
  resourceMetrics: {
    resource: { attributes: ReceivedAttribute[] };
    scopeMetrics: {
      scope: { name?: string; version?: string; attributes?: ReceivedAttribute[] };
      metrics: ReceivedMetric[];
      schemaUrl?: string;
    }[];
  }[];
}

/** Decodes a request in either encoding. Missing fields are omitted. */
export function decodeExport(bytes: Uint8Array, contentType: string): ReceivedExport {
  if (contentType === "application/json") return JSON.parse(new TextDecoder().decode(bytes));
  if (contentType !== "application/x-protobuf") throw new Error(`unknown type ${contentType}`);
  const message = ExportMetricsServiceRequest.decode(bytes);
  const plain = ExportMetricsServiceRequest.toObject(message, { longs: String, bytes: Array });
  // Ids are hexadecimal, as in JSON. The definitions guarantee the other fields.
  return JSON.parse(
    JSON.stringify(
      plain,
      (key, value) =>
        key === "traceId" || key === "spanId"
          ? value.map((byte: number) => byte.toString(16).padStart(2, "0")).join("")
          : value,
    ),
  ) as ReceivedExport;
}

/** Encodes the response to a request with rejected points. */
export function partialSuccess(rejectedDataPoints: number, errorMessage: string): Uint8Array {
  const message = { partialSuccess: { rejectedDataPoints, errorMessage } };
  return ExportMetricsServiceResponse.encode(message).finish();
}

/** A received request. */
export interface ArrivedExport {
  readonly url: string;
  readonly headers: Headers;
  readonly size: number;
  readonly request: ReceivedExport;
}

/** A collector's response: a status, an object with more, or `"fail"` for no response. */
export type OtlpReply = number | "fail" | {
  status: number;
  body?: string | Uint8Array;
  type?: string;
  retryAfter?: string;
};

/** A collector that replaces `fetch`, so that no network is needed. */
export class FakeCollector {
  readonly arrived: ArrivedExport[] = [];
  /** The next responses. Defaults to 200 when empty. */
  replies: OtlpReply[] = [];
  /** Awaited before each response. */
  gate: Promise<void> | undefined;

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    // The sender always passes a Uint8Array.
    this.arrived.push(receiveExport(url, new Headers(init.headers), init.body as Uint8Array));
    if (this.gate !== undefined) await Promise.race([this.gate, aborted(init.signal)]);
    const reply = this.replies.shift() ?? 200;
    if (reply === "fail") throw new TypeError("connection refused");
    const { status, body, type, retryAfter } = typeof reply === "number"
      ? { status: reply }
      : reply as Exclude<OtlpReply, number | "fail">;
    const headers = new Headers();
    if (type !== undefined) headers.set("content-type", type);
    if (retryAfter !== undefined) headers.set("retry-after", retryAfter);
    return new Response(body as BodyInit ?? null, { status, headers });
  };

  /** All received metrics, in order. */
  get metrics(): ReceivedMetric[] {
    return this.arrived.flatMap(({ request }) => metricsOf(request));
  }
}

function aborted(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Decodes a received request. */
export function receiveExport(url: string, headers: Headers, body: Uint8Array): ArrivedExport {
  const bytes = headers.get("content-encoding") === "gzip" ? gunzipSync(body) : body;
  const request = decodeExport(new Uint8Array(bytes), headers.get("content-type") ?? "");
  return { url, headers, size: body.length, request };
}

/** Returns all metrics of a request. */
export function metricsOf({ resourceMetrics }: ReceivedExport): ReceivedMetric[] {
  return resourceMetrics.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) => metrics)
  );
}

/** Returns the attributes as an object. */
export function plain(attributes: readonly ReceivedAttribute[] = []): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));
}

/** Formats a series as text: the name and the sorted attributes. */
export function seriesOf(name: string, { attributes }: ReceivedPoint): string {
  const labels = Object.entries(plain(attributes)).sort(([a], [b]) => a < b ? -1 : 1);
  return `${name}{${labels.map(([key, value]) => `${key}="${value}"`).join(",")}}`;
}
