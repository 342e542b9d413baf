import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { gzip } from "../../exposition/gzip.ts";
import { assertHeard } from "../support/rejections.ts";

const CHUNK_SIZE = 65_536;

/** A stream that counts its chunks. Noise cannot be compressed. */
class Source {
  made = 0;
  cancelled: unknown = undefined;
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;

  constructor(chunks: number, { noise = true, failsAtEnd = false } = {}) {
    let seed = 1;
    this.stream = new ReadableStream({
      pull: (controller) => {
        if (this.made === chunks) {
          if (failsAtEnd) throw new Error("broken");
          return controller.close();
        }
        this.made++;
        const chunk = new Uint8Array(CHUNK_SIZE);
        for (let i = 0; i < CHUNK_SIZE && noise; i++) {
          seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
          chunk[i] = seed >>> 24;
        }
        controller.enqueue(chunk);
      },
      cancel: (reason) => {
        this.cancelled = reason;
      },
    }, { highWaterMark: 0 });
  }
}

function unpack(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> {
  return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).bytes();
}

/**
 * Compresses many chunks of another stream. Meanwhile, a stream that does not wait for its reader
 * reads many chunks, on any machine.
 */
async function compressElsewhere(): Promise<void> {
  const compressed = new Source(50).stream.pipeThrough(new CompressionStream("gzip"));
  await new Response(compressed).bytes();
}

for (const [what, chunks, noise] of [["noise", 100, true], ["zeros", 2000, false]] as const) {
  test(`gzip() of many chunks of ${what} decompresses to the same bytes`, async () => {
    const expected = await new Response(new Source(chunks, { noise }).stream).bytes();
    const unpacked = await unpack(gzip(new Source(chunks, { noise }).stream));
    assert.equal(Buffer.compare(unpacked, expected), 0);
  });
}

test("gzip() of an empty stream decompresses to no bytes", async () => {
  assert.deepEqual(await unpack(gzip(new Source(0).stream)), new Uint8Array(0));
});

test("gzip() does not read its source before it is read", async () => {
  const source = new Source(10);
  const stream = gzip(source.stream);
  await compressElsewhere();
  assert.equal(source.made, 0);
  await stream.cancel();
});

test("gzip() reads only a few chunks more than its reader needs", async () => {
  const source = new Source(2000);
  const reader = gzip(source.stream).getReader();
  await reader.read();
  await compressElsewhere();
  assert.ok(source.made <= 4, `${source.made} chunks for one`);
  let length = 0;
  while (length < 100 * CHUNK_SIZE) length += (await reader.read()).value!.length;
  await compressElsewhere();
  assert.ok(source.made <= 110, `${source.made} chunks for 100`);
  await reader.cancel();
});

test("a cancelled gzip() cancels its source and reads no more", async () => {
  for (const reads of [0, 1, 5]) {
    const source = new Source(2000);
    const reader = gzip(source.stream).getReader();
    for (let i = 0; i < reads; i++) await reader.read();
    const { made } = source;
    await reader.cancel("enough");
    assert.equal(source.cancelled, "enough");
    await compressElsewhere();
    assert.equal(source.made, made);
  }
});

test("gzip() can be cancelled during a read", async () => {
  const source = new Source(2000, { noise: false });
  const reader = gzip(source.stream).getReader();
  await reader.read(); // On some runtimes this is only the header.
  const reading = reader.read();
  await reader.cancel("enough");
  assert.equal((await reading).done, true);
  assert.equal(source.cancelled, "enough");
});

for (const chunks of [0, 1, 30]) {
  test(`gzip() fails and does not close if its source fails after ${chunks} chunks`, async () => {
    await assertHeard(async () => {
      const reader = gzip(new Source(chunks, { failsAtEnd: true }).stream).getReader();
      await assert.rejects(async () => {
        while (!(await reader.read()).done);
      }, { message: "broken" });
      await assert.rejects(reader.read(), { message: "broken" });
      await compressElsewhere();
    });
  });
}
