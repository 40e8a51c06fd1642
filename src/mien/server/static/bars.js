// One bar per emotion; grey where the reading is unsure.

import { UNSURE_RGB, css, percent } from "./verdict.js";

export class Bars {
  #rows = new Map();
  #colours;

  constructor(list, labels, colours) {
    this.#colours = colours;
    list.replaceChildren(
      ...labels.map((label) => {
        const row = document.createElement("li");
        const [word, track, value] = ["span", "span", "span"].map((name) => document.createElement(name));
        const fill = document.createElement("span");
        word.className = "bar-label";
        word.textContent = label;
        track.className = "bar-track";
        fill.className = "bar-fill";
        value.className = "bar-value";
        track.append(fill);
        row.append(word, track, value);
        this.#rows.set(label, { row, fill, value });
        return row;
      }),
    );
  }

  show(emotions) {
    for (const [label, { row, fill, value }] of this.#rows) {
      const share = emotions.probabilities[label] ?? 0;
      const certain = !emotions.unsure;
      row.classList.toggle("is-top", certain && label === emotions.top);
      row.classList.toggle("is-plausible", !certain && emotions.plausible.includes(label));
      fill.style.transform = `scaleX(${share})`;
      fill.style.backgroundColor = css(certain ? this.#colours[label] : UNSURE_RGB);
      value.textContent = percent(share);
    }
  }
}
