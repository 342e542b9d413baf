/** The HTTP methods of Pushgateway: replace a group, add to it, delete it. */
export type PushMethod = "PUT" | "POST" | "DELETE";

/** What a {@linkcode PushError} carries. */
export interface PushErrorOptions {
  /** The method of the request. */
  method: PushMethod;
  /** The address of the group, without credentials. */
  url: string;
  /** The status of the answer, if there was one. */
  status?: number | undefined;
  /** The beginning of the answer's body, if there was one. */
  body?: string | undefined;
  /** What went wrong, if there was no answer. */
  cause?: unknown;
}

/**
 * Thrown when Pushgateway refused a request, or did not answer it. Which of these it was
 * is told by what the error carries:
 *
 * - an answer that is no success: `status` and `body`, no `cause`
 * - no answer in time: the `cause` is a `DOMException` named `"TimeoutError"`
 * - the signal was aborted: the `cause` is the signal's reason
 * - no connection, or a broken one: the `cause` is what `fetch` threw
 *
 * No message and no member has credentials in it.
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
  /** The method of the request: `PUT` of a push, `POST` of an addition, `DELETE`. */
  readonly method: PushMethod;
  /** The address of the group, without credentials. */
  readonly url: string;
  /** The status of the answer; `undefined` when there was none. */
  readonly status: number | undefined;
  /**
   * The body of the answer, at most its first 8192 bytes; `undefined` when there was no
   * answer.
   */
  readonly body: string | undefined;

  /**
   * Creates the error.
   *
   * @param message The sentence to show.
   * @param options What the error carries.
   */
  constructor(message: string, options: PushErrorOptions) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.method = options.method;
    this.url = options.url;
    this.status = options.status;
    this.body = options.body;
  }
}
