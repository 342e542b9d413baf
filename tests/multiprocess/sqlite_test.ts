import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CollectorRegistry, Counter, Gauge, generateMetricsAsync, Histogram } from "../../mod.ts";
import { loadBackend, type LoadBackendOptions, type Timers } from "../../multiprocess/mod.ts";
import { sqliteBackend } from "../../multiprocess/sqlite/mod.ts";
import { testBackend } from "../support/backend_contract.ts";
import { ManualClock, settle, until } from "../support/clock.ts";
import { samplesAsync } from "../support/series.ts";
import { testGuards } from "../support/shared_guards.ts";

/** A folder for one test, and the database in it. */
interface Place {
  readonly folder: string;
  readonly path: string;
}

/** A test that has a folder for itself. */
function inFolder(run: (place: Place) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), "narthex-sqlite-"));
    try {
      await run({ folder, path: join(folder, "metrics.db") });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

/** How long a flush or a read may take. Only a fault takes that long. */
const PATIENCE_MS = 60_000;

/** A process with one counter. */
async function share(path: string, options: LoadBackendOptions = {}) {
  const registry = new CollectorRegistry();
  const jobs = new Counter("jobs_total", "Jobs.", { registry, labelNames: ["queue"] });
  const shared = await loadBackend(sqliteBackend(path), {
    registry,
    intervalMs: 1e9,
    timeoutMs: PATIENCE_MS,
    ...options,
  });
  return {
    jobs,
    shared,
    total: () => shared.getSampleValueAsync("jobs_total", { queue: "a" }),
    errors: (operation: string) =>
      shared.getSampleValueAsync("narthex_backend_errors_total", { operation, process: "p" }),
  };
}

testBackend("SQLite", async () => {
  const folder = await mkdtemp(join(tmpdir(), "narthex-sqlite-"));
  return {
    backend: () => sqliteBackend(join(folder, "metrics.db")),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
});

test(
  "totals outlive all processes",
  inFolder(async (place) => {
    for (let run = 1; run <= 3; run++) {
      const { jobs, shared, total } = await share(place.path);
      jobs.labels("a").inc(0.25);
      assert.equal(await total(), run * 0.25);
      await shared.close();
    }
  }),
);

test(
  "a read during writes is of one moment",
  inFolder(async (place) => {
    const [one, two] = [await share(place.path), await share(place.path)];
    let last = 0;
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 300; i++) one.jobs.labels(`${i}`).inc();
      one.jobs.labels("a").inc();
      const [total] = await Promise.all([two.total(), one.shared.flush()]);
      assert.ok((total ?? 0) >= last, "nothing falls");
      last = total ?? 0;
    }
    assert.equal(await two.total(), 20);
    assert.equal(await one.shared.getSampleValueAsync("jobs_total", { queue: "299" }), 20);
    await one.shared.close();
    await two.shared.close();
  }),
);

const BROKEN: [what: string, make: (path: string) => void, error: RegExp][] = [
  ["a file that is no database", (path) => writeFileSync(path, "x".repeat(5000)), /not a database/],
  [
    "a file that is cut off",
    (path) => truncateSync(path, statSync(path).size / 2),
    /malformed|damaged/,
  ],
  ["a page that is overwritten", (path) => {
    const bytes = readFileSync(path);
    bytes.fill(0xff, bytes.length - 3000);
    writeFileSync(path, bytes);
  }, /malformed|damaged/],
  ["a database that may not be written", (path) => {
    const bytes = readFileSync(path);
    // The version of the format that a writer must know, of a future that forbids to write.
    bytes[18] = 9;
    writeFileSync(path, bytes);
  }, /readonly|read-only/],
  ["a database of another program", (path) => {
    rmSync(path);
    new DatabaseSync(path).exec("CREATE TABLE recipes (name TEXT)");
  }, /must be a database of this library: received application id 0/],
  ["a database of a later version", (path) => {
    new DatabaseSync(path).exec("PRAGMA user_version = 99");
  }, /its version must be 2: received 99/],
];
for (const [what, make, error] of BROKEN) {
  test(
    `loadBackend() rejects ${what}, and does not change the registry`,
    inFolder(async (place) => {
      const { jobs, shared } = await share(place.path);
      for (let i = 0; i < 500; i++) jobs.labels(`${i}`).inc();
      await shared.close();
      make(place.path);
      const before = readFileSync(place.path);
      await assert.rejects(share(place.path), (thrown) => {
        assert.ok(thrown instanceof Error);
        assert.match(thrown.message, /^Cannot open SQLite database ".*metrics\.db": /);
        assert.match(thrown.message, error);
        return true;
      });
      if (what !== "a database of a later version") {
        assert.ok(readFileSync(place.path).subarray(100).equals(before.subarray(100)));
      }
    }),
  );
}

test(
  "loadBackend() rejects a missing folder, a folder, and a database in memory",
  inFolder(async (place) => {
    for (const path of [join(place.folder, "no", "m.db"), place.folder]) {
      const start = `Cannot open SQLite database ${JSON.stringify(path)}: `;
      await assert.rejects(share(path), ({ message }: Error) => message.startsWith(start));
    }
    await assert.rejects(share(":memory:"), /must be a file on a local disk/);
    assert.throws(() => sqliteBackend(""), /^TypeError: Cannot create SQLite backend: path must/);
    await assert.rejects(
      share(place.path, { readOnly: true }),
      /^Error: Cannot open SQLite .*unable/,
    );
  }),
);

test(
  "loadBackend() resolves during a lock, and the counts arrive later",
  inFolder(async (place) => {
    await share(place.path).then(({ shared }) => shared.close());
    const other = new DatabaseSync(place.path);
    other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    const failures: string[] = [];
    const clock = new ManualClock();
    const opening = share(place.path, {
      process: "p",
      timeoutMs: 200,
      timers: clock,
      onError: (error) => failures.push(String(error)),
    });
    const { jobs, shared, total } = await settle(clock, opening);
    jobs.labels("a").inc(2);
    assert.equal(await settle(clock, shared.flush()), false);
    assert.equal(await settle(clock, total()), undefined);
    assert.ok(failures.some((text) => text.includes("database is locked")), failures.join("\n"));
    other.close();
    assert.equal(await settle(clock, shared.flush()), true);
    assert.equal(await settle(clock, total()), 2);
    await settle(clock, shared.close());
  }),
);

test(
  "loadBackend() resolves while the log cannot be created, and the counts arrive later",
  inFolder(async (place) => {
    // As on a full disk.
    mkdirSync(`${place.path}-wal`);
    const failures: string[] = [];
    const { jobs, shared, total } = await share(place.path, {
      onError: (error) => failures.push(String(error)),
    });
    jobs.labels("a").inc(2);
    assert.equal(await shared.flush(), false);
    assert.ok(failures.length > 0);
    rmSync(`${place.path}-wal`, { recursive: true });
    assert.equal(await shared.flush(), true);
    assert.equal(await total(), 2);
    await shared.close();
  }),
);

test(
  "a flush that fails because of a lock is counted and loses nothing",
  inFolder(async (place) => {
    const clock = new ManualClock();
    const options = { process: "p", timeoutMs: 200, timers: clock };
    const { jobs, shared, total, errors } = await share(place.path, options);
    jobs.labels("a").inc(2);
    assert.equal(await shared.flush(), true);
    const other = new DatabaseSync(place.path);
    other.exec("BEGIN IMMEDIATE");
    jobs.labels("a").inc(3);
    assert.equal(await settle(clock, shared.flush()), false);
    assert.ok(Number(await settle(clock, errors("flush"))) >= 1);
    other.exec("COMMIT");
    other.close();
    // A flush that its scrape has not waited for may go on.
    await until("all counts are there", async () => await settle(clock, total()) === 5);
    await settle(clock, shared.close());
  }),
);

test(
  "damage to an open database is counted and shows no wrong number",
  inFolder(async (place) => {
    const { jobs, shared, total } = await share(place.path, { process: "p" });
    for (let i = 0; i < 500; i++) jobs.labels(`${i}`).inc();
    jobs.labels("a").inc(2);
    await shared.flush();
    const other = new DatabaseSync(place.path);
    other.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    other.close();
    const bytes = readFileSync(place.path);
    writeFileSync(place.path, bytes.fill(0xa5, 4096));
    jobs.labels("a").inc();
    for (let i = 0; i < 3; i++) {
      const value = await total();
      assert.ok(value === undefined || value === 2 || value === 3, String(value));
    }
    const text = await generateMetricsAsync(shared);
    assert.match(text, /^# TYPE jobs_total counter$/m);
    await shared.close();
  }),
);

test(
  "processes share a new database after theirs is deleted, even if the clock went back",
  inFolder(async (place) => {
    const clock = new ManualClock();
    const options = { timers: clock };
    const [one, two] = [await share(place.path, options), await share(place.path, options)];
    one.jobs.labels("a").inc(10);
    assert.equal(await two.total(), undefined);
    assert.equal(await one.total(), 10);
    clock.setTimeOfDay(clock.now() - 3600);
    for (const suffix of ["", "-wal", "-shm"]) rmSync(place.path + suffix, { force: true });
    for (const { jobs, shared } of [one, two, one, two]) {
      jobs.labels("a").inc(1);
      await shared.flush();
    }
    const total = await one.total();
    assert.equal(await two.total(), total);
    assert.ok(total !== undefined && total >= 2 && total <= 4, `${total}`);
    await one.shared.close();
    await two.shared.close();
  }),
);

test(
  "a database has the same totals through a link, and others after the link leads elsewhere",
  inFolder(async ({ folder, path }) => {
    const link = join(folder, "link.db");
    symlinkSync(path, link);
    const processes = [await share(link), await share(path), await share(link)];
    for (let counted = 1; counted <= 6; counted++) {
      const { jobs, total } = processes[counted % 3]!;
      jobs.labels("a").inc();
      assert.equal(await total(), counted);
    }
    rmSync(link);
    symlinkSync(join(folder, "other.db"), link);
    const { jobs, shared, total } = processes[0]!;
    jobs.labels("a").inc(10);
    await shared.flush();
    assert.equal(await total(), 10);
    assert.equal(await processes[1]!.total(), 6);
    for (const { shared } of processes) await shared.close();
  }),
);

test(
  "totals start at zero when two databases of the same age are swapped",
  inFolder(async ({ folder }) => {
    const paths = ["one.db", "two.db"].map((name) => join(folder, name));
    for (const [i, path] of paths.entries()) {
      const { jobs, shared } = await share(path);
      jobs.labels("a").inc(100 + i);
      await shared.close();
    }
    const [one, two] = paths as [string, string];
    const between = join(folder, "between.db");
    for (const [from, to] of [[one, between], [two, one], [between, two]] as const) {
      renameSync(from, to);
    }
    for (const path of paths) {
      const { jobs, shared, total } = await share(path);
      jobs.labels("a").inc(1);
      assert.equal(await total(), 1);
      await shared.close();
    }
  }),
);

test(
  "a database without a mark gets one from the first process that can set it",
  inFolder(async ({ folder, path }) => {
    const count = async (value: number) => {
      const { jobs, shared, total } = await share(path);
      jobs.labels("a").inc(value);
      const result = await total();
      await shared.close();
      return result;
    };
    await count(100);
    // As a process leaves it that has no permission for the other file.
    const database = new DatabaseSync(path);
    database.exec("UPDATE file SET mark = 0");
    database.close();
    rmSync(`${path}-mark`);
    assert.equal(await count(20), 120);
    const backup = join(folder, "backup.db");
    copyFileSync(path, backup);
    assert.equal(await count(3), 123);
    copyFileSync(backup, path);
    assert.equal(await count(1), 1);
  }),
);

test(
  "a database is the same if another runtime rounds the birth time of its file up",
  inFolder(async ({ path }) => {
    const first = await share(path);
    first.jobs.labels("a").inc(5);
    await first.shared.close();
    const database = new DatabaseSync(path);
    const [number, made] = String(
      database.prepare("SELECT identity FROM file").get()?.["identity"],
    ).split(" ");
    const rounded = made === "?" ? made : Number(made) + 1;
    database.prepare("UPDATE file SET identity = ?").run(`${number} ${rounded}`);
    database.close();
    const { shared, total } = await share(path);
    assert.equal(await total(), 5);
    await shared.close();
  }),
);

test(
  "the largest limit of a gauge counts as long as its process sets values",
  inFolder(async ({ path }) => {
    const timers = new ManualClock();
    const start = async (maxSeries: number) => {
      const registry = new CollectorRegistry({ maxSeries });
      const given = { registry, labelNames: ["room"], aggregation: "sum" } as const;
      const heat = new Gauge("heat", "H.", given);
      const options = { registry, intervalMs: 1e9, deadAfterMs: 10_000, timers };
      return { heat, shared: await loadBackend(sqliteBackend(path), options) };
    };
    const many = await start(15);
    for (let value = 1; value < 4; value++) {
      for (let i = 0; i < 15; i++) many.heat.labels(`${i}`).set(value);
      await many.shared.flush();
      timers.advance(8);
    }
    const few = await start(5);
    few.heat.labels("0").set(1);
    const names = [...(await samplesAsync(few.shared)).keys()];
    assert.equal(names.filter((name) => name.startsWith("heat{")).length, 15);
    for (const { shared } of [many, few]) await shared.close();
  }),
);

test(
  "a store can be read without writing to it",
  inFolder(async (place) => {
    const { jobs, shared } = await share(place.path);
    jobs.labels("a").inc(2);
    await shared.flush();
    const reader = await share(place.path, { readOnly: true });
    reader.jobs.labels("a").inc(100);
    assert.equal(await reader.total(), 2);
    jobs.labels("a").inc(1);
    await shared.flush();
    assert.equal(await reader.total(), 3);
    await reader.shared.close();
    await shared.close();
    const late = await share(place.path, { readOnly: true });
    assert.equal(await late.total(), 3, "also when nobody writes any more");
    await late.shared.close();
    const copy = join(place.folder, "copy.db");
    copyFileSync(place.path, copy);
    const failures: string[] = [];
    const onError = (error: unknown): void => void failures.push(String(error));
    const other = await share(copy, { readOnly: true, onError });
    assert.equal(await other.total(), undefined);
    assert.match(
      failures[0]!,
      /restored from a copy or a backup, and no process has written to it/,
    );
    await other.shared.close();
  }),
);

test(
  "changes are flushed at each interval",
  inFolder(async (place) => {
    const clock = new ManualClock();
    const { jobs, shared } = await share(place.path, { intervalMs: 1000, timers: clock });
    const reader = await share(place.path, { readOnly: true });
    jobs.labels("a").inc(2);
    assert.equal(await reader.total(), undefined);
    clock.advance(1);
    await until("the flush has arrived", async () => await reader.total() === 2);
    await reader.shared.close();
    await shared.close();
  }),
);

test(
  "short scripts leave no more rows than a few of them write",
  inFolder(async (place) => {
    const clock = new ManualClock();
    const [runs, gauges] = [40, 300];
    for (let run = 0; run < runs; run++) {
      const registry = new CollectorRegistry();
      const heat = new Gauge("heat", "Heat.", { registry, labelNames: ["room"] });
      for (let i = 0; i < gauges; i++) heat.labels(i).set(run);
      const options = { registry, intervalMs: 1e9, deadAfterMs: 1, retentionMs: 1000 };
      const shared = await loadBackend(sqliteBackend(place.path), { ...options, timers: clock });
      await shared.close();
      clock.advance(2);
    }
    const database = new DatabaseSync(place.path, { readOnly: true });
    const count = (table: string) =>
      Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"]);
    assert.ok(count("own") <= 3 * gauges, `${count("own")} rows`);
    assert.ok(count("instances") <= 3, `${count("instances")} instances`);
    database.close();
  }),
);

test(
  "the log does not grow with short scripts beside a process that only reads",
  inFolder(async ({ path }) => {
    await share(path).then(({ shared }) => shared.close());
    const reader = await share(path, { readOnly: true });
    let longest = 0;
    for (let run = 0; run < 60; run++) {
      const { jobs, shared } = await share(path);
      for (let i = 0; i < 300; i++) jobs.labels(`${i} ${"x".repeat(1000)}`).inc();
      await shared.close();
      longest = Math.max(longest, statSync(`${path}-wal`).size);
    }
    assert.ok(longest < 6e6, `${longest} bytes`);
    await reader.shared.close();
  }),
);

/** A process with one gauge, which counts while the process runs. */
async function shareGauge(path: string, options: LoadBackendOptions) {
  const registry = new CollectorRegistry();
  const level = new Gauge("level", "Level.", { registry, aggregation: "livesum" });
  const given = { registry, intervalMs: 1e9, deadAfterMs: 10_000, ...options };
  const shared = await loadBackend(sqliteBackend(path), given);
  return { level, shared, sum: () => shared.getSampleValueAsync("level") };
}

test(
  "a process that has ended does not run again when the clock goes back",
  inFolder(async ({ path }) => {
    const clock = new ManualClock();
    const [one, two] = [
      await shareGauge(path, { timers: clock }),
      await shareGauge(path, { timers: clock }),
    ];
    one.level.set(5);
    await one.shared.flush();
    // It sends nothing more, as if it was killed.
    two.level.set(1);
    assert.equal(await two.sum(), 6);
    clock.setTimeOfDay(clock.now() - 3600);
    for (const [seconds, sum] of [[5, 6], [11, 1]] as const) {
      clock.advance(seconds);
      assert.equal(await two.sum(), sum);
    }
    await two.shared.close();
    await one.shared.close();
  }),
);

test(
  "gauges of an idle process stay if retentionMs is less than deadAfterMs",
  inFolder(async ({ path }) => {
    const clock = new ManualClock();
    const options = { timers: clock, retentionMs: 1000 };
    const [idle, busy] = [await shareGauge(path, options), await shareGauge(path, options)];
    idle.level.set(5);
    await idle.shared.flush();
    for (let second = 0; second < 9; second++) {
      busy.level.set(second);
      assert.equal(await busy.sum(), 5 + second);
      clock.advance(1);
    }
    await idle.shared.close();
    clock.advance(2);
    busy.level.set(0);
    assert.equal(await busy.sum(), 0);
    await busy.shared.close();
  }),
);

test(
  "checkpoints at idle times become rare on a slow disk",
  inFolder(async ({ folder }) => {
    const countCheckpoints = async (path: string, secondsPerLook: number): Promise<number> => {
      const clock = new ManualClock();
      let looks = 0;
      const timers: Timers = {
        now: () => clock.now(),
        monotonic: () => clock.monotonic() + secondsPerLook * looks++,
        setTimeout: (callback, milliseconds) => clock.setTimeout(callback, milliseconds),
        nextTurn: (callback) => clock.nextTurn(callback),
      };
      const { jobs, shared } = await share(path, { timers });
      for (let round = 0; round < 30; round++) {
        for (let i = 0; i < 600; i++) jobs.labels(`${i}`).inc();
        assert.equal(await shared.flush(), true);
        clock.advance(1);
      }
      await shared.close();
      const database = new DatabaseSync(path, { readOnly: true });
      const { number } = database.prepare("SELECT number FROM checkpoints").get() ?? {};
      database.close();
      return Number(number);
    };
    const fast = await countCheckpoints(join(folder, "fast.db"), 0);
    const slow = await countCheckpoints(join(folder, "slow.db"), 0.03);
    assert.ok(fast >= 10, `${fast} checkpoints`);
    assert.ok(slow >= 2 && slow <= fast / 2, `${slow} checkpoints, ${fast} where they are fast`);
  }),
);

test(
  "a limit holds after the overflow series has expired",
  inFolder(async ({ path }) => {
    const clock = new ManualClock();
    const count = async (...tenants: string[]) => {
      const registry = new CollectorRegistry();
      const guards = { maxSeries: 3, expireAfterSeconds: 10 };
      const hits = new Counter("hits_total", "H.", {
        registry,
        labelNames: ["tenant"],
        ...guards,
        clock,
      });
      const options = { registry, intervalMs: 1e9, deadAfterMs: 60_000, timers: clock };
      const shared = await loadBackend(sqliteBackend(path), options);
      for (const tenant of tenants) hits.labels(tenant).inc();
      const samples = await samplesAsync(shared);
      await shared.close();
      return [...samples.keys()].filter((series) => series.startsWith("hits_total"));
    };
    for (let i = 0; i < 4; i++) {
      await count("a", "b", "c");
      const series = await count(`new ${i}`);
      assert.deepEqual(
        series.sort(),
        ["a", "b", "c", "overflow"].map((tenant) => `hits_total{tenant="${tenant}"}`),
      );
      for (const seconds of [6, 6]) {
        clock.advance(seconds);
        await count("a", "b", "c");
      }
    }
  }),
);

test(
  "native buckets of a process without a limit take no room from series",
  inFolder(async ({ path }) => {
    const start = async (maxSeries?: number) => {
      const registry = new CollectorRegistry(maxSeries === undefined ? {} : { maxSeries });
      const options = { registry, labelNames: ["tenant"], nativeHistogram: true } as const;
      const size = new Histogram("size", "S.", { ...options, buckets: [] });
      const shared = await loadBackend(sqliteBackend(path), { registry, intervalMs: 1e9 });
      return { size, shared };
    };
    const old = await start();
    for (let value = 1; value < 1e6; value *= 2) old.size.labels("old").observe(value);
    await old.shared.close();
    const { size, shared } = await start(3);
    for (const tenant of ["a", "b", "c"]) size.labels(tenant).observe(1);
    const counts = [...await samplesAsync(shared)].filter(([series]) => series.includes("_count"));
    assert.deepEqual(Object.fromEntries(counts), {
      'size_count{tenant="old"}': 20,
      'size_count{tenant="a"}': 1,
      'size_count{tenant="b"}': 1,
      'size_count{tenant="overflow"}': 1,
    });
    await shared.close();
  }),
);

const clock = new ManualClock();
testGuards((name, run) => {
  test(
    `SQLite: ${name}`,
    inFolder(({ path }) =>
      run({
        backend: () => sqliteBackend(path),
        advance: (seconds) => Promise.resolve(clock.advance(seconds)),
      })
    ),
  );
}, { clock, options: { timers: clock, deadAfterMs: 60_000 } });
