import assert from "node:assert/strict";
import { test } from "node:test";
import { livePage } from "../../live/mod.ts";
import { serve } from "../../examples/serve.ts";
import { CollectorRegistry, Counter, metricsHandler } from "../../mod.ts";

const REQUEST = new Request("http://localhost/metrics");

test("livePage() answers with a document that must not be stored", async () => {
  const { status, headers } = await livePage()(REQUEST);
  assert.equal(status, 200);
  assert.deepEqual(Object.fromEntries(headers), {
    "cache-control": "no-store",
    "content-security-policy": headers.get("content-security-policy"),
    "content-type": "text/html; charset=utf-8",
    "referrer-policy": "no-referrer",
    vary: "Accept",
    "x-content-type-options": "nosniff",
  });
});

test("livePage() allows only scripts and styles with the nonce of the response", async () => {
  const page = livePage();
  const nonces = new Set<string>();
  for (let i = 0; i < 3; i++) {
    const response = await page(REQUEST);
    const policy = response.headers.get("content-security-policy") ?? "";
    const [, nonce = ""] = /script-src 'nonce-([A-Za-z0-9+/]{22}==)'/.exec(policy) ?? [];
    nonces.add(nonce);
    assert.equal(
      policy,
      `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; ` +
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
        "frame-ancestors 'none'",
    );
    const html = await response.text();
    const tags = html.match(/<(?:script|style)\b[^>]*>/g) ?? [];
    assert.deepEqual(tags.sort(), [`<script nonce="${nonce}">`, `<style nonce="${nonce}">`]);
  }
  assert.equal(nonces.size, 3);
});

test("livePage() returns a document that refers to no other resource", async () => {
  const html = await (await livePage()(REQUEST)).text();
  const markup = html.replace(/<(script|style)\b[^]*?<\/\1>/g, "");
  assert.doesNotMatch(markup, /\s(?:src|srcset|action|style|on\w+)=/);
  for (const [, target = ""] of markup.matchAll(/\shref="([^"]*)"/g)) {
    assert.match(target, /^(?:#main$|\?text$|data:image\/svg\+xml,)/);
  }
  assert.doesNotMatch(html, /@import|url\(|innerHTML|insertAdjacentHTML|document\.write|\beval\b/);
  // The namespace of SVG is an address that is never requested.
  const addresses = html.replaceAll(
    /http(?::|%3A)(?:\/|%2F){2}www\.w3\.org(?:\/|%2F)2000(?:\/|%2F)svg/g,
    "",
  );
  assert.doesNotMatch(addresses, /https?:/);
});

test("livePage() escapes the title and writes the interval", async () => {
  const title = `</title><script>alert("&amp;")</script>`;
  const html = await (await livePage({ title, intervalMs: 500 })(REQUEST)).text();
  const escaped = "&lt;/title&gt;&lt;script&gt;alert(&quot;&amp;amp;&quot;)&lt;/script&gt;";
  assert.equal(html.split(escaped).length, 3);
  assert.ok(!html.includes(title));
  assert.match(html, /<html lang="en" data-interval-ms="500" /);
});

test("livePage() throws on invalid options", () => {
  for (const intervalMs of [0, -1, 249, NaN, Infinity, 2 ** 31]) {
    assert.throws(
      () => livePage({ intervalMs }),
      new RangeError(
        `Cannot create live page: intervalMs must be from 250 to 2147483647: received ${intervalMs}`,
      ),
    );
  }
  assert.throws(
    // @ts-expect-error: not a number
    () => livePage({ intervalMs: "3000" }),
    new TypeError('Cannot create live page: intervalMs must be a number: received "3000"'),
  );
  assert.throws(
    // @ts-expect-error: not a string
    () => livePage({ title: 1 }),
    new TypeError("Cannot create live page: title must be a string: received 1"),
  );
  assert.throws(
    // @ts-expect-error: a misspelt option
    () => livePage({ titel: "Bakery" }),
    new TypeError(
      'Cannot create live page: unknown option "titel": known options are "title", "intervalMs"',
    ),
  );
});

test("a served page is complete, and its HEAD response has no body", async () => {
  const registry = new CollectorRegistry();
  new Counter("hits_total", "Hits.", { registry }).inc();
  const server = await serve(metricsHandler({ registry, live: livePage() }), 0);
  try {
    const url = `http://127.0.0.1:${server.port}/metrics`;
    const headers = { accept: "text/html" };
    const page = await fetch(url, { headers });
    assert.match(await page.text(), /^<!doctype html>[^]*<\/html>\n$/);
    const head = await fetch(url, { headers, method: "HEAD" });
    assert.equal(head.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(await head.text(), "");
    assert.match(await (await fetch(url)).text(), /^hits_total 1$/m);
  } finally {
    await server.stop();
  }
});
