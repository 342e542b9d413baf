import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { CollectorRegistry } from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { RUNTIMES } from "../support/demo.ts";
import { killWriters } from "../support/killing.ts";
import { ROOT } from "../support/paths.ts";
import { testWithPrograms } from "../support/programs.ts";
import { runtimePath } from "../support/runtimes.ts";
import { makeBackend } from "../support/redis_writer.ts";
import { startRedis } from "../support/redis.ts";

const NEEDED = ["redis-server", "redis-cli"];
const run = promisify(execFile);

testWithPrograms(
  NEEDED,
  "8 writers on three runtimes and clients, 20 of them killed and replaced, lose and double nothing",
  async () => {
    await using server = await startRedis();
    await killWriters({
      file: "redis_writer.ts",
      args: [server.port],
      backend: await makeBackend(server.port),
      writers: 8,
      kills: 20,
    });
  },
);

testWithPrograms(
  NEEDED,
  "programs of two namespaces share a server and no numbers, and a sidecar serves each",
  async () => {
    await using server = await startRedis();
    const program = join(ROOT, "tests/support/redis_script.ts");
    await Promise.all(RUNTIMES.flatMap((runtime) =>
      ["red", "blue"].map(async (namespace) => {
        const permissions = runtime === "deno" ? ["run", "-A", "--no-check"] : [];
        const amount = namespace === "red" ? "1" : "10";
        const args = [...permissions, program, `${server.port}`, namespace, amount];
        const { stdout } = await run(await runtimePath(runtime), args, { timeout: 120_000 });
        assert.match(stdout, /^end of the program$/m);
      })
    ));
    for (const [namespace, total] of [["red", 3], ["blue", 30]] as const) {
      await using sidecar = await loadBackend(await makeBackend(server.port), {
        registry: new CollectorRegistry(),
        namespace,
        readOnly: true,
      });
      assert.equal(await sidecar.getSampleValueAsync("jobs_total"), total);
      assert.equal(await sidecar.getSampleValueAsync("speed"), total);
      assert.equal(await sidecar.getSampleValueAsync("running"), undefined, "all have ended");
    }
  },
);
