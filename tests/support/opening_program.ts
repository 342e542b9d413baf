/**
 * Opens an SQLite store and prints the result: `opening_program.ts <path> <user id or "-">`.
 * Its timers never fire, so it prints nothing if the backend waits.
 *
 * @module
 */
import process from "node:process";
import { CollectorRegistry } from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { sqliteBackend } from "../../multiprocess/sqlite/mod.ts";
import { SYSTEM_CLOCK } from "../../time/clock.ts";

const [path = "", user = "-"] = process.argv.slice(2);
await import("node:sqlite");
if (user !== "-") process.setuid!(Number(user));
try {
  const shared = await loadBackend(sqliteBackend(path), {
    registry: new CollectorRegistry(),
    timers: { ...SYSTEM_CLOCK, setTimeout: () => () => {} },
  });
  console.log(`loaded: ${await shared.flush()}`);
  await shared.close();
} catch (error) {
  console.log(`rejected: ${error}`);
}
