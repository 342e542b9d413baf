/**
 * Redis servers and clients, for tests.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";
import type { RedisCommand } from "../../multiprocess/redis/mod.ts";
import { freePort, start } from "./processes.ts";
import { findProgram } from "./programs.ts";

/** A server. Dispose of it to stop it and to delete its data. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  /** Kills it, as a crash does, or ends it in good order. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again, on the same port and folder. */
  restart(): Promise<void>;
  /** Returns the answer of redis-cli. */
  ask(...command: string[]): string;
}

/**
 * Starts a server on loopback.
 *
 * @param options What redis-server is given; by default it keeps nothing on disk.
 */
export async function startRedis(options: readonly string[] = []): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "narthex-redis-"));
  const port = await freePort();
  const args = ["--bind", "127.0.0.1", "--port", `${port}`, "--dir", folder, "--save", ""];
  const run = async () => {
    const program = start(findProgram("redis-server") ?? "redis-server", [...args, ...options]);
    await program.waitForOutput(/Ready to accept connections/);
    return program;
  };
  let program = await run();
  return {
    port,
    stop: async (signal = "SIGKILL") => void await program.stop(signal),
    restart: async () => {
      program = await run();
    },
    ask: (...command) =>
      execFileSync("redis-cli", ["-p", `${port}`, ...command], { encoding: "utf8" }).trim(),
    [Symbol.asyncDispose]: async () => {
      await program.stop("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A client, as a backend takes it. Dispose of it to disconnect. */
export interface TestClient extends Disposable {
  readonly command: RedisCommand;
}

/** The used part of the client that is built into Bun. */
interface BunClient {
  send(command: string, args: string[]): Promise<unknown>;
  close(): void;
}

/** Clients by their names, on a port of loopback; each with its adapter of one line. */
export const CLIENTS: Record<string, (port: number) => Promise<TestClient>> = {
  async redis(port) {
    const client = createClient({ socket: { host: "127.0.0.1", port, reconnectStrategy: 50 } });
    // Without a listener an error ends the program.
    client.on("error", () => {});
    await client.connect();
    return {
      command: (...command) => client.sendCommand(command),
      [Symbol.dispose]: () => client.destroy(),
    };
  },
  ioredis(port) {
    const client = new Redis({ host: "127.0.0.1", port, retryStrategy: () => 50 });
    client.on("error", () => {});
    return Promise.resolve({
      command: (command, ...args) => client.call(command, ...args),
      [Symbol.dispose]: () => client.disconnect(),
    });
  },
  ...("Bun" in globalThis ? { bun: connectBun } : {}),
};

/** Clients that know of clusters, by their names. */
export const CLUSTER_CLIENTS: typeof CLIENTS = {
  async redis(port) {
    const client = createCluster({ rootNodes: [{ socket: { host: "127.0.0.1", port } }] });
    client.on("error", () => {});
    await client.connect();
    return {
      command: (...command) => client.sendCommand(command[3], false, command),
      [Symbol.dispose]: () => client.destroy(),
    };
  },
  ioredis(port) {
    const client = new Cluster([{ host: "127.0.0.1", port }]);
    client.on("error", () => {});
    return Promise.resolve({
      command: (command, ...args) => client.call(command, ...args),
      [Symbol.dispose]: () => client.disconnect(),
    });
  },
};

function connectBun(port: number): Promise<TestClient> {
  // Only Bun has it, and only Bun calls this.
  const { Bun } = globalThis as unknown as {
    Bun: { RedisClient: new (url: string, options: object) => BunClient };
  };
  const client = new Bun.RedisClient(`redis://127.0.0.1:${port}`, { maxRetries: 1e6 });
  return Promise.resolve({
    command: (command, ...args) => client.send(command, args),
    [Symbol.dispose]: () => client.close(),
  });
}
