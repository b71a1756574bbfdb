"use strict";
(() => {
  const study = JSON.parse(document.getElementById("study").textContent);
  const view = document.getElementById("view");
  const status = document.getElementById("status");
  const FORMAT = "orchestrion-listening";
  const GAP = study.gap;

  // Chance: the same listener always gets the same order.
  function fnv1a(text) {
    let value = 0x811c9dc5;
    for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
    return value;
  }
  function randomNumbers(seed) { // mulberry32
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }
  function shuffled(items, random) {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }
  function completionCode(listener) {
    const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    const high = fnv1a(`${study.id}|${listener}|one`), low = fnv1a(`two|${listener}|${study.id}`);
    const value = (BigInt(high) << 32n) | BigInt(low);
    return Array.from({ length: 8 }, (_, i) => letters[Number((value >> BigInt(5 * i)) & 31n)]).join("");
  }

  // The plan: one playlist, in the listener's own order, with some trials hidden in it twice.
  function withRepeats(trials, n, random) {
    const out = [...trials];
    const again = trials.slice(0, Math.max(0, trials.length - GAP)).slice(0, n);
    for (const trial of shuffled(again, random)) {
      const first = out.indexOf(trial) + GAP + 1;
      const at = Math.min(out.length, first + Math.floor(random() * (out.length - first + 1)));
      out.splice(at, 0, { ...trial, repeat: true, ...(trial.kind === "pair" ? { a: trial.b, b: trial.a } : {}) });
    }
    return out;
  }
  function makePlan(listener) {
    const random = randomNumbers(fnv1a(`${study.id}/${listener}`));
    const list = study.lists[Math.floor(random() * study.lists.length)];
    const rate = shuffled(list.rate, random).map((clip) => ({ kind: "rate", clip, repeat: false }));
    const pairs = shuffled(list.pairs, random).map((pair) => {
      const [a, b] = shuffled(pair, random);
      return { kind: "pair", a, b, repeat: false };
    });
    const abx = shuffled(list.abx, random).map(([a, b, x]) => (random() < 0.5 ? { kind: "abx", a, b, x, repeat: false } : { kind: "abx", a: b, b: a, x, repeat: false }));
    return [...withRepeats(rate, study.repeats, random), ...withRepeats(pairs, study.pairRepeats, random), ...abx];
  }

  // State, kept on reload.
  const given = new URLSearchParams(location.search);
  const named = (given.get("listener") || given.get("PROLIFIC_PID") || given.get("workerId") || "")
    .replace(/[^A-Za-z0-9_-]/g, "").slice(0, 64);
  const place = `${FORMAT}/${study.id}${named ? `/${named}` : ""}`;
  let canKeep = true;
  function fresh() {
    const bytes = crypto.getRandomValues(new Uint8Array(8));
    const listener = named || Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
    return { listener, step: "welcome", checks: 0, checkFailures: 0, answers: [] };
  }
  function load() {
    try {
      const kept = JSON.parse(localStorage.getItem(place));
      if (kept && typeof kept.listener === "string" && Array.isArray(kept.answers)) return kept;
    } catch { canKeep = false; }
    return fresh();
  }
  function keep() {
    try { localStorage.setItem(place, JSON.stringify(state)); canKeep = true; } catch { canKeep = false; }
  }
  let state = load();
  let plan = makePlan(state.listener);

  // Building blocks of the page.
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }
  let players = [];
  function show(own, ...children) {
    for (const player of players) player.stop();
    players = own;
    status.textContent = "";
    view.replaceChildren(...children);
    view.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
  function makePlayer(file, name, onHeard) {
    const audio = new Audio();
    audio.preload = "auto";
    audio.src = `clips/${file}.wav`;
    const fill = make("div");
    const label = (text, more = "") => [text, name, more].filter(Boolean).join(" ");
    const button = make("button", { type: "button", class: "play", "data-clip": file }, label("▶ Play"));
    const player = { audio, button, heard: false, plays: 0, failed: false, stop() { audio.pause(); audio.removeAttribute("src"); audio.load(); } };
    player.toggle = () => {
      if (!audio.paused) { audio.pause(); return; }
      for (const other of players) if (other !== player) other.audio.pause();
      player.plays += audio.currentTime === 0 || audio.ended ? 1 : 0;
      audio.play().catch((error) => { if (error.name !== "AbortError") status.textContent = "The browser did not play the clip; press Play again."; });
    };
    button.addEventListener("click", player.toggle);
    audio.addEventListener("play", () => { button.textContent = label("❚❚ Pause"); });
    audio.addEventListener("pause", () => { button.textContent = label("▶ Play"); });
    audio.addEventListener("timeupdate", () => { fill.style.width = `${(100 * audio.currentTime) / (audio.duration || 1)}%`; });
    audio.addEventListener("ended", () => { player.heard = true; button.textContent = label("▶ Play", "again"); fill.style.width = "100%"; onHeard(); });
    audio.addEventListener("error", () => {
      if (!audio.getAttribute("src")) return;
      player.failed = player.heard = true;
      status.textContent = "This clip could not be loaded. Check your connection and reload the page; your answers are kept.";
    });
    player.element = make("div", { class: "card" }, button, make("div", { class: "bar", "aria-hidden": "true" }, fill));
    return player;
  }
  function choices(name, options, onChoice, locked) {
    return make("div", { class: "choices" }, ...options.map(([value, big, small]) =>
      make("label", {},
        make("input", { type: "radio", name, value, disabled: locked, onchange: () => onChoice(value) }),
        make("strong", {}, big), small ? make("small", {}, small) : "")));
  }
  function unlock() { for (const input of view.querySelectorAll("input")) input.disabled = false; }

  // The steps.
  function welcome() {
    const n = plan.length, seconds = study.seconds * plan.reduce((sum, t) => sum + ({ rate: 1, pair: 2, abx: 3 })[t.kind], 0) + 6 * n;
    const minutes = Math.max(1, Math.round(seconds / 60));
    const parts = [];
    if (plan.some((t) => t.kind === "rate")) parts.push(make("li", {}, "First you rate single clips from 1 to 5."));
    if (plan.some((t) => t.kind === "pair")) parts.push(make("li", {}, parts.length ? "Then you choose the better one of two clips, several times." : "You choose the better one of two clips, several times."));
    if (plan.some((t) => t.kind === "abx")) parts.push(make("li", {}, "Some clips come a third time, and you say which of two they are."));
    show([],
      make("h2", {}, "Listen, and say what you think"),
      make("p", {}, `You will be asked ${n} times about short pieces of audio, which takes about ${minutes} ${minutes === 1 ? "minute" : "minutes"}. They come from several programs that make music, and some may be recordings. You are not told which is which.`),
      make("ul", {}, ...parts, make("li", {}, "There are no right answers. Some clips are noise, or nearly silent; rate them like any other.")),
      make("p", {}, "Use headphones if you can, in a quiet place. You can close this page and come back: your answers are kept in this browser. ", study.collect ? "At the end they are sent to the server that this page came from, and nowhere else." : "Nothing is sent anywhere; at the end you download your answers as a file."),
      make("p", { class: "keys soft" }, make("kbd", {}, "Space"), " plays and pauses, ", make("kbd", {}, "1"), "–", make("kbd", {}, "5"), " rate, ", make("kbd", {}, "A"), " and ", make("kbd", {}, "B"), " choose, ", make("kbd", {}, "Enter"), " goes on."),
      canKeep ? "" : make("p", { class: "warn" }, "This browser does not let the page keep anything: please do not reload or close it before the end."),
      make("div", { class: "row" }, make("button", { type: "button", class: "main", id: "next", onclick: () => go("volume") }, "Begin")),
    );
  }
  function volume() {
    const sample = makePlayer(study.volume, "the sample", () => {});
    const check = study.checks[(fnv1a(state.listener) + state.checks) % study.checks.length];
    let chosen = null;
    const next = make("button", { type: "button", class: "main", id: "next", disabled: true, onclick: () => {
      state.checks += 1;
      const right = fnv1a(`${study.id}|${check.file}|${chosen}`) === check.answer;
      if (right) { go("trials"); return; }
      state.checkFailures += 1;
      keep();
      volume();
      status.textContent = "That was not the number of beeps. Turn the volume up a little, or use headphones, and try again.";
    } }, "Continue");
    const beeps = makePlayer(check.file, "the beeps", unlock);
    show([sample, beeps],
      make("h2", {}, "Set your volume"),
      make("p", {}, "Play the sample and set the volume so that it is comfortable. Please leave it there until the end; all clips are equally loud."),
      sample.element,
      make("p", {}, "Now play some soft beeps and count them."),
      beeps.element,
      make("fieldset", {}, make("legend", {}, "How many beeps are there?"),
        choices("beeps", [["2", "2"], ["3", "3"], ["4", "4"], ["5", "5"]], (value) => { chosen = value; next.disabled = false; }, true)),
      make("div", { class: "row" }, next),
    );
  }
  function trial() {
    const number = state.answers.length, current = plan[number];
    const before = plan[number - 1];
    const isFirst = !before || before.kind !== current.kind;
    const started = performance.now();
    let choice = null;
    const ready = () => { if (own.every((player) => player.heard)) unlock(); };
    const clips = { rate: [[current.clip, ""]], pair: [[current.a, "A"], [current.b, "B"]], abx: [[current.a, "A"], [current.b, "B"], [current.x, "X"]] };
    const own = clips[current.kind].map(([clip, name]) => makePlayer(clip, name, ready));
    const next = make("button", { type: "button", class: "main", id: "next", disabled: true, onclick: () => {
      state.answers.push({
        trial: number, ...current, answer: choice, plays: own.map((player) => player.plays),
        seconds: Math.round((performance.now() - started) / 100) / 10,
      });
      go(state.answers.length < plan.length ? "trials" : "end");
    } }, "Next");
    const onChoice = (value) => { choice = current.kind === "rate" ? Number(value) : value; next.disabled = false; };
    const options = current.kind === "rate"
      ? [["1", "1", "bad"], ["2", "2", "poor"], ["3", "3", "fair"], ["4", "4", "good"], ["5", "5", "excellent"]]
      : [["a", "A", current.kind === "abx" ? "is X" : "is better"], ["b", "B", current.kind === "abx" ? "is X" : "is better"]];
    const question = { rate: study.question, pair: study.pairQuestion, abx: "Which one is X?" }[current.kind];
    const first = { rate: "Rate this clip", pair: number ? "Now two clips at a time" : "Which is better?", abx: "Three clips: X is A or B" };
    const later = { rate: "Rate this clip", pair: "Which is better?", abx: "Which one is X?" };
    show(own,
      make("h2", {}, (isFirst ? first : later)[current.kind]),
      make("div", { class: ["clips", "clips two", "clips three"][own.length - 1] }, ...own.map((player) => player.element)),
      make("fieldset", {}, make("legend", {}, question), choices("answer", options, onChoice, true)),
      make("p", { class: "soft" }, own.length > 1 ? `Play ${own.length > 2 ? "all of them" : "both"} to the end, then choose. You may play them again.` : "Play it to the end, then rate it. You may play it again."),
      make("div", { class: "row" }, next),
    );
  }
  function results() {
    return {
      format: FORMAT, version: 1, study: study.id, listener: state.listener, complete: state.answers.length >= plan.length,
      code: study.code || completionCode(state.listener), check_failures: state.checkFailures, answers: state.answers,
    };
  }
  function asCsv() {
    const quote = (value) => (/[",\n]/.test(String(value)) ? `"${String(value).replace(/"/g, '""')}"` : String(value));
    const hasAbx = plan.some((t) => t.kind === "abx");
    const rows = state.answers.map((a) => [study.id, state.listener, a.trial, a.kind, a.clip ?? a.a, a.b ?? "", a.answer, a.repeat, Math.min(...a.plays), a.seconds, state.checkFailures, ...(hasAbx ? [a.x ?? ""] : [])]);
    return [["study", "listener", "trial", "kind", "clip", "other", "answer", "repeat", "plays", "seconds", "check_failures", ...(hasAbx ? ["x"] : [])], ...rows].map((row) => row.map(quote).join(",")).join("\r\n") + "\r\n";
  }
  function download(text, type, suffix) {
    const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: `listening-${study.id}-${state.listener}.${suffix}` });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    status.textContent = "Your answers have been downloaded.";
  }
  // To the server that the page came from; a page from a disk has none.
  async function send(told) {
    try {
      const answer = await fetch("answers", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(results()) });
      if (!answer.ok) throw new Error((await answer.text()).trim());
      told.textContent = "Your answers have been received. You may close this page.";
    } catch (error) {
      told.textContent = `Your answers could not be sent (${error.message}). Please download them and send the file to whoever invited you.`;
    }
  }
  function end() {
    const { code } = results();
    const told = make("p", { id: "sent", role: "status" }, "Sending your answers …");
    show([],
      make("h2", {}, "Thank you!"),
      make("p", {}, `You have answered all ${plan.length} questions.${study.collect ? "" : " Download your answers and send the file to whoever invited you."}`),
      study.collect ? told : "",
      make("div", { class: "row" },
        make("button", { type: "button", class: "main", id: "json", onclick: () => download(JSON.stringify(results(), null, 1), "application/json", "json") }, "Download answers"),
        make("button", { type: "button", id: "csv", onclick: () => download(asCsv(), "text/csv", "csv") }, "As a table (CSV)")),
      make("div", { class: "card" }, make("p", {}, "Your completion code, if you were asked for one:"), make("p", { class: "code", id: "code" }, code)),
      named ? "" : make("p", { class: "soft" }, "Somebody else wants to listen on this device? ",
        make("button", { type: "button", id: "again", onclick: () => {
          if (!confirm("Your answers will be removed from this browser. Have you downloaded them?")) return;
          state = { ...fresh(), step: "welcome" };
          plan = makePlan(state.listener);
          keep();
          go("welcome");
        } }, "Start again")),
    );
    if (study.collect) send(told);
  }
  const steps = { welcome, volume, trials: trial, end };
  function go(step) {
    state.step = step;
    keep();
    const done = state.answers.length;
    document.getElementById("where").hidden = step === "welcome";
    document.getElementById("progress").value = done / plan.length;
    document.getElementById("count").textContent = step === "volume" ? "Before you begin" : `${Math.min(done + 1, plan.length)} of ${plan.length}`;
    if (step === "end") document.getElementById("count").textContent = `${plan.length} of ${plan.length}`;
    steps[step]();
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { target } = event;
    // Space and Enter belong to a button that has the focus, and Space to a choice that is not made yet.
    const onControl = target instanceof HTMLButtonElement || (event.key === " " && target instanceof HTMLInputElement && !target.checked);
    if (event.key === " " && !onControl && players.length) {
      event.preventDefault();
      (players.find((player) => !player.audio.paused) || players.find((player) => !player.heard) || players[0]).toggle();
    } else if (event.key === "Enter" && !onControl) {
      const next = document.getElementById("next");
      if (next && !next.disabled) next.click();
    } else {
      const input = view.querySelector(`input[value="${CSS.escape(event.key.toLowerCase())}"]`);
      if (input && !input.disabled) { input.checked = true; input.dispatchEvent(new Event("change")); input.focus(); }
    }
  });
  go(steps[state.step] && !(state.step === "trials" && state.answers.length >= plan.length) ? state.step : state.answers.length >= plan.length ? "end" : "welcome");
})();
