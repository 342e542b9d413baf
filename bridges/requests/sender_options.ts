import { type Gatherer, REGISTRY } from "../../mod.ts";
import { checkShape, type KnownOptions } from "../../model.ts";
import { SYSTEM_CLOCK, type Timers } from "../../time/clock.ts";
import { checkParts, checkPositive } from "./checks.ts";
import { HTTP_CALL_OPTIONS, type HttpCallOptions } from "./http_call.ts";

/** The common options of remote write and OTLP. */
export interface SenderOptions extends HttpCallOptions {
  /** The registry to send. @default {REGISTRY} */
  registry?: Gatherer | undefined;
  /**
   * How long to wait for an answer, in milliseconds. An open request keeps the program running.
   * Therefore the default is less for a request that no call waits for.
   * @default {30000, and 5000 in the background}
   */
  timeoutMs?: number | undefined;
  /** How long to wait for asynchronous collectors, in milliseconds. @default {10000} */
  collectTimeoutMs?: number | undefined;
  /**
   * How long a receiver may fail before a request is dropped, in milliseconds. @default {60000 for a single call; on an interval no limit but memory}
   */
  retryForMs?: number | undefined;
  /** How long to wait after the first failure. Doubles after each. @default {500} */
  minBackoffMs?: number | undefined;
  /** The maximum wait, unless the receiver asks for more. @default {30000} */
  maxBackoffMs?: number | undefined;
  /**
   * The maximum size of all compressed requests that wait while the receiver fails, in bytes. The
   * oldest are dropped first. @default {16777216}
   */
  maxBufferedBytes?: number | undefined;
  /**
   * Called with each failure, also of requests that are retried. Errors that it throws are ignored.
   */
  onError?: ((error: unknown) => void) | undefined;
  /** Returns a number from 0 to 1 that spreads times, for tests. @default {Math.random} */
  random?: (() => number) | undefined;
}

/** The names of all options that senders have in common. */
export const SENDER_OPTIONS: KnownOptions<SenderOptions> = {
  ...HTTP_CALL_OPTIONS,
  registry: true,
  timeoutMs: true,
  collectTimeoutMs: true,
  retryForMs: true,
  minBackoffMs: true,
  maxBackoffMs: true,
  maxBufferedBytes: true,
  onError: true,
  random: true,
};

/** Valid options with defaults. */
export interface SenderSettings {
  readonly registry: Gatherer;
  readonly timeoutMs: number;
  readonly backgroundTimeoutMs: number;
  readonly collectTimeoutMs: number;
  readonly retryForMs: number;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly maxBufferedBytes: number;
  readonly onError: (error: unknown) => void;
  readonly clock: Timers;
  readonly random: () => number;
}

/** The default time limit of an answer, in milliseconds. */
const TIMEOUT_MS = 30_000;

/** The default time limit of a request in the background. */
const BACKGROUND_TIMEOUT_MS = 5000;

/**
 * Checks options and fills in defaults.
 *
 * @param options The options as they were given.
 * @param doing The action, for error messages, such as `Cannot write to "…"`.
 * @param timeoutMs The default time limit of an answer.
 * @returns All of them.
 * @throws {TypeError} If one has the wrong shape.
 * @throws {RangeError} If a number is out of bounds.
 */
export function toSenderSettings(
  options: SenderOptions,
  doing: string,
  timeoutMs = TIMEOUT_MS,
): SenderSettings {
  const number = (name: keyof SenderOptions, byDefault: number): number =>
    checkPositive(options[name] ?? byDefault, doing, name);
  const { registry = REGISTRY, fetch = globalThis.fetch, onError = () => {} } = options;
  checkParts({ registry, fetch }, doing);
  checkShape(typeof onError === "function", doing, "onError must be a function", onError);
  return {
    registry,
    timeoutMs: number("timeoutMs", timeoutMs),
    backgroundTimeoutMs: number("timeoutMs", BACKGROUND_TIMEOUT_MS),
    collectTimeoutMs: number("collectTimeoutMs", 10_000),
    retryForMs: number("retryForMs", Infinity),
    minBackoffMs: number("minBackoffMs", 500),
    maxBackoffMs: number("maxBackoffMs", 30_000),
    maxBufferedBytes: number("maxBufferedBytes", 2 ** 24),
    onError,
    clock: options.clock ?? SYSTEM_CLOCK,
    random: options.random ?? Math.random,
  };
}
