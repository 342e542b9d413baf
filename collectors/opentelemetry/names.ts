/**
 * How names and units of OpenTelemetry become those of Prometheus.
 *
 * See https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 *
 * @module
 */

/**
 * How names are translated, by the names that the specification has for it:
 * - `UnderscoreEscapingWithSuffixes`: `http.server.duration` in `s` is `http_server_duration_seconds`
 * - `UnderscoreEscapingWithoutSuffixes`: it is `http_server_duration`
 * - `NoUTF8EscapingWithSuffixes`: it is `http.server.duration_seconds`, in UTF-8
 * - `NoTranslation`: the name is unchanged
 */
export type Translation =
  | "UnderscoreEscapingWithSuffixes"
  | "UnderscoreEscapingWithoutSuffixes"
  | "NoUTF8EscapingWithSuffixes"
  | "NoTranslation";

/** All strategies. */
export const TRANSLATIONS: readonly Translation[] = [
  "UnderscoreEscapingWithSuffixes",
  "UnderscoreEscapingWithoutSuffixes",
  "NoUTF8EscapingWithSuffixes",
  "NoTranslation",
];

/** The units of UCUM, and their names in Prometheus. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["d", "days"],
  ["h", "hours"],
  ["min", "minutes"],
  ["s", "seconds"],
  ["ms", "milliseconds"],
  ["us", "microseconds"],
  ["ns", "nanoseconds"],
  ["By", "bytes"],
  ["KiBy", "kibibytes"],
  ["MiBy", "mebibytes"],
  ["GiBy", "gibibytes"],
  ["TiBy", "tibibytes"],
  ["KBy", "kilobytes"],
  ["MBy", "megabytes"],
  ["GBy", "gigabytes"],
  ["TBy", "terabytes"],
  ["bit", "bits"],
  ["m", "meters"],
  ["V", "volts"],
  ["A", "amperes"],
  ["J", "joules"],
  ["W", "watts"],
  ["g", "grams"],
  ["Cel", "celsius"],
  ["Hz", "hertz"],
  ["%", "percent"],
  ["1", "ratio"],
]);

/** The same behind a slash. */
const WORDS_PER: ReadonlyMap<string, string> = new Map([
  ["s", "second"],
  ["min", "minute"],
  ["m", "minute"],
  ["h", "hour"],
  ["d", "day"],
  ["w", "week"],
  ["wk", "week"],
  ["mo", "month"],
  ["y", "year"],
  ["a", "year"],
]);

const escapes = (translation: Translation): boolean => translation.startsWith("Underscore");
const addsSuffixes = (translation: Translation): boolean => translation.endsWith("WithSuffixes");

/** Returns the unit in the words of Prometheus, or `""`. */
function translateUnit(unit: string): string {
  const [main = "", per] = unit.replace(/\{[^{}]*\}/g, "").split("/", 2);
  const clean = (text: string): string => escape(text.trim()).replace(/^_+|(?<!_)_+$/g, "");
  const first = WORDS.get(main.trim()) ?? clean(main);
  if (per === undefined || per.trim() === "") return first;
  const second = WORDS_PER.get(per.trim()) ?? clean(per);
  if (second === "") return first;
  return first === "" ? `per_${second}` : `${first}_per_${second}`;
}

/** A metric's name and the unit that is its suffix. */
export interface TranslatedName {
  readonly name: string;
  /** The unit in the words of Prometheus; `""` if the name does not end in it. */
  readonly unit: string;
}

/**
 * Translates the name of an instrument.
 *
 * @param name The name.
 * @param unit The unit, in UCUM.
 * @param isCounter Whether it becomes a counter.
 * @param translation The strategy.
 * @returns The name; `""` if nothing is left of it.
 */
export function translateName(
  name: string,
  unit: string,
  isCounter: boolean,
  translation: Translation,
): TranslatedName {
  let translated = name.toWellFormed();
  if (escapes(translation)) {
    translated = escape(translated, ":");
    if (/^\d/.test(translated)) translated = `_${translated}`;
    if (translated === "_") translated = "";
  }
  if (!addsSuffixes(translation) || translated === "") return { name: translated, unit: "" };
  const base = isCounter ? translated.replace(/_total$/, "") : translated;
  const word = translateUnit(unit);
  const parts = `_${escape(base)}_`;
  const hasUnit = word === "" || parts.includes(`_${word}_`);
  const withUnit = hasUnit ? base : `${base}_${word}`;
  return {
    name: isCounter ? `${withUnit}_total` : withUnit,
    unit: word !== "" && withUnit.endsWith(`_${word}`) ? word : "",
  };
}

/**
 * Translates the key of an attribute.
 *
 * @param key The key, not empty.
 * @param translation The strategy.
 * @returns The name of a label.
 */
export function translateKey(key: string, translation: Translation): string {
  let name = key.toWellFormed();
  if (escapes(translation)) {
    name = escape(name);
    if (/^\d/.test(name)) name = `key_${name}`;
  }
  // Prometheus keeps such names for itself.
  return name.startsWith("__") ? `exported${name}` : name;
}

/**
 * Returns a name in the classic alphabet of labels.
 *
 * @param name The name.
 * @param also Another character that is allowed.
 * @returns The name, with one underscore for all characters in a row that are not allowed.
 */
export function escape(name: string, also = ""): string {
  return name.replace(new RegExp(`[^a-zA-Z0-9_${also}]`, "gu"), "_").replace(/_{2,}/g, "_");
}
