"""Random rotations, shifts and scalings: exact where that can be said, small, seeded, one for each image."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.data import RandomAffine
from chainrule.errors import InputError, ShapeError

RNG = np.random.default_rng(5)
IMAGES = RNG.integers(0, 256, (6, 12, 9), dtype=np.uint8)


class Fixed:
    """A generator that draws the numbers it was told: angle, scales, shear, shifts."""

    def __new__(cls, *drawn: float) -> np.random.Generator:
        class Told(np.random.Generator):
            def uniform(self, low, high, size):
                return np.broadcast_to(np.reshape(drawn, (6, 1, 1)), size).astype(float)

        return Told(np.random.PCG64(0))


def slow(image: np.ndarray, matrix: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return the image, pixel by pixel, each from where the matrix sends it about the middle."""
    height, width = image.shape
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    result = np.zeros(image.shape)
    for i in range(height):
        for j in range(width):
            y, x = matrix @ (np.array([i, j]) - middle) + middle + shift
            top, left = int(np.floor(y)), int(np.floor(x))
            for k, share in ((top, top + 1 - y), (top + 1, y - top)):
                for m, part in ((left, left + 1 - x), (left + 1, x - left)):
                    if 0 <= k < height and 0 <= m < width:
                        result[i, j] += share * part * image[k, m]
    return result


@pytest.mark.parametrize("drawn", [(0,) * 6, (1, 0, 0, 0, 0, 0), (0.3, -0.7, 0.9, 0.5, -0.6, 0.8), (-1,) * 6, (1,) * 6])
def test_every_pixel_comes_from_where_it_should(drawn: tuple[float, ...]) -> None:
    angle, log_down, log_right, shear, down, right = drawn
    found = RandomAffine(30, 3, 0.2, 0.4)(IMAGES, Fixed(*drawn))
    a = np.deg2rad(30 * angle)
    rotation = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    slant = np.array([[1, 0], [0.4 * shear, 1]])
    growth = np.diag([1.2**log_down, 1.2**log_right])
    for image, given in zip(found, IMAGES):
        np.testing.assert_allclose(
            image, slow(given, growth @ slant @ rotation, np.array([3 * down, 3 * right])), atol=2e-3
        )


def test_nothing_to_do_changes_nothing() -> None:
    assert np.array_equal(RandomAffine(0, 0, 0)(IMAGES, np.random.default_rng(0)), IMAGES)


def test_a_quarter_turn_is_exact() -> None:
    square = IMAGES[:, :9]
    found = RandomAffine(90, 0, 0)(square, Fixed(1, 0, 0, 0, 0, 0))
    np.testing.assert_allclose(found, np.rot90(square, axes=(1, 2)), atol=1e-3)


def test_what_comes_in_over_the_edge_is_zero() -> None:
    full = np.full((1, 8, 8), 200, np.uint8)
    found = RandomAffine(0, 3, 0)(full, Fixed(0, 0, 0, 0, 1, 1))
    assert np.array_equal(found[0, :5, :5], np.full((5, 5), 200))
    assert not found[0, 5:].any()
    assert not found[0, :, 5:].any()
    assert not RandomAffine(0, 100, 0)(full, Fixed(0, 0, 0, 0, 1, -1)).any()


def test_rows_are_images_too_and_keep_their_form() -> None:
    square = IMAGES[:, :9].reshape(6, 81)
    found = RandomAffine()(square, np.random.default_rng(3))
    assert (found.shape, found.dtype) == ((6, 81), np.float32)
    assert np.array_equal(found.reshape(6, 9, 9), RandomAffine()(IMAGES[:, :9], np.random.default_rng(3)))
    wide = IMAGES.reshape(6, 108)
    assert RandomAffine(shape=(12, 9))(wide, np.random.default_rng(3)).shape == (6, 108)


def test_each_image_gets_its_own_and_the_same_seed_gives_the_same() -> None:
    same = np.repeat(IMAGES[:1], 5, axis=0)
    found = RandomAffine()(same, np.random.default_rng(1))
    assert len({image.tobytes() for image in found}) == 5
    assert np.array_equal(found, RandomAffine()(same, np.random.default_rng(1)))
    assert 0 <= found.min() <= found.max() <= 255


def test_its_images_are_not_touched() -> None:
    images = IMAGES.copy()
    images.flags.writeable = False
    RandomAffine()(images, np.random.default_rng(0))
    assert np.array_equal(images, IMAGES)


@pytest.mark.parametrize("shape", [(5,), (5, 7), (5, 2, 3, 4)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"shape=\(height, width\)"):
        RandomAffine()(np.zeros(shape), np.random.default_rng(0))


@pytest.mark.parametrize("told", [dict(rotation=-1), dict(shift=np.nan), dict(scale="x"), dict(shape=(0, 3))])
def test_a_wrong_setting_is_refused(told: dict) -> None:
    with pytest.raises(InputError):
        RandomAffine(**told)
