import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { exportOtlp } from "../../bridges/otlp.ts";
import { CollectorRegistry, Gauge } from "../../mod.ts";

const PROGRAM = fileURLToPath(new URL("../support/otlp_environment_program.ts", import.meta.url));
const isDeno = "Deno" in globalThis;

/** Runs the program with these environment variables, and returns its output. */
async function run(variables: Record<string, string>, permissions = ["-A"]) {
  const args = isDeno ? ["run", ...permissions, "--no-check", "--no-prompt", PROGRAM] : [PROGRAM];
  const env = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...variables };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return JSON.parse(stdout) as {
    sent: {
      url: string;
      headers: Record<string, string>;
      attributes: Record<string, string>;
      temporality: number;
    }[];
    errors: string[];
    failure?: string;
    intervalMs?: number;
  };
}

test("variables replace missing options, and those of metrics come before those of all signals", async () => {
  const { sent, errors, intervalMs } = await run({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/base/",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_HEADERS: "x-api-key=a%20b,  tenant = t1 ",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "Delta",
    OTEL_METRIC_EXPORT_INTERVAL: "5000",
    OTEL_SERVICE_NAME: "shop",
    OTEL_RESOURCE_ATTRIBUTES: "service.name=other,deployment.environment.name=prod%3D1",
  });
  assert.deepEqual(errors, []);
  const [{ url, headers, attributes, temporality }] = sent as [typeof sent[0] & object];
  assert.equal(url, "http://collector:4318/base/v1/metrics");
  assert.equal(headers["content-type"], "application/json");
  assert.equal(headers["content-encoding"], "gzip");
  assert.equal(headers["x-api-key"], "a b");
  assert.equal(headers["tenant"], "t1");
  assert.deepEqual(attributes, {
    "service.name": "shop",
    "deployment.environment.name": "prod=1",
  });
  assert.equal(temporality, 1);
  assert.equal(intervalMs, 5000);
});

test("variables are read when metrics are exported, not at import", async () => {
  const name = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
  const former = process.env[name];
  const urls: string[] = [];
  try {
    for (const url of ["http://one/v1/metrics", "http://two/v1/metrics"]) {
      process.env[name] = url;
      const registry = new CollectorRegistry();
      new Gauge("g", "", { registry }).set(1);
      await exportOtlp(undefined, {
        registry,
        fetch: (url) => {
          urls.push(url);
          return Promise.resolve(new Response());
        },
      });
    }
  } finally {
    if (former === undefined) delete process.env[name];
    else process.env[name] = former;
  }
  assert.deepEqual(urls, ["http://one/v1/metrics", "http://two/v1/metrics"]);
});

test("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is used without a suffix", async () => {
  const { sent } = await run({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318",
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://metrics:9090/api/v1/otlp/v1/metrics?a=b",
  });
  assert.equal(sent[0]!.url, "http://metrics:9090/api/v1/otlp/v1/metrics?a=b");
});

test("the specification's defaults apply without variables, and empty variables are ignored", async () => {
  const { sent, errors, intervalMs } = await run({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "" });
  assert.equal(sent[0]!.url, "http://localhost:4318/v1/metrics");
  assert.equal(sent[0]!.headers["content-type"], "application/x-protobuf");
  assert.equal(sent[0]!.headers["content-encoding"], undefined);
  assert.equal(intervalMs, 60_000);
  assert.deepEqual(errors, []);
});

test("an invalid variable is reported without its value, and ignored", async () => {
  const { sent, errors } = await run({
    OTEL_EXPORTER_OTLP_TIMEOUT: "soon",
    OTEL_METRIC_EXPORT_INTERVAL: "-1",
    OTEL_EXPORTER_OTLP_HEADERS: "s3cret,bad name=s3cret,ok=1",
    OTEL_EXPORTER_OTLP_COMPRESSION: "zstd",
  });
  assert.equal(sent[0]!.headers["ok"], "1");
  const named = errors.map((error) => error.match(/variable "(\w+)"/)?.[1]);
  assert.deepEqual(
    new Set(named),
    new Set([
      "OTEL_EXPORTER_OTLP_TIMEOUT",
      "OTEL_METRIC_EXPORT_INTERVAL",
      "OTEL_EXPORTER_OTLP_HEADERS",
      "OTEL_EXPORTER_OTLP_COMPRESSION",
    ]),
  );
  assert.doesNotMatch(errors.join(), /s3cret/);
});

test("exportOtlp() rejects on an unsupported protocol or URL, and shows no secret", async () => {
  const grpc = await run({ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" });
  assert.match(grpc.failure ?? "", /OTEL_EXPORTER_OTLP_PROTOCOL must be "http\/protobuf" or/);
  const url = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:s3cret" });
  assert.match(url.failure ?? "", /OTEL_EXPORTER_OTLP_ENDPOINT must be a URL of http or https$/);
  assert.doesNotMatch(url.failure ?? "", /s3cret/);
});

if (isDeno) {
  test("on Deno only readable variables are read, without a permission prompt", async () => {
    const variables = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318",
      OTEL_SERVICE_NAME: "shop",
    };
    const some = await run(variables, ["--allow-read", "--allow-env=OTEL_SERVICE_NAME"]);
    assert.equal(some.sent[0]?.url, "http://localhost:4318/v1/metrics", JSON.stringify(some));
    assert.equal(some.sent[0]!.attributes["service.name"], "shop");
  });
}
