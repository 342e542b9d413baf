import fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "node:test";
import { PatternList } from "../../collectors/http/path_patterns.ts";

const PATTERNS = ["/", "/a", "/a/", "/a/:id", "/:a/b", "/a/:id/b", "/a.b/-:id", "/a/*"];

/** URLs of a `Request` whose paths are similar to those of the patterns. */
const urls = fc.record({
  origin: fc.constantFrom("http://localhost", "https://localhost", "http://a:80", "ftp://a.b"),
  path: fc.array(fc.constantFrom("/", "a", "b", ".", "-", "*", ":", "%2F", "é"), { maxLength: 8 }),
  rest: fc.constantFrom("", "?", "?/a", "?x=/a/b", "#", "#/a", "?a#b", "#a?b"),
}).map(({ origin, path, rest }) => new URL(`${origin}/${path.join("")}${rest}`).href);

test("patterns of literal text and parameters match like URLPattern", () => {
  for (const pattern of PATTERNS) {
    const own = new PatternList([pattern], "Cannot test");
    const platform = new URLPattern({ pathname: pattern });
    fc.assert(fc.property(urls, (url) => {
      assert.equal(own.find(url) !== undefined, platform.test(url), `${pattern} ${url}`);
    }));
  }
});

test("a path alone matches like a URL", () => {
  for (const pattern of PATTERNS) {
    const own = new PatternList([pattern], "Cannot test");
    fc.assert(fc.property(urls, (url) => {
      const path = url.slice(new URL(url).origin.replace(/^null$/, "ftp://a.b").length);
      assert.equal(own.find(path), own.find(url), `${pattern} ${url}`);
    }));
  }
});
