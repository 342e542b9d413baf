import { Counter } from "@narthex/prometheus";

const orders = new Counter("orders_total", "Orders.", { labelNames: ["kind"] });
const rye = orders.labels("rye");

/** Sells a loaf. */
export function order() {
  rye.inc();
}
