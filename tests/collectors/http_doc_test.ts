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
import { importFrom, readSnippets } from "../support/readme.ts";

type Handler = (request: Request, server?: object) => unknown;

let folder: string;
before(async () => folder = await mkdtemp(join(tmpdir(), "narthex-readme-")));
after(() => rm(folder, { recursive: true, force: true }));

/** Stands in the snippets for the servers of Deno and Bun. */
const global = globalThis as unknown as {
  serveInTest?: (given: Handler | { fetch: Handler }) => void;
};

const PACKAGES = ["hono", "hono/route", "@oakserver/oak"];

for (const { line, code } of readSnippets("docs/http.md")) {
  test(`the snippet in line ${line} of docs/http.md works`, async () => {
    const registry = new CollectorRegistry();
    REGISTRY.setRegistry(registry, { collectors: "leave" });
    let runnable = importFrom(ROOT_URL, code)
      .replaceAll(/\b(?:Deno|Bun)\.serve\(/g, "globalThis.serveInTest(");
    for (const name of PACKAGES) {
      if (!runnable.includes(`"${name}"`)) continue;
      runnable = runnable.replaceAll(`"${name}"`, JSON.stringify(import.meta.resolve(name)));
    }
    const path = join(folder, `line_${line}.mts`);
    await writeFile(path, runnable);
    let handler: Handler | undefined;
    global.serveInTest = (given) => handler = typeof given === "function" ? given : given.fetch;
    const module = await import(pathToFileURL(path).href) as { default?: { fetch: Handler } };
    handler ??= module.default?.fetch;
    delete global.serveInTest;
    if (handler === undefined) {
      assert.match(code, /instrumentFetch/);
      return;
    }
    const answer = await handler(new Request("http://localhost/users/7"), {}) as Response;
    assert.equal(await answer.text(), "Ada");
    const labels = {
      http_request_method: "GET",
      http_response_status_code: 200,
      http_route: "/users/:id",
    };
    const name = "http_server_request_duration_seconds_count";
    assert.equal(registry.getSampleValue(name, labels), 1);
  });
}

test("docs/http.md lists every metric with its type and labels", () => {
  const registry = new CollectorRegistry();
  instrument(() => undefined, { registry });
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
