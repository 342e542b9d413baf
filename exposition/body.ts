/** How long an encoder may go on without giving the event loop a turn, in milliseconds. */
const TURN_MS = 4;

/**
 * The quickest way to the next turn of the event loop, once it was needed: Deno loads Node's timers
 * at the first look at `setImmediate`, which takes longer than importing this library.
 */
let schedule: Schedule | undefined;

type Schedule = (callback: () => void) => unknown;

/**
 * Calls back in the next turn of the event loop.
 *
 * @param callback What to call.
 */
export function nextTurn(callback: () => void): void {
  // Not a Web standard, but where it exists it does not wait for a timer.
  schedule ??= (globalThis as { setImmediate?: Schedule }).setImmediate ??
    ((callback) => setTimeout(callback, 0));
  schedule(callback);
}

/** What a response can be made of. */
export type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;

/**
 * Makes a response body of the chunks of an encoder. A body of one chunk is that
 * chunk. A longer one is a stream: a chunk is made when the client asks for it,
 * the event loop gets a turn every few milliseconds, and nothing more is made once
 * the client has left. An error behind the first chunk is an error of the stream,
 * which does not end, since a scrape that ends early would be taken for a whole one.
 *
 * @param chunks The chunks; the first is made at once.
 * @param ended Is called when no more will be made of a body that is a stream: because that
 * was all, because there was an error, or because the client has left.
 * @returns The body.
 */
export function createBody(
  chunks: Iterator<Uint8Array<ArrayBuffer>, void>,
  ended: () => void = () => {},
): Body {
  let next = chunks.next();
  const first = next.done ? new Uint8Array(0) : next.value;
  if (!next.done) next = chunks.next();
  if (next.done) return first;
  // Two chunks are made already, which was work enough for one turn.
  let turnEnd = 0;
  const ready = [first, next.value];
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const made = ready.shift();
      if (made !== undefined) return controller.enqueue(made);
      if (performance.now() >= turnEnd) {
        await new Promise<void>((resolve) => nextTurn(resolve));
        turnEnd = performance.now() + TURN_MS;
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
