import assert from "node:assert/strict";
import { test } from "node:test";
import { instrument, instrumentFetch } from "../../collectors/http.ts";
import { httpMetrics as elysia } from "../../collectors/http/elysia.ts";
import { httpMetrics as express } from "../../collectors/http/express.ts";
import { httpMetrics as fastify } from "../../collectors/http/fastify.ts";
import { httpMetrics as hono } from "../../collectors/http/hono.ts";
import { httpMetrics as koa } from "../../collectors/http/koa.ts";
import { instrumentListener } from "../../collectors/http/node.ts";
import { httpMetrics as oak } from "../../collectors/http/oak.ts";
import { CollectorRegistry } from "../../mod.ts";

/** Passes options to Fastify's plugin, which reports errors to a callback. */
function registerFastify(options: object): void {
  const app = { addHook() {}, route() {} };
  fastify(app, options, (error) => {
    if (error !== undefined) throw error;
  });
}

const ENTRIES: Record<string, (options: object) => unknown> = {
  "instrument()": (options) => instrument(() => new Response(), options),
  "instrumentFetch()": (options) => instrumentFetch(fetch, options),
  "instrumentListener()": (options) => instrumentListener(() => {}, options),
  "httpMetrics() of Express": express,
  "httpMetrics of Fastify": registerFastify,
  "httpMetrics() of Koa": koa,
  "httpMetrics() of Hono": hono,
  "httpMetrics() of Elysia": elysia,
  "httpMetrics() of Oak": oak,
};

for (const [name, use] of Object.entries(ENTRIES)) {
  test(`${name} accepts the options of metrics, and throws on unknown ones`, () => {
    const registry = new CollectorRegistry();
    use({ registry, namespace: "app", maxSeries: 10, buckets: [1], exemplars: true });
    assert.ok([...registry.collect()].some(({ name }) => name.startsWith("app_http_")));
    assert.throws(() => use({ registry, bukets: [1] }), {
      name: "TypeError",
      message: /^Cannot .*: unknown option "bukets": known options are .*"buckets"/,
    });
    assert.throws(() => use({ registry, buckets: [2, 1] }), RangeError);
    assert.throws(() => use({ registry, maxSeries: -1 }), RangeError);
    assert.throws(() => use(7 as never), TypeError);
  });
}

const SERVERS = Object.entries(ENTRIES).filter(([name]) => name !== "instrumentFetch()");
for (const [name, use] of SERVERS) {
  test(`${name} throws on invalid options for servers`, () => {
    const registry = new CollectorRegistry();
    for (
      const options of [
        { labels: "tenant" },
        { labels: { tenant: "acme" } },
        { methods: "PROPFIND" },
        { ignore: 7 },
        { ignore: [7] },
      ]
    ) {
      assert.throws(() => use({ registry, ...options }), TypeError, JSON.stringify(options));
    }
    // The refused calls have registered nothing.
    assert.deepEqual([...registry.collect()], []);
  });
}
