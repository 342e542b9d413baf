import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  Counter,
  type EscapingScheme,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  generateOpenMetrics,
  generateProtobuf,
  Histogram,
  type Metric,
  MetricFamily,
  metricsHandler,
  metricsResponse,
  type MetricsResponseOptions,
  OPENMETRICS_CONTENT_TYPE,
  PROMETHEUS_CONTENT_TYPE,
  PROTOBUF_CONTENT_TYPE,
  REGISTRY,
  type Registry,
} from "../../mod.ts";

const URL_OF_METRICS = "http://localhost/metrics";
const OPENMETRICS = "application/openmetrics-text;version=1.0.0";
const PROTOBUF =
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

function build(): CollectorRegistry {
  const registry = new CollectorRegistry();
  const clock = { now: () => 1000, monotonic: () => 0 };
  new Counter("c_total", "C.", { registry, clock }).inc(2);
  new Histogram("h", "H.", { registry, buckets: [1], clock }).observe(0.5);
  new Gauge("dotted.name", "D.", { registry, nameValidation: "utf8" }).set(1);
  return registry;
}

function request(
  headers: Record<string, string> = {},
  init: RequestInit = {},
  query = "",
): Request {
  return new Request(URL_OF_METRICS + query, { headers, ...init });
}

const ACCEPTS: [accept: string | null, contentType: string, body: (r: Registry) => string][] = [
  [null, PROMETHEUS_CONTENT_TYPE, (r) => generateMetrics(r)],
  ["*/*", `${PROMETHEUS_CONTENT_TYPE}; escaping=underscores`, (r) => generateMetrics(r)],
  ["nonsense", `${PROMETHEUS_CONTENT_TYPE}; escaping=underscores`, (r) => generateMetrics(r)],
  [OPENMETRICS, `${OPENMETRICS_CONTENT_TYPE}; escaping=underscores`, (r) => generateOpenMetrics(r)],
  [
    `${OPENMETRICS};escaping=allow-utf-8`,
    `${OPENMETRICS_CONTENT_TYPE}; escaping=allow-utf-8`,
    (r) => generateOpenMetrics(r, { escaping: "allow-utf-8" }),
  ],
  [
    "text/plain;version=0.0.4;escaping=values",
    `${PROMETHEUS_CONTENT_TYPE}; escaping=values`,
    (r) => generateMetrics(r, { escaping: "values" }),
  ],
  [
    `${PROTOBUF};escaping=dots`,
    `${PROTOBUF_CONTENT_TYPE}; escaping=dots`,
    (r) => new TextDecoder().decode(generateProtobuf(r, { escaping: "dots" })),
  ],
];

for (const [accept, contentType, body] of ACCEPTS) {
  test(`a request that accepts ${accept ?? "anything"} gets the best format`, async () => {
    const registry = build();
    const headers: Record<string, string> = accept === null ? {} : { accept };
    const asked = new Request(URL_OF_METRICS, { headers });
    if (accept === null) asked.headers.delete("accept");
    for (
      const respond of [
        () => metricsResponse(asked, { registry }),
        () => metricsHandler({ registry })(asked),
      ]
    ) {
      const response = await respond();
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-type"), contentType);
      assert.equal(response.headers.get("vary"), "Accept, Accept-Encoding");
      assert.equal(response.headers.get("content-encoding"), null);
      assert.equal(await response.text(), body(registry));
    }
  });
}

test("metricsResponse() without a request returns the text of the default registry", async () => {
  const gauge = new Gauge("response_test_gauge", "G.");
  try {
    const response = await metricsResponse();
    assert.equal(response.headers.get("content-type"), PROMETHEUS_CONTENT_TYPE);
    assert.match(await response.text(), /^response_test_gauge 0$/m);
  } finally {
    REGISTRY.unregister(gauge);
  }
});

test("the response of an empty registry has the status 200 and an empty body", async () => {
  const response = await metricsResponse(undefined, { registry: new CollectorRegistry() });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "");
});

test("OpenMetrics has _created series with created: true", async () => {
  const options = { registry: build(), created: true };
  const text = await (await metricsResponse(request({ accept: OPENMETRICS }), options)).text();
  assert.equal(text, generateOpenMetrics(options.registry, { created: true }));
  assert.match(text, /^c_created 1000$/m);
});

for (const accept of ["text/plain", OPENMETRICS, PROTOBUF]) {
  test(`a compressed response decompresses to the same ${accept.split(";")[0]}`, async () => {
    const registry = build();
    const plain = await metricsResponse(request({ accept }), { registry });
    const packed = await metricsResponse(
      request({ accept, "accept-encoding": "gzip" }),
      { registry },
    );
    assert.equal(packed.headers.get("content-encoding"), "gzip");
    assert.equal(packed.headers.get("content-type"), plain.headers.get("content-type"));
    const unpacked = packed.body!.pipeThrough(new DecompressionStream("gzip"));
    assert.deepEqual(await new Response(unpacked).bytes(), await plain.bytes());
  });
}

test("a response is not compressed with compress: false or without Accept-Encoding", async () => {
  const registry = build();
  const text = generateMetrics(registry);
  for (
    const [encoding, compress] of [["gzip", false], ["identity", true], ["br", true]] as const
  ) {
    const asked = request({ "accept-encoding": encoding, accept: "text/plain" });
    const response = await metricsResponse(asked, { registry, compress });
    assert.equal(response.headers.get("content-encoding"), null);
    assert.equal(await response.text(), text);
  }
});

test("a request of Next.js gets an uncompressed body, because Next.js compresses it", async () => {
  const asked = Object.assign(request({ "accept-encoding": "gzip" }), {
    nextUrl: new URL(URL_OF_METRICS),
  });
  const response = await metricsResponse(asked, { registry: build() });
  assert.equal(response.headers.get("content-encoding"), null);
  assert.match(await response.text(), /^c_total 2$/m);
});

test("HEAD gets the headers of GET and no body, and calls no collector", async () => {
  const registry = build();
  registry.register({ collect: () => assert.fail("asked") });
  const headers = { accept: OPENMETRICS, "accept-encoding": "gzip" };
  const response = await metricsResponse(request(headers, { method: "HEAD" }), { registry });
  assert.equal(response.status, 200);
  assert.equal(
    response.headers.get("content-type"),
    `${OPENMETRICS_CONTENT_TYPE}; escaping=underscores`,
  );
  assert.equal(response.headers.get("content-encoding"), "gzip");
  assert.equal(await response.text(), "");
});

const SCHEMES: [accept: string | null, escaping: EscapingScheme, contentType: string][] = [
  [null, "underscores", PROMETHEUS_CONTENT_TYPE],
  [null, "allow-utf-8", `${PROMETHEUS_CONTENT_TYPE}; escaping=allow-utf-8`],
  ["*/*", "dots", `${PROMETHEUS_CONTENT_TYPE}; escaping=dots`],
  ["text/plain", "values", `${PROMETHEUS_CONTENT_TYPE}; escaping=values`],
];

for (const [accept, escaping, contentType] of SCHEMES) {
  test(`a request that accepts ${accept ?? "anything"} gets the default escaping ${escaping}`, async () => {
    const registry = build();
    const asked = accept === null ? undefined : request({ accept });
    const response = await metricsResponse(asked, { registry, escaping });
    assert.equal(response.headers.get("content-type"), contentType);
    assert.equal(await response.text(), generateMetrics(registry, { escaping }));
  });
}

test("a scraper gets the escaping scheme that it asks for, whatever the option is", async () => {
  const registry = build();
  const asked = request({ accept: "text/plain;escaping=values" });
  const response = await metricsHandler({ registry, escaping: "allow-utf-8" })(asked);
  assert.equal(response.headers.get("content-type"), `${PROMETHEUS_CONTENT_TYPE}; escaping=values`);
  assert.equal(await response.text(), generateMetrics(registry, { escaping: "values" }));
});

test("OPTIONS returns the allowed methods", async () => {
  const response = await metricsResponse(request({}, { method: "OPTIONS" }), { registry: build() });
  assert.equal(response.status, 204);
  assert.equal(response.headers.get("allow"), "GET, HEAD, OPTIONS");
  assert.equal(response.body, null);
});

for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
  test(`${method} is refused with 405`, async () => {
    const response = await metricsResponse(request({}, { method }), { registry: build() });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), "GET, HEAD, OPTIONS");
    assert.equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
    assert.equal(
      await response.text(),
      `Cannot answer ${method}: the metrics can only be read\n`,
    );
  });
}

const QUERIES: [query: string, names: string[] | null][] = [
  ["", null],
  ["?", null],
  ["?other=1", null],
  ["?name=c_total", null],
  ["?name[]=c_total", ["c_total"]],
  ["?name%5B%5D=c_total", ["c_total"]],
  ["?name[]=c_total&name[]=h_sum&x=y", ["c_total", "h_sum"]],
  ["?name[]=h%5fcount#name[]=c_total", ["h_count"]],
  ["?name[]=dotted.name", ["dotted.name"]],
  ["?name[]=nothing", ["nothing"]],
  ["?name[]=", [""]],
];

for (const [query, names] of QUERIES) {
  test(`a request for "${query}" gets ${names === null ? "all families" : names.join(" and ")}`, async () => {
    const registry = build();
    const expected = generateMetrics(
      names === null ? registry : registry.restrictedRegistry(names),
    );
    const response = await metricsResponse(request({ accept: "text/plain" }, {}, query), {
      registry,
    });
    assert.equal(response.status, 200);
    assert.equal(await response.text(), expected);
  });
}

/** Returns a registry that records the time limits of its reads. */
function asking(): [Registry, (number | undefined)[]] {
  const seen: (number | undefined)[] = [];
  return [{
    prefix: null,
    register() {},
    unregister() {},
    collect: () => [],
    async *collectAsync(options) {
      seen.push(options?.timeoutMs);
      yield await Promise.resolve(new MetricFamily("m", "M.", "gauge"));
    },
  }, seen];
}

const TIMEOUTS: [timeoutMs: number | undefined, seconds: string | null, expected: number][] = [
  [undefined, null, 10_000],
  [undefined, "5", 4500],
  [undefined, "0.5", 450],
  [undefined, "0.1", 90],
  [undefined, "0.01", 90],
  [undefined, "1e-300", 90],
  [50, "0.01", 50],
  [undefined, "60", 10_000],
  [2000, null, 2000],
  [2000, "10", 2000],
  [2000, "1", 900],
  [2000, "0", 2000],
  [2000, "-1", 2000],
  [2000, "soon", 2000],
  [2000, "", 2000],
  [2000, "Infinity", 2000],
  [Infinity, null, Infinity],
  [Infinity, "10", 9000],
];

for (const [timeoutMs, seconds, expected] of TIMEOUTS) {
  test(`timeoutMs ${timeoutMs} and a scrape timeout of ${seconds} s give ${expected} ms`, async () => {
    const [registry, seen] = asking();
    const headers: Record<string, string> = seconds === null
      ? {}
      : { "X-Prometheus-Scrape-Timeout-Seconds": seconds };
    const response = await metricsResponse(request(headers), { registry, timeoutMs });
    assert.equal(await response.text(), "# HELP m M.\n# TYPE m gauge\n");
    assert.deepEqual(seen, [expected]);
  });
}

test("a collector that never settles is missing from the scrape", async () => {
  const registry = build();
  const text = generateMetrics(registry);
  registry.register({ collect: () => new Promise(() => {}) });
  const response = await metricsResponse(undefined, { registry, timeoutMs: 1 });
  const body = await response.text();
  assert.ok(body.startsWith(text));
  assert.match(body, /^narthex_collector_errors_total\{collector="\w+",cause="timeout"\} 1$/m);
});

const BROKEN: [what: string, error: unknown][] = [
  ["an error", new Error("Cannot connect to redis://admin:hunter2@localhost")],
  ["a string", "x"],
];

for (const [what, error] of BROKEN) {
  test(`a registry that throws ${what} is answered with 500, without the error message`, async () => {
    const seen: unknown[] = [];
    const registry: Registry = {
      prefix: null,
      register() {},
      unregister() {},
      collect() {
        throw error;
      },
    };
    for (const query of ["", "?name[]=x"]) {
      const onError = (received: unknown): void => void seen.push(received);
      const response = await metricsResponse(request({}, {}, query), { registry, onError });
      assert.equal(response.status, 500);
      assert.equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
      assert.equal(response.headers.get("content-encoding"), null);
      assert.equal(
        await response.text(),
        "Cannot answer scrape: the registry cannot be read\n",
      );
    }
    assert.deepEqual(seen, [error, error]);
  });
}

test("an error of onError does not change the response", async () => {
  const registry = {
    prefix: null,
    collect: () => {
      throw new Error("no");
    },
  };
  for (const onError of [() => assert.fail("log"), () => Promise.reject(new Error("log"))]) {
    const response = await metricsHandler({ registry, onError })(request());
    assert.equal(response.status, 500);
  }
});

/** Broken metrics of a custom collector, and the part of the family that is written. */
const BROKEN_METRICS: [what: string, metrics: Iterable<unknown>, kept: string][] = [
  ["throws", {
    [Symbol.iterator](): never {
      throw new Error("broken promise");
    },
  }, ""],
  [
    "has values that are not metrics",
    [null, 7, { labelNames: ["a"], labelValues: ["b"], value: 1 }],
    [
      "# HELP x X.",
      "# TYPE x gauge",
      'x{a="b"} 1',
      "",
    ].join("\n"),
  ],
  ["has metrics that throw", [{
    labelNames: ["a"],
    get labelValues(): never {
      throw undefined;
    },
    value: 1,
  }], "# HELP x X.\n# TYPE x gauge\n"],
];

for (const [what, metrics, kept] of BROKEN_METRICS) {
  test(`a family that ${what} does not affect others`, async () => {
    const registry = build();
    const text = generateMetrics(registry);
    const openMetrics = generateOpenMetrics(registry);
    const protobuf = generateProtobuf(registry);
    registry.register({
      collect: () => [
        new MetricFamily("x", "X.", "gauge", { metrics: metrics as Metric[] }),
      ],
    });
    const after = new Gauge("after", "A.", { registry });
    for (let i = 0; i < 2; i++) {
      const response = await metricsResponse(undefined, { registry });
      assert.equal(response.status, 200);
      const body = await response.text();
      assert.ok(body.startsWith(`${text}${kept}# HELP after A.\n# TYPE after gauge\nafter 0\n`));
    }
    const own = await generateMetricsAsync(registry);
    assert.equal(
      own.slice(0, own.indexOf("# HELP narthex")),
      `${text}${kept}# HELP after A.
# TYPE after gauge
after 0
`,
    );
    assert.match(own, /^narthex_collector_errors_total\{collector="x",cause="\w+"\} \d+$/m);
    registry.unregister(after);
    assert.ok(generateMetrics(registry).startsWith(text + kept));
    assert.ok(generateOpenMetrics(registry).startsWith(openMetrics.replace("# EOF\n", "")));
    assert.deepEqual(generateProtobuf(registry).subarray(0, protobuf.length), protobuf);
  });
}

const BAD_OPTIONS: [options: Record<string, unknown>, error: string, message: string][] = [
  [{ timeoutMs: 0 }, "RangeError", "timeoutMs must be > 0: received 0"],
  [{ timeoutMs: -1 }, "RangeError", "timeoutMs must be > 0: received -1"],
  [{ timeoutMs: NaN }, "RangeError", "timeoutMs must be > 0: received NaN"],
  [{ timeoutMs: "10" }, "TypeError", 'timeoutMs must be a number: received "10"'],
  [{ compress: "no" }, "TypeError", 'compress must be a boolean: received "no"'],
  [{ compress: null }, "TypeError", "compress must be a boolean: received null"],
  [{ created: 1 }, "TypeError", "created must be a boolean: received 1"],
  [
    { escaping: "utf8" },
    "TypeError",
    'escaping must be "underscores", "dots", "values" or "allow-utf-8": received "utf8"',
  ],
  [
    { escaping: ["dots"] },
    "TypeError",
    'escaping must be "underscores", "dots", "values" or "allow-utf-8": received ["dots"]',
  ],
  [{ authorize: true }, "TypeError", "authorize must be a function: received true"],
  [{ registry: {} }, "TypeError", "a registry must have collect(): received {}"],
  [{ registry: null }, "TypeError", "a registry must have collect(): received null"],
];

for (const [options, name, message] of BAD_OPTIONS) {
  test(`metricsHandler() and metricsResponse() throw for ${JSON.stringify(options)}: ${message}`, async () => {
    const illegal = options as MetricsResponseOptions;
    assert.throws(() => metricsHandler(illegal), {
      name,
      message: `Cannot create metrics handler: ${message}`,
    });
    await assert.rejects(metricsResponse(undefined, illegal), {
      name,
      message: `Cannot answer scrape: ${message}`,
    });
  });
}
