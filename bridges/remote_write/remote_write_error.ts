/** What a {@linkcode RemoteWriteError} carries. */
export interface RemoteWriteErrorOptions {
  /** The status of the answer, if there was one. */
  status?: number | undefined;
  /** The beginning of the answer's body. */
  body?: string | undefined;
  /** How many samples the error is about. */
  samples?: number | undefined;
  /** Whether the same request may be accepted later. */
  retryable?: boolean | undefined;
  /** How long the receiver asked to wait, in milliseconds. */
  retryAfterMs?: number | undefined;
}

/**
 * What went wrong with a request of remote write. Neither its message nor its members
 * have credentials or the query of the URL in them.
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
  /** The status of the answer; nothing when there was no answer. */
  readonly status: number | undefined;
  /** The beginning of the answer's body, at most its first 8192 bytes. */
  readonly body: string;
  /** How many samples the request had. */
  readonly samples: number;
  /** Whether the same request may be accepted later: it is tried again then. */
  readonly retryable: boolean;
  /** How long the receiver asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  /**
   * Creates the error.
   *
   * @param message The sentence to show.
   * @param options What it carries.
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
