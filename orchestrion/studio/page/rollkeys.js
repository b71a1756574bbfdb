// Keys of the piano roll.

import { plural, speak } from "./dom.js";

/** Lets the canvas `roll` be used by keys alone. */
export function listenToKeys(roll, editor) {
  const { model } = editor;
  roll.addEventListener("keydown", (event) => {
    const chosen = [...model.selection];
    const ctrl = event.ctrlKey || event.metaKey;
    const sides = { ArrowLeft: -1, ArrowRight: 1 };
    const ups = { ArrowUp: ctrl ? 12 : 1, ArrowDown: ctrl ? -12 : -1 };
    if (event.key in sides && event.shiftKey) editor.lengthen(sides[event.key] * editor.step);
    else if (event.key in sides && !ctrl) chosen.length ? editor.shift(sides[event.key] * editor.step, 0) : editor.movePen(sides[event.key], 0);
    else if (event.key in ups) chosen.length ? editor.shift(0, ups[event.key]) : editor.movePen(0, ups[event.key]);
    else if (event.key === "Enter") editor.enter();
    else if (event.key === "Delete" || event.key === "Backspace") editor.deleteSelected();
    else if (event.key === "Escape" && chosen.length) {
      model.select([]);
      speak("Nothing selected");
    } else if (ctrl && event.key.toLowerCase() === "a") {
      model.select(model.notes);
      speak(`${plural(model.notes.length, "note")} selected`);
    } else if (ctrl && event.key.toLowerCase() === "c") editor.copy();
    else if (ctrl && event.key.toLowerCase() === "x") {
      editor.copy();
      editor.deleteSelected();
    } else if (ctrl && event.key.toLowerCase() === "v") editor.paste();
    else if (["+", "=", "-"].includes(event.key) && chosen.length && !ctrl) editor.louder(event.key === "-" ? -5 : 5);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
