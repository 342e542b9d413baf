import { type Collector, MetricFamily, type Registerer } from "../../mod.ts";

/** The reason for a drop: an invalid value, unreadable attributes, or a name that is in use. */
export type Cause = "value" | "attributes" | "conflict";

/** Counts dropped measurements and instruments, in one family of a registry. */
export class DropCounts implements Collector {
  readonly name = "narthex_opentelemetry_dropped_total";
  readonly #counts: Map<string, Map<Cause, number>> = new Map();

  add(instrument: string, cause: Cause): void {
    const causes = this.#counts.get(instrument) ?? new Map<Cause, number>();
    this.#counts.set(instrument, causes);
    causes.set(cause, (causes.get(cause) ?? 0) + 1);
  }

  /** Returns no family until something was dropped. */
  collect(): MetricFamily[] {
    return this.#counts.size === 0 ? [] : this.describe();
  }

  describe(): MetricFamily[] {
    const help = "Measurements and instruments of OpenTelemetry's API that were left out.";
    const family = new MetricFamily(this.name, help, "counter");
    for (const [instrument, causes] of this.#counts) {
      for (const [cause, count] of causes) {
        family.addSample(this.name, { instrument, cause }, count);
      }
    }
    return [family];
  }
}

/** The counts of each registry. Several providers may share one. */
const counts: WeakMap<object, DropCounts> = new WeakMap();

/**
 * Returns the counts of a registry. Creates and registers them at the first call.
 *
 * @param registry The registry.
 * @param onError Called if another collector uses the name.
 */
export function dropCountsOf(
  registry: Registerer,
  onError: (error: unknown) => void,
): DropCounts {
  let own = counts.get(registry);
  if (own === undefined) {
    counts.set(registry, own = new DropCounts());
    try {
      registry.register(own);
    } catch (error) {
      onError(error);
    }
  }
  return own;
}
