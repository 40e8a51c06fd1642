// A recording of the picture with what is drawn over it; only after a yes of its own.

export class Film {
  #canvas = document.createElement("canvas");
  #pieces = [];
  #recorder = null;

  get running() {
    return this.#recorder?.state === "recording";
  }

  static get possible() {
    return "MediaRecorder" in window;
  }

  start(first) {
    Object.assign(this.#canvas, { width: first.width, height: first.height });
    this.#pieces = [];
    const kind = ["video/webm;codecs=vp9", "video/webm", "video/mp4"].find((type) => MediaRecorder.isTypeSupported(type));
    this.#recorder = new MediaRecorder(this.#canvas.captureStream(30), { mimeType: kind, videoBitsPerSecond: 4e6 });
    this.#recorder.ondataavailable = ({ data }) => data.size && this.#pieces.push(data);
    this.#recorder.start(1000);
    this.add(first);
  }

  add(picture) {
    this.#canvas.getContext("2d").drawImage(picture, 0, 0, this.#canvas.width, this.#canvas.height);
  }

  // Resolves to the whole video.
  stop() {
    const recorder = this.#recorder;
    return new Promise((resolve) => {
      recorder.onstop = () => resolve(new Blob(this.#pieces, { type: recorder.mimeType.split(";")[0] }));
      recorder.stop();
    });
  }
}
