"""`results.Results` as text for a terminal."""

from __future__ import annotations

from orchestrion.evaluation.listening.results import Results

SHOWN = 10


def as_text(found: Results) -> str:
    """Tables, best system first, then who was left out."""
    parts = [_ratings(found), _ranks(found), _pairs(found), _abx(found), _power(found), _listeners(found), *found.notes]
    return "\n\n".join(part for part in parts if part)


def _ratings(found: Results) -> str:
    rows = sorted(found.ratings.means.items(), key=lambda row: -row[1].mean) if found.ratings else []
    if not rows:
        return ""
    width = max(len("system"), *(len(name) for name, _ in rows))
    lines = [f"{'system':<{width}}  mean rating  95 % interval   ratings  listeners  clips"]
    for name, row in rows:
        interval = "–" if row.low is None else f"{row.low:.2f} to {row.high:.2f}"
        counts = f"{row.n_ratings:>8} {row.n_listeners:>10} {row.n_clips:>6}"
        lines.append(f"{name:<{width}}  {row.mean:>11.2f}  {interval:<14} {counts}")
    return "\n".join(lines)


def _ranks(found: Results) -> str:
    test = found.ratings.of_clips if found.ratings else None
    if test is None or test.h is None or test.p is None:
        return ""
    lines = [f"Kruskal-Wallis over clips: H = {test.h:.2f}, p = {_p(test.p)}"]
    sure = sorted((row for row in test.differences if row.p < 0.05), key=lambda row: row.p)
    for row in sure[:SHOWN]:
        better, worse = (row.first, row.second) if row.z > 0 else (row.second, row.first)
        lines.append(f"  {better} above {worse}: z = {abs(row.z):.2f}, p = {_p(row.p)} (Dunn, Holm)")
    if not sure:
        lines.append("  no two systems differ (Dunn, Holm, 5 %)")
    if len(sure) > SHOWN:
        lines.append(f"  and {len(sure) - SHOWN} more; all of them are in --json")
    return "\n".join(lines)


def _pairs(found: Results) -> str:
    rows = sorted((found.pairs or {}).items(), key=lambda row: -row[1].strength)
    if not rows:
        return ""
    width = max(len("system"), *(len(name) for name, _ in rows))
    lines = [f"{'system':<{width}}  strength (log-odds)  95 % interval      wins"]
    for name, row in rows:
        interval = f"{row.low:+.2f} to {row.high:+.2f}"
        lines.append(f"{name:<{width}}  {row.strength:>+19.2f}  {interval:<16} {row.wins:>4} of {row.n}")
    return "\n".join(lines)


def _abx(found: Results) -> str:
    rows = list((found.abx or {}).items())
    if not rows:
        return ""
    width = max(len("told apart (ABX)"), *(len(name) for name, _ in rows))
    lines = [f"{'told apart (ABX)':<{width}}  right         share  by chance"]
    lines += [f"{name:<{width}}  {row.n_right:>4} of {row.n:<4}  {row.share:>6.2f}  p = {_p(row.p)}" for name, row in rows]
    return "\n".join(lines)


def _power(found: Results) -> str:
    if found.ratings is None:
        return ""
    power = found.ratings.power
    clips = f"{power.clips} clips" if power.clips > 1 else "1 clip"
    listeners = (
        "no number of listeners would do with the clips there are"
        if power.listeners is None
        else f"with the clips there are, {power.listeners} listeners who rate all of them"
    )
    return (
        f"To find a difference of {power.difference:g} four times out of five: {power.ratings} independent ratings "
        f"of each system\n(this test's number finds {power.detectable:.2f}); as clips differ, at least {clips} of each;\n"
        f"{listeners}."
    )


def _listeners(found: Results) -> str:
    left_out = [row for row in found.listeners if row.left_out]
    reasons = [str(row.attention.reason) for row in left_out]
    lines = [f"{len(found.listeners) - len(left_out)} of {len(found.listeners)} listeners count."]
    # A reason is what the listener did, or what is wrong with the file.
    lines += [
        f"  left out: {row.listener}{': ' if reason.startswith('the file') else ', who '}{reason}"
        for row, reason in zip(left_out, reasons, strict=True)
    ]
    return "\n".join(lines)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
