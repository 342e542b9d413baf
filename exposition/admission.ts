/** Lets so many scrapes be under way at the same time, and no more. */
export class Admission {
  readonly #limit: number;
  #inside = 0;
  /** Notices bodies that were given to a server which neither read nor cancelled them. */
  readonly #lost: FinalizationRegistry<() => void> | undefined;

  /**
   * Begins with no scrape.
   *
   * @param limit How many there may be; `Infinity` for any number.
   */
  constructor(limit: number) {
    this.#limit = limit;
    if (limit !== Infinity) this.#lost = new FinalizationRegistry((leave) => leave());
  }

  /**
   * Lets a scrape in, if there is room.
   *
   * @returns What to call when the scrape is over; calling it again does nothing. Nothing if there
   * is no room.
   */
  enter(): (() => void) | undefined {
    if (this.#inside >= this.#limit) return undefined;
    this.#inside++;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#inside--;
    };
  }

  /**
   * Ends a scrape when its body is collected as garbage, if nothing else has ended it by then: the
   * last resort against those who take a response and drop it.
   *
   * @param body The body; `leave` must not refer to it.
   * @param leave What ends the scrape.
   */
  leaveWith(body: object, leave: () => void): void {
    this.#lost?.register(body, leave);
  }
}
