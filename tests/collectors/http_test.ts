import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { test } from "node:test";
import { instrument, type InstrumentOptions, setRoute } from "../../collectors/http.ts";
import {
  type AnyCounter,
  type Collector,
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  DuplicateMetricError,
  generateMetrics,
  generateOpenMetrics,
  generateProtobuf,
  type MetricFamily,
  type Registry,
  setExemplarSource,
} from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { readSamples } from "../support/http.ts";
import { copyLibrary } from "../support/library_copy.ts";

const get = (path = "/", init?: RequestInit) => new Request(`http://localhost${path}`, init);

/** Returns the counts of durations by `METHOD STATUS route`. */
function durations(registry: CollectorRegistry): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [series, value] of Object.entries(readSamples(registry))) {
    const match = series.match(
      /^server_request_duration_seconds_count\{method="(.*)",status_code="(.*)",route="(.*)"\}$/,
    );
    if (match !== null) counts[match.slice(1).join(" ")] = value;
  }
  return counts;
}

test("instrument() measures a request with the names and labels of OpenTelemetry", async () => {
  const registry = new CollectorRegistry();
  const clock = new ManualClock();
  const handler = instrument(() => {
    clock.advance(0.0625);
    return new Response("hello");
  }, { registry, clock, route: ["/hello"] });
  await handler(
    get("/hello?who=me", { method: "POST", body: "12345678", headers: { "content-length": "8" } }),
  );
  const text = generateMetrics(registry);
  const labels = 'http_request_method="POST",http_response_status_code="200",http_route="/hello"';
  assert.ok(
    text.startsWith(`# HELP http_server_request_duration_seconds Duration of HTTP server requests.
# TYPE http_server_request_duration_seconds histogram
http_server_request_duration_seconds_bucket{${labels},le="0.005"} 0
http_server_request_duration_seconds_bucket{${labels},le="0.01"} 0
http_server_request_duration_seconds_bucket{${labels},le="0.025"} 0
http_server_request_duration_seconds_bucket{${labels},le="0.05"} 0
http_server_request_duration_seconds_bucket{${labels},le="0.075"} 1
http_server_request_duration_seconds_bucket{${labels},le="0.1"} 1
http_server_request_duration_seconds_bucket{${labels},le="0.25"} 1
http_server_request_duration_seconds_bucket{${labels},le="0.5"} 1
http_server_request_duration_seconds_bucket{${labels},le="0.75"} 1
http_server_request_duration_seconds_bucket{${labels},le="1"} 1
http_server_request_duration_seconds_bucket{${labels},le="2.5"} 1
http_server_request_duration_seconds_bucket{${labels},le="5"} 1
http_server_request_duration_seconds_bucket{${labels},le="7.5"} 1
http_server_request_duration_seconds_bucket{${labels},le="10"} 1
http_server_request_duration_seconds_bucket{${labels},le="+Inf"} 1
http_server_request_duration_seconds_sum{${labels}} 0.0625`),
    text,
  );
  assert.match(text, /^http_server_active_requests\{http_request_method="POST"\} 0$/m);
  assert.ok(text.includes(`\nhttp_server_request_body_size_bytes_sum{${labels}} 8\n`));
  assert.doesNotMatch(text, /response_body_size/);
  assert.match(text, /^# TYPE http_server_request_errors_total counter$/m);
  assert.doesNotMatch(text, /^http_server_request_errors_total\{/m);
});

test("a request is active until it is answered", async () => {
  const registry = new CollectorRegistry();
  const waiting: ((response: Response) => void)[] = [];
  const handler = instrument(() => new Promise<Response>((resolve) => waiting.push(resolve)), {
    registry,
  });
  const active = () =>
    registry.getSampleValue("http_server_active_requests", { http_request_method: "GET" });
  const answers = [handler(get()), handler(get())];
  assert.equal(active(), 2);
  waiting[0]!(new Response(null));
  await answers[0];
  assert.equal(active(), 1);
  waiting[1]!(new Response("x"));
  await answers[1];
  assert.equal(active(), 0);
});

test("arguments, `this` and the result are passed on unchanged", async () => {
  const registry = new CollectorRegistry();
  const seen: unknown[] = [];
  const self = {
    handler: instrument(function (this: unknown, ...args: unknown[]) {
      seen.push(this, ...args);
      return Promise.resolve(new Response("x", { status: 201, headers: { a: "b" } }));
    }, { registry }),
  };
  const request = get();
  const response = await (self.handler as (...args: unknown[]) => Promise<Response>)(
    request,
    1,
    "two",
  );
  assert.deepEqual(seen, [self, request, 1, "two"]);
  assert.equal(response.status, 201);
  assert.equal(response.headers.get("a"), "b");
  assert.equal(await response.text(), "x");
});

test("a measured handler keeps name and length of the original, but has at least one parameter", () => {
  // Deno creates only as many arguments as the length requires.
  const handlers: [handler: () => unknown, length: number][] = [
    [function none() {}, 1],
    [function two(_request: unknown, _info: unknown) {} as never, 2],
  ];
  for (const [handler, length] of handlers) {
    const registry = new CollectorRegistry();
    const measured = instrument(handler, { registry });
    assert.equal(measured.name, handler.name);
    assert.equal(measured.length, length);
    assert.equal(instrument({ fetch: handler }, { registry }).fetch.length, length);
  }
});

const PASSED_THROUGH: [what: string, answer: () => unknown, key: string][] = [
  ["a response without a body", () => new Response(null, { status: 204 }), "204"],
  ["a redirect", () => Response.redirect("http://localhost/elsewhere"), "302"],
  ["an upgrade", () => ({ status: 101, headers: new Headers() }), "101"],
  ["undefined, as after an upgrade in Bun", () => undefined, "Bun" in globalThis ? "101" : "500"],
  ["a string, not a response", () => "oops", "500"],
];
for (const [what, make, status] of PASSED_THROUGH) {
  test(`an answer that is ${what} is returned synchronously as the same object`, () => {
    const registry = new CollectorRegistry();
    const answer = make();
    const handler = instrument(() => answer, { registry });
    assert.equal(handler(get()), answer);
    assert.deepEqual(durations(registry), { [`GET ${status} `]: 1 });
  });
}

test("Response.error() is passed on", () => {
  const registry = new CollectorRegistry();
  const answer = Response.error();
  assert.equal(instrument(() => answer, { registry })(get()), answer);
});

test("an answer that is a promise is returned as the same promise", async () => {
  const registry = new CollectorRegistry();
  const answer = Promise.resolve(new Response("x"));
  assert.equal(instrument(() => answer, { registry })(get()), answer);
  await answer;
  assert.deepEqual(durations(registry), { "GET 200 ": 1 });
});

test("then() of a custom thenable is called once", async () => {
  const registry = new CollectorRegistry();
  const answer = new Response("x");
  let calls = 0;
  const thenable = {
    then(resolve: (response: Response) => void) {
      calls++;
      resolve(answer);
    },
  };
  assert.equal(await instrument(() => thenable, { registry })(get()), answer);
  assert.equal(calls, 1);
  assert.deepEqual(durations(registry), { "GET 200 ": 1 });
});

test("instrument() reads only the status of a response", () => {
  const registry = new CollectorRegistry();
  const answer = new Proxy(new Response("x"), {
    get(target, key) {
      if (key !== "status" && key !== "then") throw new Error(`${String(key)} was read`);
      return Reflect.get(target, key, target);
    },
  });
  assert.equal(instrument(() => answer, { registry, route: ["/"] })(get()), answer);
  assert.deepEqual(durations(registry), { "GET 200 /": 1 });
});

test("a failure counts once as 500 with the type of its error, and is rethrown", async () => {
  class TeapotError extends Error {}
  const failures: [error: unknown, type: string][] = [
    [new TypeError("x"), "TypeError"],
    [new TeapotError("x"), "TeapotError"],
    [new DOMException("x", "AbortError"), "AbortError"],
    [Object.assign(new Error("x"), { code: "ECONNREFUSED" }), "ECONNREFUSED"],
    [Object.assign(new RangeError("x"), { code: "22P02", name: "PostgresError" }), "22P02"],
    [new TypeError("x", { cause: Object.assign(new Error(), { code: "ENOTFOUND" }) }), "ENOTFOUND"],
    [new TypeError("x", { cause: new Error() }), "TypeError"],
    [Object.assign(new TypeError("x"), { code: 7 }), "TypeError"],
    [Object.assign(new TypeError("x"), { code: "chosen by a visitor" }), "TypeError"],
    [Object.assign(new TeapotError("x"), { name: "KettleError" }), "KettleError"],
    [Object.assign(new Error("x"), { name: "chosen by a visitor" }), "Error"],
    [{ code: "EOWN" }, "EOWN"],
    [{ name: "NoError" }, "_OTHER"],
    [new (class extends Error {})("anonymous"), "_OTHER"],
    [Object.assign(new Error(), { constructor: { name: 'x"}\n' } }), "_OTHER"],
    [Object.assign(new Error(), { constructor: null }), "_OTHER"],
    ["a text", "_OTHER"],
    [undefined, "_OTHER"],
    [null, "_OTHER"],
    [
      new Proxy(new Error(), {
        get: () => {
          throw new Error();
        },
        getPrototypeOf: () => {
          throw new Error();
        },
      }),
      "_OTHER",
    ],
  ];
  for (const [error, type] of failures) {
    for (
      const throwing of [() => {
        throw error;
      }, () => Promise.reject(error)]
    ) {
      const registry = new CollectorRegistry();
      const handler = instrument(throwing, { registry, route: ["/"] });
      let thrown: unknown = "nothing was thrown";
      try {
        await handler(get());
      } catch (caught) {
        thrown = caught;
      }
      assert.ok(thrown === error);
      assert.deepEqual(durations(registry), { "GET 500 /": 1 });
      const samples = readSamples(registry);
      assert.equal(
        samples[`server_request_errors_total{method="GET",route="/",error_type="${type}"}`],
        1,
        type,
      );
      assert.equal(samples['server_active_requests{method="GET"}'], 0);
    }
  }
});

test("all handlers of a registry together distinguish only fifty types of errors", () => {
  const registry = new CollectorRegistry();
  let i = 0;
  const fail = () => {
    const name = `Error${i++}`;
    throw new ({ [name]: class extends Error {} }[name]!)();
  };
  const handlers = [instrument(fail, { registry }), instrument(fail, { registry })];
  for (let n = 0; n < 80; n++) assert.throws(() => handlers[n % 2]!(get()));
  const types = Object.keys(readSamples(registry)).filter((key) => key.includes("error_type"));
  assert.equal(types.length, 51);
});

const METHODS: [method: string, label: string][] = [
  ["GET", "GET"],
  ["PATCH", "PATCH"],
  ["patch", "_OTHER"], // Methods are case-sensitive, and requests do not normalize this one.
  ["QUERY", "QUERY"],
  ["PROPFIND", "PROPFIND"],
  ["BREW", "_OTHER"],
  ["constructor", "_OTHER"],
  ["__proto__", "_OTHER"],
];
for (const [method, label] of METHODS) {
  test(`method ${method} is ${label}`, async () => {
    const registry = new CollectorRegistry();
    await instrument(() => new Response(null), { registry, methods: ["PROPFIND"] })(
      // Bun creates no request with an unknown method, but can receive one.
      Object.defineProperty(get(), "method", { value: method }),
    );
    assert.deepEqual(durations(registry), { [`${label} 200 `]: 1 });
  });
}

const users = new URLPattern({ pathname: "/users/:id" });
const onHost = new URLPattern({ hostname: "localhost", pathname: "/here" });
const ROUTES: [what: string, route: InstrumentOptions["route"], path: string, label: string][] = [
  ["no option", undefined, "/users/7", ""],
  ["a function", () => "/users/:id", "/users/7", "/users/:id"],
  ["a function without a route", () => undefined, "/users/7", ""],
  ["a function that returns null", () => null, "/users/7", ""],
  ["a function that returns a number", (() => 7) as never, "/users/7", ""],
  ["a function that returns a promise", (() => Promise.resolve("/x")) as never, "/users/7", ""],
  [
    "a function that throws",
    () => {
      throw new Error();
    },
    "/users/7",
    "",
  ],
  ["one string", "/users/[id]", "/users/7", "/users/[id]"],
  ["a pattern as a string", ["/users/:id"], "/users/7?q=1", "/users/:id"],
  ["a pattern, and a path with a fragment", ["/users/:id"], "/users/7#a?b/c", "/users/:id"],
  ["a pattern, and a longer path", ["/users/:id"], "/users/7/", ""],
  ["a pattern, and a path without the parameter", ["/users/:id"], "/users/", ""],
  ["a pattern, and another path", ["/users/:id"], "/user/7", ""],
  ["a pattern with two parameters", ["/:a/to/:b"], "/x/to/y", "/:a/to/:b"],
  ["a pattern with an optional part", ["/users{/:id}?"], "/users", "/users{/:id}?"],
  ["a pattern with a group", ["/users/:id([0-9]+)"], "/users/7", "/users/:id([0-9]+)"],
  ["a pattern with characters of regular expressions", ["/a.b/$"], "/a.b/$", "/a.b/$"],
  ["a dot, which is not a wildcard", ["/a.b"], "/axb", ""],
  ["a URLPattern", [users], "/users/7", "/users/:id"],
  ["a URLPattern with a host", [onHost], "/here", "localhost/here"],
  ["the first of two patterns", ["/users/me", "/users/:id"], "/users/me", "/users/me"],
  ["the second of two patterns", ["/users/me", users], "/users/you", "/users/:id"],
  ["a plain path", ["/"], "/?x=/users", "/"],
  ["patterns that do not match", ["/", users], "/users/7/edit", ""],
  ["a wildcard", ["/files/*"], "/files/a/b", "/files/*"],
  ["a wildcard that matches an empty text", ["/files/*"], "/files/", "/files/*"],
  ["a wildcard, and a shorter path", ["/files/*"], "/files", ""],
  ["a wildcard alone", ["*"], "/users/7", "*"],
];
for (const [what, route, path, label] of ROUTES) {
  test(`the route from ${what} is ${JSON.stringify(label)}`, async () => {
    const registry = new CollectorRegistry();
    await instrument(() => new Response(null), { registry, route })(get(path));
    assert.deepEqual(durations(registry), { [`GET 200 ${label}`]: 1 });
  });
}

test("setRoute() overrides the option, and its last call wins", async () => {
  const registry = new CollectorRegistry();
  const handler = instrument(async (request: Request) => {
    setRoute(request, "/first");
    await undefined;
    setRoute(request, "/second");
    if (request.url.endsWith("fail")) throw new Error();
    return new Response(null);
  }, { registry, route: () => "/option" });
  await handler(get());
  await assert.rejects(async () => await handler(get("/fail")));
  assert.deepEqual(durations(registry), { "GET 200 /second": 1, "GET 500 /second": 1 });
});

test("routes beyond maxRoutes share one label value", async () => {
  const registry = new CollectorRegistry();
  const handler = instrument(() => new Response(null), {
    registry,
    maxRoutes: 2,
    route: ({ url }) => new URL(url).pathname, // the mistake
  });
  for (const path of ["/a", "/b", "/c", "/d", "/a"]) await handler(get(path));
  assert.deepEqual(durations(registry), { "GET 200 /a": 2, "GET 200 /b": 1, "GET 200 _OTHER": 2 });
});

test("ignored requests are not measured, and a filter that throws ignores nothing", async () => {
  for (const ignore of [["/metrics"], ({ url }: Request) => url.endsWith("/metrics")]) {
    const registry = new CollectorRegistry();
    const handler = instrument(() => new Response("x"), { registry, ignore });
    assert.equal((await handler(get("/metrics"))).status, 200);
    assert.deepEqual(readSamples(registry), {});
    await handler(get("/other"));
    assert.deepEqual(durations(registry), { "GET 200 ": 1 });
  }
  const registry = new CollectorRegistry();
  await instrument(() => new Response("x"), {
    registry,
    ignore: () => {
      throw new Error();
    },
  })(get());
  assert.deepEqual(durations(registry), { "GET 200 ": 1 });
});

test("an object with fetch() is copied, and remains the `this` of its fetch()", async () => {
  class Service {
    #secret = "secret";
    port = 8000;
    get twice() {
      return this.port * 2;
    }
    fetch(_request: Request, env: { name: string }) {
      return new Response(this.#secret + env.name);
    }
  }
  const registry = new CollectorRegistry();
  const service = new Service();
  const measured = instrument(service, { registry });
  assert.notEqual(measured as unknown, service);
  assert.equal(measured.port, 8000);
  assert.equal(measured.twice, 16000);
  const { fetch } = measured;
  assert.equal(await (await fetch(get(), { name: "!" })).text(), "secret!");
  assert.equal(await (await service.fetch(get(), { name: "?" })).text(), "secret?");
  assert.deepEqual(durations(registry), { "GET 200 ": 1 });
});

test("two handlers of one registry share its metrics, even through a proxy", async () => {
  const registry = new CollectorRegistry();
  const proxy = new CollectorRegistryProxy(registry);
  await instrument(() => new Response("a"), { registry })(get());
  const second = instrument(() => new Response("b"), { registry: proxy });
  await second(get());
  assert.deepEqual(durations(registry), { "GET 200 ": 2 });
  const other = new CollectorRegistry();
  proxy.setRegistry(other, { collectors: "leave" });
  await second(get());
  assert.deepEqual(durations(registry), { "GET 200 ": 3 });
  await instrument(() => new Response("c"), { registry: proxy })(get());
  assert.deepEqual(durations(other), { "GET 200 ": 1 });
});

test("instrument() registers the metrics again after clear()", () => {
  const registry = new CollectorRegistry();
  const handler = instrument(() => new Response("a"), { registry });
  registry.clear();
  assert.equal(generateMetrics(registry), "");
  instrument(() => new Response("a"), { registry })(get());
  handler(get());
  assert.deepEqual(durations(registry), { "GET 200 ": 2 });
});

test("instrument() throws on other options for the same registry, and on a name that is in use", () => {
  const registry = new CollectorRegistry();
  instrument(() => new Response("a"), { registry });
  for (const options of [{ buckets: [1] }, { labels: { a: () => "" } }, { maxSeries: 7 }]) {
    assert.throws(
      () => instrument(() => new Response("a"), { registry, ...options }),
      DuplicateMetricError,
    );
  }
  // Response sizes are a separate family, which can be added later.
  instrument(() => new Response("a"), { registry, bodies: true });
  const taken = new CollectorRegistry();
  new Counter("http_server_request_errors_total", "Mine.", { registry: taken });
  assert.throws(
    () => instrument(() => new Response("a"), { registry: taken }),
    DuplicateMetricError,
  );
  assert.equal(taken.getSampleValue("http_server_request_errors_total"), 0);
  // The failed call has registered nothing.
  assert.doesNotMatch(generateMetrics(taken), /duration/);
});

test("a custom registry whose register() returns nothing has the metrics", () => {
  const collectors = new Set<Collector>();
  const registry: Registry = {
    prefix: "app",
    register: (collector) => void collectors.add(collector),
    unregister: (collector) => collectors.delete(collector),
    *collect() {
      for (const collector of collectors) {
        yield* collector.collect() as Iterable<MetricFamily>;
      }
    },
  };
  instrument(() => new Response("a"), { registry })(get());
  instrument(() => new Response("b"), { registry })(get());
  assert.match(
    generateMetrics(registry),
    /^app_http_server_request_duration_seconds_count\{.*"GET".*\} 2$/m,
  );
});

test("the option namespace is a prefix of all names", () => {
  const registry = new CollectorRegistry();
  instrument(() => new Response("a"), { registry, namespace: "shop", bodies: true })(get());
  const names = [...registry.collect()].map(({ name }) => name);
  assert.equal(names.length, 5);
  for (const name of names) assert.match(name, /^shop_http_server_/);
});

test("label functions are called after the response, and are empty without a value", async () => {
  const registry = new CollectorRegistry();
  const labels = {
    tenant: (request: Request, response?: Response) =>
      `${request.headers.get("x-tenant")} ${response?.statusText ?? "-"}`,
    nothing: () => undefined,
    number: (() => 7) as never,
    broken: () => {
      throw new Error();
    },
  };
  const handler = instrument(async (request: Request) => {
    await undefined;
    if (request.method === "POST") throw new TypeError();
    return new Response("hello", { statusText: "fine" });
  }, { registry, labels, bodies: true });
  const headers = { "x-tenant": "a" };
  await (await handler(get("/", { headers }))).text();
  await assert.rejects(handler(
    get("/", { method: "POST", body: "x", headers: { ...headers, "content-length": "1" } }),
  ));
  const samples = readSamples(registry);
  const rest = 'nothing="",number="",broken=""';
  const good = `{method="GET",status_code="200",route="",tenant="a fine",${rest}}`;
  assert.equal(samples[`server_request_duration_seconds_count${good}`], 1);
  assert.equal(samples[`server_response_body_size_bytes_sum${good}`], 5);
  const bad = `{method="POST",status_code="500",route="",tenant="a -",${rest}}`;
  assert.equal(samples[`server_request_duration_seconds_count${bad}`], 1);
  assert.equal(samples[`server_request_body_size_bytes_sum${bad}`], 1);
  const error = `{method="POST",route="",error_type="TypeError",tenant="a -",${rest}}`;
  assert.equal(samples[`server_request_errors_total${error}`], 1);
  assert.equal(samples['server_active_requests{method="GET"}'], 0);
});

test("maxSeries limits each family, whatever the labels are", () => {
  const registry = new CollectorRegistry();
  let n = 0;
  const handler = instrument(() => {
    if (n % 2 === 0) throw new Error();
    return new Response("x");
  }, { registry, maxSeries: 3, labels: { path: () => `/${n++}` } });
  for (let i = 0; i < 100; i++) {
    try {
      handler(get());
    } catch {
      // Every second call throws.
    }
  }
  const counts = Object.keys(readSamples(registry)).filter((key) => key.includes("seconds_count"));
  assert.equal(counts.length, 4);
  const errors = Object.keys(readSamples(registry)).filter((key) => key.includes("errors_total{"));
  assert.equal(errors.length, 4);
});

/** A registry that keeps its metrics, so that a test can clear them. */
class KeepingRegistry extends CollectorRegistry {
  readonly metrics: { clear(): void }[] = [];

  override register(collector: Collector): Collector {
    this.metrics.push(collector as AnyCounter); // Only metrics are registered here.
    return super.register(collector);
  }
}

test("removed series start again with the next request", () => {
  const registry = new KeepingRegistry();
  const handler = instrument(() => new Response(), { registry, route: "/" });
  const post = () => handler(get("/", { method: "POST", headers: { "content-length": "2" } }));
  const counts = () => {
    const labels = { http_request_method: "POST", http_response_status_code: 200, http_route: "/" };
    return ["duration_seconds", "body_size_bytes"].map((name) =>
      registry.getSampleValue(`http_server_request_${name}_count`, labels)
    );
  };
  post();
  post();
  assert.deepEqual(counts(), [2, 2]);
  for (const metric of registry.metrics) metric.clear();
  assert.deepEqual(counts(), [undefined, undefined]);
  post();
  post();
  assert.deepEqual(counts(), [2, 2]);
  assert.equal(
    registry.getSampleValue("http_server_active_requests", { http_request_method: "POST" }),
    0,
  );
});

test("each look-up of a series without room is counted", () => {
  const registry = new CollectorRegistry();
  const handler = instrument(() => new Response(), {
    registry,
    maxSeries: 1,
    route: ["/", "/users/:id"],
  });
  for (const path of ["/", "/", "/users/7", "/users/7", "/users/7"]) handler(get(path));
  const metric = "http_server_request_duration_seconds";
  assert.equal(registry.getSampleValue("narthex_series_overflow_total", { metric }), 3);
  assert.equal(
    registry.getSampleValue(`${metric}_count`, {
      http_request_method: "overflow",
      http_response_status_code: "overflow",
      http_route: "overflow",
    }),
    3,
  );
});

/** Returns a request whose client can disconnect. */
function leaving(): { request: Request; leave: () => void } {
  const controller = new AbortController();
  const request = get("/", { signal: controller.signal });
  return { request, leave: () => controller.abort() };
}

const ABORTED = 'server_request_errors_total{method="GET",route="",error_type="abort"}';
const isDeno = "Deno" in globalThis;

test("a request whose client disconnected before a late response has no status", async () => {
  for (const detectAborts of [false, true]) {
    const registry = new CollectorRegistry();
    const { request, leave } = leaving();
    const handler = instrument(async () => {
      await undefined;
      leave();
      return new Response("x");
    }, { registry, detectAborts });
    assert.equal((await handler(request)).status, 200);
    // On Deno the signal is read only with detectAborts.
    const isSeen = !isDeno || detectAborts;
    assert.deepEqual(durations(registry), { [isSeen ? "GET  " : "GET 200 "]: 1 });
    assert.equal(readSamples(registry)[ABORTED], isSeen ? 1 : undefined);
    assert.equal(readSamples(registry)['server_active_requests{method="GET"}'], 0);
  }
});

test("an error after the client disconnected is an abort, and any other error is a failure", async () => {
  for (const hasLeft of [true, false]) {
    for (const wait of [true, false]) {
      const registry = new CollectorRegistry();
      const { request, leave } = leaving();
      const error = new DOMException("gone", "AbortError");
      const fail = () => {
        if (hasLeft) leave();
        throw error;
      };
      const handler = instrument(
        wait ? () => Promise.resolve().then(fail) : fail as () => Promise<never>,
        { registry },
      );
      await assert.rejects(async () => await handler(request), error);
      const samples = readSamples(registry);
      assert.deepEqual(durations(registry), { [hasLeft ? "GET  " : "GET 500 "]: 1 });
      assert.equal(samples[ABORTED], hasLeft ? 1 : undefined);
      assert.equal(
        samples[ABORTED.replace('"abort"', '"AbortError"')],
        hasLeft ? undefined : 1,
      );
    }
  }
});

test(
  "a request on Deno is over when `completed` settles",
  { skip: !isDeno && "not on Deno" },
  async () => {
    for (const settle of ["resolve", "reject"] as const) {
      const registry = new CollectorRegistry();
      const clock = new ManualClock();
      const sent = Promise.withResolvers<void>();
      const answer = new Response("x");
      const handler = instrument((_request: Request, _info: unknown) => answer, {
        registry,
        clock,
      });
      assert.equal(handler(get(), { completed: sent.promise }), answer);
      assert.equal(readSamples(registry)['server_active_requests{method="GET"}'], 1);
      clock.advance(3);
      sent[settle](undefined as never);
      await sent.promise.catch(() => {});
      await undefined;
      const samples = readSamples(registry);
      assert.equal(samples['server_active_requests{method="GET"}'], 0);
      const labels = '{method="GET",status_code="200",route=""}';
      assert.equal(samples[`server_request_duration_seconds_sum${labels}`], 3);
    }
  },
);

test("the error of a handler for arguments of node:http names instrumentListener()", () => {
  const registry = new CollectorRegistry();
  const handler = instrument((() => {}) as never, { registry }) as (...args: unknown[]) => unknown;
  assert.throws(() => handler(new IncomingMessage(null as never), { writeHead() {} }), {
    name: "TypeError",
    message: /instrumentListener\(\) of "@narthex\/prometheus\/node": received IncomingMessage$/,
  });
  assert.deepEqual(durations(registry), {});
});

test("another copy of the package shares the metrics of a registry", async () => {
  const copy = await copyLibrary();
  const there = await import(copy.url.replace("mod.ts", "collectors/http.ts")) as {
    instrument: typeof instrument;
  };
  await copy[Symbol.asyncDispose]();
  assert.notEqual(there.instrument, instrument);
  const registry = new CollectorRegistry();
  await instrument(() => new Response("a"), { registry })(get());
  await there.instrument(() => new Response("b"), { registry })(get());
  assert.deepEqual(durations(registry), { "GET 200 ": 2 });
});

test("two handlers of one registry share its metrics, whatever onDuplicate is", () => {
  for (const onDuplicate of ["throw", "keep", "reuse", "replace", "merge"] as const) {
    const registry = new CollectorRegistry({ onDuplicate });
    instrument(() => new Response("a"), { registry })(get());
    instrument(() => new Response("b"), { registry })(get());
    assert.deepEqual(durations(registry), { "GET 200 ": 2 }, onDuplicate);
  }
});

const WRONG: [what: string, handler: unknown, options: unknown, message: RegExp][] = [
  [
    "no handler",
    undefined,
    {},
    /^Cannot instrument handler: it must be a function or have fetch\(\) or routes: received undefined$/,
  ],
  ["an object without fetch()", {}, {}, /^Cannot instrument handler: .*: received \{\}$/],
  [
    "a route that is a number",
    () => {},
    { route: 7 },
    /route must be a string, a function or an array of patterns: received 7$/,
  ],
  [
    "a route of numbers",
    () => {},
    { route: [7] },
    /route must have paths or URLPatterns only: received number$/,
  ],
  [
    "ignore as a string",
    () => {},
    { ignore: "/x" },
    /ignore must be a function or an array of patterns: received "\/x"$/,
  ],
  [
    "maxRoutes as a string",
    () => {},
    { maxRoutes: "7" },
    /maxRoutes must be a number: received "7"$/,
  ],
  ["maxRoutes below zero", () => {}, { maxRoutes: -1 }, /maxRoutes must be >= 0: received -1$/],
  [
    "an unknown option",
    () => {},
    { routes: ["/"] },
    /unknown option "routes": known options are "route", "maxRoutes", "ignore", "registry", /,
  ],
  ["bodies as a number", () => {}, { bodies: 1 }, /bodies must be a boolean: received 1$/],
  ["methods as a string", () => {}, { methods: "X" }, /methods must be an array/],
  ["a label as a string", () => {}, { labels: { a: "b" } }, /label "a" must be a function/],
  ["a label of the metrics", () => {}, { labels: { http_route: () => "" } }, /http_route/],
];
for (const [what, handler, options, message] of WRONG) {
  test(`instrument() refuses ${what}`, () => {
    const registry = new CollectorRegistry();
    assert.throws(() => instrument(handler as never, { registry, ...options as object }), {
      message,
    });
    assert.equal(generateMetrics(registry), "");
  });
}

test("setRoute() throws on an invalid request or route", () => {
  assert.throws(() => setRoute(null as never, "/"), TypeError);
  assert.throws(() => setRoute(get(), 7 as never), TypeError);
});

test("durations have exemplars and native buckets by option", async () => {
  const registry = new CollectorRegistry();
  setExemplarSource(() => ({ trace_id: "t1" }));
  try {
    const handler = instrument(() => new Response("x"), {
      registry,
      exemplars: true,
      nativeHistogram: true,
    });
    await handler(get());
  } finally {
    setExemplarSource(null);
  }
  assert.match(
    generateOpenMetrics(registry),
    /^http_server_request_duration_seconds_bucket.*# \{trace_id="t1"\}/m,
  );
  assert.ok(generateProtobuf(registry).length > 0);
  const [family] = [...registry.collect()];
  const [metric] = [...family!.metrics] as unknown as { native?: unknown }[];
  assert.ok(metric!.native !== undefined);
});
