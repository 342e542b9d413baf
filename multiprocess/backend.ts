/**
 * The protocol between a shared registry and the store that its processes have in
 * common. A backend implements it, knows nothing of metrics, and does three things
 * to rows of numbers: it adds to them, replaces them, and hands them out.
 *
 * @module
 */
import type { Timers } from "../time/clock.ts";

/**
 * Some numbers under a name: the unit in which everything is written and read.
 *
 * Both texts are opaque to the backend, which compares and keeps them as they are. They
 * are never empty, have no control characters and no lone surrogates, and may be some
 * thousand characters long. Help texts and what `process` says may hold any character.
 */
export interface Row {
  /** The family and its schema: rows of one family differ in `series` only. */
  readonly family: string;
  /** The series, or the part of it. */
  readonly series: string;
  /**
   * The numbers: never none, few, and always as many for one `family` and `series`.
   * Any double is among them: `NaN`, the infinities, `-0`, and subnormal ones. They
   * have to come back bit by bit, or, in a total, as IEEE 754 addition makes them.
   */
  readonly numbers: readonly number[];
  /** In a total that is a part of a series: the `series` of the row that stands for all of it. */
  readonly partOf?: string | undefined;
  /**
   * In a total of a family with `maxSeries`: the `series` to add to instead if the family has no
   * room for a new one. A part goes where its series goes, which comes before it in the batch.
   */
  readonly overflow?: string | undefined;
}

/** The name of a row: its numbers are not needed to forget it. */
export type RowName = Pick<Row, "family" | "series">;

/** A family as it is introduced to the store. */
export interface FamilyEntry {
  /** The family, as in {@linkcode Row}. */
  readonly family: string;
  /** Its help text, which may change; the text that came last is kept. */
  readonly help: string;
  /** How many series it may have, the overflow series apart, if there is a limit. */
  readonly maxSeries?: number | undefined;
  /**
   * How long a total is kept that nothing is added to, in milliseconds of the store's clock, if
   * there is a limit. The row is then deleted. A series that comes back starts at zero.
   */
  readonly expireAfterMs?: number | undefined;
}

/**
 * What changed in one process. The store applies all of it or nothing, once.
 *
 * A batch is frozen: when its fate is not known, it is sent again exactly as it was,
 * as often as it takes, and no other batch is sent before it is acknowledged. A late
 * copy may still arrive after later batches were acknowledged.
 */
export interface Batch {
  /** Counts the batches of the instance: 1, 2, 3, … */
  readonly sequence: number;
  /**
   * Families that the store may not know. It remembers the order in which it first saw
   * them. Rows may name a family that was not introduced; it has no help text then.
   * A family with a limit is introduced in every batch that adds to it.
   */
  readonly families: readonly FamilyEntry[];
  /**
   * Rows whose numbers are added, one by one, to the total of all instances: a row that
   * is not there yet counts as all `0`. The numbers are finite. A total that would not be finite
   * starts at zero again. Totals outlive the instances that added to them.
   */
  readonly adds: readonly Row[];
  /** Rows of the instance itself, which take the place of what it has under their names. */
  readonly sets: readonly Row[];
  /** Rows of the instance itself that are gone. One that is not there is no error. */
  readonly deletes: readonly RowName[];
}

/**
 * What became of a batch:
 * - `"applied"`: it is in the store, by this call or by an earlier one.
 * - `"unknown"`: the store does not know the instance, and has changed nothing. The
 *   shared registry then joins again under a new name and sends what is needed.
 */
export type PushResult = "applied" | "unknown";

/** A process, or a part of one, that writes to the store. */
export interface Instance {
  /** A name that no other instance has, before or after. */
  readonly id: string;
  /** What the label `process` says: for people, and not always unique. */
  readonly process: string;
}

/** An instance as the store knows it. */
export interface StoredInstance extends Instance {
  /** Whether it was heard of within `deadAfterMs` and has not left. */
  readonly alive: boolean;
  /** A number that is greater for instances that joined later. */
  readonly order: number;
}

/** A row of one instance, which it has set. */
export interface InstanceRow extends Row {
  /** The `id` of the instance. */
  readonly instance: string;
}

/**
 * A part of what the store holds. Everything comes in slices that take at most some
 * milliseconds to make, about 1000 rows each; the reader pauses between them. What is
 * left out of a slice is empty.
 */
export interface StoredSlice {
  /** Instances. They come before the rows that are theirs. */
  readonly instances?: readonly StoredInstance[];
  /** Families, each in the place in which the store first saw it. They come before all rows. */
  readonly families?: readonly FamilyEntry[];
  /** Totals. One that comes more than once is added up, so that peers may answer each for itself. */
  readonly totals?: readonly Row[];
  /** What instances have set. */
  readonly values?: readonly InstanceRow[];
}

/** Options of {@linkcode Backend.open}. */
export interface OpenOptions {
  /** Programs under different namespaces do not see each other's rows and instances. */
  readonly namespace: string;
  /** Whether to only read: the store must exist, and nothing in it is changed. */
  readonly readOnly: boolean;
  /** How long an instance may be silent before it counts as ended, in milliseconds. */
  readonly deadAfterMs: number;
  /**
   * How long the rows of an ended instance are kept, in milliseconds since it was last
   * heard of. The store then forgets it and its rows, a part at a time.
   */
  readonly retentionMs: number;
  /** Aborted when the caller gives up. Whatever is under way should end soon. */
  readonly signal: AbortSignal;
  /** Where the store takes time from. @default {the platform} */
  readonly timers?: Timers | undefined;
}

/** Options of every call. */
export interface CallOptions {
  /**
   * Aborted when the caller gives up. The call should then end soon, and reject if its
   * work is not done. A call that ignores it costs nothing but itself: the same
   * batch may be pushed again while an earlier push of it still hangs.
   */
  readonly signal: AbortSignal;
  /**
   * For how long the caller waits, in milliseconds, if that is known: a store that asks
   * others can then do without some of the answers in time.
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * A store that is open: what a backend has to implement.
 *
 * **Exactly once.** `push()` compares the batch's sequence number with the one that
 * it has for the instance, and changes it together with the rows, in one transaction:
 * - the number that comes next: apply the batch, `"applied"`
 * - the number that was applied last, or a smaller one: change nothing, `"applied"`
 * - an instance that has not joined, or was forgotten: change nothing, `"unknown"`
 * - a number further on: the store has lost batches that it had acknowledged, as after
 *   it was restored from a backup. It must forget everything under the namespace, take
 *   a new epoch and say `"unknown"`: totals that begin at zero are a restart to
 *   Prometheus, while totals that fall a little are a false increase.
 *
 * **Liveness.** Whatever an instance pushes, an empty batch too, says that it is alive.
 * Judge by the store's own clock if it has one, never by process ids.
 *
 * **Time.** No call may block the event loop for more than some milliseconds. Whatever
 * cannot be done now (a lock, a connection that is down) is waited for asynchronously,
 * or rejected with an `Error` that says what is wrong; the caller counts it and
 * tries again with its next interval. Nothing that waits in the background may keep the
 * process alive once `close()` was called.
 *
 * Calls may overlap: a read with a push, and reads with each other.
 */
export interface Session {
  /**
   * Makes the instance known, alive, with no rows and sequence number 0. Joining again
   * under the same `id` changes nothing.
   *
   * @param instance The instance.
   * @param options A signal.
   * @returns The epoch: a text that stays the same for as long as the store has lost
   * nothing, and is another one, at random, after it started again. No other store or
   * namespace has it: a process that comes back to an epoch brings nothing twice.
   */
  join(instance: Instance, options: CallOptions): Promise<string>;
  /**
   * Applies a batch, once.
   *
   * @param id The instance that sends it.
   * @param batch At most about {@linkcode Session.maxNumbers} numbers, if that is set.
   * @param options A signal.
   * @returns What became of it.
   */
  push(id: string, batch: Batch, options: CallOptions): Promise<PushResult>;
  /**
   * Says that an instance ends: it is not alive from now on. Its rows are kept for
   * `retentionMs`. Not knowing it is no error.
   *
   * @param id The instance.
   * @param options A signal.
   */
  leave(id: string, options: CallOptions): Promise<void>;
  /**
   * Brings everything under the namespace. Rows that belong to one family should be of
   * one moment; each row has to be.
   *
   * @param options A signal.
   * @returns The slices. Ending early must let go of everything, a transaction for example.
   */
  read(options: CallOptions): AsyncIterable<StoredSlice>;
  /** Lets go of everything: connections, timers, files. Nothing is called afterwards. */
  close(): Promise<void>;
  /** How many numbers a batch should have at most. @default {1000} */
  readonly maxNumbers?: number | undefined;
  /**
   * Metrics of the backend itself, such as its peers by their state. Optional.
   *
   * @returns The families, with the numbers of now.
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
 * A kind of store: what `loadBackend()` takes.
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
  /** What it is called in errors. */
  readonly name: string;
  /**
   * Opens the store. Rejects, with an error that says what to do about it, only when it can never
   * work: a wrong path, no permission, a store of another kind or version. A store that
   * is merely down is no reason: calls then fail until it is back.
   *
   * @param options What the store has to know.
   * @returns The store.
   */
  open(options: OpenOptions): Promise<Session>;
}
