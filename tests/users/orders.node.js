import { CollectorRegistry, REGISTRY } from "@narthex/prometheus";
import { compareMetrics, snapshot } from "@narthex/prometheus/testing";
import assert from "node:assert/strict";
import { test } from "node:test";
import { order } from "./shop.js";

test("nothing is reset for differences", () => {
  const before = snapshot();
  order();
  assert.deepEqual(before.diff(), { 'orders_total{kind="rye"}': 1 });
});

for (const attempt of [1, 2]) {
  test(`a module that is loaded again counts from zero in a fresh registry, ${attempt}`, async () => {
    const former = REGISTRY.setRegistry(new CollectorRegistry(), { collectors: "leave" });
    const { order } = await import(`./shop.js?${crypto.randomUUID()}`);
    order();
    assert.deepEqual(compareMetrics('orders_total{kind="rye"} 1'), []);
    REGISTRY.setRegistry(former, { collectors: "leave" });
  });
}

test("a module that is loaded again counts on in the same registry", async () => {
  const before = snapshot();
  const again = await import("./shop.js?again");
  again.order();
  order();
  assert.deepEqual(before.diff(), { 'orders_total{kind="rye"}': 2 });
});
