// What is played, written down: keys and the sustain pedal → notes in seconds.

const EARLY_S = 0.2; // a first note so much before the beginning is meant at it

export class Recording {
  /** @param at where in the score it begins; @param begins when that is, in milliseconds; null for the first key. */
  constructor(at, begins) {
    Object.assign(this, { at, begins });
    this.open = new Map(); // pitch → note
    this.waiting = new Set(); // pitches that only the pedal holds
    this.pedal = false;
  }

  /** Seconds of the score at a time in milliseconds. */
  position(time) {
    return this.begins === null ? this.at : this.at + (time - this.begins) / 1000;
  }

  /** The notes that end with this message: [{on, off, pitch, vel}, …]. */
  add([status, pitch, vel], time) {
    const kind = status & 0xf0;
    if (kind === 0x90 && vel) {
      this.begins ??= time;
      const ended = this.#end([pitch], time);
      const on = this.position(time);
      if (on > this.at - EARLY_S) this.open.set(pitch, { on: Math.max(on, this.at), pitch, vel });
      return ended;
    }
    if (kind === 0x90 || kind === 0x80) {
      if (!this.pedal) return this.#end([pitch], time);
      if (this.open.has(pitch)) this.waiting.add(pitch);
    } else if (kind === 0xb0 && pitch === 64) {
      this.pedal = vel >= 64;
      if (!this.pedal) return this.#end([...this.waiting], time);
    } else if (kind === 0xb0 && (pitch === 120 || pitch === 123)) return this.end(time);
    return [];
  }

  /** All that is still held ends. */
  end(time) {
    this.pedal = false;
    return this.#end([...this.open.keys()], time);
  }

  #end(pitches, time) {
    const off = this.position(time);
    return pitches.flatMap((pitch) => {
      const note = this.open.get(pitch);
      this.open.delete(pitch);
      this.waiting.delete(pitch);
      return note ? [{ ...note, off: Math.max(off, note.on + 0.02) }] : [];
    });
  }
}

/** A note on the grid, at least one step long; as it was where there is none. */
export function onGrid(note, model, snap) {
  if (!snap) return note;
  const { clock } = model;
  const on = Math.round(clock.beats(note.on) / snap) * snap;
  const length = Math.max(snap, Math.round((clock.beats(note.off) - clock.beats(note.on)) / snap) * snap);
  return { ...note, on: clock.seconds(on), off: clock.seconds(on + length) };
}
