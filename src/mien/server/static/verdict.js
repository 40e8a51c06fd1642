// What a reading says, in words and colours. Doubt is never dressed up as an answer.

const DOUBTS = {
  low_certainty: "a close call",
  not_a_face: "may be no face",
  too_small: "too small",
  too_dark: "too dark",
  too_blurred: "too blurred",
};
export const UNSURE_RGB = [150, 156, 166];

export const percent = (share) => `${Math.round(100 * share)} %`;

// Nobody is certain: what rounds to all is "over 99 %".
const certain = (share) => `${share > 0.99 ? "over 99 %" : percent(share)} certain`;

export const css = ([red, green, blue], alpha = 1) => `rgb(${red} ${green} ${blue} / ${alpha})`;

// Black or white, whichever can be read on a colour (WCAG 2).
export function inkOn(rgb) {
  const [red, green, blue] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}

const SETTLE_MS = 700;

const list = (words) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words[words.length - 1]}`;

// What one reading says of a face: {emotions, unsure, word, detail, rgb}, such as "happy", "93 % certain", or
// "unsure", "too dark, maybe happy or neutral".
export function verdictOf(emotions, colours) {
  const { top, probabilities, certainty, unsure, doubts, plausible } = emotions;
  if (!unsure) {
    return { emotions, unsure, word: top, detail: certain(certainty ?? probabilities[top]), rgb: colours[top] };
  }
  const why = doubts.map((doubt) => DOUBTS[doubt] ?? doubt);
  const guess = plausible.length > 3 ? "it could be almost anything" : `maybe ${list(plausible.length ? plausible : [top])}`;
  return { emotions, unsure, word: "unsure", detail: [...why, guess].join(", "), rgb: UNSURE_RGB };
}

// What a track says: its steady probabilities, and a doubt that comes and goes as calmly as they do.
export class SteadyVerdict {
  #doubt = 0;
  #certainty = null;
  #last_ms = -Infinity;
  #unsure = false;
  #why = { doubts: [], plausible: [] };

  read(face, now_ms, colours) {
    const { emotions, smooth } = face;
    const share = 1 - Math.exp(-Math.max(0, now_ms - this.#last_ms) / SETTLE_MS);
    this.#last_ms = now_ms;
    this.#doubt += share * (Number(emotions.unsure) - this.#doubt);
    if (emotions.certainty !== null) this.#certainty = blend(this.#certainty ?? emotions.certainty, emotions.certainty, share);
    if (emotions.unsure) this.#why = { doubts: emotions.doubts, plausible: emotions.plausible };
    this.#unsure = this.#doubt > (this.#unsure ? 0.4 : 0.6); // apart, so that it does not flicker between
    const steady = { ...(smooth ?? emotions), certainty: this.#certainty, unsure: this.#unsure, ...this.#why };
    return verdictOf(steady, colours);
  }
}

const blend = (from, to, share) => from + share * (to - from);
