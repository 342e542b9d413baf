import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  generateMetrics,
  generateOpenMetrics,
  generateProtobuf,
  Histogram,
  metricsHandler,
  OPENMETRICS_CONTENT_TYPE,
  PROMETHEUS_CONTENT_TYPE,
  PROTOBUF_CONTENT_TYPE,
} from "../../mod.ts";
import type { ExpositionFormat } from "../../exposition/negotiation.ts";

const OM = "application/openmetrics-text";
const PROTO = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;" +
  "encoding=delimited";

const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: PROMETHEUS_CONTENT_TYPE,
  openmetrics: OPENMETRICS_CONTENT_TYPE,
  protobuf: PROTOBUF_CONTENT_TYPE,
};

/** Headers of scrapers, and the formats that they accept, best first. */
const SCRAPERS: readonly {
  readonly name: string;
  readonly accept: string | null;
  readonly wanted: readonly ExpositionFormat[];
}[] = [
  {
    name: "Prometheus 2.42",
    accept:
      `${OM};version=1.0.0,${OM};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
    wanted: ["openmetrics", "text"],
  },
  {
    name: "Prometheus 2.49",
    accept:
      `${OM};version=1.0.0;q=0.5,${OM};version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=2`,
    wanted: ["openmetrics", "text"],
  },
  {
    name: "Prometheus 2.53 with native histograms",
    accept: `${PROTO};q=0.5,${OM};version=1.0.0;q=0.4,${OM};version=0.0.1;q=0.3,` +
      "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    wanted: ["protobuf", "openmetrics", "text"],
  },
  {
    name: "Prometheus 3.0",
    accept: `${OM};version=1.0.0;escaping=allow-utf-8;q=0.6,` +
      `${OM};version=0.0.1;escaping=allow-utf-8;q=0.5,` +
      "text/plain;version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.4," +
      "text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;q=0.2",
    wanted: ["openmetrics", "text"],
  },
  {
    name: "Prometheus 3.5",
    accept: `${OM};version=1.0.0;escaping=allow-utf-8;q=0.6,${OM};version=0.0.1;q=0.5,` +
      "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    wanted: ["openmetrics", "text"],
  },
  {
    name: "Prometheus 3.5 with scrape_protocols [PrometheusText0.0.4, PrometheusProto]",
    accept: `text/plain;version=0.0.4;q=0.6,${PROTO};q=0.5,*/*;q=0.4`,
    wanted: ["text", "protobuf"],
  },
  { name: "a protobuf-only scraper", accept: PROTO, wanted: ["protobuf"] },
  {
    name: "an OpenMetrics-only scraper",
    accept: `${OM};version=1.0.0`,
    wanted: ["openmetrics"],
  },
  { name: "a text-only scraper", accept: "text/plain", wanted: ["text"] },
  {
    name: "VictoriaMetrics",
    accept: "text/plain;version=0.0.4;q=1,*/*;q=0.1",
    wanted: ["text"],
  },
  { name: "curl", accept: "*/*", wanted: [] },
  {
    name: "a browser",
    accept: "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
    wanted: [],
  },
  { name: "a scraper that accepts only JSON", accept: "application/json", wanted: [] },
  { name: "a scraper that refuses text", accept: "text/plain;q=0", wanted: [] },
  { name: "a scraper that sends an empty header", accept: "", wanted: [] },
  { name: "a scraper that sends no header", accept: null, wanted: [] },
];

/** Yields every choice of formats in every order. */
function* choices(): Generator<ExpositionFormat[]> {
  const all: readonly ExpositionFormat[] = ["text", "openmetrics", "protobuf"];
  for (const a of all) {
    yield [a];
    for (const b of all.filter((format) => format !== a)) {
      yield [a, b];
      yield [a, b, ...all.filter((format) => format !== a && format !== b)];
    }
  }
}

function build(): CollectorRegistry {
  const registry = new CollectorRegistry();
  const clock = { now: () => 1000, monotonic: () => 0 };
  new Histogram("wait_seconds", "W.", { registry, clock, buckets: [0.5, 1, 2.5] }).observe(0.7);
  return registry;
}

for (const { name, accept, wanted } of SCRAPERS) {
  test(`${name} gets the best format that the handler offers`, async () => {
    for (const formats of choices()) {
      const registry = build();
      const handler = metricsHandler({ registry, formats });
      // The best accepted format, or otherwise the first offered one.
      const expected = wanted.find((format) => formats.includes(format)) ?? formats[0]!;
      for (const method of ["GET", "HEAD"]) {
        const headers: Record<string, string> = accept === null ? {} : { accept };
        const response = await handler(new Request("http://h/metrics", { headers, method }));
        const said = `${method} ${formats}: ${response.headers.get("content-type")}`;
        assert.equal(response.status, 200, said);
        assert.ok(response.headers.get("content-type")!.startsWith(CONTENT_TYPES[expected]), said);
        const body = new Uint8Array(await response.arrayBuffer());
        if (method === "HEAD") continue;
        const bytes = {
          text: () => new TextEncoder().encode(generateMetrics(registry)),
          openmetrics: () => new TextEncoder().encode(generateOpenMetrics(registry)),
          protobuf: () => generateProtobuf(registry),
        }[expected]();
        assert.deepEqual(body, bytes, said);
      }
    }
  });
}

test('formats: ["text"] keeps le="1" for every scraper', async () => {
  const handler = metricsHandler({ registry: build(), formats: ["text"] });
  for (const { name, accept } of SCRAPERS) {
    const headers: Record<string, string> = accept === null ? {} : { accept };
    const response = await handler(new Request("http://h/metrics", { headers }));
    assert.match(await response.text(), /^wait_seconds_bucket\{le="1"\} 1$/m, name);
  }
});

test("metricsHandler() copies formats and allows repeated ones", async () => {
  const formats: ExpositionFormat[] = ["text", "text"];
  const handler = metricsHandler({ registry: build(), formats });
  formats.splice(0, 2, "protobuf");
  const headers = { accept: PROTO };
  const response = await handler(new Request("http://h/metrics", { headers }));
  assert.match(response.headers.get("content-type")!, /^text\/plain/);
});

for (
  const formats of [[], ["json"], ["text", "json"], "text", new Set(["text"]), null, 7, [["text"]]]
) {
  test(`metricsHandler() throws for formats: ${JSON.stringify(formats)}`, () => {
    assert.throws(() => metricsHandler({ formats: formats as never }), {
      name: "TypeError",
      message:
        /^Cannot create metrics handler: formats must be a list of "text", "openmetrics" and "protobuf": received /,
    });
  });
}
