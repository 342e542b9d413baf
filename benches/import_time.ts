/**
 * Prints the import time of a module in milliseconds: `import_time.ts <specifier>`.
 *
 * @module
 */
import process from "node:process";

const specifier = process.argv[2]!; // The specifier is always passed.
const start = performance.now();
await import(specifier);
console.log(performance.now() - start);
