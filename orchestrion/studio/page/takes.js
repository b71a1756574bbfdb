// The history: what was composed and played in this session, to hear again, to take up again, to keep as files.

import { $, el, plural, say } from "./dom.js";
import { get, remove } from "./server.js";

const KINDS = { wav: "WAV", mid: "MIDI", musicxml: "MusicXML" };

export class Takes {
  constructor(work, player, load) {
    Object.assign(this, { work, player, load });
    this.list = el("ol", { className: "takes", reversed: true });
    this.none = el("p", { className: "hint" }, "What you compose and render appears here, with its seed, until the studio is closed.");
    $("panel-takes").append(el("div", { className: "panel" }, this.none, this.list));
    work.addEventListener("takes", () => this.#draw());
    player.addEventListener("tracks", () => this.#mark());
    this.#draw();
  }

  #draw() {
    const takes = [...this.work.takes.values()].reverse();
    $("n-takes").textContent = takes.length ? String(takes.length) : "";
    this.none.hidden = takes.length > 0;
    const open = new Set([...this.list.querySelectorAll("details[open]")].map((one) => one.dataset.take));
    this.list.replaceChildren(...takes.map((take) => this.#row(take, open.has(String(take.take)))));
    this.#mark();
  }

  #row(take, isOpen) {
    const file = (kind, name) => el("a", { className: "button", href: `/api/takes/${take.take}/${kind}`, download: name }, KINDS[kind]);
    const settings = Object.entries(take.settings).map(([name, value]) => el("div", {}, el("dt", {}, name.replaceAll("_", " ")), el("dd", {}, Array.isArray(value) ? value.join(", ") : String(value))));
    const facts = `${take.name} · ${plural(take.notes, "note")}, ${(take.audio?.seconds ?? take.seconds).toFixed(1)} s`;
    const reads = take.kind === "played" ? [`${take.name}.mid`] : take.inputs;
    return el("li", { dataset: { take: String(take.take) } },
      el("div", { className: "take-head" }, el("strong", {}, take.what), el("span", { className: "hint" }, facts)),
      el("div", { className: "group" },
        take.audio ? el("button", { type: "button", className: "hear", onclick: () => this.hear(take.take) }, "Hear") : null,
        el("button", { type: "button", onclick: () => this.#open(take) }, "To the desk"),
        take.audio ? file("wav", `${take.name}.wav`) : null, file("mid", `${take.name}.mid`), file("musicxml", `${take.name}.musicxml`),
        el("button", { type: "button", "aria-label": `Remove ${take.name}`, title: "Remove", onclick: () => this.#remove(take) }, "×")),
      el("details", { open: isOpen, dataset: { take: String(take.take) } }, el("summary", {}, "Settings and command line"),
        el("dl", { className: "settings" }, ...settings),
        el("pre", { tabIndex: 0, "aria-label": "Command line" }, take.command),
        el("div", { className: "group" },
          el("button", { type: "button", onclick: () => this.#copy(take.command) }, "Copy the command"),
          ...take.inputs.map((name) => el("a", { className: "button", href: `/api/takes/${take.take}/given`, download: name }, name))),
        reads.length ? el("p", { className: "hint" }, `It reads ${reads.join(" and ")}, and makes the same file${take.settings.version === "reference" ? `, ${take.name}/reference.wav` : ""}, byte by byte.`)
          : el("p", { className: "hint" }, "It makes the same file, byte by byte.")));
  }

  #mark() {
    const current = this.player.isHidden ? null : this.work.takeOf(this.player.current)?.take;
    for (const row of this.list.children) row.classList.toggle("current", row.dataset.take === String(current));
  }

  async hear(number) {
    await this.player.start();
    const track = await this.work.track(number);
    this.player.gain(track, 1);
    this.player.select(track);
    this.player.seek(0);
    await this.player.play();
  }

  async #open(take) {
    const { score } = await get(`/api/takes/${take.take}/score`);
    this.load(score, `${take.name} is on the desk.`);
  }

  async #remove(take) {
    await remove(`/api/takes/${take.take}`);
    this.player.drop(this.work.tracks.get(take.take));
    this.work.takes.delete(take.take);
    this.work.dispatchEvent(new Event("takes"));
  }

  async #copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied.");
    } catch {
      say("The browser does not let the page copy; select the text instead.", "error");
    }
  }
}
