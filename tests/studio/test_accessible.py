"""Who cannot see, or has no mouse: names, roles, the order of focus, contrast by WCAG 2.2 (1.4.3 and 1.4.11), in light and dark, in every panel."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser import CHROMIUM, Browser
from tests.studio.conftest import DUO
from tests.studio.driving import load

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]
PANELS = ("compose", "play", "compare", "live", "takes")
# Text whose colour and ground, blended as they are drawn, are too near: [ratio, what is wanted, text].
CONTRAST = """(() => {
  const parsed = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
  const over = (top, under) => top.slice(0, 3).map((value, i) => value * top[3] + under[i] * (1 - top[3]));
  const channel = (value) => ((value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  window.ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  window.ground = (one) => {
    const layers = [];
    for (let at = one; at; at = at.parentElement) layers.push(parsed(getComputedStyle(at).backgroundColor));
    return layers.reduceRight((under, layer) => over(layer, under), [255, 255, 255]);
  };
  window.ink = (one, pseudo) => {
    const style = getComputedStyle(one, pseudo);
    const colour = parsed(style.color);
    let opacity = pseudo ? Number(style.opacity) : 1;
    for (let at = one; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
    return over([...colour.slice(0, 3), colour[3] * opacity], ground(one));
  };
  const isShown = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length && !one.closest('.sr, [hidden], .toast, .skip');
  const isOff = (one) => one.closest(':disabled') || one.closest('.off');
  const own = (one) => [...one.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
  const found = [];
  for (const one of document.querySelectorAll('body *')) {
    if (!isShown(one) || isOff(one) || one.closest('canvas, svg, option')) continue;
    const isField = ['INPUT', 'SELECT'].includes(one.tagName) && !['range', 'checkbox'].includes(one.type);
    if (!own(one) && !isField) continue;
    const style = getComputedStyle(one);
    const size = parseFloat(style.fontSize);
    const wanted = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const has = ratio(ink(one), ground(one));
    if (has < wanted) found.push([has, wanted, one.textContent.trim().slice(0, 40) || one.id]);
    if (one.placeholder) {
      const pale = ratio(ink(one, '::placeholder'), ground(one));
      if (pale < 4.5) found.push([pale, 4.5, `placeholder ${one.placeholder}`]);
    }
  }
  return found;
})()"""
# What is drawn: pairs of the theme's colours, and the ratio that each needs.
DRAWN = [("muted", "stripe", 4.5), ("accent", "paper", 3), ("cursor", "paper", 3), ("wave", "paper", 3), ("focus", "card", 3), ("ink", "paper", 4.5),
         *((f"part-{i}", "paper", 3.0) for i in range(8))]  # fmt: skip
UNNAMED = """(() => {
  const named = (one) => one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.labels?.length || one.alt
    || (!['SELECT', 'INPUT', 'CANVAS'].includes(one.tagName) && one.textContent.trim());
  return [...document.querySelectorAll('button, input, select, textarea, a, canvas:not([aria-hidden]), summary, dialog, img, [role]')]
    .filter((one) => one.type !== 'file' && !(one.tagName === 'IMG' && one.alt === '') && !['status', 'listitem', 'list'].includes(one.getAttribute('role')))
    .filter((one) => !named(one)).map((one) => one.outerHTML.slice(0, 120));
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(desk: Browser, scheme: str) -> None:
    load(desk, DUO)
    desk.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    desk.wait(f"studio.view.isDark === {'true' if scheme == 'dark' else 'false'}")
    faint: dict[str, Any] = {}
    for panel in PANELS:
        desk.evaluate(f"document.getElementById('tab-{panel}').click(); for (const one of document.querySelectorAll('details')) one.open = true")
        faint |= {f"{panel}: {text}": (round(has, 2), wanted) for has, wanted, text in desk.evaluate(CONTRAST)}
    desk.evaluate("document.getElementById('help').showModal()")
    faint |= {f"help: {text}": (round(has, 2), wanted) for has, wanted, text in desk.evaluate(CONTRAST)}
    desk.evaluate("document.getElementById('help').close()")
    for first, second, wanted in DRAWN:
        has = desk.evaluate(
            "((a, b) => { const probe = document.createElement('i'); document.body.append(probe); const seen = [a, b].map((name) => { "
            "probe.style.color = `var(--${name})`; return getComputedStyle(probe).color.match(/[\\d.]+/g).map(Number).slice(0, 3); }); probe.remove(); "
            f"return ratio(...seen); }})('{first}', '{second}')"
        )
        if has < wanted:
            faint[f"{first} on {second}"] = (round(has, 2), wanted)
    desk.call("Emulation.setEmulatedMedia", features=[])
    assert faint == {}


def test_every_control_of_every_panel_has_a_name(desk: Browser) -> None:
    load(desk, DUO)
    for panel in PANELS:
        desk.evaluate(f"document.getElementById('tab-{panel}').click()")
        assert desk.evaluate(UNNAMED) == []
        # What a label or a description points to is there.
        assert desk.evaluate(
            "[...document.querySelectorAll('[aria-describedby], [aria-labelledby], [aria-controls], label[for]')].flatMap((one) => ['aria-describedby', "
            "'aria-labelledby', 'aria-controls', 'for'].map((name) => one.getAttribute(name)).filter((id) => id && !document.getElementById(id)))"
        ) == []
    assert desk.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id).filter((id, i, all) => all.indexOf(id) !== i)") == []
    assert desk.evaluate("document.documentElement.lang") == "en" and desk.evaluate("document.querySelectorAll('main, h1').length") == 2


def test_the_tab_key_goes_through_the_page_in_the_order_it_is_read_and_gets_out_again(desk: Browser) -> None:
    load(desk, DUO)
    desk.evaluate("document.getElementById('tab-live').click(); document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    desk.evaluate("document.querySelector('.skip').focus()")
    order: list[str] = []
    for _ in range(80):
        desk.press("Tab")
        here = desk.evaluate("document.activeElement === document.body ? '' : document.activeElement.id || document.activeElement.dataset.tool || document.activeElement.textContent")
        if here in ("", order[0] if order else None):
            break
        order.append(here)
    reached = set(order)
    for name in ("new", "open", "tune", "hum", "title", "tempo", "meter", "part", "draw", "undo", "snap", "velocity", "roll", "scroll", "tab-live", "live-start", "render", "volume"):
        assert name in reached or desk.evaluate(f"document.getElementById('{name}')?.disabled === true"), (name, order)
    places = [order.index(name) for name in ("new", "title", "draw", "roll", "tab-live", "live-instrument", "live-start", "render")]
    assert places == sorted(places)
    assert "compose" not in reached and "select" not in reached  # one stop for the tabs, one for the tools


def test_the_skip_link_leads_to_the_roll_and_help_gives_the_focus_back(desk: Browser) -> None:
    desk.evaluate("document.querySelector('.skip').click()")
    assert desk.evaluate("document.activeElement.id") == "roll"
    desk.evaluate("document.getElementById('help-button').focus(); document.getElementById('help-button').click()")
    assert desk.evaluate("document.getElementById('help').open && document.activeElement.closest('dialog') !== null")
    desk.evaluate("document.querySelector('#help button').click()")
    assert desk.evaluate("document.activeElement.id") == "help-button"


def test_what_happens_is_told_to_screen_readers(desk: Browser) -> None:
    assert desk.evaluate("document.getElementById('status').getAttribute('role')") == "status"
    desk.evaluate("document.getElementById('render').click()")
    desk.wait("document.getElementById('status').textContent.includes('There are no notes yet')")
    desk.evaluate("document.getElementById('tab-live').click()")
    assert desk.evaluate("document.getElementById('live-start').getAttribute('aria-pressed')") == "false"
