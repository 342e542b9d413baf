/** A compressed request that waits to be sent. */
export interface QueuedRequest {
  readonly body: Uint8Array<ArrayBuffer>;
  /** The number of samples. */
  readonly samples: number;
}

/** A request in the queue. */
export interface Queued extends QueuedRequest {
  /** The number of the request, from 1. */
  readonly number: number;
}

/**
 * A queue of requests with a maximum size. A new request is always added. The oldest ones are
 * dropped for it, except one that is being sent.
 */
export class RequestQueue {
  /** The size of all requests, in bytes. */
  bytes = 0;
  /** The number of the last request that was added. */
  last = 0;
  readonly #maxBytes: number;
  readonly #requests: Queued[] = [];
  #onItsWay: Queued | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The oldest request. */
  get head(): Queued | undefined {
    return this.#requests[0];
  }

  /** Returns whether there is room without dropping a request. */
  hasRoom({ body }: QueuedRequest): boolean {
    return this.bytes + body.length <= this.#maxBytes;
  }

  /**
   * Adds a request.
   *
   * @returns The dropped requests. The new request is one of them if it alone is too large.
   */
  push(request: QueuedRequest): Queued[] {
    const queued: Queued = { ...request, number: ++this.last };
    this.#requests.push(queued);
    this.bytes += queued.body.length;
    const dropped: Queued[] = [];
    while (this.bytes > this.#maxBytes) {
      const oldest = this.#requests.find((other) => other !== this.#onItsWay);
      if (oldest === undefined) break;
      this.remove(oldest);
      dropped.push(oldest);
    }
    return dropped;
  }

  /** Keeps a request from being dropped while it is being sent. Undefined ends that. */
  hold(request: Queued | undefined): void {
    this.#onItsWay = request;
  }

  /** Removes a request, if it is still there. */
  remove(request: Queued): boolean {
    const at = this.#requests.indexOf(request);
    if (at < 0) return false;
    this.#requests.splice(at, 1);
    this.bytes -= request.body.length;
    return true;
  }

  /** Removes all requests. */
  clear(): Queued[] {
    this.bytes = 0;
    return this.#requests.splice(0);
  }
}
