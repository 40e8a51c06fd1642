// The last minute of one person as a band: how much of each emotion, and where nothing can be said.

import { css, percent } from "./verdict.js";

const SPAN_MS = 60_000;
const BIN_MS = 500;
const BINS = SPAN_MS / BIN_MS;
const BRIDGED_MS = 1500; // where readings come slowly, one stands until the next

export class Timeline {
  #canvas;
  #labels;
  #colours;
  #last_ms = -Infinity;
  #bins = new Map(); // number of the half second -> {sums, count, unsure}

  constructor(canvas, labels, colours) {
    this.#canvas = canvas;
    this.#labels = labels;
    this.#colours = colours;
  }

  add(now_ms, emotions) {
    const number = Math.floor(now_ms / BIN_MS);
    const bridged = now_ms - this.#last_ms < BRIDGED_MS ? Math.floor(this.#last_ms / BIN_MS) + 1 : number;
    this.#last_ms = now_ms;
    for (let filled = Math.min(bridged, number); filled <= number; filled += 1) this.#fill(filled, emotions);
    for (const old of this.#bins.keys()) {
      if (old > number - BINS - 1) break;
      this.#bins.delete(old);
    }
  }

  #fill(number, emotions) {
    const bin = this.#bins.get(number) ?? { sums: this.#labels.map(() => 0), count: 0, unsure: 0 };
    this.#labels.forEach((label, index) => (bin.sums[index] += emotions.probabilities[label] ?? 0));
    bin.count += 1;
    bin.unsure += emotions.unsure ? 1 : 0;
    this.#bins.set(number, bin);
  }

  draw(now_ms) {
    const canvas = this.#canvas;
    const density = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * density);
    const height = Math.round(canvas.clientHeight * density);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    const newest = now_ms / BIN_MS;
    const step = width / BINS;
    for (const [number, bin] of this.#bins) {
      const left = Math.round(width - (newest - number) * step); // whole pixels: no seams, and none covered twice
      const wide = Math.round(width - (newest - number - 1) * step) - left;
      const unsure = bin.unsure > bin.count / 2;
      let top = 0;
      bin.sums.forEach((sum, index) => {
        const high = (sum / bin.count) * height;
        context.fillStyle = unsure ? `rgb(150 156 166 / ${0.3 + 0.1 * (index % 2)})` : css(this.#colours[this.#labels[index]]);
        context.fillRect(left, top, wide, high);
        top += high;
      });
    }
  }

  // What the band shows, for those who do not see it.
  describe() {
    let count = 0;
    let unsure = 0;
    const sums = this.#labels.map(() => 0);
    for (const bin of this.#bins.values()) {
      count += bin.count;
      unsure += bin.unsure;
      bin.sums.forEach((sum, index) => (sums[index] += sum));
    }
    if (!count) return "The last minute: nothing yet";
    const shares = this.#labels.map((label, index) => [label, sums[index] / count]).sort((a, b) => b[1] - a[1]);
    const words = shares.filter(([, share]) => share >= 0.05).slice(0, 3).map(([label, share]) => `${label} ${percent(share)}`);
    return `The last minute: ${words.join(", ")}; unsure ${percent(unsure / count)} of the time`;
  }
}
