import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { instrument, instrumentFetch } from "../../collectors/http.ts";
import { CollectorRegistry, REGISTRY } from "../../mod.ts";
import { ROOT_URL } from "../support/paths.ts";
import { readSamples, until } from "../support/http.ts";
import { importFrom, readSnippets } from "../support/readme.ts";

type Handler = (request: Request, server?: object) => unknown;

/** A handler of a snippet, or an object that has one. */
type Served = Handler | {
  fetch?: Handler;
  routes?: Record<string, { GET?: Handler }>;
};

/** An object with a `listen` method. */
interface Listening {
  listen(...args: unknown[]): unknown;
  close?(callback?: () => void): unknown;
  closeAllConnections?(): void;
  addresses?(): { port: number }[];
  address?(): { port: number };
}

let folder: string;
before(async () => folder = await mkdtemp(join(tmpdir(), "narthex-readme-")));
after(() => rm(folder, { recursive: true, force: true }));

/** Functions that replace servers in the snippets. */
const global = globalThis as unknown as {
  serveInTest?: (given: Served) => void;
  listenInTest?: (app: Listening) => Promise<void>;
};

const PACKAGES = [
  "hono",
  "hono/route",
  "@oakserver/oak",
  "@opentelemetry/api",
  "express",
  "fastify",
  "koa",
  "@koa/router",
  "elysia",
];

/** Sends a request to the server of a snippet, and returns the body. */
type Ask = (path: string) => Promise<string>;

/** Returns a function that calls a handler directly. */
function askHandler(served: Served): Ask {
  return async (path) => {
    const request = new Request(`http://localhost${path}`);
    const { fetch, routes } = typeof served === "function" ? { fetch: served } : served;
    const handler = path === "/users/7" ? routes?.["/users/:id"]?.GET ?? fetch : fetch;
    return await (await handler!(request, {}) as Response).text();
  };
}

for (const { line, code } of readSnippets("docs/http.md")) {
  const needsBun = code.includes('"elysia"') && !("Bun" in globalThis) && "Elysia runs on Bun";
  test(`the snippet in line ${line} of docs/http.md works`, { skip: needsBun }, async () => {
    const registry = new CollectorRegistry();
    REGISTRY.setRegistry(registry, { collectors: "leave" });
    let runnable = importFrom(ROOT_URL, code)
      .replaceAll(/\b(?:Deno|Bun)\.serve\(/g, "globalThis.serveInTest(")
      .replaceAll(/(\w+)\.listen\((?:8000|\{ port: 8000 \})\)/g, "globalThis.listenInTest($1)");
    for (const name of PACKAGES) {
      if (!runnable.includes(`"${name}"`)) continue;
      runnable = runnable.replaceAll(`"${name}"`, JSON.stringify(import.meta.resolve(name)));
    }
    const path = join(folder, `line_${line}.mts`);
    await writeFile(path, runnable);
    let ask: Ask | undefined;
    let stop: () => unknown = () => {};
    global.serveInTest = (given) => ask = askHandler(given);
    let listening: Promise<void> | undefined;
    global.listenInTest = (app) =>
      listening = listen(app).then((server) => {
        stop = server.stop;
        ask = async (path) => await (await fetch(`http://127.0.0.1:${server.port}${path}`)).text();
      });
    const module = await import(pathToFileURL(path).href) as { default?: Served };
    await listening;
    if (module.default !== undefined) ask ??= askHandler(module.default);
    delete global.serveInTest;
    delete global.listenInTest;
    if (ask === undefined) {
      assert.match(code, /instrumentFetch|endpointMetrics/);
      return;
    }
    try {
      assert.equal(await ask("/users/7"), "Ada");
      const count = () => durationsOf(registry).filter((route) => route === "/users/:id").length;
      await until(() => count() === 1);
      if (!code.includes('/metrics"')) return;
      if (!code.includes("routes:")) {
        assert.match(await ask("/metrics"), /^http_server_active_requests\{.*\} 0$/m);
      }
      assert.deepEqual(durationsOf(registry), ["/users/:id"], "the endpoint is ignored");
    } finally {
      await stop();
    }
  });
}

/** Lets an app listen on a free port of the loopback interface. */
async function listen(app: Listening): Promise<{ port: number; stop(): unknown }> {
  if (app.addresses !== undefined) {
    await app.listen({ port: 0, host: "127.0.0.1" });
    return { port: app.addresses()[0]!.port, stop: () => app.close!() };
  }
  const server = await new Promise<Listening>((resolve) => {
    const server = app.listen(0, "127.0.0.1", () => resolve(server)) as Listening;
  });
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close!(() => resolve());
      server.closeAllConnections!();
    });
  return { port: server.address!().port, stop };
}

/** Returns the routes of all durations. */
function durationsOf(registry: CollectorRegistry): string[] {
  return Object.keys(readSamples(registry)).flatMap((series) =>
    /^server_request_duration_seconds_count\{.*route="(.*?)"/.exec(series)?.[1] ?? []
  );
}

test("every row in the table of docs/http.md appears in a snippet or an example", () => {
  const text = readFileSync(new URL("docs/http.md", ROOT_URL), "utf8");
  const rows = [
    ...text.matchAll(/^\| [^|]+ \| `(\/\w+)` +\| `([^|]+)` +\| .*\((\.\.[\w./]+)\).*\|$/gm),
  ];
  assert.equal(rows.length, 13);
  const code = readSnippets("docs/http.md").map((snippet) => snippet.code);
  for (const [row, entry = "", line = "", example = ""] of rows) {
    const call = line.match(/\w+\(\w+|\w+ default \w+/)![0].replace(/\(\w+$/, "(");
    const has = (text: string) =>
      text.includes(`@narthex/prometheus${entry}`) && text.includes(call);
    assert.ok(code.some(has) || call === "createSecureServer(", row);
    assert.ok(readFileSync(new URL(example, new URL("docs/", ROOT_URL)), "utf8").length > 0);
  }
});

test("docs/http.md lists every metric with its type and labels", () => {
  const registry = new CollectorRegistry();
  instrument(() => undefined, { registry, bodies: true });
  instrumentFetch(fetch, { registry });
  const families = [...registry.collect()].map(({ name, type, labelNames }) =>
    `| ${name} | ${type} | ${labelNames!.join(", ")} |`
  );
  const text = readFileSync(new URL("docs/http.md", ROOT_URL), "utf8");
  const rows = [...text.matchAll(/^\| `http_(?:server|client)_.*$/gm)].map(([row]) =>
    row.replaceAll("`", "").replaceAll(/ +/g, " ")
  );
  assert.deepEqual(rows, families);
});
