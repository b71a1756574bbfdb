// Jobs under way: their progress, their audio as it comes, and the takes that they end in.

import { $, plural, say } from "./dom.js";
import { bytes, follow, get, post, Refusal } from "./server.js";

const MOST_JOBS = 4; // a browser keeps six connections to one server
const MOST_TRACKS = 8; // kept in the browser; others are fetched again

export class Work extends EventTarget {
  constructor(player) {
    super();
    this.player = player;
    this.takes = new Map(); // number → facts
    this.tracks = new Map(); // take's number → track's name
    this.last = 0;
    this.n_running = 0;
    this.waiting = new Set(); // numbers of jobs of ours
    $("cancel").addEventListener("click", () => this.cancel());
  }

  async refresh() {
    const { takes } = await get("/api/takes");
    this.takes = new Map(takes.map((take) => [take.take, take]));
    this.dispatchEvent(new Event("takes"));
  }

  get isBusy() {
    return this.waiting.size > 0;
  }

  cancel() {
    for (const job of this.waiting) post("/api/cancel", { job }).catch(() => {});
    this.isCancelled = true;
  }

  /**
   * Run a job to its end. `label` is what is said of it, `autoplay` whether its audio is heard as it comes.
   * Gives the takes that came of it; none where it was cancelled.
   */
  async run(path, body, { label, autoplay = false }) {
    if (this.n_running >= MOST_JOBS) {
      say(`${MOST_JOBS} jobs are under way; let one end, or cancel them.`, "error");
      return [];
    }
    this.n_running++;
    this.dispatchEvent(new Event("start"));
    const name = `job-${++this.last}`;
    const found = [];
    let number = null;
    const asked = performance.now();
    const started = { at: 0, total: 0, done: 0, rate: 1, unit: "" };
    this.isCancelled = false;
    this.#show(label, null);
    const onEvent = (event) => {
      if (event.event === "queued") {
        number = event.job;
        this.waiting.add(number);
        if (this.isCancelled) this.cancel();
        this.#show(event.place ? `${label}: ${plural(event.place, "job")} before it` : label, null);
      } else if (event.event === "preparing") this.#show(event.what, null);
      else if (event.event === "remark") say(event.message);
      else if (event.event === "composing") Object.assign(started, { at: performance.now(), total: event.steps });
      else if (event.event === "steps") this.#advance(label, started, event.n);
      else if (event.event === "playing") {
        Object.assign(started, { at: performance.now(), total: event.samples });
        this.player.add(name, event.samples, event.channels, label);
        this.#forgetOld(name);
        if (autoplay) {
          this.player.select(name);
          this.player.seek(0);
          this.player.play();
        }
      } else if (event.event === "take") {
        this.takes.set(event.take, event);
        for (const gone of event.gone) this.takes.delete(gone);
        if (event.audio) {
          this.tracks.set(event.take, name);
          if (event.lowered_db) this.player.rebase(name, 10 ** (-event.lowered_db / 20));
        }
        found.push({ ...event, first_s: started.first_s ?? (performance.now() - asked) / 1000 });
        this.dispatchEvent(new Event("takes"));
      } else if (event.event === "failed") say(event.message, "error");
      else if (event.event === "cancelled") say("Cancelled.");
    };
    const onAudio = (samples) => {
      const isHeard = this.player.current === name && this.player.playing && !this.player.waiting;
      if (isHeard) started.first_s ??= (performance.now() - asked) / 1000;
      const channels = this.player.tracks.get(name)?.channels ?? 1;
      this.player.write(name, samples);
      this.#advance(label, started, samples.length / channels);
    };
    try {
      const end = await follow(path, body, { onEvent, onAudio });
      if (end === "done") this.player.end(name);
      else this.player.drop(name);
    } catch (error) {
      this.player.drop(name);
      say(error instanceof Refusal ? error.message : `The connection to the studio broke off (${error.message}).`, "error");
    } finally {
      this.n_running--;
      this.waiting.delete(number);
      if (!this.waiting.size) this.#hide();
    }
    return found;
  }

  /** The track of a take, fetched where it is not here any more. */
  async track(number) {
    const known = this.tracks.get(number);
    if (known && this.player.tracks.has(known)) return known;
    const take = this.takes.get(number);
    const samples = new Float32Array(await bytes(`/api/takes/${number}/audio`));
    const name = `take-${number}`;
    this.player.add(name, samples.length / take.audio.channels, take.audio.channels, take.what);
    this.player.write(name, samples);
    this.player.end(name);
    this.tracks.set(number, name);
    this.#forgetOld(name);
    return name;
  }

  takeOf(track) {
    for (const [number, name] of this.tracks) if (name === track) return this.takes.get(number) ?? null;
    return null;
  }

  #forgetOld(newest) {
    const names = [...this.player.tracks.keys()].filter((name) => name !== newest && name !== this.player.current && this.player.tracks.get(name).ended);
    for (const name of names.slice(0, Math.max(0, this.player.tracks.size - MOST_TRACKS))) this.player.drop(name);
  }

  #advance(label, started, n) {
    started.done += n;
    const share = Math.min(1, started.done / started.total);
    const seconds = (performance.now() - started.at) / 1000;
    const left = seconds > 0.7 && share > 0.02 ? (seconds / share) * (1 - share) : null;
    this.#show(label, share, left);
  }

  #show(label, share, left = null) {
    $("work").hidden = false;
    $("work-label").textContent = label;
    if (share === null) $("work-bar").removeAttribute("value");
    else $("work-bar").value = share;
    $("work-left").textContent = left === null ? "" : left < 1 ? "nearly done" : `${Math.ceil(left)} s left`;
    this.dispatchEvent(new Event("busy"));
  }

  #hide() {
    $("work").hidden = true;
    this.dispatchEvent(new Event("busy"));
  }
}
