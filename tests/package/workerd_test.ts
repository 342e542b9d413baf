import assert from "node:assert/strict";
import { createServer, get, type IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { parsePrometheusText } from "../../encoding/parse.ts";
import { type ArrivedExport, metricsOf, receiveExport, seriesOf } from "../support/otlp.ts";
import { type RunningProgram, start } from "../support/processes.ts";
import { receive, type ReceivedRequest, valuesOf } from "../support/remote_write.ts";
import { type Consumer, installPackage, runtimePath, TOOLS } from "./gate.ts";

let consumer: Consumer;
before(async () => consumer = await installPackage());
after(() => consumer[Symbol.asyncDispose]());

/** Sends a request without decompressing the response, unlike `fetch()`. */
function request(url: string, headers: Record<string, string> = {}): Promise<{
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: Uint8Array;
}> {
  return new Promise((resolve, reject) => {
    get(url, { headers, agent: false }, async (response) => {
      const { statusCode: status, headers } = response;
      resolve({ status, headers, body: Buffer.concat(await response.toArray()) });
    }).on("error", reject);
  });
}

/** Starts a server that accepts remote write and OTLP. */
async function startReceiver(): Promise<
  AsyncDisposable & { url: string; received: ReceivedRequest[]; exported: ArrivedExport[] }
> {
  const received: ReceivedRequest[] = [];
  const exported: ArrivedExport[] = [];
  const server = createServer(async (request, response) => {
    const body: Uint8Array = Buffer.concat(await request.toArray());
    const headers = new Headers(request.headers as Record<string, string>); // No header has two values.
    const { url = "" } = request;
    if (url.endsWith("/v1/metrics")) exported.push(receiveExport(url, headers, body));
    else received.push(receive(headers, body));
    response.writeHead(url.endsWith("/v1/metrics") ? 200 : 204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return {
    url: `http://127.0.0.1:${address.port}/api/v1/write`,
    received,
    exported,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function startWorker(remoteWriteUrl: string, flags: readonly string[]): Promise<
  RunningProgram & { url: string }
> {
  const worker = join(consumer.folder, "worker.mjs");
  const node = await runtimePath("node");
  const program = start(node, [join(TOOLS, "workerd.mjs"), worker, remoteWriteUrl, ...flags]);
  const [, url = ""] = await program.waitForOutput(/Listening on (http:\S+?)\/?\n/);
  return { ...program, url };
}

for (const flags of [[], ["nodejs_compat"]]) {
  const name = flags.length === 0 ? "workerd" : `workerd with ${flags}`;

  test(`${name} measures, answers scrapes and sends metrics`, async () => {
    await using receiver = await startReceiver();
    await using worker = await startWorker(receiver.url, flags);
    for (const kind of ["rye", "rye", "wheat"]) {
      assert.equal(`${(await request(`${worker.url}/?kind=${kind}`)).body}`, "baked");
    }

    // The response is compressed once, because no layer in between refuses compression.
    const scrape = await request(`${worker.url}/metrics`, { "accept-encoding": "gzip" });
    assert.equal(scrape.status, 200);
    assert.equal(scrape.headers["content-encoding"], "gzip");
    const text = `${gunzipSync(scrape.body)}`.replaceAll(/^shelf_items.*\n/gm, "");
    assert.match(text, /^loaves_baked_total\{kind="rye"\} 2$/m);
    assert.match(text, /^loaves_baked_total\{kind="wheat"\} 1$/m);
    assert.match(text, /^oven_temperature_celsius 220$/m);
    assert.match(text, /^loaf_weight_grams\{quantile="0.5"\} 7\d\d/m);
    assert.match(text, /^build_info\{version="1.2.3"\} 1$/m);
    assert.match(text, /^oven\{oven="hot"\} 1$/m);
    assert.match(text, /^http_server_request_duration_seconds_count\{.*route="\/bake".*\} 3$/m);
    assert.match(text, /^runtime_info\{runtime="workerd",version=""\} 1$/m);
    assert.doesNotMatch(text, /^process_|^narthex_/m);
    const shelves = parsePrometheusText(`${gunzipSync(scrape.body)}`).find(({ name }) =>
      name === "shelf_items"
    );
    assert.equal([...shelves?.samples ?? []].length, 5000);

    const protobuf = await request(`${worker.url}/metrics`, {
      "accept": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;" +
        "encoding=delimited",
      "accept-encoding": "gzip",
    });
    assert.match(protobuf.headers["content-type"] ?? "", /^application\/vnd.google.protobuf/);
    assert.ok(gunzipSync(protobuf.body).includes("loaves_baked_total"));

    const page = await request(`${worker.url}/metrics`, { accept: "text/html" });
    assert.equal(page.headers["content-type"], "text/html; charset=utf-8");
    assert.match(`${page.body}`, /^<!doctype html>/i);

    const schedule = await request(`${worker.url}/cdn-cgi/handler/scheduled`);
    assert.equal(schedule.status, 200, `${schedule.body}`);
    const values = valuesOf(receiver.received.map(({ request }) => request));
    assert.equal(values['loaves_baked_total{job="worker",kind="rye"}'], 2);
    const points = receiver.exported.flatMap(({ request }) => metricsOf(request))
      .flatMap(({ name, sum }) =>
        (sum?.dataPoints ?? []).map((point) => `${seriesOf(name, point)} ${point.asDouble}`)
      );
    assert.ok(points.includes('loaves_baked_total{kind="rye"} 2'), points.join("\n"));
    assert.ok(points.includes('bakery_visits_total{kind="first"} 1'), points.join("\n"));
  });
}
