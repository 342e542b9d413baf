import type { LabelValue } from "../../mod.ts";
import {
  checkBounds,
  checkKnownOptions,
  checkLabelObject,
  checkShape,
  type KnownOptions,
  toLabelText,
} from "../../model.ts";
import { checkPositive } from "../requests/checks.ts";
import { INTERVAL_OPTIONS, type IntervalOptions } from "../requests/interval_sender.ts";
import { SENDER_OPTIONS, type SenderOptions } from "../requests/sender_options.ts";
import { readEnvironment } from "./environment.ts";

/** The encodings of OTLP over HTTP. */
export type OtlpProtocolName = "http/protobuf" | "http/json";

/** Options of {@linkcode exportOtlp} and {@linkcode OtlpExporter}. */
export interface OtlpOptions extends SenderOptions {
  /**
   * How long to wait for an answer, in milliseconds. An open request keeps the program running.
   * Therefore the default is less for a request that no call waits for.
   * @default {`OTEL_EXPORTER_OTLP_TIMEOUT`, or 10000, and 5000 in the background}
   */
  timeoutMs?: number | undefined;
  /** The encoding. @default {`OTEL_EXPORTER_OTLP_PROTOCOL`, or "http/protobuf"} */
  protocol?: OtlpProtocolName | undefined;
  /** The compression. @default {`OTEL_EXPORTER_OTLP_COMPRESSION`, or "none"} */
  compression?: "gzip" | "none" | undefined;
  /**
   * Whether counters and histograms are sent as totals since their start, or as differences since
   * the last request. Totals survive requests that are lost, and requests that arrive twice.
   * @default {`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`, or "cumulative"}
   */
  temporality?: "cumulative" | "delta" | undefined;
  /**
   * Whether a request that failed is sent again. A receiver may have taken a request to which no
   * answer came: with `temporality: "delta"` it then counts twice. With `"never"` it may be missing
   * instead. @default {"always"}
   */
  retry?: "always" | "never" | undefined;
  /**
   * Attributes of the resource. They count more than those of `target_info` and of
   * `OTEL_RESOURCE_ATTRIBUTES`. An attribute `""` is left out.
   * @default {`service.name` from `OTEL_SERVICE_NAME`, or "unknown_service";
   * `service.instance.id` is random}
   */
  resource?: Readonly<Record<string, LabelValue>> | undefined;
  /**
   * Whether native histograms are sent as exponential histograms, else as classic ones.
   * @default {true}
   */
  nativeHistograms?: boolean | undefined;
  /** Whether exemplars are sent. @default {true} */
  exemplars?: boolean | undefined;
  /**
   * The number of data points in a request. The last metric may exceed it.
   * @default {2000}
   */
  maxPointsPerRequest?: number | undefined;
  /**
   * Called with each failure: an {@linkcode OtlpError}, or an error that the registry has thrown.
   * Requests that are retried and points that the receiver rejected count as failures. Errors of
   * `onError` itself are ignored.
   */
  onError?: ((error: unknown) => void) | undefined;
}

/** Options of {@linkcode OtlpExporter}. */
export interface OtlpExporterOptions extends OtlpOptions, IntervalOptions {
  /**
   * The time between two snapshots, in milliseconds.
   * @default {`OTEL_METRIC_EXPORT_INTERVAL`, or 60000}
   */
  intervalMs?: number | undefined;
}

/** The names of all options of {@linkcode exportOtlp}. */
export const OTLP_OPTIONS: KnownOptions<OtlpOptions> = {
  ...SENDER_OPTIONS,
  protocol: true,
  compression: true,
  temporality: true,
  retry: true,
  resource: true,
  nativeHistograms: true,
  exemplars: true,
  maxPointsPerRequest: true,
};

/** The names of all options of {@linkcode OtlpExporter}. */
export const OTLP_EXPORTER_OPTIONS: KnownOptions<OtlpExporterOptions> = {
  ...OTLP_OPTIONS,
  ...INTERVAL_OPTIONS,
};

/** The beginning of error messages: `Cannot export to "…"`. */
export const VERB = "Cannot export to";

/** Settings of the encoding, from the options and the environment. */
export interface OtlpSettings {
  readonly protocol: OtlpProtocolName;
  readonly compression: "gzip" | "none";
  readonly temporality: "cumulative" | "delta";
  readonly retry: "always" | "never";
  readonly resource: Readonly<Record<string, string>>;
  readonly resourceDefaults: Readonly<Record<string, string>>;
  readonly nativeHistograms: boolean;
  readonly exemplars: boolean;
  readonly maxPoints: number;
}

/** The receiver, the options and the interval. */
export interface OtlpTarget {
  readonly url: string | URL;
  /** The options, completed from the environment. */
  readonly options: OtlpOptions;
  readonly settings: OtlpSettings;
  readonly intervalMs: number;
}

const DOING = `${VERB} a URL`;

/**
 * Checks options. Does not read the environment.
 *
 * @param options The options as they were given.
 * @param known The names of the options.
 * @returns A copy.
 * @throws {TypeError} If one has the wrong shape.
 * @throws {RangeError} If a number is out of bounds.
 */
export function checkOtlpOptions<Options extends OtlpOptions>(
  options: Options,
  known: KnownOptions<Options>,
): Options {
  const checked = checkKnownOptions(options, known, DOING);
  const choose = (name: keyof OtlpOptions, values: readonly string[]): void => {
    const value = checked[name];
    if (value === undefined) return;
    const rule = `${name} must be ${values.map((value) => `"${value}"`).join(" or ")}`;
    checkShape(values.includes(value as string), DOING, rule, value);
  };
  choose("protocol", ["http/protobuf", "http/json"]);
  choose("compression", ["gzip", "none"]);
  choose("temporality", ["cumulative", "delta"]);
  choose("retry", ["always", "never"]);
  for (const name of ["nativeHistograms", "exemplars"] as const) {
    const value = checked[name] ?? true;
    checkShape(typeof value === "boolean", DOING, `${name} must be a boolean`, value);
  }
  checkPositive(checked.maxPointsPerRequest ?? 1, DOING, "maxPointsPerRequest");
  toResource(checked.resource ?? {});
  return checked;
}

/**
 * Completes the options from the environment, as far as it may be read, and with defaults.
 *
 * See https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 *
 * @param url The URL of the receiver, if the user gives one.
 * @param options The options, checked.
 * @param report Called with an error for each variable that is invalid and therefore ignored.
 * @returns All that is needed to send.
 * @throws {TypeError} If a variable asks for a protocol or a URL that is not supported.
 */
export function resolveTarget(
  url: string | URL | undefined,
  options: OtlpExporterOptions,
  report: (error: unknown) => void,
): OtlpTarget {
  const environment = new Environment(report);
  const { intervalMs, ...rest } = options;
  const service = readEnvironment("OTEL_SERVICE_NAME");
  const headers = new Headers(environment.pairs("HEADERS"));
  const ownHeaders = toHeaders(options.headers);
  for (const [name, value] of ownHeaders) headers.set(name, value);
  // Credentials of the user take the place of those of the environment.
  const hasCredentials = options.basicAuth !== undefined || options.bearerToken !== undefined;
  if (hasCredentials && !ownHeaders.has("authorization")) headers.delete("authorization");
  return {
    url: url ?? environment.url(),
    options: {
      ...rest,
      headers,
      timeoutMs: options.timeoutMs ?? environment.number("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT") ??
        environment.number("OTEL_EXPORTER_OTLP_TIMEOUT"),
    },
    intervalMs: intervalMs ?? environment.number("OTEL_METRIC_EXPORT_INTERVAL") ?? 60_000,
    settings: {
      protocol: options.protocol ?? environment.protocol(),
      compression: options.compression ?? environment.compression(),
      temporality: options.temporality ?? environment.temporality(),
      retry: options.retry ?? "always",
      resource: toResource(options.resource ?? {}),
      resourceDefaults: {
        "service.name": "unknown_service",
        "service.instance.id": instanceId ??= crypto.randomUUID(),
        ...environment.resource(),
        ...(service === undefined ? {} : { "service.name": service }),
      },
      nativeHistograms: options.nativeHistograms ?? true,
      exemplars: options.exemplars ?? true,
      maxPoints: options.maxPointsPerRequest ?? 2000,
    },
  };
}

/** Identifies this process. Created at first use, because workerd allows no random values before. */
let instanceId: string | undefined;

/** Reads the variables of the specification. Reports and ignores illegal values. */
class Environment {
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  url(): string {
    const own = readEnvironment("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
    if (own !== undefined) return checkUrl(own, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
    const base = readEnvironment("OTEL_EXPORTER_OTLP_ENDPOINT");
    if (base === undefined) return "http://localhost:4318/v1/metrics";
    const url = new URL(checkUrl(base, "OTEL_EXPORTER_OTLP_ENDPOINT"));
    url.pathname = `${url.pathname.replace(/(?<!\/)\/+$/, "")}/v1/metrics`;
    return url.href;
  }

  protocol(): OtlpProtocolName {
    const [name, value] = this.#signal("PROTOCOL");
    if (value === undefined || value === "http/protobuf" || value === "http/json") {
      return value ?? "http/protobuf";
    }
    const rule = `${name} must be "http/protobuf" or "http/json"`;
    checkShape(false, DOING, rule, value);
  }

  compression(): "gzip" | "none" {
    const [name, value] = this.#signal("COMPRESSION");
    if (value === "gzip" || value === "none" || value === undefined) return value ?? "none";
    this.#ignore(name, '"gzip" or "none"');
    return "none";
  }

  temporality(): "cumulative" | "delta" {
    const name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    const value = readEnvironment(name)?.toLowerCase();
    if (value === undefined || value === "cumulative") return "cumulative";
    // The other one needs less memory than delta only in an SDK.
    if (value === "delta" || value === "lowmemory") return "delta";
    this.#ignore(name, '"cumulative", "delta" or "lowmemory"');
    return "cumulative";
  }

  number(name: string): number | undefined {
    const text = readEnvironment(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (value > 0 && value < Infinity) return value;
    this.#ignore(name, "a number of milliseconds > 0");
    return undefined;
  }

  resource(): Record<string, string> {
    const name = "OTEL_RESOURCE_ATTRIBUTES";
    return this.#parsePairs(name, readEnvironment(name));
  }

  pairs(name: string): [string, string][] {
    const headers = new Headers();
    const [variable, value] = this.#signal(name);
    const pairs = Object.entries(this.#parsePairs(variable, value));
    return pairs.filter(([name, value]) => {
      try {
        headers.set(name, value);
        return true;
      } catch {
        // The error itself may quote a password.
        this.#ignore(variable, "names and values that HTTP allows");
        return false;
      }
    });
  }

  /** The variable of metrics, or else the one of all signals. */
  #signal(suffix: string): [name: string, value: string | undefined] {
    const own = `OTEL_EXPORTER_OTLP_METRICS_${suffix}`;
    const value = readEnvironment(own);
    if (value !== undefined) return [own, value.trim()];
    const general = `OTEL_EXPORTER_OTLP_${suffix}`;
    return [general, readEnvironment(general)?.trim()];
  }

  /** Parses `key=value,key=value`, percent-encoded. */
  #parsePairs(name: string, text = ""): Record<string, string> {
    const pairs: [string, string][] = [];
    for (const part of text.split(",")) {
      if (part.trim() === "") continue;
      const at = part.indexOf("=");
      try {
        if (at < 1) throw new SyntaxError("no key");
        pairs.push([
          decodeURIComponent(part.slice(0, at).trim()),
          decodeURIComponent(part.slice(at + 1).trim()),
        ]);
      } catch {
        this.#ignore(name, "a list such as key1=value1,key2=value2, percent-encoded");
      }
    }
    return Object.fromEntries(pairs);
  }

  /** Reports an invalid variable without its value, which may be a password. */
  #ignore(name: string, rule: string): void {
    this.#report(new TypeError(`Cannot use environment variable "${name}": it must be ${rule}`));
  }
}

function checkUrl(url: string, name: string): string {
  const isUrl = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  // The value is not shown, because it may have a password in it.
  if (!isUrl) throw new TypeError(`${DOING}: ${name} must be a URL of http or https`);
  return url;
}

function toHeaders(headers: RequestInit["headers"]): Headers {
  try {
    return new Headers(headers);
  } catch {
    // The original error is not the cause, because it quotes the header.
    throw new TypeError(`${DOING}: headers must be names and values that HTTP allows`);
  }
}

function toResource(attributes: Readonly<Record<string, LabelValue>>): Record<string, string> {
  const doing = `${DOING}: resource`;
  checkLabelObject(attributes, DOING, "resource");
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => {
      checkBounds(name !== "", doing, "names must not be empty", name);
      return [name, toLabelText(value, name, doing)];
    }),
  );
}
