/**
 * Formats tables, and writes sections of docs/benchmarks.md. Each program replaces only its own
 * section.
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import process from "node:process";
import { RUNTIME } from "./fresh_process.ts";
import type { Measured } from "./harness.ts";

const ROOT_URL = new URL("../", import.meta.url);
const REPORT_URL = new URL("docs/benchmarks.md", ROOT_URL);
const INTRODUCTION_URL = new URL("introduction.md", import.meta.url);

/** The sections of the report, in order. */
const SECTIONS = [
  "Deno",
  "Bun",
  "Node.js",
  "Growth",
  "Allocation",
  "Requests",
  "Size and import time",
] as const;

/** Returns the version of an installed development package. */
export function versionOf(name: string): string {
  const url = new URL(`node_modules/${name}/package.json`, ROOT_URL);
  return JSON.parse(readFileSync(url, "utf8")).version;
}

/** Describes the command, the runtime, the machine and the date. */
export function describeRun(command: string): string {
  const version = process.versions[RUNTIME === "Node.js" ? "node" : RUNTIME.toLowerCase()];
  const [cpu] = cpus();
  return `\`${command}\` on ${RUNTIME} ${version}, ${cpu?.model.trim() || "an unknown CPU"} ` +
    `(${availableParallelism()} cores), ${new Date().toISOString().slice(0, 10)}.`;
}

/**
 * Returns a Markdown table with aligned columns, as `deno fmt` formats it. The first column is
 * aligned to the left, and the others to the right.
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, i) => Math.max(4, ...rows.map((row) => row[i]!.length)));
  const isLeft = (i: number): boolean => i === 0;

  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  const pad = (row: readonly string[]): string =>
    line(row.map((cell, i) => isLeft(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)));
  const rule = widths.map((width, i) =>
    isLeft(i) ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  return pad(head) + line(rule) + body.map(pad).join("");
}

/** Formats a number with three digits, and with separators from 1,000. */
export function formatNumber(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}

/** Units with their sizes in terms of the smallest unit, from large to small. */
type Units = readonly (readonly [unit: string, size: number])[];

/** Units of time, in nanoseconds. */
export const TIME: Units = [["ms", 1e6], ["µs", 1e3], ["ns", 1]];
/** Units of memory, in bytes. */
export const MEMORY: Units = [["MB", 1e6], ["kB", 1e3], ["B", 1]];

/** Returns the unit with few digits. Only values in the smallest unit have up to four. */
function unitFor(value: number, units: Units): readonly [unit: string, size: number] {
  return units.find(([, size]) => value >= (size === 1e3 ? 1e4 : size)) ?? units.at(-1)!;
}

/** Formats a quantity in a suitable unit. */
export function formatQuantity(value: number, units: Units): string {
  const [unit, size] = unitFor(value, units);
  return `${formatNumber(value / size)} ${unit}`;
}

/** Formats a median and its quartiles, all in the suitable unit of the median. */
export function formatMeasured({ median, lower, upper }: Measured, units: Units): string {
  const [, size] = unitFor(median, units);
  const quartiles = [lower, upper].map((value) => formatNumber(value / size)).join("–");
  return `${formatQuantity(median, units)} (${quartiles})`;
}

/** Replaces a section in docs/benchmarks.md, or adds it. */
export function writeSection(title: typeof SECTIONS[number], body: string): void {
  const introduction = readFileSync(INTRODUCTION_URL, "utf8");
  const old = existsSync(REPORT_URL) ? readFileSync(REPORT_URL, "utf8") : "";
  const sections = new Map(
    old.split(/^## /m).slice(1).map((section) => {
      const end = section.indexOf("\n");
      return [section.slice(0, end), section.slice(end).trim()];
    }),
  );
  sections.set(title, body.trim());
  const text = SECTIONS.filter((name) => sections.has(name))
    .map((name) => `\n## ${name}\n\n${sections.get(name)}\n`);
  writeFileSync(REPORT_URL, introduction + text.join(""));
}
