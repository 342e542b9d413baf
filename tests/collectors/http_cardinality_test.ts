import fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "node:test";
import { instrument, instrumentFetch } from "../../collectors/http.ts";
import { CollectorRegistry } from "../../mod.ts";
import { countSeries } from "../support/http.ts";

/**
 * The parts of a request that a client chooses. The method is overwritten later, because not every
 * runtime's `Request` accepts every method.
 */
const requests = fc.record({
  method: fc.oneof(fc.constantFrom("GET", "POST", "get", "__proto__"), fc.string()),
  url: fc.webUrl({ withQueryParameters: true, withFragments: true }),
  path: fc.oneof(fc.webPath(), fc.constantFrom("/", "/users/1", "/users/2", "/a/b")),
  header: fc.string(),
});

function makeRequest({ method, url, path, header }: {
  method: string;
  url: string;
  path: string;
  header: string;
}): Request {
  const request = new Request(new URL(path || "/", url), {
    headers: { "x-own": encodeURIComponent(header.toWellFormed()), "content-length": "7" },
  });
  return Object.defineProperty(request, "method", { value: method });
}

test("clients cannot create more series than there are combinations of methods and routes", async () => {
  const registry = new CollectorRegistry();
  const handler = instrument((request: Request) => {
    if (request.url.length % 3 === 0) throw new Error(request.url);
    return new Response(request.url);
  }, { registry, route: ["/", "/users/:id", "/files/*"] });
  await fc.assert(
    fc.asyncProperty(requests, async (given) => {
      await Promise.resolve().then(() => handler(makeRequest(given))).catch(() => {});
    }),
    { numRuns: 1000 },
  );
  // 11 methods, 2 statuses, 4 routes: 17 + 10 lines for each, and 4 × 11 errors, 11 active.
  assert.ok(countSeries(registry) <= 11 * 2 * 4 * 27 + 44 + 11);
  const before = countSeries(registry);
  // New paths and hosts alone add no series. Only a new combination of labels can.
  for (let i = 0; i < 100; i++) {
    const request = new Request(`http://host${i}.example/users/visitor${i}?q=${i}`);
    await Promise.resolve().then(() => handler(request)).catch(() => {});
  }
  const after = countSeries(registry);
  assert.ok(after <= before + 27 * 2 + 2, `${before} series have become ${after}`);
});

test("a function that returns paths creates at most maxRoutes series", async () => {
  const registry = new CollectorRegistry();
  const handler = instrument(() => new Response(null), {
    registry,
    maxRoutes: 3,
    route: ({ url }) => new URL(url).pathname,
  });
  for (let i = 0; i < 100; i++) await handler(new Request(`http://localhost/${i}`));
  assert.equal(countSeries(registry), 4 * 17 + 1);
});

test("fetched URLs create no series", async () => {
  const registry = new CollectorRegistry();
  const measured = instrumentFetch(
    (() => Promise.resolve(new Response(null))) as unknown as typeof fetch,
    { registry, server: ["a.example"] },
  );
  await fc.assert(
    fc.asyncProperty(fc.webUrl(), fc.string(), async (url, method) => {
      await measured(url, { method });
    }),
    { numRuns: 500 },
  );
  assert.ok(countSeries(registry) <= 11 * 3 * 17 + 11 * 3);
});
