import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { partialSuccess } from "./otlp.ts";

/**
 * A receiver's reaction to a request. `"lost"` accepts the request and breaks the connection before
 * the response. `"hang"` never responds. `"partial"` rejects one point.
 */
export type Way = "ok" | "partial" | "503" | "429" | "lost" | "hang";

/** Options of {@linkcode FlakyReceiver}. */
export interface FlakyReceiverOptions {
  readonly port: number;
  /** Chooses the reaction to the next request. */
  readonly next: () => Way;
  /** Reads the body of an accepted request. */
  readonly take: (headers: Headers, body: Uint8Array) => void;
  /** The `Retry-After` header of a response with status 429. */
  readonly retryAfter: string;
}

/** A real receiver that misbehaves until `isWell` is set, and can be restarted. */
export class FlakyReceiver {
  readonly url: string;
  /** The number of requests by reaction. */
  readonly done: Map<Way, number> = new Map();
  isWell = false;
  readonly #options: FlakyReceiverOptions;
  #server: Server | undefined;

  constructor(options: FlakyReceiverOptions) {
    this.#options = options;
    this.url = `http://127.0.0.1:${options.port}/receive`;
  }

  async start(): Promise<void> {
    const server = this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(this.#options.port, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    const server = this.#server!;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { next, take, retryAfter } = this.#options;
    const parts: Uint8Array[] = [];
    for await (const part of request) parts.push(part);
    const body = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
    const way = this.isWell ? "ok" : next();
    this.done.set(way, (this.done.get(way) ?? 0) + 1);
    if (way === "ok" || way === "partial" || way === "lost") {
      take(new Headers(request.headers as Record<string, string>), body);
    }
    const type = { "content-type": "application/x-protobuf" };
    switch (way) {
      case "ok":
        return void response.writeHead(200, type).end();
      case "partial":
        return void response.writeHead(200, type).end(partialSuccess(1, "one is too old"));
      case "503":
        return void response.writeHead(503).end("busy");
      case "429":
        return void response.writeHead(429, { "retry-after": retryAfter }).end();
      case "lost":
        return void response.destroy();
      case "hang":
        return;
    }
  }
}
