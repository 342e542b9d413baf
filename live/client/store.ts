/**
 * The data of the page: families, their series, and the numbers of the last minutes.
 *
 * @module
 */

import { type Buckets, increase } from "./buckets.ts";
import {
  endOfLabels,
  type FamilyMessage,
  readFamilies,
  readLabels,
  readMetric,
  type WireType,
} from "./proto_reader.ts";
import { groupOf, unitOf } from "./naming.ts";
import { Timeline } from "./timeline.ts";

/** The view of a family. */
export type ShownType = WireType | "info" | "stateset";

/** A series is forgotten after this many scrapes without it. */
const GONE_AFTER = 10;

/** The number of series between two checks whether the browser needs a turn. */
const SLICE = 32;

/** Decodes each byte to one character, so that different bytes give different texts. */
const BYTES_DECODER = new TextDecoder("latin1");

/** A series and its numbers. */
export interface Series {
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** The text for searches: the labels, in lower case. */
  readonly text: string;
  /** The bytes that identify it. */
  readonly key: Uint8Array;
  /** The same bytes as a text, with a character for each byte. */
  readonly id: string;
  /** The last scrape that contained it. */
  seen: number;
  /** The values, or the counts of a histogram or a summary. */
  readonly values: Float64Array;
  /** The sums of a histogram or a summary. */
  readonly sums: Float64Array | undefined;
  /** All observations of a histogram. */
  buckets: Buckets | undefined;
  /** The observations between two scrapes. The buckets themselves for a gaugehistogram. */
  readonly columns: (Buckets | undefined)[];
  /** The quantiles of a summary. */
  quantiles: readonly (readonly [quantile: number, value: number])[];
}

/** A family and its series. */
export interface Family {
  readonly name: string;
  help: string;
  type: ShownType;
  unit: string;
  /** The first word of the name. */
  readonly prefix: string;
  /** The text for searches: name, type, unit and help, in lower case. */
  text: string;
  /** Its series in the order of the last scrape. */
  series: Series[];
  /** Changes whenever a series comes or goes. */
  version: number;
  /** The last scrape in which a series came, went, or had a new value. */
  changed: number;
  readonly byKey: Map<string, Series>;
  readonly wireType: WireType;
}

/** Options for reading a scrape. */
export interface IngestOptions {
  /** The time of the scrape, in seconds. */
  readonly time: number;
  /** Whether scrapes are missing before it, so that the time between is unknown. */
  readonly interrupted: boolean;
  /** Gives the browser a turn, if it needs one. */
  readonly breathe: () => Promise<void> | undefined;
}

/** The families and their recent numbers. */
export class Store {
  readonly timeline: Timeline;
  /** The families by name. */
  readonly families: Map<string, Family> = new Map();
  /** Changes whenever a family or a series comes or goes. */
  version = 0;

  /**
   * @param length The number of scrapes to keep.
   */
  constructor(length: number) {
    this.timeline = new Timeline(length);
  }

  /** The number of series. */
  get seriesCount(): number {
    let count = 0;
    for (const { series } of this.families.values()) count += series.length;
    return count;
  }

  /**
   * Reads a scrape, in slices. Readers see the scrape before until it is complete.
   *
   * @throws {SyntaxError} If it is malformed. Nothing changes then.
   */
  async ingest(bytes: Uint8Array, options: IngestOptions): Promise<void> {
    const { timeline } = this;
    const pause = options.interrupted && timeline.latest >= 0;
    const scrape = timeline.latest + (pause ? 2 : 1);
    const here = timeline.at(scrape);
    const before = timeline.at(scrape - 1);

    // Reads everything once before any change, so that half a scrape changes nothing.
    const messages = [...readFamilies(bytes)];
    if (pause) {
      timeline.times[before] = NaN;
      for (const series of this.#allSeries()) blank(series, before);
    }

    const orders = new Map<Family, Series[]>();
    let read = 0;
    for (const message of messages) {
      const family = this.#family(message);
      let order = orders.get(family);
      if (order === undefined) orders.set(family, order = []);
      const { metrics } = message;
      for (let i = 0; i < metrics.length; i += 2) {
        const start = metrics[i]!;
        const end = metrics[i + 1]!;
        const endOfKey = endOfLabels(bytes, start, end);
        const key = bytes.subarray(start, endOfKey);
        const series = this.#series(family, key, order.length);
        order.push(series);
        const { value, sum, buckets, quantiles } = readMetric(bytes, endOfKey, end);
        if (!Object.is(series.values[before], value)) family.changed = scrape;
        series.values[here] = value;
        if (series.sums !== undefined) series.sums[here] = sum ?? NaN;
        if (buckets !== undefined) {
          // Observations are new if the scrape before this one had the series too.
          const known = series.seen === scrape - 1 ? series.buckets : undefined;
          series.columns[here] = family.type === "gaugehistogram"
            ? buckets
            : known && increase(known, buckets);
          series.buckets = buckets;
        }
        series.quantiles = quantiles;
        series.seen = scrape;
        if (++read % SLICE === 0) await options.breathe();
      }
    }

    this.#sweep(orders, scrape);
    timeline.times[here] = options.time;
    timeline.latest = scrape;
  }

  /** Returns the family of a message. Creates it if it is new or has another type. */
  #family({ name, help, type, unit }: FamilyMessage): Family {
    const known = this.families.get(name);
    if (known?.wireType === type) {
      if (known.help !== help) {
        known.help = help;
        known.text = searchText(known);
      }
      return known;
    }
    const made: Family = {
      name,
      help,
      type,
      wireType: type,
      unit: unitOf(name, unit),
      prefix: groupOf(name),
      text: "",
      series: [],
      version: 0,
      changed: this.timeline.latest + 1,
      byKey: new Map(),
    };
    this.families.set(name, made);
    this.version++;
    return made;
  }

  /** Returns the series with this key. It is probably at the same position as before. */
  #series(family: Family, key: Uint8Array, position: number): Series {
    const likely = family.series[position];
    if (likely !== undefined && sameBytes(likely.key, key)) return likely;
    const id = BYTES_DECODER.decode(key);
    const known = family.byKey.get(id);
    if (known !== undefined) return known;
    const { timeline } = this;
    const labels = readLabels(key, 0, key.length);
    const isDistribution = family.wireType !== "counter" && family.wireType !== "gauge" &&
      family.wireType !== "unknown";
    const made: Series = {
      labels,
      text: labels.map(([name, value]) => `${name}=${value}`).join(" ").toLowerCase(),
      key: key.slice(),
      id,
      seen: -1,
      values: timeline.ring(),
      sums: isDistribution ? timeline.ring() : undefined,
      buckets: undefined,
      columns: [],
      quantiles: [],
    };
    family.byKey.set(id, made);
    return made;
  }

  /** Blanks series that are not in this scrape, and forgets those that left long ago. */
  #sweep(orders: ReadonlyMap<Family, Series[]>, scrape: number): void {
    const here = this.timeline.at(scrape);
    for (const family of this.families.values()) {
      const order = orders.get(family) ?? [];
      for (const [key, series] of family.byKey) {
        if (series.seen === scrape) continue;
        if (series.seen === scrape - 1) family.changed = scrape;
        blank(series, here);
        if (scrape - series.seen > GONE_AFTER) family.byKey.delete(key);
        else order.push(series);
      }
      const { series } = family;
      if (order.length !== series.length || order.some((one, i) => one !== series[i])) {
        family.version++;
        this.version++;
      }
      family.series = order;
      family.type = shownType(family);
      family.text = searchText(family);
      if (order.length === 0 && !orders.has(family)) {
        this.families.delete(family.name);
        this.version++;
      }
    }
  }

  *#allSeries(): Generator<Series> {
    for (const { byKey } of this.families.values()) yield* byKey.values();
  }
}

function blank(series: Series, index: number): void {
  series.values[index] = NaN;
  if (series.sums !== undefined) series.sums[index] = NaN;
  series.columns[index] = undefined;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function searchText({ name, type, unit, help }: Family): string {
  return `${name} ${type} ${unit} ${help}`.toLowerCase();
}

/**
 * Recognizes infos and statesets, which are gauges in protobuf. The name of an info ends in `_info`.
 * Every series of a stateset has a label with the name of the family.
 */
function shownType({ name, wireType, series }: Family): ShownType {
  if (wireType !== "gauge" || series.length === 0) return wireType;
  if (name.endsWith("_info")) return "info";
  return series.every(({ labels }) => labels.some(([label]) => label === name))
    ? "stateset"
    : wireType;
}
