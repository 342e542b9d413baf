import { type Gatherer, type LabelSet, type LabelValue, REGISTRY } from "../../mod.ts";
import {
  checkBounds,
  checkLabelObject,
  checkShape,
  type KnownOptions,
  toLabelSet,
} from "../../model.ts";
import { SYSTEM_CLOCK, type Timers } from "../../time/clock.ts";
import { checkParts, checkPositive } from "../requests/checks.ts";
import type { HttpCallOptions } from "./http_call.ts";

/** Options of {@linkcode remoteWrite} and {@linkcode RemoteWriter}. */
export interface RemoteWriteOptions extends HttpCallOptions {
  /** What is sent. @default {REGISTRY} */
  registry?: Gatherer | undefined;
  /**
   * Labels of every series that does not have them itself. A receiver adds none: `job` and
   * `instance` here are what tells this program's series from those of others.
   * @default {{}}
   */
  externalLabels?: Readonly<Record<string, LabelValue>> | undefined;
  /** How long an answer is waited for, in milliseconds. @default {30000} */
  timeoutMs?: number | undefined;
  /** How long asynchronous collectors are waited for, in milliseconds. @default {10000} */
  collectTimeoutMs?: number | undefined;
  /**
   * How long a receiver may fail before the request that it does not take is given up, in
   * milliseconds. @default {60000 for remoteWrite(); for a RemoteWriter no limit but memory}
   */
  retryForMs?: number | undefined;
  /** How long to wait after the first failure; twice as long after each. @default {500} */
  minBackoffMs?: number | undefined;
  /** How long to wait at most, unless the receiver asks for more. @default {30000} */
  maxBackoffMs?: number | undefined;
  /**
   * How many samples a request has, but for those of the metric that completes it. A bucket is
   * one, and so is a native histogram. @default {2000}
   */
  maxSamplesPerRequest?: number | undefined;
  /**
   * From how many bytes on, not compressed, a request is complete. @default {1048576}
   */
  maxRequestBytes?: number | undefined;
  /**
   * How many bytes of compressed requests are kept at most while the receiver does not take
   * them. The oldest are dropped first. @default {16777216}
   */
  maxBufferedBytes?: number | undefined;
  /**
   * Whether native histograms are sent as such, else as classic ones. A Prometheus before
   * version 3 answers 500 to them unless it is started with
   * `--enable-feature=native-histograms`. @default {true}
   */
  nativeHistograms?: boolean | undefined;
  /** Whether exemplars are sent. @default {true} */
  exemplars?: boolean | undefined;
  /**
   * Whether types, help texts and units are sent. Prometheus itself ignores them.
   * @default {true}
   */
  metadata?: boolean | undefined;
  /**
   * Called with what goes wrong: a {@linkcode RemoteWriteError}, also for requests that are
   * tried again, or what the registry threw. What it throws is ignored.
   */
  onError?: ((error: unknown) => void) | undefined;
  /** A number from 0 to 1 that spreads times; for tests. @default {Math.random} */
  random?: (() => number) | undefined;
}

/** Options of {@linkcode RemoteWriter}. */
export interface RemoteWriterOptions extends RemoteWriteOptions {
  /** The time between two snapshots, in milliseconds. @default {15000} */
  intervalMs?: number | undefined;
  /** Whether to begin without `start()`. @default {true} */
  autoStart?: boolean | undefined;
  /**
   * Whether `close()` ends all series, so that queries do not find their last values for
   * five more minutes. Leave it off for batch jobs, and for what starts again with the same
   * labels. @default {false}
   */
  staleOnClose?: boolean | undefined;
}

/** The names of all options of {@linkcode remoteWrite}. */
export const WRITE_OPTIONS: KnownOptions<RemoteWriteOptions> = {
  registry: true,
  externalLabels: true,
  basicAuth: true,
  bearerToken: true,
  headers: true,
  fetch: true,
  timeoutMs: true,
  collectTimeoutMs: true,
  retryForMs: true,
  minBackoffMs: true,
  maxBackoffMs: true,
  maxSamplesPerRequest: true,
  maxRequestBytes: true,
  maxBufferedBytes: true,
  nativeHistograms: true,
  exemplars: true,
  metadata: true,
  onError: true,
  timers: true,
  random: true,
};

/** The names of all options of {@linkcode RemoteWriter}. */
export const WRITER_OPTIONS: KnownOptions<RemoteWriterOptions> = {
  ...WRITE_OPTIONS,
  intervalMs: true,
  autoStart: true,
  staleOnClose: true,
};

/** Options that were checked and filled in. */
export interface Settings {
  readonly registry: Gatherer;
  readonly externalLabels: LabelSet;
  readonly timeoutMs: number;
  readonly collectTimeoutMs: number;
  readonly retryForMs: number;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly maxSamplesPerRequest: number;
  readonly maxRequestBytes: number;
  readonly maxBufferedBytes: number;
  readonly nativeHistograms: boolean;
  readonly exemplars: boolean;
  readonly metadata: boolean;
  readonly onError: (error: unknown) => void;
  readonly timers: Timers;
  readonly random: () => number;
}

/** The largest request that is ever put together, in bytes. */
const MAX_REQUEST_BYTES = 2 ** 30;

/**
 * Checks options and fills in what is left out.
 *
 * @param options The options as they were given.
 * @param doing What is being done, as in `Cannot write to "…"`.
 * @returns All of them.
 * @throws {TypeError} If one has the wrong shape.
 * @throws {RangeError} If a number is out of bounds.
 */
export function toSettings(options: RemoteWriteOptions, doing: string): Settings {
  const number = (name: keyof RemoteWriteOptions, byDefault: number): number =>
    checkPositive(options[name] ?? byDefault, doing, name);
  const {
    registry = REGISTRY,
    fetch = globalThis.fetch,
    externalLabels = {},
    onError = () => {},
  } = options;
  checkParts({ registry, fetch }, doing);
  checkLabelObject(externalLabels, doing, "externalLabels");
  checkShape(typeof onError === "function", doing, "onError must be a function", onError);
  const maxRequestBytes = number("maxRequestBytes", 2 ** 20);
  const isPossible = maxRequestBytes <= MAX_REQUEST_BYTES;
  const rule = `maxRequestBytes must be <= ${MAX_REQUEST_BYTES}`;
  checkBounds(isPossible, doing, rule, maxRequestBytes);
  return {
    registry,
    externalLabels: toLabelSet(externalLabels, "legacy", `${doing}: externalLabels`),
    timeoutMs: number("timeoutMs", 30_000),
    collectTimeoutMs: number("collectTimeoutMs", 10_000),
    retryForMs: number("retryForMs", Infinity),
    minBackoffMs: number("minBackoffMs", 500),
    maxBackoffMs: number("maxBackoffMs", 30_000),
    maxSamplesPerRequest: number("maxSamplesPerRequest", 2000),
    maxRequestBytes,
    maxBufferedBytes: number("maxBufferedBytes", 2 ** 24),
    nativeHistograms: options.nativeHistograms ?? true,
    exemplars: options.exemplars ?? true,
    metadata: options.metadata ?? true,
    onError,
    timers: options.timers ?? SYSTEM_CLOCK,
    random: options.random ?? Math.random,
  };
}
