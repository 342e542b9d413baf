import type { LabelValue } from "../../mod.ts";
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

const LABEL_NAME_REGEXP = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

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
  if (typeof job !== "string" || job === "") {
    throw new TypeError(
      `${doing}: job must be a string, not empty: received ${
        job as unknown === "" ? '""' : String(job)
      }`,
    );
  }
  if (typeof groupingKey !== "object" || groupingKey === null || Array.isArray(groupingKey)) {
    throw new TypeError(`${doing}: groupingKey must be an object: received ${String(groupingKey)}`);
  }
  // The same group has the same address, in whatever order its labels are given.
  const names = Object.keys(groupingKey).sort();
  const path = names.map((name) => {
    if (name === "job") {
      throw new TypeError(`${doing}: groupingKey must not have "job", which is an option`);
    }
    if (!LABEL_NAME_REGEXP.test(name)) {
      throw new TypeError(
        `${doing}: labels of groupingKey must match [a-zA-Z_][a-zA-Z0-9_]* and not begin ` +
          `with "__": received ${JSON.stringify(name)}`,
      );
    }
    const value: unknown = groupingKey[name];
    if (!["string", "number", "boolean"].includes(typeof value)) {
      throw new TypeError(
        `${doing}: value of label "${name}" must be a string, a number or a boolean: ` +
          `received ${String(value)}`,
      );
    }
    return `/${toPath(name, String(value))}`;
  });
  const prefix = address.pathname.replace(/(?<!\/)\/+$/, "");
  return {
    url: `${address.origin}${prefix}/metrics/${toPath("job", job)}${path.join("")}`,
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
    throw new TypeError(
      `${doing}: url must begin with http:// or https://: received ${JSON.stringify(shown)}`,
    );
  }
  if (address.search !== "" || address.hash !== "") {
    throw new TypeError(`${doing}: url must have neither a query nor a fragment`);
  }
  return address;
}

/** A label as two segments of a path. */
function toPath(name: string, value: string): string {
  // One label, one spelling, as everywhere in this library: see toLabelText() of the model.
  const text = value.toWellFormed();
  if (text === "") return `${name}@base64/=`;
  if (UNSAFE_IN_PATH_REGEXP.test(text)) return `${name}@base64/${toBase64Url(text)}`;
  return `${name}/${encodeURIComponent(text)}`;
}

/** UTF-8 as {@link https://www.rfc-editor.org/rfc/rfc4648#section-5 | base64url}, not padded. */
function toBase64Url(text: string): string {
  return toBase64(text).replaceAll("+", "-").replaceAll("/", "_").replace(/(?<!=)=+$/, "");
}
