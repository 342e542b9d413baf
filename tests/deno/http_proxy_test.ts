import assert from "node:assert/strict";
import { get } from "node:http";
import { test } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { instrument } from "../../collectors/http.ts";
import { serve } from "../../examples/serve.ts";
import { CollectorRegistry } from "../../mod.ts";

const TEXT = new TextEncoder().encode("hello ".repeat(1000));
const BODIES: Record<string, Uint8Array> = {
  gzip: gzipSync(TEXT),
  BR: brotliCompressSync(TEXT),
  deflate: deflateSync(TEXT), // Not decoded by fetch() of Deno.
  identity: TEXT,
};

/** Returns a response without decoding it, unlike `fetch()`. */
function receive(port: number) {
  return new Promise<{ encoding?: string; length?: string; body: Uint8Array }>(
    (resolve, reject) => {
      get({ port, host: "127.0.0.1", agent: false }, async (incoming) => {
        const pieces: Uint8Array[] = [];
        for await (const piece of incoming) pieces.push(piece);
        const { "content-encoding": encoding, "content-length": length } = incoming.headers;
        resolve({
          ...encoding !== undefined && { encoding },
          ...length !== undefined && { length },
          body: new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer()),
        });
      }).on("error", reject);
    },
  );
}

for (const [encoding, body] of Object.entries(BODIES)) {
  test(`a response with ${encoding} from fetch() is sent like other responses`, async () => {
    const behind = await serve(
      () =>
        new Response(body.slice(), {
          headers: { "content-encoding": encoding, "content-length": `${body.length}` },
        }),
      0,
    );
    const pass = () => fetch(`http://127.0.0.1:${behind.port}/`);
    const registry = new CollectorRegistry();
    const plain = await serve(pass, 0);
    const measured = await serve(instrument(pass, { registry, bodies: true }), 0);
    try {
      const expected = await receive(plain.port);
      assert.deepEqual(await receive(measured.port), expected);
      const isDecoded = expected.encoding === undefined || encoding === "identity";
      assert.deepEqual(expected.body, isDecoded ? TEXT : new Uint8Array(body));
      assert.equal(
        registry.getSampleValue("http_server_response_body_size_bytes_sum", {
          http_request_method: "GET",
          http_response_status_code: 200,
          http_route: "",
        }),
        expected.body.length,
      );
    } finally {
      for (const server of [measured, plain, behind]) await server.stop();
    }
  });
}
