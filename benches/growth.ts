/**
 * How time and memory grow with the number of series and of labels: prints a table, and writes it and a
 * plot into docs/.
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
    // The program prints what the type says.
    const growth = await runFresh("growth_of.ts", String(width), String(series)) as Growth;
    results.push(growth);
    table.push([
      `${width} labels, ${series.toLocaleString("en-US")} series`,
      formatQuantity(growth.inc, TIME),
      formatQuantity(growth.scrape, TIME),
      formatQuantity(growth.scrape / series, TIME),
      formatQuantity(growth.memory, MEMORY),
      // A few series take less than the noise of the heap.
      series < 1_000 ? "–" : formatQuantity(growth.memory / series, MEMORY),
    ]);
  }
}

const text = `${describeRun("deno task bench:growth")}

One counter, whose first three labels tell its series apart while the others depend on them. All series
change before each scrape; \`inc()\` goes round up to 65,536 of them in no order, so that what no cache
of the processor holds is part of its time. Each line is a process of its own.

![Time and memory over the number of series](growth.svg)

In the plot, whose axes are both logarithmic, the thin line is what grows exactly as the number of series
does.

${formatTable(table)}`;
console.log(text);
writeFileSync(new URL("../docs/growth.svg", import.meta.url), plotGrowth(results));
writeSection("Growth", text);
