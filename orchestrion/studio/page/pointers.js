// Mouse, pen and fingers on the piano roll.

import { plural, speak } from "./dom.js";
import { GUTTER } from "./view.js";

const EDGE = { mouse: 7, pen: 9, touch: 14 };
const TAP_PIXELS = 12; // that a finger may slip

export class Pointers {
  constructor(canvas, view, editor) {
    Object.assign(this, { canvas, view, editor, model: editor.model, settings: editor.settings });
    this.down = new Map(); // pointer → place
    this.action = null;
    this.canvas.addEventListener("pointerdown", (event) => this.#down(event));
    this.canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, (event) => this.#up(event));
    this.canvas.addEventListener("dblclick", (event) => this.#erase(event));
    this.canvas.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      this.action = null; // a long press, on a touch screen
      this.#erase(event);
    });
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #noteAt({ x, y }, kind = "mouse") {
    const { view, model } = this;
    const edge = EDGE[kind] ?? EDGE.mouse;
    for (const note of [...model.notes].reverse()) {
      const left = view.x(note.on);
      const right = Math.max(left + 4, view.x(note.off));
      if (y < view.y(note.pitch) || y >= view.y(note.pitch) + view.row || x < left - 2 || x > right + 3) continue;
      return { note, isEdge: x > right - Math.min(edge, (right - left) / 2) };
    }
    return null;
  }

  #down(event) {
    this.canvas.focus({ preventScroll: true });
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const place = this.#place(event);
    this.down.set(event.pointerId, place);
    if (this.down.size === 2) {
      this.#cancel();
      const [a, b] = [...this.down.values()];
      this.action = { kind: "pinch", apart: Math.hypot(a.x - b.x, a.y - b.y), middle: middle(a, b) };
      return;
    }
    if (place.x < GUTTER) this.settings.audition(this.view.pitch(place.y));
    if (this.down.size > 2 || place.x < GUTTER) return;
    const hit = this.#noteAt(place, event.pointerType);
    if (this.settings.tool === "pan") this.action = { kind: "pan", place };
    else if (hit) this.#grab(hit, place, event);
    else if (this.settings.tool === "select") {
      const kept = event.shiftKey ? [...this.model.selection] : [];
      this.model.select(kept);
      this.action = { kind: "frame", kept, frame: { x0: place.x, y0: place.y, x1: place.x, y1: place.y } };
    } else if (event.pointerType === "touch") {
      this.action = { kind: "tap", place }; // a note is written when the finger leaves: a second one may come to scroll
    } else this.#write(place);
  }

  #write(place) {
    const note = this.editor.write(this.view.seconds(place.x), this.view.pitch(place.y));
    this.action = { kind: "resize", place, notes: [note], hasBegun: true };
  }

  #grab({ note, isEdge }, place, event) {
    const { model } = this;
    if (event.shiftKey) {
      const chosen = new Set(model.selection);
      if (!chosen.delete(note)) chosen.add(note);
      model.select(chosen);
      return;
    }
    if (!model.selection.has(note)) model.select([note]);
    this.action = { kind: isEdge ? "resize" : "move", place, grabbed: note, notes: [...model.selection], hasBegun: false };
    this.editor.take(note);
  }

  #move(event) {
    const place = this.#place(event);
    if (this.down.has(event.pointerId)) this.down.set(event.pointerId, place);
    const action = this.action;
    if (!action) {
      const hit = this.#noteAt(place);
      const idle = { draw: "crosshair", select: "default", pan: "grab" }[this.settings.tool];
      this.canvas.style.cursor = place.x < GUTTER ? "default" : hit && this.settings.tool !== "pan" ? (hit.isEdge ? "ew-resize" : "move") : idle;
    } else this[`_${action.kind}`]?.(place, action);
  }

  _pan(place, action) {
    const { view } = this;
    view.scrollTo(view.start - (place.x - action.place.x) / view.scale, view.top + (place.y - action.place.y) / view.row);
    action.place = place;
  }

  _tap(place, action) {
    if (Math.hypot(place.x - action.place.x, place.y - action.place.y) > TAP_PIXELS) {
      this.#write(action.place);
      this._resize(place, this.action);
    }
  }

  _pinch(_, action) {
    const [a, b] = [...this.down.values()];
    const { view } = this;
    const apart = Math.hypot(a.x - b.x, a.y - b.y);
    const now = middle(a, b);
    view.zoom(apart / Math.max(20, action.apart), now.x);
    view.scrollTo(view.start - (now.x - action.middle.x) / view.scale, view.top + (now.y - action.middle.y) / view.row);
    Object.assign(action, { apart, middle: now });
  }

  _frame(place, action) {
    const { view, model } = this;
    Object.assign(action.frame, { x1: place.x, y1: place.y });
    const { x0, y0, x1, y1 } = action.frame;
    const inside = model.notes.filter((note) => {
      const [left, right, top] = [view.x(note.on), view.x(note.off), view.y(note.pitch)];
      return right > Math.min(x0, x1) && left < Math.max(x0, x1) && top + view.row > Math.min(y0, y1) && top < Math.max(y0, y1);
    });
    model.select([...action.kept, ...inside]);
  }

  _move(place, action) {
    const { model, view, settings } = this;
    const { clock } = model;
    const quarters = (at) => clock.beats(view.seconds(at.x));
    const begins = clock.beats(action.grabbed.on);
    const to = model.snapped(clock.seconds(begins + quarters(place) - quarters(action.place)), settings.snap);
    const earliest = Math.min(...action.notes.map((note) => clock.beats(note.on)));
    const by = Math.max(clock.beats(to) - begins, -earliest);
    const up = view.pitch(place.y) - view.pitch(action.place.y);
    this.#replace(action, (note) => model.moved(note, by, up));
  }

  _resize(place, action) {
    const { editor, model, view, settings } = this;
    const last = action.grabbed ?? action.notes[0];
    const end = model.snapped(view.seconds(place.x), settings.snap, Math.ceil);
    const by = model.clock.beats(Math.max(end, last.on)) - model.clock.beats(last.off);
    this.#replace(action, (note) => {
      const on = model.clock.beats(note.on);
      return { ...note, off: model.clock.seconds(Math.max(on + editor.least, model.clock.beats(note.off) + by)) };
    });
    const length = model.clock.beats([...model.selection][0]?.off ?? 0) - model.clock.beats([...model.selection][0]?.on ?? 0);
    if (length > 0) editor.length = length;
  }

  /** Notes of an action under way, each made of what it was at its beginning. */
  #replace(action, make) {
    const current = action.current ?? action.notes;
    const made = action.notes.map(make);
    if (made.every((note, i) => same(note, current[i]))) return;
    this.model.change(current.map((note, i) => [note, made[i]]), { goesOn: action.hasBegun });
    Object.assign(action, { current: made, hasBegun: true });
  }

  #up(event) {
    this.down.delete(event.pointerId);
    const action = this.action;
    if (action?.kind === "pinch" && this.down.size) return;
    if (action?.kind === "tap" && event.type === "pointerup") this.#write(action.place);
    this.action = null;
    if (action?.kind === "frame") speak(`${plural(this.model.selection.size, "note")} selected`);
    this.view.changed();
  }

  #cancel() {
    if (this.action?.hasBegun) this.model.undo();
    this.action = null;
  }

  #erase(event) {
    const hit = this.#noteAt(this.#place(event));
    if (!hit) return;
    // The double click has written and grabbed nothing new: the first click wrote or took the note under it.
    this.editor.erase(hit.note);
  }
}

const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
const same = (a, b) => a.on === b.on && a.off === b.off && a.pitch === b.pitch && a.vel === b.vel;
