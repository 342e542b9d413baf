/**
 * Families of all eight types, with every value and character that a text format must escape or
 * spell in a special way.
 *
 * @module
 */
import { MetricFamily } from "../../mod.ts";

/** Returns a family of each type, in the order of the files in `tests/golden`. */
export function allTypes(): MetricFamily[] {
  const exemplar = {
    labels: { trace_id: 'a"\\b', span: "é" },
    value: 0.25,
    timestamp: 1700000000.5,
  };
  return [
    new MetricFamily("jobs_total", 'Jobs\\done,\nby "queue".', "counter")
      .addSample("jobs_total", { queue: "mail" }, 12, { exemplar })
      .addSample("jobs_created", { queue: "mail" }, 1700000000.125)
      .addSample("jobs_total", { queue: "" }, 0, { exemplar: { labels: {}, value: 1 } }),
    new MetricFamily("odd", "No suffix.", "counter").addSample("odd", {}, 3),
    new MetricFamily("temperature", "", "gauge", { unit: "celsius" })
      .addSample("temperature_celsius", { at: 'quote " backslash \\ line\nfeed' }, -0.5)
      .addSample("temperature_celsius", { at: "\0 \r \ufeff \u2028 \u{1f525} é" }, Infinity)
      .addSample("temperature_celsius", { at: "past" }, -Infinity, { timestamp: 1700000000.1234 })
      .addSample("temperature_celsius", { at: "1970" }, NaN, { timestamp: 0 })
      .addSample("temperature_celsius", { at: "1969", also: "x" }, 5e-324, { timestamp: -1.5 }),
    new MetricFamily("latency", "Latency.", "histogram", { unit: "seconds" })
      .addSample("latency_seconds_bucket", { le: 0.25 }, 1, { exemplar })
      .addSample("latency_seconds_bucket", { le: 1 }, 2)
      .addSample("latency_seconds_bucket", { le: 1e6 }, 3)
      .addSample("latency_seconds_bucket", { le: 1e-5 }, 0)
      .addSample("latency_seconds_bucket", { le: "+Inf" }, 4)
      .addSample("latency_seconds_sum", {}, 1e21)
      .addSample("latency_seconds_count", {}, 4)
      .addSample("latency_seconds_created", {}, 1700000000),
    new MetricFamily("error", "Negative bounds.", "histogram")
      .addSample("error_bucket", { side: "left", le: -1 }, 1)
      .addSample("error_bucket", { side: "left", le: 0 }, 2)
      .addSample("error_bucket", { side: "left", le: "+Inf" }, 2)
      .addSample("error_sum", { side: "left" }, -3)
      .addSample("error_count", { side: "left" }, 2),
    new MetricFamily("sizes", "Sizes now.", "gaugehistogram")
      .addSample("sizes_bucket", { le: -2 }, 1)
      .addSample("sizes_bucket", { le: "+Inf" }, 3)
      .addSample("sizes_gsum", {}, -7)
      .addSample("sizes_gcount", {}, 3),
    new MetricFamily("duration", "Durations.", "summary")
      .addSample("duration", { quantile: 0.5, route: "/" }, 0.1)
      .addSample("duration", { quantile: 1, route: "/" }, NaN)
      .addSample("duration_sum", { route: "/" }, 8.5)
      .addSample("duration_count", { route: "/" }, 17)
      .addSample("duration_created", { route: "/" }, 1700000000.5),
    new MetricFamily("build", "The build.", "info")
      .addSample("build_info", { version: "1.2.3", constructor: "__proto__" }, 1),
    new MetricFamily("mode", "The mode.", "stateset")
      .addSample("mode", { mode: 'on "\n' }, 1)
      .addSample("mode", { mode: "off" }, 0),
    new MetricFamily("something", "Unknown.", "unknown")
      .addSample("something", {}, 999999999)
      .addSample("something", { big: true }, 2 ** 53, { timestamp: 1700000000 }),
    new MetricFamily("empty", "Without samples.", "gauge"),
  ];
}
