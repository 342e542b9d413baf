/**
 * Broadcast channels of one isolate that lose and delay what is sent, for tests.
 *
 * @module
 */
/** A message to one of the channels: whether it gets through. */
export type Filter = (from: string, to: string, data: unknown) => boolean;

/** What a session needs of a channel. */
export class FakeChannel {
  readonly name: string;
  readonly #network: FakeNetwork;
  onmessage: (event: { data: unknown }) => void = () => {};
  isClosed = false;

  constructor(network: FakeNetwork, name: string) {
    this.#network = network;
    this.name = name;
  }

  postMessage(data: unknown): void {
    if (this.isClosed) throw new Error("InvalidStateError: the channel is closed");
    this.#network.send(this, structuredClone(data));
  }

  close(): void {
    this.isClosed = true;
    this.#network.forget(this);
  }

  unref(): void {}
}

/**
 * Each channel hears each other one in the order in which that one has sent, but what
 * several have sent may come in any order, late, or not at all.
 */
export class FakeNetwork {
  #seed: number;
  /** Which part of the messages is lost. */
  loss = 0;
  /** Says which messages get through, besides. */
  filter: Filter = () => true;
  readonly #channels: Set<FakeChannel> = new Set();
  readonly #calm: Set<string> = new Set();
  /** When the last message of one to another arrives. */
  readonly #last: Map<string, Promise<void>> = new Map();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The next number of the sequence, from 0 to 1. */
  random(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed / 2 ** 32;
  }

  open(name: string): FakeChannel {
    const channel = new FakeChannel(this, name);
    this.#channels.add(channel);
    return channel;
  }

  /** Whether nothing is lost between two channels, whatever `loss` says. */
  calm(one: string, other: string, isCalm: boolean): void {
    for (const link of [`${one}>${other}`, `${other}>${one}`]) {
      if (isCalm) this.#calm.add(link);
      else this.#calm.delete(link);
    }
  }

  send(from: FakeChannel, data: unknown): void {
    for (const to of this.#channels) {
      if (to === from) continue;
      const link = `${from.name}>${to.name}`;
      const isLost = this.random() < this.loss && !this.#calm.has(link);
      const delayMs = this.random() < 0.7 ? 0 : Math.floor(5 * this.random());
      if (isLost || !this.filter(from.name, to.name, data)) continue;
      const delay = new Promise((resolve) => setTimeout(resolve, delayMs));
      const before = this.#last.get(link) ?? Promise.resolve();
      const arrived = Promise.all([before, delay]).then(() => {
        if (!to.isClosed) to.onmessage({ data });
      });
      this.#last.set(link, arrived);
    }
  }

  forget(channel: FakeChannel): void {
    this.#channels.delete(channel);
  }
}
