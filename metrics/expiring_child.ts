import type { Child } from "./child.ts";
import type { Columns } from "./columns.ts";

/** A class of children. */
type ChildClass<C extends Child, Extra extends unknown[]> = new (
  columns: Columns<unknown>,
  slot: number,
  ...extra: Extra
) => C;

/** Any method that writes; what it is given is for itself to check. */
type Write = (this: Child, ...args: unknown[]) => unknown;

/** The methods of all types that change a child, and end in no other of them. */
const WRITES: readonly string[] = ["inc", "dec", "set", "observe", "info", "state"];

/** The expiring class of each class that has one. */
const CLASSES: WeakMap<object, object> = new WeakMap();

/**
 * The class that a metric makes its children of: where series expire, one whose
 * children tell of each write. Other metrics keep the class as it is, and so neither
 * their children nor their writes know of it.
 *
 * @param Base The class of the type.
 * @param options The options of the metric, not checked yet.
 * @returns `Base`, or a class derived from it.
 */
export function childClass<C extends Child, Extra extends unknown[]>(
  Base: ChildClass<C, Extra>,
  options: { readonly expireAfterSeconds?: unknown } | undefined,
): ChildClass<C, Extra> {
  if (options?.expireAfterSeconds === undefined) return Base;
  const known = CLASSES.get(Base) ?? deriveFrom(Base);
  CLASSES.set(Base, known);
  // It is constructed as `Base` is, and has its methods.
  return known as ChildClass<C, Extra>;
}

function deriveFrom(Class: object): object {
  // Only classes of children come here, and what they are constructed with is passed on.
  const Base = Class as ChildClass<Child, never[]>;
  const Expiring = class extends Base {};
  const methods = Base.prototype as unknown as Record<string, Write | undefined>;
  for (const name of WRITES) {
    const write = methods[name];
    if (write === undefined) continue;
    override(Expiring, name, function (first, second) {
      // What throws has written nothing.
      write.call(this, first, second);
      this.columns.core.watch!.touch(this);
    });
  }
  const { setFunction } = methods;
  if (setFunction !== undefined) {
    override(Expiring, "setFunction", function (fn) {
      setFunction.call(this, fn);
      this.columns.core.watch!.pin(this);
    });
  }
  return Expiring;
}

function override(Class: { readonly prototype: Child }, name: string, value: Write): void {
  Object.defineProperty(Class.prototype, name, { value, configurable: true, writable: true });
}
