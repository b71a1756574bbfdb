"""The README's table of driven instruments, from the headers of what ships (written by ``ship_orchestra.py``).

    python benchmarks/instrument_table.py
"""

from orchestrion import header, shipped
from orchestrion.score import pitch_name

print("| instrument | notes from | range | notes missing | level, mean error (dB) | log-spectral distance: network / source alone (dB) | a soft note after rest (dB) |")
print("| --- | --- | --- | ---: | ---: | --- | ---: |")
for name in shipped.instruments():
    facts = header.read(shipped.FOLDER / f"{name}.safetensors")
    m = facts.get("metrics", {})
    if "soft_note_after_rest_db" not in m:  # measured otherwise: their cards tell
        continue
    data, (low, high) = facts["data"], facts["pitch_range"]
    print(
        f"| `{name}` | {data.get('attribution')} ({facts['licence']}) | {pitch_name(low)}–{pitch_name(high)} | {m['missing']:.0f} of {m['notes']:.0f} | "
        f"{m['level_error_db_mean']} | {m['distance_db']} / {m['distance_db_source_alone']} | {m['soft_note_after_rest_db']:+} |"
    )
