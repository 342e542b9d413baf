/**
 * The updates of the soak: metrics of all types, changing label sets, and a ledger of everything
 * that was counted.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Counter, Gauge, Histogram, type Registry, Summary } from "../../mod.ts";
import type { SharedRegistry } from "../../multiprocess/mod.ts";
import { collectedMemory } from "../support/garbage.ts";
import { BUCKETS, Ledger, TOTALS } from "./ledger.ts";

/** Options of a writer. */
export interface LoadOptions {
  /** The slot of the writer. A killed writer is replaced by another one in the same slot. */
  readonly slot: number;
  /** The folder of the ledgers. */
  readonly folder: string;
  /** The number of updates per second. */
  readonly rate: number;
  /** The start of the first writer of the slot, in milliseconds since 1970. */
  readonly began: number;
  /** The interval of garbage collections and heap measurements, in milliseconds. */
  readonly weighMs: number;
}

const TICK_MS = 10;
/** The factor by which the replacement of a killed writer may exceed the rate. */
const CATCH_UP = 3;
const FLUSH_MS = 250;
/** The number of label sets that are removed and created repeatedly. */
const CHURNING = 500;
/** The number of these label sets that are removed after each flush. */
const REMOVED = 50;
/** The number of series to keep whose labels are never used again. */
const PASSING = 100;
/** How long unused series live, and how long each group of them is used. */
const EXPIRE_SECONDS = 1;
const TOUCHED_MS = 500;
const WINDOWS = 8;
const EXPIRING_PER_WINDOW = 20;
const MAX_SERIES = 50;

const at = (total: typeof TOTALS[number]): number => TOTALS.indexOf(total);
const [WHOLE, HALF] = [at("soak_updates_total/whole"), at("soak_updates_total/half")];
const SIZE = { count: at("soak_size_count"), sum: at("soak_size_sum") };
const WIDE = { count: at("soak_wide_count"), sum: at("soak_wide_sum") };
const TIME = { count: at("soak_time_count"), sum: at("soak_time_sum") };
const BOUNDS = [...BUCKETS, Infinity].map((bound) => ({
  bound,
  index: at(`soak_size_bucket/${bound}`),
}));
const [CHURN, EXPIRING, CAPPED] = [
  at("soak_churn_total"),
  at("soak_expiring_total"),
  at("soak_capped_total"),
];

/** Makes updates at a steady rate until it is stopped. */
export class Load {
  readonly #options: LoadOptions;
  readonly #slot: string;
  readonly #ledger: Ledger;
  readonly #updates: Counter<readonly ["slot", "kind"]>;
  readonly #level: Gauge<readonly ["slot"]>;
  readonly #size: Histogram<readonly ["slot"]>;
  readonly #wide: Histogram<readonly ["slot"]>;
  readonly #time: Summary<readonly ["slot"]>;
  readonly #churn: Counter<readonly ["slot", "key"]>;
  readonly #passing: Gauge<readonly ["slot", "key"]>;
  readonly #expiring: Counter<readonly ["slot", "key"]>;
  readonly #seen: Gauge<readonly ["slot", "key"]>;
  readonly #capped: Counter<readonly ["key"]>;
  /** The keys of passing series, oldest first. */
  #passed: string[] = [];
  #churned = 0;
  #isStopping = false;

  constructor(registry: Registry, options: LoadOptions) {
    this.#options = options;
    const { slot, folder } = options;
    this.#slot = String(slot);
    this.#ledger = new Ledger(folder, slot);
    const own = { registry, labelNames: ["slot"] } as const;
    const keyed = { registry, labelNames: ["slot", "key"] } as const;
    const expireAfterSeconds = EXPIRE_SECONDS;
    this.#updates = new Counter("soak_updates_total", "Updates.", {
      registry,
      labelNames: ["slot", "kind"],
    });
    this.#level = new Gauge("soak_level", "The last update.", {
      ...own,
      aggregation: "livemostrecent",
    });
    this.#size = new Histogram("soak_size", "Classic.", { ...own, buckets: [...BUCKETS] });
    this.#wide = new Histogram("soak_wide", "Native.", { ...own, nativeHistogram: true });
    this.#time = new Summary("soak_time", "Summary.", { ...own, quantiles: [0.5, 0.99] });
    this.#churn = new Counter("soak_churn_total", "Removed, and made again.", keyed);
    this.#passing = new Gauge("soak_passing", "Removed, and never made again.", {
      ...keyed,
      aggregation: "livesum",
    });
    this.#expiring = new Counter("soak_expiring_total", "Expire, and come again.", {
      ...keyed,
      expireAfterSeconds,
    });
    this.#seen = new Gauge("soak_seen", "Expire, and never come again.", {
      ...keyed,
      aggregation: "livesum",
      expireAfterSeconds,
    });
    // The overflow series has no slot label, so each slot has its own counter.
    this.#capped = new Counter(`soak_capped_${slot}_total`, "More label sets than there may be.", {
      registry,
      labelNames: ["key"],
      maxSeries: MAX_SERIES,
    });
  }

  /** Makes `run()` end. */
  stop(): void {
    this.#isStopping = true;
  }

  /**
   * Makes updates, and records them in the ledger after each flush.
   *
   * @param shared The registry to flush.
   * @throws {Error} If a flush fails.
   */
  async run(shared: SharedRegistry): Promise<void> {
    let flushed = performance.now();
    let weighed = -Infinity;
    while (!this.#isStopping) {
      this.#tick();
      await sleep(TICK_MS);
      const now = performance.now();
      if (now - flushed < FLUSH_MS) continue;
      flushed = now;
      await this.#flush(shared);
      if (now - weighed < this.#options.weighMs) continue;
      weighed = now;
      this.#ledger.heap = await collectedMemory();
      this.#ledger.write();
    }
    await this.#flush(shared);
  }

  /** Makes the updates that are due. */
  #tick(): void {
    const { rate, began } = this.#options;
    const ledger = this.#ledger;
    const first = ledger.updates;
    const due = rate * (Date.now() - began) / 1000 - first;
    const count = Math.floor(Math.min(due, rate * TICK_MS / 1000 * CATCH_UP));
    if (count <= 0) return;
    // The ledger is written first, before any of the updates can be in the totals.
    for (let n = first; n < first + count; n++) this.#note(n, ledger.issued);
    ledger.updates = first + count;
    ledger.write();
    const window = Math.floor(performance.now() / TOUCHED_MS) % WINDOWS;
    for (let n = first; n < first + count; n++) this.#update(n, window);
  }

  /** Adds the changes of an update to the totals of the ledger. */
  #note(n: number, totals: Float64Array): void {
    const value = (n >> 3) % 12;
    const add = (index: number, amount: number): void => void (totals[index]! += amount);
    switch (n % 8) {
      case 0:
        return add(WHOLE, 1);
      case 1:
        return add(HALF, 0.5);
      case 3:
        add(SIZE.count, 1);
        add(SIZE.sum, value);
        for (const { bound, index } of BOUNDS) if (value <= bound) add(index, 1);
        return;
      case 4:
        add(WIDE.count, 1);
        return add(WIDE.sum, value);
      case 5:
        add(TIME.count, 1);
        return add(TIME.sum, value);
      case 6:
        return add(CHURN, 1);
      case 7:
        if (n % 64 === 23) add(CAPPED, 1);
        else if (n % 64 >= 31) add(EXPIRING, 1);
    }
  }

  #update(n: number, window: number): void {
    const slot = this.#slot;
    const value = (n >> 3) % 12;
    switch (n % 8) {
      case 0:
        return this.#updates.labels(slot, "whole").inc();
      case 1:
        return this.#updates.labels({ slot, kind: "half" }).inc(0.5);
      case 2:
        return this.#level.labels(slot).set(n);
      case 3:
        return this.#size.labels(slot).observe(value);
      case 4:
        return this.#wide.labels(slot).observe(value);
      case 5:
        return this.#time.labels(slot).observe(value);
      case 6:
        return this.#churn.labels(slot, `key ${(n >> 3) % CHURNING}`).inc();
      case 7:
        return this.#updatePassing(n, window);
    }
  }

  #updatePassing(n: number, window: number): void {
    const slot = this.#slot;
    const key = `key ${n}`;
    switch (n % 64) {
      case 7:
        return this.#seen.labels(slot, key).set(n);
      case 15:
        this.#passed.push(key);
        return this.#passing.labels(slot, key).set(n);
      case 23:
        return this.#capped.labels(key).inc();
      default: {
        const number = window * EXPIRING_PER_WINDOW + (n >> 6) % EXPIRING_PER_WINDOW;
        this.#expiring.labels(slot, `key ${number}`).inc();
      }
    }
  }

  /** Flushes all updates, and then removes series that have no unflushed updates. */
  async #flush(shared: SharedRegistry): Promise<void> {
    if (!await shared.flush()) throw new Error("Cannot flush");
    // Messages to other isolates leave this one in a later turn.
    await sleep(1);
    const ledger = this.#ledger;
    ledger.acknowledged.set(ledger.issued);
    ledger.write();
    const slot = this.#slot;
    for (let i = 0; i < REMOVED; i++) {
      this.#churn.remove(slot, `key ${this.#churned++ % CHURNING}`);
    }
    const old = Math.max(0, this.#passed.length - PASSING);
    for (const key of this.#passed.slice(0, old)) this.#passing.remove(slot, key);
    this.#passed = this.#passed.slice(old);
  }
}
