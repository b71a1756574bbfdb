// Light, dark, or as the system says; theme.js sets what was chosen last time before anything is drawn.

import { $ } from "./dom.js";

const THEMES = ["auto", "light", "dark"];
const SAID = { auto: "as the system says", light: "light", dark: "dark" };

/** The button for it; gives what shows the theme that holds. */
export function themes(view) {
  const show = () => {
    const theme = document.documentElement.dataset.theme ?? "auto";
    $("theme").textContent = theme;
    $("theme").setAttribute("aria-label", `Theme: ${SAID[theme]}`);
    view.readColours();
  };
  $("theme").addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme ?? "auto") + 1) % 3];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("orchestrion-theme", next);
    } catch {
      // It holds until the page is left, then.
    }
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  return show;
}
