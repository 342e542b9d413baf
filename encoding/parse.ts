/**
 * Parsers for both text formats: the inverse of what a scrape writes, for tests,
 * federation and merging. `parseOpenMetrics` is strict, `parsePrometheusText` as
 * tolerant as Prometheus itself. Both take time and memory in proportion to the
 * text.
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
export { ParseError } from "../model.ts";
