import { requireBuiltin } from "./builtin.ts";
import { Fleet, type Message, MESSAGES } from "./fleet.ts";
import { Registry } from "./registry.ts";
import { shared } from "./shared.ts";
import type { RegistryContentType } from "./types.ts";

/** A worker of `node:cluster`. */
interface ClusterWorker {
  readonly id: number;
  isConnected(): boolean;
  send(message: Message): void;
}

/** The part of `node:cluster` that is used. */
interface Cluster {
  readonly isPrimary: boolean;
  readonly workers?: Readonly<Record<string, ClusterWorker | undefined>>;
  on(event: "message", listener: (worker: ClusterWorker, message: Message) => void): void;
  on(event: "disconnect", listener: (worker: ClusterWorker) => void): void;
}

/** The part of Node's `process` that a worker uses. */
interface WorkerProcess {
  readonly connected?: boolean;
  send?(message: Message): void;
  on(event: "message", listener: (message: Message) => void): void;
}

/**
 * Loads `node:cluster` at first use, because some application servers fail if it is loaded early.
 */
function cluster(): Cluster {
  type Loaded = Cluster & { default?: Cluster };
  const loaded = requireBuiltin<Loaded>("node:cluster", "Cannot use a cluster");
  return loaded.default ?? loaded;
}

function process(): WorkerProcess {
  // Runtimes with `node:cluster` have it too.
  return (globalThis as unknown as { process: WorkerProcess }).process;
}

/** Sends a message to the primary, if that is still connected. */
function tellPrimary(message: Message): void {
  if (process().connected) process().send?.(message);
}

/** The state of the cluster, which all copies of this package share. */
function fleet(): Fleet<ClusterWorker> {
  return (shared.cluster ??= new Fleet<ClusterWorker>()) as Fleet<ClusterWorker>;
}

/**
 * Combines the metrics of all workers of `node:cluster` and of the primary. Create one in the
 * primary and in each worker.
 *
 * @typeParam T The format of the text.
 */
export class ClusterRegistry<T extends RegistryContentType = RegistryContentType>
  extends Registry<T> {
  /**
   * Creates a registry, and listens to the others.
   *
   * @param regContentType The format of the text. @default {the Prometheus text format}
   */
  constructor(regContentType?: RegistryContentType) {
    super(regContentType);
    listen();
  }

  /**
   * Requests the metrics of all workers and combines them.
   *
   * @returns The text. Rejects if a worker does not answer within 5 seconds.
   */
  async clusterMetrics(): Promise<string> {
    const own = fleet();
    const workers = [...own.members.values()]
      .filter((worker) => worker.isConnected())
      .sort((a, b) => a.id - b.id);
    return await own.metrics(
      workers.map(({ id }) => id),
      (requestId) => {
        for (const worker of workers) worker.send({ type: MESSAGES.request, requestId });
      },
      { includesOwn: true, contentType: this.contentType },
    );
  }

  /**
   * Prepares the end of this process. A worker sends its sums to the primary. The primary waits for
   * running requests.
   *
   * @param timeout How long to wait, in milliseconds.
   */
  async shutdown(timeout = 5000): Promise<void> {
    const own = fleet();
    if (await own.settle() || cluster().isPrimary) return;
    await own.sayGoodbye(
      (requestId, metrics) => tellPrimary({ type: MESSAGES.goodbye, requestId, metrics }),
      timeout,
    );
  }

  /** Sets the registries whose metrics are added up. Throws if a value is not a registry. */
  static setRegistries(regs: Registry | Registry[]): void {
    fleet().setRegistries(regs);
  }
}

/** Starts to listen to messages, once in a program. */
function listen(): void {
  const own = fleet();
  if (own.isListening) return;
  own.isListening = true;
  const loaded = cluster();
  if (!loaded.isPrimary) {
    process().on("message", (message) => void answerPrimary(own, message));
    tellPrimary({ type: MESSAGES.announcement });
    return;
  }
  loaded.on("message", (worker, message) => answerWorker(own, worker, message));
  loaded.on("disconnect", (worker) => void own.members.delete(worker.id));
  for (const worker of Object.values(loaded.workers ?? {})) {
    if (worker?.isConnected()) worker.send({ type: MESSAGES.announcement });
  }
}

async function answerPrimary(own: Fleet<ClusterWorker>, message: Message): Promise<void> {
  switch (message?.type) {
    case MESSAGES.announcement:
      return tellPrimary({ type: MESSAGES.announcement });
    case MESSAGES.ack:
      return own.answer("ack", message);
    case MESSAGES.request:
      return tellPrimary(await own.respond(message));
  }
}

function answerWorker(own: Fleet<ClusterWorker>, worker: ClusterWorker, message: Message): void {
  switch (message?.type) {
    case MESSAGES.announcement:
      if (!own.members.has(worker.id)) own.members.set(worker.id, worker);
      break;
    case MESSAGES.response:
      own.answer(worker.id, message);
      break;
    case MESSAGES.goodbye:
      if (!own.members.has(worker.id)) return;
      worker.send({ type: MESSAGES.ack, requestId: message.requestId });
      own.takeGoodbye(message);
      own.members.delete(worker.id);
  }
}
