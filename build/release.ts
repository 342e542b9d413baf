/**
 * Checks that everything is ready, and prints how to publish. Run it with
 * `deno task release:check`, which first runs everything that continuous integration runs.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { writeApiDocs } from "./api_docs.ts";
import { buildNpm, NPM_FOLDER } from "./npm.ts";

const ROOT: string = fileURLToPath(new URL("../", import.meta.url));

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { cwd: ROOT, encoding: "utf8" }).trim();

const { name, version } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));
const tag = `v${version}`;

const problems: string[] = [];

const changes = readFileSync(join(ROOT, "CHANGELOG.md"), "utf8");
const [, latest] = changes.match(/^## (.+)$/m) ?? [];
if (latest?.split(" ")[0] !== version) {
  problems.push(`CHANGELOG.md must begin with "## ${version}": received "## ${latest}"`);
}
if (run("git", "tag", "--list", tag) !== "" && run("git", "tag", "--points-at", "HEAD") !== tag) {
  problems.push(`version must be new in deno.json: another commit has the tag ${tag}`);
}

const files = await buildNpm();
await writeApiDocs();
const changed = run("git", "status", "--porcelain");
if (changed !== "") problems.push(`everything must be committed: received\n${changed}`);

if (problems.length > 0) {
  console.error(problems.map((problem) => `Cannot release ${version}: ${problem}`).join("\n"));
  process.exit(1);
}

const [packed = ""] = run("npm", "pack", "--silent", "--pack-destination", "dist", NPM_FOLDER)
  .split("\n").slice(-1);
const tarball = readFileSync(join(ROOT, "dist", packed));
const digest = createHash("sha512").update(tarball).digest("base64");
console.log(`
Ready to publish ${name} ${version}, commit ${run("git", "rev-parse", "HEAD")}:
${files.length} files, ${tarball.length} bytes packed, sha512-${digest}

  git tag ${tag} && git push origin ${tag}
  npm publish dist/${packed} --access public
  deno publish
`);
