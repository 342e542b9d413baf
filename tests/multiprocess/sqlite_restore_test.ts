import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { CountingProcesses } from "../support/counting_processes.ts";
import { Increase } from "../support/increase.ts";
import { waitFor } from "../support/processes.ts";
import { findProgram, testWithPrograms } from "../support/programs.ts";

/** The environment of a test. This process opens no file of SQLite, because that would drop its locks. */
interface Place {
  readonly folder: string;
  readonly path: string;
  readonly processes: CountingProcesses;
}

function inFolder(run: (place: Place) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), "narthex-restore-"));
    const processes = new CountingProcesses();
    try {
      await run({ folder, path: join(folder, "metrics.db"), processes });
    } finally {
      await processes[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    }
  };
}

/** Deletes the database and its log, as you would before a restore. */
function deleteAll(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}

/** How a backup comes back. */
const WAYS: [how: string, restore: (backup: string, path: string) => void, needs: string[]][] = [
  ["deleted and copied", (backup, path) => {
    deleteAll(path);
    copyFileSync(backup, path);
  }, []],
  ["deleted and copied with its time", (backup, path) => {
    deleteAll(path);
    execFileSync("cp", ["-p", backup, path]);
  }, ["cp"]],
  ["copied over", (backup, path) => copyFileSync(backup, path), []],
  ["copied over, without the log", (backup, path) => {
    rmSync(`${path}-wal`, { force: true });
    rmSync(`${path}-shm`, { force: true });
    copyFileSync(backup, path);
  }, []],
  ["renamed", (backup, path) => {
    deleteAll(path);
    renameSync(backup, path);
  }, []],
  ["restored by a shell", (backup, path) => {
    execFileSync("sqlite3", [path, `.restore ${backup}`], { stdio: "ignore" });
  }, ["sqlite3"]],
];

/** Makes a backup that is whole, with the time of the file. */
function backUp(path: string, backup: string): void {
  // The file is complete, because no process has it open.
  assert.equal(existsSync(`${path}-wal`), false);
  execFileSync("cp", ["-p", path, backup]);
}

function testRestore(
  name: string,
  [how, restore, needs]: typeof WAYS[number],
  run: (place: Place, restore: () => void) => Promise<void>,
): void {
  const work = inFolder((place) =>
    run(place, () => restore(join(place.folder, "backup.db"), place.path))
  );
  const title = `${name} (${how})`;
  const missing = [...needs, "cp"].some((program) => findProgram(program) === undefined);
  if (missing) testWithPrograms(needs, title, work);
  else test(title, work);
}

for (const way of WAYS) {
  testRestore(
    "totals start at zero for all readers when a database is restored under a process",
    way,
    async (place, restore) => {
      const { folder, path, processes } = place;
      const a = await processes.start(path);
      await a.count(1000);
      await a.close();
      backUp(path, join(folder, "backup.db"));
      const b = await processes.start(path);
      await b.count(500);
      const increase = new Increase();
      increase.see(await b.total());
      assert.equal(increase.total, 1500);
      restore();
      // The first reader has never seen the lost counts.
      const c = await processes.start(path);
      const reader = await processes.start(path, { readOnly: true }).catch(() => undefined);
      let issued = 1500;
      const see = async (): Promise<void> => {
        for (const one of [reader, c, b]) {
          const total = await one?.total();
          // Where the log has everything since the backup, nothing is lost.
          const isFromZero = total === undefined || total <= issued - 1000;
          assert.ok(isFromZero || total === issued, `${total} of ${issued}`);
          increase.see(total);
        }
      };
      await see();
      for (let round = 0; round < 3; round++) {
        for (const one of [b, c]) {
          issued += 1;
          await one.tell({ count: 1 });
          await one.tell({ count: 0 });
        }
        await see();
      }
      const total = await b.total();
      assert.equal(await c.total(), total);
      assert.ok(total !== undefined && total >= 1, `${total}`);
      assert.ok(increase.total <= issued, `${increase.total} of ${issued}`);
    },
  );

  testRestore(
    "totals start at zero when a database is restored while no process runs",
    way,
    async (place, restore) => {
      const { folder, path, processes } = place;
      const a = await processes.start(path);
      await a.count(1000);
      await a.close();
      backUp(path, join(folder, "backup.db"));
      const b = await processes.start(path);
      await b.count(500);
      assert.equal(await b.total(), 1500);
      await b.close();
      restore();
      const reader = await processes.start(path, { readOnly: true }).catch(() => undefined);
      assert.equal(await reader?.total(), undefined);
      const c = await processes.start(path);
      await c.count(7);
      assert.equal(await c.total(), 7);
    },
  );
}

test(
  "totals start at zero when a database is overwritten after a checkpoint",
  inFolder(async ({ folder, path, processes }) => {
    const a = await processes.start(path);
    await a.count(1000);
    await a.close();
    backUp(path, join(folder, "backup.db"));
    const b = await processes.start(path);
    await b.count(500);
    const before = statSync(path).mtimeMs;
    await b.tell({ count: 1, series: 2000 });
    // At an idle time the log is written to the file.
    await waitFor("a checkpoint", () => statSync(path).mtimeMs !== before || undefined);
    await b.count(1);
    assert.equal(await b.total(), 1501);
    copyFileSync(join(folder, "backup.db"), path);
    const c = await processes.start(path).catch(() => undefined);
    for (const one of [c, b, c, b]) {
      const total = await one?.total().catch(() => undefined);
      assert.ok(total === undefined || total <= 501, `${total}`);
      await one?.tell({ count: 0 });
    }
  }),
);

test(
  "totals start at zero when a database is overwritten after the processes since the backup ended",
  inFolder(async ({ folder, path, processes }) => {
    for (const count of [10, 5]) {
      const one = await processes.start(path);
      await one.tell({ count, series: 800 });
      await one.close();
      if (count === 10) backUp(path, join(folder, "backup.db"));
    }
    const last = await processes.start(path);
    await last.count(1);
    assert.equal(await last.total("series 7"), 15);
    copyFileSync(join(folder, "backup.db"), path);
    for (let round = 0; round < 3; round++) {
      assert.equal(await last.total("series 7"), undefined);
      await last.tell({ count: 1 });
    }
  }),
);

for (const end of ["close", "SIGTERM", "SIGKILL"] as const) {
  test(
    `totals outlive all processes that end by ${end}`,
    inFolder(async ({ path, processes }) => {
      for (let run = 1; run <= 3; run++) {
        const one = await processes.start(path);
        await one.count(1);
        assert.equal(await one.total(), run);
        if (end === "close") await one.close();
        else await one.end(end);
      }
    }),
  );
}

testWithPrograms(
  ["sqlite3"],
  "no row is without its family after a store starts again",
  inFolder(async ({ folder, path, processes }) => {
    const empty = await processes.start(path);
    await empty.close();
    execFileSync("cp", ["-p", path, join(folder, "backup.db")]);
    const [a, b] = [await processes.start(path), await processes.start(path)];
    await a.count(21);
    await b.count(15);
    assert.equal(await a.total(), 36);
    execFileSync("sqlite3", [path, `.restore ${join(folder, "backup.db")}`], { stdio: "ignore" });
    await a.tell({ count: 1 });
    await a.tell({ count: 1 });
    await b.tell({ count: 10 });
    await b.tell({ count: 10 });
    for (const one of [a, b]) await one.count(0);
    const total = await a.total();
    assert.equal(await b.total(), total);
    assert.ok(total !== undefined && total <= 22, `${total}`);
    for (const one of [a, b]) await one.close();
    const database = new DatabaseSync(path, { readOnly: true });
    const orphans =
      "SELECT count(*) AS n FROM totals WHERE family NOT IN (SELECT id FROM families)";
    assert.equal(database.prepare(orphans).get()?.["n"], 0);
    database.close();
  }),
);

test(
  "processes share totals again after their log is deleted",
  inFolder(async ({ path, processes }) => {
    const [a, b] = [await processes.start(path), await processes.start(path)];
    const increase = new Increase();
    await a.count(100);
    await b.count(50);
    increase.see(await a.total());
    let counted = 150;
    rmSync(`${path}-wal`);
    rmSync(`${path}-shm`);
    const c = await processes.start(path);
    increase.see(await c.total());
    for (const one of [a, b, c]) {
      await one.tell({ count: 1 });
      counted++;
    }
    await waitFor("three equal totals", async () => {
      const totals = [];
      for (const one of [a, b, c]) {
        await one.tell({ count: 1 });
        counted++;
        totals.push(await one.total());
        increase.see(totals.at(-1));
      }
      const last = [await a.total(), await b.total(), await c.total()];
      return (last[0] !== undefined && new Set(last).size === 1) || undefined;
    });
    assert.ok(increase.total <= counted, `${increase.total} of ${counted}`);
  }),
);

test(
  "a relative path belongs to the directory in which the backend was created",
  inFolder(async ({ folder, path, processes }) => {
    const one = await processes.start(path);
    await one.count(1);
    const two = await processes.start(relative(process.cwd(), path));
    await two.tell({ chdir: folder });
    await two.count(2);
    assert.equal(await one.total(), 3);
    assert.deepEqual(readdirSync(folder).sort(), [
      "metrics.db",
      "metrics.db-mark",
      "metrics.db-shm",
      "metrics.db-wal",
    ]);
  }),
);
