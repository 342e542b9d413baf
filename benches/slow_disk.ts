/**
 * Measures how long checkpoints of SQLite block the event loop on a slow disk. Prints the table of
 * docs/multiprocess.md. `deno run -A benches/slow_disk.ts` takes three minutes, and needs Linux and
 * a C compiler, because a preloaded library makes each `fsync` and `fdatasync` slow.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const SERIES = [100, 1000, 10_000];
const SECONDS = 180;
/** The shortest pause that is counted. One `fsync` takes twice as long. */
const PAUSE_MS = 100;

const LIBRARY = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
static int slowly(const char *name, int file) {
  usleep(200000);
  return ((int (*)(int)) dlsym(RTLD_NEXT, name))(file);
}
int fsync(int file) { return slowly("fsync", file); }
int fdatasync(int file) { return slowly("fdatasync", file); }
`;

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), "narthex-bench-"));
try {
  const [source, library] = [join(folder, "slow.c"), join(folder, "slow.so")];
  await writeFile(source, LIBRARY);
  await run("cc", ["-shared", "-fPIC", "-o", library, source, "-ldl"]);
  const program = fileURLToPath(new URL("slow_disk_program.ts", import.meta.url));
  const rows = SERIES.map(async (series) => {
    const file = join(folder, `${series}.db`);
    const { stdout } = await run(
      process.execPath,
      ["run", "-A", "--no-check", program, file, String(series), String(SECONDS)],
      { env: { ...process.env, LD_PRELOAD: library }, maxBuffer: 2 ** 24 },
    );
    const all: number[] = JSON.parse(stdout);
    const pauses = all.filter((pause) => pause > PAUSE_MS);
    const share = pauses.reduce((sum, pause) => sum + pause, 0) / (SECONDS * 1000);
    const longest = Math.max(...all);
    return `| ${series.toLocaleString("en")} | ${pauses.length} | ${longest.toFixed(0)} ms | ` +
      `${(share * 100).toPrecision(2)} % |`;
  });
  console.log("| series | pauses over 100 ms | longest pause | event loop blocked |");
  console.log("| ---: | ---: | ---: | ---: |");
  for (const row of await Promise.all(rows)) console.log(row);
} finally {
  await rm(folder, { recursive: true });
}
