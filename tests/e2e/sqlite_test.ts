import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import { CollectorRegistry, Counter } from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { sqliteBackend } from "../../multiprocess/sqlite/mod.ts";
import { CountingProcesses } from "../support/counting_processes.ts";
import { type Runtime, RUNTIMES } from "../support/demo.ts";
import { killWriters } from "../support/killing.ts";
import { ROOT, ROOT_URL } from "../support/paths.ts";
import { start, waitFor } from "../support/processes.ts";
import { testUnless } from "../support/programs.ts";
import { runtimePath } from "../support/runtimes.ts";
import { importFrom } from "../support/readme.ts";

const run = promisify(execFile);

async function temporary(): Promise<{ folder: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "narthex-sqlite-"));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/** The first example of docs/multiprocess.md, as it stands. */
async function readExample(): Promise<string> {
  const text = await readFile(new URL("docs/multiprocess.md", ROOT_URL), "utf8");
  const [, code = ""] = text.match(/^```ts\n(.*?)^```\n/ms) ?? [];
  assert.match(code, /await loadBackend\(sqliteBackend\("\.\/metrics\.db"\)\)/);
  return code;
}

for (const runtime of RUNTIMES) {
  test(`the example works unchanged, across two modules and two processes, on ${runtime}`, async () => {
    await using place = await temporary();
    const { folder } = place;
    // Stands for `Deno.serve()` where there is none.
    const serve = new URL("examples/serve.ts", ROOT_URL).href;
    await writeFile(
      join(folder, "serving.ts"),
      `import { serve } from ${JSON.stringify(serve)};
if (!("Deno" in globalThis)) {
  const stand = {
    serve: async (handler) => {
      // It would be taken for the real one.
      delete globalThis.Deno;
      const server = serve(handler, 0);
      globalThis.Deno = stand;
      console.log(\`http://127.0.0.1:\${(await server).port}/\`);
    },
  };
  globalThis.Deno = stand;
}
`,
    );
    await writeFile(
      join(folder, "visits.ts"),
      importFrom(
        ROOT_URL,
        `import { Counter, Gauge } from "@narthex/prometheus";
import process from "node:process";
export const visits = new Counter("visits_total", "Visits.");
visits.inc(Number(process.argv[2]));
new Gauge("workers", "Workers.", { aggregation: "livesum" }).set(1);
setInterval(() => visits.inc(0.5), 100).unref?.();
`,
      ),
    );
    const example = importFrom(ROOT_URL, await readExample());
    await writeFile(
      join(folder, "main.ts"),
      `import "./serving.ts";\nimport "./visits.ts";\n${example}`,
    );
    const path = await runtimePath(runtime);
    const permissions = runtime === "deno" ? ["run", "-A", "--no-check", "--no-config"] : [];
    const startProgram = (visits: number) =>
      start(path, [...permissions, "main.ts", String(visits)], {
        cwd: folder,
        env: { ...process.env, NO_COLOR: "1", DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0" },
      });
    await using one = startProgram(1000);
    await using two = startProgram(20_000);
    const [[url1] = [], [url2] = []] = await Promise.all(
      [one, two].map((program) => program.waitForOutput(/http:\/\/127\.0\.0\.1:\d+\//)),
    );
    await waitFor("the counts of both", async () => {
      const text = await (await fetch(`${url1}`)).text();
      return Number(text.match(/^visits_total (\S+)$/m)?.[1]) >= 21_000 || undefined;
    });
    let last = 0;
    for (const url of [url1, url2, url1, url2]) {
      const text = await (await fetch(`${url}`)).text();
      const value = Number(text.match(/^visits_total (\S+)$/m)?.[1]);
      assert.ok(value >= 21_000 && value >= last, text);
      assert.match(text, /^workers 2$/m);
      assert.match(text, /^narthex_backend_up 1$/m);
      last = value;
    }
  });
}

test("8 writers on three runtimes, 20 of them killed and replaced, lose and double nothing", async () => {
  await using place = await temporary();
  const path = join(place.folder, "metrics.db");
  await killWriters({
    file: "sqlite_writer.ts",
    args: [path],
    backend: sqliteBackend(path),
    writers: 8,
    kills: 20,
  });
});

/**
 * Lets processes count for some rounds. In each round some are stopped for longer than they count as
 * alive, and some are killed in the middle of a flush and replaced.
 */
async function countTogether(processes: number, rounds: number): Promise<void> {
  await using place = await temporary();
  await using all = new CountingProcesses();
  const path = join(place.folder, "metrics.db");
  const runtimes = await Promise.all(RUNTIMES.map(async (runtime) => ({
    path: await runtimePath(runtime),
    args: runtime === "deno" ? ["run", "-A", "--no-check"] : [],
  })));
  const deadAfterMs = 500;
  const options = { deadAfterMs, timeoutMs: 60_000 };
  let started = 0;
  const start = () => all.start(path, options, runtimes[started++ % runtimes.length]);
  const running = [];
  for (let i = 0; i < processes; i++) running.push(await start());
  const registry = new CollectorRegistry();
  await using shared = await loadBackend(sqliteBackend(path), { registry, readOnly: true });
  const total = async () => await shared.getSampleValueAsync("jobs_total", { queue: "a" }) ?? 0;
  let [acked, issued, last, stopped] = [0, 0, 0, 0];
  for (let round = 0; round < rounds; round++) {
    await Promise.all(running.map(async (one, i) => {
      const fate = (i + round) % 10;
      issued++;
      if (fate === 0) {
        // What became of this count is not known: it is killed while it flushes.
        const telling = one.tell({ count: 1 }).catch(() => undefined);
        await one.end("SIGKILL");
        const answer = await telling;
        if (answer?.flushed) acked++;
        running[i] = await start();
        return;
      }
      const counting = one.tell({ count: 1 });
      if (fate === 1) {
        one.signal("SIGSTOP");
        await sleep(2 * deadAfterMs);
        one.signal("SIGCONT");
        stopped++;
      }
      assert.equal((await counting).flushed, true);
      acked++;
    }));
    const now = await total();
    assert.ok(
      now >= last && now >= acked && now <= issued,
      `${last}, ${acked} to ${issued}: ${now}`,
    );
    last = now;
  }
  assert.ok(stopped > 0);
  await Promise.all(running.map((one) => one.close()));
  const end = await total();
  assert.ok(end >= acked && end <= issued, `${acked} to ${issued}: ${end}`);
}

test("totals of 50 processes that are killed, stopped and continued are exact", () =>
  countTogether(50, 5));

test("totals of 12 processes of three runtimes are exact", () => countTogether(12, 10));

for (
  const [runtime, isLocked] of RUNTIMES.flatMap((name) => [[name, false], [name, true]] as const)
) {
  const where = isLocked ? `while the file is locked, on ${runtime}` : `on ${runtime}`;
  test(`a shared registry keeps no program alive ${where}`, async () => {
    await using place = await temporary();
    const { folder } = place;
    const code = `import { Counter, Gauge } from "@narthex/prometheus";
import { loadBackend } from "@narthex/prometheus/multiprocess";
import { sqliteBackend } from "@narthex/prometheus/sqlite";
import { DatabaseSync } from "node:sqlite";
const jobs = new Counter("a_total", "A.");
jobs.inc();
let flushes = 0;
new Gauge("flushes", "Flushes that have begun.").setFunction(() => ++flushes);
const options = { intervalMs: 10, timeoutMs: 1e9 };
const shared = await loadBackend(sqliteBackend("./metrics.db"), options);
await shared.flush();
const other = new DatabaseSync("./metrics.db");
if (${isLocked}) {
  other.exec("BEGIN IMMEDIATE");
  jobs.inc();
  // The next flush of the interval waits for the lock.
  const before = flushes;
  while (flushes === before) await new Promise((resolve) => setTimeout(resolve, 1));
}
console.log("end of the program");
`;
    await writeFile(join(folder, "main.ts"), importFrom(ROOT_URL, code));
    const permissions = runtime === "deno" ? ["run", "-A", "--no-check", "--no-config"] : [];
    const output = execFileSync(await runtimePath(runtime), [...permissions, "main.ts"], {
      cwd: folder,
      timeout: 120_000,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    assert.match(output, /end of the program/);
    const shared = await loadBackend(sqliteBackend(join(folder, "metrics.db")), {
      registry: new CollectorRegistry(),
      readOnly: true,
    });
    assert.equal(await shared.getSampleValueAsync("a_total"), 1);
    await shared.close();
  });
}

/** Opens a store in another program. Returns the output of the program. */
async function openWith(
  runtime: Runtime,
  path: string,
  { flags = ["-A"], user = "-" }: { flags?: readonly string[]; user?: string } = {},
): Promise<string> {
  const program = join(ROOT, "tests/support/opening_program.ts");
  const options = runtime === "deno"
    ? ["run", "--no-check", "--no-config", "--no-prompt", ...flags]
    : flags.filter((flag) => flag !== "-A");
  const args = [...options, program, path, user];
  const { stdout, stderr } = await run(await runtimePath(runtime), args, { cwd: "/" });
  assert.match(stdout, /^(loaded|rejected): /, stderr);
  return stdout;
}

/** A user that file modes bind, unlike the root user. */
const ORDINARY_USER = process.getuid?.() === 0 ? "65534" : "-";

/** What the operating system can forbid. Each function gets an existing database and its folder. */
const FORBIDDEN: [what: string, forbid: (folder: string, path: string) => void][] = [
  ["a database in a folder that may not be written", (folder, path) => {
    rmSync(path);
    chmodSync(folder, 0o555);
  }],
  ["an existing database in a folder that may not be written", (folder) => {
    chmodSync(folder, 0o555);
  }],
  ["a database in a folder that may not be entered", (folder) => chmodSync(folder, 0o000)],
  ["a database that may not be written", (_, path) => chmodSync(path, 0o444)],
  ["a database that may not be read", (_, path) => chmodSync(path, 0o000)],
];

/** A folder that every user may use, with a database that every user may use. */
async function makeOpenDatabase(place: string): Promise<{ folder: string; path: string }> {
  const folder = join(place, "open");
  const path = join(folder, "metrics.db");
  mkdirSync(folder);
  chmodSync(place, 0o755);
  chmodSync(folder, 0o777);
  const shared = await loadBackend(sqliteBackend(path), { registry: new CollectorRegistry() });
  await shared.close();
  chmodSync(path, 0o666);
  return { folder, path };
}

for (const runtime of RUNTIMES) {
  for (const [what, forbid] of FORBIDDEN) {
    test(`loadBackend() rejects ${what} at once, and names the path, on ${runtime}`, async () => {
      await using place = await temporary();
      const { folder, path } = await makeOpenDatabase(place.folder);
      assert.equal(await openWith(runtime, path, { user: ORDINARY_USER }), "loaded: true\n");
      // Files of the user itself would be accessible.
      for (const name of readdirSync(folder)) if (name !== "metrics.db") rmSync(join(folder, name));
      forbid(folder, path);
      try {
        const said = await openWith(runtime, path, { user: ORDINARY_USER });
        assert.ok(
          said.startsWith(`rejected: Error: Cannot open SQLite database "${path}": `),
          said,
        );
      } finally {
        chmodSync(folder, 0o777);
      }
    });
  }
}

for (const runtime of RUNTIMES) {
  test(`totals start at zero if another user than the owner of the files wrote since the backup, on ${runtime}`, async () => {
    await using place = await temporary();
    const { folder, path } = await makeOpenDatabase(place.folder);
    const count = async (value: number): Promise<number | undefined> => {
      const registry = new CollectorRegistry();
      new Counter("jobs_total", "Jobs.", { registry }).inc(value);
      await using shared = await loadBackend(sqliteBackend(path), { registry });
      return await shared.getSampleValueAsync("jobs_total");
    };
    assert.equal(await count(5), 5);
    const backup = join(folder, "backup.db");
    copyFileSync(path, backup);
    assert.equal(await openWith(runtime, path, { user: ORDINARY_USER }), "loaded: true\n");
    copyFileSync(backup, path);
    assert.equal(await count(1), 1);
  });
}

/** Permissions with which a program may read the library but not use the database. */
const DENIED: [runtime: Runtime, flags: (path: string) => string[]][] = [
  ["deno", () => ["--allow-read"]],
  ["deno", () => [`--allow-read=${ROOT}`, "--allow-write"]],
  ["deno", (path) => ["--allow-read", "--allow-write", `--deny-write=${path}`]],
  ["deno", (path) => ["--allow-read", "--allow-write", `--deny-read=${path}`]],
  ["node", () => ["--permission", `--allow-fs-read=${ROOT}*`]],
];
for (const [runtime, flags] of DENIED) {
  const shown = flags("metrics.db").join(" ").replaceAll(ROOT, "library/");
  test(`loadBackend() rejects a database without permission, on ${runtime} ${shown}`, async () => {
    await using place = await temporary();
    const { path } = await makeOpenDatabase(place.folder);
    const said = await openWith(runtime, path, { flags: flags(path) });
    assert.ok(said.startsWith(`rejected: Error: Cannot open SQLite database "${path}": `), said);
  });
}

function mountSmallDisk(folder: string): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=400k", "none", folder], { stdio: "ignore" });
}

/** Returns whether this machine lets the tests mount a disk. No program could be installed for it. */
function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "narthex-disk-"));
  try {
    mountSmallDisk(folder);
    execFileSync("umount", ["-l", folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}
const whyNoSmallDisk = canMount() ? undefined : "no disk can be mounted here";

testUnless(
  whyNoSmallDisk,
  "a program starts while the disk is full, and its counts arrive when there is room",
  async () => {
    await using place = await temporary();
    mountSmallDisk(place.folder);
    try {
      await writeFile(join(place.folder, "ballast"), new Uint8Array(1_000_000)).catch(() => {});
      const registry = new CollectorRegistry();
      const jobs = new Counter("jobs_total", "Jobs.", { registry });
      jobs.inc(2);
      const failures: string[] = [];
      const shared = await loadBackend(sqliteBackend(join(place.folder, "metrics.db")), {
        registry,
        intervalMs: 1e9,
        onError: (error) => failures.push(String(error)),
      });
      assert.equal(await shared.flush(), false);
      assert.ok(failures.length > 0);
      execFileSync("mount", ["-o", "remount,size=20m", place.folder]);
      assert.equal(await shared.flush(), true);
      assert.equal(await shared.getSampleValueAsync("jobs_total"), 2);
      await shared.close();
    } finally {
      execFileSync("umount", ["-l", place.folder]);
    }
  },
);

testUnless(
  whyNoSmallDisk,
  "a full disk is counted as a failure and loses nothing",
  async () => {
    await using place = await temporary();
    mountSmallDisk(place.folder);
    try {
      const registry = new CollectorRegistry();
      const jobs = new Counter("jobs_total", "Jobs.", { registry, labelNames: ["queue"] });
      const shared = await loadBackend(sqliteBackend(join(place.folder, "metrics.db")), {
        registry,
        intervalMs: 1e9,
        process: "p",
      });
      jobs.labels("a").inc(2);
      assert.equal(await shared.flush(), true);
      const ballast = join(place.folder, "ballast");
      await writeFile(ballast, new Uint8Array(1_000_000)).catch(() => {});
      for (let i = 0; i < 3000; i++) jobs.labels(`${i} ${"x".repeat(50)}`).inc();
      jobs.labels("a").inc(3);
      assert.equal(await shared.flush(), false);
      const labels = { operation: "flush", process: "p" };
      const errors = await shared.getSampleValueAsync("narthex_backend_errors_total", labels);
      assert.ok(Number(errors) >= 1);
      const partial = await shared.getSampleValueAsync("jobs_total", { queue: "a" });
      assert.ok(partial === 2 || partial === 5, String(partial));
      execFileSync("mount", ["-o", "remount,size=20m", place.folder]);
      assert.equal(await shared.flush(), true);
      assert.equal(await shared.getSampleValueAsync("jobs_total", { queue: "a" }), 5);
      const queue = `2999 ${"x".repeat(50)}`;
      assert.equal(await shared.getSampleValueAsync("jobs_total", { queue }), 1);
      await shared.close();
    } finally {
      execFileSync("umount", ["-l", place.folder]);
    }
  },
);
