"""Several labels at once: each output is a yes or no of its own, and rare labels count more by a focal loss.

python examples/multi_label.py
"""

import numpy as np

import chainrule as cr

random = np.random.default_rng(0)
X = random.normal(size=(3000, 2))
labels = {"right": X[:, 0] > 0, "above": X[:, 1] > 0, "far": np.hypot(*X.T) > 2.3}
y = np.column_stack(list(labels.values())).astype("float32")  # a column of 0 and 1 for each label

network = cr.Network(
    [cr.Dense(32), cr.ReLU(), cr.Dense(32), cr.ReLU(), cr.Dense(3), cr.Sigmoid()],
    loss=cr.BinaryFocalCrossEntropy(gamma=2),
    optimizer=cr.Adam(0.005),
)
cr.train(network, X[:2000], y[:2000], epochs=40)
said = cr.predict(network, X[2000:]) > 0.5
for name, found, true in zip(labels, said.T, y[2000:].T == 1, strict=True):
    print(f"{name}: {found[true].sum()} of {true.sum()} found, {np.mean(found == true):.1%} of the answers right")
