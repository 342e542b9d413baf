import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  Counter,
  type CounterSeries,
  Gauge,
  type GaugeSeries,
} from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { seriesOf } from "../support/series.ts";

const labelNames = ["a"] as const;
const OVERFLOW = "overflow";

/** A held child, and its expected state. */
interface Held {
  readonly child: CounterSeries | GaugeSeries;
  readonly text: string;
  value: number;
  touched: number;
  isAlive: boolean;
  isPinned: boolean;
}

for (const type of ["counter", "gauge"]) {
  test(`random calls of a ${type} with a limit and an expiry keep its totals and its limit`, () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    for (let maxSeries = 0; maxSeries < 8; maxSeries++) {
      const clock = new ManualClock();
      const registry = new CollectorRegistry({ maxSeries });
      // Steps of the clock are longer than the interval at which a full metric looks for room.
      const options = { labelNames, expireAfterSeconds: 64, clock, registry };
      const metric = type === "counter"
        ? new Counter("m_total", "M.", options)
        : new Gauge("m_total", "M.", options);
      const look = (a: string | number | boolean): Held["child"] =>
        random(2) === 0
          ? metric.labels(a)
          // In a union, the compiler accepts only the overload that both types share.
          : (metric as Counter<typeof labelNames>).labels({ a });
      const all: Held[] = [];
      let overflows = 0;
      const isFold = ({ text }: Held): boolean => type === "counter" && text === OVERFLOW;
      const isSeen = ({ isAlive, isPinned, touched }: Held): boolean =>
        isAlive && (isPinned || clock.seconds - touched < 64);
      const find = (text: string): Held | undefined =>
        all.find((held) => held.isAlive && held.text === text);
      const hold = (child: Held["child"], text: string): Held => {
        const held: Held = find(text) ??
          { child, text, value: 0, touched: 0, isAlive: true, isPinned: false };
        if (!all.includes(held)) all.push(held);
        assert.equal(child, held.child);
        assert.deepEqual(child.labelValues, [text]);
        held.touched = clock.seconds;
        return held;
      };
      for (let step = 0; step < 2000; step++) {
        const value = [1, "1", true, "true", "x", "y", OVERFLOW, "__proto__", 2, 3, 4][random(11)]!;
        const text = String(value);
        const action = random(100);
        const any = all[random(Math.max(1, all.length))];
        if (action < 40) {
          const isFull = all.filter((held) => isSeen(held) && !isFold(held)).length >= maxSeries;
          const hasRoom = !isFull || find(text) !== undefined ||
            (type === "counter" && text === OVERFLOW);
          const child = look(value);
          if (!hasRoom) overflows++;
          if (hasRoom || type === "counter") {
            const held = hold(child, hasRoom ? text : OVERFLOW);
            if (!held.isPinned) {
              child.inc(step);
              held.value += step;
            }
            assert.equal(child.value, held.value);
          } else {
            child.inc(step);
            assert.equal(child.value, 0);
          }
        } else if (action < 60 && any !== undefined && !any.isPinned) {
          any.child.inc(step);
          if (any.isAlive) {
            any.value += step;
            any.touched = clock.seconds;
            assert.equal(any.child.value, any.value);
          }
        } else if (action < 75) {
          clock.advance([2, 10, 30, 63, 64, 65][random(6)]!);
        } else if (action < 80) {
          const held = find(text);
          assert.equal(metric.remove(value), held !== undefined && isSeen(held));
          if (held !== undefined) held.isAlive = false;
        } else if (action === 80 && any?.isAlive) {
          any.child.setFunction(() => 7);
          any.isPinned = true;
          any.value = 7;
        } else if (action === 81 && random(3) === 0) {
          metric.clear();
          for (const held of all) held.isAlive = false;
        } else if (action > 85) {
          const expected = all.filter(isSeen).map((held) =>
            `m_total{a=${JSON.stringify(held.text)}} ${held.value}`
          );
          assert.deepEqual(seriesOf(metric).toSorted(), expected.toSorted());
          const counted = registry.getSampleValue("narthex_series_overflow_total", {
            metric: "m_total",
          });
          assert.equal(counted ?? 0, overflows);
        }
      }
    }
  });
}
