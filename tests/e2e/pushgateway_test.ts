import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  deleteFromGateway,
  pushAddToGateway,
  PushError,
  type PushOptions,
  pushToGateway,
} from "../../bridges/pushgateway.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  Histogram,
  Info,
  MetricFamily,
  StateSet,
  Summary,
} from "../../mod.ts";
import { RUNTIMES } from "../support/demo.ts";
import { ROOT } from "../support/paths.ts";
import { testWithPrograms } from "../support/programs.ts";
import { runtimePath } from "../support/runtimes.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { startPushgateway } from "../support/pushgateway.ts";

const PROGRAM = "prometheus-pushgateway";

function gauge(name: string, value: number, help = "Help."): CollectorRegistry {
  const registry = new CollectorRegistry();
  new Gauge(name, help, { registry }).set(value);
  return registry;
}

async function refusal(promise: Promise<void>): Promise<PushError> {
  const error = await promise.then(() => undefined, (error) => error);
  assert.ok(error instanceof PushError, String(error));
  return error;
}

testWithPrograms(
  [PROGRAM],
  "a Pushgateway replaces, adds and deletes in every format",
  async (path) => {
    await using gateway = await startPushgateway(path);
    const { url } = gateway;
    const ways: Partial<PushOptions>[] = [
      { format: "protobuf" },
      { format: "text" },
      { format: "protobuf", compress: true },
      { format: "text", compress: true },
    ];
    for (const way of ways) {
      const group = { job: "a", groupingKey: { instance: "i" } };
      const labels = `{instance="i",job="a"}`;
      await pushToGateway(url, { ...group, ...way, registry: gauge("one", 1) });
      await pushAddToGateway(url, { ...group, ...way, registry: gauge("two", 2) });
      await pushAddToGateway(url, { ...group, ...way, registry: gauge("one", 3) });
      assert.deepEqual(await gateway.series("a"), [`one${labels} 3`, `two${labels} 2`]);
      await pushToGateway(url, { ...group, ...way, registry: gauge("two", 4) });
      assert.deepEqual(await gateway.series("a"), [`two${labels} 4`]);
      // An empty push keeps only the group.
      await pushToGateway(url, { ...group, ...way, registry: new CollectorRegistry() });
      assert.deepEqual(await gateway.series("a"), []);
      assert.equal((await gateway.groups()).length, 1);
      await deleteFromGateway(url, { job: "a" });
      assert.equal((await gateway.groups()).length, 1, "another group");
      await deleteFromGateway(url, group);
      assert.deepEqual(await gateway.groups(), []);
      await deleteFromGateway(url, group);
    }
  },
);

testWithPrograms(
  [PROGRAM],
  "a Pushgateway reads every job and grouping key unchanged",
  async (path) => {
    await using gateway = await startPushgateway(path);
    const values = [
      ...["plain", "", "/", "a/b", "//", "..", ".", "...", " ", "a b+c", "50%", "%2F", "a?b#c"],
      ...["a\\b", 'a"b', "a\nb", "\0", "=", "@base64", ";,&", "火 ä/ö?", "/>>>???"],
    ];
    for (const value of values) {
      const group = { job: value === "" ? "none" : value, groupingKey: { v: value, z: 1 } };
      await pushToGateway(gateway.url, { ...group, registry: gauge("g", 1) });
      const [found, ...others] = await gateway.groups();
      const { job, v = "", z } = found ?? {};
      assert.deepEqual({ job, v, z, others }, { job: group.job, v: value, z: "1", others: [] });
      await deleteFromGateway(gateway.url, group);
      assert.deepEqual(await gateway.groups(), [], JSON.stringify(value));
    }
    await pushToGateway(gateway.url, { job: "\ud800", registry: gauge("g", 1) });
    assert.deepEqual((await gateway.groups()).map(({ job }) => job), ["\ufffd"]);
  },
);

testWithPrograms(
  [PROGRAM],
  "a Pushgateway exposes every type unchanged, in both formats",
  async (path) => {
    await using gateway = await startPushgateway(path);
    const registry = new CollectorRegistry({ prefix: "app" });
    new Counter("c_total", "C.", { registry }).inc(2, { trace_id: "abc" });
    new Counter("never_total", "No series.", { registry, labelNames: ["a"] });
    new Gauge("g", "", { registry, labelNames: ["my.label"], nameValidation: "utf8" })
      .labels('a"\\\n').set(NaN);
    new Histogram("h", "H.", { registry, buckets: [1, 2] }).observe(1.5, { trace_id: "abc" });
    new Info("i", "I.", { registry }).info({ v: "1" });
    new StateSet("s", "S.", { registry, states: ["on", "off"] }).state("on");
    new Summary("q", "Q.", { registry, quantiles: [0.5] }).observe(1.5);
    for (const format of ["protobuf", "text"] as const) {
      await pushToGateway(gateway.url, {
        job: format,
        groupingKey: { instance: "i" },
        registry,
        format,
      });
      const labels = `instance="i",job="${format}"`;
      assert.deepEqual(await gateway.series(format), [
        `app_c_total{${labels}} 2`,
        `app_g{${labels},my_label="a\\"\\\\\\n"} NaN`,
        `app_h_bucket{${labels},le="1"} 0`,
        `app_h_bucket{${labels},le="2"} 1`,
        `app_h_bucket{${labels},le="+Inf"} 1`,
        `app_h_sum{${labels}} 1.5`,
        `app_h_count{${labels}} 1`,
        `app_i_info{${labels},v="1"} 1`,
        `app_q{${labels},quantile="0.5"} 1.5`,
        `app_q_sum{${labels}} 1.5`,
        `app_q_count{${labels}} 1`,
        `app_s{app_s="off",${labels}} 0`,
        `app_s{app_s="on",${labels}} 1`,
      ]);
    }
  },
);

testWithPrograms(
  [PROGRAM],
  "a gaugehistogram does not break a Pushgateway",
  async (path) => {
    await using gateway = await startPushgateway(path);
    const registry = new CollectorRegistry();
    registry.register({
      *collect() {
        yield new MetricFamily("gh", "G.", "gaugehistogram")
          .addSample("gh_bucket", { le: "1" }, 1)
          .addSample("gh_bucket", { le: "+Inf" }, 3)
          .addSample("gh_gsum", {}, 2)
          .addSample("gh_gcount", {}, 3);
      },
    });
    const options = { job: "gh", groupingKey: { instance: "i" }, registry };
    await pushToGateway(gateway.url, options);
    const labels = `instance="i",job="gh"`;
    assert.deepEqual(await gateway.series("gh"), [
      `gh_bucket{${labels},le="1"} 1`,
      `gh_bucket{${labels},le="+Inf"} 3`,
      `gh_sum{${labels}} 2`,
      `gh_count{${labels}} 3`,
    ]);
  },
);

testWithPrograms(
  [PROGRAM, "prometheus"],
  "native histograms reach Prometheus through a Pushgateway, and are only a count in text",
  async (path, prometheusPath) => {
    await using gateway = await startPushgateway(path);
    const registry = new CollectorRegistry();
    const latency = new Histogram("nh", "N.", { registry, nativeHistogram: true });
    for (const value of [1, 2, 4, 8]) latency.observe(value);
    await pushToGateway(gateway.url, { job: "nh", groupingKey: { instance: "i" }, registry });
    assert.deepEqual(await gateway.series("nh"), [
      `nh_bucket{instance="i",job="nh",le="+Inf"} 4`,
      `nh_sum{instance="i",job="nh"} 15`,
      `nh_count{instance="i",job="nh"} 4`,
    ]);
    await using prometheus = await startPrometheus(
      prometheusPath,
      new URL(gateway.url).host,
      ["native-histograms"],
    );
    // Without buckets the median would not be a number.
    const median = await prometheus.waitForValue(
      `histogram_quantile(0.5, nh{exported_job="nh"})`,
      Number.isFinite,
    );
    assert.ok(median > 1.8 && median <= 2.2, `${median}`);
  },
);

testWithPrograms([PROGRAM], "an error has a Pushgateway's reason", async (path) => {
  await using gateway = await startPushgateway(path);
  const { url } = gateway;
  const counters = new CollectorRegistry();
  new Counter("x", "X.", { registry: counters }).inc();
  await pushToGateway(url, { job: "a", registry: counters });

  const conflict = await refusal(pushToGateway(url, { job: "b", registry: gauge("x", 1) }));
  assert.equal(conflict.status, 400);
  assert.match(
    conflict.body ?? "",
    /^pushed metrics are invalid or inconsistent .* is not a (?:COUNTER|GAUGE)/, // The gateway's order of comparison varies.
  );
  assert.match(conflict.message, /received status 400: pushed metrics are invalid/);

  // Another help text is not a conflict, and neither is another type that replaces the same push.
  const helped = new CollectorRegistry();
  new Counter("x", "Another help.", { registry: helped }).inc();
  await pushToGateway(url, { job: "c", registry: helped });
  await deleteFromGateway(url, { job: "c" });
  await pushToGateway(url, { job: "a", registry: gauge("x", 1) });

  // The gateway would refuse or damage everything that is refused before it is sent.
  const lines = async (body: string) => {
    const response = await fetch(`${url}/metrics/job/raw`, { method: "PUT", body });
    return { status: response.status, text: await response.text() };
  };
  const timestamp = await lines("m3 1 1234\n");
  assert.equal(timestamp.status, 400);
  assert.match(timestamp.text, /pushed metrics must not have timestamps/);
  assert.equal((await lines("y 1\ny 2\n")).status, 400);
  assert.equal((await lines('m{job="other"} 1\n')).status, 200);
  assert.deepEqual(await gateway.series("other"), []);
  assert.deepEqual(await gateway.series("raw"), ['m{instance="",job="raw"} 1']);

  const elsewhere = await refusal(
    pushToGateway(`${url}/nowhere`, { job: "a", registry: counters }),
  );
  assert.equal(elsewhere.status, 404);
});

testWithPrograms(
  [PROGRAM],
  "a Pushgateway with a path and a password is reachable only with both",
  async (path) => {
    const folder = await mkdtemp(join(tmpdir(), "narthex-pushgateway-"));
    try {
      const config = join(folder, "web.yml");
      // The password is "fennel".
      const hash = "$2b$04$abcdefghijklmnopqrstuupNo7TtTLbOn00yLh4zDW.UPcTNZvjUq";
      await writeFile(config, `basic_auth_users: { prometheus: "${hash}" }\n`);
      await using gateway = await startPushgateway(path, [
        `--web.config.file=${config}`,
        "--web.route-prefix=/push",
      ]);
      const url = `${gateway.url}/push/`;
      const options = { job: "a", registry: gauge("g", 1) };
      const error = await refusal(pushToGateway(url, options));
      assert.equal(error.status, 401);
      const basicAuth = { username: "prometheus", password: "fennel" };
      await pushToGateway(url, { ...options, basicAuth });
      await deleteFromGateway(url.replace("//", "//prometheus:fennel@"), { job: "a" });
      const wrong = await refusal(
        pushToGateway(url.replace("//", "//prometheus:sesame@"), options),
      );
      assert.equal(wrong.status, 401);
      assert.doesNotMatch(`${wrong.stack} ${wrong.url}`, /sesame|@/);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

for (const runtime of RUNTIMES) {
  testWithPrograms(
    [PROGRAM],
    `the batch job under ${runtime} pushes its outcome, even when it failed`,
    async (path) => {
      await using gateway = await startPushgateway(path);
      const folder = await mkdtemp(join(tmpdir(), "narthex-batch-"));
      try {
        for (const [name, text] of [["a", "same"], ["b", "same"], ["c", "other"]]) {
          await writeFile(join(folder, name!), text!);
        }
        const permissions = runtime === "deno"
          ? ["run", "--allow-net", "--allow-read", "--allow-env=PUSHGATEWAY_URL"]
          : [];
        const command = await runtimePath(runtime);
        const run = (options: string[], env: Record<string, string> = {}) => {
          const args = [...permissions, "examples/batch_job.ts", folder, ...options];
          const { status, stdout, stderr } = spawnSync(command, args, {
            cwd: ROOT,
            env: { ...process.env, ...env },
            encoding: "utf8",
          });
          return { status, stdout, stderr };
        };
        const read = async () =>
          new Map((await gateway.series("duplicates")).map((line) => {
            const [name = "", value] = line.split(/\{.*\} /);
            return [name, Number(value)];
          }));

        const begin = Date.now() / 1000;
        const first = run(["--gateway", gateway.url]);
        const stdout = `${join(folder, "b")} is ${join(folder, "a")}\n`;
        assert.deepEqual(first, { status: 0, stdout, stderr: "" });
        assert.deepEqual((await gateway.groups()).map(({ folder }) => folder), [folder]);
        const good = await read();
        assert.equal(good.get("duplicates_files_read_total"), 3);
        assert.equal(good.get("duplicates_files_found"), 1);
        assert.equal(good.get("duplicates_file_size_bytes_sum"), 13);
        assert.ok(good.get("duplicates_duration_seconds")! > 0);
        const success = good.get("duplicates_last_success_timestamp_seconds")!;
        assert.ok(success >= begin - 1 && success <= Date.now() / 1000 + 1);

        await rm(folder, { recursive: true });
        const second = run([], { PUSHGATEWAY_URL: gateway.url });
        assert.equal(second.status, 1);
        assert.match(second.stderr, /ENOENT/);
        const bad = await read();
        assert.equal(bad.get("duplicates_last_success_timestamp_seconds"), success);
        assert.equal(bad.get("duplicates_files_found"), 1);
        assert.equal(bad.get("duplicates_files_read_total"), 0);
        assert.ok(bad.get("duplicates_last_completion_timestamp_seconds")! > success);

        await gateway[Symbol.asyncDispose]();
        const third = run(["--gateway", gateway.url]);
        assert.equal(third.status, 1);
        assert.match(third.stderr, /Cannot push to http:\/\/127\.0\.0\.1/);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  );
}
