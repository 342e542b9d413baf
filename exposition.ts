/**
 * Turns a registry into text, bytes, or the `Response` to a scrape. This is the only part of the
 * core that uses `Request` and `Response`.
 *
 * ```ts
 * import { metricsHandler } from "@narthex/prometheus";
 *
 * export default { fetch: metricsHandler() };
 * ```
 *
 * @module
 */
export type { EscapingScheme } from "./encoding/escaping.ts";
export { type Authorize, basicAuth, bearerAuth } from "./exposition/authorize.ts";
export {
  generateMetrics,
  generateMetricsAsync,
  generateOpenMetrics,
  generateOpenMetricsAsync,
  type GenerateOptions,
  generateProtobuf,
  generateProtobufAsync,
} from "./exposition/generate.ts";
export {
  OPENMETRICS_CONTENT_TYPE,
  PROMETHEUS_CONTENT_TYPE,
  PROTOBUF_CONTENT_TYPE,
} from "./exposition/negotiation.ts";
export {
  type LivePage,
  metricsHandler,
  type MetricsHandlerOptions,
  metricsResponse,
  type MetricsResponseOptions,
  type ScrapeObserver,
} from "./exposition/response.ts";
