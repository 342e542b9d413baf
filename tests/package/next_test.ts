import assert from "node:assert/strict";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { freePort, type RunningProgram, start, waitFor } from "../support/processes.ts";
import { type Consumer, emptyFolder, GATE, run, runtimePath, TARBALL } from "./gate.ts";

/** The files of the app. */
const APP = join(GATE, "next");

let app: Consumer;
let node: string;
before(async () => {
  node = await runtimePath("node");
  app = await emptyFolder();
  for (const path of ["app", "lib", "instrumentation.js", "package.json"]) {
    await cp(join(APP, path), join(app.folder, path), { recursive: true });
  }
  // Creates hard links, because copying a third of a gigabyte is slow. Next.js does not follow
  // symbolic links out of its folder.
  await run("cp", ["-al", join(APP, "node_modules"), app.folder], APP);
  const target = join(app.folder, "node_modules/@narthex/prometheus");
  await mkdir(target, { recursive: true });
  await run("tar", ["-xzf", TARBALL, "--strip-components=1", "-C", target], app.folder);
});
after(() => app[Symbol.asyncDispose]());

const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1", CI: "1" };

function nextCommand(...args: string[]): string[] {
  return [join(app.folder, "node_modules/next/dist/bin/next"), ...args];
}

/** Starts the app in development, or after a build. */
async function startApp(command: "dev" | "start"): Promise<RunningProgram & { url: string }> {
  const port = await freePort();
  const args = nextCommand(command, "--hostname", "127.0.0.1", "--port", String(port));
  const program = start(node, args, { cwd: app.folder, env });
  await program.waitForOutput(/Ready in/);
  return { ...program, url: `http://127.0.0.1:${port}` };
}

async function read(url: string): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text;
}

/** Returns the values of the app's counters. */
async function scrape({ url }: { url: string }): Promise<Record<string, number>> {
  const lines = (await read(`${url}/metrics`)).matchAll(
    /^(page_visits_total|app_starts_total)\S* (\d+)$/gm,
  );
  return Object.fromEntries([...lines].map(([, name = "", value]) => [name, Number(value)]));
}

test("Next.js in development counts in a page and the instrumentation hook, even after an edit", async () => {
  await using server = await startApp("dev");
  assert.match(await read(server.url), /hello/);
  assert.match(await read(server.url), /hello/);
  assert.deepEqual(await scrape(server), { page_visits_total: 2, app_starts_total: 1 });

  const path = join(app.folder, "lib/metrics.js");
  const code = await readFile(path, "utf8");
  await writeFile(path, code.replace('"hello"', '"good morning"'));
  let visits = 2;
  await waitFor("the edited page", async () => {
    visits++;
    return (await read(server.url)).includes("good morning") || undefined;
  });
  // The hook may run again after a module that it imports was edited.
  const { app_starts_total: starts, ...counts } = await scrape(server);
  assert.deepEqual(counts, { page_visits_total: visits });
  assert.ok(starts === 1 || starts === 2, `${starts} starts`);
  assert.doesNotMatch(server.output(), /DuplicateMetricError/);
});

test("Next.js in production counts in a page and the instrumentation hook", async () => {
  // Removes the output of the development server.
  await rm(join(app.folder, ".next"), { recursive: true, force: true });
  await app.run(node, ...nextCommand("build"));
  await using server = await startApp("start");
  for (let visit = 1; visit <= 3; visit++) assert.match(await read(server.url), /<p>/);
  assert.deepEqual(await scrape(server), { page_visits_total: 3, app_starts_total: 1 });
});
