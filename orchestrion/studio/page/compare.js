// A, B and C side by side, at one level and one position; blind on request.

import { $, el, say, speak } from "./dom.js";

const LETTERS = ["A", "B", "C"];
const VERSIONS = [
  ["conditioned", "with the notes"],
  ["unconditioned", "without the notes"],
  ["source", "its source alone"],
  ["reference", "a reference (no neural sound)"],
];
const N_SLOTS = 3;

export class Compare {
  constructor(work, player, playing) {
    Object.assign(this, { work, player, playing });
    this.tracks = [null, null, null];
    this.order = [0, 1, 2]; // which slot each letter stands for
    this.votes = [];
    this.slots = VERSIONS.slice(0, N_SLOTS).map(([value], i) => el("select", { id: `slot-${i}`, "aria-label": `Version ${i + 1}`, value }));
    this.blind = el("input", { type: "checkbox", id: "blind" });
    this.make = el("button", { type: "button", className: "primary", id: "compare", onclick: () => this.render() }, "Render all three");
    this.letters = LETTERS.map((letter, i) => el("button", { type: "button", role: "radio", "aria-checked": "false", disabled: true, className: "letter", onclick: () => this.hear(i) }, letter));
    this.captions = LETTERS.map(() => el("span", { className: "hint" }));
    this.best = LETTERS.map((letter, i) => el("button", { type: "button", disabled: true, "aria-label": `${letter} is best`, onclick: () => this.#vote(i) }, "Best"));
    this.reveal = el("button", { type: "button", id: "reveal", hidden: true, onclick: () => this.#reveal() }, "Reveal");
    this.result = el("p", { className: "hint", id: "votes", role: "status" });
    $("panel-compare").append(el("div", { className: "panel" },
      el("p", { className: "hint" }, "The same score three times. What is heard with the notes and not without them, the notes did; what is heard beside the source alone, the network added."),
      ...this.slots.map((slot, i) => el("div", { className: "field" }, el("label", { for: slot.id }, `Version ${i + 1}`), slot)),
      el("label", { className: "check" }, this.blind, "blind: in random order, names hidden"),
      this.make,
      el("div", { role: "radiogroup", "aria-label": "Which one is heard", className: "letters" },
        ...LETTERS.map((_, i) => el("div", { className: "choice" }, this.letters[i], this.captions[i], this.best[i]))),
      el("div", { className: "group" }, this.reveal), this.result));
    this.#fill();
    work.addEventListener("takes", () => this.#fill());
    this.blind.addEventListener("change", () => this.#shuffle());
    player.addEventListener("tracks", () => this.#mark());
    this.#mark();
  }

  #fill() {
    const takes = [...this.work.takes.values()].filter((take) => take.audio).reverse().map((take) => [`take:${take.take}`, `${take.name}: ${take.what}`]);
    this.slots.forEach((slot, i) => {
      const before = slot.value || VERSIONS[i][0];
      slot.replaceChildren(...[...VERSIONS, ...takes].map(([value, text]) => el("option", { value }, text)));
      slot.value = before;
      if (slot.selectedIndex < 0) slot.value = VERSIONS[i][0];
    });
  }

  /** Make what is not there yet, one after the other, and begin with A. */
  async render() {
    await this.player.start();
    this.player.pause();
    this.make.disabled = true;
    this.tracks = [null, null, null];
    this.#mark();
    try {
      for (const [i, slot] of this.slots.entries()) {
        const track = await this.#track(slot.value);
        if (!track) return;
        this.tracks[i] = track;
      }
    } finally {
      this.make.disabled = false;
    }
    const levels = this.tracks.map((track) => this.player.rms(track));
    const softest = Math.min(...levels.filter((level) => level > 1e-5));
    this.tracks.forEach((track, i) => this.player.gain(track, levels[i] > 1e-5 ? softest / levels[i] : 1));
    this.#shuffle();
    this.player.seek(0);
    await this.hear(0);
    say("A, B and C are ready, at one level: keys 1, 2 and 3 switch.");
  }

  async #track(value) {
    if (value.startsWith("take:")) return this.work.track(Number(value.slice(5)));
    const body = await this.playing.request(value);
    if (!body) return null;
    const name = VERSIONS.find(([version]) => version === value)[1];
    const [take] = await this.work.run("/api/render", body, { label: this.blind.checked ? "Rendering" : `Rendering ${name}` });
    return take ? this.work.track(take.take) : null;
  }

  #shuffle() {
    this.order = [0, 1, 2];
    if (this.blind.checked) {
      for (let i = 2; i > 0; i--) {
        const j = crypto.getRandomValues(new Uint32Array(1))[0] % (i + 1);
        [this.order[i], this.order[j]] = [this.order[j], this.order[i]];
      }
    }
    this.isRevealed = !this.blind.checked;
    this.votes = [];
    this.result.textContent = "";
    this.#mark();
  }

  async hear(letter) {
    const track = this.tracks[this.order[letter]];
    if (!track) return;
    this.player.select(track);
    if (!this.player.playing) await this.player.play();
    speak(LETTERS[letter]);
  }

  /** Whether the names of what is heard must not be shown. */
  get isHiding() {
    return !this.isRevealed && this.player.current !== null && this.tracks.includes(this.player.current);
  }

  #vote(letter) {
    this.votes = [letter];
    this.result.textContent = `${LETTERS[letter]} it is. Reveal shows which is which.`;
    if (this.isRevealed) this.result.textContent = `${LETTERS[letter]} it is: ${this.#name(letter)}.`;
    this.reveal.hidden = this.isRevealed;
  }

  #reveal() {
    this.isRevealed = true;
    this.reveal.hidden = true;
    if (this.votes.length) this.result.textContent = `Best to you: ${LETTERS[this.votes[0]]}, ${this.#name(this.votes[0])}.`;
    this.#mark();
  }

  #name(letter) {
    return this.slots[this.order[letter]].selectedOptions[0]?.textContent ?? "";
  }

  #mark() {
    this.player.isHidden = this.isHiding; // pictures would tell
    const isReady = this.tracks.every((track) => track && this.player.tracks.has(track));
    this.letters.forEach((button, i) => {
      const track = this.tracks[this.order[i]];
      button.disabled = !isReady;
      this.best[i].disabled = !isReady;
      button.setAttribute("aria-checked", String(isReady && track === this.player.current));
      this.captions[i].textContent = !isReady ? "" : this.isRevealed ? this.#name(i) : "hidden";
    });
  }
}
