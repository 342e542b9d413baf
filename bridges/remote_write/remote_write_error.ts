import { SendError, type SendErrorOptions } from "../requests/send_error.ts";

/** Options of {@linkcode RemoteWriteError}. */
export type RemoteWriteErrorOptions = SendErrorOptions;

/**
 * An error of a remote write request. Neither its message nor its members have
 * credentials, values of your headers or the query of the URL in them.
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
export class RemoteWriteError extends SendError {
  /** `"RemoteWriteError"`. */
  override readonly name = "RemoteWriteError";
}
