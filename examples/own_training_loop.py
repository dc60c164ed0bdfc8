"""A training loop of one's own: batches, forward, backward, a step; and everything in between to be looked at.

python examples/own_training_loop.py
"""

import numpy as np

import chainrule as cr

X, y = cr.data.moons(300, noise=0.15, seed=0)
network = cr.Network([cr.Dense(16, inputs=2), cr.ReLU(), cr.Dense(1), cr.Sigmoid()], optimizer=cr.SGD(0.1), seed=0)
random = np.random.default_rng(0)

print("epoch      loss   largest gradient   silent neurons")
for epoch in range(1, 41):
    losses, steepest = [], 0.0
    order = random.permutation(len(X))
    for start in range(0, len(X), 20):
        batch = order[start : start + 20]
        losses.append(network.compute_loss(X[batch], y[batch]))
        network.backward()
        steepest = max(steepest, float(np.abs(network.gradients).max()))
        network.optimize(learning_rate=0.5 if epoch <= 30 else 0.05)
    if epoch % 5 == 0:
        silent = np.sum(np.all(network["relu_1"].value == 0, axis=0))
        print(f"{epoch:5}  {np.mean(losses):8.4f}   {steepest:16.4f}   {silent:14}")

print(f"\nright: {np.mean(cr.classify(network, X) == y.ravel()):.1%}")
