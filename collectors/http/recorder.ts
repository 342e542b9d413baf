import type { Clock } from "../../mod.ts";
import { checkLabelObject, checkShape, type KnownOptions } from "../../model.ts";
import { SYSTEM_CLOCK } from "../../time/clock.ts";
import { ABORT, errorTypeOf } from "./error_type.ts";
import { KnownMethods } from "./labels.ts";
import {
  createServerMetrics,
  HTTP_METRICS_OPTIONS,
  type HttpMetricsOptions,
  type ServerMetrics,
} from "./metrics.ts";

/**
 * Options that the metrics of all servers have in common.
 *
 * @typeParam Req What the functions of the option `labels` get as the request.
 * @typeParam Res What they get as the response.
 */
export interface ServerMetricsOptions<Req, Res> extends HttpMetricsOptions {
  /** Methods to tell apart besides those of the RFCs; all others become `_OTHER`. */
  methods?: readonly string[] | undefined;
  /**
   * Further labels of all families but that of active requests, by their name. Each function is
   * asked when the request was answered. The label is empty where it returns `null` or
   * `undefined`, or throws. It must not return what a visitor chooses freely: `maxSeries` bounds
   * the damage.
   */
  labels?:
    | Readonly<Record<string, (request: Req, response?: Res) => string | null | undefined>>
    | undefined;
}

/** The names of the options above. */
export const SERVER_METRICS_OPTIONS: KnownOptions<ServerMetricsOptions<never, never>> = {
  ...HTTP_METRICS_OPTIONS,
  methods: true,
  labels: true,
};

/** A series of active requests. */
type ActiveRequests = ReturnType<ServerMetrics["active"]["labels"]>;

/** A request that is being answered. */
export interface Exchange {
  /** As a value of the label. */
  readonly method: string;
  /** The series that counts it while it is active. */
  readonly active: ActiveRequests;
  /** In seconds, by the clock. */
  readonly start: number;
  /** The size of its body, if it is known. */
  readonly size: number | undefined;
}

/** How a request was answered. */
export interface Outcome {
  /** Empty if the client left before the answer. */
  readonly status: number | "";
  readonly route: string;
  /** Why there was no answer, or only a part of it: an error, or because the client left. */
  readonly failure?: Failure | undefined;
}

/** Why a request failed. */
export type Failure = typeof LEFT | { readonly error: unknown };

/** The client left. */
export const LEFT = "left";

type Label = (request: never, response?: never) => unknown;

/** Counts the requests of servers. All servers count here, whatever serves them. */
export class ServerRecorder<Req, Res> {
  readonly #metrics: ServerMetrics;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #methods: KnownMethods;
  readonly #labels: readonly Label[];

  /**
   * Creates the metrics, or takes those that the registry has.
   *
   * @param options The options, whose names were checked.
   * @param doing The failing action, as in `Cannot instrument handler`.
   * @param bodies Whether the sizes of responses are measured.
   */
  constructor(options: ServerMetricsOptions<Req, Res>, doing: string, bodies: boolean) {
    const { methods, labels = {}, clock = SYSTEM_CLOCK } = options;
    checkShape(
      methods === undefined || Array.isArray(methods),
      doing,
      "methods must be an array",
      methods,
    );
    checkLabelObject(labels, doing);
    for (const [name, label] of Object.entries(labels)) {
      checkShape(typeof label === "function", doing, `label "${name}" must be a function`, label);
    }
    this.#clock = clock;
    this.#methods = new KnownMethods(methods);
    this.#labels = Object.values(labels);
    this.#metrics = createServerMetrics(options, { labelNames: Object.keys(labels), bodies });
  }

  /** The time, in seconds. */
  now(): number {
    return this.#clock.monotonic();
  }

  /** Returns the method as a value of the label. */
  methodOf(method: unknown): string {
    return this.#methods.fold(method);
  }

  /** Counts a request as active, in the series that is returned. */
  begin(method: string): ActiveRequests {
    const active = this.#metrics.active.labels(method);
    active.inc();
    return active;
  }

  /** Returns the values of the option `labels`. */
  labelsOf(request: Req, response: Res | undefined): readonly string[] {
    if (this.#labels.length === 0) return NO_LABELS;
    return this.#labels.map((label) => {
      try {
        // They have come with the type of this request and this response.
        const value: unknown = label(request as never, response as never);
        return typeof value === "string" ? value : "";
      } catch {
        return "";
      }
    });
  }

  /** Counts the request as answered. */
  end(exchange: Exchange, outcome: Outcome, labels: readonly string[]): void {
    const { method, start, size } = exchange;
    const { status, route, failure } = outcome;
    const { duration, requestSize } = this.#metrics;
    exchange.active.dec();
    // The clock of a machine that sleeps may go back. A duration never does.
    const seconds = Math.max(0, this.#clock.monotonic() - start);
    if (labels.length === 0) duration.labels(method, status, route).observe(seconds);
    else duration.labels(method, status, route, ...labels).observe(seconds);
    if (size !== undefined) requestSize.labels(method, status, route, ...labels).observe(size);
    if (failure !== undefined) this.fail(exchange, { route, failure }, labels);
  }

  /** Counts the size of the body of the answer. */
  sent(
    { method }: Exchange,
    { status, route }: Outcome,
    labels: readonly string[],
    size: number,
  ): void {
    this.#metrics.responseSize?.labels(method, status, route, ...labels).observe(size);
  }

  /** Counts that the answer failed, or that its client left. */
  fail(
    { method }: Exchange,
    { route, failure }: { readonly route: string; readonly failure: Failure },
    labels: readonly string[],
  ): void {
    const { errors } = this.#metrics;
    const type = failure === LEFT ? ABORT : errorTypeOf(failure.error, errors);
    errors.labels(method, route, type, ...labels).inc();
  }
}

const NO_LABELS: readonly string[] = [];

/** Returns what a `Content-Length` says, if it is a length. */
export function parseLength(text: string | null | undefined): number | undefined {
  return typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
