import { SendError } from "../requests/send_error.ts";

/**
 * An error of an OTLP request. Neither its message nor its members have credentials,
 * values of your headers or the query of the URL in them.
 *
 * @example A collector that refuses
 * ```ts
 * import { exportOtlp, OtlpError } from "@narthex/prometheus/otlp";
 * import { CollectorRegistry, Gauge } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Gauge("workers", "Workers.", { registry }).set(4);
 * const fetch = () => Promise.resolve(new Response("no such tenant", { status: 404 }));
 * await assert.rejects(
 *   exportOtlp("http://user:secret@localhost:4318/v1/metrics", { registry, fetch }),
 *   (error) =>
 *     error instanceof OtlpError && error.status === 404 && error.samples === 1 &&
 *     error.message === 'Cannot export to "http://localhost:4318/v1/metrics": ' +
 *       "the receiver answered 404: no such tenant",
 * );
 * ```
 */
export class OtlpError extends SendError {
  /** `"OtlpError"`. */
  override readonly name = "OtlpError";
}
