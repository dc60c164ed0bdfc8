"""Random networks of every layer that the library has, for what takes networks out of it and brings them back."""

from __future__ import annotations

import numpy as np

import chainrule as cr
from chainrule import ops
from chainrule.nn.layer import LayerLike

ACTIVATIONS = [
    cr.Tanh(), cr.Sigmoid(), cr.ReLU(), cr.LeakyReLU(0.01), cr.LeakyReLU(0.3), cr.ELU(), cr.ELU(0.7), cr.GELU(),
    cr.GELU(approximate=True), cr.SiLU(), cr.Softplus(), cr.Softmax(), cr.LogSoftmax(), cr.Identity(), ops.Negative(),
    ops.Absolute(),
]  # fmt: skip


def random_network(seed: int, dtype: str = "float32") -> tuple[cr.Network, np.ndarray]:
    """Return a network, its numbers drawn too, and samples for it."""
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 5, size=rng.integers(1, 4)))
    layers: list[LayerLike] = [[], [cr.Rescale(0.5, 0.1)], [cr.Dropout(0.2)]][rng.integers(3)]
    if rng.random() < 0.3:
        features = tuple(rng.normal(size=shape[-1]).tolist())
        layers.append(cr.Rescale(features, features[::-1]))
    if len(shape) > 1:
        layers += _to_rows(rng, shape)
    tied = cr.Dense(5, inputs=5)
    for _ in range(rng.integers(1, 4)):
        layers += _block(rng, tied)
    outputs = int(rng.integers(2, 5))
    layers.append(cr.Dense(outputs))
    layers += [[], [cr.Softmax()], [cr.Sigmoid()], [cr.LogSoftmax()]][rng.integers(4)]
    classes = [f"class {i}" for i in range(outputs)] if rng.random() < 0.5 else None
    network = cr.Network(layers, inputs=shape, classes=classes, dtype=dtype, seed=seed, loss=cr.MeanSquaredError())
    network.parameters[:] = rng.normal(size=network.parameters.size) * 0.5
    return network, rng.normal(size=(7, *shape)).astype(dtype)


def _to_rows(rng: np.random.Generator, shape: tuple[int, ...]) -> list[LayerLike]:
    """Return layers that turn samples of several axes into rows."""
    choice = rng.integers(6)
    if choice == 0:
        return [ops.Reshape((-1, int(np.prod(shape))))]
    if choice == 1:
        return [ops.Transpose((0, *range(len(shape), 0, -1))), cr.Flatten()]
    if choice == 2:
        axes = tuple(range(2, len(shape) + 1))
        return [
            [ops.Sum(axes), ops.Mean(axes, keepdims=True), ops.Max(-1), ops.LogSumExp(2)][rng.integers(4)],
            cr.Flatten(),
        ]
    if choice == 3:
        return [ops.Slice((..., None, 0)), ops.Slice((slice(None), slice(None, None, -1))), cr.Flatten()]
    return [cr.Flatten()]


def _block(rng: np.random.Generator, tied: cr.Dense) -> list[LayerLike]:
    width = int(rng.integers(1, 6))
    activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    choice = rng.integers(7)
    if choice == 0:
        return [cr.Dense(width), cr.Residual([cr.Dense(4), activation, cr.Dense(width, use_bias=False)]), activation]
    if choice == 1:
        return [cr.Branches([[], [cr.Dense(width), activation], [cr.Residual([activation])]])]
    if choice == 2:
        return [cr.Dense(5), tied, activation, tied]
    if choice == 3:
        return [cr.Network([cr.Dense(width), activation]), cr.Dropout(0.5)]
    if choice == 4:
        return [cr.Branches([[activation], [cr.Rescale(2.0, 1.0), cr.Branches([[cr.Tanh()], []])]])]
    return [cr.Dense(width, use_bias=choice == 5), activation]
