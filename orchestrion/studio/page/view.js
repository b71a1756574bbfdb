// One time axis for all lanes: which seconds and pitches are seen, and the colours of the theme.

import { clamp } from "./dom.js";

export const GUTTER = 52;
const COLOURS = ["paper", "stripe", "line", "beat", "bar", "ink", "muted", "accent", "cursor", "range", "keys-white", "keys-black", "wave"];
export const PART_COLOURS = 8;

export class View extends EventTarget {
  constructor() {
    super();
    this.start = 0;
    this.scale = 90; // pixels a second
    this.top = 84; // the highest pitch that is seen
    this.row = 14; // pixels a pitch
    this.width = 800;
    this.height = 300;
    this.cursor = 0;
    this.range = null; // chosen bars, [from, to] in seconds
    this.length = 16; // seconds that can be scrolled to
    this.readColours();
  }
  x(seconds) {
    return GUTTER + (seconds - this.start) * this.scale;
  }
  seconds(x) {
    return this.start + (x - GUTTER) / this.scale;
  }
  y(pitch) {
    return (this.top - pitch) * this.row;
  }
  pitch(y) {
    return clamp(Math.floor(this.top - y / this.row + 1), 0, 127);
  }
  get end() {
    return this.seconds(this.width);
  }
  get rows() {
    return this.height / this.row;
  }

  scrollTo(start, top = this.top) {
    const shown = (this.width - GUTTER) / this.scale;
    this.start = clamp(start, 0, Math.max(0, this.length + shown * 0.5 - shown));
    this.top = clamp(top, Math.min(127, this.rows - 1), 127);
    this.changed();
  }

  zoom(factor, x = (this.width + GUTTER) / 2) {
    const at = this.seconds(x);
    this.scale = clamp(this.scale * factor, 2, 1200);
    this.scrollTo(at - (x - GUTTER) / this.scale);
  }

  fit(model) {
    let low = 127;
    let high = 0;
    for (const part of model.parts) {
      if (part.drum) continue;
      for (const { pitch } of part.notes) {
        low = Math.min(low, pitch);
        high = Math.max(high, pitch);
      }
    }
    this.length = Math.max(8, model.duration);
    this.scale = clamp((this.width - GUTTER - 12) / (model.duration ? Math.max(4, model.duration) + 1 : 16), 4, 160);
    this.row = clamp(this.height / (Math.max(high - low, 12) + 7), 7, 18);
    this.scrollTo(0, low > high ? 78 : Math.round((low + high) / 2 + this.rows / 2));
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(`--${name}`).trim();
    this.colours = Object.fromEntries(COLOURS.map((name) => [name, read(name)]));
    this.parts = Array.from({ length: PART_COLOURS }, (_, i) => read(`part-${i}`));
    this.isDark = read("is-dark") === "1";
    this.changed();
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** A canvas as sharp as the screen; returns its context in CSS pixels. */
export function prepared(canvas) {
  const ratio = Math.min(3, devicePixelRatio || 1);
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  return g;
}
