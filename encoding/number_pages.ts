import type { NumberColumn, NumberMetric } from "../model.ts";
import { ByteWriter, type Chunks } from "./byte_writer.ts";
import type { SeriesName, SeriesWriter } from "./series_writer.ts";

/** How many lines a page has. */
const PAGE_LINES = 512;

/** Families with fewer lines are not kept: to write these anew takes less than to look after them. */
const MIN_LINES = 16;

/** How long a page can be at most, in bytes: longer ones are written and not kept. */
const MAX_PAGE_SIZE = 262_144;

/**
 * How much text a scrape may keep for the next, in bytes: that of some 200,000 lines.
 * More lines than that are written anew each time.
 */
export const MAX_KEPT = 2 ** 24;

const SPACE = 32;
const LINE_FEED = 10;

/** The pages of a column, and what their lines have in common. */
interface Book {
  readonly commonText: string;
  readonly pages: Page[];
}

/** The pages that were written before. They go when their column does. */
const books = new WeakMap<NumberColumn, Book>();

/** Where numbers are spelled before it is known whether they fit in the place of those before. */
const speller = new ByteWriter();

/**
 * Writes the lines of a column. They are kept as pages, which stay what they are but for
 * the numbers that have changed since: a scrape copies most of its bytes.
 *
 * @param writer Where to.
 * @param series The name of the series.
 * @param column The numbers.
 * @returns Chunks, whenever there is enough for one.
 */
export function* encodeNumbers(
  writer: SeriesWriter,
  series: SeriesName,
  column: NumberColumn,
): Chunks {
  // Those that come while this goes on are for the next scrape.
  const total = column.children.length;
  const pages = total < MIN_LINES ? [] : openBook(writer, series, column).pages;
  for (let first = 0; first < total; first += PAGE_LINES) {
    const end = Math.min(first + PAGE_LINES, total);
    const number = first / PAGE_LINES;
    let next = first;
    if (total >= MIN_LINES && writer.kept < MAX_KEPT) {
      const page = pages[number] ??= new Page();
      next = page.write(writer, series, column, first, end);
      writer.kept += page.size;
    } else {
      pages.length = Math.min(pages.length, number);
    }
    for (; next < end; next++) {
      const metric = column.children[next];
      if (metric !== undefined) writer.sample(series, metric, column.numbers[next]!);
      if (writer.isFull) yield writer.take();
    }
    if (writer.isFull) yield writer.take();
  }
}

function openBook(writer: SeriesWriter, series: SeriesName, column: NumberColumn): Book {
  const labelNames = column.children.find((metric) => metric !== undefined)?.labelNames ?? [];
  const commonText = writer.commonText(series, labelNames);
  let book = books.get(column);
  if (book?.commonText !== commonText) {
    book = { commonText, pages: [] };
    books.set(column, book);
  }
  return book;
}

/** Lines as they were written last. */
class Page {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** The length of each line; 0 where there is none. */
  #lengths: Uint32Array = new Uint32Array(0);
  /** The number of each line. */
  #numbers: Float64Array = new Float64Array(0);
  /** Whether the lines are too long to be kept. */
  #tooLong = false;

  /** How many bytes are kept. */
  get size(): number {
    return this.#bytes.length;
  }

  /**
   * Brings the page up to date and writes it. What has another length than before, is new, or
   * is gone, breaks the page: what stands before it is copied up to there, and what comes
   * next takes its place. A number of the length of the one before is changed where it is.
   *
   * @returns The first line that is not written: `end`, unless the page is too long.
   */
  write(
    writer: SeriesWriter,
    series: SeriesName,
    { children, numbers }: NumberColumn,
    first: number,
    end: number,
  ): number {
    if (this.#tooLong) return first;
    this.#reserve(end - first);
    const { out } = writer;
    const bytes = this.#bytes;
    const lengths = this.#lengths;
    const written = this.#numbers;
    const start = out.length;
    let isBroken = false;
    let copied = 0; // Up to where the page is in the output.
    let at = 0; // Where the line in hand begins.
    for (let slot = first; slot < end; slot++) {
      const line = slot - first;
      const length = lengths[line]!;
      const number = numbers[slot]!;
      if (number === written[line] && length > 0) {
        at += length;
        continue;
      }
      const metric = children[slot];
      if (length === 0) {
        if (metric === undefined) continue;
        out.copy(bytes, copied, at);
        copied = at;
        const from = out.length;
        writer.sample(series, metric, number);
        lengths[line] = out.length - from;
        written[line] = number;
        isBroken = true;
        if (out.length - start > MAX_PAGE_SIZE) {
          this.#forget();
          return slot + 1;
        }
      } else if (metric === undefined) {
        out.copy(bytes, copied, at);
        copied = at + length;
        lengths[line] = 0;
        isBroken = true;
      } else {
        written[line] = number;
        // The number ends before the line feed, and nothing in it is a space.
        const to = at + length - 1;
        let from = to;
        while (bytes[from - 1] !== SPACE) from--;
        speller.length = 0;
        speller.number(number);
        if (speller.length === to - from) {
          for (let i = 0; i < speller.length; i++) bytes[from + i] = speller.bytes[i]!;
        } else {
          out.copy(bytes, copied, from);
          out.copy(speller.bytes, 0, speller.length);
          out.byte(LINE_FEED);
          copied = at + length;
          lengths[line] = length + speller.length - (to - from);
          isBroken = true;
        }
      }
      at += length;
    }
    out.copy(bytes, copied, at);
    if (isBroken) {
      // What another scrape knew behind the end, which came since this one began, is not kept.
      lengths.fill(0, end - first);
      this.#keep(out.bytes.subarray(start, out.length));
    }
    return end;
  }

  #keep(text: Uint8Array): void {
    // With some room for numbers to grow.
    const size = text.length + (text.length >> 5);
    if (text.length > this.#bytes.length) this.#bytes = new Uint8Array(size);
    this.#bytes.set(text);
  }

  #forget(): void {
    this.#tooLong = true;
    this.#bytes = new Uint8Array(0);
    this.#lengths = new Uint32Array(0);
    this.#numbers = new Float64Array(0);
  }

  #reserve(lines: number): void {
    if (lines <= this.#lengths.length) return;
    const capacity = Math.min(lines + (lines >> 2), PAGE_LINES);
    const lengths = new Uint32Array(capacity);
    lengths.set(this.#lengths);
    this.#lengths = lengths;
    const numbers = new Float64Array(capacity);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }
}

/** The column of a family's metrics, if they have one. */
export function numberColumn(metrics: Iterable<NumberMetric>): NumberColumn | undefined {
  return (metrics as { numberColumn?: NumberColumn }).numberColumn;
}
