"""Quantile regression: one network says between which values eight in ten targets lie, wider where they spread.

python examples/quantile_regression.py
"""

import numpy as np

import chainrule as cr

random = np.random.default_rng(0)
X = random.uniform(0, 4, (2000, 1))
y = np.sin(2 * X) + random.normal(0, 0.05 + 0.15 * X)  # one column, noisier to the right

network = cr.Network(
    [cr.Dense(32), cr.Tanh(), cr.Dense(32), cr.Tanh(), cr.Dense(3)],
    loss=cr.PinballLoss(quantiles=(0.1, 0.5, 0.9)),
    optimizer=cr.Adam(cr.CosineDecay(0.01)),
)
cr.train(network, X, y, epochs=100, validation_split=0.2)

for at, (low, middle, high) in zip((0.5, 2.0, 3.5), cr.predict(network, [[0.5], [2.0], [3.5]])):
    print(f"at {at}: {low:5.2f} … {middle:5.2f} … {high:5.2f}, {high - low:.2f} wide")
print("below each quantile lie", *(f"{share:.0%}" for share in (y < cr.predict(network, X)).mean(axis=0)))
