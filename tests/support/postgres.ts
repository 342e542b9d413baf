/**
 * PostgreSQL for tests, without an installation: the real server, compiled to WebAssembly, behind a
 * socket.
 *
 * @module
 */
import { createServer, type Socket } from "node:net";
import { PGlite } from "@electric-sql/pglite";

/** The type of the message that ends a connection. */
const TERMINATE = "X".charCodeAt(0);

/** A running server. */
export interface Postgres extends AsyncDisposable {
  readonly port: number;
}

/**
 * Starts a server with an empty database. All connections share one session, because PGlite has
 * only one.
 */
export async function startPostgres(): Promise<Postgres> {
  const database = await PGlite.create();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    serve(socket, database).catch((error) => socket.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("no port");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
      await database.close();
    },
  };
}

/** Answers the messages of a client in order. */
async function serve(socket: Socket, database: PGlite): Promise<void> {
  let rest = new Uint8Array();
  let isStarted = false;
  for await (const chunk of socket) {
    rest = Uint8Array.from([...rest, ...(chunk as Uint8Array)]);
    for (;;) {
      // The first message has no type before its length.
      const start = isStarted ? 1 : 0;
      if (rest.length < start + 4) break;
      const length = start + new DataView(rest.buffer, rest.byteOffset).getUint32(start);
      if (rest.length < length) break;
      const message = rest.slice(0, length);
      rest = rest.slice(length);
      if (isStarted && message[0] === TERMINATE) return void socket.end();
      isStarted = true;
      socket.write(await database.runExclusive(() => database.execProtocolRaw(message)));
    }
  }
}
