// The ruler: bar numbers; a click seeks, a drag chooses bars.

import { $ } from "./dom.js";
import { drawCursor, drawRange } from "./grid.js";
import { GUTTER, prepared } from "./view.js";

export class Ruler {
  constructor(model, view, seek) {
    Object.assign(this, { model, view });
    this.canvas = $("ruler");
    let from = null;
    const seconds = (event) => Math.max(0, view.seconds(event.clientX - this.canvas.getBoundingClientRect().left));
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      from = { x: event.clientX, seconds: seconds(event) };
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!from || Math.abs(event.clientX - from.x) < 6) return;
      this.choose(Math.min(from.seconds, seconds(event)), Math.max(from.seconds, seconds(event)));
    });
    this.canvas.addEventListener("pointerup", (event) => {
      if (from && Math.abs(event.clientX - from.x) < 6) {
        view.range = null;
        seek(from.seconds);
        view.changed();
      }
      from = null;
    });
  }

  /** Whole bars that hold these seconds. */
  choose(start, end) {
    const bars = this.model.bars(end + 1e-6).filter((bar) => bar.end > start + 1e-6 && bar.time < end - 1e-6);
    if (!bars.length) return;
    this.view.range = { start: bars[0].time, end: bars.at(-1).end, first: bars[0].number, last: bars.at(-1).number };
    this.view.changed();
  }

  draw() {
    const { view, model } = this;
    const g = prepared(this.canvas);
    const height = this.canvas.clientHeight;
    g.fillStyle = view.colours.stripe;
    g.fillRect(0, 0, view.width, height);
    drawRange(g, view, height);
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "middle";
    const bars = model.bars(view.end);
    const every = Math.max(1, 2 ** Math.ceil(Math.log2(34 / Math.max(1, (bars[0].end - bars[0].time) * view.scale))));
    for (const bar of bars) {
      if (bar.end < view.start) continue;
      const x = view.x(bar.time);
      g.fillStyle = view.colours.bar;
      if (x >= GUTTER) g.fillRect(x, height - 7, 1, 7);
      g.fillStyle = view.colours.muted;
      if ((bar.number - 1) % every === 0 && x > GUTTER - 6) g.fillText(String(bar.number), x + 3, height / 2);
    }
    g.fillStyle = view.colours.stripe;
    g.fillRect(0, 0, GUTTER, height);
    g.fillStyle = view.colours.muted;
    g.fillText("bar", 8, height / 2);
    drawCursor(g, view, height);
  }
}
