/**
 * Measures how time and memory grow with the number of series and of labels. Prints a table, and
 * writes it into docs/ with a plot.
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import type { Growth } from "./data.ts";
import { runFresh } from "./fresh_process.ts";
import { plotGrowth } from "./growth_plot.ts";
import { describeRun, formatQuantity, formatTable, MEMORY, TIME, writeSection } from "./report.ts";

const WIDTHS = [3, 8, 16];
const SIZES = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

const results: Growth[] = [];
const table = [[
  "",
  "`labels({ … }).inc()`",
  "scrape",
  "scrape per series",
  "memory",
  "per series",
]];
for (const width of WIDTHS) {
  for (const series of SIZES) {
    // The program prints an object of this type.
    const growth = await runFresh("growth_of.ts", String(width), String(series)) as Growth;
    results.push(growth);
    table.push([
      `${width} labels, ${series.toLocaleString("en-US")} series`,
      formatQuantity(growth.inc, TIME),
      formatQuantity(growth.scrape, TIME),
      formatQuantity(growth.scrape / series, TIME),
      formatQuantity(growth.memory, MEMORY),
      // The memory of a few series is less than the noise of the heap.
      series < 1_000 ? "–" : formatQuantity(growth.memory / series, MEMORY),
    ]);
  }
}

const text = `${describeRun("deno task bench:growth")}

One counter. Its first three labels distinguish the series, and the other labels depend on them. All
series change before each scrape. \`inc()\` visits up to 65,536 of them in random order, so its time
includes reads that no cache of the processor has. Each line of the table is a separate process.

![Time and memory over the number of series](growth.svg)

Both axes of the plot are logarithmic. The thin line grows exactly as the number of series does.

${formatTable(table)}`;
console.log(text);
writeFileSync(new URL("../docs/growth.svg", import.meta.url), plotGrowth(results));
writeSection("Growth", text);
