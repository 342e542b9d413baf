import { ProtoWriter } from "../proto_writer.ts";
import { type Kind, REQUEST, type Schema } from "./schema.ts";

/** A value of a message. */
export type Value = string | number | bigint | boolean | Message | readonly Value[] | undefined;

/** A message: its fields by the names that they have in JSON. */
export interface Message {
  readonly [name: string]: Value;
}

/**
 * Encodes a request as protobuf.
 *
 * @param request The request.
 * @returns The bytes.
 */
export function encodeAsProtobuf(request: Message): Uint8Array<ArrayBuffer> {
  const proto = new ProtoWriter();
  writeFields(proto, REQUEST, request);
  // Without the rest of the buffer, because requests may be kept for long.
  return proto.out.take().slice();
}

/**
 * Encodes a request as JSON, as OTLP spells it: names in lower camel case, 64-bit integers as
 * strings, ids in hexadecimal, enums as numbers.
 *
 * See https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 *
 * @param request The request.
 * @returns The bytes.
 */
export function encodeAsJson(request: Message): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(toJson(REQUEST, request)));
}

function writeFields(proto: ProtoWriter, schema: Schema, message: Message): void {
  for (const [name, value] of Object.entries(message)) {
    if (value === undefined) continue;
    const { number, kind, repeated } = schema[name]!;
    // The type of a repeated field is an array, which the schema says.
    if (repeated) {
      for (const item of value as readonly Value[]) writeOne(proto, number, kind, item);
    } else writeOne(proto, number, kind, value);
  }
}

function writeOne(proto: ProtoWriter, field: number, kind: Kind | Schema, value: Value): void {
  if (typeof kind === "object") {
    const start = proto.begin(field);
    // Its schema is that of a message.
    writeFields(proto, kind, value as Message);
    return proto.end(start);
  }
  // The kind says which type the value has.
  switch (kind) {
    case "string":
      return proto.string(field, value as string);
    case "double":
      return proto.double(field, value as number);
    case "bool":
      return proto.unsigned(field, value ? 1 : 0);
    case "enum":
    case "uint64":
      return proto.unsigned(field, value as number);
    case "sint32":
      return proto.zigzag(field, value as number);
    case "fixed64":
      return proto.fixed64(field, BigInt(value as number | bigint));
    case "hex": {
      const start = proto.begin(field);
      const text = value as string;
      for (let i = 0; i < text.length; i += 2) proto.out.byte(parseInt(text.slice(i, i + 2), 16));
      return proto.end(start);
    }
  }
}

function toJson(schema: Schema, message: Message): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(message)) {
    if (value === undefined) continue;
    const { kind, repeated } = schema[name]!;
    // The type of a repeated field is an array, which the schema says.
    json[name] = repeated
      ? (value as readonly Value[]).map((item) => toJsonValue(kind, item))
      : toJsonValue(kind, value);
  }
  return json;
}

function toJsonValue(kind: Kind | Schema, value: Value): unknown {
  // Its schema is that of a message.
  if (typeof kind === "object") return toJson(kind, value as Message);
  if (kind === "fixed64" || kind === "uint64") return String(value);
  // JSON has no other spelling for them, and protobuf's JSON has these.
  return kind === "double" && !Number.isFinite(value) ? String(value) : value;
}
