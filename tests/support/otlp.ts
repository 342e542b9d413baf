/**
 * A receiver of OTLP for tests. OpenTelemetry's own definitions read what arrives, so that nothing
 * is shared with the sender.
 *
 * @module
 */
import { gunzipSync } from "node:zlib";
// Its own types say nothing of what is in there.
// @ts-types="./otlp_definitions.d.ts"
import generated from "@opentelemetry/otlp-transformer/build/src/generated/root.js";

const { ExportMetricsServiceRequest, ExportMetricsServiceResponse } =
  generated.opentelemetry.proto.collector.metrics.v1;

/** An attribute. */
export interface ReceivedAttribute {
  key: string;
  value: { stringValue: string };
}

/** A point of any kind; numbers of 64 bits are texts. */
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

/** Decodes a request in either encoding. What is not there is left out. */
export function decodeExport(bytes: Uint8Array, contentType: string): ReceivedExport {
  if (contentType === "application/json") return JSON.parse(new TextDecoder().decode(bytes));
  if (contentType !== "application/x-protobuf") throw new Error(`unknown type ${contentType}`);
  const message = ExportMetricsServiceRequest.decode(bytes);
  const plain = ExportMetricsServiceRequest.toObject(message, { longs: String, bytes: Array });
  // Ids as JSON has them. The definitions say what else is in there.
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

/** The answer to a request of which some points were rejected. */
export function partialSuccess(rejectedDataPoints: number, errorMessage: string): Uint8Array {
  const message = { partialSuccess: { rejectedDataPoints, errorMessage } };
  return ExportMetricsServiceResponse.encode(message).finish();
}

/** A request as it arrived. */
export interface ArrivedExport {
  readonly url: string;
  readonly headers: Headers;
  readonly size: number;
  readonly request: ReceivedExport;
}

/** What a collector answers: a status, or more; `"fail"` for no answer at all. */
export type OtlpReply = number | "fail" | {
  status: number;
  body?: string | Uint8Array;
  type?: string;
  retryAfter?: string;
};

/** A collector that stands in for `fetch`, so that no network is needed. */
export class FakeCollector {
  readonly arrived: ArrivedExport[] = [];
  /** What is answered next; 200 when there is nothing left. */
  replies: OtlpReply[] = [];
  /** Waited for before each answer. */
  gate: Promise<void> | undefined;

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    // The sender makes nothing else.
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

  /** All metrics that arrived, in order. */
  get metrics(): ReceivedMetric[] {
    return this.arrived.flatMap(({ request }) => metricsOf(request));
  }
}

function aborted(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** What arrived, decoded. */
export function receiveExport(url: string, headers: Headers, body: Uint8Array): ArrivedExport {
  const bytes = headers.get("content-encoding") === "gzip" ? gunzipSync(body) : body;
  const request = decodeExport(new Uint8Array(bytes), headers.get("content-type") ?? "");
  return { url, headers, size: body.length, request };
}

/** All metrics of a request. */
export function metricsOf({ resourceMetrics }: ReceivedExport): ReceivedMetric[] {
  return resourceMetrics.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) => metrics)
  );
}

/** The attributes as an object. */
export function plain(attributes: readonly ReceivedAttribute[] = []): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));
}

/** A series as a text: name and attributes in order. */
export function seriesOf(name: string, { attributes }: ReceivedPoint): string {
  const labels = Object.entries(plain(attributes)).sort(([a], [b]) => a < b ? -1 : 1);
  return `${name}{${labels.map(([key, value]) => `${key}="${value}"`).join(",")}}`;
}
