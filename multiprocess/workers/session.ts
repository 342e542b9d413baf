import { SYSTEM_CLOCK, type Timers } from "../../time/clock.ts";
import { abortable } from "../../time/time_limit.ts";
import { nextTurn } from "../../time/turn.ts";
import type {
  BackendFamily,
  Batch,
  CallOptions,
  Instance,
  OpenOptions,
  PushResult,
  Session,
  StoredSlice,
} from "../backend.ts";
import type { FormerMemory, KnownMemory } from "./known_memory.ts";
import { type Channel, Memories, type Message } from "./memories.ts";
import { OwnMemory } from "./own_memory.ts";
import { Lives } from "./snapshot.ts";
import { contentOf, type View, viewOf } from "./view.ts";

/** Which part of a caller's time may be spent on waiting for memory that has not arrived. */
const WAIT_SHARE = 0.5;

/** After which part of the time to live an isolate looks for series that have expired. */
const EXPIRY_SHARE = 0.25;

/** How long a read waits for memory that may be on its way before it asks, in milliseconds. */
const ARRIVAL_MS = 20;

/** How often an isolate shows that its event loop turns, in milliseconds. */
const TICK_MS = 500;

/** After how long without a tick an isolate counts as blocked, in milliseconds. */
const BLOCKED_MS = 1500;

/** Options of {@linkcode WorkersSession}. */
export interface WorkersSessionOptions extends OpenOptions {
  /** How long a new isolate waits for another one that answers, in milliseconds. */
  readonly timeoutMs: number;
  /** The memories that the isolate knows from former sessions. @default {none} */
  readonly memories?: Memories | undefined;
}

/**
 * A store in memory that all isolates of the process share. Each instance writes its own memory;
 * a read looks at all of them, without asking their owners.
 *
 * An isolate notes in its roster, a memory too, which memories it knows before it shows them. So
 * a reader notices when it lacks what another isolate has shown.
 */
export class WorkersSession implements Session {
  // A batch of this size takes less than a millisecond to write.
  readonly maxNumbers = 1000;
  readonly #options: WorkersSessionOptions;
  readonly #timers: Timers;
  readonly #channel: Channel;
  readonly #memories: Memories;
  readonly #node: string = crypto.randomUUID();
  readonly #roster: OwnMemory;
  /** The keys in the roster. */
  #noted: ReadonlySet<number> = new Set();
  /** The instances of this session. */
  readonly #own: Map<string, OwnMemory> = new Map();
  readonly #opened: number;
  /** Whether an isolate that knows what was counted before has answered. */
  #isAnswered = false;
  /** How many messages have arrived. */
  #heard = 0;
  /** Calls that wait for a message. */
  readonly #waiting: Set<() => void> = new Set();
  #ticked: number;
  /** When it last looked for series that have expired. */
  #expired = -Infinity;
  #cancelTick: () => void = () => {};
  #isClosed = false;
  readonly #pause = (): Promise<void> => nextTurn(this.#timers);

  constructor(channel: Channel, options: WorkersSessionOptions) {
    this.#options = options;
    this.#timers = options.timers ?? SYSTEM_CLOCK;
    this.#channel = channel;
    this.#memories = options.memories ?? new Memories();
    this.#opened = this.#ticked = this.#now();
    this.#roster = this.#memory({ id: this.#node, process: "" });
    channel.onmessage = (event) => this.#hear((event as { data: Message }).data);
    // The channel does not keep the program alive.
    channel.unref();
    this.#roster.commit();
    this.#memories.add(this.#roster.message, this.#opened);
    this.#tell([this.#roster], true);
    this.#scheduleTick();
  }

  async join({ id, process }: Instance, { signal }: CallOptions): Promise<string> {
    this.#check(signal);
    // Memories that can be taken over are known after an answer.
    if (!this.#own.has(id)) await this.#settle(signal);
    await this.#memories.inTurn(async () => {
      if (this.#own.has(id)) return;
      const own = this.#memory({ id, process }, await this.#takeOver());
      own.commit();
      this.#own.set(id, own);
      await this.#spread(own);
    });
    return this.#memories.epoch;
  }

  async push(id: string, batch: Batch, { signal }: CallOptions): Promise<PushResult> {
    this.#check(signal);
    const own = this.#own.get(id);
    if (own === undefined) return "unknown";
    const { sequence } = batch;
    if (sequence > own.sequence + 1) {
      throw new Error(`Cannot push batch ${sequence}: the last one was ${own.sequence}`);
    }
    const lives = own.needsLives(batch, this.#timers.now() * 1000)
      ? await this.#lives(own)
      : undefined;
    const isWritten = await this.#write(own, () => {
      own.beat();
      this.#memories.get(own.key)?.look(this.#now());
      if (sequence <= own.sequence) return;
      own.apply(batch, this.#timers.now() * 1000, lives);
      own.sequence = sequence;
      own.commit();
    });
    if (isWritten) return "applied";
    this.#check(signal);
    // Another isolate took it for ended, and goes on with its memory.
    this.#own.delete(id);
    return "unknown";
  }

  async leave(id: string, { signal }: CallOptions): Promise<void> {
    this.#check(signal);
    const own = this.#own.get(id);
    if (own === undefined || !await this.#write(own, () => own.compact())) return;
    own.leave();
    this.#own.delete(id);
  }

  async *read({ signal, timeoutMs = Infinity }: CallOptions): AsyncGenerator<StoredSlice> {
    this.#check(signal);
    this.#lookAtAll();
    await this.#settle(signal);
    const view = await this.#view(signal, timeoutMs * WAIT_SHARE);
    this.#check(signal);
    yield* contentOf(view, this.#timers.now() * 1000);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTick();
    this.#roster.leave();
    for (const wake of this.#waiting) wake();
    // Some runtimes send a posted message in a later turn.
    await nextTurn(this.#timers);
    this.#channel.close();
    // Deno closes the channel in a later turn. One that is opened before would be closed too.
    await nextTurn(this.#timers);
  }

  *collect(): Generator<BackendFamily> {
    const counts = { answering: 0, blocked: 0, ended: 0 };
    const [now, rosters] = [this.#now(), new Map<string, KnownMemory>()];
    for (const memory of this.#memories.all()) {
      if (memory.isRoster) rosters.set(memory.node, memory);
    }
    for (const memory of this.#memories.all()) {
      if (memory.isRoster || memory.node === this.#node) continue;
      const ticked = rosters.get(memory.node)?.seen ?? -Infinity;
      if (!memory.isAlive(now, this.#options)) counts.ended++;
      else counts[now - ticked > BLOCKED_MS ? "blocked" : "answering"]++;
    }
    yield {
      name: "narthex_backend_peers",
      help: "Other isolates that share the metrics: those that answer, those whose event loop " +
        "is blocked, and those that have ended and are remembered.",
      samples: Object.entries(counts).map(([state, value]) => ({ labels: { state }, value })),
    };
  }

  #memory(instance: Instance, former?: FormerMemory): OwnMemory {
    const stamp = (): number => this.#memories.stamp(this.#timers);
    return new OwnMemory({ ...instance, node: this.#node }, stamp, former);
  }

  #now(): number {
    return this.#timers.monotonic() * 1000;
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#isClosed) throw new Error("Cannot use the workers' store: it is closed");
  }

  /** Whether this isolate knows what was counted before, or can assume that nothing was. */
  get #isSettled(): boolean {
    return this.#isAnswered || this.#now() - this.#opened >= this.#options.timeoutMs;
  }

  async #settle(signal: AbortSignal): Promise<void> {
    while (!this.#isSettled) {
      const left = this.#opened + this.#options.timeoutMs - this.#now();
      await abortable(this.#message(left), signal);
      this.#check(signal);
    }
  }

  #post(message: Omit<Message, "from">): void {
    if (!this.#isClosed) this.#channel.postMessage({ from: this.#node, ...message });
  }

  #tell(own: readonly OwnMemory[], asks = false): void {
    for (const memory of own) memory.hasGrown = false;
    this.#post({ memories: own.map(({ message }) => message), asks });
  }

  /**
   * Changes the memory of an instance. Until new data are sent, no other isolate can take it over.
   *
   * @returns Whether it was changed: false if it is not the memory of that instance any more.
   */
  #write(own: OwnMemory, change: () => void): Promise<boolean> {
    return this.#memories.inTurn(async () => {
      if (this.#isClosed || !own.beginWrite()) return false;
      try {
        change();
        await this.#spread(own);
      } finally {
        own.endWrite();
      }
      return true;
    });
  }

  /** Sends new data, and only then lets the others miss them. */
  async #spread(own: OwnMemory): Promise<void> {
    // Others must not miss data that can no longer be sent.
    if (!own.hasGrown || this.#isClosed) return;
    const { message } = own;
    this.#tell([own]);
    await nextTurn(this.#timers);
    this.#memories.add(message, this.#now());
  }

  #hear(message: Message): void {
    if (this.#isClosed) return;
    const now = this.#now();
    for (const memory of message.memories) this.#memories.add(memory, now);
    // An isolate that is new itself has shown nothing that the asker could lack.
    if (message.asks && this.#isSettled) {
      // The asker can show all of these, so the others must miss what they lack of it.
      this.#inBackground(this.#note());
      const memories = this.#memories.all().map((one) => one.message(now));
      this.#post({ to: message.from, memories });
    }
    if (message.to === this.#node) this.#isAnswered = true;
    this.#heard++;
    for (const wake of this.#waiting) wake();
  }

  /** Waits for the next message, or for some time. */
  #message(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const cancel = this.#timers.setTimeout(wake, Math.max(1, ms));
      this.#waiting.add(wake);
    });
  }

  /**
   * Reads all memories when everything that other isolates have shown has arrived. Waits no longer
   * than `timeoutMs` for memory that may be lost for good.
   */
  async #view(signal: AbortSignal, patienceMs: number): Promise<View> {
    const { timeoutMs } = this.#options;
    const began = this.#now();
    let askAt = began + ARRIVAL_MS;
    while (true) {
      const heard = this.#heard;
      const view = await this.#memories.inTurn(() => this.#look());
      this.#check(signal);
      const waited = this.#now() - began;
      if (!view.hasGaps || (!view.isIncomplete && waited >= timeoutMs)) return view;
      if (waited >= patienceMs) {
        throw new Error(
          "Cannot read the workers' store: memory of another isolate has not arrived",
        );
      }
      // A message has arrived since the look. The missing memory may be in it.
      if (this.#heard !== heard) continue;
      if (this.#now() >= askAt) {
        askAt = this.#now() + timeoutMs;
        this.#tell([this.#roster], true);
      }
      const left = Math.min(askAt - this.#now(), patienceMs - waited);
      await abortable(this.#message(left), signal);
      this.#check(signal);
    }
  }

  async #look(): Promise<View> {
    const memories = this.#memories.all();
    await this.#note();
    return await viewOf(memories, this.#options, this.#timers);
  }

  /**
   * Writes the keys of all memories that this isolate knows to its roster, except rosters of
   * sessions that have ended.
   */
  async #note(): Promise<void> {
    const now = this.#now();
    const needed = this.#memories.all().filter((one) => {
      return !one.isRoster || one.isAlive(now, this.#options);
    });
    const keys = new Set(needed.map(({ key }) => key));
    const nameOf = (key: number) => ({ family: "", series: String(key) });
    const added = [...keys].filter((key) => !this.#noted.has(key));
    const gone = [...this.#noted].filter((key) => !keys.has(key));
    this.#noted = keys;
    if (added.length + gone.length === 0) return;
    const sets = added.map((key) => ({ ...nameOf(key), numbers: [] }));
    this.#roster.apply({ families: [], adds: [], sets, deletes: gone.map(nameOf) });
    this.#roster.commit();
    await this.#spread(this.#roster);
  }

  #lookAtAll(): void {
    const now = this.#now();
    for (const memory of this.#memories.all()) memory.look(now);
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#timers.setTimeout(() => this.#inBackground(this.#tick()), TICK_MS, {
      inBackground: true,
    });
  }

  /** Keeps a fault, for example a lack of memory, from ending the program. A flush reports it. */
  #inBackground(work: Promise<void>): void {
    work.catch(() => {});
  }

  /** Shows that the event loop turns, and frees memory that is not needed any more. */
  async #tick(): Promise<void> {
    const now = this.#now();
    this.#roster.beat();
    try {
      // The others may have forgotten this isolate, and messages may have been lost.
      if (now - this.#ticked > BLOCKED_MS || !this.#isSettled) {
        this.#tell([this.#roster, ...this.#own.values()], true);
      }
      this.#ticked = now;
      this.#lookAtAll();
      await this.#dropRosters();
      await this.#expire();
    } finally {
      if (!this.#isClosed) this.#scheduleTick();
    }
  }

  /** Finds the memory of an instance that has ended, so that memory does not grow with them. */
  async #takeOver(): Promise<FormerMemory | undefined> {
    for (const memory of this.#memories.all()) {
      memory.look(this.#now());
      const former = await memory.takeOver(this.#now(), this.#options, this.#pause);
      if (former !== undefined) return former;
    }
    return undefined;
  }

  /** Drops the rosters of sessions that have ended, as soon as no other roster names them. */
  async #dropRosters(): Promise<void> {
    const rosters = this.#memories.all().filter(({ isRoster }) => isRoster);
    const ended = rosters.filter((one) => !one.isAlive(this.#now(), this.#options));
    if (ended.length === 0) return;
    await this.#memories.inTurn(async () => {
      await this.#note();
      const { noted } = await viewOf(rosters, this.#options, this.#timers);
      for (const { key } of ended) if (!noted.has(key)) this.#memories.drop(key);
    });
  }

  /** The lives of series in all other memories. */
  #lives(own: OwnMemory): Promise<Lives> {
    return this.#memories.inTurn(async () => {
      const lives = new Lives();
      for (const memory of this.#memories.all()) {
        if (memory.isRoster || memory.key === own.key) continue;
        lives.add(await memory.snapshot(this.#pause));
      }
      return lives;
    });
  }

  /** Frees the rows of series that have expired. All memories are read for that. */
  async #expire(): Promise<void> {
    const expiring = [...this.#own.values()].filter((own) => own.expireAfterMs < Infinity);
    const shortestMs = Math.min(...expiring.map((own) => own.expireAfterMs));
    if (this.#now() - this.#expired < EXPIRY_SHARE * shortestMs) return;
    this.#expired = this.#now();
    for (const own of expiring) {
      const lives = await this.#lives(own);
      await this.#write(own, () => {
        own.expire(this.#timers.now() * 1000, lives);
        own.commit();
      });
    }
  }
}
