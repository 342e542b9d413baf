/** The words that Prometheus uses for units, and what OpenTelemetry (UCUM) has in their place. */
const UCUM: Readonly<Record<string, string>> = {
  days: "d",
  hours: "h",
  minutes: "min",
  seconds: "s",
  milliseconds: "ms",
  microseconds: "us",
  nanoseconds: "ns",
  bytes: "By",
  kibibytes: "KiBy",
  mebibytes: "MiBy",
  gibibytes: "GiBy",
  tibibytes: "TiBy",
  kilobytes: "KBy",
  megabytes: "MBy",
  gigabytes: "GBy",
  terabytes: "TBy",
  bits: "bit",
  meters: "m",
  volts: "V",
  amperes: "A",
  joules: "J",
  watts: "W",
  grams: "g",
  celsius: "Cel",
  hertz: "Hz",
  percent: "%",
  ratio: "1",
};

/** The same in the singular, as it stands behind "per". */
const UCUM_PER: Readonly<Record<string, string>> = {
  second: "s",
  minute: "min",
  hour: "h",
  day: "d",
  week: "wk",
  month: "mo",
  year: "a",
};

/**
 * Returns a unit of Prometheus as OpenTelemetry spells it.
 *
 * @param unit The unit, such as `"bytes_per_second"`.
 * @returns The unit, such as `"By/s"`; what has no translation as it is.
 */
export function toUcum(unit: string): string {
  const [main = "", per] = unit.split("_per_");
  const first = Object.hasOwn(UCUM, main) ? UCUM[main]! : main;
  if (per === undefined) return first;
  return `${first}/${Object.hasOwn(UCUM_PER, per) ? UCUM_PER[per]! : per}`;
}
