/**
 * Shares metrics of several processes on one host in a database file, through SQLite, which
 * is built into Deno, Bun and Node.js.
 *
 * ```ts
 * import { Counter, metricsHandler } from "@narthex/prometheus";
 * import { loadBackend } from "@narthex/prometheus/multiprocess";
 * import { sqliteBackend } from "@narthex/prometheus/sqlite";
 * import { tmpdir } from "node:os";
 *
 * new Counter("hits_total", "Hits.").inc();
 * const shared = await loadBackend(sqliteBackend(`${tmpdir()}/metrics-${Date.now()}.db`));
 * const handler = metricsHandler(); // answers for all processes that use this file
 * await handler(new Request("http://localhost/metrics"));
 * await shared.close();
 * ```
 *
 * @module
 */
import { isAbsolute, resolve } from "node:path";
import { SYSTEM_CLOCK } from "../../time/clock.ts";
import { limitTime } from "../../time/time_limit.ts";
import type { Backend, OpenOptions, Session } from "../backend.ts";
import { explain, isTransient, whenUnlocked } from "./database.ts";
import { SqliteSession } from "./session.ts";

export type { Backend, OpenOptions, Session } from "../backend.ts";

/** The longest wait for a lock when the store is opened, in milliseconds. */
const CHECK_MS = 1000;

/**
 * Returns a backend for the processes of one host, in an SQLite database. Under Deno they need
 * `--allow-read` and `--allow-write` for the file.
 *
 * @param path The file, on a local disk. It is created if it does not exist.
 * @returns The backend, for `loadBackend()`, which rejects if the file is damaged, is of
 * another kind, or cannot be read or written.
 * @throws {TypeError} If the path is not a string or is empty.
 *
 * @example A script that adds to the counts of its former runs
 * ```ts
 * import { CollectorRegistry, Counter } from "@narthex/prometheus";
 * import { loadBackend } from "@narthex/prometheus/multiprocess";
 * import { sqliteBackend } from "@narthex/prometheus/sqlite";
 * import assert from "node:assert/strict";
 * import { mkdtempSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 *
 * const path = join(mkdtempSync(join(tmpdir(), "metrics-")), "metrics.db");
 * for (const total of [1, 2, 3]) {
 *   const registry = new CollectorRegistry();
 *   new Counter("runs_total", "Runs of the script.", { registry }).inc();
 *   await using shared = await loadBackend(sqliteBackend(path), { registry });
 *   assert.equal(await shared.getSampleValueAsync("runs_total"), total);
 * }
 * ```
 */
export function sqliteBackend(path: string): Backend {
  if (typeof path !== "string" || path === "") {
    throw new TypeError(
      `Cannot create SQLite backend: path must be a string, not empty: received ${String(path)}`,
    );
  }
  const file = toAbsolute(path);
  return {
    name: "SQLite",
    async open(options: OpenOptions): Promise<Session> {
      // Imported here, so that other programs do not load it.
      const sqlite = await import("node:sqlite");
      const session = new SqliteSession(sqlite, file, options);
      const { signal: outer, timers = SYSTEM_CLOCK } = options;
      const { signal, end } = limitTime(CHECK_MS, { outer, timers });
      try {
        await whenUnlocked(signal, timers, () => session.connect());
      } catch (error) {
        // Each flush retries after a transient failure.
        if (!isTransient(error, file, options.readOnly) && error !== signal.reason) {
          throw explain(error, file, "open");
        }
      } finally {
        end();
      }
      return session;
    },
  };
}

/** Returns the absolute path, which stays the same if the program changes its directory. */
function toAbsolute(path: string): string {
  if (path === ":memory:" || isAbsolute(path)) return path;
  try {
    return resolve(path);
  } catch {
    // Deno needs a permission to read the directory. Without it, the program cannot change it.
    return path;
  }
}
