/**
 * Writes a registry to a text file: `textfile_program.ts <path> <number of series>`. Prints the
 * error message if that fails.
 *
 * @module
 */
import process from "node:process";
import { writeTextfile } from "../../bridges/textfile.ts";
import { CollectorRegistry, Counter } from "../../mod.ts";

const [path, series] = process.argv.slice(2);
const registry = new CollectorRegistry();
const rows = new Counter("rows_total", "Rows.", { registry, labelNames: ["id"] });
for (let id = 0; id < Number(series); id++) rows.labels({ id }).inc();
try {
  await writeTextfile(path!, { registry });
} catch (error) {
  console.log((error as Error).message);
}
