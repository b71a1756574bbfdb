// Arrow keys within a group that is one stop of the Tab key, as the patterns for tabs and radio groups have it.

/** `act` is called with the button that an arrow, Home or End leads to. */
export function arrows(group, act) {
  group.forEach((button, i) => {
    button.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: i - 1, ArrowRight: i + 1, Home: 0, End: group.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = group[(to + group.length) % group.length];
      act(next);
      next.focus();
    });
  });
}
