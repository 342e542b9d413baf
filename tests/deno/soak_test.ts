import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { serve } from "../../examples/serve.ts";
import { Ledger, TOTALS } from "../soak/ledger.ts";
import { Scrapes } from "../soak/scrapes.ts";

const UP = "narthex_backend_up 1\n";
const counter = (value: number): string =>
  `# TYPE soak_churn_total counter\nsoak_churn_total{slot="0",key="a"} ${value}\n` +
  `soak_churn_total{slot="0",key="b"} 1\n`;
const CHURN = TOTALS.indexOf("soak_churn_total");

/** Scrapes texts one by one with a ledger of one total, and returns the failures. */
async function failuresOf(
  texts: readonly string[],
  ledger: { acknowledged: number; issued: number },
): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "narthex-soak-"));
  let requests = 0;
  const server = await serve((request) => {
    const text = texts[requests++] ?? "";
    const isOpenMetrics = request.headers.get("accept")?.includes("openmetrics");
    return new Response(
      isOpenMetrics ? `${text.replaceAll("_total counter", " counter")}# EOF\n` : text,
    );
  }, 0);
  try {
    using writer = new Ledger(folder, 0);
    writer.acknowledged[CHURN] = ledger.acknowledged;
    writer.issued[CHURN] = ledger.issued;
    writer.write();
    using reader = new Ledger(folder, 0);
    const scrapes = new Scrapes(`http://127.0.0.1:${server.port}/`, [reader]);
    // Scrapes at the same time, as the soak may do.
    await Promise.all(texts.map(() => scrapes.scrape()));
    assert.equal(scrapes.count, texts.length);
    return scrapes.failures;
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

test("a correct run is not a failure", async () => {
  const texts = [UP + counter(2), UP + counter(3), UP + counter(3)];
  assert.deepEqual(await failuresOf(texts, { acknowledged: 3, issued: 4 }), []);
});

const FAULTS: Record<
  string,
  { texts: string[]; acknowledged?: number; issued?: number; says: RegExp }
> = {
  "a total that falls": { texts: [UP + counter(3), UP + counter(2)], says: /fell from 3 to 2/ },
  "a missing total": { texts: [UP + counter(3), UP], says: /soak_churn_total .* is gone/ },
  "a total without flushed increments": {
    texts: [UP + counter(2)],
    acknowledged: 4,
    says: /is 3: it must be from 4 to 9/,
  },
  "a total with increments that never happened": {
    texts: [UP + counter(2)],
    issued: 2,
    says: /is 3: it must be from 0 to 2/,
  },
  "a store that does not answer": { texts: ["narthex_backend_up 0\n"], says: /did not answer/ },
  "a counted error": {
    texts: [`${UP}# TYPE a_errors_total counter\na_errors_total 1\n`],
    says: /a_errors_total is 1/,
  },
  "a text that cannot be parsed": { texts: [`${UP}{\n`], says: /scrape 1 failed: ParseError/ },
};
for (const [name, { texts, acknowledged = 0, issued = 9, says }] of Object.entries(FAULTS)) {
  test(`the soak notices ${name}`, async () => {
    const [failure = ""] = await failuresOf(texts, { acknowledged, issued });
    assert.match(failure, says);
  });
}
