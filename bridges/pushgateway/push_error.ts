/** The HTTP methods of Pushgateway: replace a group, add to it, delete it. */
export type PushMethod = "PUT" | "POST" | "DELETE";

/** Options of {@linkcode PushError}. */
export interface PushErrorOptions {
  /** The method of the request. */
  method: PushMethod;
  /** The URL of the group, without credentials. */
  url: string;
  /** The status of the answer, if there was one. */
  status?: number | undefined;
  /** The beginning of the body of the answer, if there was one. */
  body?: string | undefined;
  /** The reason, if there was no answer. */
  cause?: unknown;
}

/**
 * Thrown if Pushgateway refuses a request or does not answer it:
 *
 * - the answer is not a success: there is a `status` and a `body`, but no `cause`
 * - there is no answer in time: the `cause` is a `DOMException` named `"TimeoutError"`
 * - the signal is aborted: the `cause` is the reason of the signal
 * - the connection fails: the `cause` is the error of `fetch`
 *
 * The message and the members never contain credentials.
 *
 * @example A push that the gateway refuses
 * ```ts
 * import { CollectorRegistry } from "@narthex/prometheus";
 * import { PushError, pushToGateway } from "@narthex/prometheus/pushgateway";
 * import assert from "node:assert/strict";
 *
 * const push = pushToGateway("http://localhost:9091", {
 *   job: "backup",
 *   registry: new CollectorRegistry(),
 *   fetch: async () => await Promise.resolve(new Response("no room\n", { status: 507 })),
 * });
 * await assert.rejects(push, (error) => error instanceof PushError && error.status === 507);
 * ```
 */
export class PushError extends Error {
  /** `"PushError"`. */
  override readonly name = "PushError";
  /** The method of the request: `PUT` for a push, `POST` for an addition, or `DELETE`. */
  readonly method: PushMethod;
  /** The URL of the group, without credentials. */
  readonly url: string;
  /** The status of the answer. Undefined if there was none. */
  readonly status: number | undefined;
  /**
   * The body of the answer, at most its first 8192 bytes. Undefined if there was no answer.
   */
  readonly body: string | undefined;

  /**
   * Creates the error.
   *
   * @param message The message.
   * @param options The request and its answer.
   */
  constructor(message: string, options: PushErrorOptions) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.method = options.method;
    this.url = options.url;
    this.status = options.status;
    this.body = options.body;
  }
}
