import type { LabelValue } from "../../mod.ts";
import { checkLabelName, checkLabelObject, checkShape, toLabelText } from "../../model.ts";
import { type BasicAuth, credentialsOf, toBase64 } from "../requests/headers.ts";

/** What a group of Pushgateway is addressed by. */
export interface Group {
  /** The address of the group, without credentials. */
  readonly url: string;
  /** The credentials that the gateway's address had, if any. */
  readonly credentials: BasicAuth | undefined;
  /** The labels that the gateway gives to all series of the group, `job` included. */
  readonly labelNames: ReadonlySet<string>;
}

/** What a path cannot carry: slashes, and segments that a URL parser removes. */
const UNSAFE_IN_PATH_REGEXP = /\/|^\.{1,2}$/;

/**
 * Finds the address of a group.
 *
 * See {@link https://github.com/prometheus/pushgateway#url | Pushgateway's documentation}.
 *
 * @param gateway The address of the gateway.
 * @param job The job.
 * @param groupingKey The other labels of the group.
 * @param doing What is being done, as in `Cannot push to Pushgateway`.
 * @returns The group.
 * @throws {TypeError} If a part is not legal.
 */
export function createGroup(
  gateway: string | URL,
  job: string,
  groupingKey: Readonly<Record<string, LabelValue>>,
  doing: string,
): Group {
  const address = parseAddress(gateway, doing);
  const isJob = typeof job === "string" && job !== "";
  checkShape(isJob, doing, "job must be a string, and not empty", job);
  checkLabelObject(groupingKey, doing, "groupingKey");
  // The same group has the same address, in whatever order its labels are given.
  const names = Object.keys(groupingKey).sort();
  const path = names.map((name) => {
    if (name === "job") {
      throw new TypeError(`${doing}: groupingKey must not have "job", which is an option`);
    }
    checkLabelName(name, "legacy", `${doing}: groupingKey`);
    return `/${toPath(name, toLabelText(groupingKey[name]!, name, `${doing}: groupingKey`))}`;
  });
  const prefix = address.pathname.replace(/(?<!\/)\/+$/, "");
  return {
    url: `${address.origin}${prefix}/metrics/${toPath("job", job.toWellFormed())}${path.join("")}`,
    credentials: credentialsOf(address, doing),
    labelNames: new Set(["job", ...names]),
  };
}

function parseAddress(gateway: string | URL, doing: string): URL {
  const text = String(gateway);
  const address = URL.canParse(text) ? new URL(text) : undefined;
  if (address?.protocol !== "http:" && address?.protocol !== "https:") {
    // Where an address ends and a password begins is not known of what is no address.
    const shown = text.replace(/^[^]*@/, "…@").replace(/[?#][^]*$/, "?…").slice(0, 100);
    checkShape(false, doing, "url must begin with http:// or https://", shown);
  }
  if (address.search !== "" || address.hash !== "") {
    throw new TypeError(`${doing}: url must have neither a query nor a fragment`);
  }
  return address;
}

/** A label as two segments of a path. */
function toPath(name: string, value: string): string {
  if (value === "") return `${name}@base64/=`;
  if (UNSAFE_IN_PATH_REGEXP.test(value)) return `${name}@base64/${toBase64Url(value)}`;
  return `${name}/${encodeURIComponent(value)}`;
}

/** UTF-8 as {@link https://www.rfc-editor.org/rfc/rfc4648#section-5 | base64url}, not padded. */
function toBase64Url(text: string): string {
  return toBase64(text).replaceAll("+", "-").replaceAll("/", "_").replace(/(?<!=)=+$/, "");
}
