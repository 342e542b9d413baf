import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { copyLibrary } from "../support/library_copy.ts";
import { start, waitFor } from "../support/processes.ts";
import { testWithPrograms } from "../support/programs.ts";
import { runtimePath } from "../support/runtimes.ts";

/** A module that is imported first, and one that is edited. */
const SETUP = `import { CollectorRegistry, REGISTRY } from "./mod.ts";
if (REGISTRY.prefix !== "hot") {
  REGISTRY.setRegistry(new CollectorRegistry({ prefix: "hot", onDuplicate: "reuse" }));
}
`;
const app = (version: number) =>
  `import "./setup.ts";
import { Counter, generateMetrics } from "./mod.ts";

const loads = new Counter("loads_total", "How often the module was loaded.");
loads.inc();
console.log("version ${version}: " + generateMetrics().trim().split("\\n").at(-1));
setInterval(() => {}, 1000);
`;

testWithPrograms(
  ["npx"],
  'with onDuplicate "reuse" a count survives edits under bun --hot',
  async () => {
    await using copy = await copyLibrary();
    await copy.write("setup.ts", SETUP);
    await copy.write("app.ts", app(1));
    await using bun = start(await runtimePath("bun"), ["--hot", "app.ts"], {
      cwd: copy.folder,
      env: { ...process.env, NO_COLOR: "1" },
    });
    await bun.waitForOutput(/version 1: hot_loads_total 1/);
    for (const version of [2, 3]) {
      await waitFor(`version ${version}`, async () => {
        await writeFile(join(copy.folder, "app.ts"), app(version));
        // A watcher that is not ready yet misses an edit, so it is made until it is seen.
        for (let i = 0; i < 20; i++) {
          if (bun.output().includes(`version ${version}: `)) return true;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        return undefined;
      });
    }
    const counts = [...bun.output().matchAll(/version \d: hot_loads_total (\d+)/g)]
      .map(([, count]) => Number(count));
    // One more each time, however often an edit was seen.
    assert.deepEqual(counts, counts.map((_, i) => i + 1));
    assert.ok(counts.length >= 3);
  },
);
