// Lanes under the roll, on its time axis: velocities, the waveform, the spectrogram.

import { $, clamp, clock } from "./dom.js";
import { drawBars, drawCursor, drawRange } from "./grid.js";
import { palette, Spectrogram } from "./spectrum.js";
import { GUTTER, PART_COLOURS, prepared } from "./view.js";

const BIN = 128; // samples whose extremes are kept

export class Velocities {
  constructor(model, view, settings) {
    Object.assign(this, { model, view });
    this.canvas = $("velocities");
    let begun = null;
    const set = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const at = event.clientX - box.left;
      const chosen = model.notes.filter((note) => Math.abs(view.x(note.on) - at) < 6);
      const isSelected = chosen.some((note) => model.selection.has(note));
      const meant = isSelected ? chosen.filter((note) => model.selection.has(note)) : chosen;
      if (!meant.length) return;
      const vel = clamp(Math.round(127 * (1 - (event.clientY - box.top - 3) / (box.height - 6))), 1, 127);
      model.change(meant.map((note) => [note, { ...note, vel }]), { goesOn: begun });
      begun = true;
      settings.setVelocity(vel);
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      begun = false;
      set(event);
    });
    this.canvas.addEventListener("pointermove", (event) => event.buttons && begun !== null && set(event));
    this.canvas.addEventListener("pointerup", () => (begun = null));
  }

  draw() {
    const { view, model } = this;
    const g = prepared(this.canvas);
    const height = this.canvas.clientHeight;
    background(g, view, height, "vel");
    drawBars(g, model, view, height);
    drawRange(g, view, height);
    for (const note of model.notes) {
      const x = view.x(note.on);
      if (x < GUTTER - 2 || x > view.width) continue;
      const top = 3 + (height - 6) * (1 - note.vel / 127);
      g.fillStyle = model.selection.has(note) ? view.colours.ink : view.parts[model.part % PART_COLOURS];
      g.fillRect(x - 0.75, top, 2, height - top);
      g.beginPath();
      g.arc(x + 0.25, top, 3.2, 0, 7);
      g.fill();
    }
    label(g, view, height, "velocity");
    drawCursor(g, view, height);
  }
}

/** What is heard: waveform above, spectrogram below. */
export class Pictures {
  constructor(player, view, seek) {
    Object.assign(this, { player, view });
    this.wave = $("wave");
    this.spectrum = $("spectrum");
    this.extremes = new Map();
    this.spectrograms = new Map();
    this.colours = palette(view.isDark);
    this.isDark = view.isDark;
    for (const canvas of [this.wave, this.spectrum]) {
      canvas.addEventListener("pointerdown", (event) => seek(Math.max(0, view.seconds(event.clientX - canvas.getBoundingClientRect().left))));
    }
    player.addEventListener("samples", () => this.#work());
    player.addEventListener("tracks", () => {
      for (const map of [this.extremes, this.spectrograms]) for (const id of [...map.keys()]) if (!player.tracks.has(id)) map.delete(id);
      this.#describe();
    });
  }

  #describe() {
    const track = this.player.track;
    const what = track ? `${track.label}, ${clock(track.frames / this.player.rate)}` : "nothing has been played yet";
    this.wave.setAttribute("aria-label", `Waveform: ${what}`);
    this.spectrum.setAttribute("aria-label", `Spectrogram: ${what}`);
  }

  #work() {
    if (this.isWorking) return;
    this.isWorking = true;
    requestAnimationFrame(() => {
      this.isWorking = false;
      const track = this.player.track;
      if (!track) return;
      this.#measure(track);
      if (this.#spectrogram(track).work(10, this.colours)) this.#work();
      this.view.changed();
    });
  }

  #spectrogram(track) {
    if (!this.spectrograms.has(track.id)) this.spectrograms.set(track.id, new Spectrogram(track, this.player.rate));
    return this.spectrograms.get(track.id);
  }

  #measure(track) {
    let found = this.extremes.get(track.id);
    if (!found) this.extremes.set(track.id, (found = { done: 0, low: new Float32Array(Math.ceil(track.frames / BIN)), high: new Float32Array(Math.ceil(track.frames / BIN)), peak: 0.05 }));
    for (; (found.done + 1) * BIN <= track.filled || (track.ended && found.done * BIN < track.filled); found.done++) {
      let [low, high] = [0, 0];
      for (let i = found.done * BIN; i < Math.min((found.done + 1) * BIN, track.filled); i++) {
        low = Math.min(low, track.mono[i]);
        high = Math.max(high, track.mono[i]);
      }
      found.low[found.done] = low;
      found.high[found.done] = high;
      found.peak = Math.max(found.peak, high, -low);
    }
    return found;
  }

  draw() {
    const { view } = this;
    if (this.isDark !== view.isDark) {
      this.isDark = view.isDark;
      this.colours = palette(view.isDark);
      for (const spectrogram of this.spectrograms.values()) spectrogram.recolour(this.colours);
    }
    this.#drawWave();
    this.#drawSpectrum();
  }

  #drawWave() {
    const { view, player } = this;
    const g = prepared(this.wave);
    const height = this.wave.clientHeight;
    background(g, view, height);
    const found = player.track && !player.isHidden && this.extremes.get(player.track.id);
    if (found) {
      const samples = player.rate / view.scale; // a pixel
      const scale = (0.94 * height) / 2 / found.peak;
      g.fillStyle = view.colours.wave;
      for (let x = GUTTER; x < view.width; x++) {
        const first = Math.floor((view.seconds(x) * player.rate) / BIN);
        const last = Math.min(found.done, Math.max(first + 1, Math.ceil((view.seconds(x) * player.rate + samples) / BIN)));
        if (first < 0 || first >= found.done) continue;
        let [low, high] = [0, 0];
        for (let i = first; i < last; i++) {
          low = Math.min(low, found.low[i]);
          high = Math.max(high, found.high[i]);
        }
        g.fillRect(x, height / 2 - high * scale, 1, Math.max(1, (high - low) * scale));
      }
    }
    if (player.isHidden) note(g, view, height, "hidden while the comparison is blind");
    label(g, view, height, "wave");
    drawCursor(g, view, height);
  }

  #drawSpectrum() {
    const { view, player } = this;
    const g = prepared(this.spectrum);
    const height = this.spectrum.clientHeight;
    background(g, view, height);
    g.save();
    g.beginPath();
    g.rect(GUTTER, 0, view.width, height);
    g.clip();
    if (player.track && !player.isHidden) this.spectrograms.get(player.track.id)?.draw(g, view, height);
    g.restore();
    label(g, view, height, "spectrum");
    drawCursor(g, view, height);
  }
}

function background(g, view, height) {
  g.fillStyle = view.colours.paper;
  g.fillRect(0, 0, view.width, height);
}

function note(g, view, height, text) {
  g.fillStyle = view.colours.muted;
  g.font = "12px system-ui, sans-serif";
  g.textBaseline = "middle";
  g.fillText(text, GUTTER + 14, height / 2);
}

function label(g, view, height, text) {
  g.fillStyle = view.colours.stripe;
  g.fillRect(0, 0, GUTTER - 1, height);
  g.fillStyle = view.colours.bar;
  g.fillRect(GUTTER - 1, 0, 1, height);
  g.fillStyle = view.colours.muted;
  g.font = "10px system-ui, sans-serif";
  g.textBaseline = "middle";
  g.fillText(text, 5, height / 2, GUTTER - 11);
}
