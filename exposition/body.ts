import { SYSTEM_CLOCK, type Timers } from "../time/clock.ts";
import { nextTurn, Slices } from "../time/turn.ts";

/** How long an encoder may hold the event loop at a time, in milliseconds. */
const TURN_MS = 4;

/** What a response can be made of. */
export type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;

/**
 * Creates a response body from the chunks of an encoder. A body of one chunk is that chunk. A longer
 * one is a stream: a chunk is made when the client asks for it, the event loop gets a turn every few
 * milliseconds, and nothing more is made once the client has left. An error after the first chunk
 * is an error of the stream, which does not end, because a scrape that ends early looks complete.
 *
 * @param chunks The chunks. The first is made at once.
 * @param ended Called when no more chunks will be made of a body that is a stream: after the last
 * one, after an error, or when the client has left.
 * @param timers Where time and turns come from. @default {the platform}
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
  // Two chunks are made already, which was work enough for one turn.
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
