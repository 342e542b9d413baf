/**
 * The protocol between a shared registry and the store that its processes have in
 * common. A backend implements it and knows nothing about metrics. It adds to rows of
 * numbers, replaces them, and reads them.
 *
 * @module
 */
import type { Timers } from "../time/clock.ts";

/**
 * Some numbers under a name. Everything is written and read in rows.
 *
 * Both texts are opaque to the backend, which compares and stores them unchanged. They
 * are never empty and have no control characters and no lone surrogates. They may have
 * thousands of characters. Help texts and values of `process` may hold any character.
 */
export interface Row {
  /** The family and its schema. Rows of one family differ only in `series`. */
  readonly family: string;
  /** The series, or a part of one. */
  readonly series: string;
  /**
   * The numbers: at least one, few, and always the same count for one `family` and `series`.
   * They may be any double: `NaN`, the infinities, `-0`, and subnormal numbers. They
   * must be read back bit by bit. In a total, they must be the result of IEEE 754 addition.
   */
  readonly numbers: readonly number[];
  /** In a total that is a part of a series: the `series` of the row of the whole series. */
  readonly partOf?: string | undefined;
  /**
   * In a total of a family with `maxSeries`: the `series` to add to instead if the family has no
   * room for a new one. A part goes where its series goes. The series comes first in the batch.
   */
  readonly overflow?: string | undefined;
}

/** The name of a row, which is enough to delete it. */
export type RowName = Pick<Row, "family" | "series">;

/** A family, as a batch introduces it to the store. */
export interface FamilyEntry {
  /** The family, as in {@linkcode Row}. */
  readonly family: string;
  /** Its help text. It may change; the store keeps the last one. */
  readonly help: string;
  /** How many series it may have, without the overflow series, if there is a limit. */
  readonly maxSeries?: number | undefined;
  /**
   * How long the store keeps a total that nothing is added to, in milliseconds of its own clock,
   * if there is a limit. The row is then deleted. A series that comes back starts at zero.
   */
  readonly expireAfterMs?: number | undefined;
}

/**
 * The changes of one process. The store applies all of them or none, once.
 *
 * A batch is frozen. If there is no answer, exactly the same batch is sent again until it is
 * acknowledged, and no other batch is sent before that. A late copy may still arrive after
 * later batches were acknowledged.
 */
export interface Batch {
  /** Counts the batches of the instance: 1, 2, 3, … */
  readonly sequence: number;
  /**
   * Families that may be new to the store, which remembers the order in which it first saw
   * them. Rows may name a family that was not introduced. It then has no help text.
   * A family with a limit is introduced in every batch that changes it.
   */
  readonly families: readonly FamilyEntry[];
  /**
   * Rows whose numbers are added, one by one, to the total of all instances. A new row
   * starts at `0`. The numbers are finite. A total that would not be finite starts at zero
   * again. Totals outlive the instances that added to them.
   */
  readonly adds: readonly Row[];
  /** Rows of the instance itself, which replace its rows of the same names. */
  readonly sets: readonly Row[];
  /** Rows of the instance itself that were deleted. A missing row is no error. */
  readonly deletes: readonly RowName[];
}

/**
 * The result of a push:
 * - `"applied"`: the batch is in the store, by this call or by an earlier one.
 * - `"unknown"`: the store does not know the instance, and has changed nothing. The
 *   shared registry then joins again under a new name and sends everything that is needed.
 */
export type PushResult = "applied" | "unknown";

/** A process, or a part of one, that writes to the store. */
export interface Instance {
  /** A name that no other instance ever has. */
  readonly id: string;
  /** The value of the label `process`: for people, and not always unique. */
  readonly process: string;
}

/** An instance, as the store knows it. */
export interface StoredInstance extends Instance {
  /** Whether it sent something within `deadAfterMs` and has not left. */
  readonly alive: boolean;
  /** A number that is greater for instances that joined later. */
  readonly order: number;
}

/** A row that one instance has set. */
export interface InstanceRow extends Row {
  /** The `id` of the instance. */
  readonly instance: string;
}

/**
 * A part of the content of the store. A slice takes at most a few milliseconds to make, and has
 * about 1000 rows. The reader pauses between slices. Properties that are missing count as empty.
 */
export interface StoredSlice {
  /** Instances. They come before their rows. */
  readonly instances?: readonly StoredInstance[];
  /** Families, in the order in which the store first saw them. They come before all rows. */
  readonly families?: readonly FamilyEntry[];
  /** Totals. Rows of the same name are added up, so each peer may answer for itself. */
  readonly totals?: readonly Row[];
  /** Rows that instances have set. */
  readonly values?: readonly InstanceRow[];
}

/** Options of {@linkcode Backend.open}. */
export interface OpenOptions {
  /** Programs under different namespaces do not see each other's rows and instances. */
  readonly namespace: string;
  /** Whether to only read. The store must exist, and nothing in it is changed. */
  readonly readOnly: boolean;
  /** How long an instance may be silent before it counts as ended, in milliseconds. */
  readonly deadAfterMs: number;
  /**
   * How long the rows of an ended instance are kept, in milliseconds since it last sent
   * something. The store then deletes the instance and its rows, a part at a time. An instance that
   * has not left is kept for `deadAfterMs` at least.
   */
  readonly retentionMs: number;
  /** Aborted when the caller gives up. Pending work should then end soon. */
  readonly signal: AbortSignal;
  /** The clock and timers of the store. @default {the platform} */
  readonly timers?: Timers | undefined;
}

/** Options of every call. */
export interface CallOptions {
  /**
   * Aborted when the caller gives up. The call should then end soon, and reject if its
   * work is not done. A call that ignores the signal does no other harm: the same
   * batch may be pushed again while an earlier push of it still hangs.
   */
  readonly signal: AbortSignal;
  /**
   * How long the caller waits, in milliseconds, if that is known. A store that asks
   * peers can then return in time without some of their answers.
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * An open store, which a backend implements.
 *
 * **Exactly once.** `push()` compares the batch's sequence number with the stored number of
 * the instance, and changes that number together with the rows, in one transaction:
 * - the next number: apply the batch, return `"applied"`
 * - the number that was applied last, or a smaller one: change nothing, return `"applied"`
 * - an instance that has not joined, or was forgotten: change nothing, return `"unknown"`
 * - a greater number: the store has lost acknowledged batches, for example because it was
 *   restored from a backup. It must delete everything under the namespace, take a new epoch
 *   and return `"unknown"`. To Prometheus, totals that begin at zero are a restart, but
 *   totals that fall a little are a false increase.
 *
 * **Liveness.** Each push shows that the instance is alive, even with an empty batch.
 * Use the store's own clock if it has one, never process ids.
 *
 * **Time.** No call may block the event loop for more than a few milliseconds. If something
 * cannot be done now (a lock, a connection that is down), wait asynchronously, or reject with
 * an `Error` that states the reason. The caller counts the error and retries with its next
 * interval. After `close()`, nothing in the background may keep the process alive.
 *
 * Calls may overlap: a read with a push, and reads with each other.
 */
export interface Session {
  /**
   * Adds the instance, alive, with no rows and sequence number 0. Joining again
   * under the same `id` changes nothing.
   *
   * @param instance The instance.
   * @param options A signal.
   * @returns The epoch: a text that stays the same as long as the store has lost nothing.
   * After the store has started again, it is a new random text. It is unique to the store and
   * the namespace, so a process that comes back to an epoch sends nothing twice.
   */
  join(instance: Instance, options: CallOptions): Promise<string>;
  /**
   * Applies a batch, once.
   *
   * @param id The instance that sends it.
   * @param batch At most about {@linkcode Session.maxNumbers} numbers, if that is set.
   * @param options A signal.
   * @returns The result.
   */
  push(id: string, batch: Batch, options: CallOptions): Promise<PushResult>;
  /**
   * Marks an instance as ended: it is not alive from now on. Its rows are kept for
   * `retentionMs`. An unknown instance is no error.
   *
   * @param id The instance.
   * @param options A signal.
   */
  leave(id: string, options: CallOptions): Promise<void>;
  /**
   * Reads everything under the namespace. The rows of one family should be of the same
   * moment. The numbers of one row must be.
   *
   * @param options A signal.
   * @returns The slices. If the caller ends early, it must release everything, such as a transaction.
   */
  read(options: CallOptions): AsyncIterable<StoredSlice>;
  /** Releases everything: connections, timers, files. Nothing is called afterwards. */
  close(): Promise<void>;
  /** The most numbers that a batch should have. @default {1000} */
  readonly maxNumbers?: number | undefined;
  /**
   * Collects metrics of the backend itself, such as its peers by their state. Optional.
   *
   * @returns The families, with current numbers.
   */
  collect?(): Iterable<BackendFamily>;
}

/** A gauge of the backend itself. */
export interface BackendFamily {
  /** The name, which begins with `narthex_backend_`. */
  readonly name: string;
  /** The help text. */
  readonly help: string;
  /** The series. */
  readonly samples: readonly { labels: Readonly<Record<string, string>>; value: number }[];
}

/**
 * A kind of store, which `loadBackend()` takes.
 *
 * @example The smallest backend, which keeps everything in this process
 * ```ts
 * import type { Backend, Row } from "@narthex/prometheus/multiprocess";
 * import { loadBackend } from "@narthex/prometheus/multiprocess";
 * import { CollectorRegistry, Counter, generateMetricsAsync } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const sequences = new Map<string, number>();
 * const totals = new Map<string, Row>();
 * const epoch = crypto.randomUUID();
 * const memory: Backend = {
 *   name: "memory",
 *   open: async () => ({
 *     join: async ({ id }) => {
 *       if (!sequences.has(id)) sequences.set(id, 0);
 *       return epoch;
 *     },
 *     push: async (id, batch) => {
 *       const last = sequences.get(id);
 *       if (last === undefined) return "unknown";
 *       if (batch.sequence <= last) return "applied";
 *       for (const row of batch.adds) {
 *         const key = JSON.stringify([row.family, row.series]);
 *         const old = totals.get(key)?.numbers;
 *         const numbers = row.numbers.map((number, i) => number + (old?.[i] ?? 0));
 *         totals.set(key, { ...row, numbers });
 *       }
 *       sequences.set(id, batch.sequence);
 *       return "applied";
 *     },
 *     leave: async (id) => void sequences.delete(id),
 *     read: async function* () {
 *       yield { totals: [...totals.values()] };
 *     },
 *     close: async () => {},
 *   }),
 * };
 *
 * const registry = new CollectorRegistry();
 * new Counter("jobs_total", "Jobs.", { registry }).inc(3);
 * await using shared = await loadBackend(memory, { registry });
 * assert.match(await generateMetricsAsync(shared), /^jobs_total 3$/m);
 * ```
 */
export interface Backend {
  /** Its name in errors. */
  readonly name: string;
  /**
   * Opens the store. Rejects only if it can never work: a wrong path, no permission, a store of
   * another kind or version. The error explains what to do. If the store is only down, `open()`
   * resolves, and calls fail until it is back.
   *
   * @param options Options.
   * @returns The store.
   */
  open(options: OpenOptions): Promise<Session>;
}
