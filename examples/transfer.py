"""Transfer learning: a network that knows the ten digits learns from 40 images which of them are even.

python examples/transfer.py
"""

import numpy as np

import chainrule as cr

X, y = cr.data.digits("train")
X_test, y_test = cr.data.digits("test")
layers = [cr.Rescale(1 / 16), cr.Dense(64), cr.ReLU(), cr.Dense(32), cr.ReLU(), cr.Dense(10), cr.Softmax()]
base = cr.Network(layers, seed=0)
cr.train(base, X, y, epochs=20)

network = base.replace_head(cr.Dense(1), cr.Sigmoid(), optimizer=cr.Adam(0.02))  # a copy of its body, a new head
network.freeze("dense_1", "dense_2")  # the head learns alone
cr.train(network, X[:40], y[:40] % 2 == 0, epochs=50)

anew = cr.Network([*base.fresh().layers[:-2], cr.Dense(1), cr.Sigmoid()], optimizer=cr.Adam(0.02))
cr.train(anew, X[:40], y[:40] % 2 == 0, epochs=50)
for name, each in {"with what it knew": network, "from nothing": anew}.items():
    print(f"{name:18} {np.mean(cr.classify(each, X_test) == (y_test % 2 == 0)):.1%} right")
