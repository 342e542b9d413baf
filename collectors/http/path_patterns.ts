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
  /** Whether a URL matches whose path begins at a place. */
  matches(url: string, from: number): boolean;
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
    const from = startOfPath(url);
    for (const matcher of this.#matchers) {
      if (matcher.matches(url, from)) return matcher.name;
    }
    return undefined;
  }
}

const SLASH = 0x2f;
const COLON = 0x3a;
const QUESTION_MARK = 0x3f;
const HASH = 0x23;

/** Where the path of a URL begins. */
function startOfPath(url: string): number {
  if (url.charCodeAt(0) === SLASH) return 0;
  const colon = url.charCodeAt(4) === COLON ? 4 : url.indexOf(":");
  return url.indexOf("/", colon + 3);
}

/** Whether a character ends the path of a URL. */
function isEnd(code: number): boolean {
  return code === QUESTION_MARK || code === HASH;
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

  matches(url: string, from: number): boolean {
    const { length } = url;
    let at = from;
    for (const part of this.#parts) {
      if (part !== PARAMETER) {
        const last = part.length - 1;
        // Most patterns do not match, and this takes less time than a comparison of all.
        if (url.charCodeAt(at + last) !== part.charCodeAt(last)) return false;
        // It has neither "?" nor "#", so it is not found beyond the path.
        if (!url.startsWith(part, at)) return false;
        at += part.length;
        continue;
      }
      const start = at;
      while (at < length) {
        const code = url.charCodeAt(at);
        if (code === SLASH || isEnd(code)) break;
        at++;
      }
      if (at === start) return false;
    }
    return this.#isOpen || at === length || isEnd(url.charCodeAt(at));
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
