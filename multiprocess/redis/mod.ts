/**
 * A Redis or Valkey server as the meeting place of processes on many hosts, through whichever
 * client a program has.
 *
 * ```ts
 * import { loadBackend } from "@narthex/prometheus/multiprocess";
 * import { redisBackend } from "@narthex/prometheus/redis";
 *
 * // Stands for a client, here one without a server.
 * const client = { sendCommand: (_: string[]): Promise<unknown> => Promise.reject(new Error("down")) };
 *
 * const backend = redisBackend((...command) => client.sendCommand(command));
 * const shared = await loadBackend(backend);
 * await shared.close();
 * ```
 *
 * The one line for each client:
 *
 * | client | `redisBackend(…)` |
 * | --- | --- |
 * | node-redis (`redis`) | `(...command) => client.sendCommand(command)` |
 * | ioredis, iovalkey | `(command, ...args) => client.call(command, ...args)` |
 * | Bun's own | `(command, ...args) => client.send(command, args)` |
 * | valkey-glide | `(...command) => client.customCommand(command)` |
 *
 * @module
 */
import { SYSTEM_CLOCK } from "../../time/clock.ts";
import { limitTime } from "../../time/time_limit.ts";
import type { Backend, OpenOptions, Session } from "../backend.ts";
import { messageOf, RedisCalls, type RedisCommand, UnusableError } from "./calls.ts";
import { Keys } from "./rows.ts";
import { explain, RedisSession } from "./session.ts";

export type { Backend, OpenOptions, Session } from "../backend.ts";
export type { RedisCommand } from "./calls.ts";

/** How long an answer is waited for when the store is opened, in milliseconds. */
const CHECK_MS = 1000;

/** What Redis answers when waiting does not help. */
const HOPELESS_REGEXP = /\b(NOAUTH|WRONGPASS|NOPERM|WRONGTYPE|MOVED)\b|unknown command/i;

/** Options of {@linkcode redisBackend}. */
export interface RedisBackendOptions {
  /** What the names of all keys begin with, before a colon. @default {"narthex"} */
  prefix?: string | undefined;
}

/**
 * Lets processes on many hosts meet in Redis, from version 7 on, or in Valkey.
 *
 * The client stays the program's own: it is connected, reconnects, and is closed by the
 * program, after the shared registry. It must reach the primary server, and in a cluster
 * know that it is one.
 *
 * @param command Sends a command through the client, and resolves to the reply.
 * @param options Options.
 * @returns The backend, for `loadBackend()`, which rejects if Redis refuses the client, or
 * the keys hold something else. A server that is down is no reason to reject.
 * @throws {TypeError} If an argument is not legal.
 *
 * @example A client, and what is to be done at the end
 * ```ts ignore
 * import { loadBackend } from "@narthex/prometheus/multiprocess";
 * import { redisBackend } from "@narthex/prometheus/redis";
 * import { createClient } from "redis";
 *
 * const client = createClient({ url: "redis://localhost:6379" });
 * client.on("error", console.error); // it reconnects by itself
 * await client.connect();
 * const shared = await loadBackend(redisBackend((...command) => client.sendCommand(command)));
 * // …
 * await shared.close();
 * client.destroy();
 * ```
 */
export function redisBackend(
  command: RedisCommand,
  { prefix = "narthex" }: RedisBackendOptions = {},
): Backend {
  const doing = "Cannot create Redis backend";
  if (typeof command !== "function") {
    throw new TypeError(`${doing}: command must be a function: received ${String(command)}`);
  }
  if (typeof prefix !== "string" || !/^[^{}]+$/.test(prefix)) {
    throw new TypeError(
      `${doing}: prefix must be a string, not empty and without braces: received ${String(prefix)}`,
    );
  }
  return {
    name: "Redis",
    async open(options: OpenOptions): Promise<Session> {
      const { signal: outer, timers = SYSTEM_CLOCK } = options;
      const keys = new Keys(prefix, options.namespace);
      const session = new RedisSession(new RedisCalls(command, timers), keys, options);
      const { signal, end } = limitTime(CHECK_MS, { outer, timers });
      try {
        await session.check(signal);
      } catch (error) {
        const isHopeless = error instanceof UnusableError || HOPELESS_REGEXP.test(messageOf(error));
        if (isHopeless) throw explain(error, "open");
      } finally {
        end();
      }
      return session;
    },
  };
}
