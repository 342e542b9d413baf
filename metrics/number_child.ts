import type { NumberMetric } from "../model.ts";
import { Child } from "./child.ts";
import { checkFunction } from "./timer.ts";

/** A series that is one number, or reads it from a function. */
export abstract class NumberChild extends Child implements NumberMetric {
  setFunction(fn: () => number): void {
    const { core } = this;
    checkFunction(fn, core.doing("set function of"));
    if (core.isDropped) return;
    core.extras = 1;
    core.sources ??= new WeakMap();
    core.sources.set(this, fn);
    core.listener?.pin(this);
  }

  get value(): number {
    const source = this.core.sources?.get(this);
    if (source === undefined) return this.columns.numbers[this.slot]!;
    const value: unknown = source();
    if (value instanceof Promise) value.catch(() => {});
    return this.checkResult(value);
  }

  /** Throws if a function returned something that is no value of the type. */
  protected abstract checkResult(value: unknown): number;
}
