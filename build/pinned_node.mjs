// Runs a script with the Node.js that `deno.json` pins, for the scripts of package.json. It is
// JavaScript, and old syntax, so that any Node can say which one is needed.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";

/** The first Node that runs TypeScript without a flag. */
const NEEDED = [22, 18];

const { tasks } = JSON.parse(readFileSync(new URL("../deno.json", import.meta.url), "utf8"));
const [command, ...args] = tasks.node.command.split(" ");
const [major, minor] = process.versions.node.split(".").map(Number);
const isNewEnough = major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);

const run = (program, programArgs) =>
  spawnSync(program, [...programArgs, ...process.argv.slice(2)], {
    stdio: "inherit",
    shell: process.platform === "win32",
  });

const isThere = spawnSync(command, [...args, "--version"], {
  stdio: "ignore",
  shell: process.platform === "win32",
}).status === 0;
if (!isThere && !isNewEnough) {
  console.error(
    `Cannot run "${process.argv[2]}" with Node.js ${process.versions.node}: it needs Node.js ` +
      `${NEEDED.join(".")} or later, and "${tasks.node.command}" is not available`,
  );
  process.exit(1);
}
if (!isThere) console.error(`Using Node.js ${process.versions.node}, not "${tasks.node.command}"`);
const { status, signal } = isThere ? run(command, args) : run(process.execPath, []);
if (signal !== null) process.kill(process.pid, signal);
process.exit(status === null ? 1 : status);
