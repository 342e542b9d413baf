import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, mock, test } from "node:test";
import { pathToFileURL } from "node:url";
import { CollectorRegistry, generateMetricsAsync, REGISTRY } from "../mod.ts";
import { ROOT_URL } from "./support/paths.ts";
import { importFrom, readReadme, readSnippets } from "./support/readme.ts";

const [example, ...tour] = readSnippets();
let folder: string;

before(async () => folder = await mkdtemp(join(tmpdir(), "narthex-readme-")));
after(() => rm(folder, { recursive: true, force: true }));

/** An exported service of a snippet. */
interface Service {
  fetch(request: Request, ...rest: unknown[]): Promise<Response>;
}

/** Returns `code` with the paths of this project's packages instead of their names. */
function importPackages(code: string): string {
  const { devDependencies } = JSON.parse(readFileSync(new URL("package.json", ROOT_URL), "utf8"));
  const names = Object.keys(devDependencies).filter((name) => code.includes(`from "${name}"`));
  return names.reduce(
    (text, name) => text.replaceAll(`from "${name}"`, `from "${import.meta.resolve(name)}"`),
    code,
  );
}

/**
 * Runs `code` as a module with an empty default registry. Its requests get an empty answer.
 * tests/e2e/ uses real servers.
 */
async function runSnippet(name: string, code: string): Promise<{ default?: unknown }> {
  REGISTRY.setRegistry(new CollectorRegistry(), { collectors: "leave" });
  const path = join(folder, `${name}.mts`);
  await writeFile(path, importPackages(importFrom(ROOT_URL, code)));
  mock.method(globalThis, "fetch", () => Promise.resolve(new Response("")));
  try {
    return await import(pathToFileURL(path).href);
  } finally {
    mock.restoreAll();
  }
}

test("the first screen of README has the table, instrument and metricsHandler", () => {
  const lines = readReadme().split("\n");
  assert.ok(lines.length <= 400);
  const screen = lines.slice(0, 60).join("\n");
  for (const text of ["`npm install ", "`deno add jsr:", "`bun add ", "metricsHandler()"]) {
    assert.ok(screen.includes(text), text);
  }
  assert.match(screen, /instrument\(/);
});

test("the first twelve lines of README measure a service and serve its metrics", async () => {
  assert.ok(example !== undefined);
  assert.equal(example.code.trimEnd().split("\n").length, 12);
  const { fetch } = (await runSnippet("example", example.code)).default as Service;
  assert.equal(await (await fetch(new Request("http://localhost/orders"))).text(), "Baked.\n");
  const response = await fetch(new Request("http://localhost/metrics"));
  assert.equal(response.status, 200);
  const lines = (await response.text()).split("\n");
  const [, shown = ""] = readReadme().match(/^```text\n(.*?)^```/ms) ?? [];
  const expected = shown.trimEnd().split("\n");
  assert.equal(expected.length, 2);
  for (const line of expected) assert.ok(lines.includes(line), line);
});

test("README's Worker sends its metrics after each request", async () => {
  const worker = tour.find(({ code }) => code.includes("waitUntil"));
  assert.ok(worker !== undefined);
  const { fetch: answer } = (await runSnippet("worker", worker.code)).default as Service;
  const sent: string[] = [];
  const fetchMock = mock.method(globalThis, "fetch", (input: string | URL | Request) => {
    sent.push(input instanceof Request ? input.url : `${input}`);
    return Promise.resolve(new Response(null, { status: 204 }));
  });
  try {
    const pending: Promise<unknown>[] = [];
    const context = { waitUntil: (promise: Promise<unknown>) => pending.push(promise) };
    const env = { REMOTE_WRITE_URL: "http://localhost:9090/api/v1/write" };
    const response = await answer(new Request("http://localhost/"), env, context);
    assert.equal(await response.text(), "Baked.\n");
    assert.equal(pending.length, 1);
    await pending[0];
    assert.deepEqual(sent, [env.REMOTE_WRITE_URL]);
  } finally {
    fetchMock.mock.restore();
  }
});

/** The test files that run the snippets of the other pages. */
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

test("the listed test files run the snippets of their pages", () => {
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

test("the JavaScript of README also appears in pages whose snippets are tested elsewhere", () => {
  const blocks = [...readReadme().matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code);
  assert.equal(blocks.length, 3);
  const elsewhere = Object.keys(ELSEWHERE).flatMap((page) => readSnippets(page))
    .map(({ code }) => code);
  for (const block of blocks) assert.ok(elsewhere.includes(block!), block);
});

test("README shows the features that prevent a silent loss of numbers", () => {
  const names = [
    "find(",
    "onCollect",
    "onDuplicate",
    '"merge"',
    "setConstLabels",
    "lastErrors",
    "generateOpenMetricsAsync",
    "generateProtobufAsync",
    "compareMetrics",
    "formats:",
    "onError",
    "trace_id",
  ];
  for (const name of names) assert.ok(readReadme().includes(name), name);
});

test("every link between pages leads to an existing file and heading", () => {
  for (const page of ["README.md", ...pages]) {
    // A regular expression in code can look like a link.
    const text = readFileSync(new URL(page, ROOT_URL), "utf8").replaceAll(/`[^`\n]*`/g, "");
    for (const [, target = ""] of text.matchAll(/\]\((?!\w+:)([^)\s]*)\)/g)) {
      const [path = "", anchor] = target.split("#");
      const url = path === "" ? new URL(page, ROOT_URL) : new URL(path, new URL(page, ROOT_URL));
      assert.ok(existsSync(url), `${page}: ${target}`);
      if (anchor === undefined) continue;
      const headings = [...readFileSync(url, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
        heading!.toLowerCase().replaceAll(/[^\w\s-]/g, "").replaceAll(" ", "-")
      );
      assert.ok(headings.includes(anchor), `${page}: ${target}`);
    }
  }
});
