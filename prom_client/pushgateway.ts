import { requireBuiltin } from "./builtin.ts";
import type { Registry } from "./registry.ts";
import { defaultRegister, isRegistry } from "./registry_core.ts";
import type { RegistryContentType } from "./types.ts";

/** An answer as `node:http` gives it. */
interface IncomingMessage {
  readonly statusCode?: number;
  setEncoding(encoding: string): void;
  on(event: "data", listener: (chunk: string) => void): void;
  on(event: "end" | "aborted", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
}

/** A request of `node:http`. */
interface ClientRequest {
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "timeout", listener: () => void): void;
  destroy(error: Error): void;
  write(body: string | Uint8Array): void;
  end(): void;
}

/** The part of `node:http` and `node:https` that is used. */
interface Http {
  request(
    url: URL,
    options: Record<string, unknown>,
    callback: (response: IncomingMessage) => void,
  ): ClientRequest;
}

/** The result of a push. */
export interface PushResult {
  /** The answer, as `node:http` gives it. */
  resp?: unknown;
  /** The text of the answer. */
  body?: unknown;
}

/**
 * Pushes metrics to a Pushgateway. Its methods reject if there is no answer, or if the status is
 * 400 or more, and throw if the name of the job is missing.
 *
 * @typeParam T The format of the registry's text.
 */
export class Pushgateway<T extends RegistryContentType = RegistryContentType> {
  /** The registry whose metrics are pushed. */
  readonly registry: Registry<T>;
  /** The address of the Pushgateway. */
  readonly gatewayUrl: string;
  /** Whether a push needs the name of a job. */
  readonly requireJobName: boolean;
  /** Options of `http.request()`. */
  readonly requestOptions: Record<string, unknown>;

  /**
   * Makes a client.
   *
   * @param url The address of the Pushgateway.
   * @param registry The registry whose metrics are pushed.
   */
  constructor(url: string, registry: Registry<T>);
  /**
   * Makes a client.
   *
   * @param url The address of the Pushgateway.
   * @param options Options, and those of `http.request()`.
   * @param registry The registry whose metrics are pushed. @default {register}
   */
  constructor(url: string, options?: Pushgateway.Options | null, registry?: Registry<T>);
  constructor(
    url: string,
    options?: Pushgateway.Options | Registry<T> | null,
    registry?: Registry<T>,
  ) {
    const given = isRegistry(options) ? options : registry;
    // The default registry may write either format.
    this.registry = (given ?? defaultRegister()) as Registry<T>;
    this.gatewayUrl = url;
    // The second argument is either a registry or options.
    const { requireJobName = true, ...requestOptions } =
      (given === options ? {} : options ?? {}) as Pushgateway.Options;
    this.requireJobName = requireJobName;
    this.requestOptions = requestOptions;
  }

  /** Pushes the metrics, and replaces those of the group that have the same names. */
  pushAdd(params: Pushgateway.Parameters): Promise<PushResult> {
    return this.#send("POST", params);
  }

  /** Pushes the metrics, and replaces all those of the group. */
  push(params: Pushgateway.Parameters): Promise<PushResult> {
    return this.#send("PUT", params);
  }

  /** Deletes all metrics of the group. */
  delete(params: Pushgateway.Parameters): Promise<PushResult> {
    return this.#send("DELETE", params);
  }

  /** Throws at once if the name of the job is missing, as prom-client does. */
  #send(method: string, params: Partial<Pushgateway.Parameters> = {}): Promise<PushResult> {
    if (this.requireJobName && !params.jobName) throw new Error("Missing jobName parameter");
    return this.#request(method, urlOf(this.gatewayUrl, params));
  }

  async #request(method: string, url: URL): Promise<PushResult> {
    const doing = "Cannot push metrics";
    const module = url.protocol === "https:" ? "node:https" : "node:http";
    const http = requireBuiltin<Http>(module, doing);
    const headers = { ...this.requestOptions.headers as Record<string, string> | undefined };
    let body: string | Uint8Array | undefined;
    if (method === "DELETE") {
      delete headers["Content-Encoding"];
    } else {
      body = await this.registry.metrics();
      if (headers["Content-Encoding"] === "gzip") {
        const { gzipSync } = requireBuiltin<{ gzipSync(text: string): Uint8Array }>(
          "node:zlib",
          doing,
        );
        body = gzipSync(body);
      }
    }
    const options = { ...this.requestOptions, headers, method };
    return await new Promise((resolve, reject) => {
      const request = http.request(url, options, (resp) => {
        let text = "";
        resp.setEncoding("utf8");
        resp.on("data", (chunk) => text += chunk);
        resp.on("error", reject);
        resp.on("end", () => {
          const { statusCode = 0 } = resp;
          if (statusCode < 400) resolve({ resp, body: text });
          else reject(new Error(`push failed with status ${statusCode}, ${text}`));
        });
      });
      request.on("error", reject);
      request.on("timeout", () => request.destroy(new Error("Pushgateway request timed out")));
      if (body !== undefined) request.write(body);
      request.end();
    });
  }
}

/** The types that go with {@linkcode Pushgateway}. */
export declare namespace Pushgateway {
  /** Options of a client, and those of `http.request()`. */
  interface Options {
    /** Whether a push needs the name of a job. @default {true} */
    requireJobName?: boolean;
    /** Options of `http.request()`. */
    [key: string]: unknown;
  }

  /** A group of metrics. */
  interface Parameters {
    /** The name of the job. */
    jobName: string;
    /** More labels of the group. */
    groupings?: {
      [key: string]: string;
    };
  }
}

/** The address of a group. */
function urlOf(gatewayUrl: string, { jobName, groupings }: Partial<Pushgateway.Parameters>): URL {
  const url = new URL(gatewayUrl);
  const path = url.pathname === "/" ? "" : url.pathname;
  const parts = jobName ? [["job", jobName], ...Object.entries(groupings ?? {})] : [];
  const group = parts.map((part) => `/${part.map((text) => encodeURIComponent(text)).join("/")}`)
    .join("");
  url.pathname = `${path}/metrics${group}`;
  return url;
}
