import type { SeriesTracker } from "../../encoding/write_request.ts";

/** A series of a snapshot. */
interface NotedSeries {
  readonly isNative: boolean;
  /** Its own timestamp, if it has one. */
  readonly timestampMs: number | undefined;
}

/** Almost all series have no timestamp. They share these two objects. */
const CLASSIC: NotedSeries = { isNative: false, timestampMs: undefined };
const NATIVE: NotedSeries = { isNative: true, timestampMs: undefined };

/**
 * Remembers which series were sent last. So vanished series can be marked as stale, and a sample
 * with its own timestamp is sent once.
 *
 * Holds the labels of each series of the last snapshot, and of the one that is being taken.
 */
export class SeriesMemory implements SeriesTracker {
  /** The series of the last snapshot and of the present one, by the bytes of their labels. */
  #before: Map<string, NotedSeries> = new Map();
  #now: Map<string, NotedSeries> = new Map();
  /** Whether the next snapshot has to send everything, and whether this one does. */
  #resend = false;
  #resending = false;

  /** Begins a snapshot. Forgets an unfinished one. */
  begin(): void {
    this.#now = new Map();
    this.#resending ||= this.#resend;
    this.#resend = false;
  }

  note(
    bytes: Uint8Array,
    from: number,
    to: number,
    isNative: boolean,
    timestampMs: number | undefined,
  ): boolean {
    const key = toKey(bytes.subarray(from, to));
    if (this.#now.has(key)) return false;
    if (timestampMs === undefined) {
      this.#now.set(key, isNative ? NATIVE : CLASSIC);
      return true;
    }
    const sentMs = this.#resending ? undefined : this.#before.get(key)?.timestampMs;
    // A sample that is older than the last one is out of order: the series stays where it is.
    const isOld = sentMs !== undefined && timestampMs <= sentMs;
    this.#now.set(key, { isNative, timestampMs: isOld ? sentMs : timestampMs });
    return !isOld;
  }

  *vanished(): Generator<{ labels: Uint8Array; isNative: boolean }> {
    for (const [key, { isNative, timestampMs }] of this.#before) {
      // Only the collector knows how long a sample with its own timestamp is valid.
      if (timestampMs !== undefined || this.#now.has(key)) continue;
      yield { labels: toBytes(key), isNative };
    }
  }

  /** Ends a snapshot. The next one is compared with it. */
  end(): void {
    this.#before = this.#now;
    this.#now = new Map();
    this.#resending = false;
  }

  /** Makes the next snapshot send samples with timestamps again, because some were dropped. */
  resend(): void {
    this.#resend = true;
  }
}

/** How many arguments a call may have on every runtime, by a wide margin. */
const MAX_ARGUMENTS = 8192;

/** Returns a string that has a character for each byte. */
function toKey(bytes: Uint8Array): string {
  let key = "";
  for (let at = 0; at < bytes.length; at += MAX_ARGUMENTS) {
    const part = bytes.subarray(at, at + MAX_ARGUMENTS);
    // apply() accepts any array-like object, unlike its type.
    key += String.fromCharCode.apply(null, part as unknown as number[]);
  }
  return key;
}

/** Returns the bytes of a key. */
function toBytes(key: string): Uint8Array {
  return Uint8Array.from(key, (character) => character.charCodeAt(0));
}
