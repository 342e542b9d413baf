import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parsePrometheusText } from "../../encoding/parse.ts";

const PROGRAM = fileURLToPath(new URL("../support/otel_instrumented_program.ts", import.meta.url));
const isDeno = "Deno" in globalThis;
const isNode = !isDeno && !("Bun" in globalThis);

test("instrumentations from npm count a server, its routes, the runtime and the machine", async () => {
  const args = isDeno ? ["run", "-A", "--no-check", PROGRAM] : [PROGRAM];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  assert.doesNotMatch(stdout, /^# error/m);
  const samples = parsePrometheusText(stdout.trimEnd() + "\n").flatMap((
    { samples },
  ) => [...samples]);
  const find = (name: string, labels: Record<string, string> = {}) =>
    samples.filter((sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
    );
  const [served] = find("http_server_request_duration_seconds_count", {
    http_request_method: "GET",
    http_response_status_code: "200",
    otel_scope_name: "@opentelemetry/instrumentation-http",
  });
  assert.equal(served?.value, 3);
  assert.equal(find("native_metric")[0]?.value, 1);
  assert.ok(find("system_memory_usage").length >= 2, "of an asynchronous batch callback");
  assert.ok(find("process_cpu_time_seconds_total").length >= 2);
  assert.ok(find("nodejs_eventloop_utilization_ratio").length === 1);
  assert.ok(find("v8js_memory_heap_used_bytes").length >= 1);
  if (isNode) {
    // fetch() of the others is not undici.
    const calls = find("http_client_request_duration_seconds_count", {
      otel_scope_name: "@opentelemetry/instrumentation-undici",
    });
    assert.equal(calls[0]?.value, 3);
    assert.ok(find("v8js_gc_duration_seconds_count").length >= 1);
  }
});
