/** Options of {@linkcode RemoteWriteError}. */
export interface RemoteWriteErrorOptions {
  /** The status of the answer, if there was one. */
  status?: number | undefined;
  /** The beginning of the body of the answer. */
  body?: string | undefined;
  /** The number of samples in the request. */
  samples?: number | undefined;
  /** Whether the same request may be accepted later. */
  retryable?: boolean | undefined;
  /** The pause that the receiver asked for, in milliseconds. */
  retryAfterMs?: number | undefined;
}

/**
 * The failure of a request of remote write. The message and the members never contain credentials
 * or the query of the URL.
 *
 * @example A receiver that refuses
 * ```ts
 * import { remoteWrite, RemoteWriteError } from "@narthex/prometheus/remote-write";
 * import { CollectorRegistry, Gauge } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Gauge("workers", "Workers.", { registry }).set(4);
 * const fetch = () => Promise.resolve(new Response("out of order sample", { status: 400 }));
 * await assert.rejects(
 *   remoteWrite("http://user:secret@localhost/api/v1/write", { registry, fetch }),
 *   (error) =>
 *     error instanceof RemoteWriteError && error.status === 400 && error.samples === 1 &&
 *     error.message === 'Cannot write to "http://localhost/api/v1/write": ' +
 *       "the receiver answered 400: out of order sample",
 * );
 * ```
 */
export class RemoteWriteError extends Error {
  /** `"RemoteWriteError"`. */
  override readonly name = "RemoteWriteError";
  /** The status of the answer. Undefined if there was no answer. */
  readonly status: number | undefined;
  /** The body of the answer, at most its first 8192 bytes. */
  readonly body: string;
  /** The number of samples in the request. */
  readonly samples: number;
  /** Whether the same request may be accepted later. Such a request is retried. */
  readonly retryable: boolean;
  /** The pause that the receiver asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  /**
   * Creates the error.
   *
   * @param message The message.
   * @param options The answer and the request.
   */
  constructor(message: string, options: RemoteWriteErrorOptions = {}) {
    super(message);
    this.status = options.status;
    this.body = options.body ?? "";
    this.samples = options.samples ?? 0;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}
