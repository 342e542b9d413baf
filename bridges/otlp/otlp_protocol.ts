import { encodeOtlp } from "../../encoding/otlp.ts";
import { readResponse, readStatusMessage } from "../../encoding/otlp/response.ts";
import type { MetricFamily } from "../../mod.ts";
import type { QueuedRequest } from "../requests/request_queue.ts";
import type { SendErrorOptions } from "../requests/send_error.ts";
import {
  type Rejection,
  type SendProtocol,
  type SnapshotTimes,
  USER_AGENT,
} from "../requests/sender.ts";
import { type OtlpSettings, VERB } from "./options.ts";
import { OtlpError } from "./otlp_error.ts";
import { PointMemory } from "./point_memory.ts";

/** Answers after which the specification allows to send a request again. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Names this library as the one that has translated metrics of no other scope. */
const [, VERSION = ""] = USER_AGENT.split("/");
const SCOPE = { name: "@narthex/prometheus", version: VERSION };

/**
 * OTLP over HTTP, for {@linkcode Sender}.
 *
 * See https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export class OtlpProtocol implements SendProtocol {
  readonly verb = VERB;
  readonly headers: Readonly<Record<string, string>>;
  readonly readsSuccess = true;
  readonly timeoutMs = 10_000;
  readonly takesTurns: boolean;
  readonly neverRetries: boolean;
  readonly #settings: OtlpSettings;
  readonly #memory: PointMemory;

  constructor(settings: OtlpSettings) {
    const { protocol, compression, temporality, retry } = settings;
    this.#settings = settings;
    this.#memory = new PointMemory(temporality === "delta");
    // A difference that is dropped would be missing in all totals.
    this.takesTurns = temporality === "delta";
    this.neverRetries = retry === "never";
    this.headers = {
      "content-type": protocol === "http/json" ? "application/json" : "application/x-protobuf",
      "user-agent": USER_AGENT,
      ...(compression === "gzip" ? { "content-encoding": "gzip" } : {}),
    };
  }

  async *encode(
    source: AsyncIterable<MetricFamily>,
    { timestampMs, beforeMs }: SnapshotTimes,
  ): AsyncGenerator<QueuedRequest> {
    const { protocol, compression, temporality, ...settings } = this.#settings;
    const families: MetricFamily[] = [];
    this.#memory.begin();
    for await (const family of source) {
      families.push(this.#memory.prepare(family, timestampMs / 1000));
    }
    const requests = encodeOtlp(families, {
      ...settings,
      encoding: protocol === "http/json" ? "json" : "protobuf",
      isDelta: temporality === "delta",
      startOf: (metric) => this.#memory.startOf(metric),
      timestampMs,
      exemplarsSinceMs: beforeMs,
      scope: SCOPE,
    });
    for (const { bytes, points } of requests) {
      yield { body: compression === "gzip" ? await gzip(bytes) : bytes, samples: points };
    }
    this.#memory.end();
  }

  isRetryable(status: number): boolean {
    return RETRYABLE.has(status);
  }

  createError(message: string, options?: SendErrorOptions): OtlpError {
    return new OtlpError(message, options);
  }

  readRejection(bytes: Uint8Array, contentType: string): Rejection | undefined {
    const { rejected, message } = readResponse(bytes, isJson(contentType));
    return rejected === 0 && message === "" ? undefined : { samples: rejected, message };
  }

  readRefusal(bytes: Uint8Array, contentType: string): string | undefined {
    if (!/json|protobuf/.test(contentType)) return undefined;
    return readStatusMessage(bytes, isJson(contentType));
  }
}

function isJson(contentType: string): boolean {
  return contentType.includes("json");
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
