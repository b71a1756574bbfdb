// A form made of what the server says its options are: a control for each, and what limits it.

import { el } from "./dom.js";

const LABELS = {
  bars: "Bars", seconds: "Seconds", tempo: "Tempo", meter: "Meter", key: "Key", pitch_range: "Range", polyphony: "Voices at most",
  prime: "Continue", form: "Form", keep: "Keep", fill: "Bars to fill", melody: "Melody", bass: "Bass", chords: "Chords",
  variations: "Variations", expression: "Expression", temperature: "Temperature", conservativity: "Conservativity", seed: "Seed",
  count: "Pieces", strict: "Strict", parallel: "Long scores", vibrato: "Vibrato", length_s: "End after", storage: "Weights", device: "Device",
};
const PLACEHOLDERS = {
  bars: "8", tempo: "120", meter: "4/4", key: "any", pitch_range: "C4-C6", form: "auto", fill: "5-8", chords: "| C | Am | F G7 | C |",
  polyphony: "the model's", temperature: "the instrument's", length_s: "the score's end",
};
const SUGGESTIONS = {
  meter: ["2/4", "3/4", "4/4", "6/8", "9/8", "12/8"],
  key: ["C major", "G major", "D major", "A major", "F major", "B- major", "A minor", "E minor", "D minor", "G minor", "D dorian"].map((key) => key.replace("B-", "Bb")),
  form: ["auto", "free", "AABA", "A A' B A", "AABB", "ABA"],
};
const SLIDERS = new Set(["expression", "vibrato", "noise"]);

export class Form {
  /**
   * @param fields what the server says; @param main names that stand on top, in this order; the others follow under "More".
   * @param scores gives [[value, text], …] for fields that take a score.
   */
  constructor(prefix, fields, main, scores = () => []) {
    this.prefix = prefix;
    this.scores = scores;
    this.inputs = new Map();
    this.rows = new Map();
    this.defaults = new Map(fields.map((field) => [field.name, field.default]));
    for (const field of fields) this.rows.set(field.name, this.#row(field));
    const more = fields.map((field) => field.name).filter((name) => !main.includes(name));
    const rows = (names) => names.filter((name) => this.rows.has(name)).map((name) => this.rows.get(name));
    this.element = el("div", { className: "form" }, ...rows(main),
      more.length ? el("details", {}, el("summary", {}, "More"), el("div", { className: "form" }, ...rows(more))) : null);
    this.refreshScores();
  }

  #row(field) {
    const id = `${this.prefix}-${field.name}`;
    const input = this.#input(field, id);
    this.inputs.set(field.name, { input, field });
    const help = el("small", { id: `${id}-help` }, field.help);
    input.setAttribute("aria-describedby", help.id);
    const label = el("label", { for: id }, LABELS[field.name] ?? field.name[0].toUpperCase() + field.name.slice(1).replaceAll("_", " "));
    const extra = field.name === "seed" ? this.#dice(input) : SLIDERS.has(field.name) ? this.#shown(input) : null;
    const suggestions = SUGGESTIONS[field.name];
    const list = suggestions ? el("datalist", { id: `${id}-list` }, ...suggestions.map((value) => el("option", { value }))) : null;
    if (list) input.setAttribute("list", list.id);
    return el("div", { className: `field ${field.kind}`, dataset: { name: field.name } }, label, el("span", { className: "with" }, input, extra), list, help);
  }

  #input(field, id) {
    const common = { id, name: field.name, autocomplete: "off" };
    if (field.kind === "flag") return el("input", { ...common, type: "checkbox", checked: field.default });
    if (field.kind === "maybe") {
      return el("select", common, el("option", { value: "no" }, "one run, heard at once"), el("option", { value: "yes" }, "pieces, done sooner"),
        el("option", { value: "" }, "as the length suggests"));
    }
    if (field.kind === "choice") {
      return el("select", common, ...(field.default === null ? [el("option", { value: "" }, "as it suits")] : []),
        ...field.choices.map((value) => el("option", { value, selected: value === field.default }, value)));
    }
    if (field.kind === "score") return el("select", common);
    const number = field.kind === "number" || field.kind === "whole";
    const placeholder = PLACEHOLDERS[field.name] ?? (field.default === null ? "" : String(field.default));
    if (SLIDERS.has(field.name)) {
      return el("input", { ...common, type: "range", min: field.low, max: field.high, step: 0.05, value: field.default });
    }
    return el("input", {
      ...common, type: number ? "number" : "text", placeholder, maxLength: number ? undefined : 500,
      min: number ? field.low ?? undefined : undefined, max: number ? field.high ?? undefined : undefined, step: number ? (field.kind === "whole" ? 1 : "any") : undefined,
      value: field.default === null || field.kind === "text" ? "" : String(field.default),
    });
  }

  #dice(input) {
    return el("button", { type: "button", title: "Another seed", "aria-label": "Another seed", onclick: () => this.newSeed(input) }, "↻");
  }

  newSeed(input = this.inputs.get("seed").input) {
    input.value = String(crypto.getRandomValues(new Uint32Array(1))[0] % 100000);
  }

  #shown(input) {
    const output = el("output", { for: input.id }, Number(input.value).toFixed(2));
    input.addEventListener("input", () => (output.textContent = Number(input.value).toFixed(2)));
    return output;
  }

  refreshScores() {
    for (const { input, field } of this.inputs.values()) {
      if (field.kind !== "score") continue;
      const before = input.value;
      input.replaceChildren(el("option", { value: "" }, "—"), ...this.scores().map(([value, text]) => el("option", { value }, text)));
      input.value = before;
      if (input.selectedIndex < 0) input.value = "";
    }
  }

  set(name, value) {
    const { input } = this.inputs.get(name);
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  get(name) {
    return this.inputs.get(name).input.value;
  }

  enable(name, isEnabled) {
    this.inputs.get(name).input.disabled = !isEnabled;
    this.rows.get(name).classList.toggle("off", !isEnabled);
  }

  /** {options, sources}: what differs from the defaults, as the server takes it. */
  values() {
    const options = {};
    const sources = {};
    for (const [name, { input, field }] of this.inputs) {
      if (input.disabled) continue;
      if (field.kind === "flag") {
        if (input.checked !== field.default) options[name] = input.checked;
      } else if (field.kind === "maybe") {
        if (input.value) options[name] = input.value === "yes";
      } else if (field.kind === "score") {
        if (input.value) sources[name] = input.value;
      } else if (input.value.trim() && input.value !== String(field.default)) options[name] = input.value.trim();
    }
    return { options, sources };
  }

  /** The first field whose value the browser finds wrong is shown; true where all are right. */
  check() {
    for (const { input } of this.inputs.values()) {
      if (!input.disabled && !input.checkValidity()) {
        input.closest("details")?.setAttribute("open", "");
        input.reportValidity();
        return false;
      }
    }
    return true;
  }
}
