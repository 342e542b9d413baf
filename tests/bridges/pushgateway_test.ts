import assert from "node:assert/strict";
import { test } from "node:test";
import {
  deleteFromGateway,
  type Fetch,
  pushAddToGateway,
  PushError,
  type PushOptions,
  pushToGateway,
} from "../../bridges/pushgateway.ts";
import { parsePrometheusText } from "../../encoding/parse.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  generateMetrics,
  generateProtobuf,
  Histogram,
  MetricFamily,
  REGISTRY,
  type Registry,
  StateSet,
  Summary,
} from "../../mod.ts";
import { ManualClock, until } from "../support/clock.ts";

/** A call of a test's `fetch`. */
interface Sent {
  readonly url: string;
  readonly method: string | undefined;
  readonly headers: Headers;
  readonly body: Uint8Array;
  readonly init: RequestInit;
}

/** Creates a `fetch` that records its calls, and answers with `answer`. */
function fakeFetch(answer: () => Response | Promise<Response> = () => new Response()) {
  const sent: Sent[] = [];
  const fetch: Fetch = async (url, init) => {
    const body = new Uint8Array(await new Response(init.body ?? "").arrayBuffer());
    sent.push({ url, method: init.method, headers: new Headers(init.headers), body, init });
    return await answer();
  };
  return { sent, fetch };
}

const GATEWAY = "http://gateway.example:9091";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function registryOf(family: MetricFamily): CollectorRegistry {
  const registry = new CollectorRegistry();
  registry.register({ collect: () => [family] });
  return registry;
}

async function urlOf(url: string | URL, options: Partial<PushOptions>): Promise<string> {
  const { sent, fetch } = fakeFetch();
  await deleteFromGateway(url, { job: "a", ...options, fetch });
  assert.equal(sent.length, 1);
  return sent[0]!.url;
}

async function rejection(promise: Promise<unknown>): Promise<PushError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof PushError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "it did not reject" });
}

test("pushToGateway() sends PUT, pushAddToGateway() POST, deleteFromGateway() DELETE without a body", async () => {
  const registry = new CollectorRegistry();
  new Gauge("g", "G.", { registry }).set(1);
  const { sent, fetch } = fakeFetch();
  await pushToGateway(GATEWAY, { job: "a", registry, fetch });
  await pushAddToGateway(GATEWAY, { job: "a", registry, fetch });
  await deleteFromGateway(GATEWAY, { job: "a", fetch });
  assert.deepEqual(sent.map(({ method, url }) => [method, url]), [
    ["PUT", `${GATEWAY}/metrics/job/a`],
    ["POST", `${GATEWAY}/metrics/job/a`],
    ["DELETE", `${GATEWAY}/metrics/job/a`],
  ]);
  assert.equal(sent[2]!.init.body, undefined);
  assert.equal(sent[2]!.headers.get("content-type"), null);
  for (const { init } of sent) assert.equal(init.redirect, "manual");
});

const VALUES: { value: string | number | boolean; path: string }[] = [
  { value: "db", path: "/x/db" },
  { value: "", path: "/x@base64/=" },
  { value: "/", path: "/x@base64/Lw" },
  { value: "a/b", path: "/x@base64/YS9i" },
  { value: "/var/tmp", path: "/x@base64/L3Zhci90bXA" },
  { value: "ö/?>", path: "/x@base64/w7YvPz4" },
  { value: "/???", path: "/x@base64/Lz8_Pw" },
  { value: "/>>>", path: "/x@base64/Lz4-Pg" },
  // URL parsers remove these, even if they are percent-encoded.
  { value: ".", path: "/x@base64/Lg" },
  { value: "..", path: "/x@base64/Li4" },
  { value: "...", path: "/x/..." },
  { value: "a b+c", path: "/x/a%20b%2Bc" },
  { value: "50%", path: "/x/50%25" },
  { value: "%2F", path: "/x/%252F" },
  { value: "a?b#c", path: "/x/a%3Fb%23c" },
  { value: "a\\b", path: "/x/a%5Cb" },
  { value: "火", path: "/x/%E7%81%AB" },
  { value: "\ud800", path: "/x/%EF%BF%BD" },
  { value: "\ud800/", path: "/x@base64/77-9Lw" },
  { value: 200, path: "/x/200" },
  { value: false, path: "/x/false" },
];
for (const { value, path } of VALUES) {
  test(`label ${JSON.stringify(value)} of a group is written as ${path}`, async () => {
    const url = await urlOf(GATEWAY, { groupingKey: { x: value } });
    assert.equal(url, `${GATEWAY}/metrics/job/a${path}`);
    assert.equal(new URL(url).href, url, "a URL parser does not change it");
    if (typeof value === "string" && value !== "") {
      assert.equal(
        await urlOf(GATEWAY, { job: value }),
        `${GATEWAY}/metrics${path.replace("/x", "/job")}`,
      );
    }
  });
}

test("the order of the grouping key does not matter", async () => {
  const url = `${GATEWAY}/metrics/job/a/a/2/b/1`;
  assert.equal(await urlOf(GATEWAY, { groupingKey: { b: 1, a: 2 } }), url);
  assert.equal(await urlOf(GATEWAY, { groupingKey: { a: 2, b: 1 } }), url);
});

const ADDRESSES: { url: string | URL; expected: string }[] = [
  { url: "http://h", expected: "http://h/metrics/job/a" },
  { url: "http://h/", expected: "http://h/metrics/job/a" },
  { url: "https://h:8443/push//", expected: "https://h:8443/push/metrics/job/a" },
  { url: "http://[::1]:9091", expected: "http://[::1]:9091/metrics/job/a" },
  { url: new URL("http://h/push"), expected: "http://h/push/metrics/job/a" },
  { url: "http://user:secret@h/", expected: "http://h/metrics/job/a" },
];
for (const { url, expected } of ADDRESSES) {
  test(`groups of the gateway ${url} are under ${expected}`, async () => {
    assert.equal(await urlOf(url, {}), expected);
  });
}

const BAD: { what: string; url?: unknown; options: Record<string, unknown>; message: RegExp }[] = [
  {
    what: "an address without scheme",
    url: "localhost:9091",
    options: {},
    message: /url must begin with http:\/\/ or https:\/\/: received "localhost:9091"/,
  },
  { what: "no address", url: null, options: {}, message: /received "null"/ },
  { what: "a path", url: "/metrics", options: {}, message: /received "\/metrics"/ },
  { what: "a query", url: "http://h/?t=secret", options: {}, message: /neither a query nor/ },
  { what: "a fragment", url: "http://h/#secret", options: {}, message: /neither a query nor/ },
  {
    what: "an invalid address with a password",
    url: "user:secret@h:9091/?token=secret",
    options: {},
    message: /received "…@h:9091\/\?…"/,
  },
  {
    what: "credentials that are not percent-encoded",
    url: "http://user:secret%zz@h",
    options: {},
    message: /percent-encoded/,
  },
  { what: "no job", options: { job: undefined }, message: /job must be .* received undefined/ },
  {
    what: "an empty job",
    options: { job: "" },
    message: /job must be .*, and not empty: received ""/,
  },
  { what: "a job as a number", options: { job: 1 }, message: /job must be a string/ },
  {
    what: "job in the key",
    options: { groupingKey: { job: "b" } },
    message: /must not have "job"/,
  },
  {
    what: "a label that begins with a digit",
    options: { groupingKey: { "1x": "" } },
    message: /received "1x"/,
  },
  { what: "a reserved label", options: { groupingKey: { __x: "" } }, message: /received "__x"/ },
  { what: "a label with a slash", options: { groupingKey: { "a/b": "" } }, message: /"a\/b"/ },
  { what: "an empty label", options: { groupingKey: { "": "x" } }, message: /received ""/ },
  { what: "a label with a line feed", options: { groupingKey: { "a\n": "x" } }, message: /"a\\n"/ },
  {
    what: "a label without value",
    options: { groupingKey: { x: undefined } },
    message: /value of label "x" must be a string, a number or a boolean: received undefined/,
  },
  { what: "null as key", options: { groupingKey: null }, message: /object: received null/ },
  { what: "pairs as key", options: { groupingKey: [["a", 1]] }, message: /groupingKey must be/ },
  {
    what: "a misspelt option",
    options: { groupingkey: { a: "secret" } },
    message: /unknown option "groupingkey": known options are "job", "groupingKey", "registry"/,
  },
  { what: "a format of scrapes", options: { format: "openmetrics" }, message: /"openmetrics"/ },
  { what: "an inherited format", options: { format: "toString" }, message: /format must be/ },
  { what: "an invalid registry", options: { registry: {} }, message: /registry must be/ },
  { what: "a text to compress", options: { compress: "gzip" }, message: /compress must be/ },
  { what: "a time as text", options: { timeoutMs: "1" }, message: /timeoutMs must be a number/ },
  { what: "an invalid signal", options: { signal: {} }, message: /signal must be/ },
  { what: "an invalid fetch", options: { fetch: "f" }, message: /fetch must be/ },
  { what: "credentials as a text", options: { basicAuth: "secret" }, message: /basicAuth must be/ },
  {
    what: "a username with a colon",
    options: { basicAuth: { username: "secret:", password: "secret" } },
    message: /username must be a string without colons/,
  },
  {
    what: "a username with a line feed, in the address",
    url: "http://a%0asecret@h",
    options: {},
    message: /username must be a string without/,
  },
  {
    what: "no password",
    options: { basicAuth: { username: "u" } },
    message: /password must be a string/,
  },
  {
    what: "a password with a line feed",
    options: { basicAuth: { username: "u", password: "secret\n" } },
    message: /password must be a string without control characters/,
  },
  {
    what: "an invalid header",
    options: { headers: { authorization: "Bearer secret\r\nx" } },
    message: /headers must be names and values that HTTP allows/,
  },
  {
    what: "credentials in address and option",
    url: "http://u:secret@h",
    options: { basicAuth: { username: "u", password: "secret" } },
    message: /credentials must be given once/,
  },
  {
    what: "credentials in option and header",
    options: {
      basicAuth: { username: "u", password: "secret" },
      headers: { Authorization: "Bearer secret" },
    },
    message: /credentials must be given once/,
  },
];
for (const { what, url = GATEWAY, options, message } of BAD) {
  test(`${what} is refused with a TypeError without secrets, before anything is sent`, async () => {
    const { sent, fetch } = fakeFetch();
    for (const call of [pushToGateway, pushAddToGateway, deleteFromGateway]) {
      const given = { job: "a", registry: new CollectorRegistry(), fetch, ...options };
      await assert.rejects(
        // Callers who cast can pass values that the types forbid.
        call(url as string, given as unknown as PushOptions),
        (error) => {
          assert.ok(error instanceof TypeError);
          const doing = call === deleteFromGateway ? "delete from" : "push to";
          assert.ok(error.message.startsWith(`Cannot ${doing} Pushgateway: `), error.message);
          assert.match(error.message, message);
          assert.doesNotMatch(`${error.stack} ${error.cause}`, /secret/);
          return true;
        },
      );
    }
    assert.deepEqual(sent, []);
  });
}

test("missing options and time limits out of bounds are refused", async () => {
  // Callers who cast can pass values that the types forbid.
  const none = undefined as unknown as PushOptions;
  await assert.rejects(pushToGateway(GATEWAY, none), { name: "TypeError" });
  for (const timeoutMs of [0, -1, NaN]) {
    await assert.rejects(deleteFromGateway(GATEWAY, { job: "a", timeoutMs }), {
      name: "RangeError",
      message: `Cannot delete from Pushgateway: timeoutMs must be > 0: received ${timeoutMs}`,
    });
  }
});

test("credentials in the URL or in an option become basic authentication in UTF-8", async () => {
  const { sent, fetch } = fakeFetch();
  await deleteFromGateway("http://us%40er:p%C3%A4ss:%2F@h", { job: "a", fetch });
  const basicAuth = { username: "us@er", password: "päss:/" };
  await deleteFromGateway("http://h", { job: "a", basicAuth, fetch });
  await deleteFromGateway("http://token@h", { job: "a", fetch });
  assert.deepEqual(sent.map(({ url, headers }) => [url, headers.get("authorization")]), [
    ["http://h/metrics/job/a", "Basic dXNAZXI6cMOkc3M6Lw=="],
    ["http://h/metrics/job/a", "Basic dXNAZXI6cMOkc3M6Lw=="],
    ["http://h/metrics/job/a", "Basic dG9rZW46"],
  ]);
});

test("additional headers are sent, except those that the push sets, and the given object does not change", async () => {
  const { sent, fetch } = fakeFetch();
  const headers = new Headers({
    authorization: "Bearer t",
    "x-scope": "eu",
    "content-type": "text/html",
    "content-encoding": "br",
  });
  const registry = new CollectorRegistry();
  await pushToGateway(GATEWAY, { job: "a", registry, headers, fetch });
  await pushToGateway(GATEWAY, { job: "a", registry, headers: [["x-scope", "us"]], fetch });
  assert.deepEqual(sent.map(({ headers }) => Object.fromEntries(headers)), [
    {
      authorization: "Bearer t",
      "content-type":
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
      "x-scope": "eu",
    },
    {
      "content-type":
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
      "x-scope": "us",
    },
  ]);
  assert.equal(headers.get("content-type"), "text/html");
});

test("protobuf is pushed by default, text 0.0.4 by option, and gzip by option", async () => {
  const registry = new CollectorRegistry({ prefix: "app" });
  new Counter("jobs_total", "Jobs.", { registry }).inc(2, { trace_id: "abc" });
  new Histogram("size_bytes", "Size.", { registry, nativeHistogram: true }).observe(3);
  const { sent, fetch } = fakeFetch();
  await pushToGateway(GATEWAY, { job: "a", registry, fetch });
  await pushToGateway(GATEWAY, { job: "a", registry, format: "text", fetch });
  await pushToGateway(GATEWAY, { job: "a", registry, format: "text", compress: true, fetch });
  const [protobuf, plain, compressed] = sent;
  assert.deepEqual(protobuf!.body, generateProtobuf(registry));
  assert.equal(protobuf!.headers.get("content-encoding"), null);
  assert.equal(text(plain!.body), generateMetrics(registry));
  assert.ok(text(plain!.body).endsWith("\n"), "a text without its last line feed is refused");
  assert.equal(plain!.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(compressed!.headers.get("content-encoding"), "gzip");
  const stream = new Blob([new Uint8Array(compressed!.body)]).stream();
  assert.equal(
    await new Response(stream.pipeThrough(new DecompressionStream("gzip"))).text(),
    generateMetrics(registry),
  );
});

test("the default registry is pushed by default, and an empty registry has an empty body", async () => {
  const gauge = new Gauge("pushed_by_default", "G.");
  const { sent, fetch } = fakeFetch();
  await pushToGateway(GATEWAY, { job: "a", format: "text", fetch });
  assert.match(text(sent[0]!.body), /^pushed_by_default 0$/m);
  REGISTRY.unregister(gauge);
  await pushToGateway(GATEWAY, { job: "a", registry: new CollectorRegistry(), fetch });
  assert.equal(sent[1]!.body.length, 0);
});

test("asynchronous collectors are awaited, and one that never settles is left out", async () => {
  const registry = new CollectorRegistry();
  const aborted: boolean[] = [];
  registry.register({
    collect: async () => [
      new MetricFamily("users", "Users.", "gauge").addSample("users", {}, await Promise.resolve(7)),
    ],
  });
  registry.register({
    collect({ signal } = {}) {
      signal?.addEventListener("abort", () => aborted.push(true));
      return new Promise(() => {});
    },
  });
  const { sent, fetch } = fakeFetch();
  await pushToGateway(GATEWAY, { job: "a", registry, format: "text", timeoutMs: 2000, fetch });
  assert.match(text(sent[0]!.body), /^users 7$/m);
  assert.match(text(sent[0]!.body), /narthex_collector_errors_total\{.*cause="timeout"\} 1/);
  assert.deepEqual(aborted, [true]);
});

test("repeated series are not sent, because a gateway would refuse the whole push", async () => {
  const family = new MetricFamily("y", "Y.", "gauge").addSample("y", {}, 1);
  const again = new MetricFamily("y", "Y.", "gauge").addSample("y", {}, 2);
  const registry = new CollectorRegistry();
  registry.register({ collect: () => [family, again] });
  const { sent, fetch } = fakeFetch();
  await pushToGateway(GATEWAY, { job: "a", registry, format: "text", fetch });
  assert.deepEqual(text(sent[0]!.body).match(/^y .*$/gm), ["y 1"]);
});

const CLASHES: { what: string; fill: (registry: CollectorRegistry) => void; label: string }[] = [
  {
    what: "a label job",
    fill: (registry) => new Gauge("f", "F.", { registry, labelNames: ["job"] }).labels("b").set(1),
    label: "job",
  },
  {
    what: "a label of the grouping key",
    fill: (registry) => {
      const gauge = new Gauge("f", "F.", { registry, labelNames: ["zone", "shard"] });
      gauge.labels("eu", "1").set(1);
    },
    label: "shard",
  },
  {
    what: "a label that equals one of the grouping key when it is escaped",
    fill: (registry) => {
      const options = { registry, labelNames: ["my.zone"], nameValidation: "utf8" } as const;
      new Gauge("f", "F.", options).labels("eu").set(1);
    },
    label: "my_zone",
  },
  {
    what: "a label that only a later series has",
    fill: (registry) => {
      const family = new MetricFamily("f", "F.", "gauge")
        .addSample("f", { a: "1" }, 1)
        .addSample("f", { a: "2", zone: "eu" }, 1);
      registry.register({ collect: () => [family] });
    },
    label: "zone",
  },
  {
    what: "the buckets of a histogram",
    fill: (registry) => new Histogram("f", "F.", { registry }).observe(1),
    label: "le",
  },
  {
    what: "the quantiles of a summary",
    fill: (registry) => new Summary("f", "F.", { registry, quantiles: [0.5] }).observe(1),
    label: "quantile",
  },
  {
    what: "the states of a stateset",
    fill: (registry) => new StateSet("f", "F.", { registry, states: ["on", "off"] }).state("on"),
    label: "f",
  },
];
for (const { what, fill, label } of CLASHES) {
  test(`${what} is refused before anything is sent, because the group would overwrite the label`, async () => {
    const registry = new CollectorRegistry();
    new Gauge("fine", "Fine.", { registry });
    fill(registry);
    const { sent, fetch } = fakeFetch();
    const groupingKey = label === "job" ? {} : { [label]: "x" };
    for (const push of [pushToGateway, pushAddToGateway]) {
      await assert.rejects(push(GATEWAY, { job: "a", groupingKey, registry, fetch }), {
        name: "TypeError",
        message: 'Cannot push to Pushgateway: metric family "f" must not have the label ' +
          `"${label}", which is ${label === "job" ? "the job" : "in groupingKey"}`,
      });
    }
    assert.deepEqual(sent, []);
    await pushToGateway(GATEWAY, { job: "a", registry: new CollectorRegistry(), fetch });
  });
}

test("a family with timestamps is refused before anything is sent", async () => {
  const registry = registryOf(
    new MetricFamily("m3", "M.", "gauge")
      .addSample("m3", { a: "1" }, 1)
      .addSample("m3", { a: "2" }, 1, { timestamp: 1.234 }),
  );
  const { sent, fetch } = fakeFetch();
  await assert.rejects(pushToGateway(GATEWAY, { job: "a", registry, fetch }), {
    name: "TypeError",
    message:
      'Cannot push to Pushgateway: metric family "m3" must not have timestamps: received 1.234',
  });
  assert.deepEqual(sent, []);
});

test("a gaugehistogram is pushed as a histogram, because a gateway cannot write it", async () => {
  const samples = (type: "histogram" | "gaugehistogram", g: string) =>
    new MetricFamily("waiting", "W.", type, { unit: "seconds" })
      .addSample("waiting_seconds_bucket", { q: "a", le: "1" }, 1)
      .addSample("waiting_seconds_bucket", { q: "a", le: "+Inf" }, 3)
      .addSample(`waiting_seconds_${g}sum`, { q: "a" }, 2)
      .addSample(`waiting_seconds_${g}count`, { q: "a" }, 3);
  const { sent, fetch } = fakeFetch();
  const registry = registryOf(samples("gaugehistogram", "g"));
  await pushToGateway(GATEWAY, { job: "a", registry, fetch });
  assert.deepEqual(sent[0]!.body, generateProtobuf(registryOf(samples("histogram", ""))));
});

test("statuses 200, 202 and 204 are successes", async () => {
  for (const status of [200, 202, 204]) {
    const { fetch } = fakeFetch(() => new Response(null, { status }));
    await deleteFromGateway(GATEWAY, { job: "a", fetch });
  }
});

test("a refusal is an error with the status and the body", async () => {
  const body = "pushed metrics are invalid or inconsistent with existing metrics: " +
    'collected metric "x" is not a COUNTER\n';
  const { fetch } = fakeFetch(() => new Response(body, { status: 400 }));
  const registry = new CollectorRegistry();
  const options = { job: "b", registry, fetch, basicAuth: { username: "u", password: "secret" } };
  const error = await rejection(pushToGateway(GATEWAY, options));
  const { name, method, url, status, cause } = error;
  assert.deepEqual({ name, method, url, status, body: error.body, cause }, {
    name: "PushError",
    method: "PUT",
    url: `${GATEWAY}/metrics/job/b`,
    status: 400,
    body,
    cause: undefined,
  });
  assert.ok(!("cause" in error));
  assert.equal(
    error.message,
    `Cannot push to ${GATEWAY}/metrics/job/b: the answer must be a success: received status 400: ` +
      body.trim(),
  );
  const failure = await rejection(deleteFromGateway(GATEWAY, options));
  assert.match(failure.message, /^Cannot delete from http:\/\/gateway/);
  assert.equal(failure.method, "DELETE");
});

test("the error keeps 8192 bytes of a long answer, and does not wait for the rest", async () => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("xé".repeat(1000))),
    cancel: () => void (cancelled = true),
  });
  const { fetch } = fakeFetch(() => new Response(endless, { status: 500 }));
  const { body = "", message } = await rejection(deleteFromGateway(GATEWAY, { job: "a", fetch }));
  assert.ok(cancelled);
  assert.equal(new TextEncoder().encode(body).length, 8192 - 1, "no character is split");
  assert.ok(message.length < 500 && message.endsWith("…"));
});

test("an answer counts even if its body breaks off", async () => {
  const breaking = () => {
    let pulls = 0;
    return new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pulls++ === 0) controller.enqueue(new TextEncoder().encode("no ro"));
        else controller.error(new Error("connection lost"));
      },
    }, { highWaterMark: 0 });
  };
  const refused = fakeFetch(() => new Response(breaking(), { status: 507 }));
  const { status, body } = await rejection(
    deleteFromGateway(GATEWAY, { job: "a", fetch: refused.fetch }),
  );
  assert.deepEqual({ status, body }, { status: 507, body: "no ro" });
  const { fetch } = fakeFetch(() => new Response(breaking()));
  await deleteFromGateway(GATEWAY, { job: "a", fetch });
});

test("a redirect is an error with its target, without secrets", async () => {
  const { fetch } = fakeFetch(() =>
    new Response(null, { status: 307, headers: { location: "//u:secret@other/x?t=secret" } })
  );
  const { status, message } = await rejection(deleteFromGateway(GATEWAY, { job: "a", fetch }));
  assert.equal(status, 307);
  assert.equal(
    message,
    `Cannot delete from ${GATEWAY}/metrics/job/a: the answer must be a success: ` +
      "received status 307, a redirect to http://other/x",
  );
});

test("credentials in an answer are hidden", async () => {
  const { fetch } = fakeFetch(() => new Response(`not for ${btoa("u:secret")}`, { status: 401 }));
  const basicAuth = { username: "u", password: "secret" };
  const { body, message } = await rejection(
    deleteFromGateway(GATEWAY, { job: "a", basicAuth, fetch }),
  );
  assert.equal(body, "not for …");
  assert.match(message, /status 401: not for …$/);
});

test("an error of fetch is the cause of the PushError", async () => {
  const broken = new TypeError("connection refused by secret host");
  for (const fetch of [() => Promise.reject(broken), () => assert.fail("x")] as Fetch[]) {
    const error = await rejection(deleteFromGateway(GATEWAY, { job: "a", fetch }));
    assert.equal(
      error.message,
      `Cannot delete from ${GATEWAY}/metrics/job/a: the request failed`,
    );
    assert.ok(error.cause instanceof Error);
    assert.deepEqual([error.status, error.body], [undefined, undefined]);
  }
});

/** A `fetch` that never answers, and ignores its signal. */
const deaf: Fetch = () => new Promise(() => {});

test("a time limit or an aborted signal ends the push, and is the cause of the error", async () => {
  const clock = new ManualClock();
  const waiting = rejection(
    deleteFromGateway(GATEWAY, { job: "a", timeoutMs: 5, fetch: deaf, clock }),
  );
  await until("the timer runs", () => clock.timers === 1);
  clock.advance(0.005);
  const late = await waiting;
  assert.equal((late.cause as DOMException).name, "TimeoutError");
  assert.match(late.message, /there was no answer in time$/);

  const controller = new AbortController();
  const pushing = deleteFromGateway(GATEWAY, { job: "a", signal: controller.signal, fetch: deaf });
  const reason = new Error("shutting down");
  controller.abort(reason);
  const given = await rejection(pushing);
  assert.equal(given.cause, reason);
  assert.match(given.message, /the signal was aborted$/);

  const { sent, fetch } = fakeFetch();
  const registry = new CollectorRegistry();
  let collects = 0;
  registry.register({ collect: () => [new MetricFamily(`g${++collects}`, "G.", "gauge")] });
  const before = await rejection(
    pushToGateway(GATEWAY, { job: "a", registry, signal: AbortSignal.abort(), fetch }),
  );
  assert.equal((before.cause as DOMException).name, "AbortError");
  assert.deepEqual(sent, []);
  assert.equal(collects, 0);
});

test("a push of a registry that never answers ends at the time limit", async () => {
  const registry: Registry = {
    prefix: null,
    register: () => {},
    unregister: () => {},
    collect: () => [],
    collectAsync: () => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }),
    }),
  };
  const { sent, fetch } = fakeFetch();
  const clock = new ManualClock();
  const waiting = rejection(
    pushToGateway(GATEWAY, { job: "a", registry, timeoutMs: 5, fetch, clock }),
  );
  await until("the timer runs", () => clock.timers === 1);
  clock.advance(0.005);
  const error = await waiting;
  assert.equal((error.cause as DOMException).name, "TimeoutError");
  assert.deepEqual(sent, []);
});

test("an answer after the time limit is cancelled", async () => {
  let answer: ((response: Response) => void) | undefined;
  const fetch: Fetch = () => new Promise((resolve) => answer = resolve);
  const clock = new ManualClock();
  const waiting = rejection(
    deleteFromGateway(GATEWAY, { job: "a", timeoutMs: 5, fetch, clock }),
  );
  await until("the request is sent", () => answer !== undefined);
  clock.advance(0.005);
  await waiting;
  const cancelled = new Promise<void>((resolve) => {
    answer!(new Response(new ReadableStream({ cancel: () => resolve() })));
  });
  await cancelled;
});

test("a signal has no listener after a push", async () => {
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners.add(args[1]);
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners.delete(args[1]);
    remove(...args);
  };
  await deleteFromGateway(GATEWAY, { job: "a", signal, fetch: fakeFetch().fetch });
  const clock = new ManualClock();
  const waiting = rejection(
    deleteFromGateway(GATEWAY, { job: "a", signal, timeoutMs: 5, fetch: deaf, clock }),
  );
  await until("the timer runs", () => clock.timers === 1);
  clock.advance(0.005);
  await waiting;
  assert.equal(clock.timers, 0);
  assert.equal(listeners.size, 0);
});

test("a pushed text parses to the same families", async () => {
  const registry = new CollectorRegistry();
  new Counter("c_total", "C.", { registry, labelNames: ["path"] }).labels('a"\\\n').inc(2);
  new Summary("s", "S.", { registry, quantiles: [0.5] }).observe(1);
  const { sent, fetch } = fakeFetch();
  await pushToGateway(GATEWAY, { job: "a", registry, format: "text", fetch });
  const families = parsePrometheusText(text(sent[0]!.body));
  assert.deepEqual(families.map(({ name, type }) => [name, type]), [
    ["c_total", "counter"],
    ["s", "summary"],
  ]);
});
