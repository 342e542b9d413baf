import { CollectorRegistry, REGISTRY } from "@narthex/prometheus";
import { compareMetrics, snapshot } from "@narthex/prometheus/testing";
import { expect, test } from "bun:test";
import { order } from "./shop.js";

test("nothing is reset for differences", () => {
  const before = snapshot();
  order();
  expect(before.diff()).toEqual({ 'orders_total{kind="rye"}': 1 });
});

for (const attempt of [1, 2]) {
  test(`a module that is loaded again counts from zero in a fresh registry, ${attempt}`, async () => {
    const former = REGISTRY.setRegistry(new CollectorRegistry(), { collectors: "leave" });
    const { order } = await import(`./shop.js?${crypto.randomUUID()}`);
    order();
    expect(compareMetrics('orders_total{kind="rye"} 1')).toEqual([]);
    REGISTRY.setRegistry(former, { collectors: "leave" });
  });
}
