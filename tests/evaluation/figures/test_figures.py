import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.figures.loss import loss_figure
from orchestrion.evaluation.figures.performance import (
    comparison_figure,
    draw_performance,
    performance_figure,
)
from orchestrion.evaluation.figures.style import save_figure
from orchestrion.evaluation.judge.reference import additive
from orchestrion.score import Note, Part, Score

SCORE = Score((Part("", 0, (Note(0.1, 0.6, 60, 90), Note(0.7, 1.2, 67, 60))),), title="Two notes")


def test_a_performance_is_drawn(tmp_path):
    draw_performance(tmp_path / "melody.png", SCORE, additive(SCORE))
    picture = imread(tmp_path / "melody.png")
    assert min(picture.shape[:2]) > 500
    assert picture[..., :3].std() > 0.1


def test_the_time_axes_stand_under_each_other():
    figure = performance_figure(SCORE, additive(SCORE))
    figure.draw_without_rendering()
    upper, lower = figure.axes[:2]
    assert upper.get_position().x0 == pytest.approx(lower.get_position().x0)
    assert upper.get_position().x1 == pytest.approx(lower.get_position().x1)
    assert upper.get_xlim() == lower.get_xlim()


def test_a_comparison_has_a_panel_for_each_take_on_the_same_axes():
    audio = additive(SCORE)
    figure = comparison_figure({"one": audio, "two": audio}, SCORE, "Compared")
    panels = figure.axes[:3]
    assert [axis.get_title(loc="left") for axis in panels] == ["Compared", "one", "two"]
    assert panels[1].get_ylim() == panels[2].get_ylim()
    assert len({axis.get_xlim() for axis in panels}) == 1


def test_the_same_figure_has_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        save_figure(performance_figure(SCORE, additive(SCORE)), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_silence_can_be_drawn(tmp_path):
    silence = Waveform(np.zeros(8000), 16000)
    save_figure(comparison_figure({"silence": silence}, SCORE), tmp_path / "a.png")
    save_figure(performance_figure(SCORE, silence), tmp_path / "b.png")


def test_losses(tmp_path):
    figure = loss_figure({"training": [(0, 5.0), (10, 3.0)], "held-out": [(10, 3.5)]})
    assert figure.axes[0].get_ylabel() == "bits per sample"
    save_figure(figure, tmp_path / "loss.png")
    with pytest.raises(OrchestrionError, match="no losses"):
        loss_figure({"training": []})


def test_pyplot_and_its_global_state_are_not_used():
    code = "import sys, orchestrion.evaluation.figures.performance; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_parts_have_their_colours_and_names(tmp_path):
    note = (Note(0.1, 0.6, 60, 90),)
    score = Score((Part("Violin $I_", 40, note), Part("", 41, note), Part("kit", 0, note, True), Part("_Viola and a long name of hers", 42, note)))
    figure = performance_figure(score, additive(score))
    save_figure(figure, tmp_path / "a.png")
    (legend,) = [axis.get_legend() for axis in figure.axes if axis.get_legend()]
    assert [text.get_text() for text in legend.get_texts()] == ["Violin $I_", "part 2", "Viola and a long na"]
    assert len({patch.get_facecolor()[:3] for patch in figure.axes[0].patches}) == 3
    alone = performance_figure(SCORE, additive(SCORE)).axes[0]
    assert alone.get_legend() is None and len({patch.get_facecolor()[:3] for patch in alone.patches}) == 1


def test_an_orchestra_is_drawn_in_one_colour(tmp_path):
    score = Score(tuple(Part(f"p{i}", 40, (Note(0.1, 0.6, 50 + i, 90),)) for i in range(9)))
    assert performance_figure(score, additive(score)).axes[0].get_legend() is None


def test_a_title_is_no_formula(tmp_path):
    """A score called $\\frac ended the rendering in a traceback, after the work."""
    score = Score(SCORE.parts, title="$\\frac{ $")
    draw_performance(tmp_path / "a.png", score, additive(score))


def test_characters_that_the_font_lacks_are_no_lines_of_warning(tmp_path, recwarn):
    draw_performance(tmp_path / "a.png", Score(SCORE.parts, title="春の海"), additive(SCORE))
    assert not recwarn.list
