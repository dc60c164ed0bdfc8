"""Handwritten digits: 784 pixels, two hidden layers, ten classes; and what the network gets wrong.

python examples/mnist.py              all 60,000 images, 5 epochs
python examples/mnist.py 5000         the first 5,000 of them
"""

import sys

import numpy as np

import chainrule as cr

count = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
(X, y), (X_test, y_test) = cr.data.mnist("train"), cr.data.mnist("test")
X, y = X[:count], y[:count]

network = cr.Network(
    [cr.Rescale(1 / 255), cr.Dense(200), cr.ReLU(), cr.Dense(100), cr.ReLU(), cr.Dense(10), cr.Softmax()],
    optimizer=cr.Adam(0.001),
    seed=0,
)
history = cr.train(network, X, y, epochs=5, batch_size=64, validation_split=0.1, metrics=["accuracy"])
print(f"{len(X):,} images, {len(history)} epochs, {network.parameters.size:,} parameters\n{history!r}\n")

chances = cr.predict(network, X_test)
answers = chances.argmax(axis=1)
print(f"test error {np.mean(answers != y_test):.2%}; which digit (row) was taken how often for which (column):")
print(cr.confusion_matrix(chances, y_test), "\n")

wrong = int(np.flatnonzero(answers != y_test)[0])
print(f"Test image {wrong} is a {y_test[wrong]}, taken for a {answers[wrong]} ({chances[wrong].max():.0%} sure):")
for row in X_test[wrong].reshape(28, 28)[::2]:
    print("    " + "".join(" .:*#"[int(pixel) * 4 // 255] for pixel in row))
