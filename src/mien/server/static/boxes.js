// Boxes between readings: the picture moves on while a reading is made, and the boxes move with it.

const LOOK_AHEAD_MS = 200; // farther than that, a guess is worse than standing still
const SETTLE_MS = 45;
const GONE_AFTER_MS = 600;
const FARTHEST = 0.3; // of the box's sides: what would lead farther is haste of the clock, not of the face

const blend = (from, to, share) => from.map((value, index) => value + share * (to[index] - value));

// One face on its way: where readings put it, how fast it moves, where it is drawn.
class Moving {
  constructor(face, captured_ms) {
    this.face = face;
    this.captured_ms = captured_ms;
    this.speed = [0, 0, 0, 0]; // px per ms of each side
    this.drawn = face.box_xyxy;
  }

  read(face, captured_ms) {
    const passed_ms = Math.max(1, captured_ms - this.captured_ms);
    const speed = face.box_xyxy.map((value, side) => (value - this.face.box_xyxy[side]) / passed_ms);
    this.speed = passed_ms < GONE_AFTER_MS ? blend(this.speed, speed, 0.4) : [0, 0, 0, 0];
    this.face = face;
    this.captured_ms = captured_ms;
  }

  at(now_ms, passed_ms) {
    const ahead_ms = Math.min(Math.max(0, now_ms - this.captured_ms), LOOK_AHEAD_MS);
    const { box_xyxy } = this.face;
    const target = box_xyxy.map((value, side) => {
      const farthest = FARTHEST * (box_xyxy[(side % 2) + 2] - box_xyxy[side % 2]);
      return value + Math.max(-farthest, Math.min(farthest, ahead_ms * this.speed[side]));
    });
    this.drawn = blend(this.drawn, target, 1 - Math.exp(-passed_ms / SETTLE_MS));
    return this.drawn;
  }
}

// The faces of a stream as they are drawn now.
export class Boxes {
  #moving = new Map();
  #last_ms = 0;
  size_wh = [1, 1];

  // Take a reading in; what it does not hold any more goes.
  read(reading, captured_ms) {
    const [width] = this.size_wh;
    this.size_wh = reading.size_wh;
    const before = width === reading.size_wh[0] ? this.#moving : new Map();
    this.#moving = new Map();
    reading.faces.forEach((face, index) => {
      const key = face.track_id ?? `face ${index}`;
      const moving = before.get(key);
      moving?.read(face, captured_ms);
      this.#moving.set(key, moving ?? new Moving(face, captured_ms));
    });
  }

  // [{face, box_xyxy}] in pixels of the picture that was read, as of now.
  at(now_ms) {
    const passed_ms = Math.max(0, now_ms - this.#last_ms);
    this.#last_ms = now_ms;
    return [...this.#moving.values()]
      .filter((moving) => now_ms - moving.captured_ms < GONE_AFTER_MS + 1000)
      .map((moving) => ({ face: moving.face, box_xyxy: moving.at(now_ms, passed_ms) }));
  }

  clear() {
    this.#moving.clear();
  }
}
