// The audio thread: plays one of several tracks, each written while it is heard; switching cross-fades at the same position.

const FADE_S = 0.012;
const AHEAD_S = 0.3; // written before it begins, or goes on after it had to wait
const REPORT_S = 0.03;

class Tape extends AudioWorkletProcessor {
  constructor() {
    super();
    this.tracks = new Map();
    this.current = null;
    this.before = null;
    this.fade = 1;
    this.at = 0;
    this.playing = false;
    this.waiting = false;
    this.told = 0;
    this.command = 0; // the number of the last one that was followed
    this.port.onmessage = ({ data }) => {
      this.command = data.command ?? this.command;
      this[data.do]?.(data);
    };
  }
  add({ id, frames, channels }) {
    this.tracks.set(id, { samples: new Float32Array(frames * channels), channels, frames, filled: 0, ended: false, gain: 1, peak: 1 });
  }
  chunk({ id, samples }) {
    const track = this.tracks.get(id);
    if (!track) return;
    const free = (track.frames - track.filled) * track.channels;
    const fitting = samples.length > free ? samples.subarray(0, free) : samples;
    track.samples.set(fitting, track.filled * track.channels);
    track.filled += fitting.length / track.channels;
    for (const value of fitting) track.peak = Math.max(track.peak, Math.abs(value));
  }
  end({ id }) {
    const track = this.tracks.get(id);
    if (track) track.ended = true;
  }
  gain({ id, gain }) {
    const track = this.tracks.get(id);
    if (track) track.gain = gain;
  }
  drop({ id }) {
    this.tracks.delete(id);
    if (this.current === id) this.current = null;
    this.tell();
  }
  select({ id }) {
    if (id === this.current) return;
    this.before = this.current;
    this.current = id;
    this.fade = 0;
  }
  play() {
    this.playing = true;
    this.waiting = true;
  }
  pause() {
    this.playing = false;
    this.tell();
  }
  seek({ at }) {
    this.at = Math.max(0, Math.round(at * sampleRate));
    this.tell();
  }
  tell(ended = false) {
    this.port.postMessage({ at: this.at / sampleRate, playing: this.playing, waiting: this.waiting, ended, command: this.command });
  }

  process(_, [out]) {
    const n = out[0].length;
    const track = this.tracks.get(this.current);
    if (!this.playing || !track) return true;
    const left = track.filled - this.at;
    if (left <= 0 && track.ended) {
      this.playing = false;
      this.at = 0;
      this.tell(true);
      return true;
    }
    if (this.waiting && (track.ended || left >= AHEAD_S * sampleRate)) this.waiting = false;
    else if (!this.waiting && left < n && !track.ended) this.waiting = true;
    if (!this.waiting) {
      const old = this.tracks.get(this.before);
      for (let i = 0; i < n; i++, this.at++) {
        if (this.fade < 1) this.fade = Math.min(1, this.fade + 1 / (FADE_S * sampleRate));
        for (let c = 0; c < out.length; c++) {
          out[c][i] = value(track, this.at, c) * this.fade + (this.fade < 1 && old ? value(old, this.at, c) * (1 - this.fade) : 0);
        }
      }
    }
    if (currentTime - this.told > REPORT_S) {
      this.told = currentTime;
      this.tell();
    }
    return true;
  }
}

function value(track, frame, channel) {
  if (frame >= track.filled) return 0;
  return (track.samples[frame * track.channels + (track.channels > 1 ? channel : 0)] * track.gain) / track.peak;
}

registerProcessor("tape", Tape);
