/**
 * A store in memory that implements the whole protocol of backends, and the faults that
 * a network has.
 *
 * @module
 */
import type {
  Backend,
  Batch,
  CallOptions,
  InstanceRow,
  OpenOptions,
  PushResult,
  Row,
  Session,
  StoredInstance,
  StoredSlice,
} from "../../multiprocess/mod.ts";

/** The faults of a call. Each function is called once for each call. */
export interface Faults {
  /** Whether the request never arrives. */
  losesRequest?: () => boolean;
  /** Whether the reply never arrives, though the work is done. */
  losesReply?: () => boolean;
  /** Whether nothing ever comes back, not even an error. */
  hangs?: () => boolean;
}

interface MemoryInstance {
  id: string;
  process: string;
  order: number;
  sequence: number;
  seen: number;
  left: boolean;
  rows: Map<string, Row>;
}

/** A store that several registries of one test can share. Its members are there to be looked at. */
export class MemoryStore {
  /** How much the store's clock is ahead, in milliseconds. */
  ahead = 0;
  epoch: string;
  families: Map<string, string> = new Map();
  totals: Map<string, Row> = new Map();
  instances: Map<string, MemoryInstance> = new Map();
  /** How often a batch arrived, and how many of them changed something. */
  pushes = 0;
  applied = 0;
  #order = 0;
  readonly #name: string;
  #lives = 1;
  readonly #namespaces: Map<string, MemoryStore> = new Map();

  constructor(name: string = crypto.randomUUID()) {
    this.#name = name;
    this.epoch = `${name} 1`;
  }

  /** Forgets everything, as a server without persistence that was killed. */
  lose(): void {
    this.epoch = `${this.#name} ${++this.#lives}`;
    this.families = new Map();
    this.totals = new Map();
    this.instances = new Map();
  }

  /** Forgets one instance, or all of them, as after a long silence. */
  expire(id?: string): void {
    if (id === undefined) this.instances.clear();
    else this.instances.delete(id);
  }

  /** A backend on this store. */
  backend(faults: Faults = {}): Backend {
    return { name: "memory", open: (options) => Promise.resolve(this.#session(options, faults)) };
  }

  #session(options: OpenOptions, faults: Faults): Session {
    const { namespace } = options;
    if (namespace !== "default") {
      let part = this.#namespaces.get(namespace);
      if (part === undefined) this.#namespaces.set(namespace, part = new MemoryStore());
      return part.#session({ ...options, namespace: "default" }, faults);
    }
    const call = async <T>(signal: AbortSignal, work: () => T): Promise<T> => {
      await Promise.resolve();
      signal.throwIfAborted();
      if (faults.hangs?.()) await new Promise(() => {});
      if (faults.losesRequest?.()) throw new Error("Cannot call the store: request lost");
      const result = work();
      if (faults.losesReply?.()) throw new Error("Cannot call the store: reply lost");
      return result;
    };
    return {
      maxNumbers: 7,
      join: ({ id, process }, { signal }) =>
        call(signal, () => {
          if (!this.instances.has(id)) {
            const order = ++this.#order;
            const rows = new Map<string, Row>();
            const seen = this.#now();
            this.instances.set(id, { id, process, order, sequence: 0, seen, left: false, rows });
          }
          return this.epoch;
        }),
      push: (id, batch, { signal }) => call(signal, () => this.#push(id, batch)),
      leave: (id, { signal }) =>
        call(signal, () => {
          const instance = this.instances.get(id);
          if (instance !== undefined) instance.left = true;
        }),
      read: async function* (this: MemoryStore, { signal }: CallOptions) {
        for (const slice of await call(signal, () => this.#read(options))) yield slice;
      }.bind(this),
      close: () => Promise.resolve(),
    };
  }

  #push(id: string, batch: Batch): PushResult {
    this.pushes++;
    const instance = this.instances.get(id);
    if (instance === undefined) return "unknown";
    if (batch.sequence <= instance.sequence) return "applied";
    if (batch.sequence > instance.sequence + 1) {
      this.lose();
      return "unknown";
    }
    this.applied++;
    instance.sequence++;
    instance.seen = this.#now();
    for (const { family, help } of batch.families) this.families.set(family, help);
    for (const row of [...batch.adds, ...batch.sets]) {
      if (!this.families.has(row.family)) this.families.set(row.family, "");
    }
    for (const row of batch.adds) {
      const old = this.totals.get(keyOf(row))?.numbers ?? [];
      const numbers = row.numbers.map((number, i) => number + (old[i] ?? 0));
      this.totals.set(keyOf(row), { ...row, numbers });
    }
    for (const row of batch.sets) instance.rows.set(keyOf(row), row);
    for (const name of batch.deletes) instance.rows.delete(keyOf(name));
    return "applied";
  }

  #now(): number {
    return Date.now() + this.ahead;
  }

  #read({ deadAfterMs, retentionMs }: OpenOptions): StoredSlice[] {
    const now = this.#now();
    for (const { id, seen, left } of this.instances.values()) {
      const keptMs = left ? retentionMs : Math.max(retentionMs, deadAfterMs);
      if (now - seen > keptMs) this.instances.delete(id);
    }
    const instances = Array.from(this.instances.values(), (instance): StoredInstance => {
      const { id, process, order, left, seen } = instance;
      return { id, process, order, alive: !left && now - seen <= deadAfterMs };
    });
    const families = Array.from(this.families, ([family, help]) => ({ family, help }));
    const values = [...this.instances.values()].flatMap(({ id, rows }) =>
      Array.from(rows.values(), (row): InstanceRow => ({ ...row, instance: id }))
    );
    return [{ instances, families }, { totals: [...this.totals.values()] }, { values }];
  }
}

function keyOf({ family, series }: { family: string; series: string }): string {
  return JSON.stringify([family, series]);
}
