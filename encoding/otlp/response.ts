/** What the answer to a request says. */
export interface OtlpResponse {
  /** How many data points were not taken. */
  readonly rejected: number;
  /** Why, or a warning; `""` for none. */
  readonly message: string;
}

/**
 * Reads the body of a success, an `ExportMetricsServiceResponse`. A body that is none says nothing:
 * the status is what counts.
 *
 * @param bytes The body.
 * @param isJson Whether it is JSON, else protobuf.
 * @returns What it says.
 */
export function readResponse(bytes: Uint8Array, isJson: boolean): OtlpResponse {
  const nothing = { rejected: 0, message: "" };
  try {
    if (!isJson) {
      const partial = fieldsOf(bytes).get(1);
      if (!(partial instanceof Uint8Array)) return nothing;
      const fields = fieldsOf(partial);
      return { rejected: numberOf(fields.get(1)), message: textOf(fields.get(2)) };
    }
    const { partialSuccess } = JSON.parse(decode(bytes)) as {
      partialSuccess?: { rejectedDataPoints?: unknown; errorMessage?: unknown } | null;
    };
    const { rejectedDataPoints = 0, errorMessage = "" } = partialSuccess ?? {};
    const rejected = Number(rejectedDataPoints);
    return {
      rejected: Number.isFinite(rejected) && rejected > 0 ? rejected : 0,
      message: typeof errorMessage === "string" ? errorMessage : "",
    };
  } catch {
    return nothing;
  }
}

/**
 * Reads the body of a refusal, a `google.rpc.Status`.
 *
 * @param bytes The body.
 * @param isJson Whether it is JSON, else protobuf.
 * @returns Its message; undefined if the body is something else.
 */
export function readStatusMessage(bytes: Uint8Array, isJson: boolean): string | undefined {
  try {
    if (!isJson) {
      const message = textOf(fieldsOf(bytes).get(2));
      return message === "" ? undefined : message;
    }
    const { message } = JSON.parse(decode(bytes)) as { message?: unknown };
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}

type Field = bigint | Uint8Array;

/** The last value of each field of a message. Throws if the bytes are no message. */
function fieldsOf(bytes: Uint8Array): Map<number, Field> {
  const fields = new Map<number, Field>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new SyntaxError("Cannot read message: it breaks off");
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    if (wire === 0) {
      fields.set(tag >>> 3, BigInt.asIntN(64, varint()));
      continue;
    }
    const length = wire === 2 ? Number(varint()) : wire === 1 ? 8 : wire === 5 ? 4 : Infinity;
    if (at + length > bytes.length) throw new SyntaxError("Cannot read message: it breaks off");
    fields.set(tag >>> 3, bytes.subarray(at, at += length));
  }
  return fields;
}

function numberOf(field: Field | undefined): number {
  return typeof field === "bigint" && field > 0n ? Number(field) : 0;
}

function textOf(field: Field | undefined): string {
  return field instanceof Uint8Array ? decode(field) : "";
}

/** A text that is not UTF-8 must not hide how many data points were not taken. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
