// Small helpers for the document. Nothing here parses HTML: text is only ever text.

export const $ = (id) => document.getElementById(id);

/** An element with properties, attributes (`aria…`, `role`, `for`, `list`) and children. */
export function el(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(made.dataset, value);
    else if (name in made && !["list", "role", "for"].includes(name) && !name.startsWith("aria")) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

let fading = 0;
/** A message for everybody: shown, and read out. */
export function say(text, kind = "") {
  const toast = $("status");
  toast.textContent = text;
  toast.className = `toast shown ${kind}`;
  clearTimeout(fading);
  fading = setTimeout(() => toast.classList.remove("shown"), kind === "error" ? 12000 : 4500);
}

/** A message for screen readers only. */
export function speak(text) {
  $("spoken").textContent = text;
}

export function clock(seconds) {
  const whole = Math.max(0, seconds);
  const minutes = Math.floor(whole / 60);
  return `${minutes}:${(whole - 60 * minutes).toFixed(1).padStart(4, "0")}`;
}

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
export const pitchName = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
export const isBlack = (pitch) => [1, 3, 6, 8, 10].includes(pitch % 12);
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
export const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
