/** The iterators that were read. Nothing is left in them. */
const _read: WeakSet<object> = new WeakSet();

/**
 * Returns an iterable that was not read before. Most iterables can be read many times; an iterator,
 * such as a generator, can be read once, and looks empty from then on.
 *
 * @param iterable The iterable.
 * @param rule What it must be instead, as in `collect() must return another iterator each time`.
 * @returns The iterable.
 * @throws {TypeError} If it is an iterator that was read before.
 */
export function unread<T extends object>(iterable: T, rule: string): T {
  if (!("next" in iterable)) return iterable;
  if (_read.has(iterable)) throw new TypeError(`Cannot read iterator again: ${rule}`);
  _read.add(iterable);
  return iterable;
}

/** What the metrics of a family must be. */
export const READABLE_METRICS = "metrics must be an iterable that can be read more than once";
