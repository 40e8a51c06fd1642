// The picture and what lies over it. The picture runs at the camera's rate, whatever else is going on.

import { Boxes } from "./boxes.js";
import { paintFaces, picturesque } from "./paint.js";
import { Rate } from "./rates.js";

export class Stage {
  boxes = new Boxes();
  displayed = new Rate();
  drawn = []; // the faces as they were last painted: [{face, box_xyxy, label, verdict}]
  source = null; // the element that shows the picture now
  mirrored = false;
  still = false;
  #show = 0; // number of the showing, so that the callbacks of an old one end
  #shot = document.createElement("canvas");

  // words(face) gives {label, verdict}; onPicture(now_ms) is called once a picture, after it was painted.
  constructor({ root, video, remote, overlay }, { words, onPicture }) {
    Object.assign(this, { root, video, remote, overlay, words, onPicture });
    new ResizeObserver(() => this.paint()).observe(root);
  }

  get size_wh() {
    const { source } = this;
    if (!source) return [0, 0];
    return source === this.video ? [source.videoWidth, source.videoHeight] : [source.width, source.height];
  }

  // Show a camera of the browser.
  async showCamera(stream) {
    this.hide();
    const show = ++this.#show;
    this.video.srcObject = stream;
    await this.video.play();
    if (show !== this.#show) return;
    this.#reveal(this.video);
    const next = () => show === this.#show && this.#onNextPicture(turn);
    const turn = () => {
      if (show !== this.#show) return;
      this.#shown();
      next();
    };
    next();
  }

  // Show one picture that the service sent; resolves once it is on the page.
  async showPicture(jpeg) {
    const show = this.source === this.remote ? this.#show : (this.hide(), ++this.#show);
    const bitmap = await createImageBitmap(jpeg);
    if (show === this.#show && !this.still) {
      const { width, height } = bitmap;
      if (this.remote.width !== width || this.remote.height !== height) Object.assign(this.remote, { width, height });
      this.remote.getContext("2d").drawImage(bitmap, 0, 0);
      if (this.source !== this.remote) this.#reveal(this.remote);
      this.#shown();
    }
    bitmap.close();
  }

  hide() {
    this.#show += 1;
    this.still = false;
    this.source = null;
    this.drawn = [];
    this.boxes.clear();
    this.video.srcObject = null;
    this.video.hidden = this.remote.hidden = true;
    this.paint();
  }

  // Let the picture stand still, or go on.
  hold(still) {
    this.still = still;
    if (this.source === this.video) still ? this.video.pause() : this.video.play();
  }

  mirror(mirrored) {
    this.mirrored = mirrored;
    this.root.classList.toggle("is-mirrored", mirrored);
    this.paint();
  }

  paint(now_ms = performance.now()) {
    const density = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.round(this.root.clientWidth * density);
    const height = Math.round(this.root.clientHeight * density);
    if (this.overlay.width !== width || this.overlay.height !== height) Object.assign(this.overlay, { width, height });
    this.overlay.getContext("2d").clearRect(0, 0, width, height);
    if (!this.source) return;
    if (!this.still) this.drawn = this.#faces(now_ms);
    const { size_wh } = this.boxes;
    paintFaces(this.overlay, this.drawn, { size_wh, mirrored: this.mirrored, unit: density });
  }

  // The picture as it is now, no longer than `longest_px`, as a JPEG.
  shot(longest_px) {
    const [width, height] = this.size_wh;
    const scale = Math.min(1, longest_px / Math.max(width, height));
    Object.assign(this.#shot, { width: Math.round(scale * width), height: Math.round(scale * height) });
    this.#shot.getContext("2d").drawImage(this.source, 0, 0, this.#shot.width, this.#shot.height);
    return new Promise((resolve) => this.#shot.toBlob(resolve, "image/jpeg", 0.85));
  }

  // The picture with what is drawn over it and the notice below, as a canvas.
  composed(notice) {
    const { size_wh } = this.boxes;
    return picturesque(this.source, ...this.size_wh, this.drawn, { size_wh, mirrored: this.mirrored, notice });
  }

  #faces(now_ms) {
    return this.boxes.at(now_ms).map((box) => ({ ...box, ...this.words(box.face) }));
  }

  #reveal(element) {
    this.source = element;
    element.hidden = false;
    const [width, height] = this.size_wh;
    this.root.style.setProperty("--aspect", String(width / height));
  }

  #onNextPicture(turn) {
    if ("requestVideoFrameCallback" in this.video) this.video.requestVideoFrameCallback(turn);
    else requestAnimationFrame(turn);
  }

  #shown() {
    const now_ms = performance.now();
    this.displayed.tick(now_ms);
    this.paint(now_ms);
    this.onPicture(now_ms);
  }
}
