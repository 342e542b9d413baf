import official from "@prometheus-io/client";
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import client, * as named from "../../prom_client/mod.ts";

const require = createRequire(import.meta.url);
/** The result of `require()` in a CommonJS plugin. */
// deno-lint-ignore no-explicit-any -- `require()` returns any.
const required: any = require("../../prom_client/mod.ts");

/** Its declarations do not include all of its members. */
const reference = official as unknown as Record<string, unknown>;

test("the default export has the keys of the official client, in their order", () => {
  assert.deepEqual(Object.keys(client), Object.keys(reference));
});

test("require() returns the default export itself, which plugins can change", () => {
  assert.equal(required, client);
  assert.deepEqual(Object.keys(required), Object.keys(reference));
  const { linearBuckets } = client;
  required.linearBuckets = () => [1];
  assert.deepEqual(client.linearBuckets(0, 1, 3), [1]);
  required.linearBuckets = linearBuckets;
});

test("the named exports equal the keys, except the assignable content type", () => {
  const names = Object.keys(named).filter((name) =>
    !["default", "module.exports", "fromPromClient"].includes(name)
  );
  const expected = Object.keys(reference).filter((name) => name !== "contentType");
  assert.deepEqual(names.sort(), expected.sort());
});

test("classes and metrics have all public members of the official ones", () => {
  for (const name of Object.keys(reference)) {
    const theirs = reference[name];
    if (typeof theirs !== "function") continue;
    const ours = client[name as keyof typeof client] as unknown as Record<string, unknown>;
    const own = (target: object): string[] =>
      Object.getOwnPropertyNames(target).filter((member) =>
        // Leaves out private members, and the members of every function.
        !member.startsWith("_") && !["length", "name", "arguments", "caller"].includes(member)
      );
    for (const member of own(theirs)) assert.ok(member in ours, `${name}.${member}`);
    const { prototype = {} } = theirs as { prototype?: object };
    for (const member of own(prototype)) {
      // These members of the official client depend on an option.
      if (/WithoutExemplar|WithExemplar|updateExemplar|getForPromString/.test(member)) continue;
      assert.ok(member in (ours.prototype as object), `${name}.prototype.${member}`);
    }
  }
});

test("the content type can be set on the default export", () => {
  client.contentType = client.openMetricsContentType;
  assert.equal(client.register.contentType, client.Registry.OPENMETRICS_CONTENT_TYPE);
  client.contentType = client.prometheusContentType;
  assert.equal(client.register.contentType, official.Registry.PROMETHEUS_CONTENT_TYPE);
});

test("lists and constants equal those of the official client", () => {
  assert.deepEqual(
    client.collectDefaultMetrics.metricsList,
    official.collectDefaultMetrics.metricsList,
  );
  assert.deepEqual(Object.keys(client.aggregators), Object.keys(reference.aggregators as object));
  for (const name of ["a", "a:b", "1", "", "a-b", "_x9"]) {
    assert.equal(client.validateMetricName(name), official.validateMetricName(name), name);
  }
});

test("bucket helpers return the bounds and throw the errors of the official client", () => {
  const cases: [keyof typeof client, number[]][] = [
    ["linearBuckets", [0, 0.1, 5]],
    ["linearBuckets", [-3, 2, 4]],
    ["linearBuckets", [0, 1, 0]],
    ["exponentialBuckets", [0.1, 1.7, 12]],
    ["exponentialBuckets", [0, 2, 3]],
    ["exponentialBuckets", [1, 1, 3]],
    ["exponentialBuckets", [1, 2, 0]],
  ];
  const outcome = (library: unknown, name: string, args: number[]): unknown => {
    try {
      return (library as Record<string, (...args: number[]) => number[]>)[name]!(...args);
    } catch (error) {
      return String(error);
    }
  };
  for (const [name, args] of cases) {
    assert.deepEqual(outcome(client, name, args), outcome(official, name, args), `${name} ${args}`);
  }
});
