"""What a training shows: a bar where somebody looks, lines where they are asked for, nothing elsewhere."""

from __future__ import annotations

import io
import logging
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule.errors import InputError
from chainrule.training import progress
from chainrule.training.progress import ProgressBar, has_line, somebody_looks
from tests.terminal import Terminal, screen

CAPTURED = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("CHAINRULE_VERBOSE", raising=False)
    monkeypatch.setattr(progress, "REDRAW", 0.0)


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a terminal on which both outputs are. A fixture could not: capturing begins anew after those."""
    made = Terminal()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, made)
    return made


def network(**settings: Any) -> cr.Network:
    return cr.Network([cr.Dense(3), cr.Tanh(), cr.Dense(1), cr.Sigmoid()], seed=1, **settings)


def trained(**settings: Any) -> cr.History:
    return cr.train(network(), *cr.data.xor(), **{"epochs": 3, "batch_size": 2, **settings})


def drawings(terminal: Terminal) -> list[str]:
    return [text.split("| ")[-1] for text in terminal.getvalue().replace("\n", "\r").split("\r") if text.strip()]


def test_where_nobody_looks_nothing_is_shown_and_nothing_loaded_for_it(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)  # importing it would fail
    trained()
    assert capfd.readouterr() == ("", "")


def test_on_a_terminal_the_bar_says_how_far_how_good_how_fast_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "200")
    history = trained(validation_split=0.25, metrics="accuracy", keep="last")
    first, *_, last = drawings(terminal)
    assert first == "epoch 1/3"
    epoch = history.epochs[0]
    figures = f"loss {epoch.loss:.4f}  validation loss {epoch.validation_loss:.4f}"
    shown = next(text for text in drawings(terminal) if text.startswith(f"epoch 2/3  {figures}"))
    for word in ("validation accuracy ", "  accuracy ", "samples/s", "0:00 left"):
        assert word in shown
    assert screen(terminal.getvalue()) == [f"100%|████████████| {last}", ""]
    assert last.startswith(f"epoch 3/3  loss {history.final_loss:.4f}  validation loss ")
    assert " in 0." in last


@pytest.mark.filterwarnings("ignore:train. got a loss")  # nothing to learn
def test_it_is_drawn_now_and_then_and_not_at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    monkeypatch.setattr(progress, "REDRAW", 1000.0)
    monkeypatch.setattr(logging.getLogger("chainrule"), "disabled", True)
    trained(epochs=50)
    assert len(drawings(terminal)) == 2
    assert screen(terminal.getvalue())[0].startswith("100%|████████████| epoch 50/50")


@pytest.mark.parametrize("shown", [True, 1])
def test_a_bar_that_is_asked_for_shows_elsewhere_too(capsys: CAPTURED, shown: bool | int) -> None:
    trained(verbose=shown)
    out, err = capsys.readouterr()
    assert out == ""
    assert "epoch 3/3" in err
    assert err.count("\r") < 4  # each is one more line of a file


@pytest.mark.parametrize("hidden", [False, 0])
def test_who_wants_none_sees_none(monkeypatch: pytest.MonkeyPatch, hidden: bool | int) -> None:
    terminal = on_a_terminal(monkeypatch)
    trained(verbose=hidden)
    assert terminal.getvalue() == ""


def test_no_epochs_are_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    trained(epochs=0)
    assert terminal.getvalue() == ""


def test_a_line_an_epoch_is_printed_with_its_figures(capsys: CAPTURED) -> None:
    history = trained(verbose=2, metrics=["error_rate", "accuracy"])
    lines = capsys.readouterr().out.splitlines()
    for epoch, line in zip(history, lines, strict=True):
        words = line.split("  ")
        error, accuracy = epoch.metrics["error_rate"], epoch.metrics["accuracy"]
        assert words[:2] == [f"epoch {epoch.epoch}/3", f"loss {epoch.loss:.5f}"]
        assert words[2:4] == [f"error rate {100 * error:.2f} %", f"accuracy {accuracy:.4f}"]
        assert words[-1].endswith("samples/s")


@pytest.mark.parametrize("wrong", [3, -1, 1.0, "auto", [1]])
def test_what_is_none_of_them_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"^train verbose: got .*0 for nothing"):
        trained(verbose=wrong)


@pytest.mark.parametrize(("value", "words"), [("0", ""), ("2", "epoch 3/3"), ("", "epoch 3/3")])
def test_the_environment_says_what_is_shown_where_the_call_does_not(
    monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    terminal = on_a_terminal(monkeypatch)
    monkeypatch.setenv("CHAINRULE_VERBOSE", value)
    trained()
    assert (words or "nothing") in (terminal.getvalue() or "nothing")
    terminal.truncate(0)
    trained(verbose=False)
    assert terminal.getvalue() == ""


def test_a_wrong_word_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_VERBOSE", "yes")
    with pytest.raises(InputError, match=r"^CHAINRULE_VERBOSE: got 'yes'"):
        trained()


def test_what_a_callback_prints_comes_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)

    def tell(training: cr.training.Training, epoch: cr.training.Epoch) -> None:
        sys.stdout.write("after ")
        sys.stdout.writelines(["epoch ", f"{epoch.epoch}\n"])
        sys.stderr.write("and an error\n")

    trained(callbacks=tell)
    *above, last, empty = screen(terminal.getvalue())
    assert above == [line for epoch in (1, 2, 3) for line in (f"after epoch {epoch}", "and an error")]
    assert "| epoch 3/3  loss" in last
    assert empty == ""
    assert sys.stdout is sys.stderr is terminal


def test_half_a_line_is_not_drawn_over(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    trained(callbacks=lambda training, epoch: sys.stdout.write("."))
    assert screen(terminal.getvalue())[0] == "..."
    assert "| epoch 3/3" in screen(terminal.getvalue())[1]


@pytest.mark.parametrize("columns", [30, 40, 60, 80])
def test_the_line_is_never_longer_than_the_terminal_until_it_ends(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    terminal = on_a_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", str(columns))
    trained(validation_split=0.25, metrics=["accuracy", "error_rate"], epochs=20)
    *drawn, last = [text for text in terminal.getvalue().replace("\n", "\r").split("\r") if text.strip()]
    assert max(map(len, drawn)) < columns
    assert any("left" in text and (columns < 40 or "loss" in text) for text in drawn)
    assert "accuracy" in last


@pytest.mark.parametrize(("encoding", "character"), [("utf-8", "█"), ("ascii", "#")])
def test_a_terminal_of_few_characters_gets_an_ascii_bar(
    monkeypatch: pytest.MonkeyPatch, encoding: str, character: str
) -> None:
    class Coded(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", Coded(written, encoding, errors="backslashreplace"))

    def größe(prediction: Any, target: Any) -> float:
        return 1.5

    trained(metrics=größe, verbose=True)
    sys.stderr.flush()
    text = written.getvalue().decode(encoding)
    assert f"100%|{character * 12}| epoch 3/3" in text
    assert ("größe 1.5000" if encoding == "utf-8" else "gr\\xf6\\xdfe 1.5000") in text


def test_a_metric_cannot_speak_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)

    def metric(prediction: Any, target: Any) -> float:
        return 1.5

    metric.__name__ = "\x1b[2J"
    trained(metrics=metric)
    assert "\x1b" not in terminal.getvalue()


def test_other_threads_and_inner_trainings_draw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    thread = threading.Thread(target=trained)
    thread.start()
    thread.join()
    assert terminal.getvalue() == ""
    looked = []
    trained(callbacks=lambda training, epoch: (looked.append(somebody_looks()), trained(epochs=7)))
    assert looked == [False] * 3
    assert "/7" not in terminal.getvalue()
    assert somebody_looks()


def test_an_inner_bar_that_is_asked_for_is_gone_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    trained(callbacks=lambda training, epoch: trained(epochs=7, verbose=True))
    assert "/7" in terminal.getvalue()
    assert not [line for line in screen(terminal.getvalue()) if "/7" in line]


def test_processes_that_share_the_work_draw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    processes = types.SimpleNamespace(parent_process=lambda: "the one on the terminal")
    monkeypatch.setitem(sys.modules, "multiprocessing.process", processes)
    trained()
    assert terminal.getvalue() == ""


def test_whoever_goes_through_the_events_shows_them_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    for _ in cr.training.Training(network(), *cr.data.xor(), epochs=3).events():
        pass
    assert terminal.getvalue() == ""


def test_an_error_leaves_the_line_and_gives_the_streams_back(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)

    def fail(training: cr.training.Training, epoch: cr.training.Epoch) -> None:
        if epoch.epoch == 2:
            raise KeyError

    with pytest.raises(KeyError):
        trained(callbacks=fail)
    assert "epoch 3/3  loss" in screen(terminal.getvalue())[0]
    assert sys.stdout is sys.stderr is terminal
    assert ProgressBar.alive == 0


def test_a_training_that_is_stopped_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    trained(callbacks=lambda training, epoch: training.stop("enough"), epochs=10)
    (line, _) = screen(terminal.getvalue())
    assert line.startswith(" 10%|█▏          | epoch 1/10  loss")
    assert line.endswith("  enough")


@pytest.mark.parametrize("count", range(4))
def test_a_terminal_that_is_gone_ends_no_training(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    class Gone(Terminal):
        left = count

        def write(self, text: str) -> int:
            Gone.left -= 1
            if Gone.left < 0:
                raise OSError(28, "No space left on device")
            return super().write(text)

    monkeypatch.setattr(sys, "stderr", Gone())
    assert len(trained()) == 3


@pytest.mark.parametrize("stream", [None, object()])
def test_where_there_is_no_standard_error_nothing_is_shown(monkeypatch: pytest.MonkeyPatch, stream: Any) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    assert len(trained()) == 3


def test_what_is_shown_changes_nothing_and_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    shown = trained(validation_split=0.25)
    hidden = trained(validation_split=0.25, verbose=False)
    assert shown.network is not None
    assert hidden.network is not None
    assert shown.network.parameters.tobytes() == hidden.network.parameters.tobytes()
    terminal.truncate(0)
    assert hidden.repeat()["loss"] == hidden["loss"]
    assert terminal.getvalue() == ""
    assert hidden.repeat(verbose=None)["loss"] == hidden["loss"]
    assert "epoch 3/3" in terminal.getvalue()


def test_a_training_of_ones_own_loop_is_repeated_with_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    training = cr.training.Training(network(), *cr.data.xor(), epochs=3)
    for _ in training.events():
        pass
    training.history.repeat(verbose=False)
    assert terminal.getvalue() == ""
    training.history.repeat()
    assert "epoch 3/3" in terminal.getvalue()


def test_a_training_that_goes_on_begins_where_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    terminal = on_a_terminal(monkeypatch)
    path = tmp_path / "last.safetensors"
    trained(epochs=2, callbacks=cr.Checkpoint(path), verbose=False)
    trained(epochs=4, resume=path)
    first, second, *_ = drawings(terminal)
    assert first == "goes on at learning rate 0.001, step 5 of Adam"
    assert second.startswith("epoch 3/4  loss ")
    assert " 50%|██████      | epoch 3/4" in terminal.getvalue()


@pytest.mark.parametrize("sized", [True, False])
def test_batches_of_unknown_number_are_counted_in_the_first_epoch(monkeypatch: pytest.MonkeyPatch, sized: bool) -> None:
    terminal = on_a_terminal(monkeypatch)
    X, y = cr.data.xor()
    batches = [(X[:2], y[:2]), (X[2:], y[2:])]

    class Loader:
        def __iter__(self) -> Any:
            return iter(batches)

    cr.train(network(), batches if sized else Loader(), epochs=2)
    first = [text for text in drawings(terminal) if text.startswith("epoch 1/2  loss")]
    assert first
    assert ("steps/s" in first[-1]) == sized
    assert "steps/s" in drawings(terminal)[-1]


@pytest.mark.parametrize("widgets", [False, True])
def test_a_notebook_has_a_bar_with_widgets_or_without(
    capsys: CAPTURED, monkeypatch: pytest.MonkeyPatch, widgets: bool
) -> None:
    from tqdm.std import tqdm

    made = []

    class Widget(tqdm):
        def __init__(self, **settings: Any) -> None:
            made.append(self)
            super().__init__(file=io.StringIO(), **settings)

    shell = types.SimpleNamespace(kernel="one")
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "tqdm.notebook", types.SimpleNamespace(tqdm=Widget))
    monkeypatch.setattr(progress, "find_spec", lambda name: name if widgets else None)
    trained(epochs=30, callbacks=lambda training, epoch: training.stop() if epoch.epoch == 3 else None)
    assert ("epoch 3/30" in capsys.readouterr().err) == (not widgets)
    assert len(made) == widgets
    for bar in made:
        assert bar.desc.startswith("epoch 3/30  loss")
        assert bar.n == bar.total == 3  # or it would be shown as one that failed
        assert bar.leave is True  # as it understands that


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "chainrule" and record.levelno == level]


def test_the_log_has_some_epochs_and_the_end_and_in_detail_every_epoch(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "chainrule")
    history = trained(epochs=30)
    *epochs, end = messages(caplog, logging.INFO)
    told = [int(line.split("/")[0].removeprefix("epoch")) for line in epochs]
    assert told == [epoch for epoch in range(1, 31) if has_line(epoch, 30)]
    assert epochs[-1].startswith(f"epoch 30/30  loss {history.final_loss:.5f}")
    assert end == "ended after 30 epochs: finished"
    assert messages(caplog, logging.DEBUG) == []
    caplog.set_level(logging.DEBUG, "chainrule")
    caplog.clear()
    trained(epochs=30)
    assert len(messages(caplog, logging.DEBUG)) + len(messages(caplog, logging.INFO)) == 31


def test_the_log_says_that_a_training_goes_on(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    trained(epochs=2, callbacks=cr.Checkpoint(path))
    caplog.clear()
    trained(epochs=4, resume=path)
    assert messages(caplog, logging.INFO)[0] == (
        "resumed in epoch 3, 4 steps done: learning rate 0.001, step 5 of Adam"
    )


def test_where_nobody_listens_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "chainrule")
    trained()
    assert caplog.records == []


def test_a_log_on_the_terminal_comes_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    log, handler = logging.getLogger("chainrule"), logging.StreamHandler(terminal)
    log.addHandler(handler)
    try:
        trained()
    finally:
        log.removeHandler(handler)
    *lines, end, last, _ = screen(terminal.getvalue())
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert end == "ended after 3 epochs: finished"
    assert "| epoch 3/3" in last
