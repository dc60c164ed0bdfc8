"""Gradient accumulation: steps of 256 samples in the memory of 64.

python examples/gradient_accumulation.py
"""

import numpy as np

import chainrule as cr

X, y = cr.data.spirals(1000)


def trained(**how):
    layers = [cr.Dense(32), cr.Tanh(), cr.Dense(3), cr.Softmax()]
    network = cr.Network(layers, optimizer=cr.Adam(0.02), l2=1e-4, seed=0, dtype="float64")
    return network, cr.train(network, X, y, epochs=40, **how)


one, history = trained(batch_size=256)
four, accumulated = trained(batch_size=64, gradient_accumulation_steps=4)

print(f"a batch of 256:     {history['steps'][-1]} steps an epoch, loss {history.final_loss:.12f}")
print(f"four batches of 64: {accumulated['steps'][-1]} steps an epoch, loss {accumulated.final_loss:.12f}")
print(f"largest difference between two weights: {np.abs(one.parameters - four.parameters).max():.0e}")
