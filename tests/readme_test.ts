import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, mock, test } from "node:test";
import { pathToFileURL } from "node:url";
import { CollectorRegistry, generateMetricsAsync, REGISTRY } from "../mod.ts";
import { ROOT_URL } from "./support/paths.ts";
import { importFrom, readReadme, readSnippets } from "./support/readme.ts";

const [example, ...tour] = readSnippets();
const isDeno = "Deno" in globalThis;
let folder: string;

before(async () => folder = await mkdtemp(join(tmpdir(), "narthex-readme-")));
after(() => rm(folder, { recursive: true, force: true }));

/**
 * Runs `code` as a module of its own, with an empty default registry. What it sends to others gets
 * an answer; tests/e2e/ has the real ones.
 */
async function runSnippet(name: string, code: string): Promise<void> {
  REGISTRY.setRegistry(new CollectorRegistry(), { collectors: "leave" });
  const path = join(folder, `${name}.mts`);
  await writeFile(path, importFrom(ROOT_URL, code));
  mock.method(globalThis, "fetch", () => Promise.resolve(new Response("")));
  try {
    await import(pathToFileURL(path).href);
  } finally {
    mock.restoreAll();
  }
}

test("the first ten lines of README work", async () => {
  assert.ok(example !== undefined);
  assert.equal(example.code.trimEnd().split("\n").length, 10);
  // A stand-in for `Deno.serve()`; tests/deno/ runs the example as a program.
  let handler: ((request: Request) => Response) | undefined;
  const serve = (given: (request: Request) => Response) => handler = given;
  const target = isDeno ? (globalThis as unknown as { Deno: object }).Deno : {};
  const original = Object.getOwnPropertyDescriptor(target, "serve");
  Object.defineProperty(target, "serve", { value: serve, configurable: true, writable: true });
  if (!isDeno) Object.defineProperty(globalThis, "Deno", { value: target, configurable: true });
  try {
    await runSnippet("example", example.code);
  } finally {
    if (original !== undefined) Object.defineProperty(target, "serve", original);
    if (!isDeno) Reflect.deleteProperty(globalThis, "Deno");
  }
  assert.ok(handler !== undefined);
  assert.equal(await handler(new Request("http://localhost/")).text(), "hello");
  assert.equal(await handler(new Request("http://localhost/elsewhere")).text(), "hello");
  const response = handler(new Request("http://localhost/metrics"));
  assert.equal(response.status, 200);
  assert.equal(
    await response.text(),
    `# HELP http_requests_total Requests served.
# TYPE http_requests_total counter
http_requests_total{route="/",status="200"} 2
`,
  );
});

/** Where the snippets of the other pages are run. */
const ELSEWHERE: Record<string, string> = {
  "docs/http.md": "collectors/http_doc_test.ts",
  "docs/multiprocess.md": "e2e/sqlite_test.ts, e2e/workers_test.ts, multiprocess/redis_test.ts",
};
const pages = readdirSync(new URL("docs/", ROOT_URL)).filter((name) => name.endsWith(".md"))
  .map((name) => `docs/${name}`);
const snippets = [
  ...tour.map((snippet) => ({ ...snippet, page: "README.md" })),
  ...pages.filter((page) => !(page in ELSEWHERE))
    .flatMap((page) => readSnippets(page).map((snippet) => ({ ...snippet, page }))),
];

for (const { page, line, code, exposed } of snippets) {
  test(`the snippet in line ${line} of ${page} works`, async () => {
    await runSnippet(`${page.replaceAll(/\W/g, "_")}_${line}`, code);
    if (exposed === undefined) return;
    const exposition = await generateMetricsAsync(REGISTRY);
    assert.ok(exposition.includes(exposed), `${exposition}\ndoes not have\n${exposed}`);
  });
}

test("the pages whose snippets are run elsewhere are named", () => {
  for (const [page, files] of Object.entries(ELSEWHERE)) {
    assert.ok(readSnippets(page).length > 0, page);
    for (const file of files.split(", ")) {
      const test = readFileSync(new URL(`tests/${file}`, ROOT_URL), "utf8");
      assert.ok(test.includes(page), file);
    }
  }
});

test("README has the two commands for a fresh machine", () => {
  const commands = readReadme().match(/^npx -y deno@\d+\.\d+\.\d+ task (demo|test)\b/gm) ?? [];
  const [demo, all] = commands;
  assert.equal(commands.length, 2);
  assert.equal(demo?.replace("demo", ""), all?.replace("test", ""));
});

test("the example of many processes is the one of docs/multiprocess.md, which tests/e2e runs", () => {
  const docs = readFileSync(new URL("docs/multiprocess.md", ROOT_URL), "utf8");
  const [, code = ""] = docs.match(/```ts\n(.*?)```/s) ?? [];
  assert.match(code, /sqliteBackend/);
  assert.ok(readReadme().includes(`\`\`\`js\n${code}`));
});
