// Keys to play on: MIDI keyboards where the browser has Web MIDI, and the letters of the computer's own keyboard.

export const LETTERS = "letters";
export const ALL = "all";
// By place, not by letter: the two rows are where white and black keys are on every layout.
const PLACES = ["KeyA", "KeyW", "KeyS", "KeyE", "KeyD", "KeyF", "KeyT", "KeyG", "KeyY", "KeyH", "KeyU", "KeyJ", "KeyK", "KeyO", "KeyL", "KeyP"];
const OCTAVES = { KeyZ: -1, KeyX: 1 };

/** Sends "message" with {bytes, time}: three bytes of MIDI, and when they came, on the clock of `performance.now`. */
export class Keys extends EventTarget {
  constructor(settings) {
    super();
    this.settings = settings;
    this.source = LETTERS;
    this.octave = 5; // of the letter A: MIDI 60
    this.held = new Map(); // place → pitch
    addEventListener("keydown", (event) => this.#letter(event, true), true);
    addEventListener("keyup", (event) => this.#letter(event, false), true);
    addEventListener("blur", () => this.release());
  }

  /** Whether letters play now. */
  isOn = false;

  /** Those that are connected: [[id, name], …]. */
  get inputs() {
    return [...(this.access?.inputs.values() ?? [])].filter((input) => input.state !== "disconnected").map((input) => [input.id, input.name || "MIDI keyboard"]);
  }

  /** Ask the browser for MIDI keyboards. Throws an error of one sentence where it has none to give. */
  async find() {
    if (!navigator.requestMIDIAccess) throw new Error("This browser has no Web MIDI; Chrome, Edge and Firefox do. The letters of this keyboard play, too.");
    try {
      this.access ??= await navigator.requestMIDIAccess({ sysex: false });
    } catch {
      throw new Error("The browser did not let the page use MIDI; its settings for this page say so. The letters of this keyboard play, too.");
    }
    this.access.onstatechange = () => {
      this.#listen();
      this.dispatchEvent(new Event("inputs"));
    };
    this.dispatchEvent(new Event("inputs"));
    if (!this.inputs.length) throw new Error("No MIDI keyboard is connected; plug one in, and it appears here.");
  }

  /** Listen to the letters, to all MIDI keyboards, or to the one of an id. */
  choose(source) {
    this.release();
    this.source = source;
    this.#listen();
  }

  /** Everything that is held is let go. */
  release() {
    this.held.clear();
    this.#send([0xb0, 123, 0], performance.now());
  }

  #listen() {
    const inputs = [...(this.access?.inputs.values() ?? [])];
    if (![LETTERS, ALL, ...inputs.map((input) => input.id)].includes(this.source)) this.choose(ALL);
    for (const input of inputs) {
      const isHeard = this.source === ALL || this.source === input.id;
      input.onmidimessage = isHeard ? ({ data, timeStamp }) => data.length === 3 && this.#send([...data], timeStamp) : null;
    }
  }

  #letter(event, isDown) {
    if (!this.isOn || this.source !== LETTERS || event.ctrlKey || event.metaKey || event.altKey) return;
    const place = PLACES.indexOf(event.code);
    if (place < 0 && !(event.code in OCTAVES)) return;
    if (event.target.closest?.("input:not([type=range], [type=checkbox]), textarea, dialog")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.repeat) return;
    if (place < 0) {
      if (isDown) this.octave = Math.min(8, Math.max(1, this.octave + OCTAVES[event.code]));
      return;
    }
    if (isDown) {
      const pitch = 12 * this.octave + place;
      this.held.set(event.code, pitch);
      this.#send([0x90, pitch, this.settings.velocity], event.timeStamp);
    } else if (this.held.has(event.code)) {
      this.#send([0x80, this.held.get(event.code), 0], event.timeStamp);
      this.held.delete(event.code);
    }
  }

  #send(bytes, time) {
    this.dispatchEvent(new CustomEvent("message", { detail: { bytes, time } }));
  }
}
