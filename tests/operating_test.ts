import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { OtlpExporter } from "../bridges/otlp.ts";
import { RemoteWriter } from "../bridges/remote_write.ts";
import { instrument, instrumentFetch } from "../collectors/http.ts";
import { CollectorRegistry } from "../mod.ts";
import { ROOT_URL } from "./support/paths.ts";
import { readSources } from "./support/sources.ts";

const read = (path: string) => readFileSync(new URL(path, ROOT_URL), "utf8");

/** Returns the names of the families that the library can expose. */
function ownNames(): Set<string> {
  const registry = new CollectorRegistry();
  instrument(() => undefined, { registry, bodies: true });
  instrumentFetch(fetch, { registry });
  const senders = new CollectorRegistry();
  new RemoteWriter("http://localhost/", { registry: senders, autoStart: false });
  new OtlpExporter("http://localhost/", { registry: senders, autoStart: false });
  const families = [...registry.collect(), ...senders.collect()];
  const counter = (name: string, type: string) => type === "counter" ? `${name}_total` : name;
  const names = families.map(({ name, type }) => counter(name.replace(/_total$/, ""), type));
  // A prefix of names, such as "narthex_otlp", is not the name of a metric.
  const isPrefix = (name: string) => names.some((other) => other.startsWith(`${name}_`));
  const literals = readSources().flatMap(({ code }) =>
    [...code.matchAll(/"(narthex_[a-z_]*[a-z])"/g)].map(([, name = ""]) => name)
      .filter((name) => !isPrefix(name))
  );
  // tests/e2e/runtime_test.ts compares this table with the code on each runtime.
  const runtime = [...read("docs/runtime_metrics.md").matchAll(/^\| `((?:process|runtime)_\w+)`/gm)]
    .map(([, name = ""]) => name);
  return new Set([...names, ...literals, ...runtime]);
}

test("docs/operating.md explains each metric of the library, and no other", () => {
  const listed = [...read("docs/operating.md").matchAll(/^- ((?:`[a-z_]+`,? ?)+): /gm)]
    .flatMap(([, names = ""]) => names.match(/[a-z_]+/g) ?? []);
  const names = ownNames();
  for (const prefix of ["narthex_", "http_server_", "http_client_", "process_", "runtime_"]) {
    assert.ok([...names].some((name) => name.startsWith(prefix)), prefix);
  }
  assert.deepEqual(listed.toSorted(), [...names].toSorted());
});
