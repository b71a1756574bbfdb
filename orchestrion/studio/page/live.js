// Playing an instrument live: keys to the server, its samples back, and what is played on the desk as notes.

import { $, el, plural, say } from "./dom.js";
import { ALL, LETTERS } from "./keys.js";
import { Metronome } from "./metronome.js";
import { onGrid, Recording } from "./recording.js";
import { follow, post } from "./server.js";

const OPTIONS = ["seed", "temperature", "vibrato", "noise"];
const STRIKE_MS = 250; // of a note that is only touched

export class Live extends EventTarget {
  /** @param move called with the seconds of the score that are played now. */
  constructor({ about, model, view, player, playing, settings, keys, work, move }) {
    super();
    Object.assign(this, { about, model, view, player, playing, settings, keys, move });
    this.queue = [];
    this.instrument = el("select", { id: "live-instrument" }, el("option", { value: "" }, "the part's own"),
      ...about.instruments.map(({ name }) => el("option", { value: name }, name)));
    this.keyboard = el("select", { id: "live-keyboard", onchange: () => keys.choose(this.keyboard.value) });
    this.finder = el("button", { type: "button", id: "live-find", onclick: () => this.#find() }, "Find MIDI keyboards");
    this.starter = el("button", { type: "button", className: "primary", id: "live-start", onclick: () => (this.isOn ? this.stop() : this.start()) }, "Play live");
    this.recorder = el("button", { type: "button", id: "live-record", onclick: () => (this.recording ? this.stopRecording() : this.record()) }, "Record");
    this.click = el("input", { type: "checkbox", id: "live-click", checked: true });
    this.snaps = el("input", { type: "checkbox", id: "live-snap", checked: true });
    this.along = el("input", { type: "checkbox", id: "live-along" });
    this.status = el("p", { className: "hint", id: "live-status", role: "status" });
    $("panel-live").append(el("div", { className: "panel" },
      el("p", { className: "hint" }, "Play an instrument from a MIDI keyboard, or with the letters of this one: A is C, W is C sharp, and so on; Z and X change the octave. Record writes down what you play, from the position on."),
      el("div", { className: "field" }, el("label", { for: "live-instrument" }, "Instrument"), this.instrument),
      el("div", { className: "field" }, el("label", { for: "live-keyboard" }, "Keyboard"), this.keyboard),
      this.finder,
      el("div", { className: "group" }, this.starter, this.recorder),
      el("label", { className: "check" }, this.click, "metronome, after one bar of counting in"),
      el("label", { className: "check" }, this.snaps, "snap what is recorded to the grid"),
      el("label", { className: "check" }, this.along, "hear the rendered take meanwhile"),
      this.status));
    keys.addEventListener("inputs", () => this.#list());
    keys.addEventListener("message", ({ detail }) => this.#played(detail));
    work.addEventListener("start", () => this.stop()); // one thing at a time: the players use all processors
    this.#list();
    this.#show();
  }

  get isOn() {
    return Boolean(this.abort);
  }

  #list() {
    const inputs = this.keys.inputs;
    const options = [[LETTERS, "letters (A W S E D …)"], ...(inputs.length ? [[ALL, "all MIDI keyboards"]] : []), ...inputs];
    this.keyboard.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
    this.keyboard.value = options.some(([value]) => value === this.keys.source) ? this.keys.source : LETTERS;
    if (this.keyboard.value !== this.keys.source) this.keys.choose(this.keyboard.value);
  }

  async #find() {
    try {
      await this.keys.find();
      this.keys.choose(ALL);
      this.#list();
      say(`${plural(this.keys.inputs.length, "MIDI keyboard")} found.`);
    } catch (error) {
      say(error.message, "error");
    }
  }

  /** Play until `stop`; resolves as soon as it sounds, with whether it does. */
  async start() {
    if (this.isOn) return true;
    this.abort = new AbortController();
    this.#show("Preparing…");
    await this.player.start(); // within the gesture
    this.stream = this.player.stream(({ gaps, held }) => this.#held(gaps, held));
    const part = this.model.parts[this.model.part];
    const instrument = this.instrument.value || part.player || this.playing.cast[this.model.part] || this.about.instrument;
    const options = Object.fromEntries(Object.entries(this.playing.form.values().options).filter(([name]) => OPTIONS.includes(name)));
    return new Promise((resolve) => {
      const onEvent = (event) => {
        if (event.event === "preparing") this.#show(event.what);
        else if (event.event === "remark") say(event.message);
        else if (event.event === "failed") say(event.message, "error");
        else if (event.event === "live") {
          Object.assign(this, { job: event.job, block_ms: event.block_ms, sounding: instrument, gaps: 0 });
          this.keys.isOn = true;
          this.#show(`${instrument} is yours.`);
          resolve(true);
        }
      };
      follow("/api/live", { instrument, options }, { onEvent, onAudio: (samples) => this.stream?.write(samples), signal: this.abort.signal })
        .catch((error) => error.name !== "AbortError" && say(error.message, "error"))
        .finally(() => {
          this.#ended();
          resolve(false);
        });
    });
  }

  stop() {
    if (!this.isOn) return;
    this.abort.abort();
  }

  #ended() {
    this.stopRecording();
    this.stream?.end();
    this.keys.isOn = false;
    this.queue = [];
    Object.assign(this, { abort: null, stream: null, job: null });
    this.#show();
  }

  #held(gaps, held) {
    this.gaps = gaps;
    const card = this.player.context.outputLatency || this.player.context.baseLatency || 0;
    this.latency_ms = 2 * this.block_ms + 1000 * (held + card);
    const slow = gaps > 3 ? ` ${plural(gaps, "gap")} so far: this machine is busy, or too slow for this instrument.` : "";
    this.#show(`${this.sounding}: about ${Math.round(this.latency_ms)} ms from key to sound.${slow}`);
  }

  #show(text = "") {
    this.status.textContent = text;
    this.starter.textContent = this.isOn ? "Stop playing" : "Play live";
    this.starter.setAttribute("aria-pressed", String(this.isOn));
    this.recorder.textContent = this.recording ? "Stop recording" : "Record";
    this.recorder.setAttribute("aria-pressed", String(Boolean(this.recording)));
    this.dispatchEvent(new Event("change"));
  }

  #played({ bytes, time }) {
    if (!this.job) return;
    this.queue.push({ bytes, time });
    this.#send();
    if (this.recording) this.#write(this.recording.add(bytes, this.#heard(time)));
  }

  /** One request after the other, so that they come in order. */
  async #send() {
    if (this.isSending || !this.queue.length || !this.job) return;
    this.isSending = true;
    const now = performance.now();
    const messages = this.queue.splice(0, 200).map(({ bytes, time }) => [Math.min(1000, Math.max(0, now - time)), ...bytes]);
    try {
      await post("/api/keys", { job: this.job, messages });
    } catch (error) {
      say(error.message, "error");
      this.stop();
    }
    this.isSending = false;
    this.#send();
  }

  /** A short note, as a key that is only touched. */
  strike(pitch, velocity = 80) {
    this.#played({ bytes: [0x90, pitch, velocity], time: performance.now() });
    setTimeout(() => this.#played({ bytes: [0x80, pitch, 0], time: performance.now() }), STRIKE_MS);
  }

  // ---- recording

  async record() {
    if (!(await this.start())) return;
    const { context } = this.player;
    const at = this.model.snapped(this.view.cursor, this.settings.snap);
    const zero = context.currentTime + 0.1 + (this.click.checked ? Metronome.countIn(this.model, at) : 0);
    const isTimed = this.click.checked || this.along.checked;
    this.recording = new Recording(at, isTimed ? 1000 * zero : null);
    this.n_recorded = 0;
    if (this.click.checked) this.metronome = new Metronome(context, this.player.level, this.model, at, zero);
    if (this.along.checked && this.player.track) {
      this.player.seek(at);
      this.beginning = setTimeout(() => this.player.play(), Math.max(0, 1000 * (zero - context.currentTime)));
    }
    this.timer = setInterval(() => this.move(Math.max(0, this.recording.position(this.#heard(performance.now())))), 30);
    this.#show(isTimed ? "Recording; counting in." : "Recording begins with your first note.");
  }

  stopRecording() {
    if (!this.recording) return;
    this.#write(this.recording.end(this.#heard(performance.now())));
    this.metronome?.stop();
    clearInterval(this.timer);
    clearTimeout(this.beginning);
    if (this.along.checked) this.player.pause();
    this.move(this.recording.at);
    this.recording = this.metronome = null;
    say(this.n_recorded ? `${plural(this.n_recorded, "note")} recorded; Ctrl+Z takes them back.` : "Nothing was played.");
    this.#show();
  }

  #write(notes) {
    if (!notes.length) return;
    const made = notes.map((note) => (this.snaps.checked ? onGrid(note, this.model, this.settings.snap) : note));
    this.model.change(made.map((note) => [null, note]), { goesOn: this.n_recorded > 0 });
    this.n_recorded += notes.length;
  }

  /** When what is done at a time of the page is heard by, on the clock of the audio, in milliseconds: players follow what they hear. */
  #heard(time) {
    const { contextTime, performanceTime } = this.player.context.getOutputTimestamp();
    if (!performanceTime) return 1000 * this.player.context.currentTime + time - performance.now();
    return 1000 * contextTime + time - performanceTime;
  }
}
