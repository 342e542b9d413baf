import type {
  Batch,
  CallOptions,
  Instance,
  OpenOptions,
  PushResult,
  Session,
  StoredSlice,
} from "../backend.ts";
import {
  messageOf,
  type RedisCalls,
  type Reply,
  type ScriptInput,
  UnusableError,
} from "./calls.ts";
import {
  decodeHead,
  encodeBatch,
  type Fields,
  fieldsOf,
  type Head,
  type Keys,
  totalsOf,
  valuesOf,
} from "./rows.ts";
import type { SCRIPTS } from "./scripts.ts";

/** How many fields are read at a time, and from how many hashes at most. */
const [PAGE, PAGE_KEYS] = [250, 64];

/** The longest time for Redis, in milliseconds: about three hundred years. */
const MAX_MS = 1e13;

/** The last known state of the store. */
interface Seen {
  readonly epoch: string;
  readonly clock: number;
}

/** The state of the store in the head. */
interface State extends Seen {
  readonly now: number;
}

/** A hash to read, and how to decode its fields. */
interface Source {
  readonly key: string;
  /** The keys of its expiry times and parts. */
  readonly expiry: readonly string[];
  readonly decode: (fields: Fields) => StoredSlice;
}

/** A store in Redis. One script applies a batch. Short scripts read. */
export class RedisSession implements Session {
  // Such a batch keeps Redis busy for about a millisecond.
  readonly maxNumbers = 500;
  readonly #calls: RedisCalls;
  readonly #keys: Keys;
  readonly #options: OpenOptions;
  readonly #retention: string;
  /** How long a process may be silent, and how long others may have time to notice a loss. */
  readonly #hold: string;
  /** The greatest known clock of the store, and its epoch. */
  #seen: Seen = { epoch: "", clock: 0 };
  /** A history that no process has confirmed, and when it was first seen. */
  #unconfirmed: { history: string; since: number } | undefined = undefined;
  #isClosed = false;

  constructor(calls: RedisCalls, keys: Keys, options: OpenOptions) {
    this.#calls = calls;
    this.#keys = keys;
    this.#options = options;
    this.#retention = toMs(options.retentionMs);
    this.#hold = toMs(options.deadAfterMs);
  }

  /** Rejects if the data in Redis cannot be used. */
  async check(signal: AbortSignal): Promise<void> {
    await this.#run("head", { keys: [this.#keys.head], args: ["0", "1"] }, signal);
  }

  async join({ id, process }: Instance, { signal }: CallOptions): Promise<string> {
    const reply = await this.#write("join", {
      keys: [this.#keys.head, this.#keys.own(id)],
      args: [id, JSON.stringify(process), crypto.randomUUID(), this.#retention, this.#hold],
    }, signal);
    this.#see(seenIn(reply));
    return String(reply[1]);
  }

  async push(id: string, batch: Batch, { signal }: CallOptions): Promise<PushResult> {
    const { keys, args } = encodeBatch(this.#keys, batch);
    const { epoch, clock } = this.#seen;
    const reply = await this.#write("push", {
      keys: [this.#keys.head, this.#keys.own(id), ...keys],
      args: [
        id,
        `${batch.sequence}`,
        crypto.randomUUID(),
        this.#retention,
        this.#hold,
        epoch,
        `${clock}`,
        ...args,
      ],
    }, signal);
    if (reply[0] !== "applied") return "unknown";
    this.#see(seenIn(reply));
    return "applied";
  }

  async leave(id: string, { signal }: CallOptions): Promise<void> {
    const keys = [this.#keys.head, this.#keys.own(id)];
    await this.#write("leave", { keys, args: [id, this.#retention] }, signal);
  }

  async *read({ signal }: CallOptions): AsyncGenerator<StoredSlice> {
    try {
      const found = await this.#readHead(signal);
      if (found === undefined) return;
      const { head, state } = found;
      yield { instances: head.instances, families: head.families };
      const totals = head.families.map(({ family }): Source => {
        const expiry = head.expiring.has(family) ? this.#keys.expiry(family) : [];
        const decode = (fields: Fields): StoredSlice => totalsOf(family, fields);
        return { key: this.#keys.totals(family), expiry, decode };
      });
      const own = head.instances.map(({ id }): Source => {
        const decode = (fields: Fields): StoredSlice => valuesOf(id, fields, head);
        return { key: this.#keys.own(id), expiry: [], decode };
      });
      yield* this.#readSources([...totals, ...own], state, signal);
    } catch (error) {
      throw explain(error, "read from", signal);
    }
  }

  close(): Promise<void> {
    // The client belongs to the program.
    this.#isClosed = true;
    return Promise.resolve();
  }

  async #readHead(signal: AbortSignal): Promise<{ head: Head; state: State } | undefined> {
    // State that is seen during this read may be newer than its replies.
    const seen = this.#seen;
    const fields = new Map<string, string>();
    let state: State | undefined;
    for (let cursor = "0"; state === undefined || cursor !== "0";) {
      const input = { keys: [this.#keys.head], args: [cursor, `${PAGE}`] };
      const reply = await this.#run("head", input, signal);
      if (reply[0] === "empty") {
        if (state !== undefined) throw new Error("it has started again during the read");
        return undefined;
      }
      if (reply[0] === "unsynced") {
        throw new Error("it is a replica that has not reached its primary since it started");
      }
      cursor = String(reply[1]);
      const page = fieldsOf(reply, 2);
      for (let i = 0; i < page.length; i += 2) fields.set(page[i]!, page[i + 1]!);
      const [epoch = "", clock, continues, history = "", until, now] = reply.slice(3).map(String);
      if (state !== undefined && state.epoch !== epoch) {
        throw new Error("it has started again during the read");
      }
      state = { epoch, clock: Number(clock), now: Number(now) };
      this.#verify(state, { isConfirmed: continues === "1", history, until: Number(until), seen });
    }
    // A late reply must not replace newer state.
    if (this.#seen === seen || this.#seen.epoch === state.epoch) this.#see(state);
    return { head: decodeHead(fields, state.now, this.#options), state };
  }

  async *#readSources(
    sources: readonly Source[],
    { epoch }: State,
    signal: AbortSignal,
  ): AsyncGenerator<StoredSlice> {
    let at = 0;
    let cursor = "0";
    // Redis may return a field of a large hash twice, while the hash grows.
    let returned: Set<string> | undefined;
    while (at < sources.length) {
      const some = sources.slice(at, at + PAGE_KEYS);
      const keys = [this.#keys.head, ...some.flatMap(({ key, expiry }) => [key, ...expiry])];
      const flags = some.map(({ expiry }) => expiry.length > 0 ? "1" : "0");
      const args = [epoch, cursor, `${PAGE}`, ...flags];
      const reply = await this.#run("rows", { keys, args }, signal);
      if (reply[0] === "restarted") throw new Error("it has started again during the read");
      const next = String(reply[2]);
      for (let i = 3; i < reply.length; i++) {
        let fields = fieldsOf(reply, i);
        const isFirst = i === 3;
        const isPart = (isFirst && cursor !== "0") || (i === reply.length - 1 && next !== "0");
        if (isPart) {
          fields = withoutRepeats(
            fields,
            isFirst && cursor !== "0" ? returned! : returned = new Set(),
          );
        }
        yield some[i - 3]!.decode(fields);
      }
      at += Number(reply[1]);
      cursor = next;
    }
  }

  /** Throws if the store may have lost something and other processes may not have noticed yet. */
  #verify(
    { epoch, clock, now }: State,
    { isConfirmed, history, until, seen }: {
      isConfirmed: boolean;
      history: string;
      until: number;
      seen: Seen;
    },
  ): void {
    const isBehind = epoch === seen.epoch && clock < seen.clock;
    if (isBehind) {
      throw new Error("it has lost acknowledged batches: it will start again at zero");
    }
    if (isConfirmed) {
      this.#unconfirmed = undefined;
    } else {
      if (this.#unconfirmed?.history !== history) this.#unconfirmed = { history, since: now };
      until = this.#unconfirmed.since + this.#options.deadAfterMs;
    }
    if (now >= until) return;
    throw new Error(
      `it was restarted or replaced, and may have lost something: it is read in ${until - now} ms`,
    );
  }

  #see(seen: Seen): void {
    // Replies may arrive out of order.
    if (seen.epoch !== this.#seen.epoch || seen.clock > this.#seen.clock) this.#seen = seen;
  }

  async #write(
    name: keyof typeof SCRIPTS,
    input: ScriptInput,
    signal: AbortSignal,
  ): Promise<Reply> {
    try {
      return await this.#run(name, input, signal);
    } catch (error) {
      throw explain(error, "write to", signal);
    }
  }

  async #run(name: keyof typeof SCRIPTS, input: ScriptInput, signal: AbortSignal): Promise<Reply> {
    if (this.#isClosed) throw new Error("it is closed");
    const reply = await this.#calls.run(name, input, signal);
    if (reply[0] !== "version") return reply;
    throw new UnusableError(
      `what is at ${JSON.stringify(input.keys[0])} must be of version 2: received ${reply[1]}`,
    );
  }
}

/** Returns an error that names the store. */
export function explain(error: unknown, doing: string, signal?: AbortSignal): unknown {
  if (signal?.aborted && error === signal.reason) return error;
  return new Error(`Cannot ${doing} Redis: ${messageOf(error)}`, { cause: error });
}

/** Returns the state of the store in a reply to a write. */
function seenIn([, epoch, clock]: Reply): Seen {
  return { epoch: String(epoch), clock: Number(clock) };
}

function toMs(ms: number): string {
  return `${Math.ceil(Math.min(ms, MAX_MS))}`;
}

/** Returns the fields that were not returned before. */
function withoutRepeats(fields: readonly string[], returned: Set<string>): string[] {
  const left: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const field = fields[i]!;
    if (returned.has(field)) continue;
    returned.add(field);
    left.push(field, fields[i + 1]!);
  }
  return left;
}
