/**
 * Serves `fetch` handlers by the native server of the runtime, and reads raw responses.
 *
 * @module
 */
import { connect } from "node:net";

/** A handler, which may take more arguments of the runtime. */
// deno-lint-ignore no-explicit-any -- Each runtime passes more arguments of its own types.
export type FetchHandler = (request: Request, ...rest: any[]) => unknown;

/** The current runtime. */
export const RUNTIME: "Bun" | "Deno" | "Node" = "Bun" in globalThis
  ? "Bun"
  : "Deno" in globalThis
  ? "Deno"
  : "Node";

/** A server on the loopback interface. */
export interface FetchServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** The parts of `Bun` that are used here. */
export interface BunRuntime {
  serve(options: object): { port: number; stop(closeConnections: boolean): Promise<void> };
  file(path: URL): Blob;
}

const PLACE = { port: 0, hostname: "127.0.0.1" };

/** Returns the response for a handler that throws. */
const failed = () => new Response("failed", { status: 500 });

/**
 * Serves a handler with `Deno.serve()`, `Bun.serve()`, or `@hono/node-server` on Node.
 *
 * @param handler The handler, or an object with more options of `Bun.serve()`.
 */
export async function serveFetch(
  handler: FetchHandler | { fetch: FetchHandler },
): Promise<FetchServer> {
  const options = typeof handler === "function" ? { fetch: handler } : handler;
  if (RUNTIME === "Bun") {
    const { Bun } = globalThis as unknown as { Bun: BunRuntime };
    const server = Bun.serve({ ...PLACE, development: false, error: failed, ...options });
    return { port: server.port, stop: () => server.stop(true) };
  }
  if (RUNTIME === "Deno") {
    // The type requires a response, but some tests return other values.
    const fetch = options.fetch as (request: Request) => Response;
    const server = Deno.serve({ ...PLACE, onListen: () => {}, onError: failed }, fetch);
    return { port: server.addr.port, stop: () => server.shutdown() };
  }
  const { serve } = await import("@hono/node-server");
  return await new Promise((resolve) => {
    const server = serve(
      {
        ...PLACE,
        // The handler returns a response, of any class.
        fetch: options.fetch as (request: Request) => Response,
        serverOptions: { keepAliveTimeout: 1 },
      },
      ({ port }) =>
        resolve({
          port,
          stop: () =>
            new Promise((stopped) => {
              server.close(() => stopped());
              if ("closeAllConnections" in server) server.closeAllConnections();
            }),
        }),
    );
    // Fetched responses carry a header that keeps the connection open. Some versions of the types
    // lack this option.
    Object.assign(server, { keepAliveTimeoutBuffer: 0 });
  });
}

/**
 * Requests a path on a new connection, and returns all that the server sends.
 *
 * @param port The port.
 * @param path The path.
 * @param options The method, more header lines, the body, and when to disconnect.
 */
export async function fetchRaw(
  port: number,
  path: string,
  { method = "GET", head = "Connection: close\r\n", body = "", until, onData }: {
    method?: string;
    head?: string;
    body?: string;
    /** Disconnects as soon as this text has arrived. */
    until?: string;
    /** Called whenever data has arrived. */
    onData?: () => void;
  } = {},
): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${head}\r\n${body}`);
  let received = "";
  try {
    for await (const piece of socket) {
      received += piece.toString("latin1");
      onData?.();
      if (until !== undefined && received.includes(until)) break;
    }
  } catch {
    // The server cut the connection off. Data that arrived before counts.
  }
  return received;
}
