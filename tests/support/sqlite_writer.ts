/**
 * The SQLite backend, for `writer.ts`.
 *
 * @module
 */
import type { Backend } from "../../multiprocess/mod.ts";
import { sqliteBackend } from "../../multiprocess/sqlite/mod.ts";

/** Makes the backend of a file. */
export const makeBackend = (path: string): Promise<Backend> => Promise.resolve(sqliteBackend(path));
