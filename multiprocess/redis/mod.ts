/**
 * Shares metrics of processes on many hosts in a Redis or Valkey server, through any client.
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

/** The longest wait for an answer when the store is opened, in milliseconds. */
const CHECK_MS = 1000;

/** Answers of Redis that a retry cannot change. */
const HOPELESS_REGEXP = /\b(NOAUTH|WRONGPASS|NOPERM|WRONGTYPE|MOVED)\b|unknown command/i;

/** Options of {@linkcode redisBackend}. */
export interface RedisBackendOptions {
  /** The prefix of all keys, before a colon. @default {"narthex"} */
  prefix?: string | undefined;
}

/**
 * Returns a backend for processes on many hosts, in Redis 7 or later, or in Valkey.
 *
 * The program owns the client. It connects it, and closes it after the shared registry. The
 * client must reconnect by itself and reach the primary server. For a cluster, use a cluster
 * client.
 *
 * @param command Sends a command through the client, and resolves to the reply.
 * @param options Options.
 * @returns The backend, for `loadBackend()`, which rejects if Redis refuses the client, or
 * the keys hold other data. It resolves if the server is down.
 * @throws {TypeError} If an argument is not legal.
 *
 * @example A client that is closed at the end
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
