import { CHUNK_SIZE } from "../encoding/byte_writer.ts";
import type { EscapingScheme } from "../encoding/escaping.ts";
import type { Chunks } from "../encoding/byte_writer.ts";
import { encodeOpenMetrics } from "../encoding/open_metrics.ts";
import { encodeProtobuf } from "../encoding/protobuf.ts";
import { encodeText } from "../encoding/text.ts";
import type { MetricFamily } from "../model.ts";
import { gatherAsync, type Gatherer } from "../registry.ts";
import { SYSTEM_CLOCK, type Timers } from "../time/clock.ts";
import { nextTurn } from "../time/turn.ts";
import { type Body, createBody } from "./body.ts";
import { gzip } from "./gzip.ts";
import type { ExpositionFormat } from "./negotiation.ts";

/**
 * From which size on a family goes on in another protobuf message, in bytes: that of a
 * chunk, since a message has to be whole before any of it can be handed on.
 */
const MESSAGE_SIZE = CHUNK_SIZE;

/** How much of its time limit a collection must leave a scrape that joins it. */
const LEAST_SHARE = 0.5;

/**
 * How many bytes of shared bodies are handed to the server before the event loop gets a turn, in
 * which it can send them. Many clients are answered as fast, and what waits to be sent is not in
 * memory as often as there are clients.
 */
const BYTES_PER_TURN = 4 * CHUNK_SIZE;

/** How a scrape is written. */
export interface Spelling {
  readonly format: ExpositionFormat;
  readonly escaping: EscapingScheme;
  /** Whether OpenMetrics has `_created` series. */
  readonly created: boolean;
  readonly encoding: "gzip" | "identity";
}

/** What a scrape wants to see, and how long it waits for it. */
export interface View {
  readonly registry: Gatherer;
  /** The names that it is restricted to; none for all. */
  readonly names: readonly string[];
  /** How long a collector may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How long this scrape waits, in milliseconds; at most `timeoutMs`. */
  readonly waitMs: number;
}

/**
 * The families of one collection, and what was written of them. The numbers of metrics
 * are read when they are written, which is after all families have come: so whoever joins
 * before that sees everything that was counted when it came. Custom collectors and functions
 * have been asked before.
 */
export class Collection {
  readonly #families: Promise<MetricFamily[]>;
  readonly #timers: Timers;
  readonly #onPacking: (packing: Promise<unknown>) => void;
  /** The bodies that are small enough to be one chunk; `null` for those that are not. */
  readonly #bodies: Map<string, Uint8Array<ArrayBuffer> | null> = new Map();
  readonly #packed: Map<string, Promise<Uint8Array<ArrayBuffer>>> = new Map();
  /** How many bytes may still be handed out in this turn, and who waits for another one. */
  #room = BYTES_PER_TURN;
  #waiting: { size: number; proceed: () => void }[] = [];

  /**
   * Begins with what will come.
   *
   * @param families The families.
   * @param timers Where time and turns come from.
   * @param onPacking Called when something is compressed that several scrapes may wait for.
   */
  constructor(
    families: Promise<MetricFamily[]>,
    timers: Timers,
    onPacking: (packing: Promise<unknown>) => void = () => {},
  ) {
    this.#families = families;
    this.#timers = timers;
    this.#onPacking = onPacking;
  }

  /**
   * Writes the families, or hands out what another scrape has had written alike. A body
   * of more than a chunk is written for each scrape by itself, as far as it is read: it
   * must never be in memory as a whole.
   *
   * @param spelling How to write them.
   * @param ended Is called when a body that is a stream has ended, in whatever way.
   * @returns The body.
   */
  async write(spelling: Spelling, ended: () => void): Promise<Body> {
    const families = await this.#families;
    const { format, escaping, created, encoding } = spelling;
    const key = `${format} ${escaping} ${created}`;
    let body: Body | null | undefined = this.#bodies.get(key);
    if (body === undefined || body === null) {
      // Of what is large, each scrape begins with chunks of its own.
      if (body === null) await this.#turn(2 * CHUNK_SIZE);
      body = createBody(encode(families, spelling), ended, this.#timers);
      this.#bodies.set(key, body instanceof Uint8Array ? body : null);
    }
    if (body instanceof ReadableStream) return encoding === "gzip" ? gzip(body) : body;
    const bytes = encoding === "gzip" ? await this.#pack(key, body) : body;
    await this.#turn(bytes.length);
    return bytes;
  }

  #pack(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    let packed = this.#packed.get(key);
    if (packed === undefined) {
      packed = pack(bytes);
      this.#packed.set(key, packed);
      this.#onPacking(packed);
    }
    return packed;
  }

  /** Waits until as many bytes may be handed out. */
  #turn(size: number): Promise<void> | undefined {
    if (this.#room > 0) {
      this.#room -= size;
      return undefined;
    }
    return new Promise((proceed) => {
      if (this.#waiting.push({ size, proceed }) === 1) {
        this.#timers.nextTurn(() => this.#proceed());
      }
    });
  }

  #proceed(): void {
    const waiting = this.#waiting;
    this.#room = BYTES_PER_TURN;
    let i = 0;
    for (; i < waiting.length && this.#room > 0; i++) {
      const { size, proceed } = waiting[i]!;
      this.#room -= size;
      proceed();
    }
    this.#waiting = waiting.slice(i);
    if (i < waiting.length) this.#timers.nextTurn(() => this.#proceed());
  }
}

/** A collection that others may still join. */
interface Joinable {
  readonly collection: Collection;
  /** When it will have ended, in milliseconds of the clock. */
  readonly deadline: number;
}

/**
 * The collections that are under way, for scrapes to share. A collection can be joined
 * until it has all families.
 *
 * One that is to be compressed begins in the next turn of the event loop, and not before
 * what is being compressed is done: so however many scrapes come, there is one compressor
 * at a time, which takes more memory than a small body. Others begin at once, since
 * a request that waits takes memory too.
 *
 * A scrape joins only a collection that ends before its own time is up, and that leaves it
 * at least half of that time, so that it does not miss what came too late for others.
 */
export class Collections {
  readonly #timers: Timers;
  readonly #joinable: Map<string, Joinable> = new Map();
  #packing: Promise<unknown> | undefined;

  /**
   * Begins with no collection.
   *
   * @param timers Where time and turns come from. @default {the platform}
   */
  constructor(timers: Timers = SYSTEM_CLOCK) {
    this.#timers = timers;
  }

  /**
   * Joins a collection, or begins one.
   *
   * @param view What is to be collected.
   * @param encoding Whether it will be compressed.
   * @returns The collection.
   */
  join(view: View, encoding: Spelling["encoding"]): Collection {
    const { names, waitMs } = view;
    const key = JSON.stringify([...new Set(names)].sort());
    const now = this.#now();
    const found = this.#joinable.get(key);
    if (found !== undefined) {
      const left = found.deadline - now;
      if (left <= waitMs && left >= waitMs * LEAST_SHARE) return found.collection;
    }
    const deadline = now + waitMs;
    const timers = this.#timers;
    const families = encoding === "gzip" ? this.#beginLater(view, deadline) : collect(view);
    const collection = new Collection(families, timers, (packing) => {
      // What comes of it is of no interest here, nor is it to be kept.
      this.#packing = packing.then(() => {}, () => {});
    });
    const joinable = { collection, deadline };
    this.#joinable.set(key, joinable);
    const end = (): void => {
      if (this.#joinable.get(key) === joinable) this.#joinable.delete(key);
    };
    families.then(end, end);
    return collection;
  }

  async #beginLater(view: View, deadline: number): Promise<MetricFamily[]> {
    await nextTurn(this.#timers);
    await this.#packing;
    return await collect({ ...view, waitMs: deadline - this.#now() });
  }

  /** Milliseconds of a clock that never goes back. */
  #now(): number {
    return this.#timers.monotonic() * 1000;
  }
}

/**
 * Collects for one scrape alone, at once.
 *
 * @param view What is to be collected.
 * @returns The collection.
 */
export function collectAlone(view: View): Collection {
  return new Collection(collect(view), SYSTEM_CLOCK);
}

/** Lets so many scrapes be under way at the same time, and no more. */
export class Admission {
  readonly #limit: number;
  #inside = 0;
  /** Notices bodies that were given to a server which neither read nor cancelled them. */
  readonly #lost: FinalizationRegistry<() => void> | undefined;

  /**
   * Begins with no scrape.
   *
   * @param limit How many there may be; `Infinity` for any number.
   */
  constructor(limit: number) {
    this.#limit = limit;
    if (limit !== Infinity) this.#lost = new FinalizationRegistry((leave) => leave());
  }

  /**
   * Lets a scrape in, if there is room.
   *
   * @returns What to call when the scrape is over; calling it again does nothing. Nothing if there
   * is no room.
   */
  enter(): (() => void) | undefined {
    if (this.#inside >= this.#limit) return undefined;
    this.#inside++;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#inside--;
    };
  }

  /**
   * Ends a scrape when its body is collected as garbage, if nothing else has ended it by then: the
   * last resort against those who take a response and drop it.
   *
   * @param body The body; `leave` must not refer to it.
   * @param leave What ends the scrape.
   */
  leaveWith(body: object, leave: () => void): void {
    this.#lost?.register(body, leave);
  }
}

async function collect({ registry, names, timeoutMs, waitMs }: View): Promise<MetricFamily[]> {
  const families: MetricFamily[] = [];
  const options = {
    names: names.length === 0 ? undefined : names,
    timeoutMs: Math.max(0, waitMs),
    patienceMs: timeoutMs,
  };
  // Without the request's signal: Deno aborts that after a good answer too, and warns about it.
  for await (const family of gatherAsync(registry, options)) families.push(family);
  return families;
}

function encode(families: MetricFamily[], spelling: Spelling): Chunks {
  const { format, escaping, created } = spelling;
  switch (format) {
    case "protobuf":
      return encodeProtobuf(families, escaping, MESSAGE_SIZE);
    case "openmetrics":
      return encodeOpenMetrics(families, escaping, created);
    default:
      return encodeText(families, escaping);
  }
}

/** Compresses what is there as a whole. */
async function pack(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(gzip(new Blob([bytes]).stream())).arrayBuffer());
}
