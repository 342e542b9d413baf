import assert from "node:assert/strict";
import { test } from "node:test";
import { Info, type LabelValue } from "../../mod.ts";
import { seriesOf } from "../support/series.ts";

const registry = null;

for (const name of ["build", "build_info"]) {
  test(`Info("${name}") is build_info on the wire`, () => {
    const info = new Info(name, "Build.", { registry });
    assert.equal(info.name, "build_info");
    info.info({ version: "1.2.3", debug: false, revision: 7 });
    assert.deepEqual(seriesOf(info), [
      'build_info{version="1.2.3",debug="false",revision="7"} 1',
    ]);
  });
}

test("an info has no series before its first info()", () => {
  const info = new Info("build", "Build.", { registry });
  assert.deepEqual(seriesOf(info), []);
  assert.equal(info.collect().length, 1);
  info.info({});
  assert.deepEqual(seriesOf(info), ["build_info 1"]);
});

test("Info.info() replaces the labels of the last call", () => {
  const info = new Info("build", "Build.", { registry });
  info.info({ version: "1" });
  info.info({ commit: "abc" });
  assert.deepEqual(seriesOf(info), ['build_info{commit="abc"} 1']);
});

test("Info.info() copies the labels", () => {
  const info = new Info("build", "Build.", { registry });
  const labels = { version: "1" };
  info.info(labels);
  labels.version = "2";
  assert.deepEqual(seriesOf(info), ['build_info{version="1"} 1']);
});

test("a labelled info exposes a series only after its first info()", () => {
  const info = new Info("library", "Libraries.", { labelNames: ["name"], registry });
  info.labels("a").info({ version: "1" });
  info.labels("b");
  info.labels("c").info({});
  assert.deepEqual(seriesOf(info), [
    'library_info{name="a",version="1"} 1',
    'library_info{name="c"} 1',
  ]);
});

test("Info.clear() removes the series until the next info()", () => {
  const info = new Info("build", "Build.", { registry });
  info.info({ version: "1" });
  info.clear();
  assert.deepEqual(seriesOf(info), []);
  info.info({ version: "2" });
  assert.deepEqual(seriesOf(info), ['build_info{version="2"} 1']);
});

test("label names such as constructor are allowed, and values are made well-formed", () => {
  const info = new Info("build", "Build.", { registry });
  info.info({ constructor: "a", toString: "__proto__", hasOwnProperty: "\ud800" });
  assert.deepEqual(seriesOf(info), [
    'build_info{constructor="a",toString="__proto__",hasOwnProperty="\ufffd"} 1',
  ]);
});

const REFUSED: [labels: unknown, message: string][] = [
  [null, "labels must be an object: received null"],
  ["1.2.3", 'labels must be an object: received "1.2.3"'],
  [["a"], 'labels must be an object: received ["a"]'],
  [{ "a-b": "x" }, 'label name must match [a-zA-Z_][a-zA-Z0-9_]*: received "a-b"'],
  [{ __name__: "x" }, 'label names that start with "__" are reserved: received "__name__"'],
  [
    JSON.parse('{"__proto__":"x"}'),
    'label names that start with "__" are reserved: received "__proto__"',
  ],
  [{ name: "x" }, 'label "name" is one of its labelNames'],
  [
    { version: 1n },
    'value of label "version" must be a string, a number or a boolean: received 1n',
  ],
];
for (const [labels, message] of REFUSED) {
  test(`Info.info() throws, and keeps its labels: ${message}`, () => {
    const info = new Info("library", "Libraries.", { labelNames: ["name"], registry });
    const child = info.labels("a");
    child.info({ version: "1" });
    assert.throws(() => child.info(labels as Record<string, LabelValue>), {
      name: "TypeError",
      message: `Cannot set info "library_info": ${message}`,
    });
    assert.deepEqual(seriesOf(info), ['library_info{name="a",version="1"} 1']);
  });
}

test("an info has no unit", () => {
  assert.throws(() => new Info("build", "Build.", { unit: "seconds", registry }), {
    name: "TypeError",
    message: 'Cannot create info "build": info metrics have no unit: received "seconds"',
  });
});

test("an info with UTF-8 names takes UTF-8 labels", () => {
  const info = new Info("build.größe", "Build.", { nameValidation: "utf8", registry });
  info.info({ "git.commit": "abc" });
  assert.deepEqual(seriesOf(info), ['build.größe_info{git.commit="abc"} 1']);
});

test("an info with labels throws when it is set directly", () => {
  const loose = new Info("build", "B.", { labelNames: ["a"], registry }) as unknown as Info;
  assert.throws(() => loose.info({ version: "1" }), {
    name: "UnobservableMetricError",
    message: 'Cannot observe info "build_info": labels are missing: "a"',
  });
});
