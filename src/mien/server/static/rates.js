// How often something happens, and how long it takes, over the last few seconds.

const WINDOW_MS = 3000;

// Happenings a second.
export class Rate {
  #times = [];

  tick(now_ms = performance.now()) {
    this.#times.push(now_ms);
    this.#forget(now_ms);
  }

  per_s(now_ms = performance.now()) {
    this.#forget(now_ms);
    if (this.#times.length < 2) return 0;
    return (1000 * (this.#times.length - 1)) / (now_ms - this.#times[0]);
  }

  #forget(now_ms) {
    while (this.#times.length && this.#times[0] < now_ms - WINDOW_MS) this.#times.shift();
  }
}

// Durations, and the value that a share of them stays below.
export class Durations {
  #latest = [];

  add(duration_ms) {
    this.#latest.push(duration_ms);
    if (this.#latest.length > 200) this.#latest.shift();
  }

  get count() {
    return this.#latest.length;
  }

  quantile(share) {
    if (!this.#latest.length) return NaN;
    const sorted = [...this.#latest].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  }
}
