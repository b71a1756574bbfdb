// A reload keeps the score, with its instruments.

const KEPT = "orchestrion-score";
const DELAY_MS = 500;

/** The score that was on the desk; null for none. */
export function keptScore() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

/** Keep every state of `model`, half a second after its last change. */
export function keepScore(model) {
  let keeping = 0;
  model.addEventListener("change", () => {
    clearTimeout(keeping);
    keeping = setTimeout(() => {
      try {
        const score = model.json();
        const parts = score.parts.map((part, i) => ({ ...part, player: model.parts[i].player, gain: model.parts[i].gain, pan: model.parts[i].pan }));
        sessionStorage.setItem(KEPT, JSON.stringify({ ...score, parts }));
      } catch {
        // Too large, or not allowed: a reload then begins anew, as the browser's question says.
      }
    }, DELAY_MS);
  });
}
