/**
 * Starts `fault_server.ts`, and clients for it that do what they should not.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { Runtime } from "./demo.ts";
import type { FaultServerState } from "./fault_server.ts";
import { portOf, startOn } from "./servers.ts";

/** What the server is to serve. */
export interface FaultServerOptions {
  /** The runtime it runs on. @default {"deno"} */
  readonly runtime?: Runtime;
  /** Whether it sends bytes that were made once, in place of the library. @default {false} */
  readonly bare?: boolean;
  /** How many series there are. */
  readonly series: number;
  /** How many of them can be read before the next one throws. @default {Infinity} */
  readonly readable?: number;
  /** Options of the handler. */
  readonly handler?: Readonly<Record<string, unknown>>;
}

/** The server, started. */
export interface RunningFaultServer extends AsyncDisposable {
  /** The port on loopback. */
  readonly port: number;
  /** What it holds now. */
  state(): Promise<FaultServerState>;
  /** The largest amount of memory that it has had since it was started, in bytes. */
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
    // A connection of its own that ends, so that it is not among those which are counted later.
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

/** Connects to a port of loopback. */
export function connectTo(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.once("error", reject);
    socket.on("error", () => {}); // What is cut off later may be reset.
  });
}
