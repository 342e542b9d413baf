import fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "node:test";
import { compressSnappy } from "../../bridges/remote_write/snappy.ts";
import { uncompressSnappy } from "../support/remote_write.ts";

function roundTrip(bytes: Uint8Array): Uint8Array {
  const compressed = compressSnappy(bytes);
  assert.deepEqual(uncompressSnappy(compressed), bytes);
  assert.ok(compressed.length <= bytes.length + 10 + bytes.length / 6);
  assert.equal(compressed.buffer.byteLength, compressed.length, "no larger buffer is kept");
  return compressed;
}

/** Returns pseudorandom bytes of a linear congruential generator, the same for each call. */
function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => (state = Math.imul(state, 1664525) + 1013904223) >>> 24);
}

test("compressSnappy() writes all forms of the format description", () => {
  const text = (value: string) => new TextEncoder().encode(value);
  assert.deepEqual([...compressSnappy(new Uint8Array())], [0]);
  assert.deepEqual([...compressSnappy(text("a"))], [1, 0, 97]);
  // A copy of six bytes from six bytes before uses the form of two bytes.
  assert.deepEqual([...compressSnappy(text("abcdefabcdef"))].slice(-2), [1 | 2 << 2, 6]);
  // 61 literals need one more byte for their length.
  assert.deepEqual([...compressSnappy(noise(61))].slice(0, 3), [61, 60 << 2, 60]);
});

test("compressSnappy() preserves any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
    roundTrip(bytes);
  }));
});

test("compressSnappy() preserves bytes that repeat at any distance and length", () => {
  const part = fc.tuple(
    fc.uint8Array({ minLength: 1, maxLength: 200 }),
    fc.integer({ min: 1, max: 400 }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const bytes = parts.flatMap(([bytes, times]) => Array(times).fill([...bytes]).flat());
      roundTrip(Uint8Array.from(bytes));
    }),
    { numRuns: 50 },
  );
});

test("compressSnappy() writes offsets of at most two bytes", () => {
  for (const distance of [2047, 2048, 65_534, 65_535, 65_536, 70_000]) {
    const bytes = noise(distance + 500);
    bytes.copyWithin(distance, 0, 500);
    roundTrip(bytes);
  }
});

test("compressSnappy() compresses large inputs", () => {
  const million = roundTrip(new Uint8Array(1_000_000));
  assert.ok(million.length < 50_000);
  const random = noise(1_000_000);
  assert.ok(roundTrip(random).length < random.length + 100);
  for (const length of [59, 60, 61, 255, 256, 257, 65_535, 65_536, 65_537]) {
    roundTrip(noise(length));
  }
});
