import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { test } from "node:test";
import { OtlpExporter } from "../../bridges/otlp.ts";
import { CollectorRegistry, Counter } from "../../mod.ts";
import { freePort, waitFor } from "../support/processes.ts";
import { metricsOf, partialSuccess, receiveExport } from "../support/otlp.ts";

/** A real receiver that misbehaves, one way after the other, and can be restarted. */
class FlakyReceiver {
  readonly url: string;
  readonly totals: Map<string, number> = new Map();
  readonly done: Set<string> = new Set();
  isWell = false;
  readonly #port: number;
  #server: Server | undefined;
  #requests = 0;

  constructor(port: number) {
    this.#port = port;
    this.url = `http://127.0.0.1:${port}/v1/metrics`;
  }

  async start(): Promise<void> {
    const server = this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    const server = this.#server!;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const part of request) parts.push(part);
    const body = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
    const way = this.isWell ? "ok" : WAYS[this.#requests++ % WAYS.length]!;
    this.done.add(way);
    const take = (): void => {
      const headers = new Headers(request.headers as Record<string, string>);
      for (const { name, sum } of metricsOf(receiveExport("", headers, body).request)) {
        for (const point of sum?.dataPoints ?? []) {
          this.totals.set(`${name} ${point.attributes?.[0]?.value.stringValue}`, point.asDouble!);
        }
      }
    };
    switch (way) {
      case "ok":
        take();
        return void response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
      case "partial":
        take();
        response.writeHead(200, { "content-type": "application/x-protobuf" });
        return void response.end(partialSuccess(1, "one is too old"));
      case "503":
        return void response.writeHead(503).end("busy");
      case "429":
        return void response.writeHead(429, { "retry-after": "0" }).end();
      case "lost":
        take();
        return void response.destroy();
      case "hang":
        // Never answers: the exporter gives up.
        return;
    }
  }
}

const WAYS = ["ok", "503", "partial", "429", "lost", "hang", "503", "ok"] as const;

test("totals arrive exactly at a receiver that fails, hangs, refuses, loses answers and restarts", async () => {
  const receiver = new FlakyReceiver(await freePort());
  await receiver.start();
  const registry = new CollectorRegistry();
  const jobs = new Counter("jobs_total", "", { registry, labelNames: ["id"] });
  const errors: Error[] = [];
  const exporter = new OtlpExporter(receiver.url, {
    registry,
    compression: "gzip",
    intervalMs: 5,
    timeoutMs: 300,
    minBackoffMs: 2,
    maxBackoffMs: 10,
    maxPointsPerRequest: 20,
    onError: (error) => errors.push(error as Error),
  });
  const count = (): void => {
    for (let id = 0; id < 50; id++) jobs.labels({ id }).inc();
  };
  for (let restarts = 0; restarts < 3; restarts++) {
    const before = errors.length;
    receiver.done.clear();
    await waitFor("everything has gone wrong once", () => {
      count();
      const isGivenUp = errors.slice(before).some(({ message }) => /no answer/.test(message));
      return receiver.done.size === new Set(WAYS).size && isGivenUp || undefined;
    });
    await receiver.stop();
    count();
    await waitFor("nobody answers", () => errors.length > before + 2 || undefined);
    await receiver.start();
  }
  receiver.isWell = true;
  count();
  await exporter.flush({ timeoutMs: 60_000 });
  for (let id = 0; id < 50; id++) {
    assert.equal(receiver.totals.get(`jobs_total ${id}`), jobs.labels({ id }).value);
  }
  const messages = errors.map(({ message }) => message).join("\n");
  for (
    const pattern of [
      /answered 503: busy/,
      /answered 429/,
      /did not take 1 of \d+/,
      /no answer within/,
    ]
  ) assert.match(messages, pattern);
  assert.equal(exporter.droppedPoints, 0);
  await exporter.close();
  await receiver.stop();
});
