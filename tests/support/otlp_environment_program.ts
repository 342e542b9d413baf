/**
 * A program that is configured by its environment, exports once and prints the sent requests.
 *
 * @module
 */
import { exportOtlp, OtlpExporter } from "../../bridges/otlp.ts";
import { CollectorRegistry, Counter } from "../../mod.ts";
import { metricsOf, plain, receiveExport } from "./otlp.ts";

const registry = new CollectorRegistry();
new Counter("jobs_total", "Jobs.", { registry }).inc();
const errors: string[] = [];
const sent: unknown[] = [];
const options = {
  registry,
  ownMetrics: false,
  onError: (error: unknown) => void errors.push(String(error)),
  fetch: (url: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    // The exporter always passes a Uint8Array.
    const { request } = receiveExport(url, headers, init.body as Uint8Array);
    const { resource } = request.resourceMetrics[0]!;
    const { "service.instance.id": _, ...attributes } = plain(resource.attributes);
    sent.push({
      url,
      headers: Object.fromEntries(headers),
      attributes,
      temporality: metricsOf(request)[0]?.sum?.aggregationTemporality,
    });
    return Promise.resolve(new Response());
  },
};
try {
  const intervals: number[] = [];
  const timers = {
    now: () => Date.now() / 1000,
    monotonic: () => performance.now() / 1000,
    nextTurn: (callback: () => void) => queueMicrotask(callback),
    setTimeout: (_: () => void, ms: number) => {
      intervals.push(ms);
      return () => {};
    },
  };
  const { ownMetrics: _, ...once } = options;
  await exportOtlp(undefined, once);
  const exporter = new OtlpExporter(undefined, { ...options, clock: timers, random: () => 1 });
  console.log(JSON.stringify({ sent, errors, intervalMs: intervals[0] }));
  await exporter.close();
} catch (error) {
  console.log(JSON.stringify({ sent, errors, failure: String(error) }));
}
