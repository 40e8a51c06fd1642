// The photo page: drop, paste or choose; each photo comes back with its faces.

import { about as askAbout, refusal } from "./about.js";
import { Bars } from "./bars.js";
import { consented } from "./consent.js";
import { takeFiles } from "./drop.js";
import { paintFaces } from "./paint.js";
import { fileName, save } from "./saving.js";
import { tableOf } from "./table.js";
import { css, verdictOf } from "./verdict.js";

const AT_A_TIME = 2;
const LONGEST_SHOWN_PX = 1600;
const OPEN_FACES = 3;

const at = (id) => document.getElementById(id);
const results = []; // [{source, reading, error}], as `mien analyze --json` lists them
const waiting = [];
let reading = 0;
let about;

async function take(files) {
  if (!files.length || !(await consented(await asked))) return;
  at("drop").classList.add("is-small");
  for (const file of files) {
    const card = at("photo").content.firstElementChild.cloneNode(true);
    card.querySelector(".photo-name").textContent = file.name;
    at("photos").prepend(card);
    waiting.push({ file, card });
  }
  while (reading < AT_A_TIME && waiting.length) readNext();
}

async function readNext() {
  const { file, card } = waiting.shift();
  reading += 1;
  const result = { source: file.name, reading: null, error: null };
  try {
    const answer = await fetch("v1/read", { method: "POST", body: file, headers: { "content-type": "image/*" } });
    if (answer.ok) result.reading = await answer.json();
    else result.error = await refusal(answer);
  } catch {
    result.error = "The service cannot be reached. Try this photo again later.";
  }
  results.push(result);
  await show(card, file, result);
  reading -= 1;
  at("save").hidden = false;
  at("state").textContent = account();
  if (waiting.length) readNext();
}

function account() {
  const read = results.filter((result) => result.reading);
  const faces = read.reduce((sum, result) => sum + result.reading.faces.length, 0);
  const failed = results.length > read.length ? `, ${results.length - read.length} could not be read` : "";
  return `${count(read.length, "photo")} read, ${count(faces, "face")} found${failed}.`;
}

const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

async function show(card, file, { reading: read, error }) {
  const state = card.querySelector(".photo-state");
  card.removeAttribute("aria-busy");
  if (error) {
    state.textContent = error;
    state.classList.add("alarm");
    card.querySelector("canvas").remove();
    return;
  }
  state.textContent = read.faces.length ? count(read.faces.length, "face") : "No face was found.";
  const shown = read.faces.map((face, index) => ({
    box_xyxy: face.box_xyxy,
    label: read.faces.length > 1 ? String(index + 1) : "",
    verdict: verdictOf(face.emotions, about.colours),
  }));
  await showPicture(card.querySelector("canvas"), file, read.size_wh, shown);
  card.querySelector(".faces").append(...shown.map((face, index) => faceOf(face, index, read.faces.length)));
}

async function showPicture(canvas, file, size_wh, shown) {
  const scale = Math.min(1, LONGEST_SHOWN_PX / Math.max(...size_wh));
  Object.assign(canvas, { width: Math.round(scale * size_wh[0]), height: Math.round(scale * size_wh[1]) });
  const words = shown.map(({ verdict }) => verdict.word).join(", ");
  canvas.setAttribute("aria-label", `${file.name}: ${words || "no face"}`);
  try {
    const picture = await createImageBitmap(file); // upright, as the service reads it
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
  } catch {
    // a format that this browser does not show: the faces are drawn all the same
  }
  const unit = Math.max(1, Math.max(canvas.width, canvas.height) / 640);
  paintFaces(canvas, shown, { size_wh, unit });
}

function faceOf({ label, verdict }, index, faces) {
  const details = at("face").content.firstElementChild.cloneNode(true);
  details.open = index < OPEN_FACES;
  details.classList.toggle("is-unsure", verdict.unsure);
  details.querySelector(".person-swatch").style.backgroundColor = css(verdict.rgb);
  details.querySelector(".person-word").textContent = faces > 1 ? `${label}: ${verdict.word}` : verdict.word;
  details.querySelector(".person-detail").textContent = verdict.detail;
  new Bars(details.querySelector(".bars"), about.labels, about.colours).show(verdict.emotions);
  return details;
}

at("save-json").onclick = () => {
  const document = { mien: about.mien, notice: about.notice, photos: results };
  save(new Blob([JSON.stringify(document, null, 1)], { type: "application/json" }), fileName("json"));
};
at("save-csv").onclick = () => {
  const frames = results
    .filter((result) => result.reading)
    .map((result) => ({ input: result.source, number: 0, time_s: null, reading: result.reading, people: [] }));
  save(new Blob([tableOf(frames, about.labels)], { type: "text/csv" }), fileName("csv"));
};

const asked = askAbout((sentence) => (at("state").textContent = sentence)); // files may come before the answer
takeFiles(at("drop"), at("file"), take);
addEventListener("paste", (event) => take([...(event.clipboardData?.files ?? [])]));
about = await asked;
at("state").textContent = "";
at("notice").textContent = about.notice;
