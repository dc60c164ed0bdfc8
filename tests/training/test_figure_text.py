"""Figures in words: as many digits as say something, whatever the number's size, wherever one is printed."""

from __future__ import annotations

import re

import pytest

import chainrule as cr
from chainrule.recipes.log import figure_lines
from chainrule.training import Epoch
from chainrule.training.figure_text import number, percent
from chainrule.training.progress import epoch_line

SIZES = [1.28e12, 3.4e-7, 4.1e-9, -2.5e-6, 0.0, 0.12345, 1e300, 5e-324, 99999.5]


@pytest.mark.parametrize("value", SIZES)
def test_a_number_is_read_back_to_the_digits_that_it_was_printed_with(value: float) -> None:
    for decimals in (4, 5):
        text = number(value, decimals)
        assert float(text) == pytest.approx(value, rel=1e-2, abs=0)
        assert len(text) <= 12


@pytest.mark.parametrize("value", SIZES)
def test_every_line_of_a_log_prints_it_so(value: float) -> None:
    epoch = Epoch(1, value, abs(value), {"mean_squared_error": value}, value, 0.1, 1, 1.0)
    lines = [epoch_line(epoch, 1, 10), *figure_lines({"test": {"loss": value, "min_confidence": abs(value)}})]
    for line in lines:
        for text in re.findall(r"(?:loss|error|penalty|confidence) (\S+)", line):
            assert abs(float(text)) == pytest.approx(abs(value), rel=1e-2, abs=0)
            assert len(text) <= 12


def test_a_share_that_is_not_all_or_nothing_does_not_print_as_that() -> None:
    shares = [1 / 60_000, 1 - 1 / 60_000, 1e-9, 1 - 1e-9]
    assert not {percent(share) for share in shares} & {"0.00 %", "100.00 %"}


def test_how_sure_the_least_sure_answer_is_says_nothing_where_some_are_wrong() -> None:
    (line,) = figure_lines({"test": {"loss": 0.1, "error_rate": 0.0, "min_confidence": 0.99996}})
    assert line == "test  loss 0.10000  error rate 0.00 %  min confidence 0.9999"
    (line,) = figure_lines({"test": {"loss": 0.1, "error_rate": 0.1, "min_confidence": 4e-9}})
    assert line == "test  loss 0.10000  error rate 10.00 %"


def test_a_run_whose_loss_is_huge_prints_powers_of_ten(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(cr.errors.TrainingWarning):
        cr.train(cr.Network([cr.Dense(1)]), [[1.0], [2.0]], [[1e6], [-1e6]], epochs=1, verbose=2)
    assert re.search(r"loss \d\.?\d*e\+1\d ", capsys.readouterr().out)
