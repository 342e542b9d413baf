/**
 * The scraper of the soak. It compares the exposition of a program with the ledgers and with
 * earlier scrapes.
 *
 * @module
 */
import { parseOpenMetrics, parsePrometheusText } from "../../encoding/parse.ts";
import { type MetricFamily, OPENMETRICS_CONTENT_TYPE } from "../../mod.ts";
import { type Ledger, TOTALS } from "./ledger.ts";

/** The time limit of a scrape. */
const TIMEOUT_MS = 30_000;
/** Types of families whose samples never fall. */
const MONOTONE = new Set(["counter", "histogram", "summary"]);
/** The family with expiring series. They are hidden when they expire, and start again at zero. */
export const EXPIRING = "soak_expiring_total";
const INDEXES: ReadonlyMap<string, number> = new Map(TOTALS.map((total, i) => [total, i]));

/** The result of a scrape. */
export interface Scrape {
  /** The totals of each slot. */
  readonly totals: readonly Float64Array[];
  /** The value of each slot's gauge, or `NaN` without one. */
  readonly levels: readonly number[];
  readonly series: number;
}

/** Scrapes a program repeatedly. */
export class Scrapes {
  readonly #url: string;
  readonly #ledgers: readonly Ledger[];
  readonly #last: Map<string, number> = new Map();
  #running: Promise<Scrape | undefined> = Promise.resolve(undefined);
  /** The failures so far. */
  readonly failures: string[] = [];
  /** The number of scrapes so far. */
  count = 0;

  constructor(url: string, ledgers: readonly Ledger[]) {
    this.#url = url;
    this.#ledgers = ledgers;
  }

  /**
   * Scrapes once, alternating between the text formats. Waits until the previous scrape has ended,
   * because, of two concurrent scrapes, the older one may end last.
   *
   * @returns The result, or undefined if it could not be read.
   */
  scrape(): Promise<Scrape | undefined> {
    return this.#running = this.#running.then(() => this.#scrape());
  }

  async #scrape(): Promise<Scrape | undefined> {
    const flushed = this.#ledgers.map((ledger) => ledger.read().acknowledged.slice());
    let families: MetricFamily[];
    try {
      families = await this.#fetch(this.count++ % 2 === 0);
    } catch (error) {
      this.failures.push(`scrape ${this.count} failed: ${error}`);
      return undefined;
    }
    const scrape = this.#read(families);
    if (scrape === undefined) return undefined;
    for (const [slot, ledger] of this.#ledgers.entries()) {
      const { issued } = ledger.read();
      for (const [i, total] of TOTALS.entries()) {
        const value = scrape.totals[slot]![i]!;
        const [least, most] = [total === EXPIRING ? 0 : flushed[slot]![i]!, issued[i]!];
        if (value >= least && value <= most) continue;
        this.#fail(`${total} of ${slot} is ${value}: it must be from ${least} to ${most}`);
      }
    }
    return scrape;
  }

  async #fetch(isText: boolean): Promise<MetricFamily[]> {
    const response = await fetch(this.#url, {
      headers: isText ? {} : { accept: OPENMETRICS_CONTENT_TYPE },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`status ${response.status}: ${text}`);
    return isText ? parsePrometheusText(text) : parseOpenMetrics(text);
  }

  #read(families: readonly MetricFamily[]): Scrape | undefined {
    const up = families.find(({ name }) => name === "narthex_backend_up");
    if (up === undefined || [...up.samples][0]?.value !== 1) {
      this.#fail("the store did not answer");
      return undefined;
    }
    const totals = this.#ledgers.map(() => new Float64Array(TOTALS.length));
    const levels = this.#ledgers.map(() => NaN);
    const seen = new Set<string>();
    let series = 0;
    for (const { name: family, type, samples } of families) {
      const isMonotone = MONOTONE.has(type);
      const mayFall = family === EXPIRING;
      for (const { name, labels, value } of samples) {
        series++;
        if (/_errors(_total)?$/.test(family)) this.#fail(`${name} is ${value}`);
        else if (name === "soak_level") levels[Number(labels["slot"])] = value;
        if (!isMonotone) continue;
        const key = `${name} ${JSON.stringify(normalize(labels))}`;
        if (!mayFall) seen.add(key);
        const last = this.#last.get(key) ?? 0;
        if (!mayFall && !(value >= last)) this.#fail(`${key} fell from ${last} to ${value}`);
        if (!mayFall) this.#last.set(key, value);
        const place = placeOf(name, labels);
        if (place !== undefined) totals[place.slot]![place.index]! += value;
      }
    }
    for (const key of this.#last.keys()) {
      if (seen.has(key)) continue;
      this.#fail(`${key} is gone`);
      this.#last.delete(key);
    }
    return { totals, levels, series };
  }

  #fail(what: string): void {
    this.failures.push(`scrape ${this.count}: ${what}`);
  }
}

/** Finds the place of a sample in the ledgers. */
function placeOf(
  name: string,
  labels: Readonly<Record<string, string>>,
): { slot: number; index: number } | undefined {
  // The overflow series has no slot label, so the name contains the slot.
  const [, capped] = /^soak_capped_(\d+)_total$/.exec(name) ?? [];
  const slot = capped ?? labels["slot"];
  const total = capped === undefined ? name : "soak_capped_total";
  const { kind, le } = normalize(labels);
  const index = INDEXES.get(
    kind === undefined && le === undefined ? total : `${total}/${kind ?? le}`,
  );
  return slot === undefined || index === undefined ? undefined : { slot: Number(slot), index };
}

/** Returns the labels with `le` in the same spelling for all formats. */
function normalize(labels: Readonly<Record<string, string>>): Record<string, string> {
  const { le } = labels;
  return le === undefined
    ? labels
    : { ...labels, le: le === "+Inf" ? "Infinity" : `${Number(le)}` };
}
