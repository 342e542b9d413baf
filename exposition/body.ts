import { SYSTEM_CLOCK, type Timers } from "../time/clock.ts";
import { nextTurn, Slices } from "../time/turn.ts";

/** How long an encoder may block the event loop at a time, in milliseconds. */
const TURN_MS = 4;

/** The body of a response. */
export type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;

/**
 * Creates a response body from the chunks of an encoder. A body of one chunk is that chunk. A
 * longer body is a stream:
 *
 * - A chunk is encoded when the client asks for it. None is encoded after the client has left.
 * - The event loop gets a turn every few milliseconds.
 * - An error after the first chunk is an error of the stream. The stream does not close, because a
 *   scrape that ends early looks complete.
 *
 * @param chunks The chunks. The first is encoded at once.
 * @param ended Called when a stream will encode no more chunks: after the last one, after an error,
 * or when the client has left.
 * @param timers The clock and the timers. @default {those of the platform}
 * @returns The body.
 */
export function createBody(
  chunks: Iterator<Uint8Array<ArrayBuffer>, void>,
  ended: () => void = () => {},
  timers: Timers = SYSTEM_CLOCK,
): Body {
  let next = chunks.next();
  const first = next.done ? new Uint8Array(0) : next.value;
  if (!next.done) next = chunks.next();
  if (next.done) return first;
  // Two chunks are encoded already, which is enough work for one turn.
  const ready = [first, next.value];
  let slices: Slices | undefined;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const made = ready.shift();
      if (made !== undefined) return controller.enqueue(made);
      if (slices === undefined) {
        await nextTurn(timers);
        slices = new Slices(TURN_MS, timers);
      } else if (slices.isOver) {
        await slices.pause();
      }
      try {
        const result = chunks.next();
        if (!result.done) return controller.enqueue(result.value);
      } catch (error) {
        ended();
        throw error;
      }
      ended();
      controller.close();
    },
    cancel() {
      ended();
      chunks.return?.();
    },
  }, { highWaterMark: 0 });
}
