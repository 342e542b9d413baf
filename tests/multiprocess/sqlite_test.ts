import assert from "node:assert/strict";
import { copyFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CollectorRegistry, Counter, Gauge, generateMetricsAsync } from "../../mod.ts";
import { loadBackend, type LoadBackendOptions } from "../../multiprocess/mod.ts";
import { sqliteBackend } from "../../multiprocess/sqlite/mod.ts";
import { testBackend } from "../support/backend_contract.ts";

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

/** A process with one counter. */
async function share(path: string, options: LoadBackendOptions = {}) {
  const registry = new CollectorRegistry();
  const jobs = new Counter("jobs_total", "Jobs.", { registry, labelNames: ["queue"] });
  const shared = await loadBackend(sqliteBackend(path), { registry, intervalMs: 1e9, ...options });
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
  "a read while others write is of one moment",
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
  }, /its version must be 1: received 99/],
];
for (const [what, make, error] of BROKEN) {
  test(
    `loadBackend() rejects ${what}, and leaves the registry alone`,
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
  "loadBackend() rejects a folder that is not there, a folder, and a database in memory",
  inFolder(async (place) => {
    await assert.rejects(
      share(join(place.folder, "no", "m.db")),
      /^Error: Cannot open SQLite .*unable/,
    );
    await assert.rejects(share(place.folder), /^Error: Cannot open SQLite /);
    await assert.rejects(share(":memory:"), /must be a file on a local disk/);
    assert.throws(() => sqliteBackend(""), /^TypeError: Cannot create SQLite backend: path must/);
    await assert.rejects(
      share(place.path, { readOnly: true }),
      /^Error: Cannot open SQLite .*unable/,
    );
  }),
);

test(
  "a database that stays locked is an error of loadBackend()",
  inFolder(async (place) => {
    await share(place.path).then(({ shared }) => shared.close());
    const other = new DatabaseSync(place.path);
    other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    await assert.rejects(
      share(place.path, { timeoutMs: 100 }),
      /^Error: Cannot open SQLite database ".*": database is locked$/,
    );
    other.close();
    const { shared, total } = await share(place.path);
    assert.equal(await total(), undefined);
    await shared.close();
  }),
);

test(
  "a lock costs a flush, which is counted, and no number",
  inFolder(async (place) => {
    const { jobs, shared, total, errors } = await share(place.path, {
      process: "p",
      timeoutMs: 100,
    });
    jobs.labels("a").inc(2);
    assert.equal(await total(), 2);
    const other = new DatabaseSync(place.path);
    other.exec("BEGIN IMMEDIATE");
    jobs.labels("a").inc(3);
    assert.equal(await shared.flush(), false);
    assert.equal(await total(), 2, "readers do not wait for writers");
    assert.ok(Number(await errors("flush")) >= 1);
    other.exec("COMMIT");
    other.close();
    assert.equal(await total(), 5);
    await shared.close();
  }),
);

test(
  "damage that comes later is counted, and shows no wrong number",
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
  "processes whose database was deleted meet in a new one, and count from zero",
  inFolder(async (place) => {
    const [one, two] = [await share(place.path), await share(place.path)];
    one.jobs.labels("a").inc(10);
    assert.equal(await two.total(), undefined);
    assert.equal(await one.total(), 10);
    for (const suffix of ["", "-wal", "-shm"]) rmSync(place.path + suffix, { force: true });
    await sleep(1100);
    one.jobs.labels("a").inc(1);
    two.jobs.labels("a").inc(2);
    assert.equal(await one.shared.flush(), true);
    assert.equal(await two.shared.flush(), true);
    assert.equal(await one.total(), 3);
    assert.equal(await two.total(), 3);
    await one.shared.close();
    await two.shared.close();
  }),
);

test(
  "a store can be read without being written to",
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
    const copy = join(place.folder, "copy.db");
    copyFileSync(place.path, copy);
    const late = await share(copy, { readOnly: true });
    assert.equal(await late.total(), 3, "also when nobody writes any more");
    await late.shared.close();
  }),
);

test(
  "what was flushed is flushed on an interval",
  inFolder(async (place) => {
    const { jobs, shared } = await share(place.path, { intervalMs: 5 });
    const reader = await share(place.path, { readOnly: true });
    jobs.labels("a").inc(2);
    while (await reader.total() !== 2) await sleep(5);
    await reader.shared.close();
    await shared.close();
  }),
);

test(
  "a gauge of a process that was forgotten leaves the database",
  inFolder(async (place) => {
    const registry = new CollectorRegistry();
    const heat = new Gauge("heat", "Heat.", { registry, labelNames: ["room"], aggregation: "sum" });
    for (let i = 0; i < 600; i++) heat.labels(i).set(1);
    const dead = await loadBackend(sqliteBackend(place.path), { registry, intervalMs: 1e9 });
    await dead.close();
    const other = new DatabaseSync(place.path);
    const count = () => other.prepare("SELECT count(*) AS n FROM own").get()?.["n"];
    assert.equal(count(), 600);
    const { shared, jobs } = await share(place.path, { retentionMs: 1, deadAfterMs: 1 });
    while (count() !== 0) {
      // A part at a time, about once a second.
      jobs.labels("a").inc();
      await shared.flush();
      await sleep(100);
    }
    other.close();
    await shared.close();
  }),
);
