// The players' panel: an instrument, level and place for each part, and how they play; rendering, heard while it is made.

import { $, clamp, el, say } from "./dom.js";
import { Form } from "./form.js";
import { post } from "./server.js";
import { PART_COLOURS } from "./view.js";

export class Playing {
  constructor(about, model, work, player) {
    Object.assign(this, { about, model, work, player });
    this.list = el("div", { className: "parts", role: "list" });
    this.form = new Form("play", about.playing, ["seed", "temperature", "vibrato", "noise", "parallel"]);
    this.fresh = el("input", { type: "checkbox", id: "fresh-take" });
    $("panel-play").append(el("div", { className: "panel" }, el("h2", {}, "Parts"), this.list,
      el("button", { type: "button", id: "add-part", onclick: () => this.#add() }, "Add a part"),
      el("h2", {}, "Performance"), this.form.element, el("label", { className: "check" }, this.fresh, "a new seed each time")));
    this.cast = [];
    model.addEventListener("change", () => {
      clearTimeout(this.soon);
      this.soon = setTimeout(() => this.#recast(), 400);
      this.#draw();
    });
    this.#draw();
  }

  /** Which instruments the parts ask for by themselves. */
  async #recast() {
    if (this.model.isEmpty) return;
    this.cast = await post("/api/players", { score: this.model.json() }).catch(() => []);
    this.#draw();
  }

  #draw() {
    const { model } = this;
    const key = JSON.stringify([this.cast, model.parts.map(({ name, player, gain, pan, drum }) => [name, player, gain, pan, drum])]);
    if (key === this.drawn || this.list.contains(document.activeElement)) return;
    this.drawn = key;
    this.list.replaceChildren(...model.parts.map((part, i) => this.#row(part, i)));
  }

  #row(part, index) {
    const set = (name, value) => {
      this.model.edit({ parts: this.model.parts.map((other, i) => (i === index ? { ...other, [name]: value } : other)) });
    };
    const id = (name) => `part-${index}-${name}`;
    const number = (name, label, low, high, step) => el("label", {}, label, el("input", {
      id: id(name), type: "number", min: low, max: high, step, value: String(part[name]),
      onchange: (event) => set(name, clamp(Number(event.target.value) || 0, low, high)),
    }));
    const player = part.drum ? el("span", { className: "hint" }, "drums are left out") : el("select", {
      id: id("player"), "aria-label": `Instrument of part ${index + 1}`, onchange: (event) => set("player", event.target.value),
    }, el("option", { value: "" }, this.cast[index] ? `auto: ${this.cast[index]}` : "auto"), ...this.about.instruments.map(({ name }) => el("option", { value: name, selected: name === part.player }, name)));
    return el("div", { className: "part", role: "listitem", dataset: { part: String(index), colour: String(index % PART_COLOURS) } },
      el("span", { className: "swatch", "aria-hidden": "true" }),
      el("input", { id: id("name"), "aria-label": `Name of part ${index + 1}`, value: part.name, maxLength: 100, onchange: (event) => set("name", event.target.value) }),
      player, part.drum ? null : number("gain", "dB", -60, 24, 1), part.drum ? null : number("pan", "pan", -1, 1, 0.1),
      el("button", { type: "button", title: "Remove this part", "aria-label": `Remove part ${index + 1}`, disabled: this.model.parts.length < 2,
        onclick: () => this.model.edit({ parts: this.model.parts.filter((_, i) => i !== index) }) }, "×"));
  }

  #add() {
    const parts = [...this.model.parts, { name: `Part ${this.model.parts.length + 1}`, program: 0, drum: false, notes: [], player: "", gain: 0, pan: 0 }];
    this.model.edit({ parts });
    this.model.choosePart(parts.length - 1);
  }

  /** What the server is asked for; null where there is nothing to play. */
  async request(version = "conditioned") {
    if (this.model.isEmpty) {
      say("There are no notes yet: draw some, open a file, or compose.", "error");
      return null;
    }
    if (!this.form.check()) return null;
    const score = this.model.json();
    const played = this.model.parts.filter((part) => part.notes.length && !part.drum);
    if (!played.length) {
      say("Only drums are there, which no instrument plays.", "error");
      return null;
    }
    const cast = played.some((part) => !part.player) ? (await post("/api/players", { score })).filter(Boolean) : [];
    const players = played.map((part, i) => part.player || cast[i]);
    const { options } = this.form.values();
    if (played.some((part) => part.gain)) options.gains_db = played.map((part) => part.gain);
    if (played.some((part) => part.pan)) options.pans = played.map((part) => part.pan);
    const isAlone = new Set(players).size === 1 && !options.gains_db && !options.pans;
    return { score, version, options, players: isAlone ? [players[0]] : players };
  }

  async render() {
    if (this.fresh.checked) this.form.newSeed();
    await this.player.start(); // within the gesture
    const body = await this.request();
    if (!body) return [];
    return this.work.run("/api/render", body, { label: [...new Set(body.players)].join(", "), autoplay: true });
  }
}
