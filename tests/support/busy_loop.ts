/**
 * Keeps one core busy until it is stopped or its parent process ends.
 *
 * @module
 */
const parent = Deno.ppid;
let sum = 0;
while (Deno.ppid === parent) for (let i = 0; i < 1e8; i++) sum += i;
console.log(sum);
