/**
 * Serves a handler of `Request` and `Response` on the current runtime. The examples use it to run the
 * same file under Deno, Bun and Node.
 *
 * @module
 */

import type { ReadableStream } from "node:stream/web";

/** A function from a request to its response. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** A server that listens. */
export interface RunningServer {
  /** The port that it listens on. Never 0. */
  readonly port: number;
  /** Closes the server and its connections. */
  stop(): Promise<void>;
}

/** The parts of `Bun` that are used here. */
interface BunRuntime {
  serve(options: { port: number; hostname: string; fetch: Handler }): {
    port: number;
    stop(closeConnections: boolean): Promise<void>;
  };
}

/** Where a server listens. */
interface Place {
  readonly port: number;
  readonly hostname: string;
}

const HOSTNAME = "127.0.0.1";

/** Serves a handler. The default host is loopback, and port 0 means any free port. */
export function serve(
  handler: Handler,
  port: number,
  hostname: string = HOSTNAME,
): Promise<RunningServer> {
  const { Bun } = globalThis as { Bun?: BunRuntime }; // Has types only if Bun's types are loaded.
  if (Bun !== undefined) return Promise.resolve(serveOnBun(Bun, handler, { port, hostname }));
  if ("Deno" in globalThis) return Promise.resolve(serveOnDeno(handler, { port, hostname }));
  return serveOnNode(handler, { port, hostname });
}

function serveOnDeno(handler: Handler, place: Place): RunningServer {
  const server = Deno.serve({ ...place, onListen: () => {} }, handler);
  return { port: server.addr.port, stop: () => server.shutdown() };
}

function serveOnBun(bun: BunRuntime, handler: Handler, place: Place): RunningServer {
  const server = bun.serve({ ...place, fetch: handler });
  return { port: server.port, stop: () => server.stop(true) };
}

/** Returns the URL of a request. Replaces an illegal host, because clients can send any text. */
function urlOf(host = HOSTNAME, target = "/"): string {
  // A request line may contain a whole URL, as for a proxy, or an asterisk.
  if (/^https?:/i.test(target) && URL.canParse(target)) return target;
  const path = target.startsWith("/") ? target : "/";
  const isHost = /^[^/?#@\\]+$/.test(host) && URL.canParse(`http://${host}/`);
  return `http://${isHost ? host : HOSTNAME}${path}`;
}

async function serveOnNode(
  handler: Handler,
  { port, hostname }: Place,
): Promise<RunningServer> {
  const { createServer } = await import("node:http");
  const { Readable } = await import("node:stream");
  const { pipeline } = await import("node:stream/promises");
  const server = createServer(async (incoming, outgoing) => {
    const headers = new Headers();
    for (const [name, values] of Object.entries(incoming.headersDistinct)) {
      for (const value of values ?? []) headers.append(name, value);
    }
    const url = urlOf(incoming.headers.host, incoming.url);
    try {
      const response = await handler(
        new Request(url, { method: incoming.method ?? "GET", headers }),
      );
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      if (response.body === null) {
        outgoing.end();
        return;
      }
      // Deno and Node type the same class differently.
      const body = Readable.fromWeb(response.body as ReadableStream);
      // If the client disconnected before the response started, the body must be destroyed here. A
      // response that waits behind others on its connection gets no event.
      const { socket } = incoming;
      const giveUp = () => body.destroy();
      if (outgoing.destroyed || socket.destroyed) return giveUp();
      socket.once("close", giveUp);
      await pipeline(body, outgoing).finally(() => socket.off("close", giveUp));
    } catch {
      // A response that has started must be cut off. A clean end would make it look complete.
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(500).end();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
