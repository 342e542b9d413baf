import { type Collector, MetricFamily, type Registerer } from "../../mod.ts";

/** Why something was left out: a value or attributes that are not legal, or a name that is taken. */
export type Cause = "value" | "attributes" | "conflict";

/** Counts what instruments left out, in one family of a registry. */
export class DropCounts implements Collector {
  readonly name = "narthex_opentelemetry_dropped_total";
  readonly #counts: Map<string, Map<Cause, number>> = new Map();

  add(instrument: string, cause: Cause): void {
    const causes = this.#counts.get(instrument) ?? new Map<Cause, number>();
    this.#counts.set(instrument, causes);
    causes.set(cause, (causes.get(cause) ?? 0) + 1);
  }

  /** There is no family as long as nothing was left out. */
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

/** The counts of each registry. Several providers may use one. */
const counts: WeakMap<object, DropCounts> = new WeakMap();

/**
 * Returns the counts of a registry, which are made and registered at the first call.
 *
 * @param registry The registry.
 * @param onError Called if another collector has the name.
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
