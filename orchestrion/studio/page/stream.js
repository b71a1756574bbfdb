// The audio thread of live playing: a short queue of samples, as short as they come evenly.

const LEAST_S = 0.024; // held before it begins
const MOST_S = 0.15;
const STEP_S = 0.012; // more, after every gap
const HELD_S = 1; // beyond which the oldest go

class Stream extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = new Float32Array(Math.round(HELD_S * sampleRate));
    this.from = 0;
    this.filled = 0;
    this.wanted = LEAST_S;
    this.waiting = true;
    this.begun = false;
    this.gaps = 0;
    this.port.onmessage = ({ data }) => (data === "end" ? (this.ended = true) : this.add(data));
  }

  add(samples) {
    for (const value of samples) {
      if (this.filled === this.queue.length) this.drop();
      this.queue[(this.from + this.filled++) % this.queue.length] = value;
    }
  }
  drop() {
    this.from = (this.from + 1) % this.queue.length;
    this.filled--;
  }

  process(_, [[out]]) {
    const n = out.length;
    if (this.waiting && this.filled >= this.wanted * sampleRate) this.waiting = false;
    else if (!this.waiting && this.filled < n) {
      this.waiting = true;
      this.gaps++;
      this.wanted = Math.min(MOST_S, this.wanted + STEP_S);
      this.port.postMessage({ gaps: this.gaps, held: this.wanted });
    }
    if (this.waiting) return !this.ended;
    if (!this.begun) this.port.postMessage({ gaps: 0, held: this.wanted });
    this.begun = true;
    // Two clocks drift: where too much is held, one sample is left out, where it is heard least.
    const spare = this.filled > 2 * this.wanted * sampleRate + n ? this.flattest(n) : -1;
    for (let i = 0; i < n; i++) {
      if (i === spare) this.drop();
      out[i] = this.queue[this.from];
      this.drop();
    }
    return !this.ended;
  }

  flattest(n) {
    const at = (i) => this.queue[(this.from + i) % this.queue.length];
    let found = 0;
    for (let i = 1; i < n; i++) if (Math.abs(at(i + 1) - at(i)) < Math.abs(at(found + 1) - at(found))) found = i;
    return found;
  }
}

registerProcessor("stream", Stream);
