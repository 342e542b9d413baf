/**
 * Tests of syntax that Bun parses and Node.js may not: `using`, and `wrap` as a decorator.
 *
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Histogram } from "../../mod.ts";

const histogram = new Histogram("call_seconds", "Calls.", { registry: null });

class Service {
  readonly base = 1;

  @histogram.wrap
  add(a: number): number {
    return this.base + a;
  }
}

test("using records a timer, and a decorated method is timed", () => {
  {
    using _timer = histogram.startTimer();
  }
  assert.equal(histogram.labels().count, 1);
  assert.equal(new Service().add(2), 3);
  assert.equal(histogram.labels().count, 2);
});
