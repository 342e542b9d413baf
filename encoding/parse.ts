/**
 * Parsers for both text formats, for tests, federation and merging. `parseOpenMetrics` is strict.
 * `parsePrometheusText` is as tolerant as Prometheus itself. Both take time and memory in
 * proportion to the text, and have limits for its size by default: see {@linkcode ParseOptions}.
 *
 * ```ts
 * import { parsePrometheusText } from "@narthex/prometheus/parse";
 * import assert from "node:assert/strict";
 *
 * const text = '# TYPE jobs_total counter\njobs_total{queue="mail"} 12\n';
 * const [family] = parsePrometheusText(text);
 * assert.equal(family?.type, "counter");
 * assert.deepEqual([...family.samples], [
 *   { name: "jobs_total", labels: { queue: "mail" }, value: 12 },
 * ]);
 * ```
 *
 * @module
 */
export { parseOpenMetrics } from "./parse/open_metrics.ts";
export { parsePrometheusText } from "./parse/prometheus_text.ts";
export type { ParseOptions } from "./parse/limits.ts";
export { ParseError } from "../model.ts";
