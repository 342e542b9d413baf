/**
 * Tests of `wrap` as a standard (TC39) method decorator, which not every runtime can parse.
 *
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Histogram, Summary } from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";

const registry = null;
const clock = new ManualClock();
const histogram = new Histogram("method_seconds", "Calls.", { clock, registry });
const summary = new Summary("job_seconds", "Jobs.", { labelNames: ["job"], clock, registry });
const mail = summary.labels({ job: "mail" });

class Service {
  readonly base: number;

  constructor(base: number) {
    this.base = base;
  }

  @histogram.wrap
  add(a: number, b = 0): number {
    clock.advance(1);
    return this.base + a + b;
  }

  @mail.wrap
  async send(to: string): Promise<string> {
    await Promise.resolve();
    clock.advance(2);
    if (to === "") throw new Error(`no address, base ${this.base}`);
    return `${to}:${this.base}`;
  }

  @histogram.wrap
  static create(base: number): Service {
    return new this(base);
  }

  @histogram.wrap
  #secret(): number {
    return this.base * 2;
  }

  reveal(): number {
    return this.#secret();
  }
}

test("a decorated method receives its this and its arguments, and is timed", () => {
  histogram.clear();
  assert.equal(new Service(10).add(1, 2), 13);
  assert.equal(new Service(20).add(1), 21);
  assert.equal(histogram.labels().count, 2);
  assert.equal(histogram.labels().sum, 2);
  assert.equal(Service.prototype.add.name, "add");
  assert.equal(Service.prototype.add.length, 1);
});

test("an asynchronous method is timed until it settles, even if it rejects", async () => {
  const service = new Service(1);
  const pending = service.send("a");
  assert.equal(mail.count, 0);
  assert.equal(await pending, "a:1");
  assert.equal(mail.count, 1);
  await assert.rejects(service.send(""), /no address, base 1/);
  assert.equal(mail.count, 2);
  assert.equal(mail.sum, 4);
});

test("static and private methods can be decorated", () => {
  histogram.clear();
  assert.equal(Service.create(3).reveal(), 6);
  assert.equal(histogram.labels().count, 2);
});
