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
 * The size in bytes from which on a family continues in another protobuf message. It is that of a
 * chunk, because a message must be complete before any of it can be sent.
 */
const MESSAGE_SIZE = CHUNK_SIZE;

/** The share of its own time limit that a scrape must still have in a collection that it joins. */
const LEAST_SHARE = 0.5;

/**
 * How many bytes of shared bodies are passed to the server before the event loop gets a turn, in
 * which the server can send them. Many clients are answered as fast as without turns, and memory
 * does not hold a copy for each client.
 */
const BYTES_PER_TURN = 4 * CHUNK_SIZE;

/** How a scrape is encoded. */
export interface Spelling {
  readonly format: ExpositionFormat;
  readonly escaping: EscapingScheme;
  /** Whether OpenMetrics has `_created` series. */
  readonly created: boolean;
  readonly encoding: "gzip" | "identity";
}

/** What a scrape reads, and how long it waits for it. */
export interface View {
  readonly registry: Gatherer;
  /** The names to which the scrape is restricted. Empty for all families. */
  readonly names: readonly string[];
  /** How long a collector may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How long this scrape waits, in milliseconds; at most `timeoutMs`. */
  readonly waitMs: number;
}

/**
 * The families of one collection, and the bodies encoded from them. Values of metrics are read when
 * they are encoded, which is after all families have been collected. So a scrape that joins before
 * that sees everything that was counted before it arrived. Custom collectors and functions are
 * called earlier.
 */
export class Collection {
  readonly #families: Promise<MetricFamily[]>;
  readonly #timers: Timers;
  readonly #onPacking: (packing: Promise<unknown>) => void;
  /** The bodies of one chunk, which scrapes share. `null` for larger bodies. */
  readonly #bodies: Map<string, Uint8Array<ArrayBuffer> | null> = new Map();
  readonly #packed: Map<string, Promise<Uint8Array<ArrayBuffer>>> = new Map();
  /** How many bytes may still be passed on in this turn, and the calls that wait for the next. */
  #room = BYTES_PER_TURN;
  #waiting: { size: number; proceed: () => void }[] = [];

  /**
   * Creates a collection.
   *
   * @param families The families.
   * @param timers The clock and the timers.
   * @param onPacking Called with the promise of a compressed body, which scrapes may share.
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
   * Encodes the families, or returns the same bytes as for an earlier scrape with the same
   * spelling. A body of more than one chunk is encoded for each scrape, while the client reads it,
   * because it must never be in memory as a whole.
   *
   * @param spelling How to encode the families.
   * @param ended Called when a body that is a stream has ended, for whatever reason.
   * @returns The body.
   */
  async write(spelling: Spelling, ended: () => void): Promise<Body> {
    const families = await this.#families;
    const { format, escaping, created, encoding } = spelling;
    const key = `${format} ${escaping} ${created}`;
    let body: Body | null | undefined = this.#bodies.get(key);
    if (body === undefined || body === null) {
      // Each scrape of a large body encodes its own first chunks.
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

  /** Waits until so many bytes may be passed on. */
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

/** A collection that scrapes may still join. */
interface Joinable {
  readonly collection: Collection;
  /** When it ends at the latest, in milliseconds of the clock. */
  readonly deadline: number;
}

/**
 * The collections in progress, which scrapes share. A scrape can join a collection until it has all
 * families.
 *
 * A collection for a compressed scrape begins in the next turn of the event loop, and only when no
 * other small body is being compressed. So there is one compressor at a time for any number of
 * scrapes, because a compressor needs more memory than a small body. Other collections begin at
 * once, because a waiting request needs memory too.
 *
 * A scrape joins only a collection that ends within its own time limit and that leaves it at least
 * half of this limit. Otherwise it would miss collectors that are too slow for the other scrapes
 * only.
 */
export class Collections {
  readonly #timers: Timers;
  readonly #joinable: Map<string, Joinable> = new Map();
  #packing: Promise<unknown> | undefined;

  /**
   * Creates an empty set of collections.
   *
   * @param timers The clock and the timers. @default {those of the platform}
   */
  constructor(timers: Timers = SYSTEM_CLOCK) {
    this.#timers = timers;
  }

  /**
   * Joins a collection, or begins a new one.
   *
   * @param view What to collect.
   * @param encoding Whether the scrape is compressed.
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
      // Only its end matters here. Neither the bytes nor an error is kept.
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

  /** Returns the time of a clock that never goes back, in milliseconds. */
  #now(): number {
    return this.#timers.monotonic() * 1000;
  }
}

/**
 * Begins a collection that no other scrape can join.
 *
 * @param view What to collect.
 * @returns The collection.
 */
export function collectAlone(view: View): Collection {
  return new Collection(collect(view), SYSTEM_CLOCK);
}

/** Limits the number of scrapes in progress. */
export class Admission {
  readonly #limit: number;
  #inside = 0;
  /** Notices bodies that were given to a server which neither read nor cancelled them. */
  readonly #lost: FinalizationRegistry<() => void> | undefined;
  readonly #begin: (() => () => void) | undefined;

  /**
   * Begins with no scrape.
   *
   * @param limit How many there may be; `Infinity` for any number.
   * @param begin Called when a scrape is let in. Returns a function that is called when the scrape
   * is over.
   */
  constructor(limit: number, begin?: () => () => void) {
    this.#limit = limit;
    this.#begin = begin;
    const isWatched = limit !== Infinity || begin !== undefined;
    if (isWatched) this.#lost = new FinalizationRegistry((leave) => leave());
  }

  /**
   * Admits a scrape unless the limit is reached.
   *
   * @returns A function to call when the scrape has ended; further calls do nothing. `undefined` if
   * the limit is reached.
   */
  enter(): (() => void) | undefined {
    if (this.#inside >= this.#limit) return undefined;
    this.#inside++;
    const end = this.#begin?.();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#inside--;
      end?.();
    };
  }

  /**
   * Ends a scrape when its body is garbage-collected, if nothing else has ended it before. This
   * helps if a server or a framework drops a response.
   *
   * @param body The body. `leave` must not refer to it.
   * @param leave The function that ends the scrape.
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
  // Without the request's signal: Deno aborts it after a successful response too, with a warning.
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

/** Compresses a body of one chunk. */
async function pack(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(gzip(new Blob([bytes]).stream())).arrayBuffer());
}
