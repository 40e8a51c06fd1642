// Readings as the table that `mien` writes for videos, so that `mien convert` and every script for it take this one too.

import { csv } from "./saving.js";

const WHERE = ["input", "frame", "timestamp", "face_idx", "track_id", "success", "FaceScore"];
const BOX = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FrameWidth", "FrameHeight"];
const DOUBT = ["certainty", "unsure", "not_a_face", "unknown", "plausible", "doubts"];
const POINTS = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"];
const DISTANCES = ["mouth_opening", "mouth_width", "left_brow_height", "right_brow_height", "left_eye_opening", "right_eye_opening"];
const VIEWERS = ["neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt"];

// frames: [{input, number, time_s, reading, people}] in order; `people` holds one {number} per face, or undefined.
export function tableOf(frames, labels) {
  const smooth = labels.map((label) => `${label}_smooth`);
  const viewers = VIEWERS.map((label) => `${label}_viewers`);
  const points = POINTS.flatMap((point) => [`${point}_x`, `${point}_y`]);
  const geometry = DISTANCES.map((distance) => `geometry_${distance}`);
  const columns = [...WHERE, ...BOX, ...labels, ...smooth, ...DOUBT, ...viewers, ...points, ...geometry];
  return csv(columns, frames.flatMap((frame) => rowsOf(frame, labels)));
}

function rowsOf({ input, number, time_s, reading, people }, labels) {
  const [FrameWidth, FrameHeight] = reading.size_wh;
  const frame = { input, frame: number, timestamp: time_s, FrameWidth, FrameHeight };
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
    for (const [distance, value] of Object.entries(face.geometry ?? {})) row[`geometry_${distance}`] = value;
    return row;
  });
}
