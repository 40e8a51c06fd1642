// A sitting or a video as one HTML file that needs nothing else: who looked how, for how long, and when.

import { css, percent } from "./verdict.js";

const escape = (text) =>
  String(text).replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);

// "1:05".
export function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const LONGEST_GAP_S = 1;
const WIDTH = 720;
const BAND = 36;
const COLUMNS = 240;

// For how long a reading stands: until the next one, the last one as long as the one before it.
export function lastingOf(frames, index) {
  const first = Math.max(0, Math.min(index, frames.length - 2));
  return frames.length < 2 ? 0 : Math.min(frames[first + 1].time_s - frames[first].time_s, LONGEST_GAP_S);
}

// What each person's readings add up to: {number, name, seen_s, unsure_s, seconds: {label: s}, moments}.
export function summarise(frames, labels) {
  const people = new Map();
  frames.forEach(({ time_s, people: here }, index) => {
    const lasts_s = lastingOf(frames, index);
    for (const somebody of here) {
      if (!somebody) continue;
      const { number, name, verdict } = somebody;
      const person = people.get(number) ?? {
        number,
        seen_s: 0,
        unsure_s: 0,
        seconds: Object.fromEntries(labels.map((label) => [label, 0])),
        moments: [],
      };
      const { emotions } = verdict;
      person.name = name; // the last one given
      person.seen_s += lasts_s;
      if (emotions.unsure) person.unsure_s += lasts_s;
      else person.seconds[emotions.top] += lasts_s;
      person.moments.push({ time_s, lasts_s, emotions });
      people.set(number, person);
    }
  });
  return [...people.values()].sort((a, b) => a.number - b.number);
}

// One person's readings over time as an SVG picture.
export function band(person, length_s, { labels, colours }) {
  const columns = new Map();
  const columnOf = (time_s) => Math.min(COLUMNS - 1, Math.floor((COLUMNS * time_s) / length_s));
  for (const { time_s, lasts_s, emotions } of person.moments) {
    for (let column = columnOf(time_s); column <= columnOf(time_s + lasts_s); column += 1) {
      const bin = columns.get(column) ?? { sums: labels.map(() => 0), count: 0, unsure: 0 };
      labels.forEach((label, index) => (bin.sums[index] += emotions.probabilities[label]));
      bin.count += 1;
      bin.unsure += emotions.unsure ? 1 : 0;
      columns.set(column, bin);
    }
  }
  const step = WIDTH / COLUMNS;
  const parts = [...columns].flatMap(([column, bin]) => {
    const x = (column * step).toFixed(2);
    if (bin.unsure > bin.count / 2) {
      return [`<rect x="${x}" y="0" width="${step}" height="${BAND}" fill="#969ca6" fill-opacity=".25"/>`];
    }
    let y = 0;
    return bin.sums.map((sum, index) => {
      const high = (BAND * sum) / bin.count;
      const rect = `<rect x="${x}" y="${y.toFixed(2)}" width="${step + 0.3}" height="${high.toFixed(2)}" fill="${css(colours[labels[index]])}"/>`;
      y += high;
      return high < 0.4 ? "" : rect;
    });
  });
  return `<svg viewBox="0 0 ${WIDTH} ${BAND}" preserveAspectRatio="none" shape-rendering="crispEdges" role="img" aria-label="${escape(person.name)} over time">${parts.join("")}</svg>`;
}

function section(person, length_s, about) {
  const rows = about.labels
    .map((label) => [label, person.seconds[label]])
    .sort((a, b) => b[1] - a[1])
    .map(([label, seconds]) => line(label, seconds, person.seen_s, css(about.colours[label])))
    .join("");
  return `<section><h2>${escape(person.name)}</h2>
<p>Seen for ${person.seen_s.toFixed(1)} s of ${length_s.toFixed(1)} s.</p>
${band(person, length_s, about)}
<p class="axis"><span>0:00</span><span>${clock(length_s)}</span></p>
<table><thead><tr><th>looked</th><th>seconds</th><th>share</th><th></th></tr></thead>
<tbody>${rows}${line("unsure", person.unsure_s, person.seen_s, "#969ca6")}</tbody></table></section>`;
}

const line = (label, seconds, seen_s, colour) => {
  const share = seen_s > 0 ? seconds / seen_s : 0;
  return `<tr><td>${escape(label)}</td><td>${seconds.toFixed(1)}</td><td>${percent(share)}</td><td class="share"><i style="width:${(100 * share).toFixed(1)}%;background:${colour}"></i></td></tr>`;
};

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.55 system-ui,sans-serif;max-width:720px;margin:3rem auto;padding:0 1rem}
h1{font-weight:600;margin-bottom:0}h2{font-weight:600;margin:2.5rem 0 0}.notice,.axis,footer{opacity:.75;font-size:.9rem}
svg{width:100%;height:${BAND}px;border-radius:6px;display:block;background:rgb(128 128 128/.12)}
.axis{display:flex;justify-content:space-between;margin:.2rem 0 1rem}table{width:100%;border-collapse:collapse}
th{text-align:left;font-weight:600}td,th{padding:.2rem .75rem .2rem 0;font-variant-numeric:tabular-nums}
.share{width:45%}.share i{display:block;height:8px;border-radius:4px;min-width:1px}footer{margin-top:3rem}`;

// what: {title, about, frames, when, length_s}, frames as `tableOf` takes them.
export function reportOf({ title, about, frames, when, length_s }) {
  const people = summarise(frames, about.labels);
  const body = people.length
    ? people.map((person) => section(person, length_s, about)).join("\n")
    : "<p>No face was seen.</p>";
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>mien: ${escape(title)}</title><style>${STYLE}</style></head><body>
<h1>${escape(title)}</h1>
<p class="notice">${escape(when.toLocaleString())}, ${clock(length_s)} long, ${frames.length} readings. ${escape(about.notice)}</p>
${body}
<footer>Colours as along the track; grey where the reading is unsure. Read with mien ${escape(about.mien)}, model ${escape(about.model)}, detector ${escape(about.detector)}.</footer>
</body></html>
`;
}
