/**
 * Prints how long the import of a module takes, in milliseconds: `import_time.ts <specifier>`.
 *
 * @module
 */
import process from "node:process";

const specifier = process.argv[2]!; // Always given.
const start = performance.now();
await import(specifier);
console.log(performance.now() - start);
