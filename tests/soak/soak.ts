/**
 * Runs one soak of one program. It counts and is scraped for a while, writers are killed and
 * replaced, and at the end every total must equal the count.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Runtime } from "../support/demo.ts";
import type { RunningProgram } from "../support/processes.ts";
import { megabytes } from "../support/fault_report.ts";
import { portOf, startOn } from "../support/servers.ts";
import { Ledger, TOTALS } from "./ledger.ts";
import type { ProgramOptions } from "./program.ts";
import { EXPIRING, type Scrape, Scrapes } from "./scrapes.ts";

/** Options of a soak. */
export interface SoakOptions {
  readonly runtime: Runtime;
  readonly backend: ProgramOptions["backend"];
  readonly seconds: number;
  /** The interval of kills. */
  readonly killSeconds: number;
  /** The number of updates per second of all writers together. */
  readonly rate: number;
}

/** A measurement during the soak: the medians of its second and of its last quarter. */
export interface Drift {
  readonly early: number;
  readonly late: number;
}

/** The result of a soak. */
export interface SoakOutcome {
  readonly updates: number;
  /** The number of updates that were lost with killed writers. */
  readonly lost: number;
  readonly seconds: number;
  readonly scrapes: number;
  /** The duration of the slowest scrape, in seconds. */
  readonly slowest: number;
  readonly kills: number;
  /** The heaps of all writers together, each after a garbage collection, in bytes. */
  readonly heap: Drift;
  /** The memory of the server's process, in bytes. */
  readonly memory: Drift;
  readonly series: Drift;
  /** Failed scrapes, totals that fell or differ from the count, and unexpected output. */
  readonly failures: readonly string[];
}

/** The number of writers, including the server. */
const SLOTS = 4;
const SCRAPE_MS = 1000;
/** The interval of heap measurements: short enough for quarters, but not shorter than necessary. */
const MIN_WEIGH_MS = 2000;
const MAX_WEIGH_MS = 10_000;
const TELL_MS = 60_000;
/** How long a message of a killed writer may still be in transit. */
const SETTLE_MS = 500;

/** Soaks a program. */
export async function soak(options: SoakOptions): Promise<SoakOutcome> {
  const folder = await mkdtemp(join(tmpdir(), "narthex-soak-"));
  const ledgers = Array.from({ length: SLOTS }, (_, slot) => new Ledger(folder, slot));
  try {
    await using program = await SoakProgram.start(options, folder);
    return await new Soak(options, program, ledgers).run();
  } finally {
    for (const ledger of ledgers) ledger[Symbol.dispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The server, and the writers that run in separate processes. */
class SoakProgram implements AsyncDisposable {
  readonly #options: SoakOptions;
  readonly #folder: string;
  readonly #began: number = Date.now();
  readonly #programs: Set<RunningProgram> = new Set();
  readonly #writers: Map<number, RunningProgram> = new Map();
  #server: RunningProgram | undefined;
  #url = "";

  private constructor(options: SoakOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
  }

  static async start(options: SoakOptions, folder: string): Promise<SoakProgram> {
    const program = new SoakProgram(options, folder);
    try {
      program.#server = await program.#run(0);
      program.#url = `http://127.0.0.1:${await portOf(program.#server)}`;
      for (let slot = 1; slot < SLOTS; slot++) await program.startWriter(slot);
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
    return program;
  }

  get url(): string {
    return `${this.#url}/metrics`;
  }

  /** The memory of the server, in bytes. */
  get memory(): number {
    const status = readFileSync(`/proc/${this.#server!.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** The unexpected lines of output. */
  get output(): string[] {
    return [...this.#programs].flatMap((program) => program.output().split("\n"))
      .filter((line) => line !== "" && !/^(?:port \d+|started|stopped)$/.test(line));
  }

  async startWriter(slot: number): Promise<void> {
    if (this.#options.backend === "workers") return await this.#tell(`/start?slot=${slot}`);
    const writer = await this.#run(slot);
    this.#writers.set(slot, writer);
    await writer.waitForOutput(/^started$/m);
  }

  async killWriter(slot: number): Promise<void> {
    if (this.#options.backend === "workers") await this.#tell(`/kill?slot=${slot}`);
    else await this.#writers.get(slot)!.stop("SIGKILL");
  }

  /** Stops all updates, but no writers. */
  async stopUpdates(): Promise<void> {
    await this.#tell("/stop");
    await Promise.all([...this.#writers.values()].map((writer) => {
      process.kill(writer.pid!, "SIGTERM");
      return writer.waitForOutput(/^stopped$/m);
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) await program.stop("SIGTERM");
  }

  async #tell(path: string): Promise<void> {
    const response = await fetch(`${this.#url}${path}`);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`Cannot ask for ${path}: ${text}`);
  }

  async #run(slot: number): Promise<RunningProgram> {
    const { runtime, backend, rate, seconds } = this.#options;
    const options: ProgramOptions = {
      ...{ backend, slot, isServer: slot === 0 },
      ...{ folder: this.#folder, rate: rate / SLOTS, began: this.#began },
      weighMs: Math.min(Math.max(MIN_WEIGH_MS, seconds * 25), MAX_WEIGH_MS),
    };
    const program = await startOn(runtime, "soak/program.ts", [JSON.stringify(options)]);
    this.#programs.add(program);
    return program;
  }
}

class Soak {
  readonly #options: SoakOptions;
  readonly #program: SoakProgram;
  readonly #ledgers: readonly Ledger[];
  readonly #scrapes: Scrapes;
  readonly #heaps: number[] = [];
  readonly #memories: number[] = [];
  readonly #series: number[] = [];
  #slowest = 0;
  #kills = 0;
  #lost = 0;
  #isOver = false;

  constructor(options: SoakOptions, program: SoakProgram, ledgers: readonly Ledger[]) {
    this.#options = options;
    this.#program = program;
    this.#ledgers = ledgers;
    this.#scrapes = new Scrapes(program.url, ledgers);
  }

  async run(): Promise<SoakOutcome> {
    const began = performance.now();
    const updatesBefore = this.#countUpdates();
    const scraping = this.#scrapeOften();
    const killing = this.#killOften();
    await sleep(this.#options.seconds * 1000);
    this.#isOver = true;
    await Promise.all([scraping, killing]);
    await this.#program.stopUpdates();
    const seconds = (performance.now() - began) / 1000;
    const updates = this.#countUpdates() - updatesBefore;
    await this.#compareAll();
    return {
      ...{ updates, seconds, lost: this.#lost, kills: this.#kills },
      scrapes: this.#scrapes.count,
      slowest: this.#slowest,
      heap: driftOf(this.#heaps),
      memory: driftOf(this.#memories),
      series: driftOf(this.#series),
      failures: [...this.#scrapes.failures, ...this.#program.output],
    };
  }

  #countUpdates(): number {
    return this.#ledgers.reduce((sum, ledger) => sum + ledger.read().updates, 0);
  }

  /** Prints the progress. */
  #tell(): void {
    const { runtime, backend } = this.#options;
    const { count, failures } = this.#scrapes;
    console.log(
      `${runtime}, ${backend}: ${this.#countUpdates()} updates, ${count} scrapes, ` +
        `${megabytes(this.#heaps.at(-1) ?? NaN)} of heap, ${this.#series.at(-1)} series, ` +
        `${failures.length} failures ${failures[0] ?? ""}`,
    );
  }

  async #scrapeOften(): Promise<void> {
    let told = performance.now();
    while (!this.#isOver) {
      const began = performance.now();
      const scrape = await this.#scrapes.scrape();
      const took = performance.now() - began;
      this.#slowest = Math.max(this.#slowest, took / 1000);
      if (scrape !== undefined) this.#series.push(scrape.series);
      const heaps = this.#ledgers.map((ledger) => ledger.read().heap);
      // A new writer has not collected garbage yet.
      if (!heaps.includes(0)) this.#heaps.push(heaps.reduce((sum, heap) => sum + heap));
      this.#memories.push(this.#program.memory);
      if (performance.now() - told >= TELL_MS) {
        told += TELL_MS;
        this.#tell();
      }
      await sleep(Math.max(0, SCRAPE_MS - took));
    }
  }

  /** Kills a writer regularly, and starts a replacement that has time to catch up. */
  async #killOften(): Promise<void> {
    const { seconds, killSeconds } = this.#options;
    const began = performance.now();
    while ((this.#kills + 1) * killSeconds < seconds) {
      await sleep(Math.max(0, began + (this.#kills + 1) * killSeconds * 1000 - performance.now()));
      const slot = 1 + this.#kills++ % (SLOTS - 1);
      await this.#program.killWriter(slot);
      await sleep(SETTLE_MS);
      await this.#settle(slot);
      await this.#program.startWriter(slot);
    }
  }

  /**
   * Determines which last updates of a killed writer are in the totals, and makes them its counts.
   */
  async #settle(slot: number): Promise<void> {
    const scrape = await this.#scrapes.scrape();
    if (scrape === undefined) return;
    const ledger = this.#ledgers[slot]!.read();
    const totals = scrape.totals[slot]!;
    for (const [i, total] of TOTALS.entries()) {
      if (total === EXPIRING) continue;
      if (!/_sum$|_bucket/.test(total)) this.#lost += ledger.issued[i]! - totals[i]!;
      ledger.issued[i] = ledger.acknowledged[i] = totals[i]!;
    }
    ledger.heap = 0;
    ledger.write();
  }

  /** Compares every total with its count, twice, because a scrape must not change anything. */
  async #compareAll(): Promise<void> {
    for (let i = 0; i < 2; i++) this.#compare(await this.#scrapes.scrape());
  }

  #compare(scrape: Scrape | undefined): void {
    if (scrape === undefined) return;
    for (const [slot, ledger] of this.#ledgers.entries()) {
      const { issued, updates } = ledger.read();
      for (const [i, total] of TOTALS.entries()) {
        const value = scrape.totals[slot]![i]!;
        if (value === issued[i]! || (total === EXPIRING && value < issued[i]!)) continue;
        this.#scrapes.failures.push(`${total} of ${slot} is ${value} at the end, not ${issued[i]}`);
      }
      // The third of each eight updates sets the gauge.
      const last = updates - 1;
      const level = last - (last + 8 - 2) % 8;
      if (scrape.levels[slot] === level) continue;
      this.#scrapes.failures.push(`soak_level of ${slot} is ${scrape.levels[slot]}, not ${level}`);
    }
  }
}

function driftOf(values: readonly number[]): Drift {
  const quarter = (i: number): number =>
    median(
      values.slice(Math.floor(values.length * i / 4), Math.floor(values.length * (i + 1) / 4)),
    );
  return { early: quarter(1), late: quarter(3) };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}
