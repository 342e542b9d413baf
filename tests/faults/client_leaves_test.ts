import assert from "node:assert/strict";
import { test } from "node:test";
import { trusted } from "../support/families.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { CollectorRegistry, type Metric, MetricFamily, metricsHandler } from "../../mod.ts";
import { type Runtime, RUNTIMES } from "../support/demo.ts";
import { IS_FULL, load, megabytes, reportFault } from "../support/fault_report.ts";
import type { FaultServerState } from "../support/fault_server.ts";
import { connectTo, type RunningFaultServer, startFaultServer } from "../support/fault_servers.ts";
import { waitFor } from "../support/processes.ts";

const CLIENTS = load(1000, 40);
/** Clients before the measurement, so that the runtime has compiled all code. */
const WARM_UP = load(1500, 20);
/**
 * The number of heap measurements. The lowest counts, because a runtime frees some objects late.
 */
const LOOKS = load(8, 2);
const AT_ONCE = 10;
/** Together some 30 MB, more than the buffers between a server and its client hold. */
const SERIES = 400_000;
/** The tolerated growth, as a fraction. */
const TOLERANCE = 0.02;
/**
 * The tolerated growth of the heap per client, in bytes, even if it exceeds the fraction. It is
 * less than any remains of a scrape would take. Bun's heap of 2 MB varies by 5 %.
 */
const NOISE = load(256, 16_384);

for (const encoding of ["identity", "gzip"]) {
  test(`no chunk is generated after ${CLIENTS} clients have disconnected: ${encoding}`, async () => {
    let encoded = 0;
    let open = 0;
    const metrics = {
      *[Symbol.iterator](): Generator<Metric> {
        open++;
        try {
          for (let i = 0; i < SERIES; i++, encoded++) {
            yield { labelNames: ["number"], labelValues: [`${i}`.padStart(64, "x")], value: i };
          }
        } finally {
          open--;
        }
      },
    };
    const registry = new CollectorRegistry();
    registry.register({
      collect: () => [new MetricFamily("g", "G.", "gauge", { metrics: trusted("gauge", metrics) })],
    });
    const handler = metricsHandler({ registry });
    const headers = { "accept-encoding": encoding };
    let chunkSeries = 0;
    let most = 0;
    for (let i = 0; i < CLIENTS; i++) {
      encoded = 0;
      const response = await handler(new Request("http://localhost/metrics", { headers }));
      // Two chunks are generated at first, to find out whether there is more than one.
      if (chunkSeries === 0) chunkSeries = encoded / 2;
      const reader = response.body!.getReader();
      await reader.read();
      const before = encoded;
      await reader.cancel();
      await new Promise((resolve) => setTimeout(resolve, 0));
      assert.equal(open, 0);
      most = Math.max(most, (encoded - before) / chunkSeries);
    }
    reportFault({
      fault: `the client leaves mid-stream, ${CLIENTS} times (${encoding}, within the process)`,
      bar: "generation stops within one chunk",
      figure: `${most.toFixed(1)} chunks at most were generated afterwards`,
    });
    assert.ok(most <= 1, `${most} chunks`);
  });
}

/** Requests metrics, disconnects after the first data, and waits until the connection is closed. */
async function leave(port: number, encoding: string): Promise<void> {
  const socket = await connectTo(port);
  const left = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.once("data", () => socket.destroy());
  socket.write(
    `GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: ${encoding}\r\n\r\n`,
  );
  await left;
}

async function leaveOften(server: RunningFaultServer, clients: number): Promise<void> {
  for (let i = 0; i < clients; i += AT_ONCE) {
    const encodings = Array.from({ length: AT_ONCE }, (_, j) => j % 2 === 0 ? "identity" : "gzip");
    await Promise.all(encodings.map((encoding) => leave(server.port, encoding)));
  }
}

/** Returns the state of a server after it has noticed that all clients have disconnected. */
async function rest(server: RunningFaultServer): Promise<FaultServerState> {
  await waitFor("the end of all scrapes", async () => {
    return (await server.state()).open === 0 || undefined;
  });
  const looks: FaultServerState[] = [];
  while (looks.length < LOOKS) {
    await sleep(200);
    looks.push(await server.state());
  }
  return looks.reduce((least, look) => look.heapUsed < least.heapUsed ? look : least);
}

async function holdToBase(runtime: Runtime): Promise<void> {
  await using server = await startFaultServer({ runtime, series: SERIES });
  await leaveOften(server, WARM_UP);
  const base = await rest(server);
  await leaveOften(server, CLIENTS);
  const after = await rest(server);
  const later = await rest(server);
  const scrapes = after.scrapes - base.scrapes;
  const share = (after.encoded - base.encoded) / (scrapes * SERIES);
  const grown = after.heapUsed - base.heapUsed;
  const heap = grown / base.heapUsed;
  reportFault({
    fault: `the client leaves mid-stream, ${CLIENTS} times (${runtime}, over loopback)`,
    bar: "descriptors and heap back to base ± 2 %",
    figure: `${after.descriptors} of ${base.descriptors} descriptors; heap ` +
      `${megabytes(after.heapUsed)}, ${heap < 0 ? "" : "+"}${(heap * 100).toFixed(2)} %; ` +
      `${(share * 100).toFixed(1)} % of the series were written`,
  });
  assert.equal(scrapes, CLIENTS);
  assert.equal(later.encoded, after.encoded, "something is still being written");
  assert.ok(share < 0.5, `${share} of all series were written`);
  const descriptors = Math.abs(after.descriptors - base.descriptors);
  assert.ok(descriptors <= base.descriptors * TOLERANCE, `${descriptors} descriptors`);
  assert.ok(
    grown <= Math.max(base.heapUsed * TOLERANCE, CLIENTS * NOISE),
    `${megabytes(base.heapUsed)}, then ${megabytes(after.heapUsed)}`,
  );
}

for (const runtime of IS_FULL ? RUNTIMES : ["deno"] as const) {
  test(`${CLIENTS} disconnecting clients leave no resources behind on ${runtime}`, () =>
    holdToBase(runtime));
}
