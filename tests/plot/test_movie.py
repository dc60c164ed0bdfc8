"""The film of learning: a frame for each noted epoch, the same bytes each time, in the format that its name says."""

from __future__ import annotations

import math
import os
import stat
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.errors import ChainruleError, FileError, InputError, MisuseError, NonFiniteError
from chainrule.plot import Animation, animation
from chainrule.plot.movie import spread

X, Y = cr.data.xor()


def network(**settings: Any) -> cr.Network:
    settings = {"optimizer": cr.Adam(0.1)} | settings
    return cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(1), cr.Sigmoid()], **settings)


def filmed(path: Path | None, epochs: int = 6, of: cr.Network | None = None, **settings: Any) -> Animation:
    film = animation(X, Y, path=path, **{"frames": 3} | settings)
    cr.train(of or network(), X, Y, epochs=epochs, batch_size=4, callbacks=[film])
    return film


def test_a_film_has_a_frame_for_each_noted_epoch_and_holds_the_last(tmp_path: Path) -> None:
    film = filmed(tmp_path / "xor.gif", frames=4, frames_per_second=10)
    assert len(film.epochs) == 4
    assert (film.epochs[0], film.epochs[-1]) == (0, 6)
    with Image.open(tmp_path / "xor.gif") as picture:
        assert picture.n_frames == 4
        assert picture.info["loop"] == 0
        durations, frames = [], []
        for k in range(4):
            picture.seek(k)
            durations.append(picture.info["duration"])
            frames.append(np.asarray(picture.convert("RGB")))
    assert durations == [100, 100, 100, 2000]
    assert all((a != b).mean() > 0.01 for a, b in pairwise(frames))


def test_frames_are_close_together_where_the_loss_falls() -> None:
    film = animation(X, Y, frames=20)
    history = cr.train(network(), X, Y, epochs=400, batch_size=4, callbacks=[film])
    losses = {record.epoch: record.loss for record in history}
    falls = [losses[a or 1] - losses[b] for a, b in pairwise(film.epochs)]
    assert len(film.epochs) <= 20
    assert max(falls) < 0.15 * (losses[1] - losses[400])
    half = next(epoch for epoch, loss in losses.items() if loss < 0.5 * losses[1])
    assert sum(epoch <= 2 * half for epoch in film.epochs) >= 0.7 * len(film.epochs)  # though that is a small part
    assert half < 100
    assert len(film._parameters) == len(film.epochs)


@pytest.mark.parametrize(
    ("losses", "count", "places"),
    [
        ([5.0] * 11, 3, [0, 5, 10]),  # nothing falls: by time
        ([1.0, 3.0, 1.0, 3.0, 0.0], 3, [0, 3, 4]),
        ([math.nan, math.inf, 2.0, 1.0], 10, [0, 1, 2, 3]),
        ([1.0], 10, [0]),
    ],
)
def test_which_epochs_are_shown_is_decided_by_the_least_loss_so_far(
    losses: list[float], count: int, places: list[int]
) -> None:
    assert spread(range(len(losses)), losses, count) == places


@pytest.mark.parametrize("count", [7, 60, 400])
def test_a_film_takes_ten_seconds_at_most(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    film = filmed(None, epochs=1, frames=count)
    told: list[list[float]] = []
    monkeypatch.setattr(Animation, "_drawn", lambda self, network: [np.zeros((4, 4, 3), np.uint8)] * count)
    monkeypatch.setattr("chainrule.plot.movie._gif", lambda frames, seconds: told.append(seconds))
    monkeypatch.setattr("chainrule.plot.movie.write_atomically", lambda *_, **__: None)
    film.save("never.gif")
    assert 2 <= sum(told[0]) <= 10.1


def test_the_same_training_gives_the_same_film(tmp_path: Path) -> None:
    for name in ("a.gif", "b.gif"):
        filmed(tmp_path / name, epochs=1)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_filming_changes_nothing_in_the_training() -> None:
    alone, watched = network(), network()
    cr.train(alone, X, Y, epochs=6, batch_size=4)
    filmed(None, of=watched)
    np.testing.assert_array_equal(alone.parameters, watched.parameters)


def test_it_ends_where_training_was_stopped(tmp_path: Path) -> None:
    film = animation(X, Y, frames=2)
    stop = cr.EarlyStopping(patience=1, minimum_change=100.0)
    history = cr.train(network(), X, Y, epochs=100, callbacks=[film, stop])
    assert film.epochs == [0, len(history)]
    film.save(tmp_path / "late.gif")
    assert (tmp_path / "late.gif").read_bytes().startswith(b"GIF89a")


def test_a_loss_that_becomes_infinite_is_what_train_says_it_is() -> None:
    bad = cr.Network([cr.Dense(4), cr.Identity(), cr.Dense(1)], loss=cr.MeanSquaredError(), optimizer=cr.SGD(30.0))
    film = animation(X, Y, frames=100)
    with pytest.raises(NonFiniteError, match="learning rate"):
        cr.train(bad, X, Y, epochs=100, callbacks=[film])
    assert len(film.epochs) > 1


posix = pytest.mark.skipif(os.name == "nt", reason="Windows runs no shell scripts")


def program(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program called ffmpeg first on the path."""
    (folder / "ffmpeg").write_text(f"#!/bin/sh\n{code}\n")
    (folder / "ffmpeg").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@posix
def test_an_mp4_gets_every_frame_and_the_last_ones_for_two_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, 'for out; do :; done; { echo "$@"; cat; } > "$out"', monkeypatch)
    filmed(tmp_path / "xor.mp4", epochs=1, frames_per_second=4)
    told, _, content = (tmp_path / "xor.mp4").read_bytes().partition(b"\n")
    assert b"-s 540x600 -r 4 -i -" in told
    assert len(content) == (1 + 8) * 540 * 600 * 3


@posix
def test_an_ffmpeg_that_fails_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "cat > /dev/null; echo no such codec >&2; exit 3", monkeypatch)
    with pytest.raises(FileError, match="got an ffmpeg that failed: no such codec"):
        filmed(tmp_path / "xor.mp4", epochs=1)
    assert not (tmp_path / "xor.mp4").exists()


def test_without_ffmpeg_an_mp4_is_refused_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileError, match=r"no program ffmpeg.*Save a \.gif instead"):
        animation(X, Y, path=tmp_path / "xor.mp4")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "xor.png"}, r"a name that ends in \.gif or \.mp4"),
        ({"frames": 1}, "animation frames"),
        ({"frames": 401}, "animation frames"),
        ({"frames_per_second": 0}, "animation frames_per_second"),
    ],
)
def test_settings_are_checked_before_training(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        animation(X, Y, **settings)


@pytest.mark.parametrize(
    ("points", "classes", "error"),
    [(X, Y + 0.25, InputError), (X[:2], Y, ChainruleError), (np.ones((2, 3)), [[0], [1]], ChainruleError)],
)
def test_what_cannot_be_filmed_is_refused_before_the_first_step(points: Any, classes: Any, error: Any) -> None:
    of = network()
    with pytest.raises(error, match=r"^animation"):
        cr.train(of, X, Y, epochs=3, callbacks=[animation(points, classes, path="never.gif")])
    assert of.optimizer_state.step == 0


def test_a_film_of_nothing_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match="an animation of nothing"):
        animation(X, Y).save(tmp_path / "xor.gif")
