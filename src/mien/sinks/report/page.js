"use strict";
(() => {
  const page = JSON.parse(document.getElementById("readings").textContent);
  const { labels, events, extent } = page;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const shown = new Set(labels.keys());
  const layers = { raw: true, smooth: true };
  const whole = { from: extent[0], to: extent[1] };
  let view = { ...whole };
  let cursor = extent[0];

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const persons = page.persons.map((person) => {
    const node = document.getElementById(`person-${person.id}`);
    return {
      ...person,
      time: new Float32Array(bytes(person.time).buffer),
      raw: bytes(person.raw),
      smooth: bytes(person.smooth),
      label: new Int8Array(bytes(person.label).buffer),
      certainty: bytes(person.certainty),
      slider: node.querySelector(".timeline"),
      charts: node.querySelectorAll("canvas"),
      line: node.querySelector(".readout p"),
      rows: [...node.querySelectorAll(".values li")],
    };
  });

  const clock = (seconds) => {
    const tenths = Math.round(seconds * 10);
    const pad = (number) => String(number).padStart(2, "0");
    const minutes = Math.floor(tenths / 600), rest = `${pad(Math.floor((tenths % 600) / 10))}.${tenths % 10}`;
    return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${rest}`;
  };
  const percent = (value) => `${Math.round((value / 255) * 100)} %`;
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** Place of the step that a time falls in; -1 where the person is out of sight. */
  const stepAt = (person, time) => {
    let low = 0, high = person.time.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (person.time[middle] <= time + 1e-4) low = middle + 1; else high = middle;
    }
    return low > 0 && time <= endOf(person, low - 1) ? low - 1 : -1;
  };
  const endOf = (person, step) => {
    const next = person.time[step + 1] ?? Infinity;
    return next - person.time[step] <= 3 * person.usual ? next : person.time[step] + person.usual;
  };

  // ---------------------------------------------------------------- drawing

  const PAD = { left: 34, right: 8, top: 20, ribbon: 12, bottom: 22 };

  const sheet = (canvas) => {
    const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = "12px system-ui, sans-serif";
    const plot = { left: PAD.left, right: width - PAD.right, top: PAD.top, bottom: height - PAD.bottom - PAD.ribbon - 6 };
    plot.x = (time) => plot.left + ((time - view.from) / (view.to - view.from)) * (plot.right - plot.left);
    plot.y = (value) => plot.bottom - (value / 255) * (plot.bottom - plot.top);
    return { pen, plot, width, height };
  };

  const draw = (person) => {
    const { pen, plot, height } = sheet(person.charts[0]);
    axes(pen, plot, height);
    pen.save();
    pen.beginPath();
    pen.rect(plot.left, 0, plot.right - plot.left, height);
    pen.clip();
    for (const place of shown) {
      pen.strokeStyle = pen.fillStyle = style(`--${labels[place]}`);
      if (layers.smooth) curve(pen, plot, person, person.smooth, place, true);
      if (layers.raw) curve(pen, plot, person, person.raw, place, false);
    }
    ribbon(pen, plot, person);
    pen.restore();
    point(person);
  };

  const axes = (pen, plot, height) => {
    pen.fillStyle = style("--shade");
    for (const event of events) {
      pen.fillRect(plot.x(event.start), plot.top, plot.x(event.end) - plot.x(event.start), plot.bottom - plot.top);
    }
    pen.strokeStyle = style("--rule");
    pen.fillStyle = style("--quiet");
    pen.lineWidth = 1;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const share of [0, 50, 100]) {
      const y = Math.round(plot.y(share * 2.55)) + 0.5;
      line(pen, plot.left, y, plot.right, y);
      pen.fillText(share, plot.left - 8, y);
    }
    pen.textAlign = "center";
    pen.textBaseline = "alphabetic";
    for (const time of ticks(view.from, view.to, Math.max(3, (plot.right - plot.left) / 90))) {
      const x = Math.min(plot.right - 14, Math.max(plot.left + 12, plot.x(time)));
      pen.fillText(clock(time).replace(/\.0$/, ""), x, height - 4);
    }
    for (const event of events) {
      for (const edge of [event.start, event.end].filter((time) => time > view.from && time < view.to)) {
        line(pen, plot.x(edge), plot.top - 14, plot.x(edge), plot.bottom);
      }
      const middle = (Math.max(event.start, view.from) + Math.min(event.end, view.to)) / 2;
      if (middle > view.from && middle < view.to) pen.fillText(event.label, plot.x(middle), 13);
    }
  };

  const line = (pen, x0, y0, x1, y1) => {
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
    pen.stroke();
  };

  const ticks = (from, to, count) => {
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800];
    const step = steps.find((one) => (to - from) / one <= count) ?? 86400;
    const times = [];
    for (let place = Math.ceil(from / step - 1e-9); place * step <= to + 1e-9; place += 1) times.push(place * step);
    return times;
  };

  /** One emotion of one person; where several steps share a picture point, their mean. */
  const curve = (pen, plot, person, values, place, isSmooth) => {
    pen.lineWidth = isSmooth ? 2 : 1;
    pen.lineJoin = "round";
    const first = Math.max(0, stepBefore(person, view.from) - 1);
    let run = [];
    const flush = () => {
      if (run.length > 1) stroke(pen, plot, run, isSmooth);
      run = [];
    };
    let sum = 0, count = 0, at = null;
    for (let step = first; step < person.time.length && person.time[step] <= view.to + person.usual; step += 1) {
      const x = Math.round(plot.x(person.time[step]) * 2) / 2;
      if (at !== null && x !== at) {
        run.push([at, plot.y(sum / count)]);
        sum = count = 0;
      }
      at = x;
      sum += values[step * labels.length + place];
      count += 1;
      if (endOf(person, step) !== person.time[step + 1]) {
        run.push([at, plot.y(sum / count)], [plot.x(endOf(person, step)), plot.y(sum / count)]);
        flush();
        sum = count = 0;
        at = null;
      }
    }
    if (at !== null) run.push([at, plot.y(sum / count)]);
    flush();
  };

  const stepBefore = (person, time) => {
    let low = 0, high = person.time.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (person.time[middle] <= time) low = middle + 1; else high = middle;
    }
    return low - 1;
  };

  const stroke = (pen, plot, run, isSmooth) => {
    pen.beginPath();
    for (const [x, y] of run) pen.lineTo(x, y);
    pen.globalAlpha = isSmooth ? 1 : layers.smooth ? 0.25 : 0.8;
    pen.stroke();
    if (isSmooth) {
      pen.lineTo(run.at(-1)[0], plot.bottom);
      pen.lineTo(run[0][0], plot.bottom);
      pen.globalAlpha = dark.matches ? 0.16 : 0.13;
      pen.fill();
    }
    pen.globalAlpha = 1;
  };

  /** Below the curves: the steady label, hatched where the reading is unsure. */
  const ribbon = (pen, plot, person) => {
    const colours = labels.map((label) => style(`--${label}`));
    const hatch = hatching(pen);
    const top = plot.bottom + 6;
    let start = Math.max(0, stepBefore(person, view.from));
    for (let step = start; step < person.time.length && person.time[start] <= view.to; step += 1) {
      const ends = endOf(person, step) !== person.time[step + 1];
      if (ends || person.label[step + 1] !== person.label[start]) {
        const left = plot.x(person.time[start]), right = plot.x(endOf(person, step));
        pen.fillStyle = person.label[start] < 0 ? hatch : colours[person.label[start]];
        pen.fillRect(left, top, Math.max(right - left, 0.5), PAD.ribbon);
        start = step + 1;
      }
    }
  };

  const hatching = (pen) => {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const brush = tile.getContext("2d");
    brush.fillStyle = style("--soft");
    brush.fillRect(0, 0, 6, 6);
    brush.strokeStyle = style("--unsure");
    brush.lineWidth = 2;
    for (const shift of [-6, 0, 6]) line(brush, shift - 1, 7, shift + 7, -1);
    return pen.createPattern(tile, "repeat");
  };

  // ---------------------------------------------------------------- the cursor

  const point = (person) => {
    const { pen, plot } = sheet(person.charts[1]);
    const step = stepAt(person, cursor);
    const x = plot.x(cursor);
    if (x >= plot.left - 1 && x <= plot.right + 1) {
      pen.strokeStyle = style("--ink");
      pen.globalAlpha = 0.55;
      line(pen, x, plot.top - 4, x, plot.bottom + 6 + PAD.ribbon);
      pen.globalAlpha = 1;
      for (const place of step < 0 || !layers.smooth ? [] : shown) {
        pen.beginPath();
        pen.arc(x, plot.y(person.smooth[step * labels.length + place]), 3.5, 0, 7);
        pen.fillStyle = style(`--${labels[place]}`);
        pen.fill();
        pen.strokeStyle = style("--card");
        pen.lineWidth = 1.5;
        pen.stroke();
      }
    }
    read(person, step);
  };

  const read = (person, step) => {
    const at = (values, place) => values[step * labels.length + place];
    const label = step < 0 ? null : person.label[step];
    const certainty = step < 0 || person.certainty[step] === 255 ? "" : `, certainty ${Math.round((person.certainty[step] / 254) * 100)} %`;
    const words = step < 0 ? "out of sight" : label < 0 ? "unsure" : labels[label];
    const ranked = step < 0 ? [] : [...labels.keys()].sort((one, other) => at(person.smooth, other) - at(person.smooth, one));
    const rest = ranked.slice(0, 3).map((place) => `${labels[place]} ${percent(at(person.smooth, place))}`).join(", ");
    person.line.replaceChildren(Object.assign(document.createElement("b"), { textContent: clock(cursor) }), ` ${words}`);
    if (step >= 0) person.line.append(Object.assign(document.createElement("span"), { textContent: certainty }));
    person.rows.forEach((row, place) => {
      row.classList.toggle("off", !shown.has(place));
      const [bar, tick] = row.querySelectorAll(".track > *");
      bar.style.width = step < 0 || !layers.smooth ? "0" : `${at(person.smooth, place) / 2.55}%`;
      tick.style.left = step < 0 ? "0" : `${at(person.raw, place) / 2.55}%`;
      tick.hidden = step < 0 || !layers.raw;
      row.querySelector(".number").textContent = step < 0 ? "–" : percent(at(layers.smooth ? person.smooth : person.raw, place));
    });
    person.slider.setAttribute("aria-valuenow", cursor.toFixed(2));
    person.slider.setAttribute("aria-valuetext", `${clock(cursor)}: ${words}${rest ? ` (${rest})` : ""}`);
  };

  const moveTo = (time) => {
    cursor = Math.min(whole.to, Math.max(whole.from, time));
    if (cursor < view.from || cursor > view.to) {
      const half = (view.to - view.from) / 2;
      look(cursor - half, cursor + half);
    } else {
      persons.forEach(point);
    }
  };

  // ---------------------------------------------------------------- zoom

  const range = document.querySelector(".range");
  const zoomIn = document.getElementById("zoom-in"), zoomOut = document.getElementById("zoom-out");
  const zoomAll = document.getElementById("zoom-all");

  const look = (from, to) => {
    const least = Math.min(1, whole.to - whole.from);
    const length = Math.min(whole.to - whole.from, Math.max(least, to - from));
    const start = Math.min(whole.to - length, Math.max(whole.from, (from + to - length) / 2));
    view = { from: start, to: start + length };
    const isWhole = length >= whole.to - whole.from - 1e-6;
    zoomOut.disabled = zoomAll.disabled = isWhole;
    zoomIn.disabled = length <= least + 1e-6;
    range.textContent = isWhole ? `${clock(whole.from)} – ${clock(whole.to)}` : `${clock(view.from)} – ${clock(view.to)} of ${clock(whole.to)}`;
    persons.forEach(draw);
  };
  const zoom = (factor) => {
    const length = (view.to - view.from) * factor;
    const middle = cursor >= view.from && cursor <= view.to ? cursor : (view.from + view.to) / 2;
    look(middle - length / 2, middle + length / 2);
  };

  // ---------------------------------------------------------------- hands

  for (const person of persons) {
    const timeAt = (event) => {
      const box = person.slider.getBoundingClientRect();
      const share = (event.clientX - box.left - PAD.left) / (box.width - PAD.left - PAD.right);
      return view.from + Math.min(1, Math.max(0, share)) * (view.to - view.from);
    };
    let from = null;
    person.slider.addEventListener("pointerdown", (event) => {
      from = event.pointerType === "mouse" ? timeAt(event) : null;
      if (from !== null) person.slider.setPointerCapture(event.pointerId);
      moveTo(timeAt(event));
    });
    person.slider.addEventListener("pointermove", (event) => {
      moveTo(timeAt(event));
      if (from === null) return;
      const { pen, plot } = sheet(person.charts[1]);
      pen.fillStyle = style("--focus");
      pen.globalAlpha = 0.18;
      pen.fillRect(plot.x(from), plot.top, plot.x(cursor) - plot.x(from), plot.bottom - plot.top);
    });
    person.slider.addEventListener("pointerup", (event) => {
      const to = timeAt(event);
      if (from !== null && Math.abs(to - from) > (view.to - view.from) * 0.02) look(Math.min(from, to), Math.max(from, to));
      from = null;
    });
    person.slider.addEventListener("dblclick", () => look(whole.from, whole.to));
    person.slider.addEventListener("keydown", (event) => {
      const step = Math.max(person.usual, (view.to - view.from) / 200) * (event.shiftKey ? 10 : 1);
      const moves = {
        ArrowLeft: () => moveTo(cursor - step), ArrowDown: () => moveTo(cursor - step),
        ArrowRight: () => moveTo(cursor + step), ArrowUp: () => moveTo(cursor + step),
        PageDown: () => moveTo(cursor - (view.to - view.from) / 10), PageUp: () => moveTo(cursor + (view.to - view.from) / 10),
        Home: () => moveTo(whole.from), End: () => moveTo(whole.to),
        "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: () => look(whole.from, whole.to),
      };
      if (!moves[event.key] || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      moves[event.key]();
    });
  }
  const toggle = (button, change) => button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    change(on);
    persons.forEach(draw);
  });
  document.querySelectorAll("[data-label]").forEach((button) => {
    const place = labels.indexOf(button.dataset.label);
    toggle(button, (on) => (on ? shown.add(place) : shown.delete(place)));
  });
  document.querySelectorAll("[data-layer]").forEach((button) => toggle(button, (on) => (layers[button.dataset.layer] = on)));
  document.querySelectorAll("[data-time]").forEach((button) => button.addEventListener("click", () => moveTo(Number(button.dataset.time))));
  zoomIn.addEventListener("click", () => zoom(0.5));
  zoomOut.addEventListener("click", () => zoom(2));
  zoomAll.addEventListener("click", () => look(whole.from, whole.to));
  dark.addEventListener("change", () => persons.forEach(draw));
  addEventListener("resize", () => persons.forEach(draw));
  document.body.classList.remove("no-script");
  look(whole.from, whole.to);
})();
