import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { serve } from "../../examples/serve.ts";
import {
  type Authorize,
  basicAuth,
  bearerAuth,
  CollectorRegistry,
  Gauge,
  metricsHandler,
  metricsResponse,
} from "../../mod.ts";

const URL_OF_METRICS = "http://localhost/metrics";

/** A registry that counts its collections. */
class Watched extends CollectorRegistry {
  collected = 0;

  constructor() {
    super();
    this.register({
      collect: () => {
        this.collected++;
        return [];
      },
    });
    new Gauge("g", "G.", { registry: this }).set(1);
  }
}

function get(authorization?: string, init: RequestInit = {}): Request {
  const request = new Request(URL_OF_METRICS, init);
  if (authorization !== undefined) request.headers.set("authorization", authorization);
  return request;
}

/**
 * Returns a text as a browser or Prometheus sends it: a header with one character per UTF-8 byte.
 */
function utf8(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

for (const answer of [true, Promise.resolve(true)]) {
  test(`authorize() allows a request by ${answer instanceof Promise ? "a promise of " : ""}true`, async () => {
    const registry = new Watched();
    const asked: Request[] = [];
    const authorize = (request: Request) => {
      asked.push(request);
      return answer;
    };
    const request = get();
    for (
      const response of [
        await metricsHandler({ registry, authorize })(request),
        await metricsResponse(request, { registry, authorize }),
      ]
    ) {
      assert.equal(response.status, 200);
      assert.match(await response.text(), /^g 1$/m);
    }
    assert.deepEqual(asked, [request, request]);
  });
}

const REFUSALS: [what: string, authorize: () => unknown, status: number, text: string][] = [
  ["false", () => false, 403, "access is denied"],
  ["a promise of false", () => Promise.resolve(false), 403, "access is denied"],
  [
    "an error",
    () => {
      throw new Error("secret");
    },
    500,
    "authorize failed",
  ],
  [
    "a thrown undefined",
    () => {
      throw undefined;
    },
    500,
    "authorize failed",
  ],
  ["a rejection", () => Promise.reject(new Error("secret")), 500, "authorize failed"],
  [
    "a thenable that throws",
    () => ({
      then() {
        throw new Error("secret");
      },
    }),
    500,
    "authorize failed",
  ],
  ...([
    [undefined, "undefined"],
    [null, "null"],
    [1, "number"],
    ["secret", "string"],
    [{ status: 200, headers: {} }, "object"],
    [Promise.resolve("true"), "string"],
  ] as const).map((
    [value, kind],
  ): [string, () => unknown, number, string] => [
    `a ${value instanceof Promise ? "promise of a " : ""}value of type ${kind}`,
    () => value,
    500,
    `authorize must return true, false or a Response: received ${kind}`,
  ]),
];

for (const [what, authorize, status, text] of REFUSALS) {
  test(`authorize() refuses every method by ${what}`, async () => {
    const registry = new Watched();
    const handler = metricsHandler({ registry, authorize: authorize as Authorize });
    for (const method of ["GET", "HEAD", "OPTIONS", "POST"]) {
      const response = await handler(get(undefined, { method }));
      assert.equal(response.status, status);
      assert.equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
      assert.equal(await response.text(), `Cannot answer scrape: ${text}\n`);
    }
    assert.equal(registry.collected, 0);
  });
}

test("onError is called with an error of authorize() and for an illegal return value", async () => {
  const error = new Error("Cannot connect to ldap://admin:hunter2@localhost");
  const seen: unknown[] = [];
  const registry = new Watched();
  const onError = (error: unknown): void => void seen.push(error);
  for (
    const authorize of [
      () => {
        throw error;
      },
      () => Promise.reject(error),
      () => "yes",
      () => false,
    ]
  ) {
    const handler = metricsHandler({ registry, authorize: authorize as Authorize, onError });
    assert.doesNotMatch(await (await handler(get())).text(), /hunter2/);
  }
  const rule = "Cannot answer scrape: authorize must return true, false or a Response: " +
    "received string";
  assert.deepEqual(seen, [error, error, new TypeError(rule)]);
});

test("a Response of authorize() is sent unchanged, even with the status 200", async () => {
  const registry = new Watched();
  class Own extends Response {}
  for (const own of [new Response("log in", { status: 200 }), new Own(null, { status: 302 })]) {
    for (const authorize of [() => own, () => Promise.resolve(own)]) {
      assert.equal(await metricsHandler({ registry, authorize })(get()), own);
    }
  }
  assert.equal(registry.collected, 0);
});

test("metricsResponse() throws if authorize() is given without a request", async () => {
  await assert.rejects(metricsResponse(undefined, { authorize: () => true }), {
    name: "TypeError",
    message: "Cannot answer scrape: authorize needs a request: received undefined",
  });
});

const BEARER: [header: string | undefined, passes: boolean][] = [
  ["Bearer t0ken", true],
  ["bearer t0ken", true],
  ["BEARER   t0ken", true],
  ["Bearer n3w", true],
  [`Bearer ${utf8("tökén")}`, true],
  [undefined, false],
  ["", false],
  ["Bearer", false],
  ["Bearer ", false],
  ["Bearer t0ke", false],
  ["Bearer t0kenn", false],
  ["Bearer T0KEN", false],
  ["Bearert0ken", false],
  ["t0ken", false],
  ["Basic t0ken", false],
  ["Bearer t0ken, Bearer t0ken", false],
  ["Bearer t0ken n3w", false],
  ["Bearer tökén", false],
  [`Bearer ${"x".repeat(10_000)}`, false],
];

test("bearerAuth() allows requests with one of the tokens", async () => {
  const registry = new Watched();
  const handler = metricsHandler({ registry, authorize: bearerAuth(["t0ken", "n3w", "tökén"]) });
  let expected = 0;
  for (const [header, passes] of BEARER) {
    const response = await handler(get(header));
    assert.equal(response.status, passes ? 200 : 401, header);
    if (passes) {
      expected++;
      continue;
    }
    const hasToken = /^Bearer \S/.test(header ?? "");
    assert.equal(
      response.headers.get("www-authenticate"),
      `Bearer realm="metrics"${hasToken ? ', error="invalid_token"' : ""}`,
      header,
    );
    assert.equal(
      await response.text(),
      "Cannot answer scrape: credentials are missing or wrong\n",
    );
  }
  assert.equal(registry.collected, expected);
});

test("credentials in several headers are refused", async () => {
  for (
    const [authorize, one] of [[bearerAuth("t"), "Bearer t"], [
      basicAuth("u", "p"),
      "Basic dTpw",
    ]] as const
  ) {
    const request = get(one);
    assert.equal(await authorize(request), true);
    request.headers.append("authorization", one);
    const refused = await authorize(request);
    assert.ok(refused instanceof Response);
    assert.equal(refused.status, 401);
  }
});

const BASIC: [header: string | undefined, passes: boolean][] = [
  [`Basic ${btoa(utf8("jürgen:pässwörd:✓"))}`, true],
  [`bAsIc  ${btoa(utf8("jürgen:pässwörd:✓"))}`, true],
  // The same letters, but each umlaut is a letter and a combining mark, as macOS may send it.
  [`Basic ${btoa(utf8("jürgen:pässwörd:✓".normalize("NFD")))}`, true],
  [undefined, false],
  ["Basic", false],
  ["Basic ", false],
  [`Bearer ${btoa(utf8("jürgen:pässwörd:✓"))}`, false],
  [`Basic ${btoa(utf8("jürgen:pässwörd:✓")).replace(/=+$/, "")}`, false], // No padding.
  [`Basic ${btoa(utf8("jürgen:pässwörd:✓"))}=`, false],
  [`Basic ${btoa(utf8("jürgen:pässwörd:✓")).replace(/^./, "$& ")}`, false],
  ["Basic jürgen:pässwörd", false],
  ["Basic !!!!", false],
  ["Basic ====", false],
  [`Basic ${btoa("jürgen:pässwörd")}`, false], // Latin-1 is not UTF-8.
  [`Basic ${btoa("jürgen")}`, false],
  [`Basic ${btoa(":")}`, false],
  [`Basic ${btoa(utf8("jürgen:"))}`, false],
  [`Basic ${btoa(utf8("jürgen:pässwörd:✓\n"))}`, false],
  [`Basic ${btoa(utf8("\ufeffjürgen:pässwörd:✓"))}`, false],
  [`Basic ${btoa("x".repeat(10_000))}`, false],
];

test("basicAuth() allows requests with the username and the password in UTF-8", async () => {
  const registry = new Watched();
  const handler = metricsHandler({ registry, authorize: basicAuth("jürgen", "pässwörd:✓") });
  for (const [header, passes] of BASIC) {
    const response = await handler(get(header));
    assert.equal(response.status, passes ? 200 : 401, header);
    if (passes) continue;
    const challenge = response.headers.get("www-authenticate");
    assert.equal(challenge, 'Basic realm="metrics", charset="UTF-8"');
  }
  assert.equal(registry.collected, BASIC.filter(([, passes]) => passes).length);
});

const ILLEGAL: [what: string, create: () => unknown, message: string][] = [
  ["no token", () => bearerAuth([]), "tokens must be a string or an array of some"],
  ["a number", () => bearerAuth(7 as never), "tokens must be a string or an array of some"],
  [
    "undefined",
    () => bearerAuth(undefined as never),
    "tokens must be a string or an array of some",
  ],
  ["an empty token", () => bearerAuth(""), "a token must not be empty"],
  ["an empty token among others", () => bearerAuth(["a", ""]), "a token must not be empty"],
  [
    "a token that is not a string",
    () => bearerAuth([undefined as never]),
    "a token must be a string: received undefined",
  ],
  [
    "a line break",
    () => bearerAuth("secret\n"),
    "a token must have no blanks, line breaks or other control characters",
  ],
  [
    "a lone surrogate",
    () => bearerAuth("\ud800"),
    "a token must have no blanks, line breaks or other control characters",
  ],
  ["an empty username", () => basicAuth("", "secret"), "username must not be empty"],
  ["an empty password", () => basicAuth("u", ""), "password must not be empty"],
  [
    "no password",
    () => basicAuth("u", undefined as never),
    "password must be a string: received undefined",
  ],
  [
    "a line break",
    () => basicAuth("u", "secret\n"),
    "password must have no line breaks or other control characters",
  ],
  ["a colon", () => basicAuth("u:v", "secret"), 'username must have no colon: received "u:v"'],
];

for (const [what, create, message] of ILLEGAL) {
  test(`an error about ${what} does not show the secret: ${message}`, () => {
    const name = message.startsWith("token") || message.startsWith("a token") ? "bearer" : "basic";
    assert.throws(create, { name: "TypeError", message: `Cannot create ${name}Auth: ${message}` });
  });
}

test("bearerAuth() copies the array of tokens", async () => {
  const tokens = ["a"];
  const authorize = bearerAuth(tokens);
  tokens[0] = "b";
  assert.equal(await authorize(get("Bearer a")), true);
  assert.notEqual(await authorize(get("Bearer b")), true);
});

test("credentials in UTF-8 arrive over HTTP", async () => {
  const registry = new Watched();
  const handler = metricsHandler({ registry, authorize: bearerAuth("tökén✓") });
  const server = await serve(handler, 0);
  try {
    for (const [token, status] of [["tökén✓", 200], ["tökén", 401]] as const) {
      const socket = connect(server.port, "127.0.0.1");
      let answer = "";
      socket.on("data", (data) => answer += data);
      socket.write(
        `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
      );
      await new Promise((resolve) => socket.once("close", resolve));
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
    }
  } finally {
    await server.stop();
  }
});
