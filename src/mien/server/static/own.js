// One person's own face on the live page: watch it at rest, read with what was learnt, switch that off and on, keep it.

import { fileName, save } from "./saving.js";

const WATCH_S = 4;

// `root` holds [data-own] elements: "watch", "use", "save", "load", "forget", "file" and "state".
export class OwnFace {
  #profile = null; // what was learnt or loaded, whether it is in use or not
  #used = false;
  #watching = 0; // the timer while the face is watched

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
    const until_ms = performance.now() + 1000 * WATCH_S;
    this.#watching = setInterval(() => {
      const left_s = Math.ceil((until_ms - performance.now()) / 1000);
      if (left_s > 0) return this.#say(`Rest your face and look at the camera… ${left_s}`);
      this.#stop();
      this.connection.tell({ type: "neutral", watch: false });
      this.#say("Learning…");
    }, 200);
    this.#say(`Rest your face and look at the camera… ${WATCH_S}`);
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
