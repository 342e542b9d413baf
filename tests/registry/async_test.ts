import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { ManualClock } from "../support/clock.ts";
import {
  type Collector,
  CollectorRegistry,
  gatherAsync,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  MetricFamily,
} from "../../mod.ts";

const ERRORS = "narthex_collector_errors_total";

function gauge(name: string, value = 1): MetricFamily {
  return new MetricFamily(name, "", "gauge").addSample(name, {}, value);
}

/** Returns an error count. The look-up calls collectors without `describe()` synchronously. */
function errors(registry: CollectorRegistry, cause: string, collector = "anonymous"): number {
  return registry.getSampleValue(ERRORS, { collector, cause }) ?? 0;
}

/** Reads a registry asynchronously. Returns the family names except those of the library itself. */
async function read(
  registry: CollectorRegistry,
  options?: { timeoutMs?: number; patienceMs?: number; signal?: AbortSignal },
): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of registry.collectAsync(options)) {
    if (!name.startsWith("narthex")) names.push(name);
  }
  return names;
}

/** Waits for a turn of the event loop, in which unhandled rejections become events. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Runs a function and asserts that it leaves no rejection unhandled. */
async function heard(run: () => void | Promise<void>): Promise<void> {
  const unheard: unknown[] = [];
  const listener = (reason: unknown) => void unheard.push(reason);
  process.on("unhandledRejection", listener);
  try {
    await run();
    await turn();
    await turn();
  } finally {
    process.off("unhandledRejection", listener);
  }
  assert.deepEqual(unheard, []);
}

/** A collector whose promises the test settles. */
class Manual implements Collector {
  readonly calls: (PromiseWithResolvers<MetricFamily[]> & { signal: AbortSignal | undefined })[] =
    [];
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  collect(options?: { signal?: AbortSignal }): Promise<MetricFamily[]> {
    const call = { ...Promise.withResolvers<MetricFamily[]>(), signal: options?.signal };
    this.calls.push(call);
    return call.promise;
  }

  describe(): MetricFamily[] {
    return [new MetricFamily(this.name, "", "gauge")];
  }

  succeed(): void {
    this.calls.at(-1)!.resolve([gauge(this.name)]);
  }
}

function withManual(...names: string[]): [CollectorRegistry, ...Manual[]] {
  return withManualAt(new ManualClock(), ...names);
}

/** Returns the same with a clock that the test moves. */
function withManualAt(clock: ManualClock, ...names: string[]): [CollectorRegistry, ...Manual[]] {
  const registry = new CollectorRegistry({ clock });
  const manuals = names.map((name) => new Manual(name));
  for (const manual of manuals) registry.register(manual);
  return [registry, ...manuals];
}

const FORMS: [what: string, collector: Collector][] = [
  ["a promise of an array", { collect: () => Promise.resolve([gauge("x")]) }],
  ["a promise of a generator", {
    collect: () =>
      Promise.resolve((function* () {
        yield gauge("x");
      })()),
  }],
  ["an asynchronous generator", {
    async *collect() {
      yield await Promise.resolve(gauge("x"));
    },
  }],
  ["an asynchronous iterable", {
    collect: () => ({
      [Symbol.asyncIterator]: () => {
        let done = false;
        return {
          next: () => {
            const result = done
              ? { done: true as const, value: undefined }
              : { done: false as const, value: gauge("x") };
            done = true;
            return Promise.resolve(result);
          },
        };
      },
    }),
  }],
];

for (const [what, collector] of FORMS) {
  test(`an asynchronous read awaits ${what}, and a synchronous read skips and counts it`, async () => {
    const registry = new CollectorRegistry();
    registry.register(collector);
    new Gauge("g", "", { registry });
    assert.equal(
      await generateMetricsAsync(registry),
      "# HELP x \n# TYPE x gauge\nx 1\n# HELP g \n# TYPE g gauge\ng 0\n",
    );
    assert.equal(errors(registry, "async", "x"), 1, "named after the family of its last read");
    assert.match(generateMetrics(registry), /^# HELP g \n# TYPE g gauge\ng 0\n# HELP narthex/);
  });
}

test("asynchronous collectors are called all at once, and their families keep the order of registration", async () => {
  const [registry, a, b, c] = withManual("a", "b", "c");
  const reading = read(registry);
  await turn();
  assert.deepEqual([a, b, c].map((manual) => manual?.calls.length), [1, 1, 1]);
  c?.succeed();
  a?.succeed();
  await turn();
  b?.succeed();
  assert.deepEqual(await reading, ["a", "b", "c"]);
});

const FAILURES: [what: string, collect: () => unknown, cause: string][] = [
  ["rejects", () => Promise.reject(new Error("broken")), "error"],
  ["rejects with undefined", () => Promise.reject(), "error"],
  ["resolves to null", () => Promise.resolve(null), "error"],
  ["resolves to a number", () => Promise.resolve(7), "error"],
  ["returns neither an iterable nor a promise", () => ({}), "error"],
  ["throws", () => {
    throw new Error("broken");
  }, "error"],
  ["resolves to a family that is null", () => Promise.resolve([null]), "invalid"],
  ["resolves to promises", () => Promise.resolve([Promise.reject(new Error("lost"))]), "invalid"],
  ["yields promises", () => [Promise.reject(new Error("lost")), new Promise(() => {})], "invalid"],
  ["yields and then throws", async function* () {
    yield await Promise.resolve(gauge("lost"));
    throw new Error("broken");
  }, "error"],
];

for (const [what, collect, cause] of FAILURES) {
  test(`a collector that ${what} does not affect other metrics of an asynchronous read`, () =>
    heard(async () => {
      const registry = new CollectorRegistry();
      new Gauge("before", "", { registry });
      registry.register({ collect } as Collector);
      new Gauge("after", "", { registry });
      const text = await generateMetricsAsync(registry);
      assert.ok(
        text.startsWith(
          "# HELP before \n# TYPE before gauge\nbefore 0\n# HELP after \n# TYPE after gauge\nafter 0\n",
        ),
      );
      assert.match(
        text,
        new RegExp(`^${ERRORS}\\{collector="anonymous",cause="${cause}"\\} \\d$`, "m"),
      );
      assert.ok(!text.includes("lost"));
    }));

  test(`a synchronous read handles the rejections of a collector that ${what}`, () =>
    heard(() => {
      const registry = new CollectorRegistry();
      registry.register({ collect } as Collector);
      new Gauge("after", "", { registry });
      assert.ok(generateMetrics(registry).includes("\nafter 0\n"));
    }));
}

test("repeated synchronous reads call a collector only once if it never settles", () => {
  const [registry, never] = withManual("x");
  for (let i = 0; i < 3; i++) generateMetrics(registry);
  assert.equal(never?.calls.length, 1);
  assert.equal(errors(registry, "async", "x"), 4);
});

test("an asynchronous read joins the call that a synchronous one made", async () => {
  const [registry, x] = withManual("x");
  generateMetrics(registry);
  const reading = read(registry);
  await turn();
  x?.succeed();
  assert.deepEqual(await reading, ["x"]);
  assert.equal(x?.calls.length, 1);
});

test("a synchronous read calls a collector again after the previous call has settled", async () => {
  const [registry, x] = withManual("x");
  generateMetrics(registry);
  x?.succeed();
  await turn();
  generateMetrics(registry);
  assert.equal(x?.calls.length, 2);
});

test("a time limit aborts the signal and skips only the collectors that are late", async () => {
  const clock = new ManualClock();
  const [registry, slow, quick] = withManualAt(clock, "slow", "quick");
  new Gauge("g", "", { registry });
  const reading = read(registry, { timeoutMs: 20 });
  await turn();
  quick?.succeed();
  await turn();
  clock.advance(1);
  assert.deepEqual(await reading, ["quick", "g"]);
  const { signal } = slow!.calls[0]!;
  assert.equal(signal?.aborted, true);
  assert.equal(signal?.reason.name, "TimeoutError");
  assert.equal(errors(registry, "timeout", "slow"), 1);
  assert.equal(errors(registry, "timeout", "quick"), 0);
});

test("a call past its time limit is counted once, is not repeated, and delays no read", async () => {
  const clock = new ManualClock();
  const [registry, x] = withManualAt(clock, "x");
  new Gauge("g", "", { registry });
  const reading = read(registry, { timeoutMs: 100 });
  await turn();
  clock.advance(1);
  assert.deepEqual(await reading, ["g"]);
  for (let i = 0; i < 3; i++) assert.deepEqual(await read(registry, { timeoutMs: 100 }), ["g"]);
  assert.equal(x?.calls.length, 1);
  assert.equal(errors(registry, "timeout", "x"), 1);
  x?.succeed();
  await turn();
  const again = read(registry, { timeoutMs: 100 });
  await turn();
  assert.equal(x?.calls.length, 2);
  x?.succeed();
  assert.deepEqual(await again, ["x", "g"]);
  assert.equal(errors(registry, "timeout", "x"), 1);
});

test("the time limit of a call does not depend on reads with shorter limits", async () => {
  const clock = new ManualClock();
  const [registry, x] = withManualAt(clock, "x");
  new Gauge("g", "", { registry });
  for (let i = 0; i < 4; i++) {
    const hasty = read(registry, { timeoutMs: 100, patienceMs: 10_000 });
    await turn();
    clock.advance(0.5);
    assert.deepEqual(await hasty, ["g"]);
  }
  assert.equal(x?.calls.length, 1);
  assert.equal(x?.calls[0]?.signal?.aborted, false);
  const patient = read(registry, { timeoutMs: 10_000 });
  await turn();
  x?.succeed();
  assert.deepEqual(await patient, ["x", "g"]);
  assert.equal(errors(registry, "timeout", "x"), 0);
});

test("a call without waiting reads is aborted at its time limit", async () => {
  const clock = new ManualClock();
  const [registry, x] = withManualAt(clock, "x");
  const controller = new AbortController();
  const reading = read(registry, { timeoutMs: 10_000, signal: controller.signal });
  await turn();
  controller.abort(new Error("the client left"));
  assert.deepEqual(await reading, []);
  assert.equal(x?.calls[0]?.signal?.aborted, false);
  assert.equal(errors(registry, "timeout", "x"), 0);
  clock.advance(9.9);
  assert.equal(x?.calls[0]?.signal?.aborted, false);
  clock.advance(0.2);
  assert.equal(x?.calls[0]?.signal?.reason.name, "TimeoutError");
  assert.match(registry.lastErrors().get("x")?.message ?? "", /did not settle within 10000 ms/);
  assert.equal(errors(registry, "timeout", "x"), 1);
});

test("a read does not wait for a call that is older than its own time limit", async () => {
  const clock = new ManualClock();
  const [registry, x] = withManualAt(clock, "x");
  const patient = read(registry, { timeoutMs: 10_000 });
  await turn();
  clock.advance(2);
  assert.deepEqual(await read(registry, { timeoutMs: 1000 }), []);
  const other = read(registry, { timeoutMs: 5000 });
  await turn();
  clock.advance(3.1);
  assert.deepEqual(await other, [], "5 s after the call began");
  assert.equal(errors(registry, "timeout", "x"), 0);
  x?.succeed();
  assert.deepEqual(await patient, ["x"]);
});

test("a rejection after the time limit is handled, and counts only as a timeout", () =>
  heard(async () => {
    const clock = new ManualClock();
    const [registry, x] = withManualAt(clock, "x");
    const reading = read(registry, { timeoutMs: 1 });
    await turn();
    clock.advance(1);
    await reading;
    x?.calls[0]?.reject(new Error("too late"));
    await turn();
    assert.equal(errors(registry, "timeout", "x"), 1);
    assert.equal(errors(registry, "error", "x"), 0);
  }));

test("a call that rejects is counted once, however many reads wait for it", async () => {
  const [registry, x] = withManual("x");
  const reads = [read(registry), read(registry)];
  await turn();
  x?.calls[0]?.reject(new Error("broken"));
  assert.deepEqual(await Promise.all(reads), [[], []]);
  assert.equal(registry.lastErrors().get("x")?.message, "broken");
  assert.equal(errors(registry, "error", "x"), 1);
});

test("reads at the same time join one call", async () => {
  const [registry, x] = withManual("x");
  const reads = [read(registry), read(registry), read(registry, { timeoutMs: 10_000 })];
  await turn();
  assert.equal(x?.calls.length, 1);
  x?.succeed();
  assert.deepEqual(await Promise.all(reads), [["x"], ["x"], ["x"]]);
  assert.equal(errors(registry, "timeout", "x"), 0);
});

test("a joined read that gives up does not end the other one", async () => {
  const clock = new ManualClock();
  const [registry, x] = withManualAt(clock, "x");
  const patient = read(registry);
  const short = read(registry, { timeoutMs: 1 });
  await turn();
  clock.advance(1);
  assert.deepEqual(await short, []);
  x?.succeed();
  assert.deepEqual(await patient, ["x"]);
});

test("an aborted signal ends the read, aborts the collectors' signals, and counts no errors", async () => {
  const [registry, x] = withManual("x");
  new Gauge("g", "", { registry });
  const controller = new AbortController();
  const reading = read(registry, { signal: controller.signal });
  await turn();
  controller.abort(new Error("the client left"));
  assert.deepEqual(await reading, ["g"]);
  assert.equal(x?.calls[0]?.signal?.reason.message, "the client left");
  x?.calls[0]?.resolve([]);
  await turn();
  assert.equal(errors(registry, "timeout", "x"), 0);
});

test("a read with an already aborted signal skips unfinished collectors immediately", async () => {
  const [registry, x] = withManual("x");
  new Gauge("g", "", { registry });
  assert.deepEqual(await read(registry, { signal: AbortSignal.abort() }), ["g"]);
  assert.equal(x?.calls[0]?.signal?.aborted, true);
});

test("a collector's signal stays unaborted after it finished in time", async () => {
  const [registry, x] = withManual("x");
  const controller = new AbortController();
  const reading = read(registry, { timeoutMs: 10_000, signal: controller.signal });
  await turn();
  x?.succeed();
  await reading;
  controller.abort();
  assert.equal(x?.calls[0]?.signal?.aborted, false);
});

test("ending the iteration early aborts the collectors' signals", async () => {
  const [registry, x] = withManual("x");
  registry.unregister(x!);
  new Gauge("g", "", { registry });
  registry.register(x!);
  for await (const family of registry.collectAsync()) {
    assert.equal(family.name, "g");
    break;
  }
  assert.equal(x?.calls[0]?.signal?.aborted, true);
});

test("a finished read leaves no timer behind", async () => {
  const clock = new ManualClock();
  const [registry, x] = withManualAt(clock, "x");
  const reading = read(registry, { timeoutMs: 60_000 });
  await turn();
  assert.notEqual(clock.timers, 0);
  x?.succeed();
  assert.deepEqual(await reading, ["x"]);
  assert.equal(clock.timers, 0);
});

for (const timeoutMs of [2 ** 31, 1e12, Infinity, undefined]) {
  test(`a time limit of ${timeoutMs} ms does not end a read immediately`, async () => {
    const registry = new CollectorRegistry();
    const x = new Manual("x");
    registry.register(x);
    const options = timeoutMs === undefined ? {} : { timeoutMs };
    const reading = read(registry, options);
    // A timer that fires immediately would fire before these turns end.
    for (let i = 0; i < 3; i++) await turn();
    x.succeed();
    assert.deepEqual(await reading, ["x"]);
  });
}

test("gatherAsync() adds the prefix and constant labels to families of asynchronous collectors", async () => {
  const registry = new CollectorRegistry({ prefix: "app", constLabels: { region: "eu" } });
  registry.register({ collect: () => Promise.resolve([gauge("x"), gauge("x")]) });
  const samples = [];
  for await (const family of gatherAsync(registry)) samples.push(...family.samples);
  assert.deepEqual(samples.map(({ name, labels }) => [name, labels]), [
    ["app_x", { region: "eu" }],
    [`app_${ERRORS}`, { region: "eu", collector: "x", cause: "duplicate" }],
  ]);
});

test("a collector that unregisters another one during a read does not disturb the read", async () => {
  const registry = new CollectorRegistry();
  const victim = new Gauge("victim", "", { registry: null });
  registry.register({
    collect: () => {
      registry.unregister(victim);
      return Promise.resolve([gauge("x")]);
    },
  });
  registry.register(victim);
  assert.deepEqual(await read(registry), ["x", "victim"]);
  assert.deepEqual(await read(registry), ["x"]);
});

test("an endless generator is closed at the time limit", async () => {
  let yielded = 0;
  let ended = false;
  const clock = new ManualClock();
  const registry = new CollectorRegistry({ clock });
  registry.register({
    async *collect() {
      try {
        for (;;) {
          yielded++;
          yield gauge(`g_${yielded}`);
          await turn();
        }
      } finally {
        ended = true;
      }
    },
  });
  const reading = read(registry, { timeoutMs: 20 });
  await turn();
  clock.advance(1);
  assert.deepEqual(await reading, []);
  while (!ended) await turn();
  const before = yielded;
  await turn();
  assert.equal(yielded, before);
});

test("a read that times out does not abort a call that another read waits for", async () => {
  const clock = new ManualClock();
  const registry = new CollectorRegistry({ clock });
  let signal: AbortSignal | undefined;
  const { promise, resolve } = Promise.withResolvers<MetricFamily[]>();
  let calls = 0;
  registry.register({
    collect: (options) => {
      calls++;
      signal = options?.signal;
      return promise;
    },
  });
  const short = read(registry, { timeoutMs: 1 });
  const long = read(registry, { timeoutMs: 60_000 });
  await turn();
  clock.advance(1);
  assert.deepEqual(await short, []);
  assert.equal(signal?.aborted, false);
  resolve([gauge("x")]);
  assert.deepEqual(await long, ["x"]);
  assert.equal(calls, 1);
});

test("a collector that returns a family instead of an iterable counts as an error", async () => {
  const registry = new CollectorRegistry();
  const collector = { collect: () => gauge("x") as unknown as MetricFamily[] };
  registry.register(collector);
  assert.equal(errors(registry, "async"), 0);
  assert.equal(errors(registry, "error"), 2);
  assert.deepEqual(await read(registry), []);
});

test("a collector with an endless generator does not affect other metrics, awaited or not", async () => {
  for (
    const collect of [
      function* () {
        for (;;) yield gauge("x");
      },
      // It never yields to the event loop, so no timer fires.
      async function* () {
        for (;;) yield gauge("x");
      },
      () =>
        Promise.resolve((function* () {
          for (;;) yield gauge("x");
        })()),
    ]
  ) {
    const registry = new CollectorRegistry();
    registry.register({ collect });
    new Gauge("g", "", { registry });
    assert.deepEqual(await read(registry, { timeoutMs: 60_000 }), ["g"]);
    assert.deepEqual(await read(registry), ["g"]);
    assert.equal(
      errors(registry, "error"),
      collect.constructor.name === "GeneratorFunction" ? 3 : 2,
    );
  }
});

test("a synchronous generator is closed when it takes too long", async () => {
  let yielded = 0;
  let closed = false;
  const clock = new ManualClock();
  const registry = new CollectorRegistry({ clock });
  registry.register({
    *collect() {
      try {
        for (;;) {
          clock.advance(0.01);
          yielded++;
          yield gauge(`x_${yielded}`);
        }
      } finally {
        closed = true;
      }
    },
  });
  new Gauge("g", "", { registry });
  assert.deepEqual(await read(registry, { timeoutMs: 30 }), ["g"]);
  assert.equal(yielded, 4);
  assert.equal(closed, true);
  registry.clear();
});

test("an asynchronous generator that blocks the event loop is closed at the time limit", async () => {
  let closed = false;
  const clock = new ManualClock();
  const registry = new CollectorRegistry({ clock });
  registry.register({
    async *collect() {
      try {
        for (;;) {
          clock.advance(0.01);
          yield gauge("x");
        }
      } finally {
        closed = true;
      }
    },
  });
  assert.deepEqual(await read(registry, { timeoutMs: 30 }), []);
  while (!closed) await turn();
});

test("a revoked proxy among families does not affect other families", () =>
  heard(async () => {
    const revoked = () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy as MetricFamily;
    };
    for (
      const collect of [
        () => [revoked(), gauge("x")],
        () => Promise.resolve([revoked(), gauge("x")]),
        async function* () {
          yield await Promise.resolve(gauge("x"));
          yield { then: undefined, name: { get: revoked() } } as unknown as MetricFamily;
        },
      ]
    ) {
      const registry = new CollectorRegistry();
      registry.register({ collect });
      assert.ok(
        (await generateMetricsAsync(registry)).startsWith("# HELP x \n# TYPE x gauge\nx 1\n"),
      );
    }
  }));

test("a collector whose describe() later returns an invalid name is still counted", async () => {
  for (const name of [7, undefined, null, Symbol("x"), "x".repeat(1e6)]) {
    const registry = new CollectorRegistry();
    let described = false;
    registry.register({
      collect() {
        throw undefined;
      },
      describe() {
        if (described) return [{ name } as unknown as MetricFamily];
        described = true;
        return [gauge("x")];
      },
    });
    new Gauge("g", "", { registry });
    const text = await generateMetricsAsync(registry);
    assert.ok(text.startsWith("# HELP g \n# TYPE g gauge\ng 0\n"));
    assert.match(
      text,
      /^narthex_collector_errors_total\{collector="\w{9,200}",cause="error"\} 1$/m,
    );
  }
});
