// The studio: what the parts of the page know of each other.

import { arrows } from "./arrows.js";
import { Compare } from "./compare.js";
import { Composing, keptPlayers } from "./composing.js";
import { $, clock, el, plural, say } from "./dom.js";
import { Pictures, Velocities } from "./lanes.js";
import { Editor } from "./editor.js";
import { Hum } from "./hum.js";
import { keepScore, keptScore } from "./keeping.js";
import { Keys } from "./keys.js";
import { Live } from "./live.js";
import { Model } from "./model.js";
import { Playing } from "./playing.js";
import { Roll } from "./roll.js";
import { Ruler } from "./ruler.js";
import { download, fetched, get, post, upload } from "./server.js";
import { Player } from "./sound.js";
import { Takes } from "./takes.js";
import { themes } from "./themes.js";
import { View } from "./view.js";
import { Work } from "./work.js";

const about = await get("/api/about").catch((error) => {
  say(error.message, "error");
  throw error;
});
const model = new Model();
const view = new View();
const player = new Player(about.rate);
const settings = { tool: "draw", snap: 0.25, velocity: 80, setVelocity: (value) => ($("velocity").value = settings.velocity = value), audition: (...note) => (live?.job ? live.strike(...note) : player.audition(...note)) };
let live = null;
addEventListener("pointerdown", () => player.start(), { once: true }); // browsers let a page sound after a gesture only
const editor = new Editor(model, view, settings);
const roll = new Roll(model, view, editor);
const ruler = new Ruler(model, view, seek);
const velocities = new Velocities(model, view, settings);
const pictures = new Pictures(player, view, seek);
const work = new Work(player);
const playing = new Playing(about, model, work, player);
const composing = new Composing(about, model, view, work);
live = new Live({ about, model, view, player, playing, settings, keys: new Keys(settings), work, move: recordingAt });
const compare = new Compare(work, player, playing);
new Takes(work, player, (score, message) => open(keptPlayers(score, model), message));

// ---- drawing: at most once a frame, all lanes together

let isDue = false;
function redraw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    roll.draw();
    ruler.draw();
    velocities.draw();
    pictures.draw();
    const shown = (view.width - 52) / view.scale;
    const most = Math.max(0.001, view.length - shown * 0.5);
    $("scroll").value = String(Math.round((1000 * view.start) / most));
    $("scroll").disabled = view.start === 0 && view.length < shown;
  });
}
view.addEventListener("change", redraw);
model.addEventListener("selection", () => {
  $("delete").disabled = !model.selection.size;
  redraw();
});
model.addEventListener("change", () => {
  view.length = Math.max(8, model.duration, (player.track?.frames ?? 0) / player.rate);
  showFacts();
  showTime();
  redraw();
});
new ResizeObserver(redraw).observe($("desk"));

// ---- the position

function seek(seconds) {
  view.cursor = seconds;
  player.seek(seconds);
  showTime();
  redraw();
}

player.addEventListener("position", ({ detail }) => {
  if (player.playing || detail.ended) view.cursor = detail.ended ? 0 : player.at;
  if (detail.ended && hasTurned) view.scrollTo(0);
  if (!player.playing) hasTurned = false;
  if (player.playing && !player.waiting) follow();
  showTime();
  redraw();
});
player.addEventListener("samples", redraw);
let chosenWith = null; // what was on the desk when the track that is heard was chosen
player.addEventListener("chosen", () => (chosenWith = model.parts));
player.addEventListener("tracks", showTime);
/** Whether what would be heard is older than what is seen. */
const isStale = () => Boolean(player.track) && chosenWith !== model.parts && !compare.isHiding && !work.isBusy;
work.addEventListener("busy", showTime);

/** Where the score is while it is being recorded. */
function recordingAt(seconds) {
  view.cursor = seconds;
  follow();
  showTime();
  redraw();
}

let hasTurned = false;
/** Turn the page when the cursor leaves it. */
function follow() {
  if (roll.action || (view.cursor >= view.start && view.cursor < view.end - 24 / view.scale)) return;
  hasTurned = true;
  view.scrollTo(view.cursor - 0.5);
}

function showTime() {
  const track = player.track;
  $("time").textContent = track ? `${clock(view.cursor)} / ${clock(track.frames / player.rate)}` : clock(view.cursor);
  $("now").textContent = track && !compare.isHiding && !work.isBusy ? `${track.label}${isStale() ? ", before your changes" : ""}` : "";
  $("play").disabled = !track && model.isEmpty;
  $("rewind").disabled = !track;
  $("play").classList.toggle("playing", player.playing);
  $("play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
}

async function toggle() {
  if (player.playing) player.pause();
  else if (!player.track || isStale()) await render();
  else {
    player.seek(view.cursor);
    await player.play();
  }
}

async function render() {
  const takes = await playing.render();
  if (takes.length) say(`Rendered: ${takes[0].what}; heard after ${takes[0].first_s.toFixed(1)} s. WAV, MIDI and the command line are under Takes.`);
}

// ---- the score's facts

function showFacts() {
  const active = document.activeElement;
  if (active !== $("title")) $("title").value = model.title;
  if (active !== $("tempo")) $("tempo").value = String(Math.round(model.tempos[0][1] * 100) / 100);
  if (active !== $("meter")) $("meter").value = `${model.meter[1]}/${model.meter[2]}`;
  $("meter").disabled = model.meters.length > 1;
  $("part").replaceChildren(...model.parts.map((part, i) => el("option", { value: String(i), selected: i === model.part }, part.name || `Part ${i + 1}`)));
  $("undo").disabled = !model.done.length;
  $("redo").disabled = !model.undone.length;
  for (const id of ["save-mid", "save-xml"]) $(id).disabled = model.isEmpty;
  $("empty").hidden = !model.isEmpty;
  document.title = `${model.title || "Orchestrion"} – studio`;
}

$("title").addEventListener("change", () => model.edit({ title: $("title").value }));
$("tempo").addEventListener("change", () => {
  const bpm = Number($("tempo").value);
  if (bpm >= 10 && bpm <= 1000) model.setTempo(bpm);
  else say("A tempo is 10 to 1000 quarter notes a minute.", "error");
  $("tempo").blur();
  showFacts();
});
$("meter").addEventListener("change", () => {
  const found = /^(\d{1,2})\/(1|2|4|8|16)$/.exec($("meter").value.trim());
  if (found && Number(found[1]) >= 1 && Number(found[1]) <= 64) model.edit({ meters: [[0, Number(found[1]), Number(found[2])]] });
  else say("A meter is written like 3/4: 1 to 64 over 1, 2, 4, 8 or 16.", "error");
  $("meter").blur();
  showFacts();
});
$("part").addEventListener("change", () => model.choosePart(Number($("part").value)));

// ---- opening and saving

function open(score, message) {
  player.pause();
  model.load(score);
  editor.home();
  view.range = null;
  seek(0);
  view.fit(model);
  say(message);
}

async function openFile(file) {
  const kind = /\.[a-z]+$/i.exec(file.name)?.[0].toLowerCase() ?? "";
  if (about.recordings.includes(kind)) {
    await hear(file, kind, file.name.slice(0, -kind.length));
    return;
  }
  if (!about.formats.includes(kind)) {
    say(`The studio opens scores (${about.formats.join(", ")}) and recordings of a tune (${about.recordings.join(", ")}).`, "error");
    return;
  }
  try {
    const { score, ignored } = await upload(`/api/open?kind=${encodeURIComponent(kind)}`, file);
    if (!score.title) score.title = file.name.slice(0, -kind.length);
    const left = ignored.length ? ` Not followed: ${ignored.join("; ")}.` : "";
    open(score, `${file.name}: ${plural(score.parts.length, "part")}.${left}`);
  } catch (error) {
    say(`${file.name}: ${error.message}`, "error");
  }
}

/** Have a recording of a tune written down; the composer goes on from it. */
async function hear(data, kind, title) {
  const [take] = await work.run(`/api/hear?kind=${encodeURIComponent(kind)}&meter=${encodeURIComponent(composing.form.get("meter"))}`, data, { label: "Listening" });
  if (!take) return;
  const { score } = await get(`/api/takes/${take.take}/score`);
  open({ ...score, title }, `${plural(take.notes, "note")} heard, about ${take.bpm} quarter notes a minute. Correct them where need be; Compose goes on from them.`);
  composing.goOn();
  show($("tab-compose"));
}
new Hum($("hum"), about.longest_recording, (wav) => hear(wav, ".wav", "Hummed"));

$("new").addEventListener("click", () => {
  model.clear();
  editor.home();
  seek(0);
  view.fit(model);
});
$("open").addEventListener("click", () => $("file").click());
$("file").accept = [...about.formats, ...about.recordings].join(",");
$("file").addEventListener("change", () => {
  if ($("file").files[0]) openFile($("file").files[0]);
  $("file").value = "";
});
$("tune").append(...about.tunes.map(({ name, title }) => el("option", { value: name }, title)));
$("tune").addEventListener("change", async () => {
  const name = $("tune").value;
  $("tune").value = "";
  if (name) await openTune(name);
});
async function openTune(name) {
  open((await post("/api/tune", { name })).score, "A built-in tune is on the desk: Render, or Space, plays it.");
}
$("begin-tune").addEventListener("click", () => openTune("ode-to-joy"));
$("begin-compose").addEventListener("click", () => $("compose").click());
for (const [id, kind, ending] of [["save-mid", "mid", "mid"], ["save-xml", "musicxml", "musicxml"]]) {
  $(id).addEventListener("click", async () => {
    try {
      const blob = await fetched("/api/export", { kind, score: model.json() });
      download(blob, `${(model.title || "score").replace(/[^\p{L}\p{N} _-]+/gu, "_").slice(0, 60)}.${ending}`);
    } catch (error) {
      say(error.message, "error");
    }
  });
}
let depth = 0;
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
addEventListener("dragenter", (event) => hasFiles(event) && ($("drop").hidden = ++depth === 0));
addEventListener("dragleave", (event) => hasFiles(event) && ($("drop").hidden = --depth <= 0));
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  $("drop").hidden = true;
  if (event.dataTransfer.files[0]) openFile(event.dataTransfer.files[0]);
});

// ---- tools

const tools = [...document.querySelectorAll("[data-tool]")];
function choose(tool) {
  settings.tool = tool;
  for (const button of tools) {
    button.setAttribute("aria-checked", String(button.dataset.tool === tool));
    button.tabIndex = button.dataset.tool === tool ? 0 : -1;
  }
}
for (const button of tools) button.addEventListener("click", () => choose(button.dataset.tool));
choose("draw");
$("snap").addEventListener("change", () => (settings.snap = Number($("snap").value)));
let hasBegun = false;
$("velocity").addEventListener("input", () => {
  settings.velocity = Number($("velocity").value);
  editor.setVelocity(() => settings.velocity, { goesOn: hasBegun });
  hasBegun = model.selection.size > 0;
});
$("velocity").addEventListener("change", () => (hasBegun = false));
$("undo").addEventListener("click", () => model.undo());
$("redo").addEventListener("click", () => model.redo());
$("delete").addEventListener("click", () => editor.deleteSelected());
$("zoom-in").addEventListener("click", () => view.zoom(1.4));
$("zoom-out").addEventListener("click", () => view.zoom(1 / 1.4));
$("fit").addEventListener("click", () => view.fit(model));
$("scroll").addEventListener("input", () => {
  const shown = (view.width - 52) / view.scale;
  view.scrollTo((Number($("scroll").value) / 1000) * Math.max(0, view.length - shown * 0.5));
});
$("roll").addEventListener("wheel", (event) => {
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) view.zoom(Math.exp(-event.deltaY / 300), event.offsetX);
  else {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    view.scrollTo(view.start + sideways / view.scale, view.top - (event.shiftKey ? 0 : event.deltaY) / view.row);
  }
}, { passive: false });
$("volume").addEventListener("input", () => player.setVolume(Number($("volume").value)));
$("render").addEventListener("click", render);
$("play").addEventListener("click", toggle);
$("rewind").addEventListener("click", () => seek(0));

// ---- tabs (arrow keys as the pattern for tabs has it)

const tabs = [...document.querySelectorAll("[role=tab]")];
function show(tab) {
  for (const other of tabs) {
    const isShown = other === tab;
    other.setAttribute("aria-selected", String(isShown));
    other.tabIndex = isShown ? 0 : -1;
    $(other.getAttribute("aria-controls")).hidden = !isShown;
  }
}
for (const tab of tabs) tab.addEventListener("click", () => show(tab));
arrows(tabs, show);
arrows(tools, (button) => choose(button.dataset.tool));

// ---- theme and help

const showTheme = themes(view);
$("help-button").addEventListener("click", () => $("help").showModal());

// ---- keys that work everywhere but in fields

addEventListener("keydown", (event) => {
  if (event.target.closest("input:not([type=range]), select, textarea, dialog")) return;
  const ctrl = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (ctrl && key === "z") event.shiftKey ? model.redo() : model.undo();
  else if (ctrl && key === "y") model.redo();
  else if (ctrl || event.altKey) return;
  else if (key === " " && !event.target.closest("button, a, summary")) toggle();
  else if (key === "r") render();
  else if (key === "f") view.fit(model);
  else if (key === "home" && !event.target.closest("[role=tab], [role=radio], input")) seek(0);
  else if (key === "escape" && work.isBusy) work.cancel();
  else if (["1", "2", "3"].includes(key)) compare.hear(Number(key) - 1);
  else if (["d", "s", "v"].includes(key)) choose({ d: "draw", s: "select", v: "pan" }[key]);
  else if (["+", "="].includes(key)) view.zoom(1.4);
  else if (key === "-") view.zoom(1 / 1.4);
  else return;
  event.preventDefault();
});

addEventListener("beforeunload", (event) => {
  if (work.isBusy) event.preventDefault();
});

// ---- a reload keeps the score

keepScore(model);
const before = keptScore();
if (before) model.load(before);

await work.refresh();
showTheme();
showFacts();
showTime();
view.fit(model);
document.documentElement.dataset.ready = "yes";
// For the browser's console, and for tests.
globalThis.studio = { model, view, player, work, ruler, settings, live };
