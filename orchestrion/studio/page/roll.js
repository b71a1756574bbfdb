// The piano roll, drawn.

import { $, isBlack, pitchName } from "./dom.js";
import { drawBars, drawCursor, drawRange } from "./grid.js";
import { Pointers } from "./pointers.js";
import { listenToKeys } from "./rollkeys.js";
import { GUTTER, PART_COLOURS, prepared } from "./view.js";

export class Roll {
  constructor(model, view, editor) {
    Object.assign(this, { model, view, editor });
    this.canvas = $("roll");
    this.pointers = new Pointers(this.canvas, view, editor);
    listenToKeys(this.canvas, editor);
    for (const name of ["focus", "blur"]) this.canvas.addEventListener(name, () => view.changed());
  }

  /** What a pointer is doing; null for nothing. */
  get action() {
    return this.pointers.action;
  }

  draw() {
    const { view, model } = this;
    view.width = this.canvas.clientWidth;
    view.height = this.canvas.clientHeight;
    const g = prepared(this.canvas);
    const { colours, width, height } = view;
    g.fillStyle = colours.paper;
    g.fillRect(0, 0, width, height);
    for (let pitch = view.top; pitch >= 0 && view.y(pitch) < height; pitch--) {
      const y = view.y(pitch);
      if (isBlack(pitch)) {
        g.fillStyle = colours.stripe;
        g.fillRect(GUTTER, y, width, view.row);
      }
      if (pitch % 12 === 0 || pitch % 12 === 5) {
        g.fillStyle = colours.line;
        g.fillRect(GUTTER, y + view.row - 1, width, 1);
      }
    }
    drawBars(g, model, view, height);
    drawRange(g, view, height);
    g.save();
    g.beginPath();
    g.rect(GUTTER, 0, width, height);
    g.clip();
    model.parts.forEach((part, index) => index !== model.part && this.#drawNotes(g, part, index, false));
    this.#drawNotes(g, model.parts[model.part], model.part, true);
    if (this.action?.frame) this.#drawFrame(g, this.action.frame);
    if (document.activeElement === this.canvas && this.canvas.matches(":focus-visible")) this.#drawPen(g);
    drawCursor(g, view, height);
    g.restore();
    this.#drawKeys(g);
  }

  #drawNotes(g, part, index, isCurrent) {
    const { view, model } = this;
    g.fillStyle = view.parts[index % PART_COLOURS];
    for (const note of part.notes) {
      if (note.off < view.start || note.on > view.end) continue;
      const x = view.x(note.on);
      const w = Math.max(3, view.x(note.off) - x - 1);
      const y = view.y(note.pitch);
      g.globalAlpha = isCurrent ? 0.45 + (0.55 * note.vel) / 127 : 0.28;
      g.beginPath();
      g.roundRect(x, y + 1, w, view.row - 2, Math.min(3.5, view.row / 3, w / 2));
      g.fill();
      if (isCurrent && model.selection.has(note)) {
        g.globalAlpha = 1;
        g.strokeStyle = view.colours.ink;
        g.lineWidth = 2;
        g.stroke();
      }
    }
    g.globalAlpha = 1;
  }

  #drawKeys(g) {
    const { view } = this;
    g.fillStyle = view.colours["keys-white"];
    g.fillRect(0, 0, GUTTER - 1, view.height);
    g.font = "10px system-ui, sans-serif";
    g.textBaseline = "middle";
    for (let pitch = view.top; pitch >= 0 && view.y(pitch) < view.height; pitch--) {
      const y = view.y(pitch);
      if (isBlack(pitch)) {
        g.fillStyle = view.colours["keys-black"];
        g.fillRect(0, y + 0.5, GUTTER * 0.58, view.row - 1);
      } else if (pitch % 12 === 0 || pitch % 12 === 5) {
        g.fillStyle = view.colours.line;
        g.fillRect(0, y + view.row - 0.5, GUTTER, 1);
      }
      if (pitch % 12 === 0) {
        g.fillStyle = "#5b5648";
        g.fillText(pitchName(pitch), GUTTER - 20, y + view.row / 2 + 0.5);
      }
    }
    g.fillStyle = view.colours.bar;
    g.fillRect(GUTTER - 1, 0, 1, view.height);
  }

  #drawFrame(g, { x0, y0, x1, y1 }) {
    g.fillStyle = this.view.colours.range;
    g.strokeStyle = this.view.colours.accent;
    g.lineWidth = 1;
    g.beginPath();
    g.rect(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
    g.fill();
    g.stroke();
  }

  #drawPen(g) {
    const { view, model } = this;
    const { pen, step } = this.editor;
    const x = view.x(model.clock.seconds(pen.beat));
    g.strokeStyle = view.colours.accent;
    g.lineWidth = 2;
    g.strokeRect(x, view.y(pen.pitch) + 1, Math.max(6, view.x(model.clock.seconds(pen.beat + step)) - x), view.row - 2);
  }
}
