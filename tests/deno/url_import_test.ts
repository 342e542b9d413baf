import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { ROOT_URL } from "../support/paths.ts";
import { start } from "../support/processes.ts";
import { importFrom, readSnippets } from "../support/readme.ts";

/** Serves the TypeScript files of the checkout on a free port of the loopback interface. */
async function serveCheckout(): Promise<AsyncDisposable & { url: string; served: Set<string> }> {
  const served = new Set<string>();
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    try {
      if (!pathname.endsWith(".ts")) throw new Error(`Cannot serve "${pathname}"`);
      const text = await readFile(new URL(`.${pathname}`, ROOT_URL));
      served.add(pathname);
      response.writeHead(200, { "content-type": "application/typescript" }).end(text);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return {
    url: `http://127.0.0.1:${address.port}`,
    served,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

test("README's first example runs with the library imported from a URL", async () => {
  const [example] = readSnippets();
  assert.ok(example !== undefined);
  const folder = await mkdtemp(join(tmpdir(), "narthex-url-"));
  try {
    await using checkout = await serveCheckout();
    const code = importFrom(new URL(`${checkout.url}/`), example.code);
    await writeFile(join(folder, "main.ts"), code);
    const args = [
      "serve",
      "--no-config",
      "--no-lock",
      "--reload",
      "--check=all",
      `--allow-import=${new URL(checkout.url).host}`,
      "--host=127.0.0.1",
      "--port=0",
      "main.ts",
    ];
    await using program = start(process.execPath, args, {
      cwd: folder,
      env: {
        ...process.env,
        DENO_DIR: join(folder, "cache"),
        NO_COLOR: "1",
      },
    });
    const [, url] = await program.waitForOutput(/Listening on (http:\S+)/);
    assert.equal(await (await fetch(`${url}orders`)).text(), "Baked.\n");
    const exposition = await (await fetch(`${url}metrics`)).text();
    assert.match(exposition, /^orders_total\{kind="rye"\} 1$/m);
    assert.ok(checkout.served.has("/mod.ts"));
    assert.ok(checkout.served.has("/model.ts"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
