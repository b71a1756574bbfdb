"""Blind listening tests: `build` makes a static page, `results` reads what listeners downloaded from it.

The statistics stand one a file: `ratings` (means and intervals), `pairs` (Bradley–Terry), `ranks` (Kruskal–Wallis,
Dunn), `attention` (who is left out, and why), `power` (how many ratings a difference needs).
"""
