/**
 * One handler of `Request` and `Response`, served by whatever runtime this is: the examples use it to
 * run the same file under Deno, Bun and Node.
 *
 * @module
 */

/** A function from a request to its response. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** A server that listens on loopback. */
export interface RunningServer {
  /** The port it listens on, also when 0 was asked for. */
  readonly port: number;
  /** Closes the server and its connections. */
  stop(): Promise<void>;
}

/** The part of `Bun.serve()` that is used here. */
interface BunRuntime {
  serve(options: { port: number; hostname: string; fetch: Handler }): {
    port: number;
    stop(closeConnections: boolean): Promise<void>;
  };
}

const HOSTNAME = "127.0.0.1";

/** Serves `handler` on loopback at `port`; 0 takes any free port. */
export function serve(handler: Handler, port: number): Promise<RunningServer> {
  const { Bun } = globalThis as { Bun?: BunRuntime }; // Typed only where Bun's own types are loaded.
  if (Bun !== undefined) return Promise.resolve(serveOnBun(Bun, handler, port));
  if ("Deno" in globalThis) return Promise.resolve(serveOnDeno(handler, port));
  return serveOnNode(handler, port);
}

function serveOnDeno(handler: Handler, port: number): RunningServer {
  const server = Deno.serve({ port, hostname: HOSTNAME, onListen: () => {} }, handler);
  return { port: server.addr.port, stop: () => server.shutdown() };
}

function serveOnBun(bun: BunRuntime, handler: Handler, port: number): RunningServer {
  const server = bun.serve({ port, hostname: HOSTNAME, fetch: handler });
  return { port: server.port, stop: () => server.stop(true) };
}

async function serveOnNode(handler: Handler, port: number): Promise<RunningServer> {
  const { createServer } = await import("node:http");
  const { Readable } = await import("node:stream");
  const { pipeline } = await import("node:stream/promises");
  const server = createServer(async (incoming, outgoing) => {
    const headers = new Headers();
    for (const [name, values] of Object.entries(incoming.headersDistinct)) {
      for (const value of values ?? []) headers.append(name, value);
    }
    const url = `http://${incoming.headers.host ?? HOSTNAME}${incoming.url ?? "/"}`;
    try {
      const response = await handler(
        new Request(url, { method: incoming.method ?? "GET", headers }),
      );
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      if (response.body === null) {
        outgoing.end();
        return;
      }
      const body = Readable.fromWeb(response.body);
      // A client that is gone already leaves it to us to give the body up.
      if (outgoing.destroyed) body.destroy();
      else await pipeline(body, outgoing);
    } catch {
      // An answer that has begun can only be cut off: its end would make it look whole.
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(500).end();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, HOSTNAME, resolve);
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
