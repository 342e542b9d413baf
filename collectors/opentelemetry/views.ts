import type { NativeHistogramOptions } from "../../mod.ts";
import { checkKnownOptions, checkShape, type KnownOptions } from "../../model.ts";
import type { InstrumentKind } from "./api.ts";

/**
 * Changes how some instruments become metrics. A view applies to the instruments that match all of
 * its conditions. An instrument becomes one metric for each view that applies to it.
 */
export interface View {
  /** The name of the instrument; `*` stands for any characters, `?` for one. @default {"*"} */
  instrumentName?: string | undefined;
  /** The kind of the instrument. @default {any} */
  instrumentKind?: InstrumentKind | undefined;
  /** The unit of the instrument. @default {any} */
  instrumentUnit?: string | undefined;
  /** The name of the meter. @default {any} */
  meterName?: string | undefined;
  /** The version of the meter. @default {any} */
  meterVersion?: string | undefined;
  /** Another name. It is translated like the name of an instrument. */
  name?: string | undefined;
  /** Another description. */
  description?: string | undefined;
  /** The keys of the attributes to keep, or of those to leave out. @default {all are kept} */
  attributes?: readonly string[] | { readonly exclude: readonly string[] } | undefined;
  /** The upper bounds of the buckets of a histogram. */
  buckets?: readonly number[] | undefined;
  /** Whether a histogram is native. With `buckets` it is also classic. */
  nativeHistogram?: NativeHistogramOptions | boolean | undefined;
  /** Whether to drop the metric. @default {false} */
  drop?: boolean | undefined;
  /** The maximum number of series. @default {that of the provider} */
  maxSeries?: number | undefined;
}

const KNOWN_OPTIONS: KnownOptions<View> = {
  instrumentName: true,
  instrumentKind: true,
  instrumentUnit: true,
  meterName: true,
  meterVersion: true,
  name: true,
  description: true,
  attributes: true,
  buckets: true,
  nativeHistogram: true,
  drop: true,
  maxSeries: true,
};

/** The properties of an instrument that views match. */
export interface ViewedInstrument {
  readonly name: string;
  readonly kind: InstrumentKind;
  readonly unit: string;
  readonly meterName: string;
  readonly meterVersion: string;
}

/** A valid view. */
export interface CheckedView extends View {
  readonly matches: (instrument: ViewedInstrument) => boolean;
  readonly keeps: ((key: string) => boolean) | undefined;
}

/**
 * Checks views.
 *
 * @param views The views as they were given.
 * @param doing The action, for error messages, such as `Cannot create meter provider`.
 * @returns Copies.
 * @throws {TypeError} If a view is invalid.
 */
export function checkViews(views: unknown, doing: string): CheckedView[] {
  checkShape(Array.isArray(views), doing, "views must be an array", views);
  return views.map((view: View) => {
    const checked = checkKnownOptions(view, KNOWN_OPTIONS, `${doing}: view`);
    const { instrumentName = "*", instrumentKind, instrumentUnit } = checked;
    const { meterName, meterVersion, attributes, name } = checked;
    for (const text of ["instrumentName", "name", "description", "meterName"] as const) {
      const value = checked[text] ?? "";
      checkShape(typeof value === "string", doing, `${text} of a view must be a string`, value);
    }
    const isPattern = /[*?]/.test(instrumentName);
    if (name !== undefined) {
      // The specification allows this error: otherwise all of them would become one metric.
      const rule = "a view with a name must be for one instrument";
      checkShape(!isPattern, doing, rule, instrumentName);
    }
    const pattern = new RegExp(
      `^${
        instrumentName.replace(/[\\^$.+()[\]{}|]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".")
      }$`,
      "is",
    );
    return {
      ...checked,
      matches: (instrument) =>
        pattern.test(instrument.name) &&
        (instrumentKind === undefined || instrument.kind === instrumentKind) &&
        (instrumentUnit === undefined || instrument.unit === instrumentUnit) &&
        (meterName === undefined || instrument.meterName === meterName) &&
        (meterVersion === undefined || instrument.meterVersion === meterVersion),
      keeps: filterOf(attributes, doing),
    };
  });
}

function filterOf(
  attributes: View["attributes"],
  doing: string,
): ((key: string) => boolean) | undefined {
  if (attributes === undefined) return undefined;
  const isList = Array.isArray(attributes);
  const keys: unknown = isList ? attributes : (attributes as { exclude?: unknown }).exclude;
  const rule = "attributes of a view must be an array of keys, or { exclude: keys }";
  checkShape(Array.isArray(keys), doing, rule, attributes);
  const set = new Set<unknown>(keys);
  return isList ? (key) => set.has(key) : (key) => !set.has(key);
}
