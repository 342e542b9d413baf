/** Options of {@linkcode SendError}. */
export interface SendErrorOptions {
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
 * An error of a request. Neither its message nor its members have credentials, values of
 * the user's headers or the query of the URL in them.
 */
export class SendError extends Error {
  /** The status of the answer; undefined if there was no answer. */
  readonly status: number | undefined;
  /** The beginning of the answer's body, at most its first 8192 bytes. */
  readonly body: string;
  /** How many samples the error is about. */
  readonly samples: number;
  /** Whether the same request may be accepted later. It is tried again then. */
  readonly retryable: boolean;
  /** How long the receiver asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  /**
   * Creates the error.
   *
   * @param message The sentence to show.
   * @param options The members of the error.
   */
  constructor(message: string, options: SendErrorOptions = {}) {
    super(message);
    this.status = options.status;
    this.body = options.body ?? "";
    this.samples = options.samples ?? 0;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}
