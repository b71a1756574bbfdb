// Clicks on the beats of a score, one bar of them before it begins.

const AHEAD_S = 0.25;

export class Metronome {
  /** @param at seconds of the score that sound at `zero`, a time of the audio context. */
  constructor(context, output, model, at, zero) {
    Object.assign(this, { context, output, model, at, zero });
    this.done = -Infinity;
    this.timer = setInterval(() => this.#schedule(), 60);
    this.#schedule();
  }

  /** How long the bar before the beginning is, in seconds. */
  static countIn(model, at) {
    const bar = model.bars(at + 1e-3).at(-1);
    return bar.end - bar.time;
  }

  stop() {
    clearInterval(this.timer);
  }

  #schedule() {
    const until = this.at + this.context.currentTime + AHEAD_S - this.zero;
    for (const [seconds, isFirst] of this.#beats(until)) {
      if (seconds <= this.done) continue;
      this.done = seconds;
      this.#click(this.zero + seconds - this.at, isFirst);
    }
  }

  /** [seconds, whether it begins a bar], from the bar of counting in to `until`. */
  *#beats(until) {
    const bar = this.model.bars(this.at + 1e-3).at(-1);
    const length = (bar.end - bar.time) / bar.beats;
    for (let i = bar.beats; i > 0; i--) if (this.at - i * length <= until) yield [this.at - i * length, i === bar.beats];
    for (const one of this.model.bars(until)) {
      for (let beat = 0; beat < one.beats; beat++) {
        const seconds = one.time + ((one.end - one.time) * beat) / one.beats;
        if (seconds >= this.at - 1e-6 && seconds <= until) yield [seconds, beat === 0];
      }
    }
  }

  #click(when, isFirst) {
    const start = Math.max(when, this.context.currentTime);
    const tone = new OscillatorNode(this.context, { type: "square", frequency: isFirst ? 1760 : 1174.7 });
    const level = new GainNode(this.context, { gain: 0.12 });
    level.gain.setValueAtTime(0.12, start);
    level.gain.exponentialRampToValueAtTime(0.0005, start + 0.05);
    tone.connect(level).connect(this.output);
    tone.start(start);
    tone.stop(start + 0.06);
  }
}
