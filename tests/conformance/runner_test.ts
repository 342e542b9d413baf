import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyOutcome, inapplicable, list, type Outcome, runner } from "./runner.ts";

interface Case {
  readonly input: number;
  readonly expected: number;
}

/** Cases of a function that doubles numbers up to 10, and returns larger ones unchanged. */
const run = runner<Case>({
  cases: list("cases"),
  name: ({ input }) => `double ${input}`,
  verify: ({ input, expected }) => assert.equal(input > 10 ? input : input * 2, expected),
  inapplicable: ({ input }) => input < 0 ? "there are no negative numbers" : undefined,
  deviations: [{
    reason: "large numbers stay",
    adapt: (c) => c.input >= 10 ? { ...c, expected: c.input } : undefined,
  }],
});

async function outcomeOf(cases: unknown): Promise<Outcome> {
  const outcome = emptyOutcome();
  await run({ cases }, outcome);
  return outcome;
}

test("a case that holds passes", async () => {
  const { cases, passed, failures } = await outcomeOf([{ input: 2, expected: 4 }]);
  assert.deepEqual({ cases, passed, failures }, { cases: 1, passed: 1, failures: [] });
});

test("a case that does not hold fails", async () => {
  const { passed, failures } = await outcomeOf([{ input: 2, expected: 5 }]);
  assert.equal(passed, 0);
  assert.deepEqual(failures.map(({ name }) => name), ["double 2"]);
});

test("a case of another shape fails", async () => {
  const { failures } = await outcomeOf([null, { input: 1 }]);
  assert.equal(failures.length, 2);
});

test("a case that holds with its deviation is counted with its reason", async () => {
  const { passed, deviating, deviations, failures } = await outcomeOf([{
    input: 20,
    expected: 40,
  }]);
  assert.deepEqual([passed, deviating, failures], [0, 1, []]);
  assert.deepEqual([...deviations], [["large numbers stay", ["double 20"]]]);
});

test("an obsolete deviation fails", async () => {
  const { deviating, failures } = await outcomeOf([{ input: 10, expected: 20 }]);
  assert.equal(deviating, 0);
  assert.match(failures[0]!.message, /listed as a deviation: large numbers stay/);
});

test("a deviation that does not hold fails", async () => {
  const { deviating, failures } = await outcomeOf([{ input: 10, expected: 30 }]);
  assert.equal(deviating, 0);
  assert.equal(failures.length, 1);
});

test("an inapplicable case neither passes nor fails", async () => {
  const outcome = await outcomeOf([{ input: -1, expected: 7 }]);
  assert.equal(outcome.passed + outcome.failures.length, 0);
  assert.deepEqual([...outcome.inapplicable.keys()], ["there are no negative numbers"]);
});

test("a file without the list has no cases", async () => {
  const outcome = emptyOutcome();
  await run({}, outcome);
  await inapplicable("no", () => undefined)({}, outcome);
  assert.equal(outcome.cases, 0);
});
