/**
 * Compresses a stream while its reader reads it. `pipeThrough(new CompressionStream("gzip"))` does
 * not pause on every runtime: on Node.js, the compressor reads the whole source, so a client that
 * stalls would put a whole scrape into memory. Here, the source is read only while the reader waits
 * and the compressor has taken all earlier chunks.
 *
 * An error of the source is an error of the stream. Cancelling the stream cancels the source.
 *
 * @param source The stream.
 * @returns The stream in {@link https://www.rfc-editor.org/rfc/rfc1952 | gzip} format.
 */
export function gzip(
  source: ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { readable, writable } = new CompressionStream("gzip");
  const input = source.getReader();
  const writer = writable.getWriter();
  const output = readable.getReader();
  /** Settles once the compressor has taken the last chunk. */
  let written: Promise<void> = Promise.resolve();
  let ended = false;

  /** Cancels all three. Ignores errors, because each may have failed before. */
  async function abandon(reason: unknown): Promise<void> {
    await Promise.allSettled([input.cancel(reason), writer.abort(reason), output.cancel(reason)]);
  }

  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const arriving = output.read();
        // A compressor may need many chunks before it returns one.
        let arrived = await Promise.race([arriving, written]);
        while (arrived === undefined && !ended) {
          const { done, value } = await input.read();
          ended = done;
          written = done ? writer.close() : writer.write(value);
          arrived = await Promise.race([arriving, written]);
        }
        const { done, value } = arrived ?? await arriving;
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        // Not awaited: the reader gets the error at once.
        abandon(error);
        throw error;
      }
    },
    cancel: abandon,
  }, { highWaterMark: 0 });
}
