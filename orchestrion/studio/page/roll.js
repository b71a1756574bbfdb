// The piano roll and its ruler: drawing, and everything that pointers and keys do to notes.

import { $, clamp, isBlack, pitchName, plural, say, speak } from "./dom.js";
import { GUTTER, PART_COLOURS, prepared } from "./view.js";

const EDGE = { mouse: 7, pen: 9, touch: 14 };
const DEFAULT_QUARTERS = 1;

export class Roll {
  constructor(model, view, settings) {
    Object.assign(this, { model, view, settings });
    this.canvas = $("roll");
    this.home();
    this.pointers = new Map();
    this.action = null;
    this.clipboard = [];
    this.canvas.addEventListener("pointerdown", (event) => this.#down(event));
    this.canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, (event) => this.#up(event));
    this.canvas.addEventListener("dblclick", (event) => this.#erase(event));
    this.canvas.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      this.action = null; // a long press, on a touch screen
      this.#erase(event);
    });
    this.canvas.addEventListener("keydown", (event) => this.#key(event));
    this.canvas.addEventListener("focus", () => view.changed());
    this.canvas.addEventListener("blur", () => view.changed());
  }

  /** As at the beginning of a score. */
  home() {
    this.pen = { beat: 0, pitch: 60 };
    this.length = DEFAULT_QUARTERS; // of the next note, in quarters
  }

  // ---- drawing

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
    const x = view.x(model.clock.seconds(this.pen.beat));
    g.strokeStyle = view.colours.accent;
    g.lineWidth = 2;
    g.strokeRect(x, view.y(this.pen.pitch) + 1, Math.max(6, view.x(model.clock.seconds(this.pen.beat + this.#step())) - x), view.row - 2);
  }

  // ---- pointers

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
    this.pointers.set(event.pointerId, place);
    if (this.pointers.size === 2) {
      this.#cancel();
      const [a, b] = [...this.pointers.values()];
      this.action = { kind: "pinch", apart: Math.hypot(a.x - b.x, a.y - b.y), middle: middle(a, b) };
      return;
    }
    if (place.x < GUTTER) this.settings.audition(this.view.pitch(place.y));
    if (this.pointers.size > 2 || place.x < GUTTER) return;
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
    const { model, view, settings } = this;
    const on = model.snapped(view.seconds(place.x), settings.snap, Math.floor);
    const note = { on, off: model.clock.seconds(model.clock.beats(on) + this.length), pitch: view.pitch(place.y), vel: settings.velocity };
    model.change([[null, note]]);
    model.select([note]);
    this.action = { kind: "resize", place, notes: [note], hasBegun: true };
    this.#tell(note, "written");
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
    this.length = model.clock.beats(note.off) - model.clock.beats(note.on);
    this.pen = { beat: model.clock.beats(note.on), pitch: note.pitch };
    this.action = { kind: isEdge ? "resize" : "move", place, grabbed: note, notes: [...model.selection], hasBegun: false };
    this.settings.setVelocity(note.vel);
    this.settings.audition(note.pitch, note.vel);
  }

  #move(event) {
    const place = this.#place(event);
    if (this.pointers.has(event.pointerId)) this.pointers.set(event.pointerId, place);
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
    if (Math.hypot(place.x - action.place.x, place.y - action.place.y) > 12) {
      this.#write(action.place);
      this._resize(place, this.action);
    }
  }

  _pinch(_, action) {
    const [a, b] = [...this.pointers.values()];
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
    const by = model.snapped(action.grabbed.on + (place.x - action.place.x) / view.scale, settings.snap) - action.grabbed.on;
    const up = view.pitch(place.y) - view.pitch(action.place.y);
    const earliest = Math.min(...action.notes.map((note) => note.on));
    const shift = Math.max(by, -earliest);
    this.#replace(action, (note) => ({ ...note, on: note.on + shift, off: note.off + shift, pitch: clamp(note.pitch + up, 0, 127) }));
  }

  _resize(place, action) {
    const { model, view, settings } = this;
    const last = action.grabbed ?? action.notes[0];
    const least = settings.snap || 1 / 16;
    const end = model.snapped(view.seconds(place.x), settings.snap, Math.ceil);
    const by = model.clock.beats(Math.max(end, last.on)) - model.clock.beats(last.off);
    this.#replace(action, (note) => {
      const on = model.clock.beats(note.on);
      return { ...note, off: model.clock.seconds(Math.max(on + least, model.clock.beats(note.off) + by)) };
    });
    const length = model.clock.beats([...model.selection][0]?.off ?? 0) - model.clock.beats([...model.selection][0]?.on ?? 0);
    if (length > 0) this.length = length;
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
    this.pointers.delete(event.pointerId);
    const action = this.action;
    if (action?.kind === "pinch" && this.pointers.size) return;
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
    this.model.change([[hit.note, null]]);
    this.#tell(hit.note, "deleted");
  }

  // ---- keys

  #step() {
    return this.settings.snap || 0.25;
  }

  #key(event) {
    const { model } = this;
    const chosen = [...model.selection];
    const ctrl = event.ctrlKey || event.metaKey;
    const sides = { ArrowLeft: -1, ArrowRight: 1 };
    const ups = { ArrowUp: ctrl ? 12 : 1, ArrowDown: ctrl ? -12 : -1 };
    if (event.key in sides && event.shiftKey) this.lengthen(sides[event.key] * this.#step());
    else if (event.key in sides && !ctrl) chosen.length ? this.shift(sides[event.key] * this.#step(), 0) : this.#movePen(sides[event.key], 0);
    else if (event.key in ups) chosen.length ? this.shift(0, ups[event.key]) : this.#movePen(0, ups[event.key]);
    else if (event.key === "Enter") this.#enter();
    else if (event.key === "Delete" || event.key === "Backspace") this.deleteSelected();
    else if (event.key === "Escape" && chosen.length) {
      model.select([]);
      speak("Nothing selected");
    } else if (ctrl && event.key.toLowerCase() === "a") {
      model.select(model.notes);
      speak(`${plural(model.notes.length, "note")} selected`);
    } else if (ctrl && event.key.toLowerCase() === "c") this.copy();
    else if (ctrl && event.key.toLowerCase() === "x") {
      this.copy();
      this.deleteSelected();
    } else if (ctrl && event.key.toLowerCase() === "v") this.paste();
    else if (["+", "=", "-"].includes(event.key) && chosen.length && !ctrl) this.louder(event.key === "-" ? -5 : 5);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #movePen(side, up) {
    const { model, view } = this;
    this.pen = { beat: Math.max(0, this.pen.beat + side * this.#step()), pitch: clamp(this.pen.pitch + up, 0, 127) };
    this.#show(model.clock.seconds(this.pen.beat), this.pen.pitch);
    const under = this.#underPen();
    speak(`${pitchName(this.pen.pitch)}, ${this.#where(this.pen.beat)}${under ? ", a note" : ""}`);
    view.changed();
  }

  #underPen() {
    const at = this.model.clock.seconds(this.pen.beat) + 1e-4;
    return this.model.notes.find((note) => note.pitch === this.pen.pitch && note.on <= at && note.off > at);
  }

  #enter() {
    const { model, settings } = this;
    const under = this.#underPen();
    if (under) {
      model.select([under]);
      this.#tell(under, "selected");
      return;
    }
    if (model.selection.size) {
      model.select([]);
      return;
    }
    const note = { on: model.clock.seconds(this.pen.beat), off: model.clock.seconds(this.pen.beat + this.length), pitch: this.pen.pitch, vel: settings.velocity };
    model.change([[null, note]]);
    this.pen.beat += this.length;
    this.#tell(note, "written");
    this.#show(model.clock.seconds(this.pen.beat), this.pen.pitch);
  }

  shift(beats, semitones) {
    const { model } = this;
    const notes = [...model.selection];
    if (!notes.length) return;
    const by = Math.max(beats, -Math.min(...notes.map((note) => model.clock.beats(note.on))));
    if (notes.some((note) => note.pitch + semitones < 0 || note.pitch + semitones > 127)) return;
    const moved = (seconds) => (by ? model.clock.seconds(model.clock.beats(seconds) + by) : seconds);
    model.change(notes.map((note) => [note, { ...note, on: moved(note.on), off: moved(note.off), pitch: note.pitch + semitones }]));
    const first = [...model.selection][0];
    this.pen = { beat: model.clock.beats(first.on), pitch: first.pitch };
    this.#show(first.on, first.pitch);
    this.#tell(first, notes.length > 1 ? `and ${notes.length - 1} more` : "");
  }

  lengthen(beats) {
    const { model } = this;
    const least = this.settings.snap || 1 / 16;
    model.change([...model.selection].map((note) => {
      const length = Math.max(least, model.clock.beats(note.off) - model.clock.beats(note.on) + beats);
      return [note, { ...note, off: model.clock.seconds(model.clock.beats(note.on) + length) }];
    }));
    const first = [...model.selection][0];
    if (first) {
      this.length = model.clock.beats(first.off) - model.clock.beats(first.on);
      speak(`${this.length.toFixed(2)} quarters long`);
    }
  }

  louder(by) {
    this.setVelocity((note) => note.vel + by);
    const first = [...this.model.selection][0];
    if (first) speak(`Velocity ${first.vel}`);
  }

  setVelocity(make, options) {
    const { model } = this;
    model.change([...model.selection].map((note) => [note, { ...note, vel: clamp(Math.round(make(note)), 1, 127) }]), options);
  }

  deleteSelected() {
    const n = this.model.selection.size;
    if (!n) return;
    this.model.change([...this.model.selection].map((note) => [note, null]));
    speak(`${plural(n, "note")} deleted`);
  }

  copy() {
    const notes = [...this.model.selection];
    const first = Math.min(...notes.map((note) => this.model.clock.beats(note.on)));
    this.clipboard = notes.map((note) => ({ ...note, on: this.model.clock.beats(note.on) - first, off: this.model.clock.beats(note.off) - first }));
    speak(`${plural(notes.length, "note")} copied`);
  }

  paste() {
    const { model, view, settings } = this;
    const at = model.clock.beats(model.snapped(view.cursor, settings.snap));
    const made = this.clipboard.map((note) => ({ ...note, on: model.clock.seconds(at + note.on), off: model.clock.seconds(at + note.off) }));
    model.change(made.map((note) => [null, note]));
    model.select(made);
    say(`${plural(made.length, "note")} pasted at the position.`);
  }

  #show(seconds, pitch) {
    const { view } = this;
    const start = seconds < view.start || seconds > view.end - 30 / view.scale ? Math.max(0, seconds - 1) : view.start;
    const top = pitch > view.top ? pitch + 2 : pitch < view.top - view.rows + 1 ? pitch + view.rows - 2 : view.top;
    view.length = Math.max(view.length, seconds);
    view.scrollTo(start, top);
  }

  #where(beat) {
    const seconds = this.model.clock.seconds(beat) + 1e-6;
    const bar = this.model.bars(seconds + 1e-3).at(-1);
    return `bar ${bar.number} beat ${((this.model.clock.beats(seconds) - this.model.clock.beats(bar.time)) / bar.unit + 1).toFixed(2).replace(/\.?0+$/, "")}`;
  }

  #tell(note, what) {
    if (what !== "deleted") this.settings.audition(note.pitch, note.vel);
    speak(`${pitchName(note.pitch)}, ${this.#where(this.model.clock.beats(note.on))}, velocity ${note.vel} ${what}`);
  }
}

/** Bar numbers and seconds; a click seeks, a drag chooses bars. */
export class Ruler {
  constructor(model, view, seek) {
    Object.assign(this, { model, view });
    this.canvas = $("ruler");
    let from = null;
    const seconds = (event) => Math.max(0, view.seconds(event.clientX - this.canvas.getBoundingClientRect().left));
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      from = { x: event.clientX, seconds: seconds(event) };
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!from || Math.abs(event.clientX - from.x) < 6) return;
      this.choose(Math.min(from.seconds, seconds(event)), Math.max(from.seconds, seconds(event)));
    });
    this.canvas.addEventListener("pointerup", (event) => {
      if (from && Math.abs(event.clientX - from.x) < 6) {
        view.range = null;
        seek(from.seconds);
        view.changed();
      }
      from = null;
    });
  }

  /** Whole bars that hold these seconds. */
  choose(start, end) {
    const bars = this.model.bars(end + 1e-6).filter((bar) => bar.end > start + 1e-6 && bar.time < end - 1e-6);
    if (!bars.length) return;
    this.view.range = { start: bars[0].time, end: bars.at(-1).end, first: bars[0].number, last: bars.at(-1).number };
    this.view.changed();
  }

  draw() {
    const { view, model } = this;
    const g = prepared(this.canvas);
    const height = this.canvas.clientHeight;
    g.fillStyle = view.colours.stripe;
    g.fillRect(0, 0, view.width, height);
    drawRange(g, view, height);
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "middle";
    const bars = model.bars(view.end);
    const every = Math.max(1, 2 ** Math.ceil(Math.log2(34 / Math.max(1, (bars[0].end - bars[0].time) * view.scale))));
    for (const bar of bars) {
      if (bar.end < view.start) continue;
      const x = view.x(bar.time);
      g.fillStyle = view.colours.bar;
      if (x >= GUTTER) g.fillRect(x, height - 7, 1, 7);
      g.fillStyle = view.colours.muted;
      if ((bar.number - 1) % every === 0 && x > GUTTER - 6) g.fillText(String(bar.number), x + 3, height / 2);
    }
    g.fillStyle = view.colours.stripe;
    g.fillRect(0, 0, GUTTER, height);
    g.fillStyle = view.colours.muted;
    g.fillText("bar", 8, height / 2);
    drawCursor(g, view, height);
  }
}

export function drawBars(g, model, view, height) {
  for (const bar of model.bars(view.end)) {
    if (bar.end < view.start) continue;
    const beatPixels = ((bar.end - bar.time) / bar.beats) * view.scale;
    for (let beat = 0; beat < bar.beats; beat++) {
      if (beat && beatPixels < 9) break;
      const x = view.x(bar.time + ((bar.end - bar.time) * beat) / bar.beats);
      if (x < GUTTER || x > view.width) continue;
      g.fillStyle = beat ? view.colours.beat : view.colours.bar;
      g.fillRect(Math.round(x), 0, 1, height);
    }
  }
}

export function drawRange(g, view, height) {
  if (!view.range) return;
  const x = Math.max(GUTTER, view.x(view.range.start));
  g.fillStyle = view.colours.range;
  g.fillRect(x, 0, Math.max(0, view.x(view.range.end) - x), height);
}

export function drawCursor(g, view, height) {
  const x = view.x(view.cursor);
  if (x < GUTTER - 1) return;
  g.fillStyle = view.colours.cursor;
  g.fillRect(Math.round(x) - 0.5, 0, 1.5, height);
}

const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
const same = (a, b) => a.on === b.on && a.off === b.off && a.pitch === b.pitch && a.vel === b.vel;
