import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { promisify } from "node:util";
import type { Platform } from "../../collectors/platform.ts";
import { RuntimeCollector } from "../../collectors/runtime_collector.ts";
import { parsePrometheusText } from "../../encoding/parse.ts";
import { ROOT, ROOT_URL } from "../support/paths.ts";
import { start } from "../support/processes.ts";
import { testWithPrograms } from "../support/programs.ts";
import { runtimePath } from "../support/runtimes.ts";
import type { RuntimeReport } from "../support/runtime_program.ts";

const PROGRAM = `${ROOT}tests/support/runtime_program.ts`;
const text = readFileSync(new URL("docs/runtime_metrics.md", ROOT_URL), "utf8");
const { DENO_NO_PROMPT: _, ...env } = Deno.env.toObject();

type RuntimeName = "deno" | "bun" | "node";
const paths = {} as Record<RuntimeName, string>;

before(async () => {
  for (const runtime of ["deno", "bun", "node"] as const) {
    paths[runtime] = await runtimePath(runtime);
  }
});

/** Returns the table of docs/runtime_metrics.md with a matching header. */
function readTable(header: RegExp): { head: string[]; rows: string[][] } {
  const lines = text.split("\n");
  const at = lines.findIndex((line) => header.test(line));
  assert.ok(at >= 0, `${header}`);
  const cells = (line: string) => line.slice(1, -1).split("|").map((cell) => cell.trim());
  const rows: string[][] = [];
  for (let i = at + 2; lines[i]?.startsWith("|"); i++) rows.push(cells(lines[i]!));
  return { head: cells(lines[at]!), rows };
}

function unquote(cell: string): string {
  return cell.replaceAll("`", "");
}

/** Runs the program to its end. A permission prompt would make it wait forever. */
async function report(
  runtime: RuntimeName,
  options: readonly string[],
  ...flags: string[]
): Promise<RuntimeReport> {
  const args = runtime === "deno" ? ["run", "--no-check", ...options] : options;
  // node:child_process would give all permissions to a Deno that is started without any.
  const command = new Deno.Command(paths[runtime], {
    args: [...args, PROGRAM, ...flags],
    env,
    clearEnv: true,
    signal: AbortSignal.timeout(60_000),
  });
  const { code, stdout, stderr } = await command.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function familiesOf({ text }: RuntimeReport): string[] {
  return parsePrometheusText(text).map(({ name }) => name).sort();
}

const IMPORTABLE = `--allow-fs-read=${ROOT}`;
const ALL_BUT_ONE = ["read", "write", "net", "env", "sys", "run", "ffi"]
  .map((name) => `--allow-${name}`);

/** Ways to start programs, and the column of the table with their metrics. */
const STARTS: readonly [column: string, runtime: RuntimeName, options: readonly string[]][] = [
  ["deno run", "deno", []],
  ["deno run", "deno", ["--allow-read=/proc"]],
  ["deno run", "deno", ["--allow-read"]],
  ["deno run", "deno", ["--allow-sys"]],
  ["deno run", "deno", ALL_BUT_ONE],
  ["deno run", "deno", ["--allow-all", "--deny-env=HOME"]],
  ["deno run --allow-all", "deno", ["--allow-all"]],
  ["bun", "bun", []],
  ["node", "node", []],
  ["node --permission", "node", ["--permission", IMPORTABLE]],
  ["node", "node", ["--permission", IMPORTABLE, "--allow-fs-read=/proc"]],
];

test("docs/runtime_metrics.md lists every metric with its type and its labels", () => {
  const { rows } = readTable(/^\| metric +\| type /);
  assert.deepEqual(
    rows.map(([name = "", type, labels = ""]) => [unquote(name), type, unquote(labels)]),
    new RuntimeCollector(globalThis as unknown as Platform)
      .describe()
      .map(({ name, type, labelNames = [] }) => [name, type, labelNames.join(", ")]),
  );
});

test("every column of docs/runtime_metrics.md is tested", () => {
  const { head } = readTable(/^\| metric +\| `deno run`/);
  assert.deepEqual(head.slice(1).map(unquote), [...new Set(STARTS.map(([column]) => column))]);
});

for (const [column, runtime, options] of STARTS) {
  const command = [runtime, ...options].join(" ").replace(ROOT, "…");
  testWithPrograms(
    ["promtool"],
    `${command} has the metrics in docs/runtime_metrics.md`,
    async (path) => {
      const { head, rows } = readTable(/^\| metric +\| `deno run`/);
      const index = head.findIndex((cell) => unquote(cell) === column);
      for (const row of rows) assert.match(row[index]!, /^(yes|no)$/);
      const expected = rows.filter((row) => row[index] === "yes").map(([name]) => unquote(name!));
      const result = await report(runtime, options);
      assert.deepEqual(familiesOf(result), expected.sort());

      assert.equal(result.callsOfImport, 0, "an import does nothing");
      assert.ok(result.calls > 0, "the program counts calls");
      // The program was blocked for 0.3 s, and a timer was due after 0.1 s at most.
      const lag = /^runtime_event_loop_lag_seconds_sum (.*)$/m.exec(result.text)?.[1];
      assert.ok(Number(lag) > 0.15, lag);

      const checking = promisify(execFile)(path, ["check", "metrics"]);
      checking.child.stdin!.end(result.text);
      const { stdout, stderr } = await checking;
      assert.equal(stdout + stderr, "");
    },
  );
}

for (const options of [[], ["--allow-read=/proc"], ALL_BUT_ONE]) {
  const command = ["deno", ...options].join(" ");
  testWithPrograms(["script"], `${command} never asks on a terminal`, async (script) => {
    await using program = onTerminal(script, options);
    const [line] = await program.waitForOutput(/^\{"callsOfImport".*\}/m);
    assert.ok(JSON.parse(line).text.includes("process_cpu_seconds_total"));
    assert.doesNotMatch(program.output(), /Deno requests/);
  });
}

testWithPrograms(["script"], "Deno can ask for permissions on that terminal", async (script) => {
  await using program = onTerminal(script, [], "--read");
  await program.waitForOutput(/Deno requests read access to "\/proc\/self\/stat"/);
});

/** Runs the program on a pseudo-terminal, where Deno asks for permissions. */
function onTerminal(script: string, options: readonly string[], ...flags: string[]) {
  const args = ["run", "--no-check", ...options, PROGRAM, ...flags];
  const command = [paths.deno, ...args].map((arg) => `'${arg}'`).join(" ");
  return start(script, ["-qec", command, "/dev/null"], { env });
}

const GC_OPTIONS = { deno: ["--v8-flags=--expose-gc"], bun: [], node: ["--expose-gc"] };
for (const runtime of ["deno", "bun", "node"] as const) {
  test(`the sampler stops under ${runtime} when its registry is garbage-collected`, async () => {
    assert.equal((await report(runtime, GC_OPTIONS[runtime], "--forget")).ended, true);
  });

  test(`without process and Deno, ${runtime} exposes only the lag`, async () => {
    const result = await report(runtime, [], "--bare");
    assert.deepEqual(familiesOf(result), ["runtime_event_loop_lag_seconds"]);
  });
}
