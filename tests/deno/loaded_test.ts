import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Commands, runAll, runBesideLoops, select } from "../support/loaded.ts";
import { ROOT } from "../support/paths.ts";

const COMMANDS: Commands = {
  "test:deno": "deno test -A --ignore=tests/bun,tests/e2e --coverage",
  "test:bun": "bun test --path-ignore-patterns='tests/deno/**'",
  "test:node": "node --test 'tests/*_test.ts' 'tests/!(bun|deno|e2e)/**/*_test.ts'",
  "test:e2e": "deno test -A tests/e2e",
};

test("the whole suite runs with the commands of the tasks", () => {
  assert.deepEqual(select(COMMANDS, { paths: [], ignored: [] }), Object.values(COMMANDS));
});

test("folders are excluded on each runtime", () => {
  assert.deepEqual(select(COMMANDS, { paths: [], ignored: ["tests/live", "tests/e2e"] }), [
    "deno test -A --ignore=tests/live,tests/e2e,tests/bun,tests/e2e --coverage",
    "bun test --path-ignore-patterns='tests/deno/**' --path-ignore-patterns='tests/live/**'" +
    " --path-ignore-patterns='tests/e2e/**'",
    "node --test 'tests/*_test.ts' 'tests/!(live|e2e|bun|deno|e2e)/**/*_test.ts'",
  ]);
  assert.throws(
    () => select(COMMANDS, { paths: [], ignored: ["multiprocess"] }),
    new TypeError('Cannot leave out "multiprocess": it must be a folder of tests/'),
  );
});

test("single folders and files can be selected", () => {
  assert.deepEqual(select(COMMANDS, { paths: ["tests/live", "tests/a_test.ts"], ignored: [] }), [
    "deno test -A --ignore=tests/bun,tests/e2e --coverage tests/live tests/a_test.ts",
    "bun test --path-ignore-patterns='tests/deno/**' tests/live tests/a_test.ts",
    "node --test 'tests/live/**/*_test.ts' 'tests/a_test.ts'",
  ]);
  assert.deepEqual(select(COMMANDS, { paths: ["tests/e2e/demo_test.ts"], ignored: [] }), [
    "deno test -A tests/e2e/demo_test.ts",
  ]);
  assert.deepEqual(select(COMMANDS, { paths: ["tests/deno"], ignored: [] }), [
    "deno test -A --ignore=tests/bun,tests/e2e --coverage tests/deno",
  ]);
});

test("the tasks contain the replaced texts", () => {
  const { tasks } = JSON.parse(readFileSync(`${ROOT}deno.json`, "utf8"));
  const commands = Object.fromEntries(
    Object.keys(COMMANDS).map((task) => [task, tasks[task].command as string]),
  ) as unknown as Commands;
  const [deno, bun, node] = select(commands, { paths: [], ignored: ["tests/live"] });
  assert.match(deno!, / --ignore=tests\/live,tests\//);
  assert.match(bun!, / --path-ignore-patterns='tests\/live\/\*\*'$/);
  assert.match(node!, / 'tests\/!\(live\|.*\)\/\*\*\/\*_test\.ts'$/);
});

test("the exit code is that of the first failing command, and all commands run", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/file`;
    assert.equal(await runAll(["exit 0", "exit 3", `echo run > ${file}`, "exit 4"]), 3);
    assert.equal(await Deno.readTextFile(file), "run\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

test("busy loops run until the function has ended, even if it throws", async () => {
  const children = async () => {
    const { stdout } = await new Deno.Command("ps", {
      args: ["--ppid", `${Deno.pid}`, "-o", "args="],
    }).output();
    return new TextDecoder().decode(stdout).split("\n").filter((line) => line.includes("busy_loop"))
      .length;
  };
  const before = await children();
  assert.equal(await runBesideLoops(2, children), before + 2);
  await assert.rejects(runBesideLoops(1, () => Promise.reject(new Error("no"))), { message: "no" });
  assert.equal(await children(), before);
});
