/** Computes the increase of a counter as Prometheus does, including resets. */
export class Increase {
  #last = 0;
  total = 0;

  see(value: number | undefined): void {
    if (value === undefined) return;
    this.total += value < this.#last ? value : value - this.#last;
    this.#last = value;
  }
}
