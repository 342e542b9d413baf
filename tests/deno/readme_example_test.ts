import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { ROOT_URL } from "../support/paths.ts";
import { start } from "../support/processes.ts";
import { readSnippets } from "../support/readme.ts";

test("README's first example runs unchanged as a program", async () => {
  const [example] = readSnippets();
  assert.ok(example !== undefined);
  const folder = await mkdtemp(join(tmpdir(), "narthex-readme-"));
  try {
    await writeFile(join(folder, "main.ts"), example.code);
    const mod = new URL("mod.ts", ROOT_URL).href;
    const imports = JSON.stringify({ imports: { "@narthex/prometheus": mod } });
    await writeFile(join(folder, "import_map.json"), imports);
    const args = ["run", "--no-config", "--import-map=import_map.json", "--allow-net", "main.ts"];
    await using program = start(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0", NO_COLOR: "1" },
    });
    const [, url] = await program.waitForOutput(/Listening on (http:\S+)/);
    assert.equal(await (await fetch(`${url}`)).text(), "hello");
    const response = await fetch(`${url}metrics`);
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain/);
    assert.match(await response.text(), /^http_requests_total\{route="\/",status="200"\} 1$/m);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
