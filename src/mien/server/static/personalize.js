// The page for one's own face: show an expression, have it checked and taken, learn, and keep what was learnt or not.

import { Camera } from "./camera.js";

const LONGEST_SENT_PX = 640;
const QUALITY = 0.9;

const at = (id) => document.getElementById(id);
const camera = new Camera();

let about;
let state; // counts, profile, kept
let asked; // the emotion that is asked for
let busy = false;

async function ask(path, method = "GET", body = undefined) {
  const answer = await fetch(`v1/personalizing${path}`, { method, body });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content;
}

// -- camera -----------------------------------------------------------------------------------------------------------

async function start() {
  try {
    at("video").srcObject = await camera.open("");
    await at("video").play();
    at("veil").hidden = true;
    show();
  } catch (error) {
    at("sentence").textContent = error.message;
    at("start").textContent = "Try again";
  }
}

camera.addEventListener("unplugged", ({ detail }) => {
  at("veil").hidden = false;
  at("sentence").textContent = detail.sentence;
  show();
});

function picture() {
  const video = at("video");
  const scale = Math.min(1, LONGEST_SENT_PX / Math.max(video.videoWidth, video.videoHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
}

// -- taking -----------------------------------------------------------------------------------------------------------

const seconds = (since_ms) => (performance.now() - since_ms) / 1000;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function takeOne() {
  const answer = await ask(`/examples?emotion=${asked.word}`, "POST", await picture());
  state = answer;
  at("told").textContent = answer.taken ? `Taken: ${asked.word}, ${count(asked)}.` : `Not taken: ${answer.reason}.`;
  return answer.taken;
}

// The face at rest is watched for some seconds; of other expressions a press takes one picture.
const take = () =>
  working(async () => {
    if (asked.word !== "neutral") {
      await takeOne();
    } else {
      const began_ms = performance.now();
      const every_ms = (1000 * about.neutral_s) / asked.wanted;
      const isOver = (taken) => taken >= asked.least && seconds(began_ms) >= about.neutral_s;
      let taken = 0;
      for (let number = 0; number < asked.wanted && !isOver(taken); number++) {
        await wait(began_ms + number * every_ms - performance.now());
        taken += await takeOne();
        show();
      }
      if (taken) at("told").textContent = `Taken: ${taken} pictures of your face at rest.`;
    }
    const next = about.emotions[about.emotions.indexOf(asked) + 1];
    if (next && count(asked) >= asked.wanted) choose(next);
  });

async function working(act) {
  if (busy) return;
  busy = true;
  show();
  try {
    await act();
  } catch (error) {
    at("told").textContent = error.message;
  } finally {
    busy = false;
    show();
  }
}

const tell = (path, method, words) =>
  working(async () => {
    state = await ask(path, method);
    at("told").textContent = words;
  });

// -- showing ----------------------------------------------------------------------------------------------------------

const count = (emotion) => state.counts[emotion.word] ?? 0;

function choose(emotion) {
  asked = emotion;
  show();
}

function show() {
  const watching = at("veil").hidden;
  const isNeutral = asked.word === "neutral";
  at("emotion").textContent = isNeutral ? "Your face at rest" : `Look ${asked.word}`;
  at("example").textContent = asked.example;
  at("take").disabled = busy || !watching;
  at("take").textContent = isNeutral ? `Watch for ${about.neutral_s} seconds` : "Take a picture";
  at("again").disabled = busy || !count(asked);
  at("learn").disabled = busy || !about.emotions.some((emotion) => count(emotion) >= emotion.least);
  at("keep").hidden = !state.profile || state.kept;
  about.emotions.forEach((emotion, index) => {
    const button = at("emotions").children[index].firstChild;
    button.setAttribute("aria-pressed", String(emotion === asked));
    button.classList.toggle("is-enough", count(emotion) >= emotion.least);
    button.lastChild.textContent = `${count(emotion)} of ${emotion.wanted}`;
  });
  showProfile();
}

function showProfile() {
  const { profile, kept } = state;
  at("outcome").textContent = profile ? `${kept ? `Kept in ${about.file}` : "Learnt"}: ${profile.summary}.` : "";
  const rows = new Map();
  for (const [name, value] of Object.entries(profile?.checks ?? {})) {
    const [labels, stage] = name.split("_accuracy_");
    rows.set(labels, { ...rows.get(labels), [stage]: value });
  }
  at("checks").hidden = !rows.size;
  at("checks").tBodies[0].replaceChildren(
    ...[...rows].map(([labels, stages]) => {
      const row = document.createElement("tr");
      const percent = (share) => `${Math.round(100 * share)} %`;
      for (const text of [labels, ...["general", "baseline", "examples"].map((stage) => percent(stages[stage]))]) {
        row.insertCell().textContent = text;
      }
      return row;
    }),
  );
}

// -- controls ---------------------------------------------------------------------------------------------------------

at("start").onclick = start;
at("take").onclick = take;
at("again").onclick = () => tell(`/examples?emotion=${asked.word}`, "DELETE", "Given up.");
at("learn").onclick = () => tell("/profile", "POST", "");
at("keep").onclick = () => tell("/profile", "PUT", "");
at("discard").onclick = () => tell("/profile", "DELETE", "Forgotten: nothing is left of it.");
addEventListener("keydown", (event) => {
  if (event.key !== " " || event.repeat || event.target instanceof HTMLButtonElement || at("take").disabled) return;
  event.preventDefault();
  take();
});

about = await ask("");
state = about;
at("notice").textContent = about.notice;
at("where").textContent = `A profile of ${about.name}, for ${about.file}`;
at("emotions").replaceChildren(
  ...about.emotions.map((emotion) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const swatch = document.createElement("span");
    swatch.className = "person-swatch";
    swatch.style.background = `rgb(${emotion.colour.join(" ")})`;
    button.type = "button";
    button.append(swatch, emotion.word, document.createElement("b"));
    button.onclick = () => choose(emotion);
    item.append(button);
    return item;
  }),
);
choose(about.emotions[0]);
