import type { LabelValue } from "../../mod.ts";
import { checkLabelName, checkLabelObject, checkShape, toLabelText } from "../../model.ts";
import { type BasicAuth, credentialsOf, toBase64 } from "../requests/headers.ts";

/** A group of Pushgateway. */
export interface Group {
  /** The URL of the group, without credentials. */
  readonly url: string;
  /** The credentials in the URL of the gateway, if any. */
  readonly credentials: BasicAuth | undefined;
  /** The labels that the gateway adds to all series of the group, with `job`. */
  readonly labelNames: ReadonlySet<string>;
}

/** Values that are not allowed in a path: with slashes, or segments that a URL parser removes. */
const UNSAFE_IN_PATH_REGEXP = /\/|^\.{1,2}$/;

/**
 * Returns the group of a job and a grouping key.
 *
 * See {@link https://github.com/prometheus/pushgateway#url | Pushgateway's documentation}.
 *
 * @param gateway The URL of the gateway.
 * @param job The job.
 * @param groupingKey The other labels of the group.
 * @param doing The failing action, as in `Cannot push to Pushgateway`.
 * @returns The group.
 * @throws {TypeError} If an argument is invalid.
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
  // Labels are sorted, so that a group has the same URL for every order of labels.
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
    // In an invalid URL the place of a password is unknown, so most of it is hidden.
    const shown = text.replace(/^[^]*@/, "…@").replace(/[?#][^]*$/, "?…").slice(0, 100);
    checkShape(false, doing, "url must begin with http:// or https://", shown);
  }
  if (address.search !== "" || address.hash !== "") {
    throw new TypeError(`${doing}: url must have neither a query nor a fragment`);
  }
  return address;
}

/** Returns a label as two segments of a path. */
function toPath(name: string, value: string): string {
  if (value === "") return `${name}@base64/=`;
  if (UNSAFE_IN_PATH_REGEXP.test(value)) return `${name}@base64/${toBase64Url(value)}`;
  return `${name}/${encodeURIComponent(value)}`;
}

/**
 * Returns UTF-8 as {@link https://www.rfc-editor.org/rfc/rfc4648#section-5 | base64url}, unpadded.
 */
function toBase64Url(text: string): string {
  return toBase64(text).replaceAll("+", "-").replaceAll("/", "_").replace(/(?<!=)=+$/, "");
}
