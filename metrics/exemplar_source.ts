import { checkExemplarLabels, checkShape } from "../model.ts";

let source: Parameters<typeof setExemplarSource>[0] = null;
/** Whether the source is at work: metrics that it changes itself do not ask it again. */
let asking = false;

/**
 * Sets where metrics built with `exemplars: true` take their exemplars from, so
 * that numbers lead to traces. The function is called at each `inc()` and
 * `observe()` of theirs that is given no exemplar, so it should be fast.
 *
 * If it throws, or returns a promise or labels that are not legal, the observation
 * counts all the same and `narthex_exemplar_errors_total{metric}` tells. What the
 * function itself observes has no exemplars of it.
 *
 * @param fn The function; `null` for none.
 * @throws {TypeError} If it is neither a function nor `null`.
 *
 * @example Linking a counter to traces
 * ```ts
 * import { CollectorRegistry, Counter, gather, setExemplarSource } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * setExemplarSource(() => ({ trace_id: "4bf92f3577b34da6" }));
 * const registry = new CollectorRegistry();
 * new Counter("hits_total", "Hits.", { registry, exemplars: true }).inc();
 * const [family] = gather(registry);
 * const [sample] = family!.samples;
 * assert.deepEqual(sample!.exemplar?.labels, { trace_id: "4bf92f3577b34da6" });
 * setExemplarSource(null);
 * ```
 */
export function setExemplarSource(fn: (() => Record<string, string> | undefined) | null): void {
  const isSource = fn === null || typeof fn === "function";
  checkShape(isSource, "Cannot set exemplar source", "it must be a function or null", fn);
  source = fn;
}

/**
 * Asks the source for an exemplar's labels.
 *
 * @param counts Counts the failures of the source.
 * @returns Labels that are legal, if there are any.
 */
export function askExemplarLabels(
  counts: { exemplarErrors: number },
): Record<string, string> | undefined {
  if (source === null || asking) return undefined;
  asking = true;
  try {
    const given = source();
    if (given === undefined) return undefined;
    checkNoPromise(given);
    const labels = checkExemplarLabels(given, "Cannot use exemplar");
    return Object.keys(labels).length === 0 ? undefined : labels;
  } catch {
    counts.exemplarErrors++;
    return undefined;
  } finally {
    asking = false;
  }
}

/** Throws on a promise, which else would pass for an object without labels. */
function checkNoPromise(given: { readonly then?: unknown }): void {
  if (typeof given.then !== "function") return;
  // The failure is counted: that it rejects later must not end the process.
  if (given instanceof Promise) given.catch(() => {});
  throw new TypeError("Cannot use exemplar: exemplar labels must be an object: received a promise");
}
