// What several lanes draw alike: bars and beats, the chosen bars, the cursor.

import { GUTTER } from "./view.js";

export function drawBars(g, model, view, height) {
  for (const bar of model.bars(view.end)) {
    if (bar.end < view.start) continue;
    const beatPixels = ((bar.end - bar.time) / bar.beats) * view.scale;
    for (let beat = 0; beat < bar.beats; beat++) {
      if (beat && beatPixels < 9) break;
      const x = view.x(bar.time + ((bar.end - bar.time) * beat) / bar.beats);
      if (x < GUTTER || x > view.width) continue;
      g.fillStyle = beat ? view.colours.beat : view.colours.bar;
      g.fillRect(Math.round(x), 0, 1, height);
    }
  }
}

export function drawRange(g, view, height) {
  if (!view.range) return;
  const x = Math.max(GUTTER, view.x(view.range.start));
  g.fillStyle = view.colours.range;
  g.fillRect(x, 0, Math.max(0, view.x(view.range.end) - x), height);
}

export function drawCursor(g, view, height) {
  const x = view.x(view.cursor);
  if (x < GUTTER - 1) return;
  g.fillStyle = view.colours.cursor;
  g.fillRect(Math.round(x) - 0.5, 0, 1.5, height);
}
