/**
 * The metrics that the programs in `messages.ts` use.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Info, StateSet, Summary } from "../../mod.ts";

const registry = null;
const labelNames = ["method", "status"] as const;

export const plain = new Counter("plain_total", "No labels.", { registry });
export const one = new Counter("one_total", "One label.", { labelNames: ["method"], registry });
export const counter = new Counter("c_total", "Labels.", { labelNames, registry });
export const gauge = new Gauge("g", "Labels.", { labelNames, registry });
export const histogram = new Histogram("h", "Labels.", { labelNames, registry });
export const summary = new Summary("s", "Labels.", { labelNames, registry });
export const info = new Info("i", "Labels.", { labelNames, registry });
export const states = new StateSet("t", "Labels.", {
  states: ["starting", "running"],
  labelNames,
  registry,
});
/** One label has a default. */
export const half = new Counter("half_total", "Half.", {
  labelNames,
  defaultLabels: { status: 200 },
  registry,
});
/** All labels have a default. */
export const full = new Histogram("full", "Full.", {
  labelNames,
  defaultLabels: { method: "GET", status: 200 },
  registry,
});
