import { encodeWriteRequests } from "../../encoding/write_request.ts";
import type { LabelSet, MetricFamily } from "../../mod.ts";
import type { QueuedRequest } from "../requests/request_queue.ts";
import { type SendProtocol, type SnapshotTimes, USER_AGENT } from "../requests/sender.ts";
import { RemoteWriteError, type RemoteWriteErrorOptions } from "./remote_write_error.ts";
import { SeriesMemory } from "./series_memory.ts";
import { compressSnappy } from "./snappy.ts";

/** The beginning of error messages. */
export const VERB = "Cannot write to";

/** The options of the user for the encoding of write requests. */
export interface WriteSettings {
  readonly externalLabels: LabelSet;
  readonly maxSamplesPerRequest: number;
  readonly maxRequestBytes: number;
  readonly nativeHistograms: boolean;
  readonly exemplars: boolean;
  readonly metadata: boolean;
}

/** Remote write 1.0, for {@linkcode Sender}. */
export class WriteProtocol implements SendProtocol {
  readonly verb = VERB;
  /** The headers that the specification wants. */
  readonly headers = {
    "content-encoding": "snappy",
    "content-type": "application/x-protobuf",
    "user-agent": USER_AGENT,
    "x-prometheus-remote-write-version": "0.1.0",
  };
  readonly #settings: WriteSettings;
  readonly #memory = new SeriesMemory();

  constructor(settings: WriteSettings) {
    this.#settings = settings;
  }

  async *encode(
    families: AsyncIterable<MetricFamily>,
    { timestampMs, beforeMs }: SnapshotTimes,
  ): AsyncGenerator<QueuedRequest> {
    const { maxSamplesPerRequest, maxRequestBytes, ...settings } = this.#settings;
    this.#memory.begin();
    const requests = encodeWriteRequests(families, {
      ...settings,
      timestampMs,
      exemplarsSinceMs: beforeMs,
      maxSamples: maxSamplesPerRequest,
      maxBytes: maxRequestBytes,
      tracker: this.#memory,
    });
    for await (const { bytes, samples } of requests) {
      yield { body: compressSnappy(bytes), samples };
    }
    this.#memory.end();
  }

  isRetryable(status: number): boolean {
    return status === 429 || status >= 500;
  }

  createError(message: string, options?: RemoteWriteErrorOptions): RemoteWriteError {
    return new RemoteWriteError(message, options);
  }

  onDropped(): void {
    this.#memory.resend();
  }
}
