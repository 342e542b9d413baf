// Installs what development needs, for `npm test` in a fresh copy. deno.lock and package.json pin
// the versions, so npm and Bun write no file of their own.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

if (!existsSync(`${ROOT}node_modules`)) {
  const args = ["install", "--no-package-lock", "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", args, {
    cwd: ROOT,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  process.exit(status === null ? 1 : status);
}
