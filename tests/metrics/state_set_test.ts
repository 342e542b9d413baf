import assert from "node:assert/strict";
import { test } from "node:test";
import { StateSet } from "../../mod.ts";
import { seriesOf } from "../support/series.ts";

const registry = null;
const states = ["starting", "running"] as const;

test("a stateset without labels is exposed from its creation, in its first state", () => {
  assert.deepEqual(seriesOf(new StateSet("service", "Service.", { states, registry })), [
    'service{service="starting"} 1',
    'service{service="running"} 0',
  ]);
});

test("StateSet.state() changes the state, and the label is named like the metric", () => {
  const service = new StateSet("state", "Service.", {
    states,
    namespace: "shop",
    subsystem: "api",
    registry,
  });
  service.state("running");
  assert.deepEqual(seriesOf(service), [
    'shop_api_state{shop_api_state="starting"} 0',
    'shop_api_state{shop_api_state="running"} 1',
  ]);
  service.state("starting");
  assert.deepEqual(service.labels().stateValues, [1, 0]);
});

test("each series of a labelled stateset has its own state", () => {
  const service = new StateSet("service", "Service.", { states, labelNames: ["zone"], registry });
  service.labels("a").state("running");
  service.labels("b");
  assert.deepEqual(seriesOf(service), [
    'service{zone="a",service="starting"} 0',
    'service{zone="a",service="running"} 1',
    'service{zone="b",service="starting"} 1',
    'service{zone="b",service="running"} 0',
  ]);
});

test("StateSet.clear() goes back to the first state", () => {
  const service = new StateSet("service", "Service.", { states, registry });
  service.state("running");
  service.clear();
  assert.deepEqual(service.labels().stateValues, [1, 0]);
});

for (const [state, spelled] of [["stopped", '"stopped"'], [1, "1"], [undefined, "undefined"]]) {
  test(`StateSet.state(${spelled}) is refused and changes nothing`, () => {
    const service = new StateSet("service", "Service.", { states, registry });
    service.state("running");
    assert.throws(() => service.state(state as "running"), {
      name: "TypeError",
      message: 'Cannot set stateset "service": state must be one of ["starting", "running"]: ' +
        `received ${spelled}`,
    });
    assert.deepEqual(service.labels().stateValues, [0, 1]);
  });
}

const ILLEGAL: [options: unknown, rule: string][] = [
  [undefined, "options must be an object: received undefined"],
  [{}, "states must be an array that is not empty: received undefined"],
  [{ states: [] }, "states must be an array that is not empty: received []"],
  [{ states: "on" }, 'states must be an array that is not empty: received "on"'],
  [{ states: ["on", 1] }, "states must be strings: received 1"],
  [{ states: ["on", "on"] }, 'states must differ: received "on" twice'],
  [{ states: ["\ud800", "\udfff"] }, String.raw`states must differ: received "\udfff" twice`],
  [{ states, unit: "s" }, 'stateset metrics have no unit: received "s"'],
  [
    { states, labelNames: ["service"] },
    'label "service" is reserved for the stateset itself',
  ],
];
for (const [options, rule] of ILLEGAL) {
  test(`a stateset is refused: ${rule}`, () => {
    // The options are invalid, so nothing is added to the default registry.
    const given = options as { states: string[] };
    assert.throws(() => new StateSet("service", "Service.", given), {
      name: "TypeError",
      message: `Cannot create stateset "service": ${rule}`,
    });
  });
}

test("a state that is not well-formed can be set with its declared name", () => {
  const service = new StateSet("service", "S.", { states: ["on", "\ud800"], registry });
  service.state("\ud800");
  assert.deepEqual(seriesOf(service), ['service{service="on"} 0', 'service{service="\ufffd"} 1']);
});

test("states are copied", () => {
  const mine = ["on", "off"];
  const service = new StateSet("service", "Service.", { states: mine, registry });
  mine.push("broken");
  assert.deepEqual(service.labels().states, ["on", "off"]);
});

test("a stateset with labels throws when it is set directly", () => {
  const service = new StateSet("service", "S.", { states, labelNames: ["zone"], registry });
  assert.throws(() => (service as unknown as { state(state: string): void }).state("running"), {
    name: "UnobservableMetricError",
    message: 'Cannot observe stateset "service": labels are missing: "zone"',
  });
});
