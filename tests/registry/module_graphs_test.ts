import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as here from "../../mod.ts";
import { copyLibrary, type LibraryCopy } from "../support/library_copy.ts";
import { readSnippets } from "../support/readme.ts";

let copy: LibraryCopy;

before(async () => {
  copy = await copyLibrary();
});

after(async () => {
  await copy[Symbol.asyncDispose]();
});

/** Returns README's lines for hot reload, with another import specifier. */
function readmeLines(specifier: string): string {
  const found = readSnippets().filter(({ code }) => code.includes('onDuplicate: "replace"'));
  assert.equal(found.length, 1);
  return found[0]!.code.replace('"@narthex/prometheus"', JSON.stringify(specifier));
}

/** Runs a function with a new default registry. */
async function withFreshRegistry(run: () => Promise<void>): Promise<void> {
  const former = here.REGISTRY.setRegistry(new here.CollectorRegistry(), { collectors: "leave" });
  try {
    await run();
  } finally {
    here.REGISTRY.setRegistry(former, { collectors: "leave" });
  }
}

/**
 * The same module in several module graphs of one program, which may share a copy of the library.
 */
const GRAPHS: readonly (readonly [what: string, libraries: readonly string[]])[] = [
  ["that share the library", ["./mod.ts", "./mod.ts", "./mod.ts"]],
  ["that load the library twice", ["./mod.ts?1", "./mod.ts?2", "./mod.ts?1"]],
];

for (const [i, [what, libraries]] of GRAPHS.entries()) {
  test(`README's lines lose no count in module graphs ${what}`, () =>
    withFreshRegistry(async () => {
      const counts: (number | undefined)[] = [];
      const texts: string[] = [];
      for (const [run, library] of libraries.entries()) {
        const code = `${readmeLines(library)}
import { generateMetrics as generate, MetricFamily as Family } from "${library}";
export const requests = new Counter("requests_total", "R.", { labelNames: ["graph"] });
requests.labels("${run}").inc(${run} + 1);
REGISTRY.register({
  collect: () => [new Family("custom", "C.", "gauge").addSample("custom", {}, ${run})],
});
export const text = generate();
`;
        const { text } = await import(await copy.write(`graph_${i}_${run}.ts`, code));
        texts.push(text);
        counts.push(here.REGISTRY.getSampleValue("reloads_total"));
      }
      assert.deepEqual(counts, [1, 2, 3]);
      const last = texts.at(-1)!;
      for (const run of libraries.keys()) {
        assert.match(last, new RegExp(`^requests_total\\{graph="${run}"\\} ${run + 1}$`, "m"));
      }
      assert.match(last, /^custom 2$/m);
      assert.doesNotMatch(last, /narthex_/);
      // Each copy reads the values of the others.
      assert.equal(here.generateMetrics(), last);
    }));
}

test("module graphs share metrics of equal definitions without any setup", () =>
  withFreshRegistry(async () => {
    for (const run of [1, 2]) {
      const code = `import { Counter } from "./mod.ts?${run}";
export const hits = new Counter("hits_total", "Hits.", { labelNames: ["page"] });
hits.labels("/").inc();
`;
      await import(await copy.write(`plain_${run}.ts`, code));
    }
    assert.equal(here.REGISTRY.getSampleValue("hits_total", { page: "/" }), 2);
  }));

test("a replaced collector is removed even if it fails after setRegistry()", () => {
  const errors: unknown[] = [];
  const make = () =>
    new here.CollectorRegistry({
      onDuplicate: "replace",
      onError: (error) => errors.push(error),
    });
  const proxy = new here.CollectorRegistryProxy(make());
  let isClosed = false;
  const family = (value: number) =>
    new here.MetricFamily("custom", "C.", "gauge").addSample("custom", {}, value);
  const former = {
    calls: 0,
    collect() {
      former.calls++;
      if (isClosed) throw new Error("closed");
      return [family(1)];
    },
  };
  proxy.register(former);
  here.generateMetrics(proxy);
  isClosed = true;
  proxy.setRegistry(make());
  proxy.register({ collect: () => [family(2)] });
  for (let i = 0; i < 2; i++) assert.match(here.generateMetrics(proxy), /^custom 2$/m);
  assert.equal(former.calls, 2);
  assert.deepEqual(errors, []);
  assert.equal(proxy.lastErrors().size, 0);
});

test("a collector keeps its name in error counts after setRegistry()", () => {
  class Database {
    collect(): never {
      throw new Error("no connection");
    }
  }
  const proxy = new here.CollectorRegistryProxy();
  const [first, second] = [new Database(), new Database()];
  proxy.register(first);
  proxy.register(second);
  here.generateMetrics(proxy);
  proxy.unregister(first);
  proxy.setRegistry(new here.CollectorRegistry());
  const text = here.generateMetrics(proxy);
  assert.match(text, /\{collector="Database",cause="error"\} 1$/m);
  assert.match(text, /\{collector="Database#2",cause="error"\} 2$/m);
});
