import assert from "node:assert/strict";
import { test } from "node:test";
import { ProtoWriter } from "../../encoding/proto_writer.ts";
import { decodeNumbers, type ProtoNumbers } from "../support/protobuf.ts";

const WRITER: { write: (writer: ProtoWriter) => void; expected: ProtoNumbers; size: number }[] = [
  ...([
    [0, 1],
    [1, 1],
    [127, 1],
    [128, 2],
    [16_383, 2],
    [16_384, 3],
    [2 ** 31, 5],
    [2 ** 32 - 1, 5],
    [2 ** 32, 5],
    [2 ** 35 - 1, 5],
    [2 ** 35, 6],
    [2 ** 53 - 1, 8],
  ] as const).map(([value, size]) => ({
    write: (writer: ProtoWriter) => writer.unsigned(1, value),
    expected: { unsigned: [String(value)] },
    size,
  })),
  ...([
    [0, 1],
    [127, 1],
    [128, 2],
    [2 ** 53 - 1, 8],
    [-1, 10],
    [-128, 10],
    [-(2 ** 32), 10],
    [-(2 ** 53 - 1), 10],
  ] as const).map(([value, size]) => ({
    write: (writer: ProtoWriter) => writer.signed(2, value),
    expected: { signed: [String(value)] },
    size,
  })),
  ...([
    [0, 1],
    [-1, 1],
    [1, 1],
    [63, 1],
    [-64, 1],
    [64, 2],
    [-65, 2],
    [2 ** 31, 5],
    [-(2 ** 31), 5],
    [2 ** 52, 8],
    [-(2 ** 52), 8],
    [-(2 ** 52) - 1, 8],
    [2 ** 53 - 1, 8],
    [-(2 ** 53 - 1), 8],
  ] as const).map(([value, size]) => ({
    write: (writer: ProtoWriter) => writer.zigzag(3, value),
    expected: { zigzag: [String(value)] },
    size,
  })),
  ...[0, -0, 1.5, -Number.MIN_VALUE, Number.MAX_VALUE, Infinity, -Infinity, NaN].map((value) => ({
    write: (writer: ProtoWriter) => writer.double(4, value),
    expected: { double: [value] },
    size: 8,
  })),
  ...["", "a", "é", "x".repeat(127)].map((text) => ({
    write: (writer: ProtoWriter) => writer.string(5, text),
    expected: { string: [text] },
    size: 1 + new TextEncoder().encode(text).length,
  })),
];
test("ProtoWriter writes numbers and strings in the minimum number of bytes", () => {
  for (const { write, expected, size } of WRITER) {
    const writer = new ProtoWriter();
    write(writer);
    const bytes = writer.out.take();
    assert.deepEqual(decodeNumbers(bytes), expected);
    assert.equal(bytes.length, 1 + size, JSON.stringify(expected));
  }
});

test("ProtoWriter moves a message whose length needs more bytes, and keeps the bytes around it", () => {
  for (const length of [0, 123, 124, 125, 126, 127, 16_379, 16_380, 16_381, 16_384, 2_097_152]) {
    const text = "x".repeat(length);
    const writer = new ProtoWriter();
    writer.unsigned(1, 300);
    const outer = writer.begin(6);
    const inner = writer.begin(6);
    writer.string(5, text);
    writer.end(inner);
    writer.signed(2, -7);
    writer.end(outer);
    writer.zigzag(3, -300);
    assert.deepEqual(decodeNumbers(writer.out.take()), {
      unsigned: ["300"],
      zigzag: ["-300"],
      message: [{ signed: ["-7"], message: [{ string: [text] }] }],
    });
  }
});
