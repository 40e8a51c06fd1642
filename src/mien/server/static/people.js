// The people beside the picture: a card each, with a name, a verdict, bars and the last minute.

import { Bars } from "./bars.js";
import { Timeline } from "./timeline.js";
import { SteadyVerdict, css } from "./verdict.js";

const AWAY_AFTER_MS = 1500;
const FORGET_AFTER_MS = 30_000;
const DRAW_EVERY_MS = 200;
const SPEAK_EVERY_MS = 5000;

class Person {
  #steady = new SteadyVerdict();

  constructor(number, template, about) {
    this.number = number;
    this.colours = about.colours;
    this.card = template.content.firstElementChild.cloneNode(true);
    const find = (name) => this.card.querySelector(`.${name}`);
    this.swatch = find("person-swatch");
    this.word = find("person-word");
    this.detail = find("person-detail");
    this.bars = new Bars(find("bars"), about.labels, about.colours);
    this.canvas = find("timeline");
    this.timeline = new Timeline(this.canvas, about.labels, about.colours);
    this.name = `Person ${number}`;
    const input = find("person-name");
    input.value = this.name;
    input.addEventListener("input", () => {
      this.name = input.value.trim() || `Person ${number}`;
    });
    input.addEventListener("change", () => (input.value = this.name));
  }

  read(face, now_ms) {
    this.seen_ms = now_ms;
    this.verdict = this.#steady.read(face, now_ms, this.colours);
    this.card.classList.remove("is-away");
    this.card.classList.toggle("is-unsure", this.verdict.unsure);
    this.swatch.style.backgroundColor = css(this.verdict.rgb);
    this.word.textContent = this.verdict.word;
    this.detail.textContent = this.verdict.detail;
    this.bars.show(this.verdict.emotions);
    this.timeline.add(now_ms, this.verdict.emotions);
  }
}

export class People {
  #people = new Map();
  #offset = 0; // people of earlier connections: a new one does not know them again
  #drawn_ms = 0;
  #spoken_ms = 0;
  #spoken = "";

  constructor({ list, empty, template, speech }) {
    Object.assign(this, { list, empty, template, speech });
  }

  // A new stream begins: its people are others until they are named.
  begin(about) {
    this.about = about;
    this.#offset = Math.max(0, ...[...this.#people.values()].map((person) => person.number));
  }

  // The person that a face belongs to; none while it has not been seen for long enough to be somebody.
  of(face) {
    return face.track_id === null ? undefined : this.#people.get(this.#offset + face.track_id + 1);
  }

  read(reading, now_ms) {
    for (const face of reading.faces) {
      if (face.track_id === null) continue;
      if (!this.of(face)) this.#add(this.#offset + face.track_id + 1);
      this.of(face).read(face, now_ms);
    }
    this.#forget(now_ms);
    this.empty.hidden = this.#people.size > 0;
    if (now_ms - this.#drawn_ms > DRAW_EVERY_MS) this.#draw(now_ms);
    this.#speak(reading, now_ms);
  }

  #add(number) {
    const person = new Person(number, this.template, this.about);
    const later = [...this.#people.values()].find((other) => other.number > number);
    this.list.insertBefore(person.card, later?.card ?? null);
    this.#people.set(number, person);
    this.#people = new Map([...this.#people].sort(([a], [b]) => a - b));
  }

  #draw(now_ms) {
    this.#drawn_ms = now_ms;
    for (const person of this.#people.values()) {
      person.timeline.draw(now_ms);
      person.canvas.setAttribute("aria-label", person.timeline.describe());
    }
  }

  #forget(now_ms) {
    for (const [number, person] of this.#people) {
      const away_ms = now_ms - person.seen_ms;
      person.card.classList.toggle("is-away", away_ms > AWAY_AFTER_MS);
      if (away_ms > FORGET_AFTER_MS) {
        person.card.remove();
        this.#people.delete(number);
      }
    }
  }

  // Say what changed, now and then: a screen reader must be able to keep up.
  #speak(reading, now_ms) {
    if (now_ms - this.#spoken_ms < SPEAK_EVERY_MS) return;
    const here = reading.faces.map((face) => this.of(face)).filter(Boolean);
    const text = here.map((person) => `${person.name}: ${person.verdict.word}`).join(". ") || "No face in the picture";
    if (text === this.#spoken) return;
    this.#spoken_ms = now_ms;
    this.#spoken = text;
    this.speech.textContent = text;
  }
}
