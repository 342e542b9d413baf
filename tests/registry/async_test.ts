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

/** The value of an error count; reading it calls collectors without `describe()` synchronously. */
function errors(registry: CollectorRegistry, cause: string, collector = "anonymous"): number {
  return registry.getSampleValue(ERRORS, { collector, cause }) ?? 0;
}

/** The names that are not the library's own, of an asynchronous read. */
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

/** A turn of the event loop, in which rejections that nobody handles become events. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Runs a function and asserts that no rejection went unheard meanwhile. */
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

/** A collector whose promise is settled by hand. */
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

/** The same, by a clock that the test moves. */
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
  test(`a collector may bring ${what}; a synchronous read leaves it out and counts it`, async () => {
    const registry = new CollectorRegistry();
    registry.register(collector);
    new Gauge("g", "", { registry });
    assert.equal(
      await generateMetricsAsync(registry),
      "# HELP x \n# TYPE x gauge\nx 1\n# HELP g \n# TYPE g gauge\ng 0\n",
    );
    assert.equal(errors(registry, "async", "x"), 1, "known by the family of its last read");
    assert.match(generateMetrics(registry), /^# HELP g \n# TYPE g gauge\ng 0\n# HELP narthex/);
  });
}

test("asynchronous collectors are called all at once, and brought in order", async () => {
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
  ["rejects with nothing", () => Promise.reject(), "error"],
  ["resolves to null", () => Promise.resolve(null), "error"],
  ["resolves to a number", () => Promise.resolve(7), "error"],
  ["brings what is neither iterable nor a promise", () => ({}), "error"],
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
  test(`a collector that ${what} costs an asynchronous read only itself, and is heard`, () =>
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

  test(`a collector that ${what} is heard in a synchronous read too`, () =>
    heard(() => {
      const registry = new CollectorRegistry();
      registry.register({ collect } as Collector);
      new Gauge("after", "", { registry });
      assert.ok(generateMetrics(registry).includes("\nafter 0\n"));
    }));
}

test("a synchronous read calls a never settling collector once, however often it is made", () => {
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

test("a collector that a synchronous read called is called again once it has settled", async () => {
  const [registry, x] = withManual("x");
  generateMetrics(registry);
  x?.succeed();
  await turn();
  generateMetrics(registry);
  assert.equal(x?.calls.length, 2);
});

test("a time limit aborts the signal, and costs only those that are not there", async () => {
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

test("a call that is too old is not made again, is counted once, and no read waits for it", async () => {
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

test("a call is judged by its own age: reads with little time change nothing for others", async () => {
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

test("a call that nobody waits for any more is given up when its time is over", async () => {
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

test("a call that rejects after its time limit is heard, and counts as a timeout alone", () =>
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

test("a signal from outside ends the waiting, aborts the collectors', and is no error of theirs", async () => {
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

test("a signal that is aborted already leaves out what is not there at once", async () => {
  const [registry, x] = withManual("x");
  new Gauge("g", "", { registry });
  assert.deepEqual(await read(registry, { signal: AbortSignal.abort() }), ["g"]);
  assert.equal(x?.calls[0]?.signal?.aborted, true);
});

test("a signal is not aborted when everything came in time", async () => {
  const [registry, x] = withManual("x");
  const controller = new AbortController();
  const reading = read(registry, { timeoutMs: 10_000, signal: controller.signal });
  await turn();
  x?.succeed();
  await reading;
  controller.abort();
  assert.equal(x?.calls[0]?.signal?.aborted, false);
});

test("who stops reading early tells the collectors to stop", async () => {
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

test("a read that is over leaves no timer behind", async () => {
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
  test(`a time limit of ${timeoutMs} ms is not over at once`, async () => {
    const registry = new CollectorRegistry();
    const x = new Manual("x");
    registry.register(x);
    const options = timeoutMs === undefined ? {} : { timeoutMs };
    const reading = read(registry, options);
    // A timer that fires at once would have fired before these.
    for (let i = 0; i < 3; i++) await turn();
    x.succeed();
    assert.deepEqual(await reading, ["x"]);
  });
}

test("gatherAsync() puts prefix and constant labels to what asynchronous collectors bring", async () => {
  const registry = new CollectorRegistry({ prefix: "app", constLabels: { region: "eu" } });
  registry.register({ collect: () => Promise.resolve([gauge("x"), gauge("x")]) });
  const samples = [];
  for await (const family of gatherAsync(registry)) samples.push(...family.samples);
  assert.deepEqual(samples.map(({ name, labels }) => [name, labels]), [
    ["app_x", { region: "eu" }],
    [`app_${ERRORS}`, { region: "eu", collector: "x", cause: "duplicate" }],
  ]);
});

test("a collector that unregisters another one while it is read disturbs nothing", async () => {
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

test("a generator that never ends is asked for no more once the time is up", async () => {
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

test("a read that gives up leaves the call to a read that still waits for it", async () => {
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

test("a family that comes without an iterable around it is an error of its collector", async () => {
  const registry = new CollectorRegistry();
  const collector = { collect: () => gauge("x") as unknown as MetricFamily[] };
  registry.register(collector);
  assert.equal(errors(registry, "async"), 0);
  assert.equal(errors(registry, "error"), 2);
  assert.deepEqual(await read(registry), []);
});

test("a generator of families that never ends costs only itself, awaited or not", async () => {
  for (
    const collect of [
      function* () {
        for (;;) yield gauge("x");
      },
      // It never gives the event loop a turn, so that no timer fires.
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

test("a generator that is slow without waiting is left once its own time is over", async () => {
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

test("an asynchronous generator that is slow without waiting lets the time limit end it", async () => {
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

test("what cannot even be asked what it is costs only itself, and is heard", () =>
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

test("a collector that cannot tell its name any more is counted all the same", async () => {
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
