import type { Clock, GaugeSeries, HistogramSeries } from "../../mod.ts";
import { checkLabelObject, checkShape, type KnownOptions } from "../../model.ts";
import { SYSTEM_CLOCK } from "../../time/clock.ts";
import { ABORT, errorTypeOf } from "./error_type.ts";
import { MethodSeries, ServerSeries } from "./known_series.ts";
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
 * @typeParam Req The request that the functions of the option `labels` get.
 * @typeParam Res The response that they get.
 */
export interface ServerMetricsOptions<Req, Res> extends HttpMetricsOptions {
  /** Methods to tell apart besides those of the RFCs; all others become `_OTHER`. */
  methods?: readonly string[] | undefined;
  /**
   * Further labels of all families but that of active requests, by their name. Each function is
   * asked when the request was answered. The label is empty where it returns `null` or
   * `undefined`, or throws. It must not return a text that visitors choose: `maxSeries`
   * bounds the damage.
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

const NO_LABELS: readonly string[] = [];

/** Why a request failed. */
export type Failure = typeof LEFT | { readonly error: unknown };

/** The client left. */
export const LEFT = "left";

/**
 * A request from its beginning to its end. There is one object for each, which is all that is
 * allocated for it.
 *
 * @typeParam Req The request that the functions of the option `labels` get.
 * @typeParam Res The response that they get.
 */
export class Exchange<Req, Res> {
  /** The request that the functions of the option `labels` get. */
  readonly subject: Req;
  /** The response that they get. */
  response: Res | undefined = undefined;
  /** In seconds, by the clock. */
  start: number = 0;
  /** As a value of the label. */
  method: string = "";
  /** The series that counts it, while it is active. */
  active: GaugeSeries | undefined = undefined;
  /** The size of its body, if it is known. */
  size: number | undefined = undefined;
  /** Empty if the client left before the answer. */
  status: number | "" = "";
  route: string = "";
  /** Why there was no answer, or only a part of it. */
  failure: Failure | undefined = undefined;
  /** The values of the option `labels`. */
  labels: readonly string[] = NO_LABELS;

  constructor(subject: Req) {
    this.subject = subject;
  }
}

type Label = (request: never, response?: never) => unknown;

/** Counts the requests of servers. All servers count here, whatever serves them. */
export class ServerRecorder<Req, Res> {
  readonly #metrics: ServerMetrics;
  readonly #active: MethodSeries<GaugeSeries>;
  readonly #durations: ServerSeries<HistogramSeries>;
  readonly #requestSizes: ServerSeries<HistogramSeries>;
  readonly #clock: Pick<Clock, "monotonic">;
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
    this.#labels = Object.values(labels);
    this.#metrics = createServerMetrics(options, { labelNames: Object.keys(labels), bodies });
    this.#active = new MethodSeries(this.#metrics.active, new KnownMethods(methods));
    this.#durations = new ServerSeries(this.#metrics.duration);
    this.#requestSizes = new ServerSeries(this.#metrics.requestSize);
  }

  /** Counts a request as active. */
  begin(exchange: Exchange<Req, Res>, method: unknown): void {
    exchange.start = this.#clock.monotonic();
    const { name, series } = this.#active.find(method);
    exchange.method = name;
    exchange.active = series;
    series.inc();
  }

  /** Asks for the values of the option `labels`. */
  label(exchange: Exchange<Req, Res>): void {
    if (this.#labels.length === 0) return;
    const { subject, response } = exchange;
    exchange.labels = this.#labels.map((label) => {
      try {
        // They have come with the type of this request and this response.
        const value: unknown = label(subject as never, response as never);
        return typeof value === "string" ? value : "";
      } catch {
        return "";
      }
    });
  }

  /** Counts a request as answered. A second call does nothing. */
  end(exchange: Exchange<Req, Res>): void {
    const { active, method, status, route, labels, size, failure } = exchange;
    if (active === undefined) return;
    exchange.active = undefined;
    active.dec();
    // The clock of a machine that sleeps may go back. A duration never does.
    const seconds = Math.max(0, this.#clock.monotonic() - exchange.start);
    if (labels.length === 0) {
      this.#durations.labels(method, status, route).observe(seconds);
      if (size !== undefined) this.#requestSizes.labels(method, status, route).observe(size);
    } else {
      const { duration, requestSize } = this.#metrics;
      duration.labels(method, status, route, ...labels).observe(seconds);
      if (size !== undefined) requestSize.labels(method, status, route, ...labels).observe(size);
    }
    if (failure !== undefined) this.fail(exchange, failure);
  }

  /** Counts the size of the body of an answer. */
  sent({ method, status, route, labels }: Exchange<Req, Res>, size: number): void {
    this.#metrics.responseSize?.labels(method, status, route, ...labels).observe(size);
  }

  /** Counts that an answer failed, or that its client left. */
  fail({ method, route, labels }: Exchange<Req, Res>, failure: Failure): void {
    const { errors } = this.#metrics;
    const type = failure === LEFT ? ABORT : errorTypeOf(failure.error, errors);
    errors.labels(method, route, type, ...labels).inc();
  }
}

/** Parses a `Content-Length`. */
export function parseLength(text: string | null | undefined): number | undefined {
  return typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
