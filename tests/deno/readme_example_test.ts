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
    const imports = JSON.stringify({
      imports: {
        "@narthex/prometheus": new URL("mod.ts", ROOT_URL).href,
        "@narthex/prometheus/http": new URL("collectors/http.ts", ROOT_URL).href,
      },
    });
    await writeFile(join(folder, "import_map.json"), imports);
    const args = [
      "serve",
      "--no-config",
      "--import-map=import_map.json",
      "--host=127.0.0.1",
      "--port=0",
      "main.ts",
    ];
    await using program = start(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, NO_COLOR: "1" },
    });
    const [, url] = await program.waitForOutput(/Listening on (http:\S+)/);
    assert.equal(await (await fetch(`${url}orders`)).text(), "Baked.\n");
    const response = await fetch(`${url}metrics`);
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain/);
    assert.match(await response.text(), /^orders_total\{kind="rye"\} 1$/m);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
