/**
 * How many turns of the microtask queue a body that is whole may take to say so. It takes at most
 * six of them; waiting longer would only delay streams.
 */
const TURNS = 8;

/** Matches how Bun shows a body that is no stream: `Blob (5 bytes)`, `FileRef ("a.txt")`. */
const BUN_WHOLE_REGEXP = /^ {2}\w+ \(/m;

/** Matches what Deno's `fetch()` decodes; what is encoded otherwise, or twice, it hands out as it is. */
const DECODED_REGEXP = /^(?:gzip|br)$/i;

/** How a body ended: with an error, because its reader left, or well. */
export type BodyEnd = { readonly error: unknown } | "aborted" | "whole";

/** Is called once, when a body is over. The size is in bytes, `undefined` if it cannot be known. */
export type WhenOver = (size: number | undefined, end: BodyEnd) => void;

/** The part of Bun that is used here. */
interface BunRuntime {
  inspect(value: unknown): string;
  peek(promise: Promise<Blob>): Promise<Blob> | Blob;
}

/**
 * Watches the body of a response without holding it back.
 *
 * A body that is whole already is told from a stream, since a stream in the place of a text would
 * lose its `Content-Length` and the fast way that runtimes have for it. No Web API tells the two
 * apart, so what the body brings at once is read ahead; what is over by then was whole, or is now.
 * On Bun, to read a body changes its type, so there Bun is asked.
 *
 * @param response The response.
 * @param whenOver Called when the body was sent, has failed, or was cancelled.
 * @returns The response to send in its place.
 */
export function watchBody(
  response: Response,
  whenOver: WhenOver,
): Response | Promise<Response> {
  const size = sizeOnBun(response);
  if (size !== undefined) {
    whenOver(size, "whole");
    return response;
  }
  const { body } = response;
  if (body === null || body.locked || response.bodyUsed) {
    // Whoever sends a body that is used will say so.
    whenOver(body === null ? 0 : undefined, "whole");
    return response;
  }
  return readAhead(response, body, whenOver);
}

/** The size of a body that is whole, where Bun tells. */
function sizeOnBun(response: Response): number | undefined {
  const { Bun } = globalThis as { Bun?: BunRuntime };
  if (Bun === undefined || response.bodyUsed) return undefined;
  if (!BUN_WHOLE_REGEXP.test(Bun.inspect(response))) return undefined;
  // A copy shares the bytes, and a file's contents are not read.
  const blob = Bun.peek(response.clone().blob());
  return blob instanceof Blob ? blob.size : undefined;
}

async function readAhead(
  response: Response,
  body: ReadableStream<Uint8Array>,
  whenOver: WhenOver,
): Promise<Response> {
  const watched = new WatchedBody(body, whenOver);
  const bytes = await watched.readAhead();
  if (bytes === undefined) {
    return copyWith(new ReadableStream(watched, { highWaterMark: 0 }), response);
  }
  whenOver(bytes.length, "whole");
  return copyWith(bytes, response);
}

/** The response with another body. */
function copyWith(body: BodyInit, response: Response): Response {
  const copy = new Response(body, response);
  // Deno's fetch() decodes these bodies and leaves the headers as they came; its server takes them
  // out again, but only of what fetch() itself has made.
  if (
    "Deno" in globalThis && response.url !== "" &&
    DECODED_REGEXP.test(copy.headers.get("content-encoding") ?? "")
  ) {
    copy.headers.delete("content-encoding");
    copy.headers.delete("content-length");
  }
  return copy;
}

/** A body on its way through. */
class WatchedBody implements UnderlyingDefaultSource<Uint8Array> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  #whenOver: WhenOver | undefined;
  /** What was read ahead. */
  #ahead: Uint8Array[] = [];
  /** The read that is under way. */
  #next: Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>> | undefined;
  #size = 0;

  constructor(body: ReadableStream<Uint8Array>, whenOver: WhenOver) {
    // No body of a response is in memory that is shared.
    this.#reader = (body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
    this.#whenOver = whenOver;
  }

  /** The whole body, if it is there at once and in one piece. */
  async readAhead(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    let whole: Uint8Array<ArrayBuffer> = new Uint8Array();
    for (let pieces = 0; pieces < 2; pieces++) {
      let result: ReadableStreamReadResult<Uint8Array<ArrayBuffer>> | undefined;
      const next = this.#reader.read();
      next.then((read) => result = read, () => {});
      for (let turn = 0; turn < TURNS && result === undefined; turn++) await undefined;
      if (result === undefined) {
        this.#next = next;
        break;
      }
      if (result.done) return whole;
      this.#ahead.push(result.value);
      // What is not bytes is for the runtime to refuse.
      if (pieces > 0 || !(result.value instanceof Uint8Array)) break;
      whole = result.value;
    }
    return undefined;
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const value = this.#ahead.shift() ?? await this.#read();
      if (value === undefined) {
        this.#over("whole");
        controller.close();
        return;
      }
      this.#size += sizeOf(value);
      controller.enqueue(value);
    } catch (error) {
      this.#over({ error });
      controller.error(error);
    }
  }

  async cancel(reason: unknown): Promise<void> {
    this.#over("aborted");
    await this.#reader.cancel(reason);
  }

  async #read(): Promise<Uint8Array | undefined> {
    const next = this.#next ?? this.#reader.read();
    this.#next = undefined;
    const { done, value } = await next;
    return done ? undefined : value;
  }

  #over(end: BodyEnd): void {
    const whenOver = this.#whenOver;
    this.#whenOver = undefined;
    whenOver?.(this.#size, end);
  }
}

/** The size of a piece; some runtimes take texts too. */
function sizeOf(piece: unknown): number {
  if (typeof piece === "string") return new TextEncoder().encode(piece).length;
  return ArrayBuffer.isView(piece) || piece instanceof ArrayBuffer ? piece.byteLength : 0;
}
