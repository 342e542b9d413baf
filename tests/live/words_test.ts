import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../../live/client/format.ts";
import { group, groupByChange, groupOf, unitOf } from "../../live/client/naming.ts";
import { matchingSeries, words } from "../../live/client/search.ts";
import { sparkPaths } from "../../live/client/sparkline.ts";
import { Store } from "../../live/client/store.ts";
import { visiblePieces } from "../../live/client/visible_text.ts";
import { CollectorRegistry, Counter, generateProtobuf } from "../../mod.ts";

const VALUES: [value: number, unit: string, text: string][] = [
  [0, "", "0"],
  [12, "", "12"],
  [-1.23456, "", "−1.23"],
  [1234.5, "", "1,235"],
  [123_456, "", "123,456"],
  [12_345_678, "", "12.3 M"],
  [1.5e20, "", "1.500e+20"],
  [0.000123, "", "1.23e−4"],
  [NaN, "seconds", "NaN seconds"],
  [Infinity, "", "∞"],
  [-Infinity, "", "−∞"],
  [0, "seconds", "0 s"],
  [0.0000000123, "seconds", "12.3 ns"],
  [0.0000547, "seconds", "54.7 µs"],
  [-0.25, "seconds", "−250 ms"],
  [90, "seconds", "90 s"],
  [600, "seconds", "10 min"],
  [10_800, "seconds", "3 h"],
  [864_000, "seconds", "10 d"],
  [999, "bytes", "999 B"],
  [65_536, "bytes", "65.5 kB"],
  [3.2e9, "bytes", "3.2 GB"],
  [0.253, "ratio", "25.3 %"],
  [21.5, "celsius", "21.5 °C"],
  [3, "loaves", "3 loaves"],
];
for (const [value, unit, text] of VALUES) {
  test(`${value} in ${unit || "no unit"} is written as "${text}"`, () => {
    assert.equal(format.formatValue(value, unit).replaceAll("\u202f", " "), text);
  });
}

test("rates, quantiles, times and exact numbers are readable", () => {
  const spelled = [
    format.formatRate(2.5, ""),
    format.formatRate(2000, "bytes"),
    format.formatRate(0.25, "seconds"),
    format.formatRate(NaN, ""),
    format.quantileName(0.5),
    format.quantileName(0.999),
    format.quantileName(0.07),
    format.formatExact(1234.5678),
    format.formatDuration(59.7),
    format.formatDuration(180),
  ].map((text) => text.replaceAll("\u202f", " "));
  assert.deepEqual(spelled, [
    "2.5/s",
    "2 kB/s",
    "0.25 s/s",
    "–",
    "p50",
    "p99.9",
    "p7",
    "1,234.5678",
    "60 s",
    "3 min",
  ]);
  assert.ok(format.isMoment("process_start_time_seconds", 1.7e9));
  assert.ok(!format.isMoment("process_start_time_seconds", 12));
  assert.ok(!format.isMoment("queue_seconds", 1.7e9));
});

test("units come from the family, and otherwise from the name", () => {
  assert.equal(unitOf("a_loaves", "loaves"), "loaves");
  assert.equal(unitOf("a_seconds_total", ""), "seconds");
  assert.equal(unitOf("a_bytes", ""), "bytes");
  assert.equal(unitOf("seconds", ""), "");
  assert.equal(unitOf("a_requests_total", ""), "");
});

test("families are grouped by their first word, and single ones are in one group", () => {
  const names = ["up", "http_b", "zoo", "http_a", "other_a", "other_b", "db:x", "db.y", "_x", "_y"];
  const families = names.map((name) => ({ name, prefix: groupOf(name) }));
  const groups = group(families).map(({ name, families }) => [
    name,
    families.map(({ name }) => name),
  ]);
  assert.deepEqual(groups, [
    ["db", ["db.y", "db:x"]],
    ["http", ["http_a", "http_b"]],
    ["other", ["_x", "_y", "other_a", "other_b", "up", "zoo"]],
  ]);
});

test("a search finds families and labels that contain each word", async () => {
  const registry = new CollectorRegistry();
  const counter = new Counter("http_requests_total", "Requests <served>.", {
    registry,
    labelNames: ["route", "status"],
  });
  for (const route of ["/Bread", "/cake"]) counter.labels({ route, status: 200 }).inc();
  const store = new Store(3);
  const breathe = () => undefined;
  await store.ingest(generateProtobuf(registry), { time: 0, interrupted: false, breathe });
  const family = store.families.get("http_requests_total")!;
  const find = (text: string) => matchingSeries(family, words(text))?.map(({ text }) => text);
  const bread = "route=/bread status=200";
  const cake = "route=/cake status=200";
  assert.deepEqual(find(""), [bread, cake]);
  assert.deepEqual(find("  REQUESTS counter "), [bread, cake]);
  assert.deepEqual(find("<served>"), [bread, cake]);
  assert.deepEqual(find("bread"), [bread]);
  assert.deepEqual(find("http status=200 cak"), [cake]);
  assert.equal(find("bread cake"), undefined);
  assert.equal(find("nowhere"), undefined);
});

test("invisible characters are replaced by their names", () => {
  const shown = (text: string) =>
    visiblePieces(text).map(({ text, escaped }) => escaped ? `[${text}]` : text).join("");
  assert.equal(shown("<b>é 🔥</b>"), "<b>é 🔥</b>");
  assert.equal(shown("a\u202eb\0\u200d"), "a[U+202E]b[U+0000][U+200D]");
  assert.equal(shown("two\nlines"), "two lines");
  assert.equal(shown("\ud800"), "\ufffd");
  assert.equal(shown("x".repeat(200_000)), `${"x".repeat(200)}[… 200,000 characters]`);
  assert.deepEqual(visiblePieces(""), []);
});

test("families that changed last come first, and those of the last scrapes are sorted by name", () => {
  const families = [["never", 0], ["long_ago", 20], ["now_b", 100], ["now_a", 96], ["ago", 90]]
    .map(([name, changed]) => ({ name: String(name), changed: Number(changed) }));
  const groups = groupByChange(families, 100)
    .map(({ name, families }) => [name, ...families.map(({ name }) => name)]);
  assert.deepEqual(groups, [
    ["recently changed", "now_a", "now_b", "ago", "long_ago"],
    ["not changed", "never"],
  ]);
});

test("formatAge() returns the age in words", () => {
  const said = [0, 0.4, 12, 180].map((seconds) =>
    format.formatAge(seconds).replaceAll("\u202f", " ")
  );
  assert.deepEqual(said, ["now", "400 ms ago", "12 s ago", "3 min ago"]);
});

test("a sparkline has gaps for missing values, and rates begin at zero", () => {
  assert.deepEqual(sparkPaths([NaN, NaN], true), { line: "", area: "" });
  assert.equal(sparkPaths([1, 2, NaN, 1], false).line, "M0 37L80 3M240 37h.1");
  assert.equal(sparkPaths([4, 4, 4], false).line, "M0 20L120 20L240 20");
  assert.equal(sparkPaths([0, 0, 0], true).line, "M0 37L120 37L240 37");
  assert.equal(sparkPaths([5, 5, 10], true).line, "M0 20L120 20L240 3");
  assert.equal(sparkPaths([5, Infinity, 10], true).area, "M0 20L0 40L0 40ZM240 3L240 40L240 40Z");
});
