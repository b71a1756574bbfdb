// The composer's panel: every control of `orchestrion compose`, and ways to begin.

import { $, el, plural, say } from "./dom.js";
import { Form } from "./form.js";
import { get } from "./server.js";

const MAIN = ["bars", "fill", "variations", "key", "meter", "tempo", "form", "chords", "seed", "count"];
// What follows from a given score, and may not be asked for beside it.
const FOLLOWS = ["bars", "seconds", "tempo", "meter", "form", "chords", "variations"];
const WAYS = [
  ["new", "A new piece", null],
  ["continue", "Go on from the score", "prime"],
  ["vary", "Variations on the score", "prime"],
  ["fill", "Fill the chosen bars", "keep"],
  ["melody", "Harmonise it as the melody", "melody"],
  ["bass", "Harmonise it as the bass", "bass"],
];
const CURRENT = "current";

export class Composing {
  constructor(about, model, view, work) {
    Object.assign(this, { about, model, view, work });
    this.way = el("select", { id: "way" }, ...WAYS.map(([value, text]) => el("option", { value }, text)));
    this.model_ = el("select", { id: "composer" }, ...about.composers.map((name) => el("option", { value: name, selected: name === about.composer }, name)));
    this.fresh = el("input", { type: "checkbox", id: "fresh-seed", checked: true });
    this.form = new Form("compose", about.composing, MAIN, () => this.#scores());
    this.button = el("button", { className: "primary", id: "compose", type: "submit" }, "Compose");
    const form = el("form", { className: "panel", noValidate: true, onsubmit: (event) => this.#submit(event) },
      el("div", { className: "field" }, el("label", { for: "way" }, "Write"), this.way),
      el("div", { className: "field" }, el("label", { for: "composer" }, "Composer"), this.model_),
      this.form.element,
      el("label", { className: "check" }, this.fresh, "a new seed each time"),
      this.button);
    $("panel-compose").append(form);
    this.way.addEventListener("change", () => this.#begin());
    form.addEventListener("input", () => this.#enable());
    work.addEventListener("takes", () => this.form.refreshScores());
    view.addEventListener("change", () => this.#fillRange());
    model.addEventListener("selection", () => this.#fillRange());
    this.#begin();
  }

  #scores() {
    const takes = [...this.work.takes.values()].reverse().map((take) => [`take:${take.take}`, `${take.name}: ${take.what}`]);
    return [[CURRENT, "the score on the desk"], ...takes, ...this.about.tunes.map((tune) => [`tune:${tune.name}`, tune.title])];
  }

  #begin() {
    const [way, , source] = WAYS.find(([value]) => value === this.way.value);
    for (const name of ["prime", "keep", "melody", "bass"]) this.form.set(name, name === source ? CURRENT : "");
    this.form.set("variations", way === "vary" ? "3" : "");
    if (["melody", "bass"].includes(way) && this.about.composers.includes("chorales")) this.model_.value = "chorales";
    if (way === "fill") this.#fillRange();
    else this.form.set("fill", "");
    this.#enable();
  }

  #enable() {
    const given = ["keep", "melody", "bass"].some((name) => this.form.get(name));
    const varied = Boolean(this.form.get("variations")) && !given;
    for (const name of FOLLOWS) this.form.enable(name, !given && !(varied && ["bars", "seconds", "form"].includes(name)));
    this.form.enable("fill", Boolean(this.form.get("keep")));
    for (const [name, shown] of [["fill", this.form.get("keep")], ["variations", this.form.get("prime")]]) {
      this.form.rows.get(name).hidden = !shown;
    }
  }

  /** Ask for what goes on from the score on the desk. */
  goOn() {
    this.way.value = "continue";
    this.#begin();
  }

  /** The bars that are chosen on the ruler, or else those of the selected notes. */
  #fillRange() {
    if (this.way.value !== "fill") return;
    const { view, model } = this;
    let span = view.range;
    if (!span && model.selection.size) {
      const notes = [...model.selection];
      const [start, end] = [Math.min(...notes.map((note) => note.on)), Math.max(...notes.map((note) => note.off))];
      const bars = model.bars(end - 1e-6).filter((bar) => bar.end > start + 1e-6);
      if (bars.length) span = { first: bars[0].number, last: bars.at(-1).number };
    }
    const text = span ? (span.first === span.last ? `${span.first}` : `${span.first}-${span.last}`) : this.form.get("fill");
    if (text !== this.form.get("fill")) this.form.set("fill", text);
  }

  async #submit(event) {
    event.preventDefault();
    if (!this.form.check()) return;
    if (this.fresh.checked) this.form.newSeed();
    const { options, sources } = this.form.values();
    const uses = Object.values(sources).includes(CURRENT);
    if (this.way.value === "fill" && !options.fill) {
      say("Choose bars first: drag on the ruler, or select notes.", "error");
      return;
    }
    const body = { model: this.model_.value, options, sources, score: uses ? this.model.json() : null };
    const takes = await this.work.run("/api/compose", body, { label: "Composing" });
    if (!takes.length) return;
    const { score } = await get(`/api/takes/${takes[0].take}/score`);
    this.model.load(keptPlayers(score, this.model));
    this.view.fit(this.model);
    const count = takes.length > 1 ? `; ${plural(takes.length, "take")} in all, under Takes` : "";
    say(`Composed: ${plural(takes[0].notes, "note")}, ${takes[0].seconds.toFixed(1)} s, seed ${takes[0].settings.seed}${count}. Render, or Space, plays it.`);
  }
}

/** A score with the instruments that parts of the same names had on the desk. */
export function keptPlayers(score, model) {
  const known = new Map(model.parts.map((part) => [part.name, part]));
  const parts = score.parts.map((part) => {
    const { player = "", gain = 0, pan = 0 } = known.get(part.name) ?? {};
    return { ...part, player, gain, pan };
  });
  return { ...score, parts };
}
