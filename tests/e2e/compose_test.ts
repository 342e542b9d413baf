import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { posix } from "node:path";
import process from "node:process";
import { before, test } from "node:test";
import { parsePrometheusText } from "../../encoding/parse.ts";
import { ROOT, ROOT_URL } from "../support/paths.ts";
import { start, waitFor } from "../support/processes.ts";
import { testWithPrograms } from "../support/programs.ts";
import { runtimePath } from "../support/runtimes.ts";
import { readReadme } from "../support/readme.ts";
import { startRedis } from "../support/redis.ts";

const COMPOSE = new URL("examples/compose/", ROOT_URL);

/** The part of a compose file that the tests use. */
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}
interface Service {
  readonly image: string;
  readonly command?: string | readonly string[];
  readonly working_dir?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: readonly string[] | Readonly<Record<string, { condition: string }>>;
  readonly healthcheck?: unknown;
}
interface PrometheusConfig {
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly {
    readonly static_configs: readonly { readonly targets: readonly string[] }[];
  }[];
}
interface DataSources {
  readonly datasources: readonly { readonly type: string; readonly url: string }[];
}
interface Dashboards {
  readonly providers: readonly { readonly options: { readonly path: string } }[];
}

let bun: string;
let compose: Compose;

before(async () => {
  bun = await runtimePath("bun");
  compose = parse<Compose>("compose.yaml");
});

/** Parses a YAML file of the compose folder with Bun's built-in parser. */
function parse<T>(path: string): T {
  const code =
    "console.log(JSON.stringify(Bun.YAML.parse(await Bun.file(process.argv[1]).text())))";
  const file = new URL(path, COMPOSE).pathname;
  return JSON.parse(execFileSync(bun, ["-e", code, file], { encoding: "utf8" }));
}

/** Returns the mounts of a service that come from the checkout. */
function mountsOf({ volumes = [] }: Service): { source: string; target: string; mode: string }[] {
  return volumes.map((volume) => {
    const [source = "", target = "", mode = ""] = volume.split(":");
    return { source, target, mode };
  }).filter(({ source }) => source.startsWith("."));
}

/** Returns the file of the checkout that a service sees at a path. */
function fileAt(service: Service | undefined, path: string): URL | undefined {
  for (const { source, target } of service === undefined ? [] : mountsOf(service)) {
    const relative = posix.relative(target, path);
    if (relative.startsWith("..")) continue;
    return new URL(posix.join(source, relative), COMPOSE);
  }
  return undefined;
}

test("every image is pinned, and Deno's version is the one in README", () => {
  for (const { image } of Object.values(compose.services)) {
    assert.match(image, /^[\w/]+:v?\d+\.\d+\.\d+(?:-\w+)?$/);
  }
  const [, version] = /npx -y deno@([\d.]+) task demo/.exec(readReadme()) ?? [];
  assert.equal(compose.services["demo"]?.image, `denoland/deno:${version}`);
});

test("mounted files exist and are read-only", () => {
  const files = Object.values(compose.services).flatMap(mountsOf);
  assert.ok(files.length >= 6);
  for (const { source, mode } of files) {
    assert.ok(existsSync(new URL(source, COMPOSE)), source);
    assert.equal(mode, "ro", source);
  }
  const named = Object.values(compose.services).flatMap(({ volumes = [] }) => volumes)
    .map((volume) => volume.split(":")[0]!).filter((source) => !source.startsWith("."));
  assert.deepEqual([...new Set(named)], Object.keys(compose.volumes));
});

test("services depend on existing services, and only this machine can reach them", () => {
  const open: string[] = [];
  for (const { depends_on = [], ports = [] } of Object.values(compose.services)) {
    const needed = Array.isArray(depends_on) ? depends_on : Object.keys(depends_on);
    for (const name of needed) assert.ok(compose.services[name] !== undefined, name);
    for (
      const [name, { condition }] of Object.entries(Array.isArray(depends_on) ? {} : depends_on)
    ) {
      assert.equal(condition, "service_healthy");
      assert.ok(compose.services[name]?.healthcheck !== undefined, name);
    }
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:(\d+):\1$/);
    open.push(...ports);
  }
  assert.equal(new Set(open).size, open.length);
});

test("Prometheus and Grafana find their files", () => {
  const { demo, prometheus, grafana } = compose.services;
  const command = String(prometheus?.command).split(",");
  const config = command.find((option) => option.startsWith("--config.file="))?.split("=")[1];
  const file = fileAt(prometheus, config ?? "");
  assert.equal(file?.href, new URL("prometheus.yml", COMPOSE).href);
  const { rule_files, scrape_configs } = parse<PrometheusConfig>("prometheus.yml");
  const targets = scrape_configs.flatMap(({ static_configs }) =>
    static_configs.flatMap(({ targets }) => targets)
  );
  assert.deepEqual(targets, ["demo:8000"]);
  for (const path of rule_files) {
    const rules = fileAt(prometheus, posix.join(posix.dirname(config ?? ""), path));
    assert.equal(rules?.href, new URL(path, COMPOSE).href);
  }
  assert.deepEqual(demo?.ports, ["127.0.0.1:8000:8000"]);

  const folder = "grafana/provisioning";
  const [source] = parse<DataSources>(`${folder}/datasources/prometheus.yaml`).datasources;
  assert.equal(source?.type, "prometheus");
  assert.equal(source.url, "http://prometheus:9090");
  const [provider] = parse<Dashboards>(`${folder}/dashboards/narthex.yaml`).providers;
  const home = grafana?.environment?.["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] ?? "";
  assert.equal(posix.dirname(home), provider?.options.path);
  for (const path of [home, "/etc/grafana/provisioning/datasources/prometheus.yaml"]) {
    const found = fileAt(grafana, path);
    assert.ok(found !== undefined && existsSync(found), path);
  }
});

test("every YAML file in the folder is used", () => {
  const files = globSync("**/*.{yml,yaml}", { cwd: COMPOSE.pathname });
  assert.deepEqual(files.toSorted(), [
    "compose.yaml",
    "grafana/provisioning/dashboards/narthex.yaml",
    "grafana/provisioning/datasources/prometheus.yaml",
    "prometheus.yml",
    "rules.yml",
    "rules_test.yml",
  ]);
});

testWithPrograms(["promtool"], "promtool accepts prometheus.yml", (promtool) => {
  const file = new URL("prometheus.yml", COMPOSE).pathname;
  const output = execFileSync(promtool, ["check", "config", file], { encoding: "utf8" });
  assert.match(output, /SUCCESS/);
  return Promise.resolve();
});

testWithPrograms(
  ["redis-server"],
  "the two bakeries count together when started by their commands",
  async () => {
    await using redis = await startRedis();
    const { demo, branch } = compose.services;
    const bakeries = [demo, branch].map((service) => {
      const { command, environment, working_dir } = service!;
      assert.equal(fileAt(service, working_dir!)?.href, ROOT_URL.href);
      assert.deepEqual(environment, { REDIS_URL: "redis://redis:6379" });
      const [program, ...args] = String(command).replace("0.0.0.0", "127.0.0.1").split(" ");
      assert.equal(program, "deno");
      assert.ok(args.includes("--allow-all") && args.at(-2) === "--host");
      return start(process.execPath, [...args, "--port", "0", "--no-visitors"], {
        cwd: ROOT,
        env: { ...process.env, REDIS_URL: `redis://127.0.0.1:${redis.port}` },
      });
    });
    await using one = bakeries[0]!;
    await using two = bakeries[1]!;
    const urls = await Promise.all([one, two].map(async (bakery) => {
      const [, port] = await bakery.waitForOutput(/http:\/\/localhost:(\d+)\//);
      return `http://127.0.0.1:${port}`;
    }));
    for (const url of [...urls, ...urls]) await (await fetch(`${url}/bread`)).body?.cancel();
    for (const url of urls) {
      await waitFor("both to be counted", async () => {
        const text = await (await fetch(`${url}/metrics`)).text();
        const samples = parsePrometheusText(text).flatMap(({ samples }) => [...samples]);
        const bread = samples.filter(({ name, labels }) =>
          name === "bakery_http_requests_total" && labels["route"] === "/bread"
        );
        const heaps = samples.filter(({ name }) => name === "process_heap_bytes");
        // Metrics of a process are not shared.
        assert.equal(samples.filter(({ name }) => name === "process_open_fds").length, 1);
        return bread[0]?.value === 4 && heaps.length === 2 || undefined;
      });
    }
    assert.deepEqual(await Promise.all([one.stop(), two.stop()]), [0, 0]);
  },
);
