import type { KnownMethods } from "./labels.ts";

/** A series as the metrics of this package have them. */
interface Removable {
  /** Whether writes still reach its metric. Undefined in other versions of the package. */
  readonly isLive?: boolean;
  readonly labelValues: readonly string[];
}

/** A metric that has the label of the method only. */
interface MethodMetric<Series> {
  labels(method: string): Series;
}

/** A metric with the labels of servers. */
interface ServerMetric<Series> {
  labels(method: string, status: number | "", route: string): Series;
}

/** A series, and the value of its label. */
export interface KnownMethod<Series> {
  readonly name: string;
  readonly series: Series;
}

/**
 * The series of a metric by method. They are found in a fraction of the time that `labels()` takes.
 *
 * A series that was removed is looked up again, and so is one for label sets without room, because
 * its metric counts these look-ups.
 */
export class MethodSeries<Series extends object> {
  readonly #metric: MethodMetric<Series>;
  readonly #methods: KnownMethods;
  readonly #known: Map<unknown, KnownMethod<Series & Removable>> = new Map();

  constructor(metric: MethodMetric<Series>, methods: KnownMethods) {
    this.#metric = metric;
    this.#methods = methods;
  }

  /** Returns the series of a method, and the method as a value of its label. */
  find(method: unknown): KnownMethod<Series> {
    const known = this.#known.get(method);
    return known?.series.isLive ? known : this.#look(this.#methods.fold(method));
  }

  #look(name: string): KnownMethod<Series> {
    const known = this.#known.get(name);
    if (known?.series.isLive) return known;
    const series = this.#metric.labels(name);
    if (isLasting(series, [name])) this.#known.set(name, { name, series });
    return { name, series };
  }
}

/** A series, and the labels that it was asked for by. */
interface Known<Series> {
  readonly method: string;
  readonly status: number | "";
  readonly series: Series & Removable;
}

/**
 * The series of a metric by method, status and route, as {@linkcode MethodSeries} has them. A route
 * has few methods and statuses.
 */
export class ServerSeries<Series extends object> {
  readonly #metric: ServerMetric<Series>;
  readonly #known: Map<string, readonly Known<Series>[]> = new Map();

  constructor(metric: ServerMetric<Series>) {
    this.#metric = metric;
  }

  /** Returns the series of a label set. */
  labels(method: string, status: number | "", route: string): Series {
    const known = this.#known.get(route);
    if (known !== undefined) {
      for (let i = 0; i < known.length; i++) {
        const { status: ofSeries, method: ownMethod, series } = known[i]!;
        if (ofSeries === status && ownMethod === method && series.isLive) return series;
      }
    }
    return this.#look(method, status, route);
  }

  #look(method: string, status: number | "", route: string): Series {
    const series = this.#metric.labels(method, status, route);
    if (isLasting(series, [method, String(status), route])) {
      const others = this.#known.get(route)?.filter((known) =>
        known.status !== status || known.method !== method
      );
      this.#known.set(route, [...others ?? [], { method, status, series }]);
    }
    return series;
  }
}

/** Whether a series has certain label values, and lasts until it is removed. */
function isLasting<Series extends object>(
  series: Series & Partial<Removable>,
  values: readonly string[],
): series is Series & Removable {
  const { isLive, labelValues } = series;
  return isLive === true && values.every((value, i) => value === labelValues?.[i]);
}
