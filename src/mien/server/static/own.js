// One person's own face on the live page: watch it at rest, read with what was learnt, switch that off and on, keep it.

import { fileName, save } from "./saving.js";

const WATCH_S = 4;
const LEAST_READINGS = 5; // a slow machine watches for longer, ...
const LONGEST_S = 30; // ... but not for ever

// `root` holds [data-own] elements: "watch", "use", "save", "load", "forget", "file" and "state".
export class OwnFace {
  #profile = null; // what was learnt or loaded, whether it is in use or not
  #used = false;
  #watching = 0; // the timer while the face is watched
  #seen = 0; // readings of one face meanwhile

  constructor(root, connection) {
    this.connection = connection;
    this.part = Object.fromEntries([...root.querySelectorAll("[data-own]")].map((part) => [part.dataset.own, part]));
    const { watch, use, save: keep, load, forget, file } = this.part;
    watch.onclick = () => this.#watch();
    use.onclick = () => this.#read(this.#used ? null : this.#profile);
    keep.onclick = () => save(new Blob([`${JSON.stringify(this.#profile)}\n`]), fileName("profile.json"));
    load.onclick = () => file.click();
    file.onchange = () => this.#load(file);
    forget.onclick = () => this.#forget();
    connection.addEventListener("profile", ({ detail }) => this.#take(detail));
    connection.addEventListener("reading", ({ detail }) => (this.#seen += detail.reading.faces.length === 1));
    connection.addEventListener("lost", () => this.#stop());
    // A new socket knows nothing of what was chosen on the one before.
    connection.addEventListener("hello", () => this.#profile && this.#read(this.#used ? this.#profile : null));
    this.#show();
  }

  // Whether there is a picture to watch.
  enable(running) {
    this.running = running;
    if (!running) this.#stop();
    this.#show();
  }

  #watch() {
    if (!this.connection.tell({ type: "neutral", watch: true })) return;
    const began_ms = performance.now();
    const ask = (left_s) => this.#say(`Rest your face and look at the camera… ${Math.max(1, Math.ceil(left_s))}`);
    this.#seen = 0;
    this.#watching = setInterval(() => {
      const spent_s = (performance.now() - began_ms) / 1000;
      const enough = spent_s >= WATCH_S && this.#seen >= LEAST_READINGS;
      if (!enough && spent_s < LONGEST_S) return ask(WATCH_S - spent_s);
      this.#stop();
      this.connection.tell({ type: "neutral", watch: false });
      this.#say("Learning…");
    }, 200);
    ask(WATCH_S);
    this.#show();
  }

  #stop() {
    clearInterval(this.#watching);
    this.#watching = 0;
    this.#show();
  }

  #read(profile) {
    this.connection.tell({ type: "profile", profile });
  }

  #take({ profile, summary, error }) {
    this.#profile = profile ?? this.#profile;
    this.#used = Boolean(profile);
    this.#say(error ?? (profile ? `Read as ${summary}.` : this.#profile ? "Read as anyone." : ""));
    this.#show();
  }

  async #load(file) {
    const [chosen] = file.files;
    file.value = "";
    if (!chosen) return;
    try {
      this.#read(JSON.parse(await chosen.text()));
    } catch {
      this.#say(`${chosen.name} is no profile: expected one that this page or mien personalize saved.`);
    }
  }

  #forget() {
    const used = this.#used;
    this.#profile = null;
    this.#used = false;
    if (used) this.#read(null);
    this.#say("Forgotten.");
    this.#show();
  }

  #say(text) {
    this.part.state.textContent = text;
  }

  #show() {
    const { watch, use, save: keep, load, forget } = this.part;
    const busy = !this.running || this.#watching > 0;
    watch.disabled = load.disabled = busy;
    for (const button of [use, keep, forget]) button.hidden = !this.#profile;
    use.disabled = busy;
    use.setAttribute("aria-pressed", String(this.#used));
  }
}
