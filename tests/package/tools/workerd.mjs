// Serves a Worker by workerd: `node workerd.mjs WORKER REMOTE_WRITE_URL [COMPATIBILITY_FLAG…]`.
// Writes its address, and ends on SIGTERM.
import process from "node:process";
import { build } from "esbuild";
import { Miniflare } from "miniflare";

const [, , worker, remoteWriteUrl, ...compatibilityFlags] = process.argv;
const { outputFiles: [bundle] } = await build({
  entryPoints: [worker],
  bundle: true,
  format: "esm",
  conditions: ["workerd", "worker", "browser"],
  write: false,
  logLevel: "warning",
});
const miniflare = new Miniflare({
  host: "127.0.0.1",
  port: 0,
  compatibilityDate: "2026-01-01",
  compatibilityFlags,
  modules: [{ type: "ESModule", path: "worker.mjs", contents: bundle.text }],
  // GET /cdn-cgi/handler/scheduled runs the Worker's schedule.
  unsafeTriggerHandlers: true,
  bindings: { REMOTE_WRITE_URL: remoteWriteUrl },
});
console.log(`Listening on ${await miniflare.ready}`);
process.once("SIGTERM", async () => {
  await miniflare.dispose();
  process.exit();
});
