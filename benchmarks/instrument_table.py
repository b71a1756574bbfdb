"""The table of driven instruments in ``docs/figures/instruments.md``, from the headers of what ships (written by ``ship_orchestra.py``),
and the page of their pictures, ``docs/figures/pictures.md``.

    python benchmarks/instrument_table.py
"""

from __future__ import annotations

from pathlib import Path

from orchestrion import header, shipped
from orchestrion.score import pitch_name

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, PICTURES = DOCS / "figures" / "instruments.md", DOCS / "figures" / "pictures.md"
INTRODUCTION = """# Pictures of every instrument

Of each instrument its tables: how far its pitches lie off equal temperament, how loud its partials are over pitch and age, and how loud what is
not harmonic is beside them. Then, where it was measured note by note: the error of the level of each note, and the log-spectral distance
of the network and of the source alone. The figures stand [in a table](instruments.md).
"""
BEGIN, END = "<!-- benchmarks/instrument_table.py -->\n\n", "\n<!-- end -->\n"
HEAD = (
    "| instrument | notes from | range | notes missing | level, mean error (dB) | log-spectral distance: network / source alone / its partials alone / two draws of its noise; source alone from those that the table holds; two recordings of one note (dB) "
    "| of the network | a soft note after rest (dB) |\n| --- | --- | --- | ---: | ---: | --- | ---: | ---: |\n"
)


def table() -> str:
    """A row for each instrument that was measured note by note."""
    rows = []
    for name in shipped.instruments():
        facts = header.read(shipped.FOLDER / f"{name}.safetensors")
        m = facts.get("metrics", {})
        if "soft_note_after_rest_db" not in m:  # measured otherwise: their cards tell
            continue
        data, (low, high), held = facts["data"], facts["pitch_range"], m.get("distance_db_of_those_held")
        between_takes = m.get("distance_db_between_takes")
        takes = "".join(f"; {one}" for one in (held, between_takes) if one is not None)
        rows.append(
            f"| `{name}` | {data.get('attribution')} ({facts['licence']}) | {pitch_name(low)}–{pitch_name(high)} "
            f"| {m['missing']:.0f} of {m['notes']:.0f} | {m['level_error_db_mean']} "
            f"| {m['distance_db']} / {m['distance_db_source_alone']} / {m.get('distance_db_partials_alone', '–')} / {m.get('distance_db_between_draws', '–')}{takes} | {facts.get('trust', 1):.0%} | {m['soft_note_after_rest_db']:+} |\n"
        )
    return HEAD + "".join(rows)


def written(page: str) -> str:
    """``page`` with the table between its two marks."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.split(END)[1]}"


def pictures() -> str:
    """The page of pictures: every instrument that has some."""
    parts = [INTRODUCTION]
    for name in shipped.instruments():
        shown = [
            f"![{alt} of {name}](../sources/{file})"
            for file, alt in ((f"{name}.png", "Tuning, levels and residual"), (f"{name}-notes.png", "Levels and distances of the notes"))
            if (DOCS / "sources" / file).is_file()
        ]
        parts += [f"## {name}\n", *(f"{one}\n" for one in shown)] if shown else []
    return "\n".join(parts)


if __name__ == "__main__":
    PICTURES.write_text(pictures(), encoding="utf-8")
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
