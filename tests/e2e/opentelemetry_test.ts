import assert from "node:assert/strict";
import process from "node:process";
import { RUNTIMES } from "../support/demo.ts";
import { ROOT } from "../support/paths.ts";
import { freePort, start, waitFor } from "../support/processes.ts";
import { testWithPrograms } from "../support/programs.ts";
import { runtimePath } from "../support/runtimes.ts";
import { startPrometheus } from "../support/prometheus.ts";

testWithPrograms(
  ["prometheus"],
  "Prometheus scrapes a program that measures through OpenTelemetry's API, on three runtimes",
  async (path) => {
    const ports = await Promise.all(RUNTIMES.map(() => freePort()));
    const programs = await Promise.all(RUNTIMES.map(async (runtime, i) => {
      const run = runtime === "deno" ? ["run", "--allow-net", "--allow-env=PORT"] : [];
      return start(await runtimePath(runtime), [...run, "examples/opentelemetry.ts"], {
        cwd: ROOT,
        env: { ...process.env, PORT: `${ports[i]}` },
      });
    }));
    try {
      for (const program of programs) await program.waitForOutput(/localhost:\d+\/metrics/);
      const targets = ports.map((port) => `127.0.0.1:${port}`);
      for (const target of targets) {
        for (let i = 0; i < 5; i++) await (await fetch(`http://${target}/`)).text();
      }
      await using prometheus = await startPrometheus(path!, targets);
      for (const target of targets) {
        const select = (name: string, labels = "") => `${name}{instance="${target}"${labels}}`;
        const scope = ',otel_scope_name="bakery",otel_scope_version="1.0.0"';
        const loaves = select("bakery_loaves_total", `,kind="rye",sliced="true"${scope}`);
        assert.equal(await prometheus.waitForValue(loaves, (value) => value === 5), 5);
        const one = async (query: string) => {
          const found = await prometheus.query(query);
          assert.equal(found.length, 1, query);
          return found[0]!.value;
        };
        const name = "bakery_bake_duration_seconds";
        assert.equal(await one(select(`${name}_count`, `,kind="rye"${scope}`)), 5);
        assert.equal(await one(`count(${select(`${name}_bucket`)})`), 5);
        assert.ok(await one(select("bakery_uptime_seconds")) > 0);
        assert.equal(await one(select("oven_temperature_celsius")), 220);
        assert.equal(await one(select("target_info", ',service_name="bakery"')), 1);
      }
      const health = await waitFor("three healthy targets", async () => {
        const found = await prometheus.targets();
        return found.every(({ health }) => health === "up") ? found : undefined;
      });
      assert.equal(health.length, 3);
    } finally {
      for (const program of programs) await program.stop();
    }
    for (const program of programs) assert.doesNotMatch(program.output(), /error/i);
  },
);
