import { REGISTRY } from "@narthex/prometheus";
import { snapshot } from "@narthex/prometheus/testing";
import { expect, test, vi } from "vitest";
import { order } from "./shop.js";

for (const attempt of [1, 2]) {
  test(`nothing is reset for differences, ${attempt}`, () => {
    const before = snapshot();
    order();
    expect(before.diff()).toEqual({ 'orders_total{kind="rye"}': 1 });
  });
}

test("a module that is loaded again counts on", async () => {
  const count = () => REGISTRY.getSampleValue("orders_total", { kind: "rye" });
  const before = count();
  vi.resetModules();
  const again = await import("./shop.js");
  expect(again.order).not.toBe(order);
  again.order();
  order();
  expect(count()).toBe(before + 2);
});
