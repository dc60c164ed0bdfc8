"""A moving average of the weights (EMA): what a network learns, without the jitter of its last steps.

python examples/average.py
"""

import chainrule as cr

X, y = cr.data.moons(600, noise=0.3)
X_test, y_test = cr.data.moons(4000, noise=0.3, seed=1)


def trained(ema):
    layers = [cr.Dense(32), cr.Tanh(), cr.Dense(1), cr.Sigmoid()]
    network = cr.Network(layers, optimizer=cr.SGD(0.3, momentum=0.9, ema=ema), seed=0)
    history = cr.train(network, X, y, epochs=30, batch_size=8, validation_split=0.2, keep="last")
    return network, history["validation_loss"][-8:]


for ema in (None, 0.995):
    network, losses = trained(ema)
    print(f"ema={ema}: validation loss of the last epochs", *(f"{loss:.3f}" for loss in losses))
    print(f"    error on new data {cr.evaluate(network, X_test, y_test)['error_rate']:.1%}")
