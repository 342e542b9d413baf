import assert from "node:assert/strict";
import { serve } from "../../examples/serve.ts";
import { CollectorRegistry, Histogram, metricsHandler, Summary } from "../../mod.ts";
import type { ExpositionFormat } from "../../exposition/negotiation.ts";
import { testWithPrograms } from "../support/programs.ts";
import { startPrometheus } from "../support/prometheus.ts";

/** The formats of the handler, the features of the server, and the stored bound. */
const CASES: readonly (readonly [
  formats: readonly ExpositionFormat[] | undefined,
  features: readonly string[],
  bound: string,
])[] = [
  [["text"], [], "1"],
  [undefined, [], "1.0"],
  [["text"], ["native-histograms"], "1"],
  [["text", "protobuf"], ["native-histograms"], "1.0"],
];

testWithPrograms(
  ["prometheus"],
  'formats: ["text"] makes Prometheus store le="1", which rules for text expect',
  async (path) => {
    for (const [formats, features, bound] of CASES) {
      const registry = new CollectorRegistry();
      new Histogram("wait_seconds", "W.", { registry, buckets: [1, 2.5] }).observe(0.7);
      new Summary("size", "S.", { registry, quantiles: [1] }).observe(3);
      await using servers = new AsyncDisposableStack();
      const server = await serve(metricsHandler({ registry, formats }), 0);
      servers.defer(() => server.stop());
      await using prometheus = await startPrometheus(path, `127.0.0.1:${server.port}`, features);
      const what = `${formats} with ${features}`;
      await prometheus.waitForValue(`wait_seconds_bucket{le="${bound}"}`, (value) => value === 1);
      assert.equal((await prometheus.query("wait_seconds_bucket")).length, 3, what);
      const [quantile] = await prometheus.query("size");
      assert.equal(quantile?.metric["quantile"], bound, what);
    }
  },
);
