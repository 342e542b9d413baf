import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { load, megabytes, reportFault } from "../support/fault_report.ts";
import { connectTo, startFaultServer } from "../support/fault_servers.ts";

const SERIES = 1000;
const SCRAPES = load(10_000, 500);
/** The number of measurements of each server. The median counts. */
const ROUNDS = load(3, 1);
/** The number of connections that are opened at once, so that none has to be retried. */
const CONNECTING = 100;

/** The result of many concurrent scrapes. */
interface Outcome {
  readonly complete: number;
  readonly refused: number;
  readonly peakMemory: number;
}

/** Sends a request and reads the whole response. Returns its status and whether it is complete. */
function scrape(socket: Socket, request: string): Promise<{ status: number; isWhole: boolean }> {
  return new Promise((resolve) => {
    let head = "";
    let length = 0;
    let end = Infinity;
    socket.on("data", (data: Uint8Array) => {
      length += data.length;
      if (end !== Infinity) return;
      head += new TextDecoder().decode(data);
      const body = head.indexOf("\r\n\r\n");
      if (body < 0) return;
      head = head.slice(0, body);
      end = body + 4 + Number(/^content-length: (\d+)$/im.exec(head)?.[1]);
    });
    socket.once("close", () => {
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), isWhole: length === end });
    });
    socket.write(request);
  });
}

async function measure(bare: boolean): Promise<Outcome> {
  await using server = await startFaultServer({ bare, series: SERIES });
  const sockets: Socket[] = [];
  while (sockets.length < SCRAPES) {
    const missing = Math.min(CONNECTING, SCRAPES - sockets.length);
    const more = Array.from({ length: missing }, () => connectTo(server.port));
    sockets.push(...await Promise.all(more));
  }
  const request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const answers = await Promise.all(sockets.map((socket) => scrape(socket, request)));
  return {
    complete: answers.filter(({ status, isWhole }) => status === 200 && isWhole).length,
    refused: answers.filter(({ status }) => status === 503).length,
    peakMemory: server.peakMemory(),
  };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

test(`${SCRAPES} concurrent scrapes are answered with little more memory than a copy needs`, async () => {
  const outcomes: Outcome[] = [];
  const bare: Outcome[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await measure(true));
    outcomes.push(await measure(false));
  }
  const complete = Math.min(...outcomes.map((outcome) => outcome.complete));
  const refused = Math.max(...outcomes.map((outcome) => outcome.refused));
  const peak = median(outcomes.map(({ peakMemory }) => peakMemory));
  const barePeak = median(bare.map(({ peakMemory }) => peakMemory));
  reportFault({
    fault: `${SCRAPES} concurrent scrapes of ${SERIES} series over loopback`,
    bar:
      "at least 9 of 10 complete, the rest 503; peak memory at most 1.2 × that of a bare handler",
    figure: `${complete} complete, ${refused} refused; ${megabytes(peak)}, ` +
      `${(peak / barePeak).toFixed(2)} × ${megabytes(barePeak)}`,
  });
  assert.ok(bare.every((outcome) => outcome.complete === SCRAPES), "the bare handler");
  for (const outcome of outcomes) {
    assert.ok(outcome.complete >= SCRAPES * 0.9, `${outcome.complete} complete`);
    assert.equal(outcome.complete + outcome.refused, SCRAPES);
  }
  assert.ok(peak <= barePeak * 1.2, `${megabytes(peak)} and ${megabytes(barePeak)}`);
});
