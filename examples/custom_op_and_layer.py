"""A function with its derivative, and a layer, of one's own: checked first, then trained like any other.

python examples/custom_op_and_layer.py
chainrule check examples/custom_op_and_layer.py
"""

import numpy as np

import chainrule as cr


class Swish(cr.Op):
    """y = z · σ(βz)
    ∂z = ∂y · (s + βz · s · (1 − s)),  s = σ(βz)"""

    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, z):
        return z / (1 + np.exp(-self.beta * z))

    def backward(self, dy, y, z):
        s = 1 / (1 + np.exp(-self.beta * z))
        return dict(z=dy * (s + self.beta * z * s * (1 - s)))


class Stretch(cr.Layer):
    """Multiplies each feature by a number that is learnt."""

    def build(self, shape):
        self.factors = self.parameter("factors", shape, cr.Constant(1.0))

    def forward(self, x):
        return x * self.factors


X, y = cr.data.moons(200, noise=0.1, seed=0)
network = cr.Network([Stretch(), cr.Dense(16), Swish(1.5), cr.Dense(1), cr.Sigmoid()], optimizer=cr.Adam(0.02), seed=0)

if __name__ == "__main__":
    print(cr.check(Swish(1.5)), "\n")
    history = cr.train(network, X, y, epochs=60, batch_size=20)
    print(network.summary())
    print(f"\nloss {history.final_loss:.4f}, right: {np.mean(cr.classify(network, X) == y.ravel()):.1%}")
    print("what the layer has learnt:", network["stretch_1.factors"].value)
    print("\n" + str(cr.explain(network, X, y, node="swish_1", width=100)))
