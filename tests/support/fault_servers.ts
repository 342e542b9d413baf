/**
 * Starts `fault_server.ts`, and connects misbehaving clients to it.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { Runtime } from "./demo.ts";
import type { FaultServerState } from "./fault_server.ts";
import { portOf, startOn } from "./servers.ts";

/** Options of {@linkcode startFaultServer}. */
export interface FaultServerOptions {
  /** The runtime of the server. @default {"deno"} */
  readonly runtime?: Runtime;
  /** Whether to send bytes that were encoded once, without the library. @default {false} */
  readonly bare?: boolean;
  /** The number of series. */
  readonly series: number;
  /** The number of series that can be read before reading throws. @default {Infinity} */
  readonly readable?: number;
  /** Options of the handler. */
  readonly handler?: Readonly<Record<string, unknown>>;
}

/** A running server. */
export interface RunningFaultServer extends AsyncDisposable {
  /** The port on the loopback interface. */
  readonly port: number;
  /** Fetches the current state. */
  state(): Promise<FaultServerState>;
  /** Returns the peak memory since the start, in bytes. */
  peakMemory(): number;
}

/** Starts a server. */
export async function startFaultServer(options: FaultServerOptions): Promise<RunningFaultServer> {
  const { runtime = "deno", bare = false, series, readable = Infinity, handler = {} } = options;
  const role = bare ? "bare" : "metrics";
  const program = await startOn(runtime, "support/fault_server.ts", [
    ...[role, String(series), String(readable), JSON.stringify(handler)],
  ]);
  const port = await portOf(program);
  const state = async (): Promise<FaultServerState> => {
    // This connection is closed, so that later counts of descriptors do not include it.
    const headers = { connection: "close" };
    return await (await fetch(`http://127.0.0.1:${port}/state`, { headers })).json();
  };
  return {
    port,
    state,
    peakMemory: () => {
      const status = readFileSync(`/proc/${program.pid}/status`, "utf8");
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** Connects to a port on the loopback interface. */
export function connectTo(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.once("error", reject);
    socket.on("error", () => {}); // A connection that is cut off later may be reset.
  });
}
