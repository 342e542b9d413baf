/** Units as they stand in names, and the base unit of each; promtool 2.42 knows these. */
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

/** As promtool spells them, which is how it comes that "mebibytes" passes. */
const PREFIXES =
  "pico|nano|micro|milli|centi|deci|deca|hecto|kilo|kibi|mega|mibi|giga|gibi|tera|tebi|peta|pebi";

const UNIT_REGEXP = new RegExp(`^(?:${PREFIXES})?(${[...BASE_UNITS.keys()].join("|")})$`);

/** Abbreviations that promtool 2.42 knows, and the base units that they may stand for. */
const ABBREVIATIONS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...["s", "ms", "us", "ns", "sec", "h", "d"].map((word) => [word, ["seconds"]] as const),
  ...["b", "kb", "mb", "gb", "tb", "pb"].map((word) => [word, ["bytes"]] as const),
  ["m", ["seconds", "meters"]],
]);

/**
 * The base unit of a word that is a unit, with or without a metric prefix.
 *
 * @param word A word of a metric name, as `milliseconds`.
 * @returns The base unit, which may be the word itself; nothing if it is no unit.
 */
export function baseUnit(word: string): string | undefined {
  const unit = UNIT_REGEXP.exec(word)?.[1];
  return unit === undefined ? undefined : BASE_UNITS.get(unit);
}

/**
 * What an abbreviated unit may stand for.
 *
 * @param word A word of a metric name, as `ms`.
 * @returns Base units; nothing if the word is no abbreviation.
 */
export function abbreviatedUnits(word: string): readonly string[] | undefined {
  return ABBREVIATIONS.get(word.toLowerCase());
}
