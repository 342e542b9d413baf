import assert from "node:assert/strict";
import { test } from "node:test";
import { exportOtlp } from "../../bridges/otlp.ts";
import { pushToGateway } from "../../bridges/pushgateway.ts";
import { remoteWrite } from "../../bridges/remote_write.ts";
import { hideSecrets } from "../../bridges/requests/secrets.ts";
import { CollectorRegistry, Gauge } from "../../mod.ts";
import { partialSuccess } from "../support/otlp.ts";
import { Random } from "../support/random.ts";

const PASSWORD = 'p"ä+w&5/€ <\\d>ÿÿ';
const PAIR = `ann:${PASSWORD}`;
const BASIC = toBase64(PAIR);
const KEY = "k3y+value/with'quotes";
const TOKEN = "to ken/1+Ünïcode";

const URL_TEXT = `http://localhost/write?token=${encodeURIComponent(TOKEN)}&flag`;
const HEADERS: [string, string][] = [
  ["authorization", `Basic ${BASIC}`],
  ["x-api-key", KEY],
  ["cookie", 'a=1; session="c00kie-value"'],
  ["x-tenants", "t3nant-one, t3nant-two"],
  ["x-auth", "Token t0ken-of-x"],
  ["x-phrase", "correct horse battery"],
  ["x-pin", "77"],
];

const SECRETS: Record<string, string> = {
  "the password": PASSWORD,
  "user name and password": PAIR,
  "the Basic credentials": BASIC,
  "a header": KEY,
  "a part of a cookie": "c00kie-value",
  "one of several values": "t3nant-two",
  "a token after a scheme": "t0ken-of-x",
  "a header of several words": "correct horse battery",
  "a parameter of the query": TOKEN,
};

const hex = (number: number, length: number) => number.toString(16).padStart(length, "0");

const percents = (text: string) =>
  Array.from(new TextEncoder().encode(text), (byte) => `%${hex(byte, 2)}`).join("");

/** Spellings in which servers, proxies and loggers repeat values. */
const SPELLINGS: Record<string, (text: string) => string> = {
  "unchanged": (text) => text,
  "percent-encoded": encodeURIComponent,
  "percent-encoded with lowercase digits": (text) =>
    encodeURIComponent(text).replace(/%../g, (match) => match.toLowerCase()),
  "percent-encoded in all characters": percents,
  "percent-encoded twice": (text) => encodeURIComponent(encodeURIComponent(text)),
  "as in a form": (text) => new URLSearchParams({ text }).toString().slice("text=".length),
  "in JSON": (text) => JSON.stringify(text),
  "in JSON in JSON": (text) => JSON.stringify(JSON.stringify(text)),
  "in JSON with escaped special characters": (text) =>
    JSON.stringify(text).replace(
      /[<>&\u0080-\uffff]/g,
      (character) => `\\u${hex(character.charCodeAt(0), 4)}`,
    ),
  "in a C string": (text) =>
    Array.from(
      text,
      (character) =>
        character < "\u0080" ? character : `\\u${hex(character.charCodeAt(0), 4).toUpperCase()}`,
    ).join("").replace(/[ +]/g, (character) => `\\x${hex(character.charCodeAt(0), 2)}`),
  "in HTML": (text) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;").replaceAll("'", "&#39;"),
  "in HTML with numbers": (text) =>
    text.replace(/[^a-z0-9]/g, (character) => `&#${character.codePointAt(0)};`),
  "in HTML with hexadecimal numbers": (text) =>
    text.replace(/[^a-z0-9]/g, (character) => `&#x${hex(character.codePointAt(0)!, 1)};`),
  "over several lines": (text) => text.replace(/.{4}(?=\w)/g, "$&\r\n\t"),
  "over several lines in JSON": (text) => JSON.stringify(text.replace(/.{7}(?=\w)/g, "$&\n  ")),
  "in capital letters": (text) => text.toUpperCase(),
};

for (const [what, secret] of Object.entries(SECRETS)) {
  test(`hides ${what} in every spelling`, () => {
    const sent = { url: URL_TEXT, headers: new Headers(HEADERS) };
    for (const [spelling, spell] of Object.entries(SPELLINGS)) {
      const hidden = hideSecrets(`before ${spell(secret)} after`, sent);
      assert.match(
        hidden,
        /^before \\{0,3}"?\\{0,3}"?…\\{0,3}"?\\{0,3}"? after$/,
        `${spelling}: ${hidden}`,
      );
    }
  });
}

test("hides the Basic credentials without padding, and in base64url", () => {
  const sent = { url: "http://localhost/", headers: new Headers(HEADERS) };
  assert.match(BASIC, /\+.*\/.*==$/, "the credentials have such characters");
  const unpadded = BASIC.replace(/=+$/, "");
  assert.equal(hideSecrets(unpadded, sent), "…");
  assert.equal(hideSecrets(unpadded.replaceAll("+", "-").replaceAll("/", "_"), sent), "…");
});

test("hides a short secret only as a separate word", () => {
  const sent = { url: "http://localhost/", headers: new Headers(HEADERS) };
  assert.equal(hideSecrets("pin=77, pin 77; 1777 bytes", sent), "pin=…, pin …; 1777 bytes");
});

test("hides overlapping secrets completely", () => {
  const headers = new Headers({ "x-a": "secret-one", "x-b": "one-two-three" });
  const sent = { url: "http://localhost/", headers };
  assert.equal(hideSecrets("<secret-one-two-three>", sent), "<…>");
});

test("keeps everything else, and the headers of every request", () => {
  const headers = new Headers({ ...Object.fromEntries(HEADERS), "user-agent": "narthex/0.1.0" });
  const text = 'narthex/0.1.0: {"error":"50% of 100 &amp; more\\n"} at C:\\temp + %zz';
  assert.equal(hideSecrets(text, { url: URL_TEXT, headers }), text);
});

test("keeps random text, and hides a secret anywhere in it", () => {
  const random = new Random(5);
  const alphabet = ["%", "2", "5", "\\", "u", "&", "#", ";", "x", "+", " ", "\n", "é", "a"];
  const sent = { url: "http://localhost/", headers: new Headers({ "x-key": "s3cret-key" }) };
  for (let run = 0; run < 500; run++) {
    const noise = () =>
      Array.from({ length: random.below(40) }, () => random.pick(alphabet)).join("");
    const [before, after] = [noise(), noise()];
    assert.equal(hideSecrets(before + after, sent), before + after);
    const shown = hideSecrets(`${before}|s3cret-key|${after}`, sent);
    assert.equal(shown, `${before}|…|${after}`);
  }
});

/** Repeats a secret in every place that an error may show. */
const ECHOES: Record<string, (secret: string) => Promise<Response>> = {
  "an error of fetch": (secret) => Promise.reject(new TypeError(`cannot send ${secret}`)),
  "the cause of an error": (secret) =>
    Promise.reject(new TypeError("fetch failed", { cause: new Error(`bad header ${secret}`) })),
  "a refusal": (secret) => Promise.resolve(new Response(secret, { status: 403 })),
  "the end of a long refusal": (secret) =>
    Promise.resolve(new Response("x".repeat(8190) + secret, { status: 403 })),
  "a refusal in JSON": (secret) => Promise.resolve(json({ code: 16, message: secret }, 403)),
  "a redirect": (secret) =>
    Promise.resolve(
      new Response(null, { status: 307, headers: { location: `/login/${percents(secret)}` } }),
    ),
  "a partial success": (secret) =>
    Promise.resolve(
      new Response(partialSuccess(1, secret) as BodyInit, {
        headers: { "content-type": "application/x-protobuf" },
      }),
    ),
  "a partial success in JSON": (secret) =>
    Promise.resolve(json({ partialSuccess: { rejectedDataPoints: 1, errorMessage: secret } }, 200)),
};

function json(body: unknown, status: number): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json" },
  });
}

const CALLS: Record<string, (options: object) => Promise<void>> = {
  "exportOtlp()": (options) => exportOtlp(URL_TEXT, options),
  "remoteWrite()": (options) => remoteWrite(URL_TEXT, options),
};

for (const [call, send] of Object.entries(CALLS)) {
  for (const [place, echo] of Object.entries(ECHOES)) {
    test(`an error of ${call} hides a secret that ${place} repeats`, async () => {
      for (const secret of Object.values(SECRETS)) {
        const errors: unknown[] = [];
        const options = {
          registry: oneSeries(),
          headers: HEADERS,
          retryForMs: 1,
          onError: (error: unknown) => void errors.push(error),
          fetch: () => echo(secret),
        };
        await send(options).catch((error: unknown) => errors.push(error));
        const isSuccess = place.startsWith("a partial") && call === "remoteWrite()";
        assert.equal(errors.length > 0, !isSuccess);
        for (const error of errors) assertHidden(error, secret);
      }
    });
  }
}

test("an error of pushToGateway() hides a secret that an answer repeats", async () => {
  for (const place of ["a refusal", "the end of a long refusal", "a redirect"]) {
    for (const secret of [PASSWORD, PAIR, BASIC, KEY]) {
      const options = {
        job: "batch",
        registry: oneSeries(),
        headers: HEADERS,
        fetch: () => ECHOES[place]!(secret),
      };
      const error: unknown = await pushToGateway("http://localhost", options)
        .catch((error) => error);
      assertHidden(error, secret);
    }
  }
});

function assertHidden(error: unknown, secret: string): void {
  assert.ok(error instanceof Error);
  const shown = `${error.message}\n${error.stack}\n${JSON.stringify({ ...error })}`;
  // Other text may contain a shorter beginning by chance.
  const beginning = secret.slice(0, 5);
  for (const spell of [(text: string) => text, encodeURIComponent, percents]) {
    assert.ok(!shown.includes(spell(beginning)), shown);
  }
  assert.ok(!shown.includes(JSON.stringify(beginning).slice(1, -1)), shown);
}

function oneSeries(): CollectorRegistry {
  const registry = new CollectorRegistry();
  new Gauge("g", "", { registry }).set(1);
  return registry;
}

function toBase64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
