import type { NumberColumn, NumberMetric } from "../model.ts";
import { ByteWriter, CHUNK_SIZE } from "./byte_writer.ts";
import type { Chunks } from "./lines.ts";
import type { SeriesName, SeriesWriter } from "./series_writer.ts";

/** From which size on a page takes no more lines, in bytes: that of a chunk. */
const PAGE_SIZE = CHUNK_SIZE;

/** From which size on a page is a chunk by itself: to join it with others would take a copy. */
const OWN_CHUNK_SIZE = CHUNK_SIZE / 4;

/** Families with fewer lines are not kept: to write these anew takes less than to look after them. */
const MIN_LINES = 16;

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
  /** The pages in their order. Only the last can take more lines. */
  readonly pages: Page[];
}

/** The pages that were written before. They go when their column does. */
const books = new WeakMap<NumberColumn, Book>();

/** Where numbers are spelled before it is known whether they fit in the place of those before. */
const speller = new ByteWriter();

/**
 * Writes the lines of a column. They are kept as pages, which stay what they are but for
 * the numbers that have changed since: a scrape hands out copies of them.
 *
 * Other scrapes may go over the same pages whenever this one waits for its reader.
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
  const { out } = writer;
  // Those that come while this goes on are for the next scrape.
  const total = column.children.length;
  const pages = total < MIN_LINES ? [] : openBook(writer, series, column).pages;
  let next = 0;
  for (let number = 0; next < total && total >= MIN_LINES; number++) {
    if (writer.kept >= MAX_KEPT) {
      pages.length = Math.min(pages.length, number);
      break;
    }
    if (number === pages.length) pages.push(new Page(next));
    const page = pages[number];
    // Another scrape has thrown pages away, or has let the one before this take more lines.
    if (page?.first !== next) break;
    const isLast = number === pages.length - 1;
    const chunk = page.write(writer, series, column, isLast ? total : 0);
    next = page.end;
    writer.kept += page.size;
    if (chunk !== undefined) {
      if (out.length > 0) yield writer.take();
      yield chunk;
    } else if (writer.isFull) yield writer.take();
  }
  for (; next < total; next++) {
    const metric = column.children[next];
    if (metric !== undefined) writer.sample(series, metric, column.numbers[next]!);
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

/** Lines as they were written last: those of the places from the first up to the end. */
class Page {
  readonly first: number;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** How many of the bytes are lines. */
  #length = 0;
  #lines = 0;
  /** The length of each line; 0 where there is none. */
  #lengths: Uint32Array = new Uint32Array(0);
  /** The number of each line. */
  #numbers: Float64Array = new Float64Array(0);

  constructor(first: number) {
    this.first = first;
  }

  /** The place behind the last line. */
  get end(): number {
    return this.first + this.#lines;
  }

  /** How many bytes are kept. */
  get size(): number {
    return this.#bytes.length;
  }

  /**
   * Brings the page up to date and writes it. What has another length than before, is new, or
   * is gone, breaks the page: what stands before it is copied up to there, and what comes
   * next takes its place. A number of the length of the one before is changed where it is.
   *
   * @param limit Up to which place the page may take more lines.
   * @returns A copy to hand on, if the page is not broken and large; else it is in the output.
   */
  write(
    writer: SeriesWriter,
    series: SeriesName,
    { children, numbers }: NumberColumn,
    limit: number,
  ): Uint8Array<ArrayBuffer> | undefined {
    const { out } = writer;
    const { first } = this;
    const bytes = this.#bytes;
    const known = this.#lines;
    const lengths = this.#lengths;
    const written = this.#numbers;
    const start = out.length;
    let isBroken = false;
    let copied = 0; // Up to where the page is in the output.
    let at = 0; // Where the line `reached` begins.
    let reached = 0;
    for (
      let line = findChange(written, 0, known, numbers, first);
      line < known;
      line = findChange(written, line + 1, known, numbers, first)
    ) {
      const metric = children[first + line];
      const length = lengths[line]!;
      // It is gone, and its place stays empty. The column has NaN there, which equals nothing.
      if (length === 0) continue;
      // Most lines are as they were: where they are matters only once one is not.
      for (; reached < line; reached++) at += lengths[reached]!;
      const end = at + length;
      if (metric === undefined) {
        out.copy(bytes, copied, at);
        copied = end;
        lengths[line] = 0;
        isBroken = true;
      } else {
        const number = numbers[first + line]!;
        written[line] = number;
        // The number ends before the line feed, and nothing in it is a space.
        const to = end - 1;
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
          copied = end;
          lengths[line] = length + speller.length - (to - from);
          isBroken = true;
        }
      }
      at = end;
      reached = line + 1;
    }
    const grows = this.#length < PAGE_SIZE && this.end < limit;
    if (!isBroken && !grows && this.#length >= OWN_CHUNK_SIZE) return bytes.slice(0, this.#length);
    out.copy(bytes, copied, this.#length);
    if (grows) {
      while (out.length - start < PAGE_SIZE && this.end < limit) {
        const place = this.end;
        const metric = children[place];
        const from = out.length;
        if (metric !== undefined) writer.sample(series, metric, numbers[place]!);
        this.#append(out.length - from, numbers[place]!);
      }
      if (out.length - start >= PAGE_SIZE) this.#close();
    }
    if (isBroken || grows) this.#keep(out.bytes.subarray(start, out.length));
    return undefined;
  }

  #keep(text: Uint8Array): void {
    // With some room for numbers to grow.
    const size = text.length + (text.length >> 5);
    if (text.length > this.#bytes.length) this.#bytes = new Uint8Array(size);
    this.#bytes.set(text);
    this.#length = text.length;
  }

  #append(length: number, number: number): void {
    const line = this.#lines++;
    if (line === this.#lengths.length) {
      const capacity = line + (line >> 2) + MIN_LINES;
      this.#lengths = resize(new Uint32Array(capacity), this.#lengths);
      this.#numbers = resize(new Float64Array(capacity), this.#numbers);
    }
    this.#lengths[line] = length;
    this.#numbers[line] = number;
  }

  /** Gives back the room for lines that will not come. */
  #close(): void {
    this.#lengths = this.#lengths.slice(0, this.#lines);
    this.#numbers = this.#numbers.slice(0, this.#lines);
  }
}

/** The first line from some line on, and before the end, whose number is not what was written. */
function findChange(
  written: Float64Array,
  from: number,
  end: number,
  numbers: Float64Array,
  first: number,
): number {
  let line = from;
  while (line < end && written[line] === numbers[first + line]) line++;
  return line;
}

function resize<T extends Float64Array | Uint32Array>(larger: T, array: T): T {
  larger.set(array);
  return larger;
}

/** The column of a family's metrics, if they have one. */
export function numberColumn(metrics: Iterable<NumberMetric>): NumberColumn | undefined {
  return (metrics as { numberColumn?: NumberColumn }).numberColumn;
}
