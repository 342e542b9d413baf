import { createHash } from "node:crypto";
import { SYSTEM_CLOCK, type Timers } from "../../time/clock.ts";
import { SCRIPTS } from "./scripts.ts";
import { abortable } from "../../time/time_limit.ts";

/**
 * Sends one command to Redis and resolves to the reply. Every client has such a function.
 * Texts are strings in both directions.
 */
export type RedisCommand = (command: string, ...args: string[]) => Promise<unknown>;

/** A reply of a script. */
export type Reply = readonly (string | Reply)[];

/** The input of a script. */
export interface ScriptInput {
  /** All keys that it uses. The head comes first. */
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

/** An answer that a retry cannot change. */
export class UnusableError extends Error {}

/** How long an abandoned command delays others, in milliseconds, at first and at most. */
const [MIN_HOLD_MS, MAX_HOLD_MS] = [1000, 300_000];

/** The hashes by which Redis finds scripts. */
const HASHES: Record<keyof typeof SCRIPTS, string> = hashScripts();

function hashScripts(): Record<keyof typeof SCRIPTS, string> {
  const hashes = Object.entries(SCRIPTS).map(([name, text]) =>
    [name, createHash("sha1").update(text).digest("hex")] as const
  );
  // The keys are those of SCRIPTS.
  return Object.fromEntries(hashes) as Record<keyof typeof SCRIPTS, string>;
}

/**
 * Runs scripts through a client that has neither signals nor time limits.
 *
 * Clients keep commands as long as Redis is down. After an abandoned command, new ones are sent only
 * now and then, until the client settles any. Otherwise they would pile up, and each may be a whole
 * batch.
 */
export class RedisCalls {
  readonly #command: RedisCommand;
  readonly #timers: Timers;
  /** How long the next abandoned command delays others. */
  #holdMs: number = MIN_HOLD_MS;
  #heldUntil = -Infinity;
  /** Callers that wait for one of these commands. A promise that never settles would keep them. */
  readonly #waiting: Set<() => void> = new Set();

  constructor(command: RedisCommand, timers: Timers = SYSTEM_CLOCK) {
    this.#command = command;
    this.#timers = timers;
  }

  /**
   * Runs a script.
   *
   * @param name The script.
   * @param input Its input.
   * @param signal Aborted when the caller gives up.
   * @returns Its reply.
   * @throws {Error} If the client throws, or the reply does not come from a script.
   */
  async run(name: keyof typeof SCRIPTS, input: ScriptInput, signal: AbortSignal): Promise<Reply> {
    const { keys, args } = input;
    const rest = [`${keys.length}`, ...keys, ...args];
    let reply: unknown;
    try {
      reply = await this.#send(signal, "EVALSHA", [HASHES[name], ...rest]);
    } catch (error) {
      // The spelling of Redis, and of some clients.
      if (!/noscript/i.test(messageOf(error))) throw error;
      reply = await this.#send(signal, "EVAL", [SCRIPTS[name], ...rest]);
    }
    if (!isReply(reply)) {
      throw new UnusableError(
        `the command must resolve to what Redis replies, with texts as strings: received ${
          describe(reply)
        }`,
      );
    }
    return reply;
  }

  async #send(signal: AbortSignal, command: string, args: readonly string[]): Promise<unknown> {
    signal.throwIfAborted();
    while (this.#now() < this.#heldUntil) await abortable(this.#release(), signal);
    const sent = Promise.resolve(this.#command(command, ...args));
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
      // The client is not stuck, even if it has lost other commands.
      this.#holdMs = MIN_HOLD_MS;
      this.#heldUntil = -Infinity;
      for (const release of this.#waiting) release();
    };
    sent.then(settle, settle);
    try {
      return await abortable(sent, signal);
    } catch (error) {
      if (signal.aborted && !isSettled) {
        this.#heldUntil = this.#now() + this.#holdMs;
        this.#holdMs = Math.min(2 * this.#holdMs, MAX_HOLD_MS);
      }
      throw error;
    }
  }

  #now(): number {
    return this.#timers.monotonic() * 1000;
  }

  /** Waits until a command is settled, or until it is time to retry. */
  async #release(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#timers.setTimeout(resolve, this.#heldUntil - this.#now(), {
      inBackground: true,
    });
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
    cancel();
  }
}

/** Returns the message of a thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isReply(value: unknown): value is Reply {
  return Array.isArray(value) && typeof value[0] === "string";
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${typeof value[0]}`;
  return value instanceof Object ? value.constructor?.name ?? "an object" : String(value);
}
