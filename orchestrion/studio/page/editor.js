// What can be done to notes, whether by pointers, by keys or by buttons, and what is said of it.

import { clamp, pitchName, plural, say, speak } from "./dom.js";

const DEFAULT_QUARTERS = 1;
const LEAST_QUARTERS = 1 / 16;

export class Editor {
  constructor(model, view, settings) {
    Object.assign(this, { model, view, settings });
    this.clipboard = [];
    this.home();
  }

  /** As at the beginning of a score. */
  home() {
    this.pen = { beat: 0, pitch: 60 };
    this.length = DEFAULT_QUARTERS; // of the next note, in quarters
  }

  /** Quarters that a key moves by. */
  get step() {
    return this.settings.snap || 0.25;
  }

  /** The shortest note. */
  get least() {
    return this.settings.snap || LEAST_QUARTERS;
  }

  /** A note of the current length, snapped, selected; gives it. */
  write(seconds, pitch) {
    const { model, settings } = this;
    const on = model.snapped(seconds, settings.snap, Math.floor);
    const note = { on, off: model.clock.seconds(model.clock.beats(on) + this.length), pitch, vel: settings.velocity };
    model.change([[null, note]]);
    model.select([note]);
    this.tell(note, "written");
    return note;
  }

  /** The note becomes the pattern of the next: its place, length and velocity. */
  take(note) {
    const { clock } = this.model;
    this.length = clock.beats(note.off) - clock.beats(note.on);
    this.pen = { beat: clock.beats(note.on), pitch: note.pitch };
    this.settings.setVelocity(note.vel);
    this.settings.audition(note.pitch, note.vel);
  }

  erase(note) {
    this.model.change([[note, null]]);
    this.tell(note, "deleted");
  }

  /** The pen of the keyboard: steps to the side, semitones up. */
  movePen(side, up) {
    const { model, view } = this;
    this.pen = { beat: Math.max(0, this.pen.beat + side * this.step), pitch: clamp(this.pen.pitch + up, 0, 127) };
    this.#show(model.clock.seconds(this.pen.beat), this.pen.pitch);
    const under = this.#underPen();
    speak(`${pitchName(this.pen.pitch)}, ${this.#where(this.pen.beat)}${under ? ", a note" : ""}`);
    view.changed();
  }

  #underPen() {
    const at = this.model.clock.seconds(this.pen.beat) + 1e-4;
    return this.model.notes.find((note) => note.pitch === this.pen.pitch && note.on <= at && note.off > at);
  }

  /** A note at the pen; or the one that is there is selected. */
  enter() {
    const { model, settings } = this;
    const under = this.#underPen();
    if (under) {
      model.select([under]);
      this.tell(under, "selected");
      return;
    }
    if (model.selection.size) {
      model.select([]);
      return;
    }
    const note = { on: model.clock.seconds(this.pen.beat), off: model.clock.seconds(this.pen.beat + this.length), pitch: this.pen.pitch, vel: settings.velocity };
    model.change([[null, note]]);
    this.pen.beat += this.length;
    this.tell(note, "written");
    this.#show(model.clock.seconds(this.pen.beat), this.pen.pitch);
  }

  shift(beats, semitones) {
    const { model } = this;
    const notes = [...model.selection];
    if (!notes.length) return;
    const by = Math.max(beats, -Math.min(...notes.map((note) => model.clock.beats(note.on))));
    if (notes.some((note) => note.pitch + semitones < 0 || note.pitch + semitones > 127)) return;
    model.change(notes.map((note) => [note, model.moved(note, by, semitones)]));
    const first = [...model.selection][0];
    this.pen = { beat: model.clock.beats(first.on), pitch: first.pitch };
    this.#show(first.on, first.pitch);
    this.tell(first, notes.length > 1 ? `and ${notes.length - 1} more` : "");
  }

  lengthen(beats) {
    const { model } = this;
    model.change([...model.selection].map((note) => {
      const length = Math.max(this.least, model.clock.beats(note.off) - model.clock.beats(note.on) + beats);
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
    if (!notes.length) return;
    const first = Math.min(...notes.map((note) => this.model.clock.beats(note.on)));
    this.clipboard = notes.map((note) => ({ ...note, on: this.model.clock.beats(note.on) - first, off: this.model.clock.beats(note.off) - first }));
    speak(`${plural(notes.length, "note")} copied`);
  }

  paste() {
    const { model, view, settings } = this;
    if (!this.clipboard.length) {
      say("Nothing has been copied yet: select notes, then Ctrl+C.");
      return;
    }
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

  /** Heard and read out: a note, and what was done to it. */
  tell(note, what) {
    if (what !== "deleted") this.settings.audition(note.pitch, note.vel);
    speak(`${pitchName(note.pitch)}, ${this.#where(this.model.clock.beats(note.on))}, velocity ${note.vel} ${what}`);
  }
}
