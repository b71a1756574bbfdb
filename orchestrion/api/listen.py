"""``orchestrion.listen``: as ``orchestrion listen``."""

from orchestrion.evaluation.listening.build import build_page as build
from orchestrion.evaluation.listening.results import evaluate_answers as results

__all__ = ["build", "results"]
