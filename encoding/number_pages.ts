import type { Metric, NumberColumn } from "../model.ts";
import { ByteWriter, type Chunks } from "./byte_writer.ts";
import type { SeriesName, SeriesWriter } from "./series_writer.ts";

/** The number of lines of a page. */
const PAGE_LINES = 512;

/** Smaller families are not kept, because writing their lines again is cheaper. */
const MIN_LINES = 16;

/** The maximum size of a page, in bytes. A longer page is written, but not kept. */
const MAX_PAGE_SIZE = 262_144;

/**
 * The maximum size of the text that a scrape keeps for the next one, in bytes. It is enough for
 * about 200,000 lines. Further lines are written again at each scrape.
 */
const MAX_KEPT = 2 ** 24;

const SPACE = 32;
const LINE_FEED = 10;

/** The pages of a column, and the text that their lines share. */
interface Book {
  readonly commonText: string;
  readonly pages: Page[];
}

/** The pages that were written before. They are garbage-collected with their column. */
const books = new WeakMap<NumberColumn, Book>();

/** Spells a number before it is known whether it fits in the place of the old one. */
const speller = new ByteWriter();

/**
 * Writes the lines of a column. They are kept as pages. The next scrape copies the pages, and
 * writes only the numbers that have changed.
 *
 * @param writer The writer of the lines.
 * @param series The name of the series.
 * @param column The numbers.
 * @returns The chunks that become complete meanwhile.
 */
export function* encodeNumbers(
  writer: SeriesWriter,
  series: SeriesName,
  column: NumberColumn,
): Chunks {
  // Metrics that are added during this scrape are left to the next one.
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

/** Lines as the last scrape wrote them. */
class Page {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** The length of each line. 0 if there is no line. */
  #lengths: Uint32Array = new Uint32Array(0);
  /** The number of each line. */
  #numbers: Float64Array = new Float64Array(0);
  /** Whether the lines are too long to be kept. */
  #tooLong = false;

  /** The number of bytes that are kept. */
  get size(): number {
    return this.#bytes.length;
  }

  /**
   * Updates the page and writes it. A number with the same length as before is changed in place. A
   * line that is new, removed, or of another length breaks the page: the text before it is copied
   * to the output, and copying continues after it.
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
    let copied = 0; // The end of the text that is in the output.
    let at = 0; // The beginning of the present line.
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
        // The number ends before the line feed, and has no space in it.
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
      // Lines after the end, which another scrape has added since, are not kept.
      lengths.fill(0, end - first);
      this.#keep(out.bytes.subarray(start, out.length));
    }
    return end;
  }

  #keep(text: Uint8Array): void {
    // Some space is left for longer numbers.
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

/** Returns the column of a family's metrics, if they have one. */
export function numberColumn(metrics: Iterable<Metric>): NumberColumn | undefined {
  return (metrics as { numberColumn?: NumberColumn }).numberColumn;
}
