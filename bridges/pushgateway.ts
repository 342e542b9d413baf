/**
 * Pushes metrics to a {@link https://github.com/prometheus/pushgateway | Pushgateway}, for batch
 * jobs that finish between two scrapes.
 *
 * ```ts
 * import { CollectorRegistry, Gauge } from "@narthex/prometheus";
 * import { pushAddToGateway } from "@narthex/prometheus/pushgateway";
 * import assert from "node:assert/strict";
 *
 * // A separate registry, because metrics of the process do not belong to the job.
 * const registry = new CollectorRegistry();
 * const duration = new Gauge("backup_duration_seconds", "Time the backup took.", { registry });
 * const success = new Gauge("backup_last_success_timestamp_seconds", "When it last succeeded.", {
 *   registry: null,
 * });
 *
 * const urls: string[] = [];
 * const fetch = async (url: string) => { // a stand-in for a gateway
 *   urls.push(url);
 *   return await Promise.resolve(new Response());
 * };
 * const timer = duration.startTimer();
 * try {
 *   // … the work …
 *   success.setToCurrentTime();
 *   registry.register(success);
 * } finally {
 *   timer.stop();
 *   // After a failure, the gateway keeps the time of the last success of an earlier run.
 *   await pushAddToGateway("http://localhost:9091", {
 *     job: "backup",
 *     groupingKey: { instance: "db/1" },
 *     registry,
 *     fetch,
 *   });
 * }
 * assert.deepEqual(urls, ["http://localhost:9091/metrics/job/backup/instance@base64/ZGIvMQ"]);
 * ```
 *
 * A gateway holds groups of series, and keeps them until they are deleted. The address of a group
 * consists of a job and a grouping key. The gateway adds the labels of the group to all its series.
 * So a push throws, before anything is sent, if a family has one of these labels, because the
 * gateway would overwrite it silently. It also throws if a family has timestamps, because the
 * gateway refuses them.
 *
 * Redirects are not followed. A push can become a `GET` on the way, and a login page would look
 * like a success. Nothing is retried, because that is up to the caller. A retry is safe: the same
 * push again only changes the time of the push.
 *
 * @module
 */
import {
  type Gatherer,
  type LabelValue,
  PROMETHEUS_CONTENT_TYPE,
  PROTOBUF_CONTENT_TYPE,
  REGISTRY,
} from "../mod.ts";
import { checkKnownOptions, checkShape, type KnownOptions } from "../model.ts";
import type { Clock, Timers } from "../time/clock.ts";
import { abortable, limitTime } from "../time/time_limit.ts";
import { createGroup, type Group } from "./pushgateway/group.ts";
import { createPushBody, type PushFormat } from "./pushgateway/push_body.ts";
import { PushError, type PushErrorOptions, type PushMethod } from "./pushgateway/push_error.ts";
import { checkParts, checkPositive } from "./requests/checks.ts";
import { type BasicAuth, createHeaders } from "./requests/headers.ts";
import { hideSecrets } from "./requests/secrets.ts";
import { cutBody, type Fetch, send, showAnswer } from "./requests/send.ts";

export { PushError };
export type { BasicAuth, Clock, Fetch, PushErrorOptions, PushFormat, PushMethod, Timers };

/** All functions accept the same options, so that a program can share one object. */
const KNOWN_OPTIONS: KnownOptions<PushOptions> = {
  job: true,
  groupingKey: true,
  registry: true,
  format: true,
  compress: true,
  basicAuth: true,
  headers: true,
  timeoutMs: true,
  signal: true,
  fetch: true,
  clock: true,
};

/** The default of `timeoutMs`. */
const TIMEOUT_MS = 10_000;

/** The share of the time for asynchronous collectors. The rest is for sending. */
const COLLECT_SHARE = 0.5;

const CONTENT_TYPES: Readonly<Record<PushFormat, string>> = {
  protobuf: PROTOBUF_CONTENT_TYPE,
  text: PROMETHEUS_CONTENT_TYPE,
};

/** Options of all requests to Pushgateway. */
export interface GatewayOptions {
  /** The job, which is the first label of the group. Not empty. */
  job: string;
  /**
   * The other labels of the group, such as `instance`, in any order. Values may be any text, also
   * an empty one. @default {{}}
   */
  groupingKey?: Readonly<Record<string, LabelValue>> | undefined;
  /**
   * A username and a password for the gateway. They may also be in its URL, as in
   * `https://user:password@host/`. No error shows them.
   */
  basicAuth?: BasicAuth | undefined;
  /**
   * Further headers, for example `Authorization` for a bearer token. `Content-Type` and
   * `Content-Encoding` are ignored.
   */
  headers?: RequestInit["headers"] | undefined;
  /** The time limit, in milliseconds. `Infinity` for no limit. @default {10000} */
  timeoutMs?: number | undefined;
  /** Aborts the request. */
  signal?: AbortSignal | undefined;
  /** A function that sends the request, for example through a proxy. @default {globalThis.fetch} */
  fetch?: Fetch | undefined;
  /** The clock and the timers, for tests. @default {those of the platform} */
  clock?: Timers | undefined;
}

/** Options of {@linkcode pushToGateway} and {@linkcode pushAddToGateway}. */
export interface PushOptions extends GatewayOptions {
  /** The registry. @default {REGISTRY} */
  registry?: Gatherer | undefined;
  /**
   * The format. Protobuf has native histograms and exemplars. Text (0.0.4) is for other services
   * with the same interface, which may not know protobuf. It is also for histograms with counts
   * that are not integers: Pushgateway 1.5 shows such counts as 0 if they come as protobuf, and
   * without the fraction if they come as text. @default {"protobuf"}
   */
  format?: PushFormat | undefined;
  /** Whether to compress with gzip, which old gateways may not read. @default {false} */
  compress?: boolean | undefined;
}

/**
 * Pushes the metrics of a registry. They replace the whole group.
 *
 * Asynchronous collectors are awaited for half of `timeoutMs`. As in a scrape, a slow or failing
 * collector is left out.
 *
 * @param url The URL of the gateway, without `/metrics`. It may have a path.
 * @param options The job, and further options.
 * @throws {TypeError} If an argument is invalid, or if a family has timestamps or a label of the
 * group.
 * @throws {RangeError} If `timeoutMs` is out of bounds.
 * @throws {PushError} If the gateway refuses the push or does not answer.
 *
 * @example A family with a label of the group is refused
 * ```ts
 * import { CollectorRegistry, Counter } from "@narthex/prometheus";
 * import { pushToGateway } from "@narthex/prometheus/pushgateway";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Counter("files_total", "Files.", { registry, labelNames: ["job"] }).labels("sort").inc();
 * await assert.rejects(pushToGateway("http://localhost:9091", { job: "backup", registry }), {
 *   name: "TypeError",
 *   message: 'Cannot push to Pushgateway: metric family "files_total" must not have the label ' +
 *     '"job", which is the job',
 * });
 * ```
 */
export async function pushToGateway(url: string | URL, options: PushOptions): Promise<void> {
  await perform("PUT", url, options);
}

/**
 * Pushes the metrics of a registry. They replace the families of the group with the same names. Its
 * other families are kept.
 *
 * @param url The URL of the gateway, without `/metrics`. It may have a path.
 * @param options The job, and further options.
 * @throws {TypeError} If an argument is invalid, or if a family has timestamps or a label of the
 * group.
 * @throws {RangeError} If `timeoutMs` is out of bounds.
 * @throws {PushError} If the gateway refuses the push or does not answer.
 *
 * @example A push as text
 * ```ts
 * import { CollectorRegistry, Counter } from "@narthex/prometheus";
 * import { pushAddToGateway } from "@narthex/prometheus/pushgateway";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Counter("files_total", "Files.", { registry }).inc(3);
 * await pushAddToGateway("http://localhost:9091", {
 *   job: "backup",
 *   registry,
 *   format: "text",
 *   fetch: async (url, { method, body }) => {
 *     assert.equal(`${method} ${url}`, "POST http://localhost:9091/metrics/job/backup");
 *     assert.match(await new Response(body ?? "").text(), /^files_total 3$/m);
 *     return new Response();
 *   },
 * });
 * ```
 */
export async function pushAddToGateway(url: string | URL, options: PushOptions): Promise<void> {
  await perform("POST", url, options);
}

/**
 * Deletes a group with all its metrics. Does nothing if the group does not exist. Groups with more
 * or fewer labels are kept.
 *
 * @param url The URL of the gateway, without `/metrics`. It may have a path.
 * @param options The job, and further options.
 * @throws {TypeError} If an argument is invalid.
 * @throws {RangeError} If `timeoutMs` is out of bounds.
 * @throws {PushError} If the gateway refuses the request or does not answer.
 *
 * @example Deleting a group
 * ```ts
 * import { deleteFromGateway } from "@narthex/prometheus/pushgateway";
 * import assert from "node:assert/strict";
 *
 * await deleteFromGateway("http://localhost:9091", {
 *   job: "backup",
 *   groupingKey: { instance: "" },
 *   fetch: async (url, { method }) => {
 *     assert.equal(
 *       `${method} ${url}`,
 *       "DELETE http://localhost:9091/metrics/job/backup/instance@base64/=",
 *     );
 *     return await Promise.resolve(new Response(null, { status: 202 }));
 *   },
 * });
 * ```
 */
export async function deleteFromGateway(
  url: string | URL,
  options: GatewayOptions,
): Promise<void> {
  await perform("DELETE", url, options);
}

async function perform(
  method: PushMethod,
  url: string | URL,
  given: PushOptions,
): Promise<void> {
  const doing = `Cannot ${method === "DELETE" ? "delete from" : "push to"} Pushgateway`;
  const options = checkKnownOptions(given, KNOWN_OPTIONS, doing);
  const { registry, format, compress, timeoutMs, fetch } = checkOptions(options, doing);
  const { job, groupingKey = {} } = options;
  const group = createGroup(url, job, groupingKey, doing);
  const headers = createHeaders({
    headers: options.headers,
    basicAuth: options.basicAuth,
    credentials: group.credentials,
  }, doing);
  for (const name of ["content-type", "content-encoding"]) headers.delete(name);
  if (method !== "DELETE") headers.set("content-type", CONTENT_TYPES[format]);
  if (method !== "DELETE" && compress) headers.set("content-encoding", "gzip");

  const limit = limitTime(timeoutMs, { outer: options.signal, timers: options.clock });
  const { signal } = limit;
  try {
    signal.throwIfAborted();
    const body = method === "DELETE" ? undefined : await abortable(
      createPushBody(registry, {
        groupLabelNames: group.labelNames,
        format,
        compress,
        signal,
        timeoutMs: timeoutMs * COLLECT_SHARE,
      }, doing),
      // A custom registry may ignore its signal.
      signal,
    );
    await push({ method, group, headers, body, fetch, signal });
  } catch (error) {
    if (signal.aborted && !(error instanceof PushError)) {
      throw noAnswer(method, group, signal.reason, signal);
    }
    throw error;
  } finally {
    limit.end();
  }
}

/** Sends a push. Throws a {@linkcode PushError} unless the answer is a success. */
async function push({ group, ...request }: {
  readonly method: PushMethod;
  readonly group: Group;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  readonly fetch: Fetch;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { method, headers, signal } = request;
  const { url } = group;
  const answer = await send({ ...request, url }).catch((error) => {
    throw noAnswer(method, group, error, signal);
  });
  if (answer.ok) return;
  const hide = (text: string): string => hideSecrets(text, { url, headers });
  const body = cutBody(hide(answer.body));
  const location = answer.location === null ? null : hide(answer.location);
  const shown = showAnswer({ ...answer, body, location }, url);
  throw new PushError(
    `${describe(method, url)}: the answer must be a success: received status ${shown}`,
    { method, url, status: answer.status, body },
  );
}

/** Creates the error for a request without an answer. */
function noAnswer(
  method: PushMethod,
  { url }: Group,
  cause: unknown,
  signal: AbortSignal,
): PushError {
  const reason = !signal.aborted
    ? "the request failed"
    : (cause as Partial<Error> | null | undefined)?.name === "TimeoutError"
    ? "there was no answer in time"
    : "the signal was aborted";
  return new PushError(`${describe(method, url)}: ${reason}`, { method, url, cause });
}

function describe(method: PushMethod, url: string): string {
  return `${method === "DELETE" ? "Cannot delete from" : "Cannot push to"} ${url}`;
}

interface CheckedOptions {
  readonly registry: Gatherer;
  readonly format: PushFormat;
  readonly compress: boolean;
  readonly timeoutMs: number;
  readonly fetch: Fetch;
}

function checkOptions(options: PushOptions, doing: string): CheckedOptions {
  const {
    registry = REGISTRY,
    format = "protobuf",
    compress = false,
    timeoutMs = TIMEOUT_MS,
    signal,
    fetch = globalThis.fetch,
  } = options;
  checkParts({ registry, fetch, signal }, doing);
  const isFormat = Object.hasOwn(CONTENT_TYPES, format);
  checkShape(isFormat, doing, 'format must be "protobuf" or "text"', format);
  checkShape(typeof compress === "boolean", doing, "compress must be a boolean", compress);
  checkPositive(timeoutMs, doing, "timeoutMs");
  return { registry, format, compress, timeoutMs, fetch };
}
