/**
 * Broadcast channels of isolates that exist in one test only. Messages take virtual time, may be
 * lost, and wait while their receiver is blocked.
 *
 * @module
 */
import type { Timers } from "../../time/clock.ts";
import type { Channel, Message } from "../../multiprocess/workers/memories.ts";
import type { ManualClock } from "./clock.ts";

/** Says how long a message takes, in milliseconds. `Infinity` if it never arrives. */
export type Delay = (from: string, to: string, message: Message) => number;

/** One isolate: its channel and its timers, which end with it. */
export class FakeIsolate implements Channel, Timers {
  readonly name: string;
  onmessage: (event: { data: unknown }) => void = () => {};
  readonly #network: FakeNetwork;
  #hasEnded = false;
  #isBlocked = false;
  /** What happens when the event loop turns again. */
  #held: (() => void)[] = [];

  constructor(network: FakeNetwork, name: string) {
    this.#network = network;
    this.name = name;
  }

  postMessage(message: Message): void {
    if (this.#hasEnded) throw new Error("InvalidStateError: the channel is closed");
    this.#network.send(this, message);
  }

  /** Closes the channel, or terminates the isolate: nothing of it runs any more. */
  close(): void {
    this.#network.forget(this);
  }

  unref(): void {}

  /** Ends everything at once. */
  terminate(): void {
    this.#hasEnded = true;
    this.close();
  }

  /** Holds the event loop until {@linkcode unblock}. */
  block(): void {
    this.#isBlocked = true;
  }

  unblock(): void {
    this.#isBlocked = false;
    for (const work of this.#held.splice(0)) this.run(work);
  }

  /** Runs something in the event loop of this isolate. */
  run(work: () => void): void {
    if (this.#hasEnded) return;
    if (this.#isBlocked) this.#held.push(work);
    else work();
  }

  now(): number {
    return this.#network.clock.now();
  }

  monotonic(): number {
    return this.#network.clock.monotonic();
  }

  setTimeout(callback: () => void, milliseconds: number): () => void {
    let isCancelled = false;
    const cancel = this.#network.clock.setTimeout(() => {
      this.run(() => {
        if (!isCancelled) callback();
      });
    }, milliseconds);
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  nextTurn(callback: () => void): void {
    this.#network.clock.nextTurn(() => this.run(callback));
  }
}

/**
 * Each isolate hears each other one in the order in which that one has sent. What several have
 * sent may come in any order.
 */
export class FakeNetwork {
  readonly clock: ManualClock;
  /** How long messages take. @default {no time} */
  delay: Delay = () => 0;
  #seed: number;
  readonly #isolates: Set<FakeIsolate> = new Set();
  /** When the last message of one to another arrives, in seconds. */
  readonly #last: Map<string, number> = new Map();

  constructor(clock: ManualClock, seed = 1) {
    this.clock = clock;
    this.#seed = seed;
  }

  /** The next number of the sequence, from 0 to 1. */
  random(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed / 2 ** 32;
  }

  open(name: string): FakeIsolate {
    const isolate = new FakeIsolate(this, name);
    this.#isolates.add(isolate);
    return isolate;
  }

  send(from: FakeIsolate, message: Message): void {
    for (const to of this.#isolates) {
      if (to === from) continue;
      const delayMs = this.delay(from.name, to.name, message);
      if (delayMs === Infinity) continue;
      const link = `${from.name}>${to.name}`;
      const now = this.clock.monotonic();
      const at = Math.max(now + delayMs / 1000, this.#last.get(link) ?? 0);
      this.#last.set(link, at);
      // Shared memory is not copied.
      const data = structuredClone(message);
      this.clock.setTimeout(() => {
        to.run(() => {
          if (this.#isolates.has(to)) to.onmessage({ data });
        });
      }, (at - now) * 1000);
    }
  }

  forget(isolate: FakeIsolate): void {
    this.#isolates.delete(isolate);
  }
}
