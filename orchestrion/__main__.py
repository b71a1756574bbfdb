"""``python -m orchestrion``."""

from orchestrion.cli import main

if __name__ == "__main__":
    main()
