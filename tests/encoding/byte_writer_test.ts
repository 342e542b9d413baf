import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter, escapeText, Piece } from "../../encoding/byte_writer.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Each way to write, and its output. */
const WAYS: Record<string, { write: (out: ByteWriter) => void; text: string }> = {
  "a byte": { write: (out) => out.byte(120), text: "x" },
  "a piece": { write: (out) => out.piece(new Piece("12345")), text: "12345" },
  "a piece of whole words": { write: (out) => out.piece(new Piece("12345678")), text: "12345678" },
  "a copy": { write: (out) => out.copy(encoder.encode("abcdef"), 1, 5), text: "bcde" },
  "nothing": { write: (out) => out.copy(encoder.encode("abc"), 2, 2), text: "" },
  "a text": { write: (out) => out.text("word"), text: "word" },
  "a text of three bytes per character": { write: (out) => out.text("温度"), text: "温度" },
  "a text with an end that needs more": { write: (out) => out.text("to 🔥"), text: "to 🔥" },
  "a text without escapes": { write: (out) => out.escaped("word", true), text: "word" },
  "a text with escapes": {
    write: (out) => out.escaped('a\\b\n"c" é', true),
    text: 'a\\\\b\\n\\"c\\" é',
  },
  "a number": { write: (out) => out.number(999_999_999), text: "999999999" },
  "a large number": { write: (out) => out.number(1e9 + 1), text: "1000000001" },
};

/** Creates a writer with room for this number of bytes before it needs another buffer. */
function almostFull(room: number): { out: ByteWriter; before: number } {
  const out = new ByteWriter();
  out.byte(46);
  const before = out.bytes.length - room;
  out.copy(new Uint8Array(before).fill(46), 1, before);
  return { out, before };
}

for (const [what, { write, text }] of Object.entries(WAYS)) {
  test(`${what} is complete wherever the buffer ends`, () => {
    const { out, before } = almostFull(0);
    const full = out.take();
    for (let room = 0; room <= 20; room++) {
      out.copy(full, 0, before - room);
      write(out);
      assert.equal(out.length, before - room + encoder.encode(text).length, `room for ${room}`);
      out.byte(33);
      assert.equal(decoder.decode(out.take().subarray(before - room - 2)), `..${text}!`);
    }
  });
}

test("repeat() repeats text wherever the buffer ends", () => {
  const { out, before } = almostFull(0);
  const full = out.take();
  for (const length of [0, 1, 4, 5, 13]) {
    for (let room = 20; room <= 32; room++) {
      out.copy(full, 0, before - room);
      const from = out.length;
      out.text("0123456789abc");
      out.repeat(from, from + length);
      out.byte(33);
      assert.equal(
        decoder.decode(out.take().subarray(from)),
        `0123456789abc${"0123456789abc".slice(0, length)}!`,
      );
    }
  }
});

/** Checks copies of a character after texts of several lengths. */
function checkCopies(out: ByteWriter, character: string): void {
  for (let before = 0; before < 8; before++) {
    const text = "x".repeat(before) + character;
    out.piece(new Piece(text));
    const length = out.length;
    out.repeat(0, length);
    out.repeat(0, length);
    assert.equal(decoder.decode(out.take()), text.repeat(3));
  }
}

test("every character is copied unchanged at every alignment", () => {
  const out = new ByteWriter();
  const first = [0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x10000, 0x3ffff, 0x40000, 0x10ffff];
  for (const code of first) {
    const character = String.fromCodePoint(code);
    // Such bytes are the most similar to a NaN: 0x7F next to the greatest bytes of UTF-8.
    for (const next of ["", "\x7f", "\x7f".repeat(9), character, `${character}\x7f`]) {
      checkCopies(out, character + next);
      checkCopies(out, next + character);
    }
  }
  // All characters, in pieces of many lengths.
  const all = Array.from({ length: 0x110000 }, (_, code) => String.fromCodePoint(code)).join("")
    .toWellFormed();
  for (let at = 0, size = 1; at < all.length; at += size, size = size % 4093 + 1) {
    const text = all.slice(at, at + size).toWellFormed();
    out.piece(new Piece(text));
    const { length } = out;
    out.repeat(0, length);
    assert.equal(decoder.decode(out.take()), text + text);
  }
});

test("bytes of an earlier text after the end do not change a copy", () => {
  const out = new ByteWriter();
  for (let length = 0; length <= 16; length++) {
    for (let left = 0; left <= 8; left++) {
      const text = "0123456789abcdef".slice(0, length);
      out.text(text);
      // Bytes of a NaN at every place after the end.
      out.reserve(32);
      out.bytes.fill(0x7f, length, length + 32);
      for (let at = length + left; at < length + 32; at += 2) out.bytes[at] = 0xf4;
      out.repeat(0, length);
      // The copied words end after the text, and contain some of these bytes.
      const words = length + Math.ceil(length / 8) * 8;
      const rest = out.bytes.subarray(2 * length, words);
      assert(rest.every((byte) => byte < 0x7f), `${length} bytes before ${rest}`);
      assert.equal(decoder.decode(out.take()), text + text);
    }
  }
});

test("whole numbers are written with all digits", () => {
  const out = new ByteWriter();
  for (let digits = 1; digits <= 12; digits++) {
    const least = 10 ** (digits - 1);
    // Zeros in the middle and at the end.
    const sparse = [least + 10 ** (digits >> 1), 7 * least, 10 ** digits - 1000];
    const numbers = [least, least + 1, 10 ** digits - 1, -least, least + 0.5, ...sparse];
    for (const number of [0, -0, ...numbers]) {
      out.number(number);
      assert.equal(decoder.decode(out.take()), String(number));
    }
  }
});

test("all whole numbers of up to five digits, and many others, are written correctly", () => {
  const out = new ByteWriter();
  const numbers = Array.from({ length: 100_000 }, (_, number) => number);
  for (let number = 100_000; number < 2 ** 31; number = number * 1.001 + 7) {
    numbers.push(Math.floor(number));
  }
  for (const number of numbers) {
    out.number(number);
    out.byte(10);
  }
  assert.equal(decoder.decode(out.take()), `${numbers.join("\n")}\n`);
});

test("every character is written unchanged or escaped", () => {
  const out = new ByteWriter();
  const characters = Array.from({ length: 0x300 }, (_, code) => String.fromCharCode(code));
  for (const character of [...characters, "\uffff", "🔥"]) {
    out.text(character);
    assert.equal(decoder.decode(out.take()), character);
    for (const quotes of [true, false]) {
      const escapes: Record<string, string> = { "\\": "\\\\", "\n": "\\n" };
      if (quotes) escapes['"'] = '\\"';
      const escaped = escapes[character] ?? character;
      out.escaped(character, quotes);
      assert.equal(decoder.decode(out.take()), escaped);
      assert.equal(escapeText(character, quotes), escaped);
    }
  }
});

test("a chunk does not change after take()", () => {
  const out = new ByteWriter();
  out.text("first");
  const first = out.take();
  assert.equal(out.length, 0);
  out.text("other");
  assert.equal(decoder.decode(first), "first");
  assert.equal(decoder.decode(out.take()), "other");
  assert.equal(out.take().length, 0);
});

test("the buffer grows to the requested size, and at least doubles", () => {
  const out = new ByteWriter();
  out.byte(46);
  const { length } = out.bytes;
  out.reserve(length - 1);
  assert.equal(out.bytes.length, length);
  out.reserve(length);
  assert.equal(out.bytes.length, 2 * length);
  out.reserve(5 * length);
  assert.equal(out.bytes.length, 5 * length + 1);
  assert.equal(decoder.decode(out.take()), ".");
});

test("lines() writes the same bytes as its parts one by one", () => {
  const pieces = ["", "x", '="é"} ', "a longer piece 🔥 of a line "].map((text) => new Piece(text));
  const numbers = [0, 7, 99.5, 123_456_789, -1, NaN, Infinity, 1e21];
  const ends: (((line: number) => string) | undefined)[] = [undefined, (line) => ` # ${line}`];
  for (const beginning of ["", "m", 'name{ä="温度",', "beginning ".repeat(40)]) {
    for (const end of ends) {
      // Wherever the buffer ends.
      for (let room = 0; room < 160; room += 3) {
        const values = numbers.map((_, i) => numbers[(i + room) % numbers.length]!);
        const ordered = values.map((_, i) => pieces[(i * room) % pieces.length]!);
        const { out, before } = almostFull(room);
        const from = out.length;
        out.text(beginning);
        out.lines(from, ordered, values, end && ((line) => out.text(end(line))));
        const expected = new ByteWriter();
        for (const [i, value] of values.entries()) {
          expected.text(beginning);
          expected.piece(ordered[i]!);
          expected.number(value);
          if (end !== undefined) expected.text(end(i));
          expected.byte(10);
        }
        assert.equal(
          decoder.decode(out.take().subarray(before)),
          decoder.decode(expected.take()),
        );
      }
    }
  }
});
