import type { Failure } from "./recorder.ts";
import { LEFT } from "./recorder.ts";

/** Called once, when a body has ended, with its size in bytes. */
export type WhenSent = (size: number, failure: Failure | undefined) => void;

/**
 * Puts a stream that counts bytes in the place of a response's body. Runtimes cannot know its
 * length, so `Content-Length` goes.
 *
 * @param response The response, which is used up.
 * @param whenSent Called when the body was sent, has failed, or was cancelled.
 * @returns The response to send in its place. It is the same one if there is no body to count.
 */
export function countBody(response: Response, whenSent: WhenSent): Response {
  // Before the body: when that is read, Bun forgets the type of a form, which has its boundary.
  const headers = headersOf(response);
  const { body, status, statusText } = response;
  if (body === null) {
    whenSent(0, undefined);
    return response;
  }
  // A server will refuse a body that is in use.
  if (body.locked || response.bodyUsed) return response;
  const stream = new ReadableStream(new CountedBody(body, whenSent), { highWaterMark: 0 });
  return new Response(stream, { status, statusText, headers });
}

/** Matches what Deno's `fetch()` decodes. */
const DECODED_REGEXP = /^(?:gzip|br)$/i;

/**
 * The headers of a copy. Deno's `fetch()` decodes a body and leaves the headers as they came. Its
 * server takes them out again, but only of the response that `fetch()` has made.
 */
function headersOf({ url, headers }: Response): Headers {
  const isDecoded = "Deno" in globalThis && url !== "" &&
    DECODED_REGEXP.test(headers.get("content-encoding") ?? "");
  if (!isDecoded) return headers;
  const copy = new Headers(headers);
  copy.delete("content-encoding");
  copy.delete("content-length");
  return copy;
}

/** A body on its way through. It is read only as far as its reader asks. */
class CountedBody implements UnderlyingDefaultSource<Uint8Array> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #whenSent: WhenSent | undefined;
  #size = 0;

  constructor(body: ReadableStream<Uint8Array>, whenSent: WhenSent) {
    this.#reader = body.getReader();
    this.#whenSent = whenSent;
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const { done, value } = await this.#reader.read();
      if (done) {
        this.#end(undefined);
        controller.close();
        return;
      }
      this.#size += sizeOf(value);
      controller.enqueue(value);
    } catch (error) {
      this.#end({ error });
      controller.error(error);
    }
  }

  async cancel(reason: unknown): Promise<void> {
    this.#end(LEFT);
    await this.#reader.cancel(reason);
  }

  #end(failure: Failure | undefined): void {
    const whenSent = this.#whenSent;
    this.#whenSent = undefined;
    whenSent?.(this.#size, failure);
  }
}

/** The size of a piece. Some runtimes take texts too. */
function sizeOf(piece: unknown): number {
  if (typeof piece === "string") return new TextEncoder().encode(piece).length;
  return ArrayBuffer.isView(piece) || piece instanceof ArrayBuffer ? piece.byteLength : 0;
}
