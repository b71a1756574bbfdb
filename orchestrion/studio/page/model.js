// The score that is being written: parts of immutable notes {on, off, pitch, vel} in seconds, with undo and redo.

import { clamp } from "./dom.js";

const MOST_UNDONE = 200;
const EMPTY = { title: "", tempos: [[0, 120]], meters: [[0, 4, 4]], parts: [{ name: "Melody", program: 0, drum: false, notes: [] }] };

/** Seconds to quarter notes and back, across tempo changes. */
export class TempoMap {
  constructor(tempos) {
    this.rows = [];
    let beat = 0;
    tempos.forEach(([time, bpm], i) => {
      if (i) beat += ((time - tempos[i - 1][0]) * tempos[i - 1][1]) / 60;
      this.rows.push({ time, bpm, beat });
    });
  }
  beats(seconds) {
    const row = this.#last((r) => r.time <= seconds);
    return row.beat + ((seconds - row.time) * row.bpm) / 60;
  }
  seconds(beats) {
    const row = this.#last((r) => r.beat <= beats);
    return row.time + ((beats - row.beat) * 60) / row.bpm;
  }
  #last(holds) {
    let found = this.rows[0];
    for (const row of this.rows) if (holds(row)) found = row;
    return found;
  }
}

export class Model extends EventTarget {
  constructor() {
    super();
    this.#set(EMPTY);
    this.part = 0;
    this.selection = new Set();
    this.undone = [];
    this.done = [];
  }

  /** From the server's JSON; can be undone. */
  load(json) {
    this.#remember();
    this.#set(json);
    this.part = Math.max(0, this.parts.findIndex((part) => !part.drum && part.notes.length));
    this.selection = new Set();
    this.#changed();
  }

  clear() {
    this.load(EMPTY);
  }

  json() {
    return {
      title: this.title, tempos: this.tempos, meters: this.meters,
      parts: this.parts.map(({ name, program, drum, notes }) => ({ name, program, drum, notes: notes.map((n) => [n.on, n.off, n.pitch, n.vel]) })),
    };
  }

  get notes() {
    return this.parts[this.part].notes;
  }
  get isEmpty() {
    return !this.parts.some((part) => part.notes.length);
  }
  get duration() {
    let last = 0;
    for (const part of this.parts) for (const note of part.notes) last = Math.max(last, note.off);
    return last;
  }

  /** Replace notes of the current part: [[old or null, new or null], …]; one step of undo, unless it goes on with the last one. */
  change(pairs, { goesOn = false } = {}) {
    if (!pairs.length) return;
    if (!goesOn) this.#remember();
    const replaced = new Map(pairs.filter(([old]) => old));
    const notes = this.notes.flatMap((note) => (replaced.has(note) ? (replaced.get(note) ? [replaced.get(note)] : []) : [note]));
    notes.push(...pairs.filter(([old, made]) => !old && made).map(([, made]) => made));
    this.parts = this.parts.map((part, i) => (i === this.part ? { ...part, notes } : part));
    for (const [old, made] of pairs) {
      if (old && this.selection.delete(old) && made) this.selection.add(made);
    }
    this.#changed();
  }

  /** Change facts of the score (title, tempos, meters, parts). */
  edit(facts) {
    this.#remember();
    Object.assign(this, facts);
    this.clock = new TempoMap(this.tempos);
    this.part = Math.min(this.part, this.parts.length - 1);
    this.#changed();
  }

  /** Another opening tempo: everything is played as many times as fast. */
  setTempo(bpm) {
    const factor = this.tempos[0][1] / bpm;
    if (factor === 1) return;
    this.edit({
      tempos: this.tempos.map(([time, old]) => [time * factor, old / factor]),
      meters: this.meters.map(([time, n, d]) => [time * factor, n, d]),
      parts: this.parts.map((part) => ({ ...part, notes: part.notes.map((n) => ({ ...n, on: n.on * factor, off: n.off * factor })) })),
    });
  }

  select(notes) {
    this.selection = new Set(notes);
    this.dispatchEvent(new Event("selection"));
  }

  choosePart(index) {
    this.part = index;
    this.selection = new Set();
    this.#changed();
  }

  undo() {
    this.#go(this.done, this.undone);
  }
  redo() {
    this.#go(this.undone, this.done);
  }

  /** Bars as [{time, end, number}]; `number` as people and `--fill` count them: from 1, a pickup is bar 0. */
  bars(untilS) {
    const found = [];
    let beat = 0;
    let number = this.#hasPickup() ? 0 : 1;
    while (found.length < 4000) {
      const time = this.clock.seconds(beat);
      if (time >= untilS && found.length) break;
      let meter = this.meters[0];
      for (const row of this.meters) if (row[0] <= time + 1e-6) meter = row;
      beat += (4 * meter[1]) / meter[2];
      found.push({ time, end: this.clock.seconds(beat), number: number++, beats: meter[1], unit: 4 / meter[2] });
    }
    return found;
  }

  /** The meter of its bars: after a pickup, the second. */
  get meter() {
    return this.meters[this.#hasPickup() ? 1 : 0];
  }

  /** The note so many quarters later and semitones higher, as long in quarters as it was. */
  moved(note, quarters, semitones) {
    const later = (seconds) => (quarters ? this.clock.seconds(this.clock.beats(seconds) + quarters) : seconds);
    return { ...note, on: later(note.on), off: later(note.off), pitch: clamp(note.pitch + semitones, 0, 127) };
  }

  snapped(seconds, grid, round = Math.round) {
    if (!grid) return Math.max(0, seconds);
    return this.clock.seconds(Math.max(0, round(this.clock.beats(seconds) / grid + (round === Math.floor ? 1e-6 : 0)) * grid));
  }

  #hasPickup() {
    if (this.meters.length < 2) return false;
    const [first, second] = this.meters;
    const length = (4 * first[1]) / first[2];
    return length < (4 * second[1]) / second[2] && Math.abs(this.clock.beats(second[0]) - length) < 1e-3;
  }

  #set(json) {
    this.title = json.title;
    this.tempos = json.tempos;
    this.meters = json.meters;
    const parts = json.parts.length ? json.parts : EMPTY.parts;
    this.parts = parts.map((part) => ({
      ...part, player: part.player ?? "", gain: part.gain ?? 0, pan: part.pan ?? 0,
      notes: part.notes.map((row) => (Array.isArray(row) ? { on: row[0], off: row[1], pitch: row[2], vel: row[3] } : row)),
    }));
    this.clock = new TempoMap(this.tempos);
  }

  #snapshot() {
    const { title, tempos, meters, parts, part } = this;
    return { title, tempos, meters, parts, part };
  }

  #remember() {
    this.done?.push(this.#snapshot());
    if (this.done?.length > MOST_UNDONE) this.done.shift();
    this.undone = [];
  }

  #go(from, to) {
    const state = from.pop();
    if (!state) return;
    to.push(this.#snapshot());
    Object.assign(this, state);
    this.clock = new TempoMap(this.tempos);
    this.selection = new Set();
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
    this.dispatchEvent(new Event("selection"));
  }
}
