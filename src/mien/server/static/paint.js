// Faces on a canvas: one painter for the live picture, snapshots, recordings and photos.

import { css, inkOn } from "./verdict.js";

const SHADE = "rgb(12 14 18 / 0.55)";
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

// Draw boxes with their tags.
// shown: [{box_xyxy, label, verdict}] in pixels of a picture of `size_wh`, which fills the canvas.
export function paintFaces(canvas, shown, { size_wh, mirrored = false, unit = 1 }) {
  const context = canvas.getContext("2d");
  const scale = canvas.width / size_wh[0];
  const rects = shown.map(({ box_xyxy: [left, top, right, bottom], ...rest }) => {
    const width = scale * (right - left);
    const x = mirrored ? canvas.width - scale * right : scale * left;
    return { ...rest, x, y: scale * top, width, height: scale * (bottom - top) };
  });
  for (const rect of rects) outline(context, rect, unit);
  for (const rect of rects) tag(context, rect, unit, canvas);
}

function outline(context, { x, y, width, height, verdict }, unit) {
  const path = new Path2D();
  path.roundRect(x, y, width, height, Math.min(10 * unit, width / 4));
  context.setLineDash([]);
  context.lineWidth = 4.5 * unit;
  context.strokeStyle = SHADE;
  context.stroke(path);
  context.lineWidth = 2.5 * unit;
  context.setLineDash(verdict.unsure ? [7 * unit, 6 * unit] : []);
  context.strokeStyle = css(verdict.rgb);
  context.stroke(path);
  context.setLineDash([]);
}

function tag(context, { x, y, width, height, label, verdict }, unit, canvas) {
  const size = 14 * unit;
  const text = label ? `${label} · ${verdict.word}` : verdict.word;
  context.font = `600 ${size}px ${FONT}`;
  context.textBaseline = "middle";
  const wide = context.measureText(text).width + 1.2 * size;
  const high = 1.7 * size;
  const gap = 0.4 * size;
  const left = Math.max(gap, Math.min(x, canvas.width - wide - gap));
  const above = y - high - gap;
  const below = y + height + gap;
  const top = above >= gap ? above : below + high + gap <= canvas.height ? below : y + gap;
  const path = new Path2D();
  path.roundRect(left, top, wide, high, high / 2);
  context.fillStyle = verdict.unsure ? "rgb(58 62 70 / 0.92)" : css(verdict.rgb);
  context.fill(path);
  context.fillStyle = verdict.unsure ? "#fff" : inkOn(verdict.rgb);
  context.fillText(text, left + 0.6 * size, top + high / 2);
}

// A picture with its faces and, below it, the notice: what is saved says what it is.
export function picturesque(source, width, height, shown, { size_wh, mirrored, notice }) {
  const unit = Math.max(1, Math.min(width, height) / 600);
  const strip = Math.round(26 * unit);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  context.save();
  if (mirrored) {
    context.translate(width, 0);
    context.scale(-1, 1);
  }
  context.drawImage(source, 0, 0, width, height);
  context.restore();
  paintFaces(canvas, shown, { size_wh, mirrored, unit });
  const whole = document.createElement("canvas");
  whole.width = width;
  whole.height = height + strip;
  const page = whole.getContext("2d");
  page.fillStyle = "#14161a";
  page.fillRect(0, 0, whole.width, whole.height);
  page.drawImage(canvas, 0, 0);
  page.fillStyle = "#d7d9dd";
  page.font = `${12 * unit}px ${FONT}`;
  page.textBaseline = "middle";
  page.fillText(notice, 10 * unit, height + strip / 2, width - 20 * unit);
  return whole;
}
