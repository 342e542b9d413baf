/**
 * The Redis backend, for `writer.ts`: each runtime has a client of its own.
 *
 * @module
 */
import type { Backend } from "../../multiprocess/mod.ts";
import { redisBackend } from "../../multiprocess/redis/mod.ts";
import { CLIENTS } from "./redis.ts";

/** Makes the backend of a server on loopback, which disconnects when it is closed. */
export async function makeBackend(port: number): Promise<Backend> {
  const name = "Bun" in globalThis ? "bun" : "Deno" in globalThis ? "redis" : "ioredis";
  const client = await CLIENTS[name]!(port);
  const backend = redisBackend(client.command);
  return {
    name: backend.name,
    async open(options) {
      const session = await backend.open(options);
      const close = session.close.bind(session);
      session.close = async () => {
        await close();
        client[Symbol.dispose]();
      };
      return session;
    },
  };
}
