import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { BroadcastChannel } from "node:worker_threads";
import type { Batch } from "../../multiprocess/backend.ts";
import { WorkersSession } from "../../multiprocess/workers_session.ts";
import { FakeNetwork } from "../support/fake_network.ts";

const signal = new AbortController().signal;

/** Every batch adds one to the series of its instance. */
function batchOf(sequence: number, series: string): Batch {
  const adds = [{ family: "jobs", series, numbers: [1] }];
  return { sequence, families: [], adds, sets: [], deletes: [] };
}

/** A session with one instance, which has a series of its own. */
class Peer {
  readonly name: string;
  readonly session: WorkersSession;
  readonly channel: BroadcastChannel;
  pushed = 0;
  /** What its last read showed of each series. */
  shown: Map<string, number> = new Map();

  constructor(network: FakeNetwork, name: string) {
    this.name = name;
    // A cast: a session uses nothing else of a channel.
    this.channel = network.open(name) as unknown as BroadcastChannel;
    this.session = new WorkersSession(this.channel, {
      namespace: "",
      readOnly: false,
      deadAfterMs: 1e6,
      retentionMs: 1e9,
      timeoutMs: 10,
      signal,
    });
  }

  join(): Promise<string> {
    return this.session.join({ id: this.name, process: this.name }, { signal });
  }

  async push(): Promise<void> {
    const batch = batchOf(this.pushed + 1, this.name);
    assert.equal(await this.session.push(this.name, batch, { signal }), "applied");
    this.pushed++;
  }

  /** Reads, and sees to it that nothing has fallen. A read may have no end in time. */
  async read(): Promise<Map<string, number> | undefined> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), 60);
    const now = new Map<string, number>();
    try {
      for await (const { totals = [] } of this.session.read({ signal: limit.signal })) {
        for (const { series, numbers } of totals) {
          now.set(series, (now.get(series) ?? 0) + numbers[0]!);
        }
      }
    } catch (error) {
      if (limit.signal.aborted) return undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
    for (const [series, before] of this.shown) {
      const after = now.get(series) ?? 0;
      assert.ok(after >= before, `${this.name} shows ${after} of ${series} after ${before}`);
    }
    return this.shown = now;
  }

  /** Ends as a worker that is terminated. */
  terminate(): void {
    this.channel.close();
  }

  async close(): Promise<void> {
    await this.session.leave(this.name, { signal });
    await this.session.close();
  }
}

test("a read that waits when its session is closed is refused, and nothing is sent afterwards", async () => {
  const network = new FakeNetwork(1);
  const [one, two] = [new Peer(network, "one"), new Peer(network, "two")];
  for (const peer of [one, two]) await peer.join();
  // What is missing never comes.
  network.filter = (_, __, data) => !["batch", "ledger"].includes((data as { kind: string }).kind);
  await two.push();
  const reading = one.session.read({ signal }).next();
  await Promise.all([
    assert.rejects(reading, { message: "Cannot use the workers' store: it is closed" }),
    sleep(5).then(() => one.close()),
  ]);
  await sleep(50);
  two.terminate();
});
