import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOpenMetrics, parsePrometheusText } from "../../encoding/parse.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  generateMetrics,
  generateOpenMetrics,
  generateProtobuf,
  Histogram,
  Info,
} from "../../mod.ts";
import { closePairs, valuesOf } from "../support/close_names.ts";
import { decodeFamilies } from "../support/protobuf.ts";

for (const { name, families } of closePairs()) {
  test(`${name} both exist in every format`, () => {
    const registry = new CollectorRegistry();
    for (const family of families) {
      registry.register({ collect: () => [family], describe: () => [family] });
    }
    const expected = valuesOf(families);
    assert.deepEqual(valuesOf(parsePrometheusText(generateMetrics(registry))), expected);
    for (const created of [false, true]) {
      const text = generateOpenMetrics(registry, { created });
      assert.deepEqual(valuesOf(parseOpenMetrics(text)), expected, text);
    }
    const names = decodeFamilies(generateProtobuf(registry)).map(({ name }) => name);
    assert.deepEqual(names, families.map(({ name }) => name));
    assert.equal(registry.lastErrors().size, 0);
  });
}

test("OpenMetrics writes families as unknown if their names would clash", () => {
  const registry = new CollectorRegistry();
  const clock = { now: () => 1000, monotonic: () => 0 };
  new Counter("jobs_total", "C.", { registry, clock }).inc(2, { trace_id: "t" });
  new Gauge("jobs", "G.", { registry }).set(1);
  new Gauge("build", "B.", { registry }).set(3);
  new Info("build", "I.", { registry }).info({ version: "1" });
  new Histogram("wait_seconds", "W.", { registry, clock, buckets: [1] }).observe(2);
  new Gauge("wait_seconds_created", "Since.", { registry }).set(5);
  assert.equal(
    generateOpenMetrics(registry, { created: true }),
    `# HELP jobs_total C.
# TYPE jobs_total unknown
jobs_total 2
# HELP jobs G.
# TYPE jobs gauge
jobs 1
# HELP build B.
# TYPE build gauge
build 3
# HELP build_info I.
# TYPE build_info unknown
build_info{version="1"} 1
# HELP wait_seconds_bucket W.
# TYPE wait_seconds_bucket unknown
wait_seconds_bucket{le="1.0"} 0
wait_seconds_bucket{le="+Inf"} 1
# HELP wait_seconds_sum W.
# TYPE wait_seconds_sum unknown
wait_seconds_sum 2
# HELP wait_seconds_count W.
# TYPE wait_seconds_count unknown
wait_seconds_count 1
# HELP wait_seconds_created Since.
# TYPE wait_seconds_created gauge
wait_seconds_created 5
# EOF
`,
  );
});

/** A part of the text of a Go program and of a Python program. */
const FOREIGN = `# HELP go_memstats_alloc_bytes Number of bytes allocated and still in use.
# TYPE go_memstats_alloc_bytes gauge
go_memstats_alloc_bytes 1.5e+06
# HELP go_memstats_alloc_bytes_total Total number of bytes allocated, even if freed.
# TYPE go_memstats_alloc_bytes_total counter
go_memstats_alloc_bytes_total 4.5e+06
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{code="200"} 7
# HELP requests_created Requests.
# TYPE requests_created gauge
requests_created{code="200"} 1.7e+09
# HELP latency_seconds Latency.
# TYPE latency_seconds histogram
latency_seconds_bucket{le="0.1"} 1
latency_seconds_bucket{le="+Inf"} 2
latency_seconds_count 2
latency_seconds_sum 0.75
# HELP latency_seconds_created Latency.
# TYPE latency_seconds_created gauge
latency_seconds_created 1.7e+09
`;

test("metrics of other programs are complete after they are parsed and collected", () => {
  const registry = new CollectorRegistry();
  const families = parsePrometheusText(FOREIGN);
  registry.register({ collect: () => families });
  const expected = valuesOf(families);
  assert.deepEqual(valuesOf(parsePrometheusText(generateMetrics(registry))), expected);
  for (const created of [false, true]) {
    const text = generateOpenMetrics(registry, { created });
    assert.deepEqual(valuesOf(parseOpenMetrics(text)), expected, text);
  }
  assert.equal(decodeFamilies(generateProtobuf(registry)).length, families.length);
  assert.equal(registry.lastErrors().size, 0);
});
