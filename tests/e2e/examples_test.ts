import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { parseOpenMetrics, parsePrometheusText } from "../../encoding/parse.ts";
import type { MetricFamily, Sample } from "../../model.ts";
import { RUNTIMES } from "../support/demo.ts";
import { startNodeExporter } from "../support/node_exporter.ts";
import { ROOT, ROOT_URL } from "../support/paths.ts";
import { freePort, type RunningProgram, start, waitFor } from "../support/processes.ts";
import { testWithPrograms } from "../support/programs.ts";
import { runtimePath } from "../support/runtimes.ts";
import { startPushgateway } from "../support/pushgateway.ts";

const EXAMPLES = new URL("examples/", ROOT_URL);
const readme = readFileSync(new URL("README.md", EXAMPLES), "utf8");

/** The commands of each example in the list of examples/README.md. */
const commands = new Map(
  readme.split(/^- /m).flatMap((item): [string, string[]][] => {
    const [, file] = /^\[([\w./]+)\]\(/.exec(item) ?? [];
    if (file === undefined) return [];
    return [[file, [...item.matchAll(/^ {2}- `(.+)`$/gm)].map(([, command = ""]) => command)]];
  }),
);

/** A folder with the runtimes, under the names that the commands use. */
let programs: string;

before(async () => {
  programs = await mkdtemp(join(tmpdir(), "narthex-examples-"));
  for (const name of RUNTIMES) await symlink(await runtimePath(name), join(programs, name));
});
after(() => rm(programs, { recursive: true }));

/** Starts a command like a shell does, so that it has only the permissions that it names. */
function startCommand(command: string, env: Record<string, string> = {}): RunningProgram {
  // The shell is replaced by the program, so the program receives the signals.
  const line = command.replace(/^((?:\w+=\S* )*)/, "$1exec ");
  const path = `${programs}${delimiter}${process.env["PATH"]}`;
  return start("/bin/sh", ["-c", line], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1", ...env, PATH: path },
  });
}

/** A scrape, parsed by the library. */
class Scrape {
  readonly families: readonly MetricFamily[];
  readonly #samples: readonly Sample[];

  constructor(families: readonly MetricFamily[]) {
    this.families = families;
    this.#samples = families.flatMap((family) => [...family.samples]);
  }

  /** Returns the samples of a name with at least these labels. */
  select(name: string, labels: Record<string, string> = {}): Sample[] {
    return this.#samples.filter((sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
    );
  }

  /** Returns the value of the only sample of this kind. */
  value(name: string, labels: Record<string, string> = {}): number | undefined {
    const samples = this.select(name, labels);
    assert.ok(samples.length <= 1, `${name} ${JSON.stringify(samples)}`);
    return samples[0]?.value;
  }
}

/** A running example. */
interface Service {
  /** Requests a page, and returns its status. */
  visit(path: string, headers?: HeadersInit): Promise<number>;
  scrape(): Promise<Scrape>;
  scrapeOpenMetrics(): Promise<Scrape>;
}

/** Starts a command on a free port, runs a function, and stops the command by SIGTERM. */
async function serveBy(
  command: string,
  run: (service: Service) => Promise<void>,
): Promise<number | string | null> {
  const port = await freePort();
  const isDenoServe = / ?deno serve /.test(command);
  await using program = startCommand(
    // `deno serve` takes its port as an option, and the others take it from the environment.
    command.replace("deno serve ", `deno serve --host 127.0.0.1 --port ${port} `),
    {
      PORT: `${port}`,
      ...(isDenoServe ? {} : { DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}` }),
    },
  );
  const url = `http://127.0.0.1:${port}`;
  // An open connection would belong to one isolate, and would delay the end of the server.
  const get = (path: string, headers?: HeadersInit) =>
    fetch(`${url}${path}`, { headers: { ...headers, connection: "close" } });
  const scrape = async (accept: string): Promise<string> => {
    const response = await get("/metrics", { accept });
    assert.equal(response.status, 200);
    return await response.text();
  };
  const over = program.ended().then((code) => {
    throw new Error(`Cannot ask "${command}", it ended with ${code}: ${program.output()}`);
  });
  over.catch(() => {});
  const ready = waitFor(`${command}: ${program.output()}`, async () => {
    const response = await get("/").catch(() => undefined);
    await response?.body?.cancel();
    return response;
  });
  await Promise.race([over, ready]);
  await run({
    visit: async (path, headers) => {
      const response = await get(path, headers);
      await response.body?.cancel();
      return response.status;
    },
    scrape: async () => new Scrape(parsePrometheusText(await scrape("text/plain"))),
    scrapeOpenMetrics: async () =>
      new Scrape(parseOpenMetrics(await scrape("application/openmetrics-text"))),
  });
  await program.stop("SIGTERM");
  assert.doesNotMatch(program.output(), /error|uncaught|exception/i);
  return await program.ended();
}

/** Asserts the routes of a server. */
async function tryService(service: Service, elsewhere: string): Promise<Scrape> {
  const before = (await service.scrape()).value("http_server_request_duration_seconds_count", {
    http_response_status_code: "404",
  }) ?? 0;
  for (const user of ["7", "8", "9"]) assert.equal(await service.visit(`/users/${user}`), 200);
  assert.equal(await service.visit("/nowhere"), 404);
  const scrape = await service.scrape();
  const count = (route: string, status: string) =>
    scrape.value("http_server_request_duration_seconds_count", {
      http_request_method: "GET",
      http_route: route,
      http_response_status_code: status,
    });
  assert.equal(count("/users/:id", "200"), 3);
  assert.equal(count(elsewhere, "404"), before + 1);
  const routes = scrape.select("http_server_request_duration_seconds_count")
    .map(({ labels }) => labels["http_route"]);
  assert.deepEqual(routes.toSorted(), ["/users/:id", elsewhere].toSorted(), "no /metrics");
  assert.equal(scrape.value("runtime_info"), 1);
  assert.ok(scrape.value("process_resident_memory_bytes")! > 1e6);
  return scrape;
}

/** The checks of each example that serves. */
const SERVICES: Record<string, (service: Service) => Promise<void>> = {
  async "demo.ts"(service) {
    assert.equal(await service.visit("/bread"), 200);
    const scrape = await service.scrape();
    const types = new Set((await service.scrapeOpenMetrics()).families.map(({ type }) => type));
    const expected = ["counter", "gauge", "histogram", "info", "stateset", "summary"];
    assert.deepEqual([...types].sort(), expected);
    assert.ok(scrape.value("bakery_http_requests_total", { route: "/bread" })! > 0);
    assert.equal(scrape.value("runtime_info"), 1);
    const labels = { http_route: "/bread" };
    assert.ok(scrape.value("http_server_request_duration_seconds_count", labels)! > 0);
  },
  async "deno_serve.ts"(service) {
    assert.equal((await tryService(service, "")).value("greetings_total"), 3);
  },
  async "bun_serve.ts"(service) {
    assert.equal((await tryService(service, "")).value("greetings_total"), 3);
  },
  async "node_http.ts"(service) {
    await tryService(service, "");
  },
  ...Object.fromEntries(
    ["express.ts", "fastify.ts", "koa.ts", "nest.ts", "hono.ts", "elysia.ts", "oak.ts"].map((
      file,
    ) => [file, async (service: Service) => void await tryService(service, "")]),
  ),
  async "async_collector.ts"(service) {
    for (const isInTime of [true, true, true, false, true]) {
      const scrape = await service.scrape();
      assert.equal(scrape.value("warehouse_up"), isInTime ? 1 : 0);
      const stock = scrape.value("warehouse_stock_items", { item: "candles" });
      assert.equal(stock, isInTime ? 7 : undefined);
    }
  },
  async "exemplars.ts"(service) {
    const id = "4bf92f3577b34da6a3ce929d0e0e4736";
    const traceparent = `00-${id}-00f067aa0ba902b7-01`;
    assert.equal(await service.visit("/", { traceparent }), 200);
    const scrape = await service.scrapeOpenMetrics();
    for (const name of ["loaves_total", "http_server_request_duration_seconds_bucket"]) {
      const ids = scrape.select(name).map(({ exemplar }) => exemplar?.labels["trace_id"]);
      assert.ok(ids.includes(id), `${name} has ${ids}`);
    }
    // An invalid trace is not used.
    assert.equal(await service.visit("/", { traceparent: `00-${"0".repeat(32)}-0-01` }), 200);
    const [loaves] = (await service.scrapeOpenMetrics()).select("loaves_total");
    assert.match(loaves?.exemplar?.labels["trace_id"] ?? "", /^(?!0{32})[0-9a-f]{32}$/);
    assert.match(loaves?.exemplar?.labels["span_id"] ?? "", /^[0-9a-f]{16}$/);
  },
  async "opentelemetry.ts"(service) {
    for (let i = 0; i < 3; i++) assert.equal(await service.visit("/"), 200);
    const scrape = await service.scrape();
    assert.ok(scrape.value("bakery_loaves_total", { kind: "rye", sliced: "true" })! >= 3);
    assert.equal(scrape.value("oven_temperature_celsius"), 220);
    assert.equal(scrape.value("target_info", { service_name: "bakery" }), 1);
  },
  async "multiprocess_workers.ts"(service) {
    await waitFor(
      "four isolates",
      async () => (await service.scrape()).value("isolates") === 4 || undefined,
    );
    const before = (await service.scrape()).value("requests_total") ?? 0;
    for (let i = 0; i < 20; i++) assert.equal(await service.visit("/"), 200);
    await waitFor("the same total, whichever isolate is asked", async () => {
      const totals = await Promise.all(Array.from({ length: 8 }, () => service.scrape()));
      const isTotal = (scrape: Scrape) => scrape.value("requests_total") === before + 20;
      return totals.every(isTotal) || undefined;
    });
  },
};

/** Examples that run to their end, with the programs that they need. */
const PROGRAMS: Record<string, {
  needs: readonly string[];
  run(command: string, ...paths: string[]): Promise<void>;
}> = {
  "batch_job.ts": {
    needs: ["prometheus-pushgateway"],
    async run(command, path) {
      await using gateway = await startPushgateway(path);
      await using program = startCommand(command, { PUSHGATEWAY_URL: gateway.url });
      assert.equal(await program.ended(), 0, program.output());
      const labels = 'folder="docs",instance="",job="duplicates"';
      const series = await gateway.series("duplicates");
      assert.ok(series.includes(`duplicates_files_found{${labels}} 0`), series.join("\n"));
    },
  },
  "textfile.ts": {
    needs: ["prometheus-node-exporter"],
    async run(command, path) {
      const folder = await mkdtemp(join(tmpdir(), "narthex-textfile-"));
      try {
        await using program = startCommand(command, { TEXTFILE_DIRECTORY: folder });
        assert.equal(await program.ended(), 0, program.output());
        await using exporter = await startNodeExporter(path, folder);
        const text = await exporter.scrape();
        assert.match(text, /^folder_files\{folder="\."\} [1-9]/m);
        assert.match(text, /^folder_size_bytes\{folder="\."\} [1-9]/m);
        assert.match(text, /^node_textfile_scrape_error 0$/m);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  },
  "multiprocess_sqlite.ts": { needs: [], run: tryPair },
  "multiprocess_redis.ts": { needs: ["redis-server"], run: tryPair },
};

/** Checks two processes that each expose the metrics of both. */
async function tryPair(command: string): Promise<void> {
  await using program = startCommand(command);
  assert.equal(await program.ended(), 0, program.output());
  const [, ...answers] = program.output().split(/^# (?:one|two) answers:$/m);
  assert.equal(answers.length, 2);
  for (const text of answers) {
    const scrape = new Scrape(parsePrometheusText(text.trimStart()));
    assert.equal(scrape.value("jobs_total", { queue: "mail" }), 1000);
    assert.equal(scrape.value("jobs_total", { queue: "images" }), 1000);
    assert.equal(scrape.select("memory_bytes").length, 2);
  }
}

test("every example is in the list of examples/README.md, and its doc has the same commands", () => {
  const files = readdirSync(EXAMPLES).filter((file) => file.endsWith(".ts"));
  const served = files.filter((file) => file !== "serve.ts");
  const listed = [...commands.keys()].filter((file) => !file.endsWith("/"));
  assert.deepEqual(listed.toSorted(), served.toSorted());
  for (const file of served) {
    const text = readFileSync(new URL(file, EXAMPLES), "utf8");
    const [doc = ""] = text.split("@module");
    const inDoc = [...doc.matchAll(/^ \* - `(.*)`$/gm)].map(([, command]) => command);
    assert.deepEqual(inDoc, commands.get(file), file);
  }
});

test("every example is tested", () => {
  const tried = [...Object.keys(SERVICES), ...Object.keys(PROGRAMS)];
  const listed = [...commands.keys()].filter((file) => !file.endsWith("/"));
  assert.deepEqual(tried.toSorted(), listed.toSorted());
});

/** Runs all commands of an example at the same time, because they mostly wait. */
async function tryAll(file: string, run: (command: string) => Promise<void>): Promise<void> {
  const all = commands.get(file) ?? [];
  assert.ok(all.length > 0);
  await Promise.all(all.map(async (command) => {
    try {
      await run(command);
    } catch (cause) {
      throw new Error(`Cannot succeed with "${command}": ${cause}`, { cause });
    }
  }));
}

for (const [file, run] of Object.entries(SERVICES)) {
  test(`${file} serves its metrics with each command, and stops on a signal`, () =>
    tryAll(file, async (command) => {
      const code = await serveBy(command, run);
      // If a module only exports a handler, Bun leaves the signal to the system.
      const expected = command === "bun examples/hono.ts" ? "SIGTERM" : 0;
      assert.equal(code, expected);
    }));
}

for (const [file, { needs, run }] of Object.entries(PROGRAMS)) {
  testWithPrograms(
    needs,
    `${file} works with each command`,
    (...paths) => tryAll(file, (command) => run(command, ...paths)),
  );
}
