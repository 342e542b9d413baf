// Runs a script with the Node.js that `deno.json` pins, for the scripts of package.json. It is
// JavaScript, so that any Node.js can say which one is needed.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";

/** The first Node.js that runs TypeScript without a flag. */
const NEEDED = [22, 18];

const { tasks } = JSON.parse(readFileSync(new URL("../deno.json", import.meta.url), "utf8"));
const pinned = tasks.node.command;
const args = process.argv.slice(2);

/** The path of the pinned Node.js; nothing where it is not there and cannot be fetched. */
function findPinned() {
  const [npx, ...npxArgs] = pinned.split(" ");
  const { status, stdout } = spawnSync(npx, [...npxArgs, "--print", "process.execPath"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    shell: process.platform === "win32",
  });
  return status === 0 ? stdout.trim() : undefined;
}

let path = findPinned();
if (path === undefined) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
    console.error(
      `Cannot run "${args[0]}" with Node.js ${process.versions.node}: it needs Node.js ` +
        `${NEEDED.join(".")} or later, and "${pinned}" does not work here`,
    );
    process.exit(1);
  }
  path = process.execPath;
  console.error(`Running Node.js ${process.versions.node}: "${pinned}" does not work here`);
}
const child = spawn(path, args, { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("exit", (code, signal) => {
  process.exitCode = code === null ? 1 : code;
  if (signal !== null) console.error(`Ended by ${signal}`);
});
