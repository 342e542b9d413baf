import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { CollectorRegistry, Counter, Gauge, generateMetricsAsync, Histogram } from "../../mod.ts";
import { loadBackend, type LoadBackendOptions } from "../../multiprocess/mod.ts";
import { redisBackend, type RedisCommand } from "../../multiprocess/redis/mod.ts";
import { RedisCalls } from "../../multiprocess/redis/calls.ts";
import { testBackend } from "../support/backend_contract.ts";
import { ManualClock, settle } from "../support/clock.ts";
import { startFaultyProxy } from "../support/faulty_proxy.ts";
import { freePort, waitFor } from "../support/processes.ts";
import { ROOT_URL } from "../support/paths.ts";
import { findProgram, testWithPrograms } from "../support/programs.ts";
import { testGuards } from "../support/shared_guards.ts";
import {
  CLIENTS,
  CLUSTER_CLIENTS,
  type RedisServer,
  startRedis,
  type TestClient,
} from "../support/redis.ts";

const NEEDED = ["redis-server", "redis-cli"];
const hasRedis = NEEDED.every((program) => findProgram(program) !== undefined);

/** The client of the tests that could use any. */
const connect = CLIENTS["redis"]!;

/** How long Redis may take. Only a fault takes that long. */
const PATIENCE_MS = 60_000;

/** Tests the promises of every backend on Redis. */
function testRedis(name: string, start: () => Promise<[RedisServer, TestClient]>): void {
  if (!hasRedis) {
    testWithPrograms(NEEDED, `${name}: all promises of a backend`, async () => {});
    return;
  }
  testBackend(name, async () => {
    const [server, client] = await start();
    return {
      backend: () => redisBackend(client.command),
      async [Symbol.asyncDispose]() {
        client[Symbol.dispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  });
}

for (const [name, connect] of Object.entries(CLIENTS)) {
  testRedis(`Redis through ${name}`, async () => {
    const server = await startRedis();
    return [server, await connect(server.port)];
  });
}
/** The environment of a test on Redis. */
interface Place {
  readonly server: RedisServer;
  readonly client: TestClient;
  /** Makes another process. */
  readonly share: (options?: ShareOptions) => Promise<Process>;
}

interface ShareOptions extends LoadBackendOptions {
  command?: RedisCommand;
}

/** A process with a counter, a histogram and a gauge. */
type Process = Awaited<ReturnType<typeof share>>;

async function share(command: RedisCommand, options: LoadBackendOptions) {
  const registry = new CollectorRegistry();
  const jobs = new Counter("jobs_total", "Jobs.", { registry, labelNames: ["queue"] });
  const heat = new Gauge("heat", "Heat.", { registry, aggregation: "sum" });
  const size = new Histogram("size", "Sizes.", {
    registry,
    buckets: [1, 2],
    nativeHistogram: true,
  });
  const shared = await loadBackend(redisBackend(command), {
    registry,
    intervalMs: 1e9,
    timeoutMs: PATIENCE_MS,
    deadAfterMs: 60_000,
    process: "p",
    ...options,
  });
  return {
    jobs,
    heat,
    size,
    shared,
    total: () => shared.getSampleValueAsync("jobs_total", { queue: "a" }),
    errors: (operation: string) =>
      shared.getSampleValueAsync("narthex_backend_errors_total", { operation, process: "p" }),
  };
}

function testOnRedis(
  name: string,
  run: (place: Place) => Promise<void>,
  options: readonly string[] = [],
): void {
  testWithPrograms(NEEDED, `Redis: ${name}`, async () => {
    const server = await startRedis(options);
    const client = await connect(server.port);
    const processes: Process[] = [];
    try {
      await run({
        server,
        client,
        async share({ command = client.command, ...options } = {}) {
          const process = await share(command, options);
          processes.push(process);
          return process;
        },
      });
    } finally {
      // Those that a failed test leaves open.
      client[Symbol.dispose]();
      for (const { shared } of processes) await shared.close();
      await server[Symbol.asyncDispose]();
    }
  });
}

/** How much Prometheus takes a counter to have grown, which it sees at these values. */
class Increase {
  #last = 0;
  total = 0;

  see(value: number | undefined): void {
    if (value === undefined) return;
    this.total += value < this.#last ? value : value - this.#last;
    this.#last = value;
  }
}

for (const [name, connect] of Object.entries(CLIENTS)) {
  testOnRedis(
    `counts each increment once when requests and replies are lost, through ${name}`,
    async ({ server, share }) => {
      await using proxy = await startFaultyProxy(
        server.port,
        { requests: 0.02, replies: 0.05 },
        7,
      );
      using one = await connect(proxy.port);
      using two = await connect(proxy.port);
      using three = await connect(proxy.port);
      const clients = [one, two, three];
      // Each loss also ends the connection, so clients notice it.
      const processes = await Promise.all(clients.map(({ command }) => share({ command })));
      const reader = await share({ readOnly: true });
      const increase = new Increase();
      let issued = 0;
      // One read after the other: of two at the same time, the newer one may end first.
      let reading = Promise.resolve();
      const scrape = async (): Promise<void> => {
        const value = await reader.total();
        increase.see(value);
        assert.ok((value ?? 0) >= 0);
      };
      await Promise.all(processes.map(async ({ jobs, size, shared }, i) => {
        for (let round = 0; round < 150; round++) {
          jobs.labels("a").inc(i + 1);
          size.observe(round % 4);
          issued += i + 1;
          await shared.flush();
          await (reading = reading.then(scrape));
        }
      }));
      assert.ok(proxy.lost.requests > 0 && proxy.lost.replies > 10, JSON.stringify(proxy.lost));
      proxy.rates = { requests: 0, replies: 0 };
      for (const { shared } of processes) {
        await waitFor("a flush", async () => await shared.flush() || undefined);
      }
      const last = await reader.total();
      increase.see(last);
      assert.equal(last, issued);
      assert.equal(increase.total, issued, "nothing fell");
      assert.equal(await reader.shared.getSampleValueAsync("size_count"), 450);
      for (const { shared } of processes) await shared.close();
    },
  );

  testOnRedis(
    `totals start at zero when a killed server comes back empty, through ${name}`,
    async ({ server, share }) => {
      const client = await connect(server.port);
      const { command } = client;
      // Clients keep commands while the server is down. Time passes only there.
      const clock = new ManualClock();
      const options = { command, timeoutMs: 300, timers: clock };
      const [one, two] = [await share(options), await share(options)];
      const increase = new Increase();
      let issued = 0;
      const count = (n: number) => {
        for (const { jobs, heat } of [one, two]) {
          jobs.labels("a").inc(n);
          heat.set(n);
          issued += n;
        }
      };
      for (let round = 1; round <= 3; round++) {
        count(10);
        for (const { shared } of [one, two]) {
          await waitFor("a flush", async () => await shared.flush() || undefined);
        }
        assert.equal(await two.total(), round === 1 ? 20 : 26);
        increase.see(await one.total());
        await server.stop("SIGKILL");
        count(3);
        assert.equal(await settle(clock, one.shared.flush()), false);
        const text = await settle(clock, generateMetricsAsync(two.shared));
        assert.match(text, /^narthex_backend_up 0$/m);
        assert.equal(await settle(clock, two.total()), undefined, "a gap");
        await server.restart();
      }
      for (const { shared } of [one, two]) {
        await waitFor("a flush", async () => await shared.flush() || undefined);
      }
      assert.equal(await one.total(), 6);
      assert.equal(await one.shared.getSampleValueAsync("heat"), 6, "gauges are all there again");
      increase.see(await two.total());
      assert.ok(increase.total <= issued, `${increase.total} of ${issued}`);
      assert.ok(Number(await two.errors("read")) >= 3);
      for (const { shared } of [one, two]) await shared.close();
      client[Symbol.dispose]();
    },
  );
}

if (hasRedis) {
  let advance: (seconds: number) => Promise<void> = () => Promise.resolve();
  testGuards((name, run) => {
    testOnRedis(name, async ({ client, server }) => {
      // The clock of the server cannot be moved: what it has noted is moved back.
      advance = (seconds) => Promise.resolve(moveBack(server, seconds * 1000));
      await run({ backend: () => redisBackend(client.command), advance: (s) => advance(s) });
    });
  }, { clock: new ManualClock(), options: { deadAfterMs: 60_000 } });
}

/** Lets all series expire sooner. */
function moveBack(server: RedisServer, ms: number): void {
  const script = "for _, series in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do " +
    "redis.call('ZINCRBY', KEYS[1], ARGV[1], series) end";
  for (const key of server.ask("keys", "*:idle:*").split("\n").filter((key) => key !== "")) {
    server.ask("eval", script, "1", key, `${-ms}`);
  }
}

testOnRedis("parts from before a family had an expiry expire with their series", async (place) => {
  const { server, client } = place;
  const start = async (expireAfterSeconds?: number) => {
    const registry = new CollectorRegistry();
    const given = { registry, labelNames: ["tenant"], expireAfterSeconds } as const;
    const size = new Histogram("size", "S.", { ...given, buckets: [], nativeHistogram: true });
    const options = { registry, intervalMs: 1e9, deadAfterMs: 60_000 };
    return { size, shared: await loadBackend(redisBackend(client.command), options) };
  };
  const [former, next] = [await start(), await start(10)];
  // In buckets of different rows.
  for (const value of [1e3, 1e6, 1e9]) former.size.labels("a").observe(value);
  assert.equal(await former.shared.flush(), true);
  next.size.labels("a").observe(1);
  assert.equal(await next.shared.flush(), true);
  moveBack(server, 20_000);
  next.size.labels("a").observe(1);
  assert.equal(await next.shared.getSampleValueAsync("size_count", { tenant: "a" }), 1);
  for (const { shared } of [former, next]) await shared.close();
});

testOnRedis("expired series neither pile up nor make reads slow", async ({ server, client }) => {
  const registry = new CollectorRegistry();
  const given = { registry, labelNames: ["tenant"], expireAfterSeconds: 10 } as const;
  const hits = new Counter("hits_total", "H.", given);
  const options = { registry, intervalMs: 1e9, deadAfterMs: 60_000 };
  const shared = await loadBackend(redisBackend(client.command), options);
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 2000; i++) hits.labels(`${round} ${i}`).inc();
    assert.equal(await shared.flush(), true);
    assert.equal(server.ask("zcard", server.ask("keys", "*:idle:*")), "2000");
    moveBack(server, 20_000);
  }
  server.ask("config", "resetstat");
  assert.doesNotMatch(await generateMetricsAsync(shared), /^hits_total/m);
  const calls = server.ask("info", "commandstats").matchAll(/cmdstat_.*:calls=(\d+)/g);
  const count = [...calls].reduce((sum, [, calls]) => sum + Number(calls), 0);
  assert.ok(count < 2000, `${count} calls`);
  await shared.close();
});

/** Lets the gap after a restart end: the clock of the server cannot be moved. */
function endGap(server: RedisServer): void {
  server.ask("hset", "narthex:{default}:head", "until", "1");
}

testOnRedis("totals start at zero after the server is emptied", async ({ server, share }) => {
  const [one, two] = [await share(), await share()];
  one.jobs.labels("a").inc(10);
  two.jobs.labels("a").inc(10);
  await one.shared.flush();
  assert.equal(await two.total(), 20);
  server.ask("flushall");
  one.jobs.labels("a").inc(1);
  assert.equal(await one.total(), 1);
  two.jobs.labels("a").inc(2);
  assert.equal(await two.total(), 3);
});

testOnRedis("totals continue after a gap when a restart lost nothing", async (place) => {
  const { server, share } = place;
  const one = await share();
  one.jobs.labels("a").inc(10);
  assert.equal(await one.total(), 10);
  server.ask("save");
  await server.stop("SIGKILL");
  await server.restart();
  await waitFor("a flush", async () => await one.shared.flush() || undefined);
  one.jobs.labels("a").inc(0.5);
  assert.equal(await one.shared.flush(), true);
  const late = await share();
  assert.equal(await late.total(), undefined, "others may know of something that was lost");
  assert.match(await generateMetricsAsync(late.shared), /^narthex_backend_up 0$/m);
  endGap(server);
  assert.equal(await late.total(), 10.5);
});

testOnRedis("totals start at zero when a restart lost something", async (place) => {
  const { server, share } = place;
  const [one, two] = [await share(), await share()];
  one.jobs.labels("a").inc(10);
  await one.shared.flush();
  server.ask("save");
  one.jobs.labels("a").inc(10);
  assert.equal(await one.total(), 20);
  await server.stop("SIGKILL");
  await server.restart();
  await waitFor("a flush", async () => await two.shared.flush() || undefined);
  assert.equal(await two.total(), undefined, "a process without changes does not know of the loss");
  await waitFor("a flush", async () => await one.shared.flush() || undefined);
  one.jobs.labels("a").inc(1);
  assert.equal(await one.total(), 1);
  assert.equal(await two.total(), 1);
});

testOnRedis(
  "a process that the snapshot does not contain starts the totals at zero",
  async (place) => {
    const { server, share } = place;
    const one = await share();
    one.jobs.labels("a").inc(10);
    await one.shared.flush();
    server.ask("save");
    const two = await share();
    two.jobs.labels("a").inc(10);
    assert.equal(await two.total(), 20);
    await server.stop("SIGKILL");
    await server.restart();
    two.jobs.labels("a").inc(4);
    await waitFor("a flush", async () => await two.shared.flush() || undefined);
    assert.equal(await two.total(), 4);
  },
);

testOnRedis("a former epoch that comes back is not continued", async ({ server, share }) => {
  const [one, two] = [await share(), await share()];
  one.jobs.labels("a").inc(10);
  assert.equal(await one.total(), 10);
  server.ask("save");
  server.ask("flushall");
  one.jobs.labels("a").inc(1);
  assert.equal(await one.total(), 1);
  assert.equal(await two.total(), 1);
  await server.stop("SIGKILL");
  await server.restart();
  const late = await share();
  late.jobs.labels("a").inc(5);
  await waitFor("a flush", async () => await late.shared.flush() || undefined);
  assert.equal(await late.total(), undefined);
  one.jobs.labels("a").inc(2);
  await waitFor("a flush", async () => await one.shared.flush() || undefined);
  const total = await one.total();
  assert.equal(total, 2);
});

testOnRedis("a reader does not wait for processes that have ended", async (place) => {
  const { server, share } = place;
  const one = await share();
  one.jobs.labels("a").inc(10);
  await one.shared.close();
  const reader = await share({ readOnly: true, deadAfterMs: 300 });
  assert.equal(await reader.total(), 10);
  server.ask("save");
  await server.stop("SIGKILL");
  await server.restart();
  assert.equal(await waitFor("a total", () => reader.total()), 10);
});

testOnRedis("a process has ended that sent nothing since the clock was set back", async (place) => {
  const { server, client } = place;
  const start = async () => {
    const registry = new CollectorRegistry();
    const running = new Gauge("running", "Runs.", { registry, aggregation: "livesum" });
    const options = { registry, intervalMs: 1e9, deadAfterMs: 60_000 };
    const shared = await loadBackend(redisBackend(client.command), options);
    running.set(1);
    assert.equal(await shared.flush(), true);
    return shared;
  };
  const silent = await start();
  const head = "narthex:{default}:head";
  const field = server.ask("hkeys", head).split("\n").find((field) => field.startsWith("i:"))!;
  const [sequence, order, seen, ...rest] = server.ask("hget", head, field).split(" ");
  // The clock of the server cannot be moved.
  const record = [sequence, order, Number(seen) + 3_600_000, ...rest].join(" ");
  server.ask("hset", head, field, record);
  const shared = await start();
  assert.equal(await shared.getSampleValueAsync("running"), 1);
  await shared.close();
  await silent.close();
});

testOnRedis("no number becomes wrong when keys are evicted", async ({ server, share }) => {
  const [one, two] = [await share(), await share()];
  const all = () => server.ask("keys", "narthex:*").split("\n");
  for (const { jobs, heat } of [one, two]) {
    jobs.labels("a").inc(5);
    heat.set(2);
  }
  const evict = async (part: RegExp): Promise<void> => {
    const keys = all().filter((key) => part.test(key));
    assert.ok(keys.length > 0);
    server.ask("del", ...keys);
    one.jobs.labels("a").inc(1);
    for (const { shared, heat } of [one, two]) {
      heat.inc(1);
      assert.equal(await shared.flush(), true);
    }
  };
  await one.shared.flush();
  assert.equal(await two.total(), 10);
  await evict(/:own:/);
  assert.equal(await two.total(), 11);
  assert.equal(await two.shared.getSampleValueAsync("heat"), 6);
  await evict(/:totals:/);
  assert.equal(await two.total(), 1, "from zero");
  await evict(/:head$/);
  assert.equal(await two.total(), 1);
  assert.equal(await two.shared.getSampleValueAsync("heat"), 10);
});

testOnRedis("sums are as exact as additions of doubles", async ({ share }) => {
  const [one, two] = [await share(), await share()];
  let expected = 0;
  for (const value of [0.1, 0.2, 1e-17, 0.7, 1 / 3, 5e-324]) {
    one.jobs.labels("a").inc(value);
    await one.shared.flush();
    two.jobs.labels("b").inc(2 ** 53 - 1);
    expected += value;
  }
  const sum = await two.shared.getSampleValueAsync("jobs_total", { queue: "a" });
  assert.ok(Math.abs(Number(sum) - expected) <= Number.EPSILON);
  two.jobs.clear();
  two.jobs.labels("c").inc(2 ** 53 - 2);
  await two.shared.flush();
  two.jobs.labels("c").inc(1);
  const large = await two.shared.getSampleValueAsync("jobs_total", { queue: "c" });
  assert.equal(large, 2 ** 53 - 1);
});

testOnRedis("large families are read completely while they grow", async ({ share }) => {
  const [one, two] = [await share(), await share()];
  for (let i = 0; i < 3000; i++) one.jobs.labels(`${i}`).inc();
  await one.shared.flush();
  for (let round = 2; round < 6; round++) {
    for (let i = 0; i < 3000 * round; i++) one.jobs.labels(`${i}`).inc();
    const [text] = await Promise.all([generateMetricsAsync(two.shared), one.shared.flush()]);
    const values = [...text.matchAll(/^jobs_total\{queue="(\d+)"\} (\d+)$/gm)];
    const queues = new Set(values.map(([, queue]) => queue));
    assert.equal(queues.size, values.length);
    for (let i = 0; i < 3000 * (round - 1); i++) assert.ok(queues.has(`${i}`), `${i}`);
    for (const [, queue, value] of values) {
      const sent = round - Math.max(1, Math.floor(Number(queue) / 3000));
      assert.ok(Number(value) >= sent - 1 && Number(value) <= round, `${queue}: ${value}`);
    }
  }
});

testOnRedis("namespaces of any name have separate keys", async (place) => {
  const names = ["a", "}", "{a}", "a:b", "é\0", "%7D"];
  const processes = await Promise.all(names.map((namespace) => place.share({ namespace })));
  for (const [i, { jobs, shared }] of processes.entries()) {
    jobs.labels("a").inc(i);
    await shared.flush();
  }
  for (const [i, { total }] of processes.entries()) assert.equal(await total(), i);
  const tags = place.server.ask("keys", "*").split("\n").map((key) => key.match(/\{(.+?)\}/)?.[1]);
  assert.equal(new Set(tags).size, names.length);
});

const REFUSALS: [what: string, make: (server: RedisServer) => void, error: RegExp][] = [
  ["keys that hold something else", (server) => {
    server.ask("set", "narthex:{default}:head", "recipes");
  }, /WRONGTYPE/],
  ["data of a later version", (server) => {
    server.ask("hset", "narthex:{default}:head", "version", "9", "epoch", "e");
  }, /must be of version 2: received 9/],
  ["scripts that are not allowed", (server) => {
    server.ask("acl", "setuser", "default", "-@scripting");
  }, /NOPERM|no permissions/],
];
for (const [what, make, error] of REFUSALS) {
  testOnRedis(`loadBackend() rejects ${what}`, async ({ server, client }) => {
    make(server);
    // With a real clock, it would resolve after a while without an answer.
    await assert.rejects(share(client.command, { timers: new ManualClock() }), (thrown) => {
      assert.ok(thrown instanceof Error);
      assert.match(thrown.message, /^Cannot open Redis: /);
      assert.match(thrown.message, error);
      return true;
    });
  });
}

testWithPrograms(NEEDED, "Redis: a namespace is in one slot of a cluster", async () => {
  const port = `${await freePort()}`;
  const cluster = ["--cluster-enabled", "yes", "--cluster-port", port];
  const server = await startRedis([...cluster, "--cluster-announce-ip", "127.0.0.1"]);
  try {
    server.ask("cluster", "addslotsrange", "0", "16383");
    const isUp = () => server.ask("cluster", "info").includes("state:ok") || undefined;
    await waitFor("the cluster", isUp);
    for (const [namespace, connect] of Object.entries(CLUSTER_CLIENTS)) {
      const client = await connect(server.port);
      const [one, two] = [
        await share(client.command, { namespace }),
        await share(client.command, { namespace }),
      ];
      for (const { jobs, heat, size } of [one, two]) {
        jobs.labels("a").inc(2);
        heat.set(3);
        size.observe(1);
      }
      assert.equal(await one.total(), 2);
      assert.equal(await two.total(), 4);
      assert.equal(await one.shared.getSampleValueAsync("size_count"), 2);
      assert.equal(await one.shared.getSampleValueAsync("heat"), 6);
      await one.shared.close();
      await two.shared.close();
      client[Symbol.dispose]();
    }
  } finally {
    await server[Symbol.asyncDispose]();
  }
});

testOnRedis("the rights in the documentation are sufficient", async ({ server, share }) => {
  const text = await readFile(new URL("docs/multiprocess.md", ROOT_URL), "utf8");
  const [, rights = ""] = text.match(/few rights needs\s+`([^`]+)`/) ?? [];
  assert.match(rights, /\+@hash/);
  server.ask("acl", "setuser", "default", "resetkeys", "~narthex:*", "-@all", ...rights.split(" "));
  const { jobs, heat, shared, total } = await share();
  jobs.labels("a").inc(2);
  heat.set(3);
  assert.equal(await total(), 2);
  await shared.close();
});

testOnRedis("a lack of memory is counted as a failure and loses nothing", async (place) => {
  const { server, share } = place;
  const { jobs, shared, total, errors } = await share();
  jobs.labels("a").inc(2);
  assert.equal(await total(), 2);
  server.ask("config", "set", "maxmemory", "1");
  jobs.labels("a").inc(3);
  assert.equal(await shared.flush(), false);
  assert.equal(await total(), 2, "stored totals can be read");
  assert.ok(Number(await errors("flush")) >= 1);
  server.ask("config", "set", "maxmemory", "0");
  assert.equal(await total(), 5);
}, ["--maxmemory-policy", "noeviction"]);

testOnRedis("a key of another type is counted as a failure and changes nothing", async (place) => {
  const { server, share } = place;
  const messages: string[] = [];
  const { jobs, heat, shared } = await share({ onError: (error) => messages.push(String(error)) });
  jobs.labels("a").inc(2);
  heat.set(1);
  await shared.flush();
  const keys = server.ask("keys", "*:totals:*").split("\n");
  server.ask("del", ...keys);
  for (const key of keys) server.ask("set", key, "recipes");
  heat.set(2);
  jobs.labels("a").inc(3);
  const [own = ""] = server.ask("keys", "*:own:*").split("\n");
  const before = server.ask("hgetall", own);
  assert.equal(await shared.flush(), false);
  assert.match(messages[0]!, /^Error: Cannot write to Redis: .*WRONGTYPE/);
  assert.equal(server.ask("hgetall", own), before);
});

testOnRedis("a replica can be read and rejects writes", async ({ server, share }) => {
  const replica = await startRedis(["--replicaof", "127.0.0.1", `${server.port}`]);
  const client = await connect(replica.port);
  try {
    const one = await share();
    one.jobs.labels("a").inc(2);
    await one.shared.flush();
    const reader = await share({ command: client.command, readOnly: true });
    assert.equal(await waitFor("the replica", () => reader.total()), 2);
    const messages: string[] = [];
    const lost = await share({
      command: client.command,
      onError: (error) => messages.push(String(error)),
    });
    lost.jobs.labels("a").inc(100);
    assert.equal(await lost.shared.flush(), false);
    assert.match(messages[0]!, /Cannot write to Redis: .*READONLY/);
    assert.equal(await lost.total(), 2);
    await lost.shared.close();

    one.jobs.labels("a").inc(3);
    await one.shared.flush();
    assert.equal(
      await waitFor("the replica", async () => await reader.total() === 5 || undefined),
      true,
    );
    replica.ask("replicaof", "no", "one");
    assert.equal(await reader.total(), undefined, "a new primary may lack something");
  } finally {
    client[Symbol.dispose]();
    await replica[Symbol.asyncDispose]();
  }
});

testOnRedis("a replica that starts without its primary shows no former state", async (place) => {
  const { server, share } = place;
  await using replica = await startRedis(["--replicaof", "127.0.0.1", `${server.port}`]);
  const one = await share();
  one.jobs.labels("a").inc(10);
  assert.equal(await one.total(), 10);
  await waitFor("the replica", () => {
    return replica.ask("keys", "*:totals:*") !== "" || undefined;
  });
  replica.ask("save");
  await replica.stop();
  one.jobs.labels("a").inc(5);
  assert.equal(await one.total(), 15);
  await server.stop();
  await replica.restart();
  using client = await connect(replica.port);
  const reader = await share({ command: client.command, readOnly: true, deadAfterMs: 1 });
  assert.equal(await reader.total(), undefined);
  assert.match(await generateMetricsAsync(reader.shared), /^narthex_backend_up 0$/m);
  replica.ask("replicaof", "no", "one");
  assert.equal(await waitFor("a new primary", () => reader.total()), 10);
});

testOnRedis("attaching a first replica causes no gap", async ({ server, share }) => {
  const one = await share();
  one.jobs.labels("a").inc(2);
  assert.equal(await one.total(), 2);
  const before = server.ask("info", "replication").match(/master_replid:(\w+)/)?.[1];
  await using replica = await startRedis(["--replicaof", "127.0.0.1", `${server.port}`]);
  await waitFor("the replica", () => {
    return /connected_slaves:1/.test(server.ask("info", "replication")) || undefined;
  });
  assert.notEqual(server.ask("info", "replication").match(/master_replid:(\w+)/)?.[1], before);
  assert.ok(replica.port > 0);
  one.jobs.labels("a").inc(3);
  assert.equal(await one.total(), 5);
  const late = await share({ readOnly: true });
  assert.equal(await late.total(), 5);
});

testOnRedis(
  "totals start at zero when a primary was a replica for a while",
  async ({ server, share }) => {
    const one = await share();
    one.jobs.labels("a").inc(2);
    assert.equal(await one.total(), 2);
    await using other = await startRedis();
    server.ask("replicaof", "127.0.0.1", `${other.port}`);
    await waitFor("the other server's data", () => {
      return server.ask("dbsize") === "0" || undefined;
    });
    server.ask("replicaof", "no", "one");
    one.jobs.labels("a").inc(3);
    await waitFor("a flush", async () => await one.shared.flush() || undefined);
    assert.equal(await one.total(), 3, "from zero");
  },
);

for (const reason of ["LOADING Redis is loading the dataset in memory", "Connection is closed."]) {
  test(`loadBackend() resolves while the server answers "${reason}"`, async () => {
    const command = () => Promise.reject(new Error(reason));
    const { shared, total, errors } = await share(command, {});
    assert.equal(await total(), undefined);
    assert.equal(await errors("read"), 2);
    await shared.close();
  });
}

for (const reason of ["MOVED 866 127.0.0.1:7002", "NOAUTH Authentication required."]) {
  test(`loadBackend() rejects when the server answers "${reason}"`, async () => {
    const command = () => Promise.reject(new Error(reason));
    await assert.rejects(share(command, {}), { message: `Cannot open Redis: ${reason}` });
  });
}

for (const reply of [undefined, "OK", {}, [new Uint8Array(3)]]) {
  test(`loadBackend() rejects a command that resolves to ${JSON.stringify(reply)}`, async () => {
    await assert.rejects(
      share(() => Promise.resolve(reply), {}),
      /^Error: Cannot open Redis: the command must resolve to what Redis replies, with texts as/,
    );
  });
}

testOnRedis("a late reply loses nothing", async ({ client, share }) => {
  const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const command: RedisCommand = async (name, ...args) => {
    const reply = await client.command(name, ...args);
    // A read begins with a page of the head: one key, a cursor and a count.
    if (args[1] === "1" && args[4] === "250") {
      asked.resolve();
      await held.promise;
    }
    return reply;
  };
  const { jobs, shared, total } = await share({ command });
  jobs.labels("a").inc();
  const reading = total();
  await asked.promise;
  jobs.labels("a").inc();
  assert.equal(await shared.flush(), true);
  held.resolve();
  assert.equal(await reading, 2);
});

test("callers of a command that never settles are garbage-collected", async () => {
  const calls = new RedisCalls(() => new Promise(() => {}));
  const run = async (): Promise<void> => {
    const limit = new AbortController();
    const running = calls.run("head", { keys: ["head"], args: [] }, limit.signal);
    limit.abort();
    await assert.rejects(running);
  };
  await run();
  const { then } = Promise.prototype;
  const listeners = new Map<unknown, number>();
  // A cast: what listeners are is of no interest here.
  Promise.prototype.then = function (this: Promise<unknown>, ...args: unknown[]) {
    listeners.set(this, (listeners.get(this) ?? 0) + 1);
    return Reflect.apply(then, this, args);
  } as typeof then;
  try {
    for (let i = 0; i < 20; i++) await run();
  } finally {
    Promise.prototype.then = then;
  }
  assert.ok(Math.max(0, ...listeners.values()) < 20, "each has added one to the same promise");
});

test("commands that never settle end at their time limit and do not pile up", async () => {
  let sent = 0;
  const command = () => {
    sent++;
    return new Promise(() => {});
  };
  const clock = new ManualClock();
  const { jobs, shared } = await settle(clock, share(command, { timeoutMs: 50, timers: clock }));
  for (let i = 0; i < 10; i++) {
    jobs.labels("a").inc();
    assert.equal(await settle(clock, shared.flush()), false);
  }
  assert.ok(sent <= 3, `${sent} sent`);
  await settle(clock, shared.close());
});

test("a command that the client has lost does not delay callers after later answers", async () => {
  const clock = new ManualClock();
  let answer: () => Promise<unknown> = () => new Promise(() => {});
  const calls = new RedisCalls(() => answer(), clock);
  const run = (signal = new AbortController().signal) =>
    calls.run("head", { keys: ["head"], args: [] }, signal);
  const abandon = async () => {
    const limit = new AbortController();
    const running = run(limit.signal);
    limit.abort();
    await assert.rejects(running);
  };
  await abandon();
  clock.advance(1);
  for (let i = 0; i < 5; i++) {
    const late = Promise.withResolvers<unknown>();
    answer = () => late.promise;
    await abandon();
    late.resolve(["head"]);
    await late.promise;
    answer = () => Promise.resolve(["head"]);
    // The clock stands still.
    assert.deepEqual(await run(), ["head"]);
  }
});

test("redisBackend() throws on an invalid command or prefix", () => {
  // Wrong on purpose.
  const wrong = "redis://localhost" as unknown as RedisCommand;
  assert.throws(() => redisBackend(wrong), /^TypeError: Cannot create Redis backend: command must/);
  for (const prefix of ["", "{", "a}"]) {
    assert.throws(
      () => redisBackend(() => Promise.resolve(), { prefix }),
      /^TypeError: Cannot create Redis backend: prefix must be a string, not empty and without/,
    );
  }
});
