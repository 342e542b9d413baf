import type { MetricFamily, Registry } from "../../mod.ts";
import type { Batch, Instance, Session } from "../backend.ts";
import type { Timers } from "../../time/clock.ts";
import { abortable } from "../../time/time_limit.ts";
import { type Draft, Tracker } from "./tracker.ts";

/** The most numbers in a batch if the session sets no limit. */
const MAX_NUMBERS = 1000;

const NOTHING: Draft = { families: [], adds: [], sets: [], deletes: [] };

/** Options of {@linkcode Flusher}. */
export interface FlusherOptions {
  readonly session: Session;
  /** Returns the shared registry, which is the same when a backend is loaded again. */
  readonly owner: () => Registry;
  /** The value of the label `process`. */
  readonly process: string;
  /** After how much time without a batch a heartbeat is sent, in milliseconds. */
  readonly heartbeatMs: number;
  /** Called when a batch is given up because it is unknown whether it was applied. */
  readonly onLost: (error: Error) => void;
  readonly timers: Timers;
}

/** How many former stores of a registry are remembered. */
const MAX_EPOCHS = 8;

/** The state that a flusher hands to the next one of the same registry and store. */
interface HandOver {
  readonly tracker: Pick<Tracker, "drafts" | "forgetStore">;
  readonly frozen: Frozen | undefined;
}

/** The part of a former flusher that the next one uses. It may be of another package copy. */
interface Former {
  handOver(epoch: string): HandOver | undefined;
}

/** The global key of the former flushers, for all copies of one version of this package. */
const KEY = Symbol.for("narthex.flushers.2");

/** Returns the last flusher of a registry for each store, by the store's epoch. */
function formersOf(registry: Registry): Map<string, Former> {
  // A copy of this module created it, because the key names the version.
  const shared = globalThis as { [KEY]?: WeakMap<Registry, Map<string, Former>> };
  const all = shared[KEY] ??= new WeakMap();
  let formers = all.get(registry);
  if (formers === undefined) all.set(registry, formers = new Map());
  return formers;
}

/** A batch that is being sent. */
interface Frozen {
  readonly batch: Batch;
  /** How often it was sent, without an answer. */
  attempts: number;
}

/**
 * Sends changes to the store, exactly once. It sends one batch at a time, which is frozen
 * until it is acknowledged. All other changes stay in the metrics themselves, so nothing
 * piles up while the store is down.
 */
export class Flusher implements Former {
  readonly #options: FlusherOptions;
  #tracker: HandOver["tracker"];
  #instance: Instance;
  /** The epoch of the store that this instance has joined. */
  #epoch: string | undefined = undefined;
  #formerEpoch: string | undefined = undefined;
  /** How often a store was joined. */
  #joins = 0;
  #sequence = 0;
  #frozen: Frozen | undefined = undefined;
  /** When the store last acknowledged a batch. */
  #acknowledged = -Infinity;

  constructor(options: FlusherOptions) {
    this.#options = options;
    this.#tracker = new Tracker(options.timers);
    this.#instance = { id: crypto.randomUUID(), process: options.process };
  }

  /**
   * Sends everything that has changed until now. Only one call at a time is allowed.
   *
   * @param families The families to send. They are live.
   * @param signal Aborted when the caller gives up.
   * @throws {unknown} The error of the session. The next call sends the rest.
   */
  async flush(families: readonly MetricFamily[], signal: AbortSignal): Promise<void> {
    const { session, heartbeatMs } = this.#options;
    await this.#join(signal);
    await this.#send(signal);
    const maxNumbers = session.maxNumbers ?? MAX_NUMBERS;
    let joins: number;
    do {
      joins = this.#joins;
      for await (const draft of this.#tracker.drafts(families, maxNumbers)) {
        // The tracker counts a draft as sent, so keep it before anything can fail.
        this.#freeze(draft);
        await this.#send(signal);
      }
      // If the store forgot this process during the walk, it lacks the first part of it.
    } while (joins !== this.#joins);
    if (this.#now() - this.#acknowledged >= heartbeatMs) {
      this.#freeze(NOTHING);
      await this.#send(signal);
    }
  }

  /**
   * Returns the state for the next flusher of the same registry. This flusher must be closed.
   *
   * @param epoch The epoch of the store.
   * @returns The state, or undefined if this flusher has left that epoch.
   */
  handOver(epoch: string): HandOver | undefined {
    if ((this.#epoch ?? this.#formerEpoch) !== epoch) return undefined;
    return { tracker: this.#tracker, frozen: this.#frozen };
  }

  /** Moves to another registry, to which the metrics have moved. */
  moveTo(registry: Registry, former: Registry): void {
    const [to, from] = [formersOf(registry), formersOf(former)];
    for (const [epoch, flusher] of from) to.set(epoch, flusher);
    from.clear();
  }

  /** Leaves the store, because this process ends. */
  async leave(signal: AbortSignal): Promise<void> {
    if (this.#epoch === undefined) return;
    await abortable(this.#options.session.leave(this.#instance.id, { signal }), signal);
  }

  #now(): number {
    return this.#options.timers.monotonic() * 1000;
  }

  #freeze(draft: Draft): void {
    this.#frozen = { batch: { sequence: ++this.#sequence, ...pick(draft) }, attempts: 0 };
  }

  async #join(signal: AbortSignal): Promise<void> {
    if (this.#epoch !== undefined) return;
    const { session, owner, onLost } = this.#options;
    const epoch = await abortable(session.join(this.#instance, { signal }), signal);
    const formers = formersOf(owner());
    if (this.#joins === 0) this.#continueFrom(epoch, formers.get(epoch)?.handOver(epoch));
    formers.delete(epoch);
    formers.set(epoch, this);
    const [oldest] = formers.keys();
    if (formers.size > MAX_EPOCHS) formers.delete(oldest!);
    const frozen = this.#frozen;
    this.#sequence = 0;
    if (frozen !== undefined) {
      // The store forgot this process. If it lost everything, it cannot have the batch. If not, a
      // copy without an answer may be in the totals. Losing it is better than counting it twice.
      const isUncertain = frozen.attempts > 1 && epoch === this.#formerEpoch;
      if (isUncertain && frozen.batch.adds.length > 0) {
        onLost(new Error("Cannot flush: the store forgot a batch, which may be in its totals"));
      }
      this.#freeze(isUncertain ? { ...frozen.batch, adds: [] } : frozen.batch);
    }
    this.#epoch = epoch;
    this.#joins++;
  }

  /** Continues the work of a closed flusher of the same store. */
  #continueFrom(epoch: string, former: HandOver | undefined): void {
    if (former === undefined) return;
    this.#tracker = former.tracker;
    this.#tracker.forgetStore();
    // Another instance sent its last batch. It is unknown whether it was applied.
    const { frozen } = former;
    this.#frozen = frozen && { batch: frozen.batch, attempts: frozen.attempts + 1 };
    this.#formerEpoch = epoch;
  }

  async #send(signal: AbortSignal): Promise<void> {
    const { session } = this.#options;
    let rejoined = false;
    while (this.#frozen !== undefined) {
      signal.throwIfAborted();
      const frozen = this.#frozen;
      frozen.attempts++;
      const pushed = session.push(this.#instance.id, frozen.batch, { signal });
      if (await abortable(pushed, signal) === "applied") {
        this.#frozen = undefined;
        this.#acknowledged = this.#now();
        return;
      }
      if (rejoined) {
        throw new Error("Cannot flush: the store forgets an instance that has just joined");
      }
      rejoined = true;
      this.#instance = { id: crypto.randomUUID(), process: this.#instance.process };
      this.#formerEpoch = this.#epoch;
      this.#epoch = undefined;
      this.#tracker.forgetStore();
      await this.#join(signal);
    }
  }
}

/** Returns only the properties of a draft. */
function pick({ families, adds, sets, deletes }: Draft): Draft {
  return { families, adds, sets, deletes };
}
