/** The units that promtool 2.42 knows in names, and the base unit of each. */
const BASE_UNITS: ReadonlyMap<string, string> = new Map([
  ...["amperes", "bytes", "celsius", "grams", "joules", "kelvin", "meters", "metres", "seconds"]
    .map((unit) => [unit, unit] as const),
  ["volts", "volts"],
  ["minutes", "seconds"],
  ["hours", "seconds"],
  ["days", "seconds"],
  ["weeks", "seconds"],
  ["kelvins", "kelvin"],
  ["fahrenheit", "celsius"],
  ["rankine", "celsius"],
  ["inches", "meters"],
  ["yards", "meters"],
  ["miles", "meters"],
  ["bits", "bytes"],
  ["calories", "joules"],
  ["pounds", "grams"],
  ["ounces", "grams"],
]);

/** The metric prefixes as promtool spells them. It does not know "mebi". */
const PREFIXES =
  "pico|nano|micro|milli|centi|deci|deca|hecto|kilo|kibi|mega|mibi|giga|gibi|tera|tebi|peta|pebi";

const UNIT_REGEXP = new RegExp(`^(?:${PREFIXES})?(${[...BASE_UNITS.keys()].join("|")})$`);

/** The abbreviations that promtool 2.42 knows, and the base units that they may mean. */
const ABBREVIATIONS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...["s", "ms", "us", "ns", "sec", "h", "d"].map((word) => [word, ["seconds"]] as const),
  ...["b", "kb", "mb", "gb", "tb", "pb"].map((word) => [word, ["bytes"]] as const),
  ["m", ["seconds", "meters"]],
]);

/**
 * Returns the base unit of a word that is a unit, with or without a metric prefix.
 *
 * @param word A word of a metric name, such as `milliseconds`.
 * @returns The base unit, which may be the word itself. Undefined if the word is not a unit.
 */
export function baseUnit(word: string): string | undefined {
  const unit = UNIT_REGEXP.exec(word)?.[1];
  return unit === undefined ? undefined : BASE_UNITS.get(unit);
}

/**
 * Returns the possible meanings of an abbreviated unit.
 *
 * @param word A word of a metric name, such as `ms`.
 * @returns Base units. Undefined if the word is not an abbreviation.
 */
export function abbreviatedUnits(word: string): readonly string[] | undefined {
  return ABBREVIATIONS.get(word.toLowerCase());
}
