"""Put a trained composer among the shipped ones, with what `compose` does by default: forms, finals, parts.

    python benchmarks/ship_composer.py runs/melodies/model.safetensors --data melodies --name melodies
    python benchmarks/ship_composer.py melodies --data melodies --name melodies        # the defaults alone, of shipped weights

Forms and finals are read off the training split of the data.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from orchestrion import shipped
from orchestrion.composer.compose import Composer
from orchestrion.training.composer_task import ComposerTask

KEPT = ("licence", "description", "source")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--data", required=True)
    parser.add_argument("--name", required=True)
    arguments = parser.parse_args()
    composer, before = Composer.load(arguments.model), Composer.load(arguments.name)
    defaults = {"name": before.default("name", "melody")} | ComposerTask(composer.config, arguments.data).defaults
    kept = {key: before.metadata[key] for key in KEPT if key in before.metadata}
    target = shipped.FOLDER / f"composer-{arguments.name}.safetensors"
    replace(composer, metadata=kept | dict(composer.metadata) | {"defaults": defaults, "data": arguments.data}).save(target)
    print(f"{target.name}: {target.stat().st_size / 1e6:.2f} MB, {len(str(defaults)):,} characters of defaults")


if __name__ == "__main__":
    main()
