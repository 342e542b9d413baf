import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import * as official from "@prometheus-io/client";
import * as dropIn from "../../prom_client/mod.ts";
import {
  type Client,
  drawProgram,
  outcomeOf,
  SharedClock,
  type Step,
  type World,
} from "../support/prom_client_programs.ts";
import { Random } from "../support/random.ts";

/**
 * The number of programs per format, and the number of programs whose scrapes are compared byte for
 * byte.
 */
const [PROGRAMS, SCRAPES] = process.env.NARTHEX_TRUST === "full" ? [10_000, 2500] : [400, 150];

const FORMATS = [
  { what: "text", contentType: official.Registry.PROMETHEUS_CONTENT_TYPE },
  { what: "OpenMetrics", contentType: official.Registry.OPENMETRICS_CONTENT_TYPE },
] as const;

/** Runs a program against a client, and returns the outcome of each step. */
async function run(program: Step[], client: Client, contentType: string): Promise<string[]> {
  const clock = new SharedClock();
  const register = new client.Registry(contentType);
  const world: World = { client, clock, register, metrics: [], handles: [], ends: [] };
  const outcomes: string[] = [];
  try {
    for (const step of program) outcomes.push(await outcomeOf(step, world));
  } finally {
    clock.restore();
  }
  return outcomes;
}

/** Runs programs of some seeds against both clients. */
async function compare(
  seeds: number,
  contentType: string,
  draw: (seed: number) => Step[],
): Promise<void> {
  for (let seed = 0; seed < seeds; seed++) {
    const program = draw(seed);
    const expected = await run(program, official, contentType);
    const actual = await run(program, dropIn, contentType);
    for (const [i, { text }] of program.entries()) {
      if (expected[i] === actual[i]) continue;
      const before = program.slice(0, i).map((step, j) => `${step.text} → ${expected[j]}`);
      assert.equal(actual[i], expected[i], [`seed ${seed}`, ...before, text].join("\n"));
    }
  }
}

for (const [number, { what, contentType }] of FORMATS.entries()) {
  test(`random programs behave as with the official client, in ${what}`, async () => {
    const draw = (seed: number): Step[] =>
      drawProgram(new Random(seed * 2 + number), number === 1, 14);
    await compare(PROGRAMS, contentType, draw);
  });

  test(`random scrapes equal those of the official client byte for byte, in ${what}`, async () => {
    const draw = (seed: number): Step[] =>
      drawProgram(new Random(1e6 + seed * 2 + number), number === 1, 40, true);
    await compare(SCRAPES, contentType, draw);
  });
}
