/**
 * Encodes families with the library's protobuf encoder and decodes them with an independent
 * decoder.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { EscapingScheme } from "../../encoding/escaping.ts";
import { encodeProtobuf } from "../../encoding/protobuf.ts";
import type { MetricFamily } from "../../model.ts";
import { decodeFamilies, encodeFamilies, type ProtoFamily } from "./protobuf.ts";

/** Options of the encoder. */
export interface EncodeOptions {
  escaping?: EscapingScheme;
  messageSize?: number;
}

/** Encodes families into one piece. */
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

/** Encodes and decodes families, and asserts that protobufjs would write the same bytes. */
export function roundTrip(families: MetricFamily[], options: EncodeOptions = {}): ProtoFamily[] {
  const bytes = encode(families, options);
  const decoded = decodeFamilies(bytes);
  // Equal bytes prove that there are no unknown fields, and that the fields are in ascending order.
  assert.deepEqual(bytes, Uint8Array.from(encodeFamilies(decoded)));
  return decoded;
}
