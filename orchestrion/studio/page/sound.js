// Playing: tracks in the audio thread, their samples for the pictures, one position for all.

export class Player extends EventTarget {
  constructor(rate) {
    super();
    this.rate = rate;
    this.tracks = new Map();
    this.current = null;
    this.at = 0;
    this.playing = false;
    this.waiting = false;
    this.volume = 1;
    this.waitingFor = [];
    this.command = 0; // the number of the last one that was given
    this.latest_ms = 1000; // a tone that would come later than this after its note is left out
    this.n_auditions = 0; // for tests: tones leave no other trace
  }

  /** The audio thread; started by the first gesture, as browsers ask. */
  async start() {
    this.starting ??= this.#open();
    await this.starting;
    if (this.context.state === "suspended") await this.context.resume();
  }

  async #open() {
    this.context = new AudioContext({ sampleRate: this.rate, latencyHint: "interactive" });
    await Promise.all(["/tape.js", "/stream.js"].map((module) => this.context.audioWorklet.addModule(module)));
    this.node = new AudioWorkletNode(this.context, "tape", { numberOfInputs: 0, outputChannelCount: [2] });
    this.level = new GainNode(this.context, { gain: this.volume });
    this.node.connect(this.level).connect(this.context.destination);
    this.node.port.onmessage = ({ data }) => {
      if (data.command !== this.command) return; // of the time before the last command: a seek told that nothing played, after play
      Object.assign(this, { at: data.at, playing: data.playing, waiting: data.waiting });
      this.dispatchEvent(new CustomEvent("position", { detail: data }));
    };
    for (const message of this.waitingFor.splice(0)) this.node.port.postMessage(message);
  }

  #post(message) {
    if (this.node) this.node.port.postMessage(message);
    else this.waitingFor.push(message);
  }

  #command(message) {
    this.#post({ ...message, command: ++this.command });
  }

  /** A new track of so many frames; its samples come by `write`. */
  add(id, frames, channels, label) {
    this.tracks.set(id, { id, label, channels, frames, filled: 0, mono: new Float32Array(frames), ended: false, base: 1 });
    this.#post({ do: "add", id, frames, channels });
    this.dispatchEvent(new Event("tracks"));
  }

  write(id, samples) {
    const track = this.tracks.get(id);
    if (!track) return;
    const n = Math.min(samples.length / track.channels, track.frames - track.filled);
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let c = 0; c < track.channels; c++) sum += samples[i * track.channels + c];
      track.mono[track.filled + i] = sum / track.channels;
    }
    track.filled += n;
    this.#post({ do: "chunk", id, samples });
    if (id === this.current) this.dispatchEvent(new Event("samples"));
  }

  end(id) {
    const track = this.tracks.get(id);
    if (!track) return;
    track.ended = true;
    this.#post({ do: "end", id });
    this.dispatchEvent(new Event("samples"));
  }

  drop(id) {
    if (!this.tracks.delete(id)) return;
    this.#post({ do: "drop", id });
    if (this.current === id) this.current = null;
    this.dispatchEvent(new Event("tracks"));
  }

  /** Times as loud as its file, for a comparison at one level. */
  gain(id, gain) {
    this.#post({ do: "gain", id, gain: gain * this.tracks.get(id).base });
  }

  /** How much louder the file is than what came while it was made: a mix is turned down at its end. */
  rebase(id, base) {
    this.tracks.get(id).base = base;
    this.gain(id, 1);
  }

  rms(id) {
    const { mono, filled, base } = this.tracks.get(id);
    let sum = 0;
    for (let i = 0; i < filled; i++) sum += mono[i] * mono[i];
    return base * Math.sqrt(sum / Math.max(1, filled));
  }

  select(id) {
    this.current = id;
    this.#post({ do: "select", id });
    this.dispatchEvent(new Event("chosen"));
    this.dispatchEvent(new Event("tracks"));
    this.dispatchEvent(new Event("samples"));
  }

  async play() {
    await this.start();
    this.playing = true;
    this.waiting = true;
    this.#command({ do: "play" });
    this.dispatchEvent(new CustomEvent("position", { detail: {} }));
  }

  pause() {
    this.playing = false;
    this.#command({ do: "pause" });
    this.dispatchEvent(new CustomEvent("position", { detail: {} }));
  }

  seek(seconds) {
    this.at = Math.max(0, seconds);
    this.#command({ do: "seek", at: this.at });
    this.dispatchEvent(new CustomEvent("position", { detail: {} }));
  }

  /** A short plain tone, to hear what is written. The first one starts the audio, which a gesture allows. */
  async audition(pitch, velocity = 80) {
    if (this.playing) return;
    if (this.context?.state !== "running" || !this.level) {
      if (!navigator.userActivation?.isActive) return;
      const asked = performance.now();
      await this.start();
      if (performance.now() - asked > this.latest_ms || this.context.state !== "running") return;
    }
    this.n_auditions++;
    const now = this.context.currentTime;
    const tone = new OscillatorNode(this.context, { type: "triangle", frequency: 440 * 2 ** ((pitch - 69) / 12) });
    const level = new GainNode(this.context, { gain: 0 });
    level.gain.linearRampToValueAtTime((0.22 * velocity) / 127, now + 0.008);
    level.gain.exponentialRampToValueAtTime(0.0005, now + 0.35);
    tone.connect(level).connect(this.level);
    tone.start(now);
    tone.stop(now + 0.4);
  }

  /** Somewhere to write samples that are heard at once; `tell` is called with what it holds, in seconds, and how often it ran dry. */
  stream(tell) {
    const node = new AudioWorkletNode(this.context, "stream", { numberOfInputs: 0, outputChannelCount: [1] });
    node.connect(this.level);
    node.port.onmessage = ({ data }) => tell(data);
    return {
      write: (samples) => node.port.postMessage(samples, [samples.buffer]),
      end: () => {
        node.port.postMessage("end");
        node.disconnect();
      },
    };
  }

  setVolume(volume) {
    this.volume = volume;
    if (this.level) this.level.gain.value = volume;
  }

  get track() {
    return this.tracks.get(this.current) ?? null;
  }
}
