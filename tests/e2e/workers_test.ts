import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { RUNTIMES, seriesValue } from "../support/demo.ts";
import { loadPage } from "../support/parallel_page.ts";
import { ROOT, ROOT_URL } from "../support/paths.ts";
import { freePort, start, waitFor } from "../support/processes.ts";
import { runtimePath } from "../support/runtimes.ts";
import { importFrom } from "../support/readme.ts";

/** Starts `deno serve --parallel`, and waits until all isolates have found each other. */
async function serveParallel(isolates: number) {
  const port = await freePort();
  const file = join(ROOT, "tests/support/parallel_server.ts");
  // Without any permission: `deno serve` itself allows to listen.
  const args = ["serve", "--parallel", "--no-check", "--host", "127.0.0.1", "--port", String(port)];
  const program = start(process.execPath, [...args, file], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1", DENO_JOBS: String(isolates) },
  });
  const url = `http://127.0.0.1:${port}`;
  const complete = new Set<string>();
  await waitFor(`${isolates} isolates`, async () => {
    const scrapes = Array.from({ length: isolates }, () => loadPage(`${url}/metrics`));
    for (const scrape of await Promise.allSettled(scrapes)) {
      if (scrape.status === "rejected") continue;
      const { text, isolate } = scrape.value;
      if (new RegExp(`^isolates ${isolates}$`, "m").test(text)) complete.add(isolate);
    }
    return complete.size === isolates || undefined;
  });
  return { program, url, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

/** How many peers are in a state. */
function peersOf(text: string, state: string): number {
  return seriesValue(text, `narthex_backend_peers{state="${state}"}`);
}

/** Scrapes until an isolate shows that another one is blocked, then unblocks all. Returns the texts. */
async function whileBlocked(url: string, blocking: Promise<unknown>): Promise<string[]> {
  const texts: string[] = [];
  // A connection that a blocked isolate has accepted waits for it. Others are answered.
  const pages: Promise<unknown>[] = [];
  await waitFor("a scrape that sees a blocked isolate", async () => {
    pages.push(loadPage(`${url}/metrics`).then(({ text }) => texts.push(text)));
    await sleep(20);
    return texts.some((text) => peersOf(text, "blocked") > 0) || undefined;
  });
  const seen = texts.slice();
  let isBlocked = true;
  const unblocked = blocking.then(() => isBlocked = false);
  await waitFor("no blocked isolate", async () => {
    pages.push(loadPage(`${url}/unblock`));
    await sleep(20);
    return !isBlocked || undefined;
  });
  await Promise.all([unblocked, ...pages]);
  return seen;
}

for (const isolates of [2, 4]) {
  test(`deno serve --parallel with ${isolates} isolates: any of them has the total, which never falls`, async () => {
    await using server = await serveParallel(isolates);
    const { url } = server;
    const [counted, asked] = [new Set<string>(), new Set<string>()];
    const series = ['requests_total{path="/a"}', "size_count", "size_sum", 'size_bucket{le="2"}'];
    let running = true;
    let sent = 0;
    const send = async (): Promise<void> => {
      for (let i = 0; i < 150; i++) {
        sent++;
        counted.add((await loadPage(`${url}/a`)).isolate);
      }
    };
    const last = new Map<string, number>();
    let scrapes = 0;
    const scrape = async (): Promise<void> => {
      while (running) {
        const { text, isolate } = await loadPage(`${url}/metrics`);
        asked.add(isolate);
        scrapes++;
        assert.match(text, /^narthex_backend_up 1$/m);
        // On a slow machine, any of them may be taken for blocked.
        assert.equal(peersOf(text, "answering") + peersOf(text, "blocked"), isolates - 1);
        if (!text.includes(series[0]!)) continue;
        for (const name of series) {
          const value = seriesValue(text, name);
          assert.ok(value >= (last.get(name) ?? 0), `${name} fell: ${last.get(name)}, ${value}`);
          last.set(name, value);
        }
      }
    };
    const scraping = scrape();
    await Promise.all([send(), send(), send(), send()]);
    await waitFor("all requests in the total", async () => {
      const { text } = await loadPage(`${url}/metrics`);
      return text.includes(`${series[0]} ${sent}\n`) || undefined;
    });
    running = false;
    await scraping;
    for (let i = 0; i < 20; i++) {
      const { text } = await loadPage(`${url}/metrics`);
      assert.equal(seriesValue(text, series[0]!), sent);
      assert.equal(seriesValue(text, "size_count"), sent);
    }
    assert.ok(scrapes > 0);
    assert.ok(counted.size > 1 && asked.size > 0, `${counted.size}, ${asked.size}`);
  });
}

test("deno serve --parallel: a blocked isolate holds up no scrape of another one, and keeps its numbers", async () => {
  await using server = await serveParallel(2);
  const { url } = server;
  for (let i = 0; i < 31; i++) await loadPage(`${url}/a`);
  const total = 'requests_total{path="/a"}';
  await waitFor("all requests in the total", async () => {
    return (await loadPage(`${url}/metrics`)).text.includes(`${total} 31\n`) || undefined;
  });
  const texts = await whileBlocked(url, loadPage(`${url}/block`));
  for (const text of texts) {
    assert.equal(seriesValue(text, total), 31);
    assert.match(text, /^narthex_backend_up 1$/m);
  }
  await waitFor("no blocked isolate", async () => {
    return peersOf((await loadPage(`${url}/metrics`)).text, "blocked") === 0 || undefined;
  });
});

test("deno serve --parallel with 16 isolates, some of which are blocked for a while", async () => {
  await using server = await serveParallel(16);
  const { url } = server;
  const sent = 200;
  const blocking = Array.from({ length: 5 }, () => loadPage(`${url}/block`));
  const sending = Array.from({ length: sent }, () => loadPage(`${url}/a`));
  await whileBlocked(url, Promise.all(blocking));
  await Promise.all(sending);
  const total = 'requests_total{path="/a"}';
  await waitFor("all requests in the total", async () => {
    return (await loadPage(`${url}/metrics`)).text.includes(`${total} ${sent}\n`) || undefined;
  });
  for (let i = 0; i < 20; i++) {
    assert.equal(seriesValue((await loadPage(`${url}/metrics`)).text, total), sent);
  }
});

test("deno serve --parallel: SIGTERM ends it", async () => {
  const { program } = await serveParallel(2);
  await program.stop("SIGTERM");
  // What does not end by itself is killed.
  assert.notEqual(await program.ended(), "SIGKILL");
});

/** Programs that are written for one test. */
async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "narthex-workers-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const PROGRAM = `import { Counter, generateMetricsAsync } from "@narthex/prometheus";
import { loadBackend } from "@narthex/prometheus/multiprocess";
import { workersBackend } from "@narthex/prometheus/workers";
new Counter("a_total", "A.").inc();
await loadBackend(workersBackend(), { intervalMs: 10 });
console.log(await generateMetricsAsync());
`;

for (const runtime of RUNTIMES) {
  const permissions = runtime === "deno" ? ["run", "--no-check", "--no-config"] : [];

  test(`an open backend keeps no program alive on ${runtime}`, () =>
    inFolder(async (folder) => {
      const code = `${PROGRAM}console.log("end of the program");\n`;
      await writeFile(join(folder, "main.ts"), importFrom(ROOT_URL, code));
      const output = execFileSync(await runtimePath(runtime), [...permissions, "main.ts"], {
        cwd: folder,
        timeout: 240_000,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      assert.match(output, /^a_total 1$.*end of the program/ms);
    }));

  test(`SIGTERM ends a program with an open backend at once on ${runtime}`, () =>
    inFolder(async (folder) => {
      const code = `${PROGRAM}setInterval(() => {}, 1000);\nconsole.log("it runs");\n`;
      await writeFile(join(folder, "main.ts"), importFrom(ROOT_URL, code));
      await using program = start(await runtimePath(runtime), [...permissions, "main.ts"], {
        cwd: folder,
      });
      await program.waitForOutput(/it runs/);
      await program.stop("SIGTERM");
      // What does not end by itself is killed.
      assert.notEqual(await program.ended(), "SIGKILL");
    }));

  test(`the example of the docs works with workers, across two modules, on ${runtime}`, () =>
    inFolder(async (folder) => {
      const docs = await readFile(new URL("docs/multiprocess.md", ROOT_URL), "utf8");
      const [example = ""] =
        /^import [^`]*await loadBackend\(workersBackend\(\)\)[^`]*/m.exec(docs) ?? [];
      assert.match(example, /Deno\.serve\(metricsHandler\(\)\)/);
      const serve = new URL("examples/serve.ts", ROOT_URL).href;
      await writeFile(
        join(folder, "serving.ts"),
        `import { isMainThread } from "node:worker_threads";
import { serve } from ${JSON.stringify(serve)};
// Each isolate has a port of its own, on whatever runtime.
const say = (port) => console.log(\`\${isMainThread ? "main" : "worker"} http://127.0.0.1:\${port}/\`);
if ("Deno" in globalThis) {
  const { serve: serveOnDeno } = Deno;
  const value = (handler) => {
    const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
    say(serveOnDeno(options, handler).addr.port);
  };
  Object.defineProperty(Deno, "serve", { value });
} else {
  globalThis.Deno = {
    serve: async (handler) => {
      // It would be taken for the real one.
      delete globalThis.Deno;
      say((await serve(handler, 0)).port);
    },
  };
}
`,
      );
      await writeFile(
        join(folder, "visits.ts"),
        importFrom(
          ROOT_URL,
          `import { Counter } from "@narthex/prometheus";
import { isMainThread, Worker } from "node:worker_threads";
export const visits = new Counter("visits_total", "Visits.");
visits.inc(isMainThread ? 1000 : 20_000);
setInterval(() => visits.inc(0.5), 100);
if (isMainThread) new Worker(new URL("main.ts", import.meta.url));
`,
        ),
      );
      const main = `import "./serving.ts";\nimport "./visits.ts";\n${
        importFrom(ROOT_URL, example)
      }`;
      await writeFile(join(folder, "main.ts"), main);
      const args = runtime === "deno" ? ["run", "-A", "--no-check", "--no-config"] : [];
      await using program = start(await runtimePath(runtime), [...args, "main.ts"], {
        cwd: folder,
        env: { ...process.env, NO_COLOR: "1" },
      });
      const [, mainUrl] = await program.waitForOutput(/main (http:\S+)/);
      const [, workerUrl] = await program.waitForOutput(/worker (http:\S+)/);
      for (const url of [mainUrl, workerUrl]) {
        await waitFor("the counts of both", async () => {
          const text = await (await fetch(`${url}`)).text();
          return Number(text.match(/^visits_total (\S+)$/m)?.[1]) >= 21_000 || undefined;
        });
      }
      let last = 0;
      for (const url of [mainUrl, workerUrl, mainUrl, workerUrl]) {
        const text = await (await fetch(`${url}`)).text();
        const value = seriesValue(text, "visits_total");
        assert.ok(value >= 21_000 && value >= last, text);
        assert.match(text, /^narthex_backend_up 1$/m);
        last = value;
      }
    }));
}
