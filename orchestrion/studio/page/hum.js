// A tune from the microphone, as a WAV file.

import { clock, say } from "./dom.js";

const REFUSED = {
  NotAllowedError: "The browser did not let the page use the microphone; its settings for this page say so.",
  NotFoundError: "There is no microphone; a recording can be dropped on the page instead.",
};

export class Hum {
  /** @param longest seconds; @param got called with a Blob, the WAV. */
  constructor(button, longest, got) {
    Object.assign(this, { button, longest, got });
    button.addEventListener("click", () => (this.context ? this.stop() : this.start()));
  }

  async start() {
    if (!navigator.mediaDevices) {
      say("This browser gives pages no microphone; a recording can be dropped on the page instead.", "error");
      return;
    }
    this.button.disabled = true;
    try {
      // As it is: what makes speech clear bends the tune.
      this.media = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
      this.context = new AudioContext(); // at the microphone's own rate
      await this.context.audioWorklet.addModule("/capture.js");
      this.blocks = [];
      this.length = 0;
      const node = new AudioWorkletNode(this.context, "capture", { numberOfInputs: 1, numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
      node.port.onmessage = ({ data }) => this.#add(data);
      this.context.createMediaStreamSource(this.media).connect(node);
      this.button.textContent = "Stop humming";
    } catch (error) {
      this.#close();
      say(REFUSED[error.name] ?? `The microphone cannot be used (${error.message}).`, "error");
    }
    this.button.disabled = false;
  }

  #add(samples) {
    if (!this.context) return;
    this.blocks.push(samples);
    this.length += samples.length;
    const seconds = this.length / this.context.sampleRate;
    this.button.textContent = `Stop humming ${clock(seconds).slice(0, -2)}`;
    if (seconds >= this.longest - 1) this.stop();
  }

  stop() {
    const wav = this.length ? wavOf(this.blocks, this.length, this.context.sampleRate) : null;
    this.#close();
    if (wav) this.got(wav);
  }

  #close() {
    for (const track of this.media?.getTracks() ?? []) track.stop();
    this.context?.close();
    Object.assign(this, { context: null, media: null, blocks: [], length: 0 });
    this.button.textContent = "Hum…";
  }
}

/** Blocks of samples in [-1, 1] as a WAV file of 16 bits. */
export function wavOf(blocks, length, rate) {
  const data = new DataView(new ArrayBuffer(44 + 2 * length));
  const text = (at, word) => [...word].forEach((letter, i) => data.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  data.setUint32(4, 36 + 2 * length, true);
  text(8, "WAVEfmt ");
  data.setUint32(16, 16, true);
  data.setUint16(20, 1, true);
  data.setUint16(22, 1, true);
  data.setUint32(24, rate, true);
  data.setUint32(28, 2 * rate, true);
  data.setUint16(32, 2, true);
  data.setUint16(34, 16, true);
  text(36, "data");
  data.setUint32(40, 2 * length, true);
  let at = 44;
  for (const block of blocks) {
    for (const value of block) {
      data.setInt16(at, Math.round(32767 * Math.max(-1, Math.min(1, value))), true);
      at += 2;
    }
  }
  return new Blob([data.buffer], { type: "audio/wav" });
}
