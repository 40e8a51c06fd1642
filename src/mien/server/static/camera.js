// The browser's cameras: which there are, one of them opened, and in plain words why not.

const SENTENCES = {
  NotAllowedError:
    "The browser may not use the camera. Allow it in the address bar, or in the browser's settings, and try again.",
  NotFoundError: "No camera was found. Plug one in: the page will notice.",
  NotReadableError: "Another program is using the camera. Close it there and try again.",
  OverconstrainedError: "That camera is not there any more. Choose another one.",
  AbortError: "The camera could not be started. Try again.",
};
const INSECURE =
  "Browsers open the camera only on a secure page. Open this page by https, or as http://localhost on this computer.";
const UNPLUGGED = "The camera is gone. Plug it in again: the page goes on by itself.";

// Events: "unplugged" {sentence}, "changed" when cameras came or went.
export class Camera extends EventTarget {
  stream = null;
  #asked = 0; // number of the last wish: an older one that is fulfilled late is taken back

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener("devicechange", () => this.dispatchEvent(new Event("changed")));
  }

  // The cameras as [{id, label}]; labels and ids are empty until one was allowed.
  async list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return devices
      .filter((device) => device.kind === "videoinput")
      .map((device, index) => ({ id: device.deviceId, label: device.label || `Camera ${index + 1}` }));
  }

  // Open the camera of that id, or the one that faces the user; null if something else was wanted meanwhile.
  // Throws an Error whose message is a sentence.
  async open(id) {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error(INSECURE);
    this.close();
    const asked = this.#asked;
    const size = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
    const which = id ? { deviceId: { exact: id } } : { facingMode: "user" };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { ...size, ...which } });
    } catch (error) {
      throw new Error(SENTENCES[error.name] ?? `The camera could not be opened (${error.name}). Try again.`, {
        cause: error,
      });
    }
    if (asked !== this.#asked) {
      stream.getTracks().forEach((track) => track.stop());
      return null;
    }
    this.stream = stream;
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => {
      if (this.stream !== stream) return;
      this.stream = null;
      this.dispatchEvent(new CustomEvent("unplugged", { detail: { sentence: UNPLUGGED } }));
    });
    return stream;
  }

  // The id of the open camera.
  get id() {
    return this.stream?.getVideoTracks()[0].getSettings().deviceId ?? "";
  }

  close() {
    const stream = this.stream;
    this.#asked += 1;
    this.stream = null; // first, so that its end is not taken for an accident
    stream?.getTracks().forEach((track) => track.stop());
  }
}
