// The live page: camera, socket, stage and people, each at its own pace.

import { about as askAbout } from "./about.js";
import { Camera } from "./camera.js";
import { Connection } from "./connection.js";
import { consented } from "./consent.js";
import { Film } from "./film.js";
import { OwnFace } from "./own.js";
import { People } from "./people.js";
import { Durations, Rate } from "./rates.js";
import { clock } from "./report.js";
import { fileName, save } from "./saving.js";
import { Sitting } from "./sitting.js";
import { Stage } from "./stage.js";
import { verdictOf } from "./verdict.js";

const LONGEST_SENT_PX = 640; // faces are found as well, and three times as fast as in 1280
const READINGS = new Rate();
const DELAYS = new Durations();
const ARRIVALS = new Map(); // pictures of the service: when it took them -> when they came here

const at = (id) => document.getElementById(id);
const socketUrl = new URL("v1/live", location.href);
socketUrl.protocol = socketUrl.protocol.replace("http", "ws");

let about;
let state = "idle"; // "idle", "opening", "running", "paused", "unplugged"
const camera = new Camera();
const connection = new Connection(socketUrl.href);
const sitting = new Sitting();
const film = new Film();
const ownFace = new OwnFace(at("own"), connection);
const people = new People({ list: at("people"), empty: at("nobody"), template: at("person"), speech: at("speech") });
export const stage = new Stage(
  { root: at("stage"), video: at("video"), remote: at("remote"), overlay: at("overlay") },
  {
    words: (face) => {
      const person = people.of(face);
      return { label: person?.name ?? "", verdict: person?.verdict ?? verdictOf(face.emotions, about.colours) };
    },
    onPicture: (now_ms) => {
      if (film.running) film.add(stage.composed(about.notice));
      if (about.camera === "page") sendPicture(now_ms);
    },
  },
);

// -- states -----------------------------------------------------------------------------------------------------------

function enter(next, sentence = "", button = "Start the camera") {
  const focused = document.activeElement;
  state = next;
  at("stage").dataset.state = next;
  const running = next === "running" || next === "paused";
  at("veil").hidden = running;
  at("sentence").textContent = sentence;
  at("start").hidden = next === "opening";
  at("start").textContent = button;
  for (const id of ["pause", "snapshot", "record", "stop"]) at(id).disabled = !running;
  press("pause", next === "paused");
  ownFace.enable(next === "running");
  if (!running) {
    stage.hide();
    badge("");
    endRecording();
  }
  if (focused.disabled || !focused.checkVisibility()) keepFocus();
}

// Who uses the keyboard goes on from here, though the button that was pressed is gone.
function keepFocus() {
  [at("start"), at("pause"), at("sentence")].find((one) => !one.disabled && one.checkVisibility())?.focus();
}

const press = (id, pressed) => at(id).setAttribute("aria-pressed", String(pressed));

function badge(text) {
  at("badge").hidden = !text;
  at("badge").textContent = text;
}

// -- camera -----------------------------------------------------------------------------------------------------------

async function start() {
  if (!(await consented(about))) return;
  enter("opening", about.camera === "page" ? "Waiting for the camera…" : "Waiting for the picture…");
  connection.open();
  if (about.camera === "page") await openCamera(at("cameras").value);
}

async function openCamera(id) {
  try {
    const stream = await camera.open(id);
    if (!stream) return;
    await stage.showCamera(stream);
    enter("running");
  } catch (error) {
    enter("idle", error.message, "Try again");
  }
  await listCameras();
}

async function listCameras() {
  const cameras = await camera.list();
  const select = at("cameras");
  select.replaceChildren(...cameras.map(({ id, label }) => new Option(label, id, false, id === camera.id)));
  at("picker").hidden = cameras.length < 2;
  select.disabled = cameras.length < 2 || !cameras[0].id; // they have no ids until one was allowed
}

function stop() {
  camera.close();
  connection.close();
  enter("idle", "Stopped. Nothing is read, and the camera is off.");
}

function pause() {
  const paused = state !== "paused";
  stage.hold(paused);
  if (about.camera === "service") paused ? connection.close() : connection.open();
  state = paused ? "paused" : "running";
  at("stage").dataset.state = state;
  press("pause", paused);
  badge(paused ? "Paused" : "");
}

camera.addEventListener("unplugged", ({ detail }) => enter("unplugged", detail.sentence, "Try again"));
camera.addEventListener("changed", async () => {
  await listCameras();
  if (state === "unplugged" && (await camera.list()).length) await openCamera("");
});

// -- socket -----------------------------------------------------------------------------------------------------------

async function sendPicture(now_ms) {
  if (state !== "running" || !connection.ready) return;
  connection.reserve();
  const picture = await stage.shot(LONGEST_SENT_PX);
  if (picture) await connection.send(now_ms, picture);
  else connection.release();
}

connection.addEventListener("hello", () => {
  badge("");
  people.begin(about);
});
connection.addEventListener("lost", () => {
  stage.boxes.clear();
  if (state === "running") badge("The service is away. The page tries again…");
});
connection.addEventListener("refused", ({ detail }) => {
  if (state === "opening") at("sentence").textContent = detail.error;
  else if (state === "running") badge(detail.error);
});
connection.addEventListener("reading", ({ detail: { captured_ms, reading } }) => {
  const now_ms = performance.now();
  const here_ms = about.camera === "page" ? captured_ms : (ARRIVALS.get(captured_ms) ?? now_ms);
  if (state !== "running") return;
  badge("");
  READINGS.tick(now_ms);
  DELAYS.add(now_ms - here_ms);
  stage.boxes.read(reading, here_ms);
  people.read(reading, now_ms);
  sitting.add(reading, here_ms, reading.faces.map((face) => people.of(face)));
});
connection.addEventListener("picture", async ({ detail: { captured_ms, jpeg } }) => {
  ARRIVALS.set(captured_ms, performance.now());
  if (ARRIVALS.size > 100) ARRIVALS.delete(ARRIVALS.keys().next().value);
  await stage.showPicture(jpeg);
  connection.shown();
  if (state === "opening") enter("running");
});
connection.addEventListener("ended", () => {
  connection.close();
  enter("idle", "The video is over.", "Show it again");
});

// -- recording --------------------------------------------------------------------------------------------------------

function record() {
  if (sitting.recording) {
    endRecording();
  } else {
    sitting.start(about);
    at("sitting").hidden = false;
    showSitting();
  }
}

async function endRecording() {
  sitting.stop();
  showSitting();
  if (!film.running) return;
  const video = await film.stop();
  const button = at("save-video");
  button.hidden = false;
  button.onclick = () => save(video, fileName(video.type.endsWith("mp4") ? "mp4" : "webm", sitting.when));
}

function showSitting() {
  const what = film.running ? "readings and the picture" : "readings, no picture";
  const doing = sitting.recording ? `Recording ${what}` : "Recorded";
  at("sitting-state").textContent = `${doing}: ${clock(sitting.length_s)}, ${sitting.frames.length} readings.`;
  press("record", sitting.recording);
  at("record").querySelector("span").textContent = sitting.recording ? "Stop recording" : "Record";
  at("record-video").hidden = !sitting.recording || film.running || !Film.possible;
  for (const id of ["save-csv", "save-report"]) at(id).disabled = !sitting.frames.length;
}

async function recordVideo() {
  const dialog = at("video-consent");
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "yes" || !sitting.recording || !stage.source) return;
  film.start(stage.composed(about.notice));
  showSitting();
}

function discard() {
  const { recording } = sitting;
  sitting.discard();
  at("save-video").hidden = true;
  at("sitting").hidden = !recording;
  showSitting();
}

// -- controls ---------------------------------------------------------------------------------------------------------

at("start").onclick = start;
at("stop").onclick = stop;
at("pause").onclick = pause;
at("mirror").onclick = () => {
  stage.mirror(!stage.mirrored);
  press("mirror", stage.mirrored);
};
at("cameras").onchange = () => ["opening", "running", "paused"].includes(state) && openCamera(at("cameras").value);
at("snapshot").onclick = () => stage.composed(about.notice).toBlob((blob) => save(blob, fileName("png")), "image/png");
at("record").onclick = record;
at("record-video").onclick = recordVideo;
at("save-csv").onclick = () => save(new Blob([sitting.csv()], { type: "text/csv" }), fileName("csv", sitting.when));
at("save-report").onclick = () =>
  save(new Blob([sitting.report()], { type: "text/html" }), fileName("html", sitting.when));
at("discard").onclick = discard;
addEventListener("beforeunload", (event) => sitting.recording && event.preventDefault());

setInterval(() => {
  const running = state === "running";
  at("display-rate").textContent = running ? Math.round(stage.displayed.per_s()) : "–";
  at("reading-rate").textContent = running ? Math.round(READINGS.per_s()) : "–";
  at("latency").textContent = DELAYS.count ? Math.round(DELAYS.quantile(0.5)) : "–";
  at("latency-95").textContent = DELAYS.count ? Math.round(DELAYS.quantile(0.95)) : "–";
  if (sitting.recording) showSitting();
}, 500);

about = await askAbout((sentence) => (at("sentence").textContent = sentence));
at("notice").textContent = about.notice;
stage.mirror(about.camera === "page");
press("mirror", stage.mirrored);
at("own").hidden = about.camera !== "page";
people.begin(about);
const invitation = "mien says how the faces before this camera look to viewers.";
enter("idle", invitation, about.camera === "page" ? "Start the camera" : "Show the camera");
if (about.camera === "page") await listCameras();
else if (!about.consent) await start();
