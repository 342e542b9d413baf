import { CHUNK_SIZE } from "../encoding/byte_writer.ts";
import type { EscapingScheme } from "../encoding/escaping.ts";
import type { Chunks } from "../encoding/byte_writer.ts";
import { encodeOpenMetrics } from "../encoding/open_metrics.ts";
import { encodeProtobuf } from "../encoding/protobuf.ts";
import { encodeText } from "../encoding/text.ts";
import type { MetricFamily } from "../model.ts";
import { gatherAsync, recheck, type Registry, restrict } from "../registry.ts";
import { type Body, createBody, nextTurn } from "./body.ts";
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
  readonly registry: Registry;
  /** The names that it is restricted to; none for all. */
  readonly names: readonly string[];
  /** In milliseconds. */
  readonly timeoutMs: number;
}

/**
 * The families of one collection, and what was written of them. The numbers of metrics
 * are read when they are written, which is after all families have come: so whoever joins
 * before that sees everything that was counted when it came. Custom collectors and functions
 * have been asked before.
 */
export class Collection {
  readonly #registry: Registry;
  #families: Promise<MetricFamily[]>;
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
   * @param registry The registry that is read, which counts what has to be left out.
   * @param families The families.
   * @param onPacking Is told when something is compressed that several may wait for.
   */
  constructor(
    registry: Registry,
    families: Promise<MetricFamily[]>,
    onPacking: (packing: Promise<unknown>) => void = () => {},
  ) {
    this.#registry = registry;
    this.#families = families;
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
      body = this.#encode(families, spelling, ended);
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
      if (this.#waiting.push({ size, proceed }) === 1) nextTurn(() => this.#proceed());
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
    if (i < waiting.length) nextTurn(() => this.#proceed());
  }

  #encode(families: MetricFamily[], spelling: Spelling, ended: () => void): Body {
    try {
      return createBody(encode(families, spelling), ended);
    } catch {
      // A family has promised to be safe to read and is not. Nothing was sent yet, so there is
      // time to find out which one; all scrapes after this one get the others.
      const checked = recheck(this.#registry, families);
      this.#families = Promise.resolve(checked);
      return createBody(encode(checked, spelling), ended);
    }
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
  readonly #now: () => number;
  readonly #joinable: Map<string, Joinable> = new Map();
  #packing: Promise<unknown> | undefined;

  /**
   * Begins with no collection.
   *
   * @param now A clock that never goes back, in milliseconds.
   */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Joins a collection, or begins one.
   *
   * @param view What is to be collected.
   * @param encoding Whether it will be compressed.
   * @returns The collection.
   */
  join(view: View, encoding: Spelling["encoding"]): Collection {
    const { registry, names, timeoutMs } = view;
    const key = JSON.stringify([...new Set(names)].sort());
    const now = this.#now();
    const found = this.#joinable.get(key);
    if (found !== undefined) {
      const left = found.deadline - now;
      if (left <= timeoutMs && left >= timeoutMs * LEAST_SHARE) return found.collection;
    }
    const deadline = now + timeoutMs;
    const families = encoding === "gzip" ? this.#beginLater(view, deadline) : collect(view);
    const collection = new Collection(registry, families, (packing) => {
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
    await new Promise<void>((resolve) => nextTurn(resolve));
    await this.#packing;
    return await collect({ ...view, timeoutMs: deadline - this.#now() });
  }
}

/**
 * Collects for one scrape alone, at once.
 *
 * @param view What is to be collected.
 * @returns The collection.
 */
export function collectAlone(view: View): Collection {
  return new Collection(view.registry, collect(view));
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

async function collect({ registry, names, timeoutMs }: View): Promise<MetricFamily[]> {
  const families: MetricFamily[] = [];
  const restricted = names.length === 0 ? registry : restrict(registry, names);
  // Not with the request's signal: Deno aborts that after a good answer too, and warns about it.
  for await (const family of gatherAsync(restricted, { timeoutMs })) families.push(family);
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
