import assert from "node:assert/strict";
import { test } from "node:test";
import { CollectorRegistry, REGISTRY } from "../../mod.ts";
import { checkKnownOptions, type KnownOptions, received } from "../../model.ts";

interface Options {
  registry?: unknown;
  timeoutMs?: number;
}

const KNOWN: KnownOptions<Options> = { registry: true, timeoutMs: true };

function check(options: unknown): Options {
  // The compiler rejects most values that JavaScript callers may pass.
  return checkKnownOptions(options as Options, KNOWN, "Cannot test");
}

test("received() formats a value as short text and never throws", () => {
  const circle: unknown[] = [];
  circle.push(circle);
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const cases: [unknown, string][] = [
    ["a\n", '"a\\n"'],
    ["x".repeat(101), `"${"x".repeat(100)}…"`],
    [-0, "-0"],
    [NaN, "NaN"],
    [10n, "10n"],
    [undefined, "undefined"],
    [null, "null"],
    [Symbol("a"), "Symbol(a)"],
    [() => {}, "a function"],
    [check, "function check"],
    [[1, "a", [2]], '[1, "a", […]]'],
    [circle, "[[…]]"],
    [Array.from({ length: 11 }, () => 0), "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, …]"],
    [{ a: 1, b: 2 }, "{a, b}"],
    [new Map(), "Map"],
    [Object.create(null), "an object"],
    [revoked, "an object"],
    [
      {
        get constructor() {
          throw new Error("no");
        },
      },
      "an object",
    ],
    [{ ["k".repeat(500)]: 1 }, `{${"k".repeat(399)}…`],
  ];
  for (const [value, text] of cases) assert.equal(received(value), text);
});

test("checkKnownOptions() returns a copy of known options", () => {
  const options = { timeoutMs: 5, registry: undefined };
  const checked = check(options);
  assert.notEqual(checked, options);
  assert.deepEqual({ ...checked }, options);
});

test("checkKnownOptions() names the unknown option and the known options", () => {
  assert.throws(() => check({ timeoutMs: 5, timeoutMS: 6 }), {
    name: "TypeError",
    message: 'Cannot test: unknown option "timeoutMS": known options are "registry", "timeoutMs"',
  });
});

test("checkKnownOptions() throws on an unknown option that is undefined or has an inherited name", () => {
  for (const options of [{ nothing: undefined }, { toString: 1 }, JSON.parse('{"__proto__":1}')]) {
    assert.throws(() => check(options), { name: "TypeError", message: /unknown option/ });
  }
});

test("checkKnownOptions() ignores inherited and non-enumerable properties", () => {
  const options = Object.create({ timeoutMs: 5, unknown: true });
  Object.defineProperty(options, "hidden", { value: 1, enumerable: false });
  options.registry = "mine";
  const checked = check(options);
  assert.equal(checked.timeoutMs, undefined);
  assert.equal(checked.registry, "mine");
  assert.deepEqual(Object.keys(checked), ["registry"]);
});

test("checkKnownOptions() reads a getter once", () => {
  let reads = 0;
  const checked = check({
    get timeoutMs() {
      return ++reads;
    },
  });
  assert.deepEqual([checked.timeoutMs, checked.timeoutMs, reads], [1, 1, 1]);
});

test("checkKnownOptions() throws on everything that is not an object", () => {
  for (const options of [null, undefined, "registry", 5, () => {}]) {
    assert.throws(() => check(options), {
      name: "TypeError",
      message: `Cannot test: options must be an object: received ${received(options)}`,
    });
  }
});

test("checkKnownOptions() throws on a registry instead of options", () => {
  for (
    const registry of [
      new CollectorRegistry(),
      REGISTRY,
      new CollectorRegistry().restrictedRegistry([]),
    ]
  ) {
    assert.throws(() => check(registry), {
      name: "TypeError",
      message: "Cannot test: options must be { registry }, not the registry itself: " +
        `received ${registry.constructor.name}`,
    });
  }
});
