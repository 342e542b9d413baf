import type { LabelValue } from "../../mod.ts";
import { checkBounds, checkLabelObject, type KnownOptions, toLabelSet } from "../../model.ts";
import { checkPositive } from "../requests/checks.ts";
import { INTERVAL_OPTIONS, type IntervalOptions } from "../requests/interval_sender.ts";
import { SENDER_OPTIONS, type SenderOptions } from "../requests/sender_options.ts";
import type { WriteSettings } from "./write_protocol.ts";

/** Options of {@linkcode remoteWrite} and {@linkcode RemoteWriter}. */
export interface RemoteWriteOptions extends SenderOptions {
  /**
   * Labels of every series that does not have them itself. A receiver adds none: `job` and
   * `instance` here distinguish this program's series from those of others.
   * @default {{}}
   */
  externalLabels?: Readonly<Record<string, LabelValue>> | undefined;
  /**
   * How many samples a request has, except for those of the metric that completes it. A bucket is
   * one sample, and so is a native histogram. @default {2000}
   */
  maxSamplesPerRequest?: number | undefined;
  /** The size from which on a request is complete, in bytes, not compressed. @default {1048576} */
  maxRequestBytes?: number | undefined;
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
   * Called with each failure: a {@linkcode RemoteWriteError}, also for requests that are tried
   * again, or what the registry threw. What it throws is ignored.
   */
  onError?: ((error: unknown) => void) | undefined;
}

/** Options of {@linkcode RemoteWriter}. */
export interface RemoteWriterOptions extends RemoteWriteOptions, IntervalOptions {
  /** The time between two snapshots, in milliseconds. @default {15000} */
  intervalMs?: number | undefined;
  /**
   * Whether `close()` ends all series, so that queries do not find their last values for
   * five more minutes. Leave it off for batch jobs, and for programs that start again with the
   * same labels. @default {false}
   */
  staleOnClose?: boolean | undefined;
}

/** The names of all options of {@linkcode remoteWrite}. */
export const WRITE_OPTIONS: KnownOptions<RemoteWriteOptions> = {
  ...SENDER_OPTIONS,
  externalLabels: true,
  maxSamplesPerRequest: true,
  maxRequestBytes: true,
  nativeHistograms: true,
  exemplars: true,
  metadata: true,
};

/** The names of all options of {@linkcode RemoteWriter}. */
export const WRITER_OPTIONS: KnownOptions<RemoteWriterOptions> = {
  ...WRITE_OPTIONS,
  ...INTERVAL_OPTIONS,
  staleOnClose: true,
};

/** The largest request that is ever put together, in bytes. */
const MAX_REQUEST_BYTES = 2 ** 30;

/**
 * Checks the options of the encoding, and fills in defaults.
 *
 * @param options The options as they were given.
 * @param doing The action, for error messages, such as `Cannot write to "…"`.
 * @returns All of them.
 * @throws {TypeError} If one has the wrong shape.
 * @throws {RangeError} If a number is out of bounds.
 */
export function toWriteSettings(options: RemoteWriteOptions, doing: string): WriteSettings {
  const {
    externalLabels = {},
    maxSamplesPerRequest = 2000,
    maxRequestBytes = 2 ** 20,
    nativeHistograms = true,
    exemplars = true,
    metadata = true,
  } = options;
  checkLabelObject(externalLabels, doing, "externalLabels");
  checkPositive(maxRequestBytes, doing, "maxRequestBytes");
  const isPossible = maxRequestBytes <= MAX_REQUEST_BYTES;
  const rule = `maxRequestBytes must be <= ${MAX_REQUEST_BYTES}`;
  checkBounds(isPossible, doing, rule, maxRequestBytes);
  return {
    externalLabels: toLabelSet(externalLabels, "legacy", `${doing}: externalLabels`),
    maxSamplesPerRequest: checkPositive(maxSamplesPerRequest, doing, "maxSamplesPerRequest"),
    maxRequestBytes,
    nativeHistograms,
    exemplars,
    metadata,
  };
}
