import { requireBuiltin } from "./builtin.ts";
import { Fleet, type Message, MESSAGES } from "./fleet.ts";
import { Registry } from "./registry.ts";
import { shared } from "./shared.ts";
import type { RegistryContentType } from "./types.ts";

/** A channel of `node:worker_threads`. */
interface Channel {
  postMessage(message: Message): void;
  addEventListener(type: "message", listener: (event: { data: Message }) => void): void;
  close(): void;
  unref?(): unknown;
}

/** The part of `node:worker_threads` that is used. */
interface WorkerThreads {
  readonly isMainThread: boolean;
  readonly threadId: number;
  readonly BroadcastChannel: new (name: string) => Channel;
}

/** A worker thread that announced itself. */
interface Member {
  readonly channel: Channel;
  readonly threadId: number;
}

/** The channels of a thread. */
interface Radio {
  readonly threads: WorkerThreads;
  /** All threads listen to it. */
  readonly announcements: Channel;
  /** This thread and the one that adds up listen to it. */
  readonly own: Channel;
  readonly name: string;
}

/** The channel that all threads listen to, under the name of the official client. */
const ANNOUNCEMENTS = "@prometheus-io/client:announce";

function threads(): WorkerThreads {
  return requireBuiltin<WorkerThreads>("node:worker_threads", "Cannot use worker threads");
}

/** Opens a channel that does not keep the program running. */
function open(name: string): Channel {
  const channel = new (threads().BroadcastChannel)(name);
  channel.unref?.();
  return channel;
}

/** The threads of the program, which all copies of this package in this thread share. */
function fleet(): Fleet<Member> {
  return (shared.threads ??= new Fleet<Member>()) as Fleet<Member>;
}

/** The channels of this thread, opened by the first registry. */
function radio(): Radio {
  if (shared.radio === undefined) {
    const name = `@prometheus-io/client:worker:${threads().threadId}`;
    const made: Radio = {
      threads: threads(),
      announcements: open(ANNOUNCEMENTS),
      own: open(name),
      name,
    };
    shared.radio = made;
  }
  return shared.radio as Radio;
}

/**
 * Combines the metrics of all worker threads. Create one in the main thread and in each worker.
 *
 * @typeParam T The format of the text.
 */
export class WorkerRegistry<T extends RegistryContentType = RegistryContentType>
  extends Registry<T> {
  /** Whether this thread combines the metrics of the others. */
  readonly primary: boolean;

  /**
   * Creates a registry, and listens to the others.
   *
   * @param regContentType The format of the text. @default {the Prometheus text format}
   * @param primary Whether this thread combines the others. @default {in the main thread}
   */
  constructor(regContentType?: RegistryContentType, primary: boolean = threads().isMainThread) {
    super(regContentType);
    this.primary = primary;
    listen(primary);
  }

  /**
   * Requests the metrics of all workers and combines them.
   *
   * @returns The text, `""` if there never was a worker. Rejects if one does not answer within 5
   * seconds.
   */
  async workerMetrics(): Promise<string> {
    const own = fleet();
    const members = [...own.members].sort(([, a], [, b]) => a.threadId - b.threadId);
    if (members.length === 0 && !own.hasFormer) return "";
    const { announcements, threads } = radio();
    return await own.metrics(
      members.map(([name]) => name),
      (requestId) => {
        const { threadId } = threads;
        announcements.postMessage({ type: MESSAGES.request, threadId, requestId });
      },
      { includesOwn: false, contentType: this.contentType },
    );
  }

  /**
   * Prepares the end of this thread. A worker sends its sums to the primary thread. The primary
   * thread waits for running requests.
   *
   * @param timeout How long to wait, in milliseconds.
   */
  async shutdown(timeout = 5000): Promise<void> {
    const own = fleet();
    if (await own.settle() || this.primary) return;
    const { own: channel, threads: { threadId } } = radio();
    await own.sayGoodbye(
      (requestId, metrics) =>
        channel.postMessage({ type: MESSAGES.goodbye, requestId, threadId, metrics }),
      timeout,
    );
  }

  /** Returns the number of workers that announced themselves and have not ended. */
  static workerCount(): number {
    return fleet().members.size;
  }

  /** Sets the registries whose metrics are added up. Throws if a value is not a registry. */
  static setRegistries(regs: Registry | Registry[]): void {
    fleet().setRegistries(regs);
  }
}

/** Starts to listen to messages, once in a thread. */
function listen(primary: boolean): void {
  const own = fleet();
  if (own.isListening) return;
  own.isListening = true;
  const { announcements, own: channel, name, threads: { threadId } } = radio();
  const announce = (primary: boolean): void =>
    announcements.postMessage({ type: MESSAGES.announcement, name, threadId, primary });
  announcements.addEventListener("message", ({ data }) => {
    if (data?.type === MESSAGES.announcement) {
      if (primary) welcome(own, data);
      if (data.primary) announce(false);
    } else if (data?.type === MESSAGES.request) {
      void own.respond(data).then((response) => channel.postMessage({ ...response, threadId }));
    }
  });
  channel.addEventListener("message", ({ data }) => {
    if (data?.type === MESSAGES.ack) own.answer("ack", data);
  });
  announce(primary);
}

/** Adds a worker that announced itself. */
function welcome(own: Fleet<Member>, { name = "", threadId = 0 }: Message): void {
  if (own.members.has(name)) return;
  const channel = open(name);
  own.members.set(name, { channel, threadId });
  channel.addEventListener("message", ({ data }) => {
    if (data?.type === MESSAGES.response) own.answer(name, data);
    if (data?.type !== MESSAGES.goodbye || !own.members.has(name)) return;
    channel.postMessage({ type: MESSAGES.ack, requestId: data.requestId, threadId });
    own.takeGoodbye(data);
    own.members.delete(name);
    channel.close();
  });
}
