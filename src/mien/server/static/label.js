// The labelling page: one face at a time, one key an answer, and back again.

const at = (id) => document.getElementById(id);

let about;
let face = null; // the number of the face that is asked about
let chosen = null; // a Set of words while several are collected
let busy = false;

async function ask(path, body) {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const answer = await fetch(`v1/labelling${path}`, init);
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content;
}

// One request at a time: a key that is held down labels one face, not ten.
async function tell(path, body, words) {
  if (busy) return;
  busy = true;
  try {
    show(await ask(path, body));
    at("said").textContent = words;
  } catch (error) {
    at("said").textContent = error.message;
  } finally {
    busy = false;
  }
}

function show(state) {
  face = state.face;
  collect(false);
  at("face").hidden = face === null;
  at("done").hidden = face !== null;
  if (face !== null) at("face").src = `v1/labelling/faces/${face}.jpg`;
  const time = state.time_s == null ? "" : `, ${state.time_s.toFixed(1)} s`;
  at("source").textContent = face === null ? "" : `${state.source}${time}`;
  at("progress").max = state.faces;
  at("progress").value = state.labelled;
  at("count").textContent = `${state.labelled} of ${state.faces} faces labelled by ${about.who}`;
}

const inWords = (words) => words.map((word) => word.replaceAll("_", " ")).join(" and ");

function say(...words) {
  if (face === null) return;
  tell("/labels", { face, words }, `${inWords(words)}.`);
}

// -- several emotions at once -----------------------------------------------------------------------------------------

function collect(on) {
  chosen = on ? new Set() : null;
  at("several").setAttribute("aria-pressed", String(on));
  showChosen();
}

function showChosen() {
  for (const button of at("words").children) {
    button.setAttribute("aria-pressed", String(Boolean(chosen?.has(button.dataset.word))));
  }
  at("save").disabled = !chosen?.size;
}

function press(word) {
  if (!chosen) return say(word);
  if (!chosen.delete(word)) chosen.add(word);
  showChosen();
}

// -- controls ---------------------------------------------------------------------------------------------------------

const undo = () => tell("/undo", {}, "Taken back.");
const pass = () => face !== null && tell(`/pass/${face}`, {}, "Later.");
const save = () => chosen?.size && say(...chosen);

const keys = {
  s: () => collect(!chosen),
  u: () => say(about.unsure),
  n: () => say(about.not_a_face),
  z: undo,
  Backspace: undo,
  " ": pass,
  Enter: save,
};

addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const onButton = event.target instanceof HTMLButtonElement && [" ", "Enter"].includes(event.key);
  const emotion = about?.emotions[Number(event.key) - 1];
  const act = emotion ? () => press(emotion.word) : keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act || onButton) return;
  event.preventDefault();
  act();
});

at("several").onclick = keys.s;
at("save").onclick = save;
at("unsure").onclick = keys.u;
at("not-a-face").onclick = keys.n;
at("pass").onclick = pass;
at("undo").onclick = undo;

about = await ask("");
at("notice").textContent = about.notice;
at("file").textContent = about.file;
at("where").textContent = `Labels of ${about.who} go to ${about.file}`;
at("words").replaceChildren(
  ...about.emotions.map(({ word, colour }, index) => {
    const button = document.createElement("button");
    const swatch = document.createElement("span");
    const key = document.createElement("kbd");
    swatch.className = "person-swatch";
    swatch.style.background = `rgb(${colour.join(" ")})`;
    key.textContent = index + 1;
    button.type = "button";
    button.dataset.word = word;
    button.append(key, swatch, ` ${word}`);
    button.onclick = () => press(word);
    return button;
  }),
);
show(about);
