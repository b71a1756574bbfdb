"""Batches made ahead: the same ones in the same order, made while another is in use; what goes wrong is told where its batch is asked for."""

import threading
from itertools import islice

import pytest

from orchestrion.training.ahead import made_ahead


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_batches_come_in_order_from_the_first(ahead):
    assert list(islice(made_ahead(lambda step: step * step, 5, ahead), 4)) == [25, 36, 49, 64]


def test_the_next_ones_are_made_while_one_is_in_use():
    made, done = [], threading.Event()

    def make(step):
        made.append(step)
        if step == 3:
            done.set()
        return step

    batches = made_ahead(make, 0, 3)
    assert next(batches) == 0 and done.wait(10)  # 1 to 3 are made, and nobody has asked for them
    batches.close()
    assert made == [0, 1, 2, 3]
    lazy = made_ahead(made.append, 10, 0)
    next(lazy)
    assert made[-1] == 10


def test_what_a_batch_raises_is_raised_in_its_turn():
    def make(step):
        if step == 2:
            raise ValueError("no such piece")
        return step

    batches = made_ahead(make, 0, 2)
    assert [next(batches), next(batches)] == [0, 1]
    with pytest.raises(ValueError, match="no such piece"):
        next(batches)
