import { SYSTEM_CLOCK } from "../time/clock.ts";
import { attempt } from "../collectors/platform.ts";
import type { JsonMetric } from "./metric_object.ts";
import { defaultRegister, isRegistry, RegistryCore } from "./registry_core.ts";
import type { RegistryContentType } from "./types.ts";

/** The types of messages, under the names of the official client, so that both work together. */
export const MESSAGES = {
  ack: "@prometheus-io/client:ack",
  announcement: "@prometheus-io/client:announcement",
  request: "@prometheus-io/client:getMetricsReq",
  response: "@prometheus-io/client:getMetricsRes",
  goodbye: "@prometheus-io/client:goodbye",
} as const;

/** A message between the members of a fleet. Other parts of the program may send others. */
export interface Message {
  readonly type?: string | undefined;
  readonly requestId?: number | undefined;
  readonly metrics?: JsonMetric[][] | undefined;
  readonly error?: string | undefined;
  readonly threadId?: number | undefined;
  readonly name?: string | undefined;
  readonly primary?: boolean | undefined;
}

/** The time in which members must answer, in milliseconds. */
const TIMEOUT_MS = 5000;

/** A request that some members have not answered yet. */
interface Question {
  /** These members, by their keys. */
  readonly waiting: Map<unknown, PromiseWithResolvers<JsonMetric[][]>>;
  readonly answer: Promise<unknown>;
}

/**
 * The members of a cluster, or the threads of a program, whose metrics one of them adds up.
 *
 * @typeParam M The connection to a member.
 */
export class Fleet<M> {
  /** The registries whose metrics are combined. */
  registries: RegistryCore[] = [defaultRegister()];
  /** The members that announced themselves, by their keys. */
  readonly members: Map<unknown, M> = new Map();
  /** Whether this process listens to messages. */
  isListening = false;
  /** The metrics of members that said goodbye. */
  #former: JsonMetric[] = [];
  readonly #questions: Map<number, Question> = new Map();
  #nextId = 0;

  /** Whether there are metrics of former members. */
  get hasFormer(): boolean {
    return this.#former.length > 0;
  }

  /** Sets the registries whose metrics are combined. Throws if a value is not a registry. */
  setRegistries(registries: unknown): void {
    const all = Array.isArray(registries) ? registries : [registries];
    for (const registry of all) {
      if (!isRegistry(registry)) throw new TypeError(`Expected Registry, got ${typeof registry}`);
    }
    this.registries = all as RegistryCore[];
  }

  /** Returns the metrics of this process. */
  async read(aggregator?: string): Promise<JsonMetric[][]> {
    const read = this.registries.map((registry) => registry.getMetricsAsJSON(aggregator));
    // Registries return such objects.
    return await Promise.all(read) as unknown as JsonMetric[][];
  }

  /** Answers a request with the metrics of this process, or with the message of an error. */
  async respond({ requestId }: Message): Promise<Message> {
    try {
      return { type: MESSAGES.response, requestId, metrics: await this.read() };
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      return { type: MESSAGES.response, requestId, error: text };
    }
  }

  /**
   * Requests the metrics of members, combines them, and returns the text. Rejects if a member fails
   * or does not answer in time. `ask` sends the request, and `includesOwn` adds the metrics of this
   * process.
   */
  async metrics(
    members: readonly unknown[],
    ask: (requestId: number) => void,
    options: { includesOwn: boolean; contentType: RegistryContentType },
  ): Promise<string> {
    const former = this.#former;
    const waiting = new Map(
      members.map((member) => [member, Promise.withResolvers<JsonMetric[][]>()]),
    );
    const own = options.includesOwn ? [this.read()] : [];
    const answers = Promise.all([...own, ...[...waiting.values()].map(({ promise }) => promise)]);
    const text = answers.then((metrics) =>
      RegistryCore.aggregate([former, ...metrics.flat()], options.contentType).metrics()
    );
    const tooLate = (): Error =>
      new Error(`Operation timed out. ${waiting.size} outstanding responses.`);
    return await this.#request({ waiting, answer: text }, ask, TIMEOUT_MS, tooLate) as string;
  }

  /**
   * Sends the metrics of this process to the primary before this process ends, and waits for the
   * acknowledgement.
   */
  async sayGoodbye(
    send: (requestId: number, metrics: JsonMetric[][]) => void,
    timeoutMs: number,
  ): Promise<void> {
    const metrics = await this.read("sum");
    const acknowledged = Promise.withResolvers<JsonMetric[][]>();
    const waiting = new Map([["ack", acknowledged]]);
    await this.#request(
      { waiting, answer: acknowledged.promise },
      (requestId) => send(requestId, metrics),
      timeoutMs,
      () => new Error("Timeout"),
    );
  }

  /** Waits for running requests. Resolves to whether there were any. */
  async settle(): Promise<boolean> {
    const answers = [...this.#questions.values()].map(({ answer }) => answer);
    await Promise.allSettled(answers);
    return answers.length > 0;
  }

  /** Handles the answer of a member. */
  answer(member: unknown, { requestId = -1, metrics = [], error }: Message): void {
    const waiting = this.#questions.get(requestId)?.waiting;
    const one = waiting?.get(member);
    waiting?.delete(member);
    if (error) one?.reject(new Error(error));
    else one?.resolve(metrics);
  }

  /** Keeps the metrics of a member that ends. */
  takeGoodbye({ metrics = [] }: Message): void {
    // A member that sends invalid metrics must not affect the others.
    const all = attempt(() =>
      RegistryCore.aggregate([this.#former, ...metrics]).getMetricsAsArray()
    );
    // An aggregated registry has metrics that come as JSON.
    if (all !== undefined) this.#former = all as unknown as JsonMetric[];
  }

  async #request(
    request: Question,
    ask: (requestId: number) => void,
    timeoutMs: number,
    tooLate: () => Error,
  ): Promise<unknown> {
    const id = this.#nextId++;
    this.#questions.set(id, request);
    const late = Promise.withResolvers<never>();
    const cancel = SYSTEM_CLOCK.setTimeout(() => late.reject(tooLate()), timeoutMs);
    // Only the first one counts. The others must not become unhandled rejections.
    request.answer.catch(() => {});
    for (const { promise } of request.waiting.values()) promise.catch(() => {});
    try {
      ask(id);
      return await Promise.race([request.answer, late.promise]);
    } finally {
      cancel();
      this.#questions.delete(id);
    }
  }
}
