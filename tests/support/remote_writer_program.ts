/**
 * A program with a writer that is never closed. It waits for a flush that needs retries, and has
 * nothing more to do afterwards.
 *
 * @module
 */
import { RemoteWriter } from "../../bridges/remote_write.ts";
import { CollectorRegistry, Counter } from "../../mod.ts";

const registry = new CollectorRegistry();
new Counter("jobs_total", "Jobs.", { registry }).inc();
const answers = [503, 503, 204];
const writer = new RemoteWriter("http://localhost:9090/api/v1/write", {
  registry,
  intervalMs: 3_600_000,
  minBackoffMs: 10,
  fetch: () => Promise.resolve(new Response(null, { status: answers.shift() ?? 503 })),
});
await writer.flush({ timeoutMs: Infinity });
console.log(`flushed after ${writer.retries} retries`);
// Retries in the background do not keep the program running.
writer.flush({ timeoutMs: 1 }).catch(() => {});
