import type { Timers } from "../../time/clock.ts";
import { KnownMemory } from "./known_memory.ts";
import type { MemoryMessage } from "./memory.ts";

/** A message between isolates. `from` and `to` name sessions, not instances. */
export interface Message {
  readonly from: string;
  /** Memories of the sender, or all that it knows. */
  readonly memories: readonly MemoryMessage[];
  /** Whether the sender asks which memories the others know. */
  readonly asks?: boolean | undefined;
  /** The session that has asked, if this is the answer of one that knows what was counted before. */
  readonly to?: string | undefined;
}

/** What a session needs of a `BroadcastChannel` of `node:worker_threads`. */
export interface Channel {
  onmessage: (event: { data: unknown }) => void;
  postMessage(message: Message): void;
  close(): void;
  unref(): void;
}

/** The version of messages and memories. Isolates with another one do not hear each other. */
const VERSION = 3;

/** Returns the name of the channel of a namespace. */
export function channelName(namespace: string): string {
  return `@narthex/prometheus/workers/${VERSION}/${JSON.stringify(namespace)}`;
}

/** The memories that an isolate knows under one namespace, in one session after the other. */
export class Memories {
  /** Stays the same, because this isolate loses nothing as long as it lives. */
  readonly epoch: string = crypto.randomUUID();
  readonly #known: Map<number, KnownMemory> = new Map();
  #turn: Promise<unknown> = Promise.resolve();
  #stamp = 0;

  all(): KnownMemory[] {
    return [...this.#known.values()];
  }

  get(key: number): KnownMemory | undefined {
    return this.#known.get(key);
  }

  /** Takes a memory in, or its larger data. */
  add(message: MemoryMessage, now: number): void {
    this.#stamp = Math.max(this.#stamp, message.order);
    const known = this.#known.get(message.key);
    if (known !== undefined) known.update(message, now);
    else this.#known.set(message.key, new KnownMemory(message, now));
  }

  /** Drops a memory that is not needed any more. */
  drop(key: number): void {
    this.#known.delete(key);
  }

  /** Returns a number that is greater than all that were seen before. */
  stamp(timers: Timers): number {
    return this.#stamp = Math.max(timers.now() * 1000, this.#stamp + 0.001);
  }

  /** Does one thing after the other: a memory cannot be read twice at the same time. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}
