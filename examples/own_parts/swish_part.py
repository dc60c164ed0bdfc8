"""An op of one's own that recipes and files know by its name: pip install examples/own_parts, then
chainrule train examples/own_parts/moons.toml.
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
