"""A regression: a noisy curve, its inputs and targets scaled, and weights that are kept small.

python examples/regression.py
"""

import numpy as np

import chainrule as cr

random = np.random.default_rng(0)
X = random.uniform(-4, 4, (300, 1))
y = 40 + 25 * np.sin(X) + random.normal(0, 3, X.shape)

mean, spread = y.mean(), y.std()
network = cr.Network(
    [cr.Rescale(1 / 4), cr.Dense(24), cr.Tanh(), cr.Dense(24), cr.Tanh(), cr.Dense(1)],
    loss=cr.MeanSquaredError(),
    optimizer=cr.AdamW(cr.CosineDecay(0.02)),
    l2=1e-5,
    seed=0,
)
history = cr.train(network, X, (y - mean) / spread, epochs=200, batch_size=32, validation_split=0.2, keep="best")

x = np.linspace(-4, 4, 17)[:, None]
curve = mean + spread * cr.predict(network, x)
truth = 40 + 25 * np.sin(x)
print(f"{history!r}\n\n       x   network    truth")
for at, says, true in zip(x[:, 0], curve[:, 0], truth[:, 0], strict=True):
    print(f"    {at:4.1f}   {says:7.2f}  {true:7.2f}  {'·' * int(says)}o")
print(f"\nroot mean square error against the curve without noise: {np.sqrt(np.mean((curve - truth) ** 2)):.2f}")
