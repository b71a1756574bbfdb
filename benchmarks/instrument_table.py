"""The table of driven instruments in ``docs/figures/instruments.md``, from the headers of what ships (written by ``ship_orchestra.py``).

    python benchmarks/instrument_table.py
"""

from __future__ import annotations

from pathlib import Path

from orchestrion import header, shipped
from orchestrion.score import pitch_name

PAGE = Path(__file__).resolve().parents[1] / "docs" / "figures" / "instruments.md"
BEGIN, END = "<!-- benchmarks/instrument_table.py -->\n\n", "\n<!-- end -->\n"
HEAD = (
    "| instrument | notes from | range | notes missing | level, mean error (dB) | log-spectral distance: network / source alone / its partials alone (dB) "
    "| a soft note after rest (dB) |\n| --- | --- | --- | ---: | ---: | --- | ---: |\n"
)


def table() -> str:
    """A row for each instrument that was measured note by note."""
    rows = []
    for name in shipped.instruments():
        facts = header.read(shipped.FOLDER / f"{name}.safetensors")
        m = facts.get("metrics", {})
        if "soft_note_after_rest_db" not in m:  # measured otherwise: their cards tell
            continue
        data, (low, high) = facts["data"], facts["pitch_range"]
        rows.append(
            f"| `{name}` | {data.get('attribution')} ({facts['licence']}) | {pitch_name(low)}–{pitch_name(high)} "
            f"| {m['missing']:.0f} of {m['notes']:.0f} | {m['level_error_db_mean']} "
            f"| {m['distance_db']} / {m['distance_db_source_alone']} / {m.get('distance_db_partials_alone', '–')} | {m['soft_note_after_rest_db']:+} |\n"
        )
    return HEAD + "".join(rows)


def written(page: str) -> str:
    """``page`` with the table between its two marks."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
