"""The 8x8 handwritten digits: a real set of images small enough to ship inside the package.

`digits.npz` beside this file holds them with a fixed split; README.md there tells where they come from.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from chainrule import checks
from chainrule.data.dataset import Dataset, pixel_names


@checks.keywords
def digits(split: Literal["train", "test"] | None = None) -> Dataset:
    """Return 1,797 handwritten digits as images of 8 x 8 pixels.

    They are the test part of the *Optical Recognition of Handwritten Digits* (E. Alpaydin and C. Kaynak, 1998, UCI
    Machine Learning Repository, https://doi.org/10.24432/C50P49), licensed CC BY 4.0, in the order of the original.

    Parameters
    ----------
    split : {"train", "test"}, optional
        1,437 samples to learn from or 360 to test on, each class in the same proportion; None for all. Which sample
        belongs where was drawn once and is stored with the data.

    Returns
    -------
    Dataset
        X is uint8 of shape (samples, 64), one row per image, row by row, from 0 (paper) to 16 (ink); y is int64 of
        shape (samples,), from 0 to 9.

    Raises
    ------
    InputError
        If `split` is something else.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.digits()
    >>> X.shape, int(y[0])
    ((1797, 64), 0)
    >>> for row in X[0].reshape(8, 8):
    ...     print("".join("·:+oO#"[value // 3] for value in row))
    ··:Oo···
    ··O#o#:·
    ·:#··o+·
    ·:O··++·
    ·:+··o+·
    ·:o··O+·
    ··O:oO··
    ··+Oo···
    """
    name = "digits"
    if split is not None:
        checks.one_of("digits split", split, ("train", "test"))
        name = f"digits ({split})"
    import io
    from importlib.resources import files

    content = files("chainrule.data").joinpath("digits.npz").read_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        X, y, test = stored["X"], stored["y"].astype(np.int64), stored["test"]
    if split is not None:
        chosen = test == (split == "test")
        X, y = X[chosen], y[chosen]
    return Dataset(
        X,
        y,
        name,
        feature_names=pixel_names(8, 8),
        class_names=tuple(str(digit) for digit in range(10)),
    )
