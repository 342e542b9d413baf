/**
 * Servers of handlers of the shape of `fetch`, by the runtime's own way, and what they send.
 *
 * @module
 */
import { connect } from "node:net";

/** A handler with whatever the runtime hands to it beside the request. */
// deno-lint-ignore no-explicit-any -- What comes beside the request is of a type of each runtime.
export type FetchHandler = (request: Request, ...rest: any[]) => unknown;

/** The runtime that this is. */
export const RUNTIME: "Bun" | "Deno" | "Node" = "Bun" in globalThis
  ? "Bun"
  : "Deno" in globalThis
  ? "Deno"
  : "Node";

/** A server that listens on loopback. */
export interface FetchServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** The part of `Bun` that is used here. */
export interface BunRuntime {
  serve(options: object): { port: number; stop(closeConnections: boolean): Promise<void> };
  file(path: URL): Blob;
}

const PLACE = { port: 0, hostname: "127.0.0.1" };

/** What is answered when a handler fails. */
const failed = () => new Response("failed", { status: 500 });

/**
 * Serves a handler: by `Deno.serve()`, by `Bun.serve()`, or by `@hono/node-server` on Node.
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
    // The type asks for a response, and some tests answer with something else.
    const fetch = options.fetch as (request: Request) => Response;
    const server = Deno.serve({ ...PLACE, onListen: () => {}, onError: failed }, fetch);
    return { port: server.addr.port, stop: () => server.shutdown() };
  }
  const { serve } = await import("@hono/node-server");
  return await new Promise((resolve) => {
    const server = serve(
      {
        ...PLACE,
        // The response is of whatever class, and there is one.
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
    // Answers that were fetched bring a header that keeps the connection open. Not every version
    // of the types knows this one.
    Object.assign(server, { keepAliveTimeoutBuffer: 0 });
  });
}

/**
 * Asks for a path on a connection of its own, and returns what the server sends to its end.
 *
 * @param port The port.
 * @param path The path.
 * @param options The method, more lines of the head, the body, and when to leave.
 */
export async function fetchRaw(
  port: number,
  path: string,
  { method = "GET", head = "Connection: close\r\n", body = "", until, onData }: {
    method?: string;
    head?: string;
    body?: string;
    /** Leaves as soon as this has come. */
    until?: string;
    /** Called whenever something has come. */
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
    // A connection that the server has cut off. What has come before counts.
  }
  return received;
}
