/**
 * The protobuf encoder of the library, with what a decoder that shares nothing with it reads.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { EscapingScheme } from "../../encoding/escaping.ts";
import { encodeProtobuf } from "../../encoding/protobuf.ts";
import type { MetricFamily } from "../../model.ts";
import { decodeFamilies, encodeFamilies, type ProtoFamily } from "./protobuf.ts";

/** How to encode. */
export interface EncodeOptions {
  escaping?: EscapingScheme;
  messageSize?: number;
}

/** The chunks of some families as one piece. */
export function encode(families: MetricFamily[], options: EncodeOptions = {}): Uint8Array {
  const { escaping = "underscores", messageSize } = options;
  return concatenate([...encodeProtobuf(families, escaping, messageSize)]);
}

function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** What a decoder reads of some families, whose bytes are also those that protobufjs would write. */
export function roundTrip(families: MetricFamily[], options: EncodeOptions = {}): ProtoFamily[] {
  const bytes = encode(families, options);
  const decoded = decodeFamilies(bytes);
  // So there are no unknown fields, and the known ones are in ascending order.
  assert.deepEqual(bytes, Uint8Array.from(encodeFamilies(decoded)));
  return decoded;
}
