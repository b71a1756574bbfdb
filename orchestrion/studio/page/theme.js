// Before anything is drawn: the theme chosen last time; none for the system's.
"use strict";
try {
  const theme = localStorage.getItem("orchestrion-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; the system's theme then.
}
