import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import { remoteWrite, RemoteWriteError } from "../../bridges/remote_write.ts";
import type { RemoteWriteOptions } from "../../bridges/remote_write.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  Histogram,
  MetricFamily,
  type NativeHistogram,
} from "../../mod.ts";
import { allTypes } from "../support/all_types.ts";
import { ManualClock, until } from "../support/clock.ts";
import { ROOT_URL } from "../support/paths.ts";
import {
  FakeReceiver,
  PauseClock,
  receive,
  type ReceivedRequest,
  type Reply,
  REQUEST_TIMEOUT_MS,
  seriesText,
  uncompressSnappy,
  type WrittenSeries,
} from "../support/remote_write.ts";

const URL_TEXT = "http://localhost:9090/api/v1/write";
const NOW_MS = 1_700_000_000_000;

/** Sends families once, and returns the receiver. */
async function send(
  families: Iterable<MetricFamily>,
  options: RemoteWriteOptions = {},
): Promise<FakeReceiver> {
  const registry = new CollectorRegistry();
  registry.register({ collect: () => [...families] });
  const receiver = new FakeReceiver();
  const { fetch } = receiver;
  await remoteWrite(URL_TEXT, { registry, fetch, clock: new ManualClock(), ...options });
  return receiver;
}

function seriesOf({ received }: FakeReceiver): WrittenSeries[] {
  return received.flatMap(({ request }) => request.timeseries ?? []);
}

function gauge(name = "workers", value = 4): MetricFamily {
  return new MetricFamily(name, "", "gauge").addSample(name, {}, value);
}

test("remoteWrite() posts a snappy block with the headers of the specification", async () => {
  let received: ReceivedRequest | undefined;
  const server = createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    request.on("end", () => {
      const body = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
      received = receive(new Headers(request.headers as Record<string, string>), body);
      assert.equal(`${request.method} ${request.url}`, "POST /api/v1/write?tenant=a");
      response.writeHead(204).end();
    });
  });
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port))
  );
  try {
    const registry = new CollectorRegistry();
    new Gauge("workers", "Workers.", { registry }).set(4);
    await remoteWrite(`http://ann:s%C3%A9cret@127.0.0.1:${port}/api/v1/write?tenant=a`, {
      registry,
      headers: { "X-Scope-OrgID": "one" },
    });
  } finally {
    server.closeAllConnections?.();
    await new Promise((resolve) => server.close(resolve));
  }
  assert.ok(received);
  const { headers, request } = received;
  assert.equal(headers.get("content-type"), "application/x-protobuf");
  assert.equal(headers.get("content-encoding"), "snappy");
  assert.equal(headers.get("x-prometheus-remote-write-version"), "0.1.0");
  assert.equal(headers.get("x-scope-orgid"), "one");
  const credentials = new TextEncoder().encode("ann:sécret");
  assert.equal(headers.get("authorization"), `Basic ${btoa(String.fromCharCode(...credentials))}`);
  const { version } = JSON.parse(readFileSync(new URL("deno.json", ROOT_URL), "utf8"));
  assert.equal(headers.get("user-agent"), `narthex/${version}`);
  assert.deepEqual(request.timeseries?.map(seriesText), ["workers"]);
});

test("remoteWrite() sends all types as series of text 0.0.4", async () => {
  const receiver = await send(allTypes());
  const values = receiver.values;
  const at = (text: string) => values[text];
  assert.equal(at('jobs_total{queue="mail"}'), 12);
  assert.equal(at("jobs_total"), 0, "an empty label is omitted");
  assert.equal(at("odd"), 3);
  assert.equal(at('latency_seconds_bucket{le="0.25"}'), 1);
  assert.equal(at('latency_seconds_bucket{le="1"}'), 2);
  assert.equal(at('latency_seconds_bucket{le="1e+06"}'), 3);
  assert.equal(at('latency_seconds_bucket{le="+Inf"}'), 4);
  assert.equal(at("latency_seconds_sum"), 1e21);
  assert.equal(at("latency_seconds_count"), 4);
  assert.equal(at('error_sum{side="left"}'), -3);
  assert.equal(at("sizes_gsum"), -7);
  assert.equal(at("sizes_gcount"), 3);
  assert.equal(at('sizes_bucket{le="-2"}'), 1);
  assert.equal(at('duration{quantile="0.5",route="/"}'), 0.1);
  assert.ok(Number.isNaN(at('duration{quantile="1",route="/"}')));
  assert.equal(at('duration_sum{route="/"}'), 8.5);
  assert.equal(at('duration_count{route="/"}'), 17);
  assert.equal(at('build_info{constructor="__proto__",version="1.2.3"}'), 1);
  assert.equal(at('mode{mode="off"}'), 0);
  assert.equal(at("something"), 999999999);
  assert.equal(Object.keys(values).some((name) => name.includes("_created")), false);
});

test("labels are sorted, labels of the metric win, and external labels replace empty ones", async () => {
  const registry = new CollectorRegistry();
  const jobs = new Counter("jobs_total", "Jobs.", {
    registry,
    labelNames: ["zone", "Kind", "job"],
  });
  jobs.labels({ zone: "eu", Kind: "a", job: "own" }).inc();
  jobs.labels({ zone: "eu", Kind: "a", job: "" }).inc(2);
  const receiver = new FakeReceiver();
  const externalLabels = { job: "batch", instance: 7, empty: "" };
  await remoteWrite(URL_TEXT, { registry, externalLabels, fetch: receiver.fetch });
  assert.deepEqual(seriesOf(receiver).map(({ labels }) => labels.map(({ name }) => name)), [
    ["Kind", "__name__", "instance", "job", "zone"],
    ["Kind", "__name__", "instance", "job", "zone"],
  ]);
  assert.deepEqual(receiver.values, {
    'jobs_total{Kind="a",instance="7",job="own",zone="eu"}': 1,
    'jobs_total{Kind="a",instance="7",job="batch",zone="eu"}': 2,
  });
});

test("series that become equal by external labels are sent once", async () => {
  const family = new MetricFamily("x", "", "gauge")
    .addSample("x", { job: "a" }, 1)
    .addSample("x", {}, 2);
  const receiver = await send([family], { externalLabels: { job: "a" } });
  assert.deepEqual(seriesOf(receiver).map(seriesText), ['x{job="a"}']);
});

test("names outside the classic alphabet are written with underscores", async () => {
  const family = new MetricFamily("http.requests", "", "gauge", { nameValidation: "utf8" })
    .addSample("http.requests", { "service.name": "a" }, 1);
  const receiver = await send([family]);
  assert.deepEqual(receiver.values, { 'http_requests{service_name="a"}': 1 });
});

test("NaN is written as the ordinary NaN, not as a stale marker", async () => {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setBigUint64(0, 0x7ff0000000000002n);
  let body = new Uint8Array();
  const receiver = new FakeReceiver();
  await send([gauge("x", bits.getFloat64(0))], {
    fetch: (url, init) => {
      body = init.body as Uint8Array<ArrayBuffer>;
      return receiver.fetch(url, init);
    },
  });
  const hex = [...uncompressSnappy(body)].map((byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
  assert.match(hex, /010000000000f87f/);
});

test("samples have the time of the snapshot, and samples with their own timestamps are in another request", async () => {
  const family = gauge().addSample("workers", { at: "past" }, 1, { timestamp: 1_600_000_000.5 });
  const receiver = await send([family]);
  assert.deepEqual(
    receiver.received.map(({ request }) =>
      (request.timeseries ?? []).map((series) => [
        seriesText(series),
        series.samples?.[0]?.timestamp,
      ])
    ),
    [[["workers", NOW_MS]], [['workers{at="past"}', 1_600_000_000_500]]],
  );
});

test("exemplars of counters and buckets are sent", async () => {
  const receiver = await send(allTypes());
  const exemplar = {
    labels: [{ name: "trace_id", value: 'a"\\b' }, { name: "span", value: "é" }],
    value: 0.25,
    timestamp: 1_700_000_000_500,
  };
  const withExemplars = seriesOf(receiver).filter(({ exemplars }) => exemplars?.length);
  assert.deepEqual(withExemplars.map(seriesText), [
    'jobs_total{queue="mail"}',
    'latency_seconds_bucket{le="0.25"}',
  ]);
  for (const { exemplars } of withExemplars) assert.deepEqual(exemplars, [exemplar]);
  const without = await send(allTypes(), { exemplars: false });
  assert.equal(seriesOf(without).some(({ exemplars }) => exemplars?.length), false);
});

test("types, help texts and units are sent once for each family", async () => {
  const receiver = await send(allTypes(), { maxSamplesPerRequest: 1 });
  const metadata = receiver.received.flatMap(({ request }) => request.metadata ?? []);
  assert.equal(
    metadata.length,
    allTypes().length - 1,
    "except for a last family without series",
  );
  assert.deepEqual(metadata.find(({ metric_family_name: name }) => name === "latency_seconds"), {
    type: "HISTOGRAM",
    metric_family_name: "latency_seconds",
    help: "Latency.",
    unit: "seconds",
  });
  assert.deepEqual(
    metadata.map(({ type = "UNKNOWN" }) => type),
    ["COUNTER", "COUNTER", "GAUGE", "HISTOGRAM", "HISTOGRAM", "GAUGEHISTOGRAM", "SUMMARY", "INFO"]
      .concat("STATESET", "UNKNOWN"),
  );
  const without = await send(allTypes(), { metadata: false });
  assert.equal(without.received[0]?.request.metadata, undefined);
});

const NATIVE: NativeHistogram = {
  schema: 3,
  zeroThreshold: 0.5,
  zeroCount: 2,
  positive: new Map([[1, 4], [2, 1], [7, 3]]),
  negative: new Map([[-2, 5]]),
  sum: 12.5,
  count: 15,
};

function nativeFamily(native: NativeHistogram, type: "histogram" | "gaugehistogram" = "histogram") {
  return new MetricFamily("n", "", type).addSample("n", {}, 0, { nativeHistogram: native });
}

test("a native histogram is one series with the name of the family", async () => {
  const receiver = await send([nativeFamily(NATIVE)]);
  assert.deepEqual(seriesOf(receiver).map(seriesText), ["n"]);
  assert.deepEqual(seriesOf(receiver)[0]?.histograms, [{
    count_int: 15,
    sum: 12.5,
    schema: 3,
    zero_threshold: 0.5,
    zero_count_int: 2,
    negative_spans: [{ offset: -2, length: 1 }],
    negative_deltas: [5],
    positive_spans: [{ offset: 1, length: 2 }, { offset: 4, length: 1 }],
    positive_deltas: [4, -3, 2],
    timestamp: NOW_MS,
  }]);
});

test("native histograms with fractional counts and gauge histograms are sent", async () => {
  const positive = new Map([[1, 4.5], [3, 2]]);
  const family = nativeFamily({ ...NATIVE, positive, count: 13.5 }, "gaugehistogram");
  const [histogram] = seriesOf(await send([family]))[0]?.histograms ?? [];
  assert.equal(histogram?.count_float, 13.5);
  assert.equal(histogram?.zero_count_float, 2);
  assert.deepEqual(histogram?.positive_counts, [4.5, 0, 2]);
  assert.deepEqual(histogram?.negative_counts, [5]);
  assert.equal(histogram?.reset_hint, "GAUGE");
});

test("a classic and native histogram is sent in both forms, or only in the classic one", async () => {
  const registry = new CollectorRegistry();
  const both = new Histogram("both_seconds", "", { registry, buckets: [1], nativeHistogram: true });
  const only = new Histogram("only_seconds", "", { registry, nativeHistogram: true });
  for (const value of [0.5, 2]) both.observe(value, { trace_id: String(value) });
  only.observe(3);
  const classic = {
    'both_seconds_bucket{le="1"}': 1,
    'both_seconds_bucket{le="+Inf"}': 2,
    both_seconds_sum: 2.5,
    both_seconds_count: 2,
  };
  const receiver = new FakeReceiver();
  await remoteWrite(URL_TEXT, { registry, fetch: receiver.fetch });
  assert.deepEqual(receiver.values, classic);
  const natives = seriesOf(receiver).filter(({ histograms }) => histograms?.length);
  assert.deepEqual(natives.map(seriesText), ["both_seconds", "only_seconds"]);
  const [, second] = seriesOf(receiver);
  assert.ok(second && second.samples === undefined && seriesText(second) === "both_seconds");
  assert.deepEqual(second.exemplars?.map(({ value }) => value), [0.5, 2]);

  const old = new FakeReceiver();
  await remoteWrite(URL_TEXT, { registry, fetch: old.fetch, nativeHistograms: false });
  assert.deepEqual(old.values, {
    ...classic,
    'only_seconds_bucket{le="+Inf"}': 1,
    only_seconds_sum: 3,
    only_seconds_count: 1,
  });
});

test("an empty registry sends nothing", async () => {
  const receiver = await send([]);
  assert.equal(receiver.received.length, 0);
});

test("a large registry is sent in requests of limited size, and no metric is split", async () => {
  const registry = new CollectorRegistry();
  const seconds = new Histogram("h", "", { registry, labelNames: ["id"], buckets: [1, 2] });
  for (let id = 0; id < 500; id++) seconds.labels({ id }).observe(1);
  for (const limit of [{ maxSamplesPerRequest: 100 }, { maxRequestBytes: 4000 }]) {
    const receiver = new FakeReceiver();
    await remoteWrite(URL_TEXT, { registry, fetch: receiver.fetch, ...limit });
    assert.equal(Object.keys(receiver.values).length, 2500);
    assert.equal(receiver.mostPending, 1);
    const requests = receiver.received.map(({ request }) => request.timeseries ?? []);
    assert.ok(requests.length >= 25);
    for (const timeseries of requests) assert.equal(timeseries.length % 5, 0);
    if (limit.maxSamplesPerRequest) assert.ok(requests.every(({ length }) => length <= 104));
  }
});

test("asynchronous collectors are awaited, and a failing one is left out", async () => {
  const registry = new CollectorRegistry();
  new Gauge("workers", "", { registry }).set(1);
  registry.register({ collect: () => Promise.resolve([gauge("late")]) });
  registry.register({ collect: () => Promise.reject(new Error("broken")) });
  const receiver = new FakeReceiver();
  await remoteWrite(URL_TEXT, { registry, fetch: receiver.fetch });
  assert.equal(receiver.values["late"], 4);
  assert.equal(receiver.values["workers"], 1);
});

const RETRIES: { name: string; replies: Reply[]; waits: number[]; fails?: boolean }[] = [
  { name: "204", replies: [], waits: [] },
  { name: "200 with a body", replies: [{ status: 200, body: "ok" }], waits: [] },
  { name: "500 twice", replies: [500, 500], waits: [500, 1000] },
  { name: "503 with seconds", replies: [{ status: 503, retryAfter: "7" }], waits: [7000] },
  {
    name: "429 with a date",
    replies: [{ status: 429, retryAfter: new Date(NOW_MS + 9000).toUTCString() }],
    waits: [9000],
  },
  {
    name: "a date that has passed",
    replies: [{ status: 503, retryAfter: new Date(NOW_MS - 9000).toUTCString() }],
    waits: [500],
  },
  {
    name: "an invalid Retry-After",
    replies: [{ status: 503, retryAfter: "soon" }],
    waits: [500],
  },
  { name: "no answer", replies: ["fail"], waits: [500] },
  {
    name: "pauses up to maxBackoffMs",
    replies: [500, 500, 500, 500, 500],
    waits: [500, 1000, 2000, 4000, 4000],
  },
  { name: "400", replies: [400], waits: [], fails: true },
  { name: "404", replies: [404], waits: [], fails: true },
  { name: "a redirect", replies: [{ status: 302 }], waits: [], fails: true },
  {
    name: "400 with Retry-After",
    replies: [{ status: 400, retryAfter: "7" }],
    waits: [],
    fails: true,
  },
  {
    name: "a Retry-After beyond the time limit",
    replies: [{ status: 503, retryAfter: "90" }],
    waits: [90_000],
    fails: true,
  },
];
for (const { name, replies, waits, fails = false } of RETRIES) {
  test(`remoteWrite() ${fails ? "gives up" : "succeeds"} after ${name}`, async () => {
    const clock = new PauseClock();
    const receiver = new FakeReceiver();
    receiver.replies = [...replies];
    const registry = new CollectorRegistry();
    new Gauge("workers", "", { registry }).set(1);
    const sent = remoteWrite(URL_TEXT, {
      registry,
      fetch: receiver.fetch,
      clock,
      timeoutMs: REQUEST_TIMEOUT_MS,
      random: () => 1,
      maxBackoffMs: 4000,
    });
    if (fails) {
      await assert.rejects(sent, RemoteWriteError);
    } else {
      for (const _ of waits) await clock.endPause();
      await sent;
    }
    assert.deepEqual(clock.asked, waits);
    if (!fails) assert.equal(receiver.received.length, waits.length + 1);
    const [first, ...rest] = receiver.received.map(({ request }) => request);
    for (const request of rest) assert.deepEqual(request, first, "a retry sends the same request");
  });
}

test("remoteWrite() rejects when the receiver has failed for longer than retryForMs", async () => {
  const clock = new PauseClock();
  const receiver = new FakeReceiver();
  receiver.replies = Array(100).fill(503);
  const errors: unknown[] = [];
  const registry = new CollectorRegistry();
  new Gauge("workers", "", { registry }).set(1);
  const rejected = assert.rejects(
    remoteWrite(URL_TEXT, {
      registry,
      fetch: receiver.fetch,
      clock,
      timeoutMs: REQUEST_TIMEOUT_MS,
      random: () => 0,
      retryForMs: 3000,
      onError: (error) => errors.push(error),
    }),
    (error) => error instanceof RemoteWriteError && error.status === 503 && error.retryable,
  );
  // 0.25 + 0.5 + 1 s pass, and 2 s more would be too long.
  for (let i = 0; i < 3; i++) await clock.endPause();
  await rejected;
  assert.equal(errors.length, 4);
});

test("an aborted signal ends remoteWrite()", async () => {
  const controller = new AbortController();
  const receiver = new FakeReceiver();
  receiver.gate = new Promise(() => {});
  const registry = new CollectorRegistry();
  new Gauge("workers", "", { registry }).set(1);
  const { signal } = controller;
  const sent = remoteWrite(URL_TEXT, {
    registry,
    signal,
    fetch: (url, init) => {
      queueMicrotask(() => controller.abort(new Error("enough")));
      return receiver.fetch(url, init);
    },
  });
  await assert.rejects(sent, /enough/);
  await assert.rejects(remoteWrite(URL_TEXT, { registry, signal }), /enough/);
});

/** Returns a registry with one series. */
function oneSeries(): CollectorRegistry {
  const registry = new CollectorRegistry();
  new Gauge("workers", "", { registry }).set(1);
  return registry;
}

const never = <T>(): Promise<T> => new Promise(() => {});
const deaf = new FakeReceiver();
deaf.gate = never();
const DEAF: [string, RemoteWriteOptions][] = [
  ["a receiver that does not answer", { fetch: deaf.fetch }],
  ["a fetch that never answers and ignores its signal", { fetch: never }],
  ["a bearer token that never resolves", { bearerToken: never }],
];
for (const [what, options] of DEAF) {
  test(`a request with ${what} ends at the time limit`, async () => {
    const clock = new ManualClock();
    const rejected = assert.rejects(
      remoteWrite(URL_TEXT, {
        registry: oneSeries(),
        clock,
        timeoutMs: 5,
        retryForMs: 1,
        ...options,
      }),
      { message: `Cannot write to "${URL_TEXT}": no answer within 5 ms` },
    );
    await until("both limits run", () => clock.timers === 2);
    clock.advance(0.005);
    await rejected;
  });
}

const ANSWERS: [string, UnderlyingDefaultSource<Uint8Array>][] = [
  ["never ends", { pull: never }],
  ["breaks off", { pull: (controller) => controller.error(new Error("torn")) }],
  ["cannot be cancelled", { pull: never, cancel: () => Promise.reject(new Error("torn")) }],
  ["never finishes its cancellation", { cancel: never }],
];
for (const [what, source] of ANSWERS) {
  test(`the status of an answer counts if its body ${what}`, async () => {
    let requests = 0;
    let isRead = false;
    const clock = new ManualClock();
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      isRead = true;
      return (source.pull ?? never)(controller);
    };
    const options = (status: number): RemoteWriteOptions => ({
      registry: oneSeries(),
      clock,
      timeoutMs: 5,
      fetch: () => {
        requests++;
        const body = new ReadableStream({ ...source, pull }, { highWaterMark: 0 });
        return Promise.resolve(new Response(body, { status }));
      },
    });
    await remoteWrite(URL_TEXT, options(200));
    const rejected = assert.rejects(remoteWrite(URL_TEXT, options(400)), {
      status: 400,
      retryable: false,
    });
    await until("the answer is read", () => isRead);
    clock.advance(0.005);
    await rejected;
    assert.equal(requests, 2, "nothing is sent twice");
  });
}

test("a rejection of onError is handled", async () => {
  // An unhandled rejection would make the test fail.
  await assert.rejects(
    remoteWrite(URL_TEXT, {
      registry: oneSeries(),
      fetch: () => Promise.resolve(new Response(null, { status: 400 })),
      onError: () => Promise.reject(new Error("no room in the log")),
    }),
    RemoteWriteError,
  );
  await new Promise((resolve) => setTimeout(resolve, 0));
});

test("headers accept any form of HeadersInit", async () => {
  for (const headers of [new Headers({ "x-key": "a" }), [["x-key", "a"]] as [string, string][]]) {
    const receiver = new FakeReceiver();
    await remoteWrite(URL_TEXT, { registry: oneSeries(), headers, fetch: receiver.fetch });
    assert.equal(receiver.received[0]!.headers.get("x-key"), "a");
  }
});

test("a redirect is not followed, and the error has its target, without secrets", async () => {
  const location = "//ann:s3cret@other/login?token=s3cret";
  const fetch = () => Promise.resolve(new Response(null, { status: 302, headers: { location } }));
  await assert.rejects(remoteWrite(URL_TEXT, { registry: oneSeries(), fetch }), {
    message:
      `Cannot write to "${URL_TEXT}": the receiver answered 302, a redirect to http://other/login`,
  });
});

test("credentials and a query in an answer are hidden", async () => {
  const echo = (url: string, init: RequestInit) =>
    `${url}, ${new URL(url).search}, ${new Headers(init.headers).get("authorization")}`;
  const urls = ["http://localhost/write?token=t0ken", "http://localhost/write"];
  for (const url of urls) {
    for (const basicAuth of [{ username: "ann", password: "s3cret" }, undefined]) {
      const options = { registry: oneSeries(), retryForMs: 1, ...basicAuth && { basicAuth } };
      const bearerToken = basicAuth === undefined ? { bearerToken: "s3cret" } : {};
      for (
        const fetch of [
          (...args: Parameters<typeof echo>) => Promise.reject(new Error(echo(...args))),
          (...args: Parameters<typeof echo>) =>
            Promise.resolve(new Response(echo(...args), { status: 400 })),
        ]
      ) {
        const error: unknown = await remoteWrite(url, { ...options, ...bearerToken, fetch })
          .catch((error) => error);
        assert.ok(error instanceof RemoteWriteError);
        assert.match(error.message, /(?:Basic|Bearer) …$/);
        const shown = JSON.stringify({ ...error }) + error.message;
        assert.doesNotMatch(shown, /s3cret|t0ken/);
        assert.ok(!shown.includes(btoa("ann:s3cret")));
      }
    }
  }
});

/** Repeats everything that a server receives, in many spellings. */
function echoEverything(url: string, init: RequestInit): string {
  const headers = new Headers(init.headers);
  const [scheme, credentials = ""] = (headers.get("authorization") ?? "").split(" ");
  const decoded = scheme === "Basic" ? atob(credentials) : "";
  const { searchParams } = new URL(url);
  return [
    url,
    decodeURIComponent(url),
    ...headers.values(),
    ...searchParams.values(),
    decoded,
    JSON.stringify({ headers: [...headers], query: [...searchParams], decoded }),
    encodeURIComponent(decoded),
  ].join(" | ");
}

test("every spelling of credentials, of custom headers and of the query is hidden", async () => {
  const password = 'p"w&5 €';
  const secrets = [password, encodeURIComponent(password), "k3y-value", "to ken/1", "to%20ken%2F1"];
  const url = `http://ann:${encodeURIComponent(password)}@localhost/write?token=to%20ken%2F1&x=abc`;
  for (
    const fetch of [
      (url: string, init: RequestInit) => Promise.reject(new Error(echoEverything(url, init))),
      (url: string, init: RequestInit) =>
        Promise.resolve(new Response(echoEverything(url, init), { status: 400 })),
    ]
  ) {
    const error: unknown = await remoteWrite(url, {
      registry: oneSeries(),
      retryForMs: 1,
      headers: { "x-api-key": "k3y-value", "x-pin": "77" },
      fetch,
    }).catch((error) => error);
    assert.ok(error instanceof RemoteWriteError);
    const shown = JSON.stringify({ ...error }) + error.message;
    for (const secret of [...secrets, JSON.stringify(password).slice(1, -1), "abc", "77"]) {
      assert.ok(!shown.includes(secret), `${secret} is shown in ${shown}`);
    }
    assert.match(shown, /application\/x-protobuf/, "other values are shown");
  }
});

test("errors contain the answer and no secrets", async () => {
  const secretUrl = "http://ann:s3cret@localhost:1/write?token=t0ken";
  const shown = "http://localhost:1/write";
  const cases: [Reply, string][] = [
    [
      { status: 400, body: "out of order sample\n" },
      "the receiver answered 400: out of order sample",
    ],
    [{ status: 404 }, "the receiver answered 404"],
    ["fail", "error sending request for url (…)"],
  ];
  for (const [reply, reason] of cases) {
    const receiver = new FakeReceiver();
    receiver.replies = [reply];
    const registry = new CollectorRegistry();
    new Gauge("workers", "", { registry }).set(1);
    const error: unknown = await remoteWrite(secretUrl, {
      registry,
      fetch: receiver.fetch,
      retryForMs: 1,
    }).catch((error) => error);
    assert.ok(error instanceof RemoteWriteError);
    assert.equal(error.message, `Cannot write to "${shown}": ${reason}`);
    assert.equal(error.samples, 1);
    assert.equal(error.status, reply === "fail" ? undefined : (reply as { status: number }).status);
    assert.deepEqual(receiver.urls, ["http://localhost:1/write?token=t0ken"]);
    assert.doesNotMatch(JSON.stringify({ ...error }) + error.stack, /s3cret|t0ken/);
  }
  const registry = new CollectorRegistry();
  new Gauge("workers", "", { registry }).set(1);
  const error: unknown = await remoteWrite(secretUrl, { registry, retryForMs: 1 })
    .catch((error) => error);
  assert.ok(error instanceof RemoteWriteError && error.retryable);
  assert.doesNotMatch(error.message, /s3cret|t0ken/);
});

test("errors keep 8192 bytes of a body", async () => {
  const receiver = new FakeReceiver();
  receiver.replies = [{ status: 400, body: "x".repeat(100_000) }];
  const registry = new CollectorRegistry();
  new Gauge("workers", "", { registry }).set(1);
  const error: unknown = await remoteWrite(URL_TEXT, { registry, fetch: receiver.fetch })
    .catch((error) => error);
  assert.ok(error instanceof RemoteWriteError);
  assert.equal(error.body, "x".repeat(8192));
});

test("a bearer token may be renewed for each request", async () => {
  const receiver = new FakeReceiver();
  let number = 0;
  const registry = new CollectorRegistry();
  for (const name of ["a", "b"]) new Gauge(name, "", { registry }).set(1);
  await remoteWrite(URL_TEXT, {
    registry,
    fetch: receiver.fetch,
    maxSamplesPerRequest: 1,
    bearerToken: () => Promise.resolve(`token-${++number}`),
  });
  assert.deepEqual(
    receiver.received.map(({ headers }) => headers.get("authorization")),
    ["Bearer token-1", "Bearer token-2"],
  );
});

const BAD: { url?: string; options?: Record<string, unknown>; error: RegExp }[] = [
  { url: "ann:s3cret@nowhere", error: /^TypeError: Cannot write to a URL: the protocol must be/ },
  { url: "no url", error: /^TypeError: Cannot write to a URL: the URL is invalid$/ },
  {
    options: { headers: { "Content-Type": "a/b" } },
    error: /header "content-type" is set already/,
  },
  {
    options: { headers: { Authorization: "a" }, bearerToken: "b" },
    error: /credentials must be given once/,
  },
  {
    options: { headers: { "X-Key": "s3\ncret" } },
    error: /headers must be names and values that HTTP allows$/,
  },
  {
    options: { basicAuth: { username: "a", password: "s3cret" }, bearerToken: "s3cret" },
    error: /credentials must be given once/,
  },
  {
    url: "http://ann:s3cret@localhost/write",
    options: { basicAuth: { username: "a", password: "b" } },
    error: /credentials must be given once/,
  },
  { url: "http://ann:s3cret%zz@localhost/", error: /credentials in url must be percent-encoded/ },
  { options: { basicAuth: { username: "a" } }, error: /^TypeError: .*password must be a string/ },
  { options: { basicAuth: { username: "a:b", password: "s3cret" } }, error: /without colons/ },
  { options: { interval: 1 }, error: /^TypeError: .*unknown option "interval": known .*"signal"$/ },
  { options: { registry: {} }, error: /^TypeError: .*registry must be a registry/ },
  { options: { fetch: "f" }, error: /^TypeError: .*fetch must be a function: received "f"$/ },
  { options: { onError: "f" }, error: /^TypeError: .*onError must be a function: received "f"$/ },
  { options: { externalLabels: { "a-b": "" } }, error: /label name must match/ },
  { options: { externalLabels: { __name__: "" } }, error: /are reserved/ },
  { options: { externalLabels: { a: null } }, error: /value of label "a" must be/ },
  { options: { externalLabels: 3 }, error: /externalLabels must be an object: received 3$/ },
  { options: { timeoutMs: 0 }, error: /^RangeError: .*timeoutMs must be > 0: received 0$/ },
  { options: { maxBufferedBytes: NaN }, error: /^RangeError: .*maxBufferedBytes/ },
  {
    options: { retryForMs: "1" },
    error: /^TypeError: .*retryForMs must be a number: received "1"$/,
  },
];
for (const { url = URL_TEXT, options = {}, error } of BAD) {
  test(`remoteWrite() refuses ${url} with ${JSON.stringify(options)}`, async () => {
    // The options are invalid on purpose.
    const refusal: unknown = await remoteWrite(url, options as RemoteWriteOptions)
      .catch((error) => error);
    assert.match(String(refusal), error);
    assert.doesNotMatch(String(refusal), /s3cret/);
  });
}
