/**
 * What every backend promises, as tests: see `multiprocess/backend.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  Backend,
  Batch,
  InstanceRow,
  OpenOptions,
  Row,
  Session,
  StoredInstance,
} from "../../multiprocess/mod.ts";
import { until } from "./clock.ts";

/** A store for one test. Dispose of it to delete it. */
export interface TestStore extends AsyncDisposable {
  /** Makes another backend on the same store, as another process has it. */
  backend(): Backend;
}

/** Options of {@linkcode testBackend}. */
export interface TestBackendOptions {
  /** Whether the store can lose acknowledged batches. @default {true} */
  readonly canLose?: boolean;
}

/** Everything that a store holds. */
interface Content {
  instances: StoredInstance[];
  families: { family: string; help: string }[];
  totals: Row[];
  values: InstanceRow[];
}

const NOTHING: Batch = { sequence: 1, families: [], adds: [], sets: [], deletes: [] };

/** Doubles that have been lost on the way to somewhere. */
const NASTY = [NaN, Infinity, -Infinity, -0, 0, 5e-324, 2 ** 53 - 1, 0.1, -1.7976931348623157e308];

/** Texts that have been lost on the way to somewhere. */
const TEXTS = ["", "\0", '"', "'", "\n", " ", "é", "\u{1f525}", "%", "__proto__", "a".repeat(5000)];

const signal = new AbortController().signal;

async function open(store: TestStore, options: Partial<OpenOptions> = {}): Promise<Session> {
  return await store.backend().open({
    namespace: "default",
    readOnly: false,
    deadAfterMs: 60_000,
    retentionMs: 3_600_000,
    signal,
    ...options,
  });
}

async function readAll(session: Session): Promise<Content> {
  const content: Content = { instances: [], families: [], totals: [], values: [] };
  for await (const slice of session.read({ signal })) {
    content.instances.push(...slice.instances ?? []);
    content.families.push(...slice.families ?? []);
    content.totals.push(...slice.totals ?? []);
    content.values.push(...slice.values ?? []);
  }
  return content;
}

/** The totals by name; a backend may bring one in several parts. */
function totalsOf({ totals }: Content): Map<string, number[]> {
  const sums = new Map<string, number[]>();
  for (const { family, series, numbers } of totals) {
    const key = JSON.stringify([family, series]);
    const old = sums.get(key);
    sums.set(key, old === undefined ? [...numbers] : numbers.map((n, i) => n + old[i]!));
  }
  return sums;
}

const id = (): string => crypto.randomUUID();

/**
 * Defines the tests.
 *
 * @param name What the backend is called.
 * @param create Makes an empty store.
 * @param options What is tested.
 */
export function testBackend(
  name: string,
  create: () => Promise<TestStore>,
  { canLose = true }: TestBackendOptions = {},
): void {
  const promise = (what: string, run: (store: TestStore) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      const store = await create();
      try {
        await run(store);
      } finally {
        await store[Symbol.asyncDispose]();
      }
    });
  };

  promise("numbers and texts are read back unchanged", async (store) => {
    const session = await open(store);
    const instance = id();
    await session.join({ id: instance, process: "é\0 1" }, { signal });
    const row = (family: string, text: string): Row => {
      return {
        family: JSON.stringify([family, text]),
        series: JSON.stringify(text),
        numbers: NASTY,
      };
    };
    const adds = TEXTS.map((text) => row("f", text));
    const sets = TEXTS.map((text) => row("g", text));
    const families = adds.map(({ family }, i) => ({ family, help: TEXTS[i]! }));
    const batch = { ...NOTHING, families, adds, sets };
    assert.equal(await session.push(instance, batch, { signal }), "applied");
    const other = await open(store);
    const content = await readAll(other);
    assert.deepEqual(content.instances.map(({ id, process, alive }) => ({ id, process, alive })), [
      { id: instance, process: "é\0 1", alive: true },
    ]);
    const sums = totalsOf(content);
    for (const { family, series } of adds) {
      const numbers = sums.get(JSON.stringify([family, series]));
      // Added to nothing: there is no -0 any more.
      assert.deepEqual(numbers?.map((n) => n + 0), NASTY.map((n) => n + 0));
    }
    assert.equal(sums.size, adds.length);
    const found = new Map(content.values.map((row) => [row.series, row]));
    for (const row of sets) assert.deepEqual(found.get(row.series), { ...row, instance });
    const helps = new Map(content.families.map(({ family, help }) => [family, help]));
    for (const { family, help } of families) assert.equal(helps.get(family), help);
    await session.close();
    await other.close();
  });

  promise("a batch is applied once, no matter how often it is pushed", async (store) => {
    const session = await open(store);
    const [one, two] = [id(), id()];
    for (const instance of [one, two]) {
      await session.join({ id: instance, process: instance }, { signal });
      await session.join({ id: instance, process: instance }, { signal });
    }
    const adds: Row[] = [{ family: "f", series: "s", numbers: [1, 0.5] }];
    const push = (instance: string, sequence: number) =>
      session.push(instance, { ...NOTHING, sequence, adds }, { signal });
    assert.equal(await push(one, 1), "applied");
    assert.equal(await push(one, 1), "applied");
    assert.equal(await push(two, 1), "applied");
    assert.equal(await push(one, 2), "applied");
    assert.equal(await push(one, 1), "applied");
    await session.join({ id: one, process: one }, { signal });
    assert.equal(await push(one, 2), "applied");
    assert.deepEqual([...totalsOf(await readAll(session)).values()], [[3, 1.5]]);
    await session.close();
  });

  promise("batches that are pushed at the same time are all applied", async (store) => {
    const sessions = await Promise.all([open(store), open(store), open(store)]);
    await Promise.all(sessions.map(async (session) => {
      const instance = id();
      await session.join({ id: instance, process: instance }, { signal });
      for (let sequence = 1; sequence <= 20; sequence++) {
        const adds: Row[] = [{ family: "f", series: "s", numbers: [1] }];
        await session.push(instance, { ...NOTHING, sequence, adds }, { signal });
      }
    }));
    assert.deepEqual([...totalsOf(await readAll(sessions[0]!)).values()], [[60]]);
    for (const session of sessions) await session.close();
  });

  promise("an instance that has not joined changes nothing", async (store) => {
    const session = await open(store);
    const adds: Row[] = [{ family: "f", series: "s", numbers: [1] }];
    assert.equal(await session.push(id(), { ...NOTHING, adds }, { signal }), "unknown");
    await session.leave(id(), { signal });
    const { totals, instances } = await readAll(session);
    assert.deepEqual({ totals, instances }, { totals: [], instances: [] });
    await session.close();
  });

  promise("the epoch stays", async (store) => {
    const [session, other] = [await open(store), await open(store)];
    const epoch = await session.join({ id: id(), process: "1" }, { signal });
    assert.equal(await other.join({ id: id(), process: "2" }, { signal }), epoch);
    await session.close();
    await other.close();
  });

  if (canLose) {
    promise("the epoch changes after a lost batch", async (store) => {
      const [session, other] = [await open(store), await open(store)];
      const [one, two] = [id(), id()];
      const epoch = await session.join({ id: one, process: one }, { signal });
      assert.equal(await other.join({ id: two, process: two }, { signal }), epoch);
      const row: Row = { family: "f", series: "s", numbers: [1] };
      const batch = { ...NOTHING, adds: [row], sets: [row] };
      await session.push(one, batch, { signal });
      assert.equal(await session.push(one, { ...batch, sequence: 3 }, { signal }), "unknown");
      const { totals, values } = await readAll(other);
      assert.deepEqual({ totals, values }, { totals: [], values: [] });
      assert.equal(await other.push(two, batch, { signal }), "unknown");
      assert.notEqual(await session.join({ id: id(), process: "" }, { signal }), epoch);
      await session.close();
      await other.close();
    });
  }

  promise("rows of an instance are replaced and deleted, and outlive it", async (store) => {
    const session = await open(store);
    const [one, two] = [id(), id()];
    const row = (series: string, number: number): Row => {
      return { family: "g", series, numbers: [number] };
    };
    await session.join({ id: one, process: "1" }, { signal });
    await session.join({ id: two, process: "2" }, { signal });
    await session.push(one, { ...NOTHING, sets: [row("a", 1), row("b", 2)] }, { signal });
    await session.push(two, { ...NOTHING, sets: [row("a", 3)] }, { signal });
    const deletes = [{ family: "g", series: "b" }, { family: "x", series: "y" }];
    await session.push(one, { ...NOTHING, sequence: 2, sets: [row("a", 4)], deletes }, { signal });
    await session.leave(one, { signal });
    const { values, instances } = await readAll(session);
    const plain = values.map(({ instance, series, numbers }) => [instance, series, ...numbers]);
    assert.deepEqual(new Set(plain.map(String)), new Set([`${one},a,4`, `${two},a,3`]));
    assert.deepEqual(instances.map(({ id, alive }) => [id, alive]), [[one, false], [two, true]]);
    assert.ok(instances[0]!.order < instances[1]!.order);
    await session.close();
  });

  promise("families keep their order and take the last help text", async (store) => {
    const session = await open(store);
    const instance = id();
    await session.join({ id: instance, process: "1" }, { signal });
    const names = ["z", "a", "m", "b"];
    for (const [i, family] of [...names, "z"].entries()) {
      const families = [{ family, help: `${i}` }];
      await session.push(instance, { ...NOTHING, sequence: i + 1, families }, { signal });
    }
    const { families } = await readAll(session);
    assert.deepEqual(families.map(({ family, help }) => family + help), ["z4", "a1", "m2", "b3"]);
    await session.close();
  });

  promise("namespaces do not see each other", async (store) => {
    const [a, b] = [await open(store, { namespace: "a" }), await open(store, { namespace: "b" })];
    const [one, two] = [id(), id()];
    const row: Row = { family: "f", series: "s", numbers: [1] };
    await a.join({ id: one, process: "1" }, { signal });
    await b.join({ id: two, process: "2" }, { signal });
    await a.push(one, { ...NOTHING, adds: [row], sets: [row] }, { signal });
    const { totals, values, instances } = await readAll(b);
    assert.deepEqual({ totals, values }, { totals: [], values: [] });
    assert.deepEqual(instances.map(({ id }) => id), [two]);
    await a.close();
    await b.close();
  });

  promise("rows of several slices are all read once", async (store) => {
    const session = await open(store);
    const instance = id();
    await session.join({ id: instance, process: "1" }, { signal });
    for (let sequence = 1; sequence <= 6; sequence++) {
      const rows = Array.from({ length: 200 }, (_, i): Row => {
        return { family: `f${i % 3}`, series: `${sequence}-${i}`, numbers: [i] };
      });
      await session.push(instance, { ...NOTHING, sequence, adds: rows, sets: rows }, { signal });
    }
    const content = await readAll(session);
    assert.equal(totalsOf(content).size, 1200);
    assert.equal(new Set(content.values.map(({ series }) => series)).size, 1200);
    assert.equal(content.values.length, 1200);
    // Ending early lets go of everything.
    for await (const _ of session.read({ signal })) break;
    assert.equal((await readAll(session)).values.length, 1200);
    await session.close();
  });

  promise(
    "an instance that sends nothing for retentionMs is forgotten with its rows",
    async (store) => {
      const session = await open(store, { deadAfterMs: 1, retentionMs: 50 });
      const row: Row = { family: "g", series: "s", numbers: [1] };
      let [silent, pushed] = ["", "unknown"];
      // On a slow machine it may be forgotten between the two calls.
      while (pushed === "unknown") {
        silent = id();
        await session.join({ id: silent, process: "1" }, { signal });
        pushed = await session.push(silent, { ...NOTHING, adds: [row], sets: [row] }, { signal });
      }
      await until("it is forgotten", async () => {
        await session.join({ id: id(), process: "2" }, { signal });
        return (await readAll(session)).instances.every(({ id }) => id !== silent);
      });
      assert.equal((await readAll(session)).totals.length, 1, "what it counted stays");
      await session.close();
    },
  );

  promise("a silent instance is kept until it counts as ended", async (store) => {
    const session = await open(store, { retentionMs: 1 });
    const row: Row = { family: "g", series: "s", numbers: [1] };
    const silent = id();
    await session.join({ id: silent, process: "1" }, { signal });
    await session.push(silent, { ...NOTHING, sets: [row] }, { signal });
    const gone = id();
    await session.join({ id: gone, process: "2" }, { signal });
    await session.leave(gone, { signal });
    // The silent instance has then sent nothing for longer than that.
    await until("an instance that has left is forgotten", async () => {
      await session.join({ id: id(), process: "3" }, { signal });
      return (await readAll(session)).instances.every(({ id }) => id !== gone);
    });
    assert.equal((await readAll(session)).values.length, 1);
    await session.close();
  });

  promise("an aborted signal ends a call", async (store) => {
    const session = await open(store);
    const aborted = AbortSignal.abort(new Error("enough"));
    await assert.rejects(session.push(id(), NOTHING, { signal: aborted }), /enough/);
    await session.close();
  });
}
