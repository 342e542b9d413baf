/** How much of a value an error message shows, in UTF-16 code units. */
const MAX_LENGTH = 400;

/**
 * Returns a value as error messages show it: strings quoted, objects by their class, everything
 * else as JavaScript prints it. Never throws, and the text is never long.
 *
 * @param value The value that was received.
 * @returns A short text.
 */
export function received(value: unknown): string {
  let text = "an object";
  try {
    text = spell(value);
  } catch {
    // The object is a revoked proxy, or has a getter that throws.
  }
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

function spell(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > 100 ? value.slice(0, 100) + "…" : value);
    case "bigint":
      return `${value}n`;
    case "function":
      return value.name === "" ? "a function" : `function ${value.name}`;
    case "symbol":
      return value.toString();
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) {
        // Arrays within are not spelled out: one may be within itself.
        return `[${
          value.slice(0, 10).map((item) => Array.isArray(item) ? "[…]" : spell(item)).join(", ")
        }${value.length > 10 ? ", …" : ""}]`;
      }
      return value.constructor?.name === "Object"
        ? `{${Object.keys(value).slice(0, 10).join(", ")}}`
        : String(value.constructor?.name ?? "an object");
    default:
      return Object.is(value, -0) ? "-0" : String(value);
  }
}

/**
 * Throws if a value does not have the shape that it must have.
 *
 * @param isRight Whether it has.
 * @param doing The failing action, as in `Cannot create counter "x"`.
 * @param rule The rule, as in `help must be a string`.
 * @param value The value that was received.
 * @throws {TypeError} If it does not have the shape.
 */
export function checkShape(
  isRight: boolean,
  doing: string,
  rule: string,
  value: unknown,
): asserts isRight {
  if (!isRight) throw new TypeError(`${doing}: ${rule}: received ${received(value)}`);
}

/**
 * Throws if a value is out of bounds.
 *
 * @param isWithin Whether it is within them.
 * @param doing The failing action, as in `Cannot create registry`.
 * @param rule The bounds, as in `quantiles must be from 0 to 1`.
 * @param value The value that was received.
 * @throws {RangeError} If it is out of bounds.
 */
export function checkBounds(
  isWithin: boolean,
  doing: string,
  rule: string,
  value: unknown,
): asserts isWithin {
  if (!isWithin) throw new RangeError(`${doing}: ${rule}: received ${received(value)}`);
}

/**
 * Throws if labels with their values are not an object. Does not look at the values.
 *
 * @param labels The labels as they were given.
 * @param doing The failing action, as in `Cannot use counter "x"`.
 * @param what The name of the labels in the message. @default {"labels"}
 * @throws {TypeError} If they are not an object.
 */
export function checkLabelObject(labels: unknown, doing: string, what = "labels"): void {
  if (typeof labels === "object" && labels !== null && !Array.isArray(labels)) return;
  checkShape(false, doing, `${what} must be an object`, labels);
}

/**
 * Throws if options are not an object. Does not look at what is in them.
 *
 * @param options The options as they were given.
 * @param doing The failing action, as in `Cannot create counter "x"`.
 * @throws {TypeError} If they are not an object.
 */
export function checkOptions(options: unknown, doing: string): void {
  const isObject = typeof options === "object" && options !== null;
  checkShape(isObject, doing, "options must be an object", options);
}

/**
 * The names of all options of a type. The compiler refuses an object that lacks one of them, or
 * has another one.
 *
 * @typeParam Options The interface of the options.
 */
export type KnownOptions<Options> = { readonly [Name in keyof Options]-?: true };

/**
 * Throws if options are not an object, or if one of them is unknown, as a misspelt one is. Only
 * own enumerable properties are options: what an object inherits is not looked at.
 *
 * @typeParam Options The interface of the options.
 * @param options The options as they were given.
 * @param known The names of all options.
 * @param doing The failing action, as in `Cannot create counter "x"`.
 * @returns A copy that inherits nothing.
 * @throws {TypeError} If they are not an object, or one of them is unknown.
 */
export function checkKnownOptions<Options extends object>(
  options: Options,
  known: KnownOptions<Options>,
  doing: string,
): Options {
  checkOptions(options, doing);
  // A registry has no properties of its own, so that its members would be mistaken for options.
  const isRegistry = "collect" in options && Object.hasOwn(known, "registry");
  checkShape(!isRegistry, doing, "options must be { registry }, not the registry itself", options);
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name));
  if (unknown === undefined) return Object.assign(Object.create(null), options);
  const names = Object.keys(known).map((name) => `"${name}"`).join(", ");
  throw new TypeError(`${doing}: unknown option ${received(unknown)}: known options are ${names}`);
}

/**
 * Throws if an option is not a number within its bounds.
 *
 * @param value The number as it was given.
 * @param isLegal Returns whether a number is within the bounds.
 * @param rule The bounds, as in `> 0`.
 * @param doing The failing action, as in `Cannot create registry`.
 * @param name The name of the option.
 * @returns The number.
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is out of bounds.
 */
export function checkNumber(
  value: unknown,
  isLegal: (value: number) => boolean,
  rule: string,
  doing: string,
  name: string,
): number {
  checkShape(typeof value === "number", doing, `${name} must be a number`, value);
  checkBounds(isLegal(value), doing, `${name} must be ${rule}`, value);
  return value;
}
