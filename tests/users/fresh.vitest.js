import { CollectorRegistry, REGISTRY } from "@narthex/prometheus";
import { compareMetrics } from "@narthex/prometheus/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

let former;
beforeEach(() => {
  vi.resetModules();
  former = REGISTRY.setRegistry(new CollectorRegistry(), { collectors: "leave" });
});
afterEach(() => {
  REGISTRY.setRegistry(former, { collectors: "leave" });
});

for (const attempt of [1, 2]) {
  test(`every test counts from zero, ${attempt}`, async () => {
    const { order } = await import("./shop.js");
    order();
    expect(compareMetrics('orders_total{kind="rye"} 1')).toEqual([]);
  });
}
