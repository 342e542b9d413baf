import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../support/clock.ts";
import { Collections } from "../../exposition/collection.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  generateMetrics,
  generateOpenMetrics,
  type MetricFamily,
  metricsHandler,
} from "../../mod.ts";
import { turn } from "../support/clock.ts";

const OPENMETRICS = "application/openmetrics-text;version=1.0.0";

/** A registry that counts its collections, with a collector that the test settles. */
class Watched extends CollectorRegistry {
  collected = 0;
  readonly counter: Counter;
  readonly #calls: PromiseWithResolvers<MetricFamily[]>[] = [];

  constructor(waits: boolean) {
    super();
    this.counter = new Counter("c_total", "C.", { registry: this });
    new Gauge("g", "G.", { registry: this, labelNames: ["a"] }).labels("b").set(1);
    this.register({
      collect: () => {
        this.collected++;
        return [];
      },
    });
    if (!waits) return;
    this.register({
      collect: () => {
        const call = Promise.withResolvers<MetricFamily[]>();
        this.#calls.push(call);
        return call.promise;
      },
    });
  }

  /** Resolves the pending calls of the collector. */
  settle(): void {
    for (const call of this.#calls.splice(0)) call.resolve([]);
  }
}

function get(query = "", headers: Record<string, string> = {}): Request {
  return new Request(`http://localhost/metrics${query}`, {
    headers: { accept: "text/plain", "accept-encoding": "identity", ...headers },
  });
}

async function texts(responses: Promise<Response>[]): Promise<string[]> {
  return await Promise.all((await Promise.all(responses)).map((response) => response.text()));
}

test("simultaneous scrapes share one collection and are all answered", async () => {
  const registry = new Watched(false);
  const handler = metricsHandler({ registry });
  const text = generateMetrics(registry);
  registry.collected = 0;
  const responses = Array.from({ length: 100 }, () => handler(get()));
  assert.deepEqual(new Set(await texts(responses)), new Set([text]));
  assert.equal(registry.collected, 1);
});

test("consecutive scrapes do not share a collection", async () => {
  const registry = new Watched(false);
  const handler = metricsHandler({ registry });
  for (let i = 1; i <= 3; i++) {
    registry.counter.inc();
    for (const encoding of ["identity", "gzip"]) {
      const response = await handler(get("", { "accept-encoding": encoding }));
      const body = encoding === "identity"
        ? response.body!
        : response.body!.pipeThrough(new DecompressionStream("gzip"));
      assert.match(await new Response(body).text(), new RegExp(`^c_total ${i}$`, "m"));
    }
  }
  assert.equal(registry.collected, 6);
});

test("a scrape that joins has increments from before and after its arrival", async () => {
  const registry = new Watched(true);
  const handler = metricsHandler({ registry });
  const first = handler(get());
  await turn();
  registry.counter.inc();
  const second = handler(get());
  registry.counter.inc();
  registry.settle();
  for (const text of await texts([first, second])) assert.match(text, /^c_total 2$/m);
  assert.equal(registry.collected, 1);
  const third = handler(get());
  await turn();
  registry.settle();
  assert.match(await (await third).text(), /^c_total 2$/m);
  assert.equal(registry.collected, 2);
});

test("scrapes share no collection with coalesce: false", async () => {
  const registry = new Watched(false);
  const handler = metricsHandler({ registry, coalesce: false });
  await texts([handler(get()), handler(get()), handler(get())]);
  assert.equal(registry.collected, 3);
});

test("scrapes of different names do not share a collection", async () => {
  const registry = new Watched(false);
  const handler = metricsHandler({ registry });
  const [all, c, g, both, sameBoth] = await texts([
    handler(get()),
    handler(get("?name[]=c_total")),
    handler(get("?name[]=g")),
    handler(get("?name[]=c_total&name[]=g")),
    handler(get("?name[]=g&name[]=c_total&name[]=g")),
  ]);
  assert.equal(all, generateMetrics(registry));
  assert.equal(c, generateMetrics(registry.restrictedRegistry(["c_total"])));
  assert.equal(g, generateMetrics(registry.restrictedRegistry(["g"])));
  assert.equal(both, all);
  assert.equal(sameBoth, all);
  // The counting collector may have any name, so each read calls it, including reads of this test.
  assert.equal(registry.collected, 4 + 3);
});

test("a name with separators is one name", async () => {
  const registry = new Watched(false);
  const handler = metricsHandler({ registry });
  const [none, both] = await texts([
    handler(get(`?name[]=${encodeURIComponent('c_total","g')}`)),
    handler(get("?name[]=c_total&name[]=g")),
  ]);
  assert.equal(none, "");
  assert.match(both!, /^c_total 0$/m);
});

test("scrapes in different formats share one collection and get their own format", async () => {
  const registry = new Watched(false);
  new Gauge("dotted.name", "D.", { registry, nameValidation: "utf8" }).set(1);
  const handler = metricsHandler({ registry });
  const headers = { accept: OPENMETRICS };
  const packed = handler(get("", { "accept-encoding": "gzip" }));
  const [plain, open, dots] = await texts([
    handler(get()),
    handler(get("", headers)),
    handler(get("", { accept: `${OPENMETRICS};escaping=dots` })),
  ]);
  const unpacked = (await packed).body!.pipeThrough(new DecompressionStream("gzip"));
  assert.equal(registry.collected, 1);
  assert.equal(plain, generateMetrics(registry));
  assert.equal(await new Response(unpacked).text(), plain);
  assert.equal(open, generateOpenMetrics(registry));
  assert.equal(dots, generateOpenMetrics(registry, { escaping: "dots" }));
});

test("a client that disconnects does not affect scrapes that share its collection", async () => {
  const registry = new Watched(false);
  const gauge = new Gauge("many", "M.", { registry, labelNames: ["number"] });
  for (let i = 0; i < 60_000; i++) gauge.labels(i).set(i / 3);
  const handler = metricsHandler({ registry });
  const [leaving, staying, late] = await Promise.all([
    handler(get()),
    handler(get()),
    handler(get("", { "accept-encoding": "gzip" })),
  ]);
  assert.equal(registry.collected, 1);
  const reader = leaving!.body!.getReader();
  await reader.read();
  await reader.cancel();
  const text = generateMetrics(registry);
  assert.equal(await staying!.text(), text);
  const unpacked = late!.body!.pipeThrough(new DecompressionStream("gzip"));
  assert.equal(await new Response(unpacked).text(), text);
});

test("a change of the bytes of one response does not change another response", async () => {
  const registry = new Watched(false);
  const handler = metricsHandler({ registry });
  const [first, second] = await Promise.all([handler(get()), handler(get())]);
  new Uint8Array(await first!.arrayBuffer()).fill(0);
  assert.equal(await second!.text(), generateMetrics(registry));
});

test("the next scrape reads a registry again after an error", async () => {
  let broken = true;
  const registry = new Watched(false);
  const collect = registry.collectAsync.bind(registry);
  registry.collectAsync = (options) => {
    if (broken) throw new Error("broken");
    return collect(options);
  };
  for (const encoding of ["identity", "gzip"]) {
    const handler = metricsHandler({ registry });
    const headers = { "accept-encoding": encoding };
    broken = true;
    const failed = await Promise.all([handler(get("", headers)), handler(get("", headers))]);
    assert.deepEqual(failed.map(({ status }) => status), [500, 500]);
    broken = false;
    assert.equal((await handler(get("", headers))).status, 200);
  }
});

const MINUTE = 60_000;

/** The arrival of a scrape, its time limit, and the collection that it uses. */
const LIMITS: [what: string, scrapes: [at: number, timeoutMs: number, collection: number][]][] = [
  ["with equal time limits join", [[0, MINUTE, 0], [1, MINUTE, 0], [MINUTE / 2, MINUTE, 0]]],
  ["that would have less than half of their time start a new collection, which others join", [
    [0, MINUTE, 0],
    [MINUTE / 2 + 1, MINUTE, 1],
    [MINUTE, MINUTE, 1],
    [MINUTE * 2, MINUTE, 2],
  ]],
  ["with a shorter time limit start a new collection", [[0, MINUTE, 0], [0, MINUTE / 2, 1], [
    10,
    MINUTE / 2,
    1,
  ]]],
  ["with a longer time limit join if at least half of it remains", [
    [0, MINUTE, 0],
    [0, MINUTE * 2, 0],
    [1, MINUTE * 2, 1],
  ]],
  ["without a time limit only join each other", [
    [0, Infinity, 0],
    [1e9, Infinity, 0],
    [1e9, MINUTE, 1],
    [1e9, Infinity, 2],
  ]],
];

for (const [what, scrapes] of LIMITS) {
  test(`simultaneous scrapes ${what}`, async () => {
    const clock = new ManualClock();
    const begin = clock.seconds;
    const registry = new Watched(true);
    const collections = new Collections(clock);
    const seen = new Set<unknown>();
    for (const [at, timeoutMs, expected] of scrapes) {
      clock.seconds = begin + at / 1000;
      const view = { registry, names: [], timeoutMs, waitMs: timeoutMs };
      const collection = collections.join(view, "identity");
      seen.add(collection);
      assert.equal([...seen].indexOf(collection), expected, `at ${at}`);
    }
    await turn();
    registry.settle();
    await turn();
    registry.settle();
  });
}

test("many scrapes that share a body are all answered, over several turns", async () => {
  const registry = new Watched(true);
  const gauge = new Gauge("many", "M.", { registry, labelNames: ["number"] });
  for (let i = 0; i < 4000; i++) gauge.labels(i).set(i);
  const text = generateMetrics(registry);
  assert.ok(text.length > 50_000);
  const handler = metricsHandler({ registry });
  let answered = 0;
  const responses = Array.from({ length: 100 }, async () => {
    const response = await handler(get());
    answered++;
    return response;
  });
  await turn();
  registry.settle();
  const seen: number[] = [];
  while (answered < 100) {
    await turn();
    seen.push(answered);
  }
  assert.ok(new Set(seen).size > 1, `${seen}`);
  for (const body of await texts(responses)) assert.ok(body.startsWith("# HELP c_total"));
});
