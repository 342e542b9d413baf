/**
 * Counts the steps of a regular expression. The number does not depend on the load of the machine.
 *
 * This is a backtracking matcher as in the specification and in engines: it tries alternatives in
 * order, and returns to the last choice when a match fails. Captures are not kept, and
 * backreferences are not supported.
 *
 * @module
 */

/** A node of a parsed expression. */
type Node =
  | { readonly kind: "character"; readonly test: (character: string) => boolean }
  | { readonly kind: "assertion"; readonly holds: (text: string, at: number) => boolean }
  | { readonly kind: "sequence"; readonly items: readonly Node[] }
  | { readonly kind: "choice"; readonly options: readonly Node[] }
  | {
    readonly kind: "look";
    readonly inner: Node;
    readonly isBehind: boolean;
    readonly isNegative: boolean;
  }
  | {
    readonly kind: "repetition";
    readonly inner: Node;
    readonly min: number;
    readonly max: number;
    readonly isLazy: boolean;
  };

/** One character, escape or class. Characters with a special meaning are handled before. */
const ATOM_REGEXP =
  /\[(?:\\[^]|[^\]\\])*\]|\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[^])|[^]/uy;
const QUANTIFIER_REGEXP = /(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})(\??)/y;
const GROUP_REGEXP = /\((?:\?(?:(:)|(<?)([=!])|<\w+>))?/y;

/** The limit of steps. A search that exceeds it counts as endless. */
const MAX_STEPS = 20_000_000;

/** The result of a search. */
export interface Search {
  /** The start and end of the first match, if there is one. */
  readonly match: readonly [from: number, to: number] | undefined;
  /** The number of steps. */
  readonly steps: number;
}

/** Counts the steps of a regular expression. */
export class StepCounter {
  readonly #regexp: RegExp;
  readonly #root: Node;
  #at = 0;
  #text = "";
  #steps = 0;

  constructor(regexp: RegExp) {
    this.#regexp = regexp;
    this.#root = this.#parseChoice();
    if (this.#at < regexp.source.length) throw new Error(`Cannot parse ${regexp} at ${this.#at}`);
  }

  /**
   * Searches `text` from the index `from`. The number of steps is Infinity if it exceeds the limit.
   */
  search(text: string, from = 0): Search {
    this.#text = text;
    this.#steps = 0;
    const { sticky, unicode } = this.#regexp;
    try {
      for (let at = from; at <= text.length; at++) {
        let to = -1;
        const isMatch = this.#match(this.#root, at, 1, (end) => {
          to = end;
          return true;
        });
        if (isMatch) return { match: [at, to], steps: this.#steps };
        if (sticky) break;
        if (unicode && isLead(text, at)) at++;
      }
    } catch (error) {
      if (error !== TOO_MANY) throw error;
      return { match: undefined, steps: Infinity };
    }
    return { match: undefined, steps: this.#steps };
  }

  /** Returns the steps of `replace()` for a global expression, or of `test()` otherwise. */
  stepsOf(text: string): number {
    let steps = 0;
    for (let from = 0; from <= text.length;) {
      const { match, steps: more } = this.search(text, from);
      steps += more;
      if (match === undefined || !this.#regexp.global) break;
      from = match[1] > match[0] ? match[1] : match[1] + 1;
    }
    return steps;
  }

  #match(node: Node, at: number, direction: 1 | -1, next: (at: number) => boolean): boolean {
    if (++this.#steps > MAX_STEPS) throw TOO_MANY;
    switch (node.kind) {
      case "character": {
        const end = this.#step(node.test, at, direction);
        return end >= 0 && next(end);
      }
      case "assertion":
        return node.holds(this.#text, at) && next(at);
      case "choice":
        return node.options.some((option) => this.#match(option, at, direction, next));
      case "look": {
        const found = this.#match(node.inner, at, node.isBehind ? -1 : 1, () => true);
        return found !== node.isNegative && next(at);
      }
      case "sequence": {
        const items = direction === 1 ? node.items : node.items.toReversed();
        const go = (i: number, at: number): boolean =>
          i === items.length
            ? next(at)
            : this.#match(items[i]!, at, direction, (end) => go(i + 1, end));
        return go(0, at);
      }
      case "repetition":
        return node.inner.kind === "character"
          ? this.#repeatCharacter({ ...node, inner: node.inner }, at, direction, next)
          : this.#repeat(node, at, direction, 0, next);
    }
  }

  #repeat(
    node: Node & { kind: "repetition" },
    at: number,
    direction: 1 | -1,
    count: number,
    next: (at: number) => boolean,
  ): boolean {
    const { inner, min, max, isLazy } = node;
    const more = () =>
      count < max && this.#match(inner, at, direction, (end) => {
        // An empty match is not repeated beyond the minimum.
        if (end === at && count >= min) return false;
        return this.#repeat(node, end, direction, count + 1, next);
      });
    const enough = () => count >= min && next(at);
    return isLazy ? enough() || more() : more() || enough();
  }

  /** Does the same without recursion, because texts may be long. */
  #repeatCharacter(
    node: { inner: Node & { kind: "character" }; min: number; max: number; isLazy: boolean },
    at: number,
    direction: 1 | -1,
    next: (at: number) => boolean,
  ): boolean {
    const { inner: { test }, min, max, isLazy } = node;
    const ends = [at];
    const take = (): boolean => {
      if (ends.length > max) return false;
      if (++this.#steps > MAX_STEPS) throw TOO_MANY;
      const end = this.#step(test, ends.at(-1)!, direction);
      if (end >= 0) ends.push(end);
      return end >= 0;
    };
    if (isLazy) {
      do {
        if (ends.length > min && next(ends.at(-1)!)) return true;
      } while (take());
      return false;
    }
    while (take());
    for (let count = ends.length - 1; count >= min; count--) {
      this.#steps++;
      if (next(ends[count]!)) return true;
    }
    return false;
  }

  /** Returns the end of the character at an index, or -1 if it does not match. */
  #step(test: (character: string) => boolean, at: number, direction: 1 | -1): number {
    const text = this.#text;
    let [from, to] = direction === 1 ? [at, at + 1] : [at - 1, at];
    if (this.#regexp.unicode && direction === 1 && isLead(text, from)) to++;
    if (this.#regexp.unicode && direction === -1 && isLead(text, from - 1)) from--;
    if (from < 0 || to > text.length || !test(text.slice(from, to))) return -1;
    return direction === 1 ? to : from;
  }

  #parseChoice(): Node {
    const options = [this.#parseSequence()];
    while (this.#take("|")) options.push(this.#parseSequence());
    return options.length === 1 ? options[0]! : { kind: "choice", options };
  }

  #parseSequence(): Node {
    const { source } = this.#regexp;
    const items: Node[] = [];
    while (this.#at < source.length && !"|)".includes(source[this.#at]!)) {
      const inner = this.#parseTerm();
      const quantifier = this.#read(QUANTIFIER_REGEXP);
      if (quantifier === undefined) {
        items.push(inner);
        continue;
      }
      const [text, least, comma, most, lazy] = quantifier;
      const min = least === undefined ? (text.startsWith("+") ? 1 : 0) : Number(least);
      const max = text.startsWith("?")
        ? 1
        : least === undefined || (comma && !most)
        ? Infinity
        : Number(most ?? least);
      items.push({ kind: "repetition", inner, min, max, isLazy: lazy !== "" });
    }
    return items.length === 1 ? items[0]! : { kind: "sequence", items };
  }

  #parseTerm(): Node {
    const { multiline, flags } = this.#regexp;
    if (this.#take("^")) {
      return {
        kind: "assertion",
        holds: (text, at) => at === 0 || (multiline && text[at - 1] === "\n"),
      };
    }
    if (this.#take("$")) {
      return {
        kind: "assertion",
        holds: (text, at) => at === text.length || (multiline && text[at] === "\n"),
      };
    }
    if (this.#take("\\b")) {
      const isWord = (text: string, at: number) => /^\w$/.test(text[at] ?? "");
      return {
        kind: "assertion",
        holds: (text, at) => isWord(text, at - 1) !== isWord(text, at),
      };
    }
    const group = this.#read(GROUP_REGEXP);
    if (group !== undefined) {
      const [, , behind, look] = group;
      const inner = this.#parseChoice();
      if (!this.#take(")")) throw new Error(`Cannot parse ${this.#regexp}: ")" is missing`);
      if (look === undefined) return inner;
      return { kind: "look", inner, isBehind: behind === "<", isNegative: look === "!" };
    }
    const [atom] = this.#read(ATOM_REGEXP)!;
    if (/^\\[1-9kB]/.test(atom)) throw new Error(`Cannot count the steps of ${atom}`);
    // The engine itself decides which characters a class contains.
    const one = new RegExp(`^(?:${atom})$`, flags.replaceAll(/[gy]/g, ""));
    const known = new Map<string, boolean>();
    const test = (character: string): boolean => {
      let is = known.get(character);
      if (is === undefined) known.set(character, is = one.test(character));
      return is;
    };
    return { kind: "character", test };
  }

  #take(text: string): boolean {
    const isHere = this.#regexp.source.startsWith(text, this.#at);
    if (isHere) this.#at += text.length;
    return isHere;
  }

  #read(regexp: RegExp): RegExpExecArray | undefined {
    regexp.lastIndex = this.#at;
    const match = regexp.exec(this.#regexp.source) ?? undefined;
    if (match !== undefined) this.#at += match[0].length;
    return match;
  }
}

/** Thrown when a search exceeds the limit of steps. */
const TOO_MANY = new Error("Too many steps");

function isLead(text: string, at: number): boolean {
  return (text.codePointAt(at) ?? 0) > 0xffff;
}
