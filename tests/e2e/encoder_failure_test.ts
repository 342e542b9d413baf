import assert from "node:assert/strict";
import { type Runtime, RUNTIMES } from "../support/demo.ts";
import { reportFault } from "../support/fault_report.ts";
import { type RunningFaultServer, startFaultServer } from "../support/fault_servers.ts";
import { waitFor } from "../support/processes.ts";
import { testWithPrograms } from "../support/programs.ts";
import { startPrometheus } from "../support/prometheus.ts";

/** The number of series in a scrape of several chunks, and the number before the failure. */
const SERIES = 12_000;
const READABLE = 10_000;
/** The number of failed scrapes of each server before Prometheus is queried. */
const SCRAPES = 2;

testWithPrograms(
  ["prometheus"],
  "Prometheus marks a target as down if its scrape fails after the first byte, and stores nothing",
  async (path) => {
    await using servers = new AsyncDisposableStack();
    const broken: { name: string; server: RunningFaultServer }[] = [];
    const startBroken = async (runtime: Runtime, compress: boolean): Promise<void> => {
      const options = { runtime, series: SERIES, readable: READABLE, handler: { compress } };
      const server = servers.use(await startFaultServer(options));
      broken.push({ name: `${runtime}, ${compress ? "gzip" : "identity"}`, server });
    };
    // Waits for all servers, so that the started ones are stopped if another one fails to start.
    const started = await Promise.allSettled(
      RUNTIMES.flatMap((runtime) =>
        [true, false].map((compress) => startBroken(runtime, compress))
      ),
    );
    assert.deepEqual(started.filter(({ status }) => status === "rejected"), []);
    const whole = servers.use(await startFaultServer({ series: SERIES }));
    const all = [whole, ...broken.map(({ server }) => server)];
    const address = ({ port }: RunningFaultServer) => `127.0.0.1:${port}`;
    await using prometheus = await startPrometheus(path, all.map(address));

    for (const { server } of broken) {
      await waitFor("some scrapes", async () => {
        const { scrapes } = await server.state();
        return scrapes > SCRAPES ? scrapes : undefined;
      });
    }
    // The intact server shows that there is no other reason.
    const instance = (server: RunningFaultServer) => `{instance="${address(server)}"}`;
    const count = (server: RunningFaultServer) => `count(http_requests_total${instance(server)})`;
    assert.equal(await prometheus.waitForValue(count(whole)), SERIES);
    assert.equal(await prometheus.waitForValue(`up${instance(whole)}`), 1);

    const targets = await prometheus.targets();
    for (const { name, server } of broken) {
      assert.equal(await prometheus.waitForValue(`max_over_time(up${instance(server)}[1m])`), 0);
      const target = targets.find(({ scrapeUrl }) => scrapeUrl.includes(address(server)));
      assert.equal(target?.health, "down", name);
      assert.notEqual(target.lastError, "", name);
      // Prometheus has never stored the samples before the failure.
      for (const metric of ["http_requests_total", "before"]) {
        const series = `${metric}${instance(server)}`;
        assert.deepEqual(await prometheus.query(`count_over_time(${series}[1m])`), [], name);
      }
      assert.equal(
        await prometheus.waitForValue(
          `max_over_time(scrape_samples_scraped${instance(server)}[1m])`,
        ),
        0,
      );
    }
    reportFault({
      fault: "an encoder failure after the first byte",
      bar: "a real Prometheus marks the target down, never a short scrape with up 1",
      figure: `down for all of ${broken.map(({ name }) => name).join("; ")}`,
    });
  },
);
