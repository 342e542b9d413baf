import { escapeLabelName } from "../../encoding/escaping.ts";
import { encodeProtobuf } from "../../encoding/protobuf.ts";
import { encodeText } from "../../encoding/text.ts";
import { gatherAsync, type Gatherer, MetricFamily } from "../../mod.ts";
import { reservedLabelName } from "../../model.ts";

/** The formats that Pushgateway reads. */
export type PushFormat = "protobuf" | "text";

/** Gateways before 1.10 only know names in the classic alphabet. */
const ESCAPING = "underscores";

/** Options of {@linkcode createPushBody}. */
export interface PushBodyOptions {
  /** The labels that the gateway adds to all series. */
  readonly groupLabelNames: ReadonlySet<string>;
  readonly format: PushFormat;
  readonly compress: boolean;
  readonly signal: AbortSignal;
  /** The time limit for asynchronous collectors, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Reads a registry and encodes it for Pushgateway.
 *
 * @param registry The registry.
 * @param options The format, the labels of the group, and limits.
 * @param doing The failing action, as in `Cannot push to Pushgateway`.
 * @returns The bytes to send.
 * @throws {TypeError} If a family has timestamps, or a label of the group.
 */
export async function createPushBody(
  registry: Gatherer,
  options: PushBodyOptions,
  doing: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const { groupLabelNames, format, compress, signal, timeoutMs } = options;
  const families: MetricFamily[] = [];
  for await (const family of gatherAsync(registry, { signal, timeoutMs })) families.push(family);
  for (const family of families) checkFamily(family, groupLabelNames, doing);
  const chunks = format === "text"
    ? encodeText(families, ESCAPING)
    : encodeProtobuf(families.map(toKnownType), ESCAPING);
  const body = new Blob([...chunks]);
  return new Uint8Array(await (compress ? gzip(body) : body.arrayBuffer()));
}

function checkFamily(
  family: MetricFamily,
  groupLabelNames: ReadonlySet<string>,
  doing: string,
): void {
  const { name, type } = family;
  const check = (label: string): void => {
    const spelled = escapeLabelName(label, ESCAPING);
    if (!groupLabelNames.has(spelled)) return;
    throw new TypeError(
      `${doing}: metric family "${name}" must not have the label "${spelled}", ` +
        `which is ${spelled === "job" ? "the job" : "in groupingKey"}`,
    );
  };
  const reserved = reservedLabelName(type, name);
  if (reserved !== undefined) check(reserved);
  /** The last array of names. Most metrics of a family share it. */
  let checked: readonly string[] | undefined;
  for (const { labelNames, timestamp } of family.metrics) {
    if (timestamp !== undefined) {
      throw new TypeError(
        `${doing}: metric family "${name}" must not have timestamps: received ${timestamp}`,
      );
    }
    if (labelNames === checked) continue;
    labelNames.forEach(check);
    checked = labelNames;
  }
}

/**
 * Returns a gaugehistogram as a histogram, as in format 0.0.4. Pushgateway 1.5 accepts a
 * gaugehistogram, but then fails to write it as text.
 */
function toKnownType(family: MetricFamily): MetricFamily {
  if (family.type !== "gaugehistogram") return family;
  const { name, help, unit, metrics, nameValidation } = family;
  return new MetricFamily(name, help, "histogram", { unit, metrics, nameValidation });
}

function gzip(body: Blob): Promise<ArrayBuffer> {
  return new Response(body.stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
}
