// The video page: upload, progress, and a report; the video that is shown is the one on this computer.

import { about as askAbout, refusal } from "./about.js";
import { Bars } from "./bars.js";
import { consented } from "./consent.js";
import { takeFiles } from "./drop.js";
import { paintFaces } from "./paint.js";
import { band, clock, lastingOf, reportOf, summarise } from "./report.js";
import { fileName, save } from "./saving.js";
import { tableOf } from "./table.js";
import { SteadyVerdict, UNSURE_RGB, percent, verdictOf } from "./verdict.js";

const ASK_EVERY_MS = 700;
const UPLOAD_SHARE = 0.15; // of the progress bar
const SHOWN_FOR_S = 0.5; // a box stays for at most so long after its reading

const at = (id) => document.getElementById(id);
let about;
let job = null; // what is being read: {file, request, id, cancelled}
let done = null; // what was read: {file, lines, frames, length_s}

async function take([file]) {
  if (!file || job || !(await consented(await asked))) return;
  job = { file, request: null, id: null, cancelled: false };
  at("drop").hidden = true;
  at("report").hidden = true;
  at("work").hidden = false;
  at("name").textContent = file.name;
  try {
    const submitted = await upload(file);
    job.id = submitted.id;
    const { error: missing } = await finished(submitted);
    const answer = await fetch(`v1/videos/${job.id}/results/readings.jsonl`);
    if (!answer.ok) throw new Error(await refusal(answer));
    await show(file, await answer.text());
    tell(missing ? `${file.name} has been read in part: ${missing}.` : `${file.name} has been read.`, 1);
  } catch (error) {
    const unreachable = error instanceof TypeError; // what fetch throws
    if (!job.cancelled) tell(unreachable ? "The service cannot be reached. Try again later." : error.message, 0, true);
  }
  if (job.id) await fetch(`v1/videos/${job.id}`, { method: "DELETE" }).catch(() => {});
  at("cancel").hidden = true;
  at("drop").classList.toggle("is-small", !at("report").hidden);
  at("drop").hidden = false;
  if (job.cancelled) at("work").hidden = true;
  job = null;
}

function tell(sentence, progress, alarm = false) {
  at("state").textContent = sentence;
  at("state").classList.toggle("alarm", alarm);
  at("progress").hidden = alarm || progress === 1;
  at("progress").value = progress;
}

// Send the file; resolves to the job. XMLHttpRequest, because fetch does not tell how much has been sent.
function upload(file) {
  at("cancel").hidden = false;
  tell("Sending…", 0);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    job.request = request;
    request.open("POST", "v1/videos");
    request.setRequestHeader("content-type", file.type || "video/mp4");
    request.upload.onprogress = ({ loaded, total }) => tell(`Sending: ${percent(loaded / total)}`, (UPLOAD_SHARE * loaded) / total);
    request.onload = async () => {
      const answer = new Response(request.responseText, { status: request.status });
      if (answer.ok) resolve(await answer.json());
      else reject(new Error(await refusal(answer)));
    };
    request.onerror = () => reject(new TypeError("unreachable"));
    request.onabort = () => reject(new Error("cancelled"));
    request.send(file);
  });
}

// Ask until the job is done; its error then says what could not be read.
async function finished(state) {
  while (state.state === "queued" || state.state === "running") {
    const share = UPLOAD_SHARE + (1 - UPLOAD_SHARE) * Math.min(state.progress, 0.99);
    tell(state.state === "queued" ? "Waiting for its turn…" : `Reading: ${percent(state.progress)}, ${state.frames} frames`, share);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    const answer = await fetch(`v1/videos/${job.id}`);
    if (!answer.ok) throw new Error(await refusal(answer));
    state = await answer.json();
  }
  if (state.state !== "done") throw new Error(state.error ?? "The video was not read to its end.");
  return state;
}

function cancel() {
  job.cancelled = true;
  job.request?.abort();
  if (job.id) fetch(`v1/videos/${job.id}/cancel`, { method: "POST" }).catch(() => {});
}

async function show(file, lines) {
  const frames = framesOf(file.name, lines);
  const video = at("video");
  if (video.src) URL.revokeObjectURL(video.src);
  video.src = URL.createObjectURL(file);
  const last = frames[frames.length - 1];
  const length_s = last ? last.time_s + lastingOf(frames, frames.length - 1) : 0;
  done = { file, lines, frames, length_s: Math.max(length_s, 0.001) };
  at("stage").style.setProperty("--aspect", last ? String(last.reading.size_wh[0] / last.reading.size_wh[1]) : "1.7778");
  const people = summarise(frames, about.labels);
  at("summary").textContent = `${frames.length} frames in ${clock(done.length_s)}, ${people.length === 1 ? "one person" : `${people.length} people`}. ${about.notice}`;
  at("people").replaceChildren(...people.map(cardOf));
  at("report").hidden = false;
}

// The readings as frames with people, whose doubt is made steady along the video.
function framesOf(input, lines) {
  const steady = new Map();
  return lines.split("\n").filter(Boolean).map((line) => {
    const reading = JSON.parse(line);
    const people = reading.faces.map((face) => {
      if (face.track_id === null) return undefined;
      const number = face.track_id + 1;
      if (!steady.has(number)) steady.set(number, new SteadyVerdict());
      const verdict = steady.get(number).read(face, 1000 * reading.time_s, about.colours);
      return { number, name: `Person ${number}`, verdict };
    });
    return { input, number: reading.index, time_s: reading.time_s, reading, people };
  });
}

function cardOf(person) {
  const card = at("person").content.firstElementChild.cloneNode(true);
  const find = (name) => card.querySelector(`.${name}`);
  const whole_s = Math.max(person.seen_s, 0.001);
  const seconds = { ...person.seconds, unsure: person.unsure_s };
  const probabilities = Object.fromEntries(Object.entries(seconds).map(([label, spent_s]) => [label, spent_s / whole_s]));
  const top = Object.keys(probabilities).reduce((best, label) => (probabilities[label] > probabilities[best] ? label : best));
  find("person-title").textContent = person.name;
  find("person-seen").textContent = `Seen for ${person.seen_s.toFixed(1)} s. Share of that time:`;
  find("person-end").textContent = clock(done.length_s);
  const bars = new Bars(find("bars"), [...about.labels, "unsure"], { ...about.colours, unsure: UNSURE_RGB });
  bars.show({ probabilities, top, unsure: false, plausible: [] });
  find("band").innerHTML = band(person, done.length_s, about);
  return card;
}

// Lay the reading of the moment over the video.
function paint() {
  const overlay = at("overlay");
  const density = Math.min(window.devicePixelRatio || 1, 2);
  const [width, height] = [overlay.clientWidth * density, overlay.clientHeight * density].map(Math.round);
  if (overlay.width !== width || overlay.height !== height) Object.assign(overlay, { width, height });
  overlay.getContext("2d").clearRect(0, 0, width, height);
  const frame = done && frameAt(at("video").currentTime);
  if (frame) {
    const shown = frame.reading.faces.map((face, index) => ({
      box_xyxy: face.box_xyxy,
      label: frame.people[index]?.name ?? "",
      verdict: frame.people[index]?.verdict ?? verdictOf(face.emotions, about.colours),
    }));
    paintFaces(overlay, shown, { size_wh: frame.reading.size_wh, unit: density });
  }
  requestAnimationFrame(paint);
}

// The last frame that was read at or before a time, if it was not long before.
function frameAt(time_s) {
  let [low, high] = [0, done.frames.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (done.frames[middle].time_s <= time_s + 0.005) low = middle + 1;
    else high = middle;
  }
  const frame = done.frames[low - 1];
  return frame && time_s - frame.time_s <= SHOWN_FOR_S ? frame : undefined;
}

at("cancel").onclick = cancel;
at("save-report").onclick = () => {
  const { file, frames, length_s } = done;
  const report = reportOf({ title: file.name, about, frames, when: new Date(), length_s });
  save(new Blob([report], { type: "text/html" }), fileName("html"));
};
at("save-csv").onclick = () => save(new Blob([tableOf(done.frames, about.labels)], { type: "text/csv" }), fileName("csv"));
at("save-lines").onclick = () => save(new Blob([done.lines], { type: "application/x-ndjson" }), fileName("jsonl"));
const asked = askAbout((sentence) => (at("state").textContent = sentence)); // files may come before the answer
takeFiles(at("drop"), at("file"), take);
about = await asked;
at("notice").textContent = about.notice;
requestAnimationFrame(paint);
