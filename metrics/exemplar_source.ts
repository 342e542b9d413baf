import { checkExemplarLabels, checkShape } from "../model.ts";

/** Errors of the source that are counted. */
interface SourceCounts {
  exemplarErrors: number;
}

/** Asks the source. A program that never sets one does not have this function in its bundle. */
let ask: ((counts: SourceCounts) => Record<string, string> | undefined) | undefined;
/** Whether the source is running. Metrics that it changes itself do not call it again. */
let asking = false;

/**
 * Sets the function that gives exemplars to metrics with `exemplars: true`, so that numbers lead
 * to traces. These metrics call it at each `inc()` and `observe()` without an exemplar, so it
 * should be fast.
 *
 * If it throws, or returns a promise or illegal labels, the observation counts without an exemplar,
 * and `narthex_exemplar_errors_total{metric}` counts the error. If the function itself observes
 * something, it is not called for that.
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
  ask = fn === null ? undefined : (counts) => askSource(fn, counts);
}

/**
 * Calls the source.
 *
 * @param counts Where failures of the source are counted.
 * @returns Legal labels, if there are any.
 */
export function askExemplarLabels(counts: SourceCounts): Record<string, string> | undefined {
  return ask?.(counts);
}

function askSource(
  source: () => Record<string, string> | undefined,
  counts: SourceCounts,
): Record<string, string> | undefined {
  if (asking) return undefined;
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

/** Throws if the source returns a promise, which looks like an object without labels. */
function checkNoPromise(given: { readonly then?: unknown }): void {
  if (typeof given.then !== "function") return;
  // The failure is counted already. A later rejection must not end the process.
  if (given instanceof Promise) given.catch(() => {});
  throw new TypeError("Cannot use exemplar: exemplar labels must be an object: received a promise");
}
