import assert from "node:assert/strict";
import { test } from "node:test";
import { Counter, UnobservableMetricError } from "../../mod.ts";
import { seriesOf } from "../support/series.ts";

const registry = null;

/** Values that `inc()` refuses at run time. */
const REFUSED: [value: unknown, name: string, rule: string][] = [
  [NaN, "RangeError", "value must be >= 0: received NaN"],
  [-1, "RangeError", "value must be >= 0: received -1"],
  [-Infinity, "RangeError", "value must be >= 0: received -Infinity"],
  [Infinity, "RangeError", "value must be finite: received Infinity"],
  ["5", "TypeError", 'value must be a number: received "5"'],
  [null, "TypeError", "value must be a number: received null"],
  [1n, "TypeError", "value must be a number: received 1n"],
  [{}, "TypeError", "value must be a number: received {}"],
  [true, "TypeError", "value must be a number: received true"],
  [Symbol("x"), "TypeError", "value must be a number: received Symbol(x)"],
];

for (const [value, name, rule] of REFUSED) {
  test(`Counter.inc() refuses: ${rule}`, () => {
    const hits = new Counter("hits_total", "Hits.", { registry });
    hits.inc(2);
    const message = `Cannot increment counter "hits_total": ${rule}`;
    assert.throws(() => hits.inc(value as number), { name, message });
    assert.throws(() => hits.inc(value as number, { trace: "a" }), { name, message });
    assert.equal(hits.value, 2);
    assert.equal(hits.labels().exemplar, undefined);
  });

  test(`Counter.inc() of a child refuses: ${rule}`, () => {
    const hits = new Counter("hits_total", "Hits.", { labelNames: ["page"], registry });
    const child = hits.labels("home");
    child.inc(2);
    assert.throws(() => child.inc(value as number), {
      name,
      message: `Cannot increment counter "hits_total": ${rule}`,
    });
    assert.equal(child.value, 2);
  });
}

test("a counter without labels is exposed from its creation, at 0", () => {
  assert.deepEqual(seriesOf(new Counter("hits_total", "Hits.", { registry })), ["hits_total 0"]);
});

test("a labelled counter has no series before the first labels()", () => {
  const hits = new Counter("hits_total", "Hits.", { labelNames: ["page"], registry });
  assert.deepEqual(seriesOf(hits), []);
  assert.equal(hits.collect().length, 1);
  hits.labels("home");
  assert.deepEqual(seriesOf(hits), ['hits_total{page="home"} 0']);
});

test("Counter.inc() adds 1 or its argument, which may be zero or a fraction", () => {
  const hits = new Counter("hits_total", "Hits.", { registry });
  hits.inc();
  hits.inc(undefined);
  hits.inc(0.5);
  hits.inc(0);
  hits.inc(-0);
  assert.equal(hits.value, 2.5);
});

test("a counter with labels throws when it is written or read directly", () => {
  const hits = new Counter("hits_total", "Hits.", { labelNames: ["page", "code"], registry });
  // tests/types/labels.ts checks that the compiler refuses these calls.
  const loose = hits as unknown as Counter;
  const refused = {
    name: "UnobservableMetricError",
    message: 'Cannot observe counter "hits_total": labels are missing: "page", "code"',
  };
  assert.throws(() => loose.inc(), refused);
  assert.throws(() => loose.value, refused);
  assert.throws(() => loose.setFunction(() => 1), refused);
  assert.throws(() => loose.countExceptions(() => {}), refused);
  assert.throws(() => loose.inc(), UnobservableMetricError);
  assert.throws(() => loose.inc(), TypeError);
  assert.deepEqual(seriesOf(hits), []);
});

test("Counter.countExceptions() returns the result of the function and counts nothing", async () => {
  const errors = new Counter("errors_total", "Errors.", { registry });
  assert.equal(errors.countExceptions(() => 7), 7);
  assert.equal(await errors.countExceptions(() => Promise.resolve(8)), 8);
  assert.equal(errors.value, 0);
});

test("Counter.countExceptions() counts errors and rejections and rethrows them", async () => {
  const errors = new Counter("errors_total", "Errors.", { registry });
  const error = new Error("no");
  assert.throws(() =>
    errors.countExceptions(() => {
      throw error;
    }), error);
  assert.equal(errors.value, 1);
  await assert.rejects(errors.countExceptions(() => Promise.reject(error)), error);
  assert.equal(errors.value, 2);
});

test("Counter.countExceptions() counts only errors of the given classes", async () => {
  const errors = new Counter("errors_total", "Errors.", { labelNames: ["kind"], registry });
  const child = errors.labels({ kind: "bounds" });
  const thrown = [new RangeError("a"), new SyntaxError("b"), new TypeError("c"), "d", undefined];
  for (const error of thrown) {
    const fail = () => {
      throw error;
    };
    assert.throws(() => child.countExceptions(fail, RangeError, SyntaxError));
    await assert.rejects(
      child.countExceptions(() => Promise.reject(error), RangeError, SyntaxError),
    );
  }
  assert.equal(child.value, 4);
});

test("Counter.countExceptions() throws on a value that is not a function, before it calls anything", () => {
  const errors = new Counter("errors_total", "Errors.", { registry });
  const doing = 'Cannot count exceptions with counter "errors_total"';
  assert.throws(() => errors.countExceptions(5 as unknown as () => void), {
    name: "TypeError",
    message: `${doing}: a function is needed: received 5`,
  });
  let called = false;
  const fn = () => {
    called = true;
  };
  assert.throws(() => errors.countExceptions(fn, "Error" as unknown as typeof Error), {
    name: "TypeError",
    message: `${doing}: a function is needed: received "Error"`,
  });
  errors.setFunction(() => 1);
  assert.throws(() => errors.countExceptions(fn), /its value comes from a function/);
  assert.equal(called, false);
});

test("Counter.setFunction() reads the value at each collect", () => {
  const hits = new Counter("hits_total", "Hits.", { registry });
  let value = 3;
  hits.setFunction(() => value);
  assert.deepEqual(seriesOf(hits), ["hits_total 3"]);
  value = 1;
  assert.deepEqual(seriesOf(hits), ["hits_total 1"]);
  assert.equal(hits.value, 1);
  value = Number.MAX_VALUE;
  assert.equal(hits.value, Number.MAX_VALUE);
});

test("Counter.inc() after setFunction() throws and changes nothing", () => {
  const hits = new Counter("hits_total", "Hits.", { registry });
  hits.setFunction(() => 3);
  const message =
    'Cannot increment counter "hits_total": its value comes from a function: received 1';
  assert.throws(() => hits.inc(), { name: "TypeError", message });
  assert.throws(() => hits.inc(1, { trace: "a" }), { name: "TypeError", message });
  assert.equal(hits.value, 3);
  assert.equal(hits.labels().exemplar, undefined);
});

test("Counter.setFunction() throws on a value that is not a function, and can be called again", () => {
  const hits = new Counter("hits_total", "Hits.", { registry });
  assert.throws(() => hits.setFunction(5 as unknown as () => number), {
    name: "TypeError",
    message: 'Cannot set function of counter "hits_total": a function is needed: received 5',
  });
  hits.inc();
  hits.setFunction(() => 3);
  hits.setFunction(() => 4);
  assert.equal(hits.value, 4);
});

test("reading a counter throws if its function returns an illegal value", () => {
  const hits = new Counter("hits_total", "Hits.", { registry });
  const values = [[-1, "-1"], [NaN, "NaN"], [Infinity, "Infinity"], ["5", '"5"'], [null, "null"]];
  for (const [value, text] of values) {
    hits.setFunction(() => value as number);
    assert.throws(() => hits.value, {
      name: "RangeError",
      message: `Cannot read counter "hits_total": its function must return a finite number >= 0: ` +
        `received ${text}`,
    });
  }
});

test("Counter.clear() sets a counter without labels to 0 and removes its function", () => {
  const hits = new Counter("hits_total", "Hits.", { registry });
  hits.inc(5, { trace: "a" });
  hits.clear();
  assert.deepEqual(seriesOf(hits), ["hits_total 0"]);
  assert.equal(hits.labels().exemplar, undefined);
  hits.setFunction(() => 9);
  hits.clear();
  hits.inc();
  assert.deepEqual(seriesOf(hits), ["hits_total 1"]);
});

test("Counter.countExceptions() throws on a value that is not an error class, before it hides an error", () => {
  const errors = new Counter("errors_total", "Errors.", { registry });
  const arrow = (() => {}) as unknown as typeof Error;
  assert.throws(() => errors.countExceptions(() => 1, arrow), {
    name: "TypeError",
    message: 'Cannot count exceptions with counter "errors_total": an error class is needed: ' +
      "received function arrow",
  });
  // A bound class has no prototype, but `instanceof` works.
  const bound = RangeError.bind(null) as unknown as typeof RangeError;
  const fail = () => {
    throw new RangeError("no");
  };
  assert.throws(() => errors.countExceptions(fail, bound), /^RangeError: no$/);
  assert.equal(errors.value, 1);
});
