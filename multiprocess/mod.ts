/**
 * One registry for many isolates, processes or hosts. Each of them loads the same
 * backend, once, at start-up. A scrape of any of them then answers for all.
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
 * `docs/multiprocess.md` documents which backend to choose, how each type of metric is
 * aggregated, and the effect of each failure. A custom backend implements
 * {@linkcode Backend}.
 *
 * @module
 */
export type {
  Backend,
  BackendFamily,
  Batch,
  CallOptions,
  FamilyEntry,
  Instance,
  InstanceRow,
  OpenOptions,
  PushResult,
  Row,
  RowName,
  Session,
  StoredInstance,
  StoredSlice,
} from "./backend.ts";
export type { Clock, Timers } from "../time/clock.ts";
export { loadBackend, type LoadBackendOptions } from "./load_backend.ts";
export { mergeFamilies } from "./read/merge.ts";
export {
  type BackendOperation,
  SharedRegistry,
  type SharedRegistryOptions,
} from "./shared_registry.ts";
