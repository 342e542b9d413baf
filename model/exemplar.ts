import { checkBounds, checkLabelObject, checkShape } from "./checks.ts";
import { toLabelText } from "./labels.ts";
import { checkLabelName } from "./names.ts";
import type { Exemplar, LabelValue, NameValidation } from "./sample.ts";

/**
 * The maximum number of characters in the label names and values of an exemplar. Prometheus drops
 * longer exemplars silently. See
 * {@link https://prometheus.io/docs/specs/om/open_metrics_spec/#exemplars | OpenMetrics}.
 */
const MAX_EXEMPLAR_CHARACTERS = 128;

const LENGTH_RULE = `exemplar labels must have at most ${MAX_EXEMPLAR_CHARACTERS} characters ` +
  "in names and values together";

/** Counts code points: a surrogate pair is one character. */
function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/**
 * Checks the labels of an exemplar and copies them.
 *
 * @param labels The labels as they were given.
 * @param doing The failing action, as in `Cannot increment counter "x"`.
 * @param validation The alphabet of the names.
 * @returns A copy.
 * @throws {TypeError} If a name or a value is invalid.
 * @throws {RangeError} If they have more than 128 characters together.
 */
export function checkExemplarLabels(
  labels: unknown,
  doing: string,
  validation: NameValidation = "legacy",
): Record<string, string> {
  checkLabelObject(labels, doing, "exemplar labels");
  let length = 0;
  const entries = Object.entries(labels as Record<string, LabelValue>).map(([name, value]) => {
    checkLabelName(name, validation, `${doing}: exemplar`);
    const text = toLabelText(value, name, `${doing}: exemplar`);
    length += characters(name) + characters(text);
    return [name, text] as const;
  });
  checkBounds(length <= MAX_EXEMPLAR_CHARACTERS, doing, LENGTH_RULE, length);
  return Object.fromEntries(entries);
}

/**
 * Checks an exemplar and copies it.
 *
 * @param exemplar The exemplar as it was given. Its time was checked.
 * @param doing The failing action, as in `Cannot add sample "x_total" to counter "x_total"`.
 * @param validation The alphabet of the label names.
 * @returns A copy.
 * @throws {TypeError} If it is not an exemplar.
 * @throws {RangeError} If its labels have more than 128 characters together.
 */
export function checkExemplar(
  exemplar: Exemplar,
  doing: string,
  validation: NameValidation,
): Exemplar {
  const isObject = typeof exemplar === "object" && exemplar !== null;
  checkShape(isObject, doing, "exemplar must be an object", exemplar);
  const { value, timestamp } = exemplar;
  const labels = checkExemplarLabels(exemplar.labels, doing, validation);
  checkShape(typeof value === "number", doing, "exemplar value must be a number", value);
  return timestamp === undefined ? { labels, value } : { labels, value, timestamp };
}
