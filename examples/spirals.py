"""Three spirals wound into each other, a watched training, and the decision surface in plain text.

python examples/spirals.py
"""

import numpy as np

import chainrule as cr

X, y = cr.data.spirals(600, turns=1, noise=0.03, seed=0)
network = cr.Network(
    [cr.Dense(32), cr.Tanh(), cr.Dense(32), cr.Tanh(), cr.Dense(3), cr.Softmax()],
    optimizer=cr.Adam(0.01),
    seed=0,
)
watched = cr.watch(every=10)
history = cr.train(network, X, y, epochs=120, batch_size=32, validation_split=0.2, callbacks=[watched])

print(f"{history!r}\nright: {np.mean(cr.classify(network, X) == y):.1%}; where each class is the answer:\n")

print(cr.plot.surface_text(network, X, y, width=72, height=32))

print("\nHow far a step moved the weights, as a share of their own size (about 0.001 is usual):")
for name in ("dense_1.weights", "dense_2.weights", "dense_3.weights"):
    moves = [record.update for record in watched[name]]
    print(f"    {name}: {moves[0]:.4f} at first, {moves[-1]:.4f} in the end")
print("\nand the layers in the last step that was watched:")
print(watched)
