import type { MetricFamily, Registry } from "../../mod.ts";
import type { Batch, Instance, Session } from "../backend.ts";
import type { Timers } from "../../time/clock.ts";
import { abortable } from "../../time/time_limit.ts";
import { type Draft, Tracker } from "./tracker.ts";

/** How many numbers a batch has when the session does not say it. */
const MAX_NUMBERS = 1000;

const NOTHING: Draft = { families: [], adds: [], sets: [], deletes: [] };

/** Options of {@linkcode Flusher}. */
export interface FlusherOptions {
  readonly session: Session;
  /** Returns the registry that is shared: it is the same when a backend is loaded again. */
  readonly owner: () => Registry;
  /** The value of the label `process`. */
  readonly process: string;
  /** After how long a silence the store hears that this process is alive, in milliseconds. */
  readonly heartbeatMs: number;
  /** Called when a batch had to be given up, whose fate cannot be known any more. */
  readonly onLost: (error: Error) => void;
  readonly timers: Timers;
}

/** How many stores a registry is remembered to have been in. */
const MAX_EPOCHS = 8;

/** What a flusher hands to the next one of the same registry and store. */
interface HandOver {
  readonly tracker: Pick<Tracker, "drafts" | "forgetStore">;
  readonly frozen: Frozen | undefined;
}

/** What the next flusher uses of a former one, which may be of another copy of the package. */
interface Former {
  handOver(epoch: string): HandOver | undefined;
}

/** Where all copies of this package of one version find the former flushers. */
const KEY = Symbol.for("narthex.flushers.2");

/** Returns the flushers that brought the numbers of a registry to each store last, by its epoch. */
function formersOf(registry: Registry): Map<string, Former> {
  // It was put there by a copy of this module, since the key names the version.
  const shared = globalThis as { [KEY]?: WeakMap<Registry, Map<string, Former>> };
  const all = shared[KEY] ??= new WeakMap();
  let formers = all.get(registry);
  if (formers === undefined) all.set(registry, formers = new Map());
  return formers;
}

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
  #heard = -Infinity;

  constructor(options: FlusherOptions) {
    this.#options = options;
    this.#tracker = new Tracker(options.timers);
    this.#instance = { id: crypto.randomUUID(), process: options.process };
  }

  /**
   * Brings everything that has changed until now. Only one call at a time.
   *
   * @param families The families to bring. They are live.
   * @param signal Aborted when the caller gives up.
   * @throws {unknown} What the session throws; the next call goes on from there.
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
        // What is handed out counts as told, and so must be kept before anything can fail.
        this.#freeze(draft);
        await this.#send(signal);
      }
      // A store that forgot this process on the way lacks what the walk had passed by then.
    } while (joins !== this.#joins);
    if (this.#now() - this.#heard >= heartbeatMs) {
      this.#freeze(NOTHING);
      await this.#send(signal);
    }
  }

  /**
   * Returns what the next flusher of the same registry needs. This one must be closed.
   *
   * @param epoch The epoch of the store.
   * @returns What it needs, or undefined if this flusher has left that epoch.
   */
  handOver(epoch: string): HandOver | undefined {
    if ((this.#epoch ?? this.#formerEpoch) !== epoch) return undefined;
    return { tracker: this.#tracker, frozen: this.#frozen };
  }

  /** Goes on under another registry, which the metrics have moved to. */
  moveTo(registry: Registry, former: Registry): void {
    const [to, from] = [formersOf(registry), formersOf(former)];
    for (const [epoch, flusher] of from) to.set(epoch, flusher);
    from.clear();
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
    const formers = formersOf(owner());
    if (this.#joins === 0) this.#goOn(epoch, formers.get(epoch)?.handOver(epoch));
    formers.delete(epoch);
    formers.set(epoch, this);
    const [oldest] = formers.keys();
    if (formers.size > MAX_EPOCHS) formers.delete(oldest!);
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
  #goOn(epoch: string, former: HandOver | undefined): void {
    if (former === undefined) return;
    this.#tracker = former.tracker;
    this.#tracker.forgetStore();
    // Its last batch was sent by another instance: what became of that is not known here.
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
