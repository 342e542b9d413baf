import type { Gatherer, Registry } from "../../mod.ts";
import type { Batch, Instance, Session } from "../backend.ts";
import type { Timers } from "../../time/clock.ts";
import { abortable } from "../../time/time_limit.ts";
import { type Draft, Tracker } from "./tracker.ts";

/** How many numbers a batch has when the session does not say it. */
const MAX_NUMBERS = 1000;

const NOTHING: Draft = { families: [], adds: [], sets: [], deletes: [] };

/** What a flusher is told. */
export interface FlusherOptions {
  readonly session: Session;
  /** What is shared. */
  readonly registry: Gatherer;
  /** The registry that it is the view of: it is the same when a backend is loaded again. */
  readonly owner: Registry;
  /** What the label `process` says. */
  readonly process: string;
  /** After how long a silence the store is told that this process is alive. */
  readonly heartbeatMs: number;
  /** Called when a batch had to be given up, whose fate cannot be known any more. */
  readonly onLost: (error: Error) => void;
  /** Called when everything that is shared was read, and what had changed is in the store. */
  readonly onRead: () => void;
  readonly timers: Timers;
}

/** How many stores a registry is remembered to have been in. */
const MAX_EPOCHS = 8;

/** Who brought the numbers of a registry to each store last, in case it is loaded again. */
const LAST: WeakMap<Registry, Map<string, Flusher>> = new WeakMap();

/** A batch that is on its way. */
interface Frozen {
  readonly batch: Batch;
  /** How often it was sent without an answer. */
  attempts: number;
}

/**
 * Brings what has changed to the store, exactly once: one batch at a time, frozen
 * until it is acknowledged. Everything that is not in the frozen batch is still in the
 * metrics themselves, so that nothing piles up while the store is down.
 */
export class Flusher {
  readonly #options: FlusherOptions;
  #tracker: Tracker;
  #instance: Instance;
  /** The epoch of the store that this instance has joined. */
  #epoch: string | undefined = undefined;
  #formerEpoch: string | undefined = undefined;
  /** How often a store was joined. */
  #joins = 0;
  #sequence = 0;
  #frozen: Frozen | undefined = undefined;
  #heard = -Infinity;

  constructor(options: FlusherOptions) {
    this.#options = options;
    this.#tracker = new Tracker(options.timers);
    this.#instance = { id: crypto.randomUUID(), process: options.process };
  }

  /**
   * Brings everything that has changed until now. Only one call at a time.
   *
   * @param signal Aborted when nobody waits any more.
   * @throws {unknown} What the session throws; the next call goes on from there.
   */
  async flush(signal: AbortSignal): Promise<void> {
    const { session, registry, heartbeatMs, onRead } = this.#options;
    await this.#join(signal);
    await this.#send(signal);
    const maxNumbers = session.maxNumbers ?? MAX_NUMBERS;
    let joins: number;
    do {
      joins = this.#joins;
      for await (const draft of this.#tracker.drafts(registry, maxNumbers)) {
        // What is handed out counts as told, and so must be kept before anything can fail.
        this.#freeze(draft);
        await this.#send(signal);
      }
      // A store that forgot this process on the way lacks what the walk had passed by then.
    } while (joins !== this.#joins);
    onRead();
    if (this.#now() - this.#heard >= heartbeatMs) {
      this.#freeze(NOTHING);
      await this.#send(signal);
    }
  }

  /** Says that this process ends. */
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
    let last = LAST.get(owner);
    if (last === undefined) LAST.set(owner, last = new Map());
    if (this.#joins === 0) this.#goOn(epoch, last.get(epoch));
    last.delete(epoch);
    last.set(epoch, this);
    const [oldest] = last.keys();
    if (last.size > MAX_EPOCHS) last.delete(oldest!);
    const frozen = this.#frozen;
    this.#sequence = 0;
    if (frozen !== undefined) {
      // The store forgot this process. If it lost everything else too, it cannot have the
      // batch. If not, a copy without an answer may be in the totals: better lost than twice.
      const isUncertain = frozen.attempts > 1 && epoch === this.#formerEpoch;
      if (isUncertain && frozen.batch.adds.length > 0) {
        onLost(new Error("Cannot flush: the store forgot a batch, which may be in its totals"));
      }
      this.#freeze(isUncertain ? { ...frozen.batch, adds: [] } : frozen.batch);
    }
    this.#epoch = epoch;
    this.#joins++;
  }

  /** Takes over from a flusher that was closed, if the store is the same. */
  #goOn(epoch: string, last: Flusher | undefined): void {
    if (last === undefined || (last.#epoch ?? last.#formerEpoch) !== epoch) return;
    this.#tracker = last.#tracker;
    this.#tracker.forgetStore();
    // Its last batch was sent by another instance: what became of that is not known here.
    const frozen = last.#frozen;
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
        this.#heard = this.#now();
        return;
      }
      if (rejoined) throw new Error("Cannot flush: the store forgets what has just joined");
      rejoined = true;
      this.#instance = { id: crypto.randomUUID(), process: this.#instance.process };
      this.#formerEpoch = this.#epoch;
      this.#epoch = undefined;
      this.#tracker.forgetStore();
      await this.#join(signal);
    }
  }
}

/** A draft without anything else that the object may have. */
function pick({ families, adds, sets, deletes }: Draft): Draft {
  return { families, adds, sets, deletes };
}
