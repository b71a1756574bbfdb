"""How often the meters of failure find what is there and accuse what is not: `docs/meters.json` and `docs/meters.md`.

    python benchmarks/meters.py [--cases N] [--seed N] [-o FOLDER]

Run from a checkout: the cases are those of the tests, on other seeds. Half of the cases of each meter have its fault, of
random kind and strength, and half have none; rates are given with 95 % Wilson intervals.
"""

from __future__ import annotations

import argparse
import sys
from math import sqrt
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orchestrion.files import atomic_write, write_json
from orchestrion.version import VERSION
from tests.evaluation.meters.cases import CASES, rates

DESCRIPTION = {
    "generation loops": "a period of 0.1 to 1.9 s repeated, noise 25 to 45 dB below",
    "noise": "white to brown noise, alone or 3 to 15 dB above the music",
    "silence": "silence for good, for 3.3 s or more, or for most of every half second",
    "clicks at block edges": "blocks of 2,000 to 8,000 samples that do not meet",
    "energy outside the band": "hiss, hum or a whistle 10 to 0 dB below the music",
    "imaginary residue": "spectra with errors of no symmetry, 50 to 0 dB below",
    "copying": "3 to 5 s of the training audio, any level and sign, noise 12 to 40 dB below",
}


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200, help="of each meter with its fault, and as many without")
    parser.add_argument("--seed", type=int, default=5000, help="the first; cases are numbered from it")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs"))
    arguments = parser.parse_args()
    rows = []
    for meter in CASES:
        found, accused = rates(meter, arguments.cases, arguments.seed)
        rows.append(row(meter, found, accused, arguments.cases))
        print(rows[-1], flush=True)
    facts = {"version": VERSION, "cases": arguments.cases, "seed": arguments.seed, "meters": rows}
    write_json(arguments.output / "meters.json", facts)
    with atomic_write(arguments.output / "meters.md") as temporary:
        temporary.write_text(markdown(rows, arguments.cases), encoding="utf-8")


def row(meter: str, found: float, accused: float, n: int) -> dict[str, object]:
    return {"meter": meter, "fault": DESCRIPTION[meter], "found": found, "found_95": wilson(found, n), "accused": accused,
            "accused_95": wilson(accused, n)}  # fmt: skip


def wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share seen in ``n`` cases."""
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return round(max(0.0, centre - half), 4), round(min(1.0, centre + half), 4)


def markdown(rows: list[dict], n: int) -> str:
    """The table, and how it was made."""
    lines = [
        "# Meters of failure on synthetic audio", "",
        f"{n} cases of each meter with the fault and {n} without (`python benchmarks/meters.py --cases {n}`); 95 % intervals.", "",
        "| meter | fault | found | accused |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    for item in rows:
        shares = [
            f"{100 * item[k]:.1f} % ({100 * item[k + '_95'][0]:.1f}–{100 * item[k + '_95'][1]:.1f})"
            for k in ("found", "accused")
        ]
        lines.append(f"| {item['meter']} | {item['fault']} | {shares[0]} | {shares[1]} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
