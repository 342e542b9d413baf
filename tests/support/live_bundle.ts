/**
 * Bundles `live/client/` into `live/client_bundle.ts`. Run it with `deno task live` after every
 * change of the client. The page is served from that file, so nothing is built at run time.
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { build, type BuildOptions, stop } from "esbuild";
import { ROOT, ROOT_URL } from "./paths.ts";

/** The generated file. */
export const LIVE_BUNDLE_URL: URL = new URL("live/client_bundle.ts", ROOT_URL);

/** The oldest supported browsers. */
const TARGET = ["chrome116", "firefox124", "safari17.4"];

/** Returns the expected text of the generated file. */
export async function bundleLive(): Promise<string> {
  const options = { bundle: true, minify: true, target: TARGET, write: false, charset: "utf8" };
  const run = async (entry: string, more: BuildOptions = {}): Promise<string> => {
    const { outputFiles = [] } = await build({
      ...options as BuildOptions, // Its `charset` was widened to a string.
      ...more,
      entryPoints: [join(ROOT, "live/client", entry)],
    });
    return outputFiles[0]!.text.trim(); // One entry point, one file.
  };
  const script = await run("main.ts", { format: "iife" });
  const style = await run("page.css");
  await stop();
  if (/<\/script|<!--/i.test(script) || /<\/style/i.test(style)) {
    throw new SyntaxError("Cannot bundle the live page: it would end its own element");
  }
  return `// Made from live/client/ by \`deno task live\`: change it there.
// deno-fmt-ignore-file
// deno-lint-ignore-file

/** The program of the live page. */
export const CLIENT_SCRIPT: string = ${JSON.stringify(script)};

/** The style of the live page. */
export const CLIENT_STYLE: string = ${JSON.stringify(style)};
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(LIVE_BUNDLE_URL, await bundleLive());
}
