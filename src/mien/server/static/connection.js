// The live socket as a page uses it: says hello, carries one picture at a time, and comes back by itself.

const SLOWEST_RETRY_MS = 4000;
const ANSWER_WITHIN_MS = 15000;

// Events: "hello" {about}, "reading" {captured_ms, spent_ms, reading}, "refused" {error, captured_ms},
// "picture" {captured_ms, jpeg}, "profile" {profile, summary, error}, "ended", "lost".
export class Connection extends EventTarget {
  #socket = null;
  #retry_ms = 250;
  #retryTimer = 0;
  #answerTimer = 0;
  #wanted = false;

  constructor(url) {
    super();
    this.url = url;
    this.greeted = false;
    this.under_way = false;
    // A page that was asleep or offline tries at once when it is back.
    for (const [target, name] of [[document, "visibilitychange"], [window, "online"]]) {
      target.addEventListener(name, () => this.#wanted && !this.#socket && !document.hidden && this.#connect());
    }
  }

  open() {
    this.#wanted = true;
    if (!this.#socket) this.#connect();
  }

  close() {
    this.#wanted = false;
    clearTimeout(this.#retryTimer);
    this.#socket?.close();
  }

  // Whether a picture may be sent now: at most one is under way.
  get ready() {
    return this.greeted && !this.under_way;
  }

  // Keep the place of a picture that is being encoded; `send` or `release` follows.
  reserve() {
    this.under_way = true;
  }

  release() {
    clearTimeout(this.#answerTimer);
    this.under_way = false;
  }

  async send(captured_ms, blob) {
    const socket = this.#socket;
    const picture = await blob.arrayBuffer();
    if (socket !== this.#socket || socket?.readyState !== WebSocket.OPEN) return; // lost meanwhile: released there
    const message = new Uint8Array(8 + picture.byteLength);
    new DataView(message.buffer).setFloat64(0, captured_ms);
    message.set(new Uint8Array(picture), 8);
    socket.send(message);
    this.#answerTimer = setTimeout(() => socket.close(), ANSWER_WITHIN_MS);
  }

  // Tell a server that sends pictures that one was shown.
  shown() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send("shown");
  }

  // Send a wish as JSON; whether it could be sent.
  tell(wish) {
    const open = this.greeted && this.#socket?.readyState === WebSocket.OPEN;
    if (open) this.#socket.send(JSON.stringify(wish));
    return open;
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => socket === this.#socket && this.#take(event.data);
    socket.onclose = () => socket === this.#socket && this.#lose();
    this.#socket = socket;
  }

  #take(data) {
    if (data instanceof ArrayBuffer) {
      const captured_ms = new DataView(data).getFloat64(0);
      this.#say("picture", { captured_ms, jpeg: new Blob([data.slice(8)], { type: "image/jpeg" }) });
      return;
    }
    const { type, ...detail } = JSON.parse(data);
    if (type === "hello") {
      this.greeted = true;
      this.#retry_ms = 250;
      this.#say("hello", detail);
    } else {
      if (type === "reading" || type === "error") this.release();
      this.#say(type === "error" ? "refused" : type, detail);
    }
  }

  #lose() {
    this.#socket = null;
    this.greeted = false;
    this.release();
    this.#say("lost", {});
    if (!this.#wanted) return;
    this.#retryTimer = setTimeout(() => this.#connect(), this.#retry_ms);
    this.#retry_ms = Math.min(2 * this.#retry_ms, SLOWEST_RETRY_MS);
  }

  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
