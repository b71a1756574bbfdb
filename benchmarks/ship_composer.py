"""Put a trained composer among the shipped ones, with what `compose` does by default: forms, finals, parts.

    python benchmarks/ship_composer.py runs/melodies/model.safetensors --data melodies --name melodies
    python benchmarks/ship_composer.py melodies --data melodies --name melodies        # the defaults alone, of shipped weights
    python benchmarks/ship_composer.py runs/quartets/model.safetensors --data quartets --name quartets --bytes

Forms and finals are read off the training split of the data.
"""

from __future__ import annotations

import argparse

from orchestrion import shipped, weights
from orchestrion.composer.compose import ARCHITECTURE, Composer
from orchestrion.quantised import quantised
from orchestrion.training.composer_task import ComposerTask

KEPT = ("licence", "description", "source")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--data", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--score", help="what a piece is called; as before by default")
    parser.add_argument("--describe", nargs=3, metavar=("LICENCE", "DESCRIPTION", "SOURCE"), help="as before by default")
    parser.add_argument("--bytes", action="store_true", help="matrices in a byte a number")
    arguments = parser.parse_args()
    composer, target = Composer.load(arguments.model), shipped.FOLDER / f"composer-{arguments.name}.safetensors"
    before = Composer.load(arguments.name) if target.exists() else composer
    defaults = {"name": arguments.score or before.default("name", "melody")} | ComposerTask(composer.config, arguments.data).defaults
    said = dict(zip(KEPT, arguments.describe or [], strict=False))
    kept = said or {key: before.metadata[key] for key in KEPT if key in before.metadata}
    own = {"architecture": ARCHITECTURE, "config": composer.config.to_dict(), "defaults": defaults, "data": arguments.data}
    metadata = kept | dict(composer.metadata) | own
    stored = [quantised(name, t) if arguments.bytes and t.ndim == 2 else {name: t.half()} for name, t in composer.model.state_dict().items()]
    weights.save(target, {name: tensor for each in stored for name, tensor in each.items()}, metadata)
    print(f"{target.name}: {target.stat().st_size / 1e6:.2f} MB, {len(str(defaults)):,} characters of defaults")


if __name__ == "__main__":
    main()
