/** The members of a `URLPattern` that are used here. */
export interface UrlPattern {
  /** The pattern of the host; `*` for any. */
  readonly hostname: string;
  /** The pattern of the path. */
  readonly pathname: string;
  /**
   * Tests whether a URL matches.
   *
   * @param url The URL.
   * @returns Whether it does.
   */
  test(url: string): boolean;
}

/** A path as `URLPattern` spells it, such as `/users/:id`, or a whole `URLPattern`. */
export type RoutePattern = string | UrlPattern;

/**
 * A path of literal text and of parameters that are a segment each, at its end maybe `*`. Its
 * characters are those that a `URLPattern` takes literally, and writes as they are.
 */
const SIMPLE_REGEXP = /^(?:\/(?:[\w.~!$&',;=@%-]*|:[A-Za-z_$][\w$]*))+?(?:\/\*)?$/;

/** A parameter among the parts of a path. */
const PARAMETER = null;

interface Matcher {
  readonly name: string;
  /** Whether a URL matches whose path is between two places. */
  matches(url: string, from: number, to: number): boolean;
}

/** Patterns in an order. The first one that matches counts. */
export class PatternList {
  readonly #matchers: readonly Matcher[];

  constructor(patterns: readonly RoutePattern[], doing: string) {
    this.#matchers = patterns.map((pattern) =>
      typeof pattern === "string" && SIMPLE_REGEXP.test(pattern)
        ? new SimplePattern(pattern)
        : compile(pattern, doing)
    );
  }

  /**
   * Finds the first pattern that matches.
   *
   * @param url The URL. A path alone will do if there is no pattern of the class `URLPattern`.
   * @returns The name of the pattern, or `undefined` if there is none.
   */
  find(url: string): string | undefined {
    const from = url.charCodeAt(0) === SLASH ? 0 : url.indexOf("/", url.indexOf("://") + 3);
    const to = endOfPath(url);
    for (const matcher of this.#matchers) {
      if (matcher.matches(url, from, to)) return matcher.name;
    }
    return undefined;
  }
}

const SLASH = 0x2f;

function endOfPath(url: string): number {
  const query = url.indexOf("?");
  const fragment = url.indexOf("#");
  if (query === -1) return fragment === -1 ? url.length : fragment;
  return fragment === -1 ? query : Math.min(query, fragment);
}

/** A pattern that is matched here, which takes a fraction of the time of a `URLPattern`. */
class SimplePattern implements Matcher {
  readonly name: string;
  /** Literal text, with parameters between. */
  readonly #parts: readonly (string | typeof PARAMETER)[];
  readonly #isOpen: boolean;

  constructor(pattern: string) {
    this.name = pattern;
    this.#isOpen = pattern.endsWith("/*");
    const path = this.#isOpen ? pattern.slice(0, -1) : pattern;
    this.#parts = path.split(/(:[\w$]+)/).filter((part) => part !== "")
      .map((part) => part.startsWith(":") ? PARAMETER : part);
  }

  matches(url: string, from: number, to: number): boolean {
    let at = from;
    for (const part of this.#parts) {
      if (part !== PARAMETER) {
        // It has neither "?" nor "#", so it is not found beyond the path.
        if (!url.startsWith(part, at)) return false;
        at += part.length;
        continue;
      }
      const start = at;
      while (at < to && url.charCodeAt(at) !== SLASH) at++;
      if (at === start) return false;
    }
    return this.#isOpen || at === to;
  }
}

function compile(pattern: RoutePattern, doing: string): Matcher {
  const compiled = typeof pattern === "string" ? compileText(pattern, doing) : pattern;
  if (typeof compiled?.test !== "function" || typeof compiled.pathname !== "string") {
    throw new TypeError(`${doing} must have paths or URLPatterns only: received ${typeof pattern}`);
  }
  const { hostname, pathname } = compiled;
  return {
    name: typeof pattern === "string"
      ? pattern
      : (hostname === "*" ? "" : hostname ?? "") + pathname,
    matches: (url) => compiled.test(url),
  };
}

function compileText(pathname: string, doing: string): UrlPattern {
  const { URLPattern } = globalThis as {
    URLPattern?: new (init: { pathname: string }) => UrlPattern;
  };
  if (URLPattern === undefined) {
    throw new TypeError(
      `${doing} must be a function, or have paths of literal text and parameters only where ` +
        `there is no URLPattern: received "${pathname}"`,
    );
  }
  return new URLPattern({ pathname });
}
