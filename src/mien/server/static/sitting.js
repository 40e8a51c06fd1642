// What was read while "record" was on. It lives in this page and goes when the page goes; saving it is the user's act.

import { csv } from "./saving.js";

const WHERE = ["input", "frame", "timestamp", "face_idx", "track_id", "success", "FaceScore"];
const BOX = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FrameWidth", "FrameHeight"];
const DOUBT = ["certainty", "unsure", "not_a_face", "unknown", "plausible", "doubts"];
const POINTS = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"];
const VIEWERS = ["neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt"];

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
    this.frames = []; // [{time_s, reading, people}], people as `add` keeps them
    this.when = null;
    this.#past_s = 0;
    if (this.#began_ms) this.#began_ms = performance.now();
  }

  // people: one per face, {number, name, verdict}; undefined for a face that is nobody yet.
  add(reading, captured_ms, people) {
    if (!this.recording || captured_ms < this.#began_ms) return;
    const time_s = this.#past_s + (captured_ms - this.#began_ms) / 1000;
    const here = people.map((person) => person && { number: person.number, name: person.name, verdict: person.verdict });
    this.frames.push({ time_s, reading, people: here });
  }

  // The table that `mien` writes for videos, so that `mien convert` and every script for it take this one too.
  csv() {
    const labels = this.about.labels;
    const smooth = labels.map((label) => `${label}_smooth`);
    const viewers = VIEWERS.map((label) => `${label}_viewers`);
    const points = POINTS.flatMap((point) => [`${point}_x`, `${point}_y`]);
    const columns = [...WHERE, ...BOX, ...labels, ...smooth, ...DOUBT, ...viewers, ...points];
    return csv(columns, this.frames.flatMap((frame, number) => rowsOf(frame, number, labels)));
  }
}

function rowsOf({ time_s, reading, people }, number, labels) {
  const [FrameWidth, FrameHeight] = reading.size_wh;
  const frame = { input: "live", frame: number, timestamp: time_s, FrameWidth, FrameHeight };
  if (!reading.faces.length) return [{ ...frame, success: 0 }];
  return reading.faces.map((face, index) => {
    const [left, top, right, bottom] = face.box_xyxy;
    const { probabilities, viewers, certainty, unsure, plausible, doubts } = face.emotions;
    const row = {
      ...frame,
      face_idx: index,
      track_id: people[index] && people[index].number - 1,
      success: 1,
      FaceScore: face.score,
      FaceRectX: left,
      FaceRectY: top,
      FaceRectWidth: right - left,
      FaceRectHeight: bottom - top,
      ...probabilities,
      certainty,
      unsure: Number(unsure),
      not_a_face: viewers?.not_a_face,
      unknown: viewers?.unknown,
      plausible: plausible.join(" "),
      doubts: doubts.join(" "),
    };
    for (const label of labels) row[`${label}_smooth`] = face.smooth?.probabilities[label];
    for (const label of VIEWERS) row[`${label}_viewers`] = viewers?.[label];
    for (const [point, [x, y]] of Object.entries(face.landmarks ?? {})) {
      row[`${point}_x`] = x;
      row[`${point}_y`] = y;
    }
    return row;
  });
}
