/** A compressed request that waits for its turn. */
export interface QueuedRequest {
  readonly body: Uint8Array<ArrayBuffer>;
  /** How many samples it has. */
  readonly samples: number;
}

/** A request in the queue, by number. */
export interface Queued extends QueuedRequest {
  /** Its place among all that were ever queued, from 1. */
  readonly number: number;
}

/**
 * Requests in the order of time, of a bounded size: what is new gets in, and the oldest
 * goes for it, but for one that is on its way.
 */
export class RequestQueue {
  /** How many bytes all requests have together. */
  bytes = 0;
  /** The number of the last request that was ever queued. */
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

  /** Whether there is room without dropping anything. */
  hasRoom({ body }: QueuedRequest): boolean {
    return this.bytes + body.length <= this.#maxBytes;
  }

  /**
   * Takes a request in.
   *
   * @returns What had to go for it: the request itself, if it alone is too large.
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

  /** Keeps the head from being dropped while it is on its way; it is not any more then. */
  hold(request: Queued | undefined): void {
    this.#onItsWay = request;
  }

  /** Takes a request out, if it is still there. */
  remove(request: Queued): boolean {
    const at = this.#requests.indexOf(request);
    if (at < 0) return false;
    this.#requests.splice(at, 1);
    this.bytes -= request.body.length;
    return true;
  }

  /** Takes all out. */
  clear(): Queued[] {
    this.bytes = 0;
    return this.#requests.splice(0);
  }
}
