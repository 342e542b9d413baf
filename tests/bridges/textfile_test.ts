import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { writeTextfile } from "../../bridges/textfile.ts";
import { CollectorRegistry, Counter, MetricFamily, REGISTRY } from "../../mod.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "narthex-textfile-"));
});
after(() => rm(folder, { recursive: true }));

/** Creates a new folder for a test. */
function newFolder(): Promise<string> {
  return mkdtemp(join(folder, "case-"));
}

function registryOf(value: number): CollectorRegistry {
  const registry = new CollectorRegistry();
  new Counter("rows_total", "Rows.", { registry }).inc(value);
  return registry;
}

const expected = (value: number): string =>
  `# HELP rows_total Rows.\n# TYPE rows_total counter\nrows_total ${value}\n`;

test("writes the text format, replaces the file, and leaves no temporary file", async () => {
  const place = await newFolder();
  const path = join(place, "job.prom");
  await writeTextfile(path, { registry: registryOf(1) });
  assert.equal(await readFile(path, "utf8"), expected(1));
  await writeTextfile(path, { registry: registryOf(2) });
  assert.equal(await readFile(path, "utf8"), expected(2));
  assert.deepEqual(await readdir(place), ["job.prom"]);
});

test("accepts a file: URL, and uses the default registry", async () => {
  const path = join(await newFolder(), "a b#c.prom");
  const counter = new Counter("textfile_test_total", "T.");
  counter.inc(7);
  try {
    await writeTextfile(pathToFileURL(path));
    assert.match(await readFile(path, "utf8"), /^textfile_test_total 7$/m);
  } finally {
    REGISTRY.unregister(counter);
  }
});

test("writes an empty file for an empty registry", async () => {
  const path = join(await newFolder(), "empty.prom");
  await writeTextfile(path, { registry: new CollectorRegistry() });
  assert.equal(await readFile(path, "utf8"), "");
});

test("the file is readable for all users, whatever the umask is", async () => {
  const path = join(await newFolder(), "job.prom");
  const former = process.umask(0o077);
  try {
    await writeTextfile(path, { registry: registryOf(1) });
  } finally {
    process.umask(former);
  }
  assert.equal((await stat(path)).mode & 0o777, 0o644);
  // This also holds if it replaces an unreadable file.
  await chmod(path, 0o600);
  await writeTextfile(path, { registry: registryOf(1) });
  assert.equal((await stat(path)).mode & 0o777, 0o644);
});

test("a reader sees either the old or the new file, never a part", async () => {
  const place = await newFolder();
  const path = join(place, "job.prom");
  await writeTextfile(path, { registry: registryOf(0) });
  let isWriting = true;
  const seen = new Set<string>();
  const reading = (async () => {
    while (isWriting) seen.add(await readFile(path, "utf8"));
  })();
  const values = Array.from({ length: 40 }, (_, i) => i + 1);
  await Promise.all(values.map((value) => writeTextfile(path, { registry: registryOf(value) })));
  isWriting = false;
  await reading;
  const legal = new Set([0, ...values].map(expected));
  assert.deepEqual([...seen].filter((text) => !legal.has(text)), []);
  assert.deepEqual(await readdir(place), ["job.prom"]);
});

test("a rejection names the path, keeps the old file and leaves no temporary file", async () => {
  const place = await newFolder();
  const missing = join(place, "no", "job.prom");
  await assert.rejects(writeTextfile(missing, { registry: registryOf(1) }), (error: Error) => {
    assert.ok(error.message.startsWith(`Cannot write textfile ${JSON.stringify(missing)}: ENOENT`));
    assert.equal((error.cause as { code?: string }).code, "ENOENT");
    return true;
  });
  const inFile = join(place, "file", "job.prom");
  await writeFile(join(place, "file"), "");
  await assert.rejects(writeTextfile(inFile, { registry: registryOf(1) }), (error: Error) => {
    assert.ok(error.message.startsWith(`Cannot write textfile ${JSON.stringify(inFile)}: ENOTDIR`));
    return true;
  });
  const taken = join(place, "taken.prom");
  await mkdir(join(taken, "sub"), { recursive: true });
  await assert.rejects(writeTextfile(taken, { registry: registryOf(1) }), /taken\.prom/);
  assert.deepEqual((await readdir(place)).sort(), ["file", "taken.prom"]);
});

test("a write that fails in the middle keeps the old file and leaves no temporary file", async () => {
  const place = await newFolder();
  const path = join(place, "job.prom");
  await writeTextfile(path, { registry: registryOf(1) });
  const program = fileURLToPath(new URL("../support/textfile_program.ts", import.meta.url));
  const args = "Deno" in globalThis ? ["run", "-A", program] : [program];
  // A limit on the file size, in blocks of 512 bytes, simulates a full disk.
  const limited = 'ulimit -f 8; trap "" XFSZ; exec "$@"';
  const { stdout } = await promisify(execFile)(
    "/bin/sh",
    ["-c", limited, "sh", process.execPath, ...args, path, "5000"],
  );
  assert.ok(stdout.startsWith(`Cannot write textfile ${JSON.stringify(path)}: EFBIG`), stdout);
  assert.equal(await readFile(path, "utf8"), expected(1));
  assert.deepEqual(await readdir(place), ["job.prom"]);
});

test("refuses timestamps before it writes, because node_exporter skips such files", async () => {
  const place = await newFolder();
  const path = join(place, "job.prom");
  await writeFile(path, "old\n");
  const registry = new CollectorRegistry();
  const family = new MetricFamily("t", "T.", "gauge").addSample("t", {}, 1, { timestamp: 12.5 });
  registry.register({ collect: () => [family] });
  await assert.rejects(writeTextfile(path, { registry }), {
    name: "TypeError",
    message: `Cannot write textfile ${JSON.stringify(path)}: metric family "t" must not have ` +
      "timestamps: received 12.5",
  });
  assert.equal(await readFile(path, "utf8"), "old\n");
  assert.deepEqual(await readdir(place), ["job.prom"]);
});

test("awaits asynchronous collectors, and rejects when the signal is aborted", async () => {
  const place = await newFolder();
  const path = join(place, "job.prom");
  const registry = new CollectorRegistry();
  const family = new MetricFamily("late", "L.", "gauge").addSample("late", {}, 1);
  registry.register({ collect: () => Promise.resolve([family]) });
  await writeTextfile(path, { registry });
  assert.match(await readFile(path, "utf8"), /^late 1$/m);

  const hung = new CollectorRegistry();
  hung.register({ collect: () => new Promise<never>(() => {}) });
  const controller = new AbortController();
  const reason = new Error("enough");
  const writing = writeTextfile(join(place, "hung.prom"), {
    registry: hung,
    signal: controller.signal,
  });
  controller.abort(reason);
  await assert.rejects(writing, reason);
  assert.deepEqual(await readdir(place), ["job.prom"]);
});

test("replaces a symbolic link, and does not write through it", async () => {
  const place = await newFolder();
  const target = join(place, "target");
  await writeFile(target, "untouched");
  const path = join(place, "job.prom");
  await symlink(target, path);
  await writeTextfile(path, { registry: registryOf(1) });
  assert.equal(await readFile(target, "utf8"), "untouched");
  assert.equal(await readFile(path, "utf8"), expected(1));
});

test("throws on invalid arguments", async () => {
  const registry = registryOf(1);
  // The compiler refuses every one of these calls.
  const write = writeTextfile as (path: unknown, options?: unknown) => Promise<void>;
  const cases: [unknown, unknown, RegExp][] = [
    ["", { registry }, /path must be a string, and not empty, or a file: URL: received ""/],
    [7, { registry }, /path must be/],
    [new URL("http://localhost/a.prom"), { registry }, /path must be/],
    ["a.prom", { registry: {} }, /registry must be a registry/],
    ["a.prom", registry, /options must be \{ registry \}/],
    ["a.prom", { registry, timeout: 1 }, /unknown option "timeout"/],
    ["a.prom", { registry, timeoutMs: "1" }, /timeoutMs must be a number/],
    ["a.prom", { registry, signal: {} }, /signal must be an AbortSignal/],
  ];
  for (const [path, options, message] of cases) {
    await assert.rejects(write(path, options), { name: "TypeError", message });
  }
  await assert.rejects(write("a.prom", { registry, timeoutMs: 0 }), RangeError);
});
