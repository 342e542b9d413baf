/**
 * A proxy that loses data between a client and a server, for tests.
 *
 * @module
 */
import { connect, createServer, type Socket } from "node:net";

/** The probability of losing a piece of data, for each direction. */
export interface FaultRates {
  readonly requests: number;
  readonly replies: number;
}

/** A running proxy. Dispose of it to close it and all its connections. */
export interface FaultyProxy extends AsyncDisposable {
  readonly port: number;
  /** The number of losses so far. */
  readonly lost: { requests: number; replies: number };
  /** The current rates. A test may set them at any time. */
  rates: FaultRates;
}

/** The silence before a connection ends, if it does not end at once. */
const SILENCE_MS = 50;

/**
 * Starts a proxy in front of a loopback port. Each loss ends its connection, at once or after a
 * silence, because TCP delivers nothing after a gap.
 *
 * @param target The port of the server.
 * @param rates The rates at the start.
 * @param seed The seed. The losses are the same for the same traffic and seed.
 */
export async function startFaultyProxy(
  target: number,
  rates: FaultRates,
  seed = 1,
): Promise<FaultyProxy> {
  let state = seed;
  /** Returns an evenly distributed number from 0 to 1, by the generator of Park and Miller. */
  const random = (): number => (state = state * 48271 % 2147483647) / 2147483647;
  const sockets = new Set<Socket>();
  const lost = { requests: 0, replies: 0 };
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    const both = [client, upstream];
    let isLost = false;
    const end = () => both.forEach((socket) => socket.destroy());
    const forward = (from: Socket, to: Socket, kind: keyof FaultRates) => {
      sockets.add(from);
      from.setNoDelay(true);
      from.on("data", (data) => {
        if (isLost) return;
        isLost = random() < proxy.rates[kind];
        if (!isLost) return void to.write(data);
        lost[kind]++;
        if (random() < 0.5) end();
        else setTimeout(end, SILENCE_MS);
      });
      from.on("error", end);
      from.on("close", () => {
        sockets.delete(from);
        // Data that was already written still arrives.
        if (!isLost) to.end();
      });
    };
    forward(client, upstream, "requests");
    forward(upstream, client, "replies");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const proxy: FaultyProxy = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    lost,
    rates,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return proxy;
}
