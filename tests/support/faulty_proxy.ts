/**
 * A connection that fails: what is between a client and a server, for tests.
 *
 * @module
 */
import { connect, createServer, type Socket } from "node:net";

/** The probabilities that a piece of data is lost. */
export interface FaultRates {
  readonly requests: number;
  readonly replies: number;
}

/** A proxy. Dispose of it to close it with all its connections. */
export interface FaultyProxy extends AsyncDisposable {
  readonly port: number;
  /** How much was lost so far. */
  readonly lost: { requests: number; replies: number };
  /** May be set at any time. */
  rates: FaultRates;
}

/** How long a connection says nothing before it ends, when it does not end at once. */
const SILENCE_MS = 50;

/**
 * Starts a proxy before a port of loopback. Whatever it loses ends the connection, at once or
 * after a silence: nothing comes after a gap, as in TCP.
 *
 * @param target The port of the server.
 * @param rates What is lost at first.
 * @param seed What is lost is the same for the same traffic and seed.
 */
export async function startFaultyProxy(
  target: number,
  rates: FaultRates,
  seed = 1,
): Promise<FaultyProxy> {
  let state = seed;
  /** Evenly from 0 to 1: Park and Miller's generator. */
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
        // What was written already still arrives.
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
