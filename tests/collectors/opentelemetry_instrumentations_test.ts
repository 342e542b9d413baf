import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parsePrometheusText } from "../../encoding/parse.ts";
import type { Sample } from "../../model.ts";

const PROGRAM = fileURLToPath(new URL("../support/otel_instrumented_program.ts", import.meta.url));
const isDeno = "Deno" in globalThis;
const isNode = !isDeno && !("Bun" in globalThis);

const SCOPE = "@opentelemetry/instrumentation-";

/** Its values change between two reads of one program. */
const HOST_METRICS = "@opentelemetry/host-metrics";

/** Instrumentations with the same series in two reads. */
const COMPARED = new Set([`${SCOPE}http`, `${SCOPE}undici`, `${SCOPE}pg`, HOST_METRICS]);

/** Suffixes for units, which this library adds, but the SDK's exporter does not. */
const UNIT_REGEXP = /_(seconds|bytes|ratio)(?=$|_(total|count|sum|bucket)$)/;

/** The samples of this library, and of OpenTelemetry's SDK for the same calls. */
let own: Sample[];
let sdk: Sample[];

before(async () => {
  const args = isDeno ? ["run", "-A", "--no-check", PROGRAM] : [PROGRAM];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 100_000 });
  const printed = JSON.parse(stdout) as { own: string; sdk: string; errors: string[] };
  assert.deepEqual(printed.errors, []);
  own = samplesOf(printed.own);
  // The SDK writes UNIT comments, which the text format does not have.
  sdk = samplesOf(`${printed.sdk.replace(/^# UNIT .*\n/gm, "").trimEnd()}\n`);
});

function samplesOf(text: string): Sample[] {
  return parsePrometheusText(text).flatMap(({ samples }) => [...samples]);
}

function find(name: string, labels: Record<string, string> = {}): Sample[] {
  return own.filter((sample) =>
    sample.name === name &&
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
  );
}

/**
 * Returns a sample without the suffix of its unit. Values that change between reads are left out.
 */
function show({ name, labels, value }: Sample, names: ReadonlySet<string>): string {
  const bare = name.replace(UNIT_REGEXP, "");
  const shown = Object.entries(labels).sort().map(([label, value]) => `${label}="${value}"`);
  const series = `${names.has(bare) ? bare : name}{${shown.join()}}`;
  return labels["otel_scope_name"] === HOST_METRICS ? series : `${series} ${value}`;
}

test("npm instrumentations measure a server, its calls, the runtime and the machine", () => {
  const [served] = find("http_server_request_duration_seconds_count", {
    http_request_method: "GET",
    http_response_status_code: "200",
    otel_scope_name: `${SCOPE}http`,
  });
  assert.equal(served?.value, 3);
  assert.equal(find("native_metric")[0]?.value, 1);
  assert.ok(find("system_memory_usage").length >= 2, "from an asynchronous batch callback");
  assert.ok(find("process_cpu_time_seconds_total").length >= 2);
  assert.ok(find("nodejs_eventloop_utilization_ratio").length === 1);
  assert.ok(find("v8js_memory_heap_used_bytes").length >= 1);
  if (isNode) {
    // Only Node's fetch() uses undici.
    const calls = find("http_client_request_duration_seconds_count", {
      otel_scope_name: `${SCOPE}undici`,
    });
    assert.equal(calls[0]?.value, 3);
    assert.ok(find("v8js_gc_duration_seconds_count").length >= 1);
  }
});

test("the pg instrumentation measures queries, failures and connections", () => {
  const name = "db_client_operation_duration_seconds_count";
  const query = { db_operation_name: "SELECT", otel_scope_name: `${SCOPE}pg` };
  const queries = find(name, query);
  assert.equal(queries.find(({ labels }) => labels["error_type"] === undefined)?.value, 3);
  // PostgreSQL's code for an undefined table.
  assert.equal(find(name, { ...query, error_type: "42P01" })[0]?.value, 1);
  const used = { db_client_connection_state: "used" };
  assert.equal(find("db_client_connection_count", used)[0]?.value, 1);
  assert.equal(find("db_client_connection_pending_requests")[0]?.value, 0);
  assert.equal(find("db_client_connection_max")[0]?.value, 1);
});

test("OpenTelemetry's SDK has the same samples, except for unit suffixes", () => {
  const names = new Set(sdk.map(({ name }) => name));
  const lines = (samples: Sample[]) =>
    samples.filter(({ labels }) => COMPARED.has(labels["otel_scope_name"]!))
      .map((sample) => show(sample, names)).sort();
  const expected = lines(sdk);
  assert.deepEqual(lines(own), expected);
  for (const scope of COMPARED) {
    // Only Node's fetch() uses undici.
    const isThere = isNode || scope !== `${SCOPE}undici`;
    assert.equal(expected.some((line) => line.includes(`"${scope}"`)), isThere, scope);
  }
});
