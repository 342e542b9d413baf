/**
 * Servers on `node:http`, for tests of frameworks that build on it.
 *
 * @module
 */
import { createServer, type RequestListener } from "node:http";
import type { FrameworkServer } from "./server_table.ts";

/** Serves a listener on a free loopback port. */
export async function serveListener(listener: RequestListener): Promise<FrameworkServer> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("Cannot listen");
  return {
    port: address.port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
