import assert from "node:assert/strict";
import { deleteFromGateway, PushError, pushToGateway } from "../../bridges/pushgateway.ts";
import { CollectorRegistry, Gauge } from "../../mod.ts";

// Uses Deno.test(), because Deno does not search tests of node:test for open resources.
Deno.test({
  name: "pushes leave no operations and resources open",
  sanitizeOps: true,
  sanitizeResources: true,
  async fn() {
    const silence = Promise.withResolvers<Response>();
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (request) => {
        const { pathname } = new URL(request.url);
        if (pathname.endsWith("/refused")) return new Response("x".repeat(1e6), { status: 400 });
        if (pathname.endsWith("/elsewhere")) return Response.redirect("http://127.0.0.1:9/", 307);
        if (pathname.endsWith("/silent")) return silence.promise;
        return new Response("fine\n".repeat(1e5), { status: 200 });
      },
    );
    const url = `http://127.0.0.1:${server.addr.port}`;
    const registry = new CollectorRegistry();
    new Gauge("g", "G.", { registry }).set(1);
    await pushToGateway(url, { job: "good", registry, compress: true });
    const jobs: [job: string, status: number | undefined][] = [
      ["refused", 400],
      ["elsewhere", 307],
      ["silent", undefined],
    ];
    for (const [job, status] of jobs) {
      await assert.rejects(
        pushToGateway(url, { job, registry, timeoutMs: job === "silent" ? 100 : 60_000 }),
        (error) => {
          return error instanceof PushError && error.status === status;
        },
      );
    }
    silence.resolve(new Response());
    await deleteFromGateway(url, { job: "good", signal: new AbortController().signal });
  },
});
