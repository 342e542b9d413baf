import type { Clock } from "../time/clock.ts";

/** Brings the numbers of a metric up to date. */
export type OnCollect = (metric: unknown) => void | PromiseLike<void>;

/** Where a metric has its {@linkcode Refresh}, in every copy of this package. */
export const REFRESH: unique symbol = Symbol.for("narthex.refresh.2");

/** A metric of whatever copy of this package. */
export interface Refreshable {
  readonly [REFRESH]?: Refresh | undefined;
}

/** The `onCollect` of a metric: called once at a time, however many reads want the metric. */
export class Refresh {
  #onCollect: OnCollect | undefined;
  readonly #doing: string;
  #running: PromiseLike<void> | undefined = undefined;
  #isCalling = false;
  /** Whether the function that is being called has read its own metric. */
  #isCircular = false;
  /** When the last call succeeded, in seconds of the monotonic clock. */
  #refreshed = -Infinity;

  /**
   * Keeps the function.
   *
   * @param onCollect The function, if the metric has one.
   * @param doing The failing action, as in `Cannot collect gauge "x"`.
   */
  constructor(onCollect: OnCollect | undefined, doing: string) {
    this.#onCollect = onCollect;
    this.#doing = doing;
  }

  /** The function that is called. */
  get onCollect(): OnCollect | undefined {
    return this.#onCollect;
  }

  /** Calls the function of another metric from now on: of the same metric, created again. */
  replace(other: Pick<Refresh, "onCollect">): void {
    this.#onCollect = other.onCollect;
    this.#refreshed = -Infinity;
  }

  /**
   * Calls the function.
   *
   * @param metric The metric.
   * @param clock Where the time comes from.
   * @param maxAgeMs How old the numbers may be, in milliseconds. @default {0}
   * @returns A promise if the function is asynchronous, or already running.
   * @throws {TypeError} If the function reads the metric itself.
   */
  run(metric: object, clock: Clock, maxAgeMs = 0): PromiseLike<void> | undefined {
    const onCollect = this.#onCollect;
    if (onCollect === undefined) return undefined;
    if (this.#running !== undefined) return this.#running;
    if (this.#isCalling) {
      this.#isCircular = true;
      this.#checkCircle();
    }
    if (maxAgeMs > 0 && clock.monotonic() - this.#refreshed < maxAgeMs / 1000) return undefined;
    this.#isCalling = true;
    try {
      this.#isCircular = false;
      const result: unknown = onCollect(metric);
      this.#checkCircle();
      const isPromise = typeof (result as { then?: unknown } | undefined)?.then === "function";
      if (!isPromise) {
        this.#refreshed = clock.monotonic();
        return undefined;
      }
      const running = Promise.resolve(result as PromiseLike<void>).then(() => {
        this.#refreshed = clock.monotonic();
      }).finally(() => {
        this.#running = undefined;
      });
      // Readers handle the rejection; without any it must not end the program.
      running.catch(() => {});
      return this.#running = running;
    } finally {
      this.#isCalling = false;
    }
  }

  #checkCircle(): void {
    if (!this.#isCircular) return;
    throw new TypeError(`${this.#doing}: its onCollect reads the metric itself`);
  }
}
