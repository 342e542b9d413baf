import assert from "node:assert/strict";
import { test } from "node:test";
import { OtlpExporter } from "../../bridges/otlp.ts";
import { CollectorRegistry, Counter } from "../../mod.ts";
import { FlakyReceiver, type Way } from "../support/flaky_receiver.ts";
import { metricsOf, receiveExport } from "../support/otlp.ts";
import { freePort, waitFor } from "../support/processes.ts";

const WAYS: readonly Way[] = ["ok", "503", "partial", "429", "lost", "hang", "503", "ok"];

// `deno task soak:sender` does the same for minutes, together with remote write.
test("totals arrive exactly at a receiver that fails, hangs, refuses, loses answers and restarts", async () => {
  const totals = new Map<string, number>();
  let requests = 0;
  const receiver = new FlakyReceiver({
    port: await freePort(),
    next: () => WAYS[requests++ % WAYS.length]!,
    retryAfter: "0",
    take: (headers, body) => {
      for (const { name, sum } of metricsOf(receiveExport("", headers, body).request)) {
        for (const point of sum?.dataPoints ?? []) {
          totals.set(`${name} ${point.attributes?.[0]?.value.stringValue}`, point.asDouble!);
        }
      }
    },
  });
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
    await waitFor("the receiver is down", () => errors.length > before + 2 || undefined);
    await receiver.start();
  }
  receiver.isWell = true;
  count();
  await exporter.flush({ timeoutMs: 60_000 });
  for (let id = 0; id < 50; id++) {
    assert.equal(totals.get(`jobs_total ${id}`), jobs.labels({ id }).value);
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
