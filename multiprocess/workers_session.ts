import type { BroadcastChannel } from "node:worker_threads";
import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from "node:timers";
import type {
  BackendFamily,
  Batch,
  CallOptions,
  Instance,
  OpenOptions,
  PushResult,
  Session,
  StoredSlice,
} from "./backend.ts";
import { type Changes, type Ledger, Places, Stamps } from "./ledger.ts";
import { LedgerExchange } from "./ledger_exchange.ts";
import { type Knowledge, Replica } from "./replica.ts";
import { abortable } from "./time_limit.ts";
import type { AnswerMessage, AskMessage, Message } from "./workers_messages.ts";

/** Which part of a caller's time is spent on waiting for isolates that do not answer. */
const WAIT_SHARE = 0.5;

/** How long is listened for isolates that nothing was heard of yet, in milliseconds. */
const LISTEN_MS = 10;

/** How often is looked for instances that have ended, in milliseconds. */
const UPKEEP_MS = 1000;

const NO_CHANGES: Changes = new Places(new Stamps()).changesOf({
  sequence: 0,
  families: [],
  adds: [],
  sets: [],
  deletes: [],
});

/** A question to all others, and what is waited for. */
interface Round {
  /** Sessions that have not answered. */
  readonly silent: Set<string>;
  /** What others know that is not known here: the number of the last batch. */
  readonly needs: Map<string, number>;
  /** Whether only the answers count: who asks has no use for what they tell. */
  readonly isFarewell: boolean;
  /** Whether there was time to hear of sessions that were not known. */
  hasListened: boolean;
  readonly finish: () => void;
}

/**
 * What an isolate has told under a namespace, in one session after the other. The memory of
 * a session goes with it, so what it told lasts only if another isolate has it.
 */
export class Told {
  /** The life of what was told. */
  epoch: string = crypto.randomUUID();
  /** The instances in whose name it was told. */
  readonly ids: Set<string> = new Set();
}

/** What a session is told. */
export interface WorkersSessionOptions extends OpenOptions {
  /** What the isolate has told before. @default {nothing} */
  readonly told?: Told | undefined;
  /** How long isolates that do not answer are waited for, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * A store that each isolate has a copy of. An instance's batches go to all copies, and a
 * read first asks the others what they know, so that it shows no less than any of them
 * has shown before.
 */
export class WorkersSession implements Session {
  // A message of this size takes some milliseconds to be sent, at most.
  readonly maxNumbers = 1000;
  readonly #options: WorkersSessionOptions;
  readonly #channel: BroadcastChannel;
  readonly #node: string = crypto.randomUUID();
  readonly #stamps: Stamps = new Stamps();
  readonly #replica: Replica;
  readonly #exchange: LedgerExchange;
  /** The instances of this session. */
  readonly #own: Map<string, Places> = new Map();
  readonly #told: Told;
  readonly #rounds: Map<number, Round> = new Map();
  #nonce = 0;
  /** When the others have last asked: those too that have no instance, or whose is not known yet. */
  readonly #askers: Map<string, number> = new Map();
  /** Sessions that did not answer the last question in time. */
  #blocked: Set<string> = new Set();
  readonly #opened: number = performance.now();
  /** Whether nobody has told yet what was counted before. */
  #isNew = true;
  #upkeep = 0;
  #compared = -Infinity;
  #isClosed = false;

  constructor(channel: BroadcastChannel, options: WorkersSessionOptions) {
    this.#options = options;
    this.#told = options.told ?? new Told();
    this.#channel = channel;
    this.#replica = new Replica(options);
    this.#exchange = new LedgerExchange({
      node: this.#node,
      replica: this.#replica,
      post: (message) => this.#post(message),
      timeoutMs: options.timeoutMs,
    });
    // Whatever else is sent on this channel is of the same version.
    channel.onmessage = (event) => this.#hear((event as { data: Message }).data);
    // It is for the program to say how long it runs.
    channel.unref();
    this.#ask(0);
  }

  async join({ id, process }: Instance, { signal }: CallOptions): Promise<string> {
    const told = this.#told;
    this.#check(signal);
    if (this.#own.size === 0 && told.ids.size > 0) await this.#recall(signal);
    return await this.#call(signal, () => {
      if (this.#own.has(id)) return told.epoch;
      told.ids.add(id);
      this.#own.set(id, new Places(this.#stamps));
      const head = { id, process, node: this.#node, order: this.#stamps.next() };
      this.#replica.begin(head);
      this.#post({ kind: "batch", from: this.#node, head, sequence: 0, changes: NO_CHANGES });
      return told.epoch;
    });
  }

  push(id: string, batch: Batch, { signal }: CallOptions): Promise<PushResult> {
    return this.#call(signal, () => {
      this.#keepUp();
      const places = this.#own.get(id);
      const ledger = this.#replica.ledgers.get(id);
      if (places === undefined || ledger === undefined) return "unknown";
      const { sequence } = batch;
      if (sequence <= ledger.sequence) return "applied";
      if (sequence > ledger.sequence + 1) {
        throw new Error(`Cannot push batch ${sequence}: the last one was ${ledger.sequence}`);
      }
      const changes = places.changesOf(batch);
      this.#replica.take(ledger, sequence, changes);
      this.#post({ kind: "batch", from: this.#node, head: ledger.head, sequence, changes });
      return "applied";
    });
  }

  leave(id: string, { signal }: CallOptions): Promise<void> {
    return this.#call(signal, () => {
      const ledger = this.#replica.ledgers.get(id);
      if (ledger === undefined) return;
      ledger.last = ledger.sequence;
      this.#post({ kind: "leave", from: this.#node, id, last: ledger.last });
    });
  }

  async *read({ signal, timeoutMs = Infinity }: CallOptions): AsyncGenerator<StoredSlice> {
    this.#check(signal);
    this.#keepUp();
    await this.#meet(signal, Math.min(this.#options.timeoutMs, timeoutMs * WAIT_SHARE));
    this.#check(signal);
    yield* this.#replica.read();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    // What the others lack they ask for before they answer: it is on its way then.
    const { timeoutMs } = this.#options;
    await this.#meet(new AbortController().signal, timeoutMs, true);
    await this.#exchange.whenSent();
    this.#isClosed = true;
    // Whoever reads would wait in vain.
    for (const { finish } of this.#rounds.values()) finish();
    // What was said just now is sent in a later turn by some runtimes.
    await nextTurn();
    this.#channel.close();
    // Deno lets go of the last channel in a later turn, and of one that is opened before too.
    await nextTurn();
  }

  *collect(): Generator<BackendFamily> {
    const counts = { answering: 0, blocked: 0, ended: 0 };
    for (const ledger of this.#replica.ledgers.values()) {
      if (ledger.head.node === this.#node) continue;
      if (!this.#replica.isAlive(ledger)) counts.ended++;
      else if (this.#blocked.has(ledger.head.node)) counts.blocked++;
      else counts.answering++;
    }
    yield {
      name: "narthex_backend_peers",
      help: "Other isolates that share the metrics: those that answer, those that are alive but " +
        "did not answer in time, and those that have ended and are remembered.",
      samples: Object.entries(counts).map(([state, value]) => ({ labels: { state }, value })),
    };
  }

  /** Finds out whether others still have what former sessions told; if not, its life is over. */
  async #recall(signal: AbortSignal): Promise<void> {
    const told = this.#told;
    await this.#meet(signal, this.#options.timeoutMs);
    const isKnown = (id: string): boolean => this.#replica.sequenceOf(id) !== undefined;
    // Who does not answer may have it: better lost than twice.
    if (this.#blocked.size > 0 || [...told.ids].some(isKnown)) return;
    told.epoch = crypto.randomUUID();
    told.ids.clear();
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#isClosed) throw new Error("Cannot use the workers' store: it is closed");
  }

  /** Does at once what a caller asks for, who gets a promise. */
  #call<T>(signal: AbortSignal, work: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.#check(signal);
      resolve(work());
    });
  }

  #post(message: Message): void {
    this.#channel.postMessage(message);
  }

  #ask(nonce: number): void {
    const knowledge = this.#replica.knowledge();
    this.#post({ kind: "ask", from: this.#node, nonce, knowledge, isNew: this.#isNew });
  }

  /** Whether it is known, or at least likely, that nothing was counted before. */
  get #isSettled(): boolean {
    return !this.#isNew || performance.now() - this.#opened >= this.#options.timeoutMs;
  }

  /** Asks all others what they know, and waits until it is known here too. */
  async #meet(signal: AbortSignal, waitMs: number, isFarewell = false): Promise<void> {
    const nonce = ++this.#nonce;
    const silent = this.#othersAlive();
    const { promise, resolve } = Promise.withResolvers<void>();
    const round: Round = {
      silent,
      needs: new Map(),
      isFarewell,
      hasListened: silent.size > 0,
      finish: resolve,
    };
    this.#rounds.set(nonce, round);
    this.#ask(nonce);
    this.#look(round);
    const listening = setTimeout(() => {
      setImmediate(() => {
        round.hasListened = true;
        this.#look(round);
      });
    }, LISTEN_MS);
    // Whoever began late waits for those that may know more.
    const unsettledMs = this.#opened + this.#options.timeoutMs - performance.now();
    const settling = setTimeout(() => this.#look(round), Math.max(1, unsettledMs + 1));
    const waiting = setInterval(() => {
      this.#blocked = new Set(silent);
      silent.clear();
      // Those that have ended may have been forgotten before they could be sent.
      for (const id of round.needs.keys()) {
        const isVain = this.#replica.isFolded(id) || this.#exchange.isUnobtainable(id);
        if (isVain) round.needs.delete(id);
      }
      this.#look(round);
      // What is still on its way may have been lost.
      if (this.#rounds.has(nonce)) this.#ask(nonce);
    }, Math.max(1, waitMs));
    try {
      await abortable(promise, signal);
    } finally {
      this.#rounds.delete(nonce);
      clearTimeout(listening);
      clearTimeout(settling);
      clearInterval(waiting);
    }
  }

  /** Ends a round that has nothing left to wait for. */
  #look(round: Round): void {
    const { silent, needs, isFarewell, hasListened, finish } = round;
    if (isFarewell) {
      if (silent.size === 0) finish();
      return;
    }
    for (const [id, sequence] of needs) {
      if ((this.#replica.ledgers.get(id)?.sequence ?? -1) >= sequence) needs.delete(id);
    }
    const waits = silent.size > 0 || needs.size > 0 || !hasListened;
    if (!waits && this.#isSettled && !this.#exchange.waitsForFolded) finish();
  }

  /** The sessions of others that are alive, as far as is known. */
  #othersAlive(): Set<string> {
    const nodes = new Set<string>();
    for (const ledger of this.#replica.ledgers.values()) {
      if (this.#replica.isAlive(ledger)) nodes.add(ledger.head.node);
    }
    nodes.delete(this.#node);
    return nodes;
  }

  #hear(message: Message): void {
    if (this.#isClosed) return;
    this.#blocked.delete(message.from);
    const isForMe = !("to" in message) || message.to === this.#node;
    if (!isForMe) return;
    switch (message.kind) {
      case "batch":
        this.#exchange.takeBatch(message);
        break;
      case "leave": {
        const ledger = this.#replica.ledgers.get(message.id);
        if (ledger !== undefined) ledger.last = message.last;
        break;
      }
      case "ask":
        this.#answer(message);
        break;
      case "answer":
        this.#learn(message);
        break;
      case "want":
        this.#exchange.send(message);
        break;
      case "ledger":
        this.#exchange.takeLedger(message);
        break;
      case "folded":
        if (this.#exchange.takeFolded(message)) this.#isNew = false;
    }
    for (const round of this.#rounds.values()) this.#look(round);
  }

  #answer({ from, nonce, knowledge }: AskMessage): void {
    this.#askers.set(from, performance.now());
    // Who asks tells what it knows, so that each question brings all others up to date.
    this.#exchange.want(from, [...this.#missing(from, knowledge).keys()]);
    this.#post({
      kind: "answer",
      from: this.#node,
      to: from,
      nonce,
      knowledge: this.#replica.knowledge(),
      isNew: !this.#isSettled,
      foldedCount: this.#replica.foldedCount,
    });
  }

  #learn({ from, nonce, knowledge, isNew, foldedCount }: AnswerMessage): void {
    const missing = this.#missing(from, knowledge);
    const wantsFolded = foldedCount > 0 &&
      ((this.#isNew && !isNew) || foldedCount > this.#replica.foldableCount);
    this.#exchange.want(from, [...missing.keys()], wantsFolded);
    if (!isNew && !wantsFolded) this.#isNew = false;
    const round = this.#rounds.get(nonce);
    if (round === undefined) return;
    round.silent.delete(from);
    for (const [id, sequence] of missing) {
      round.needs.set(id, Math.max(sequence, round.needs.get(id) ?? 0));
    }
  }

  /** What another session knows that is not known here. */
  #missing(from: string, { ids, sequences, lasts }: Knowledge): Map<string, number> {
    const missing = new Map<string, number>();
    for (const [i, id] of ids.entries()) {
      const sequence = sequences[i]!;
      const ledger = this.#replica.ledgers.get(id);
      if (ledger !== undefined && lasts[i]! >= 0) ledger.last ??= lasts[i]!;
      ledger?.confirmedBy.set(from, sequence);
      if (this.#own.has(id)) continue;
      // What is folded cannot be replaced any more; its gauges may still be missing.
      const isBehind = ledger !== undefined && ledger.sequence < sequence;
      const isFolded = this.#replica.isFolded(id);
      if (ledger === undefined || (isBehind && !isFolded)) missing.set(id, sequence);
    }
    return missing;
  }

  /** Folds and forgets those that have ended, now and then. */
  #keepUp(): void {
    const now = performance.now();
    if (now - this.#upkeep < UPKEEP_MS) return;
    this.#upkeep = now;
    for (const [node, at] of this.#askers) {
      if (now - at > this.#options.deadAfterMs) this.#askers.delete(node);
    }
    let mustCompare = false;
    for (const ledger of this.#replica.ledgers.values()) {
      const isOwn = ledger.head.node === this.#node;
      if (this.#replica.isExpired(ledger, isOwn)) {
        this.#own.delete(ledger.head.id);
        this.#whenUnread(ledger, () => this.#replica.forget(ledger));
      } else if (!this.#replica.isAlive(ledger) && !this.#replica.isFolded(ledger.head.id)) {
        const isKnown = ledger.isComplete && this.#isKnownToAll(ledger);
        if (isKnown) this.#whenUnread(ledger, () => this.#replica.fold(ledger));
        else mustCompare = true;
      }
    }
    // Nobody may be the only one who knows how far somebody came who has ended.
    if (!mustCompare || now - this.#compared < this.#options.deadAfterMs) return;
    this.#compared = now;
    this.#ask(0);
  }

  /** Does something to a ledger when nothing is read, unless another one has taken its place. */
  #whenUnread(ledger: Ledger, work: () => void): void {
    this.#replica.whenUnread(() => {
      if (this.#replica.ledgers.get(ledger.head.id) === ledger) work();
    });
  }

  /** Whether everybody who could still ask for a ledger has it. */
  #isKnownToAll({ confirmedBy, sequence }: Ledger): boolean {
    const isKnownTo = (node: string): boolean =>
      node === this.#node || (confirmedBy.get(node) ?? -1) >= sequence;
    const left = new Set<string>();
    for (const { head, hasLeft } of this.#replica.ledgers.values()) {
      if (hasLeft) left.add(head.node);
      else if (!isKnownTo(head.node)) return false;
    }
    // Who has left asks once more, and never again.
    for (const node of this.#askers.keys()) if (!left.has(node) && !isKnownTo(node)) return false;
    return true;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
