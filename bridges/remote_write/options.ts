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
  /** The registry to send. @default {REGISTRY} */
  registry?: Gatherer | undefined;
  /**
   * Labels that are added to each series, unless it has a label of the same name. A receiver adds
   * no labels, so use `job` and `instance` here to distinguish this program from others.
   * @default {{}}
   */
  externalLabels?: Readonly<Record<string, LabelValue>> | undefined;
  /** The time limit for an answer, in milliseconds. @default {30000} */
  timeoutMs?: number | undefined;
  /** The time limit for asynchronous collectors, in milliseconds. @default {10000} */
  collectTimeoutMs?: number | undefined;
  /**
   * How long a request is retried before it is dropped, in milliseconds.
   * @default {60000 for remoteWrite(), no limit for a RemoteWriter}
   */
  retryForMs?: number | undefined;
  /** The pause after the first failure, in milliseconds. It doubles each time. @default {500} */
  minBackoffMs?: number | undefined;
  /** The maximum pause in milliseconds, unless the receiver asks for more. @default {30000} */
  maxBackoffMs?: number | undefined;
  /**
   * The number of samples at which a request is complete. The last metric may exceed it. A bucket
   * is one sample, and so is a native histogram. @default {2000}
   */
  maxSamplesPerRequest?: number | undefined;
  /**
   * The size at which a request is complete, in bytes before compression. @default {1048576}
   */
  maxRequestBytes?: number | undefined;
  /**
   * The maximum size of the compressed requests that wait to be sent, in bytes. Beyond it the
   * oldest are dropped. @default {16777216}
   */
  maxBufferedBytes?: number | undefined;
  /**
   * Whether native histograms are sent as such. Otherwise they are sent as classic ones. Prometheus
   * before version 3 answers 500 to them unless it is started with
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
   * Called with each error: a {@linkcode RemoteWriteError}, also for requests that are retried, or
   * an error of the registry. Errors that it throws are ignored.
   */
  onError?: ((error: unknown) => void) | undefined;
  /** Returns a number from 0 to 1 that spreads times. For tests. @default {Math.random} */
  random?: (() => number) | undefined;
}

/** Options of {@linkcode RemoteWriter}. */
export interface RemoteWriterOptions extends RemoteWriteOptions {
  /** The time between two snapshots, in milliseconds. @default {15000} */
  intervalMs?: number | undefined;
  /** Whether the constructor calls `start()`. @default {true} */
  autoStart?: boolean | undefined;
  /**
   * Whether `close()` marks all series as stale, so that queries do not find their last values for
   * five more minutes. Leave it off for batch jobs, and for programs that start again with the same
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
  clock: true,
  random: true,
};

/** The names of all options of {@linkcode RemoteWriter}. */
export const WRITER_OPTIONS: KnownOptions<RemoteWriterOptions> = {
  ...WRITE_OPTIONS,
  intervalMs: true,
  autoStart: true,
  staleOnClose: true,
};

/** Options that are checked and complete. */
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
  readonly clock: Timers;
  readonly random: () => number;
}

/** The maximum of `maxRequestBytes`. */
const MAX_REQUEST_BYTES = 2 ** 30;

/**
 * Checks options and fills in the defaults.
 *
 * @param options The options.
 * @param doing The failing action, as in `Cannot write to "…"`.
 * @returns All options.
 * @throws {TypeError} If an option has the wrong shape.
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
    clock: options.clock ?? SYSTEM_CLOCK,
    random: options.random ?? Math.random,
  };
}
