/**
 * Measures scrapes of `deno serve --parallel` with `workersBackend()`, and the memory that it adds
 * to each isolate. Prints the last tables of docs/multiprocess.md:
 * `deno run -A benches/isolates.ts`.
 *
 * @module
 */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { seriesValue } from "../tests/support/demo.ts";
import { loadPage, type Page } from "../tests/support/parallel_page.ts";
import { freePort, type RunningProgram, start, waitFor } from "../tests/support/processes.ts";

const ISOLATES = [2, 4, 16];
const SERIES = [1000, 10_000];
const [REQUESTS, CONNECTIONS, SCRAPES] = [2000, 8, 100];
/** The number of memory measurements. The table has the median. */
const ROUNDS = 3;

interface Service extends AsyncDisposable {
  /** Loads a page over a new connection, so that any isolate may respond. */
  load(path: string): Promise<Page>;
}

interface ServiceOptions {
  readonly isolates: number;
  readonly series: number;
  readonly backend: "shared" | "none";
}

/** Starts the service, and waits until all isolates have found each other. */
async function serve({ isolates, series, backend }: ServiceOptions): Promise<Service> {
  const port = await freePort();
  const args = ["serve", "--parallel", "--no-check", "--allow-env", "--v8-flags=--expose-gc"];
  const address = ["--host", "127.0.0.1", "--port", String(port)];
  const file = fileURLToPath(new URL("isolates_server.ts", import.meta.url));
  const program: RunningProgram = start(
    process.execPath,
    [...args, ...address, file, String(series), backend],
    { env: { ...process.env, NO_COLOR: "1", DENO_JOBS: String(isolates) } },
  );
  const load = (path: string) => loadPage(`http://127.0.0.1:${port}${path}`);
  const expected = backend === "shared" ? isolates : 1;
  await ofEachIsolate(isolates, load, "/metrics", ({ text }) => {
    return text.includes(`\nisolates ${expected}\n`);
  });
  return { load, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

/** Loads a page until each isolate has responded as expected. */
async function ofEachIsolate(
  isolates: number,
  load: Service["load"],
  path: string,
  isExpected: (page: Page) => boolean = () => true,
): Promise<void> {
  const seen = new Set<string>();
  await waitFor(`${isolates} isolates`, async () => {
    const pages = Array.from({ length: isolates }, () => load(path));
    for (const settled of await Promise.allSettled(pages)) {
      if (settled.status === "fulfilled" && isExpected(settled.value)) {
        seen.add(settled.value.isolate);
      }
    }
    return seen.size === isolates || undefined;
  });
}

async function scrapeTimes(isolates: number): Promise<string> {
  await using service = await serve({ isolates, series: 0, backend: "shared" });
  const connections = Array.from({ length: CONNECTIONS }, async () => {
    for (let i = 0; i < REQUESTS / CONNECTIONS; i++) await service.load("/");
  });
  await Promise.all(connections);
  const total = ({ text }: Page): number => seriesValue(text, "requests_total");
  // After this, each isolate has flushed.
  await ofEachIsolate(isolates, service.load, "/metrics", (page) => total(page) === REQUESTS);
  const times: number[] = [];
  let exact = 0;
  for (let i = 0; i < SCRAPES; i++) {
    const began = performance.now();
    const scraped = await service.load("/metrics");
    times.push(performance.now() - began);
    if (total(scraped) === REQUESTS) exact++;
  }
  const longest = Math.max(...times);
  return `${exact} of ${SCRAPES} | ${milliseconds(median(times))} | ${milliseconds(longest)}`;
}

/** Returns the resident memory after a scrape of every isolate, in bytes. */
async function memoryOf(options: ServiceOptions): Promise<number> {
  await using service = await serve(options);
  const { isolates } = options;
  await ofEachIsolate(isolates, service.load, "/metrics");
  let memory = NaN;
  await ofEachIsolate(isolates, service.load, "/memory", ({ text }) => {
    memory = Number(text);
    return true;
  });
  return memory;
}

async function addedMemory(isolates: number, series: number): Promise<string> {
  const added: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const shared = await memoryOf({ isolates, series, backend: "shared" });
    const alone = await memoryOf({ isolates, series, backend: "none" });
    added.push((shared - alone) / isolates);
  }
  return `${(median(added) / 1e6).toFixed(0)} MB`;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}

function milliseconds(time: number): string {
  return `${time.toFixed(time < 10 ? 1 : 0)} ms`;
}

console.log("| isolates | exact totals | median scrape | longest scrape |");
console.log("| ---: | ---: | ---: | ---: |");
for (const isolates of ISOLATES) console.log(`| ${isolates} | ${await scrapeTimes(isolates)} |`);
console.log("\n| isolates | series of each | memory per isolate |");
console.log("| ---: | ---: | ---: |");
for (const series of SERIES) {
  for (const isolates of ISOLATES) {
    const cell = await addedMemory(isolates, series);
    console.log(`| ${isolates} | ${series.toLocaleString("en")} | ${cell} |`);
  }
}
