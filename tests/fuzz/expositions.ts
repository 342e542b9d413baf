/**
 * Expositions that the fuzzer mutates. They contain everything that the parsers know, and the
 * output of other programs.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { ROOT_URL } from "../support/paths.ts";

/** Reads an exposition of this library with all types. */
function golden(name: string): string {
  return readFileSync(new URL(`tests/golden/${name}.txt`, ROOT_URL), "utf8");
}

/** Texts of format 0.0.4. */
export const TEXTS: readonly string[] = [
  golden("text"),
  // Runtime metrics of the Go client.
  `# HELP go_gc_duration_seconds A summary of the pause duration of garbage collection cycles.
# TYPE go_gc_duration_seconds summary
go_gc_duration_seconds{quantile="0"} 2.1354e-05
go_gc_duration_seconds{quantile="0.25"} 4.6329e-05
go_gc_duration_seconds{quantile="1"} 0.000257833
go_gc_duration_seconds_sum 0.019274251
go_gc_duration_seconds_count 287
# HELP go_info Information about the Go environment.
# TYPE go_info gauge
go_info{version="go1.22.5"} 1
# HELP go_memstats_alloc_bytes_total Total number of bytes allocated, even if freed.
# TYPE go_memstats_alloc_bytes_total counter
go_memstats_alloc_bytes_total 1.4327281496e+10
`,
  // A machine's metrics, with a collector's success and Windows paths.
  `# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 1.23456789e+06
node_cpu_seconds_total{cpu="0",mode="iowait"} 182.35
# HELP windows_logical_disk_free_bytes Free space (\\\\.\\C:)\\nin bytes.
# TYPE windows_logical_disk_free_bytes gauge
windows_logical_disk_free_bytes{volume="C:\\\\"} 8.0530636e+10
# TYPE node_textfile_mtime_seconds untyped
node_textfile_mtime_seconds{file="/var/lib/a \\"b\\".prom"} 1.5e9 1700000000000
`,
  // Everything that is allowed in the format but rarely written.
  `\t #  a comment
#nothing
# TYPE  x\t histogram
# HELP x
 x_bucket { le = "1" , } 1 1700000000123
x_bucket{le="2.5e0"a="b"} 2
x_bucket{a="line
feed",le="inf"} 3
x_sum -Inf
x_count\t3\t-1

# TYPE y gauge_histogram
y_bucket{le="-1"} 1
y_bucket{le="+Inf"} 2
y_gcount 2
y_sum 1e-3
# TYPE x_count counter
{"quoted.name","le"="1",b="2"} NaN
{"quoted.name"} nan
m{"é"="ü",} +.5
# TYPE z summary
z 1
z{quantile="0.5"} 1
z_sum 1
# EOF`,
  // A federation: no reliable metadata, and timestamps everywhere.
  `# TYPE up untyped
up{instance="10.0.0.1:9100",job="node"} 1 1700000000123
up{instance="10.0.0.2:9100",job="node"} 0 1700000000456
# TYPE http_request_duration_seconds untyped
http_request_duration_seconds_bucket{le="0.1",job="api"} 12 1700000000789
http_request_duration_seconds_bucket{le="+Inf",job="api"} 14 1700000000789
`,
];

/** Texts of OpenMetrics. */
export const OPEN_METRICS: readonly string[] = [
  golden("open_metrics"),
  // Output of the Java and Python clients.
  `# TYPE jvm_memory_used_bytes gauge
# UNIT jvm_memory_used_bytes bytes
# HELP jvm_memory_used_bytes Used bytes of a given JVM memory area.
jvm_memory_used_bytes{area="heap"} 4.2467328E7
jvm_memory_used_bytes{area="nonheap"} 3.1E7
# TYPE requests counter
# HELP requests Total.
requests_total{path="/",status="200"} 5.0 # {trace_id="abcdef0123456789",span_id="1"} 1.0 1668697500.123
requests_created{path="/",status="200"} 1.668697400e+09
# TYPE python info
# HELP python Python platform information
python_info{implementation="CPython",major="3"} 1.0
# EOF
`,
  // All kinds of histograms.
  `# TYPE h histogram
# UNIT h 
h_bucket{le="-1.0"} 0
h_bucket{le="0.0"} 2 # {} 0.5
h_bucket{le="+Inf"} 2
h_created 1
h_bucket{a="1",le="+Inf"} 1
h_sum{a="1"} 1.5
h_count{a="1"} 1
# TYPE n histogram
n {count:6,sum:10.5,schema:0,zero_threshold:1e-128,zero_count:1,negative_spans:[0:1],negative_deltas:[1],positive_spans:[0:2,1:1],positive_deltas:[1,1,-1]} # {t="1"} 2 3
n_bucket{le="1.0"} 2
n_bucket{le="+Inf"} 6
n_sum 10.5
n_count 6
n{a="b"} {count:0,sum:0,schema:3,zero_threshold:0,zero_count:0} 1700000000
# TYPE g gaugehistogram
g_bucket{le="-1.0"} 1
g_bucket{le="+Inf"} 3
g_gsum -2
g_gcount 3
# EOF
`,
  // Metrics at several times, and UTF-8 names.
  `# TYPE t summary
t{quantile="0.5"} 1 1.5
t_count 1 1.5
t_sum 1 1.5
t{quantile="0.5"} 2 2.25
t_count 2 2.25
t_sum 3 2.25
# TYPE s stateset
s{s="on"} 1 1
s{s="off"} 0 1
s{s="on"} 0 2
s{s="off"} 1 2
# TYPE i info
i_info{a="1"} 1 5
i_info{a="2"} 1 4
# HELP "größe.x" Größe "in" \\n Metern \\\\.
# TYPE "größe.x" gauge
{"größe.x","label.ö"="\\"ä\\"\\\\", b="1"} 1.5e-3 1520879607.789123456789
# TYPE u unknown
u +Inf
u{x="y"} -inf
free 1
# EOF`,
];

/** Texts that mutations insert. */
export const TOKENS: readonly string[] = [
  ...["# TYPE ", "# HELP ", "# UNIT ", "# EOF", "# EOF\n", "#", "# ", " # {", "\n", "\r\n", " "],
  ...["\t", "\0", "\r", "\ufeff", "\u2028", "\u{1f525}", "\ud800", "\udc00", "\u0301", "é"],
  ...["{", "}", "{}", '"', '""', "=", ",", ":", "[", "]", "\\", "\\\\", '\\"', "\\n", "\\x"],
  ...["counter", "gauge", "histogram", "gaugehistogram", "gauge_histogram", "summary", "info"],
  ...["stateset", "unknown", "untyped", "_total", "_created", "_bucket", "_sum", "_count"],
  ...["_gsum", "_gcount", "_info", 'le="1.0"', 'le="+Inf"', 'quantile="0.5"', '__name__="x"'],
  ...["__proto__", "constructor", "hasOwnProperty", "toString", 'constructor="x"'],
  ...["NaN", "+Inf", "-Inf", "inf", "Infinity", "0x10", "1_000", "1e999", "-0", "+1", ".5", "1."],
  ...["1e400", "-1e-400", "9007199254740993", "18446744073709551616", "1e", "--1", "1.5.5"],
  ...["-9223372036854775808", "9223372036854775807", "99999999999999999999999999", "0.1e+5"],
  ...["{count:1,sum:1,schema:0,zero_threshold:0,zero_count:1}", "positive_spans:[0:1]"],
  ...["negative_deltas:[1,-1]", "schema:9", "schema:-5", "[0:4294967295]", "[2147483647:1]"],
];
