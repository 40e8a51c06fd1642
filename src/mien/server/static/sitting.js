// What was read while "record" was on. It lives in this page and goes when the page goes; saving it is the user's act.

import { reportOf } from "./report.js";
import { tableOf } from "./table.js";

export class Sitting {
  #began_ms = 0;
  #past_s = 0; // recorded before the last "record"

  constructor() {
    this.discard();
  }

  get recording() {
    return this.#began_ms > 0;
  }

  get length_s() {
    return this.#past_s + (this.recording ? (performance.now() - this.#began_ms) / 1000 : 0);
  }

  start(about) {
    this.about = about;
    this.when ??= new Date();
    this.#began_ms = performance.now();
  }

  stop() {
    if (!this.recording) return;
    this.#past_s = this.length_s;
    this.#began_ms = 0;
  }

  discard() {
    this.frames = []; // as `tableOf` and `reportOf` take them
    this.when = null;
    this.#past_s = 0;
    if (this.#began_ms) this.#began_ms = performance.now();
  }

  // people: one per face, {number, name, verdict}; undefined for a face that is nobody yet.
  add(reading, captured_ms, people) {
    if (!this.recording || captured_ms < this.#began_ms) return;
    const time_s = this.#past_s + (captured_ms - this.#began_ms) / 1000;
    const here = people.map((person) => person && { number: person.number, name: person.name, verdict: person.verdict });
    this.frames.push({ input: "live", number: this.frames.length, time_s, reading, people: here });
  }

  report() {
    const { about, frames, when } = this;
    return reportOf({ title: "A sitting", about, frames, when, length_s: Math.max(this.length_s, 0.001) });
  }

  csv() {
    return tableOf(this.frames, this.about.labels);
  }
}
