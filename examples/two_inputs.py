"""Two inputs, a picture of a digit and a number: is the digit larger than the number?

python examples/two_inputs.py
"""

import numpy as np

import chainrule as cr

digits, random = cr.data.digits("train"), np.random.default_rng(0)
number = random.integers(0, 9, size=(len(digits), 1))
X = {"picture": digits.X.reshape(-1, 8, 8) / 16, "number": number}
train, (X_test, y_test) = cr.data.split(X, digits.y > number[:, 0], fraction=0.25)

branches = {"picture": [cr.Flatten(), cr.Dense(32, "relu")], "number": [cr.Dense(8, "relu")]}
network = cr.Network([cr.Branches(branches), cr.Dense(32, "relu"), cr.Dense(1), cr.Sigmoid()], optimizer=cr.Adam(0.003))
cr.train(network, *train, epochs=150)
print(network.summary())
print(f"{1 - cr.evaluate(network, X_test, y_test)['error_rate']:.1%} right")
for name in X:  # how much does each input matter?
    shuffled = {**X_test, name: random.permutation(X_test[name])}
    share = 1 - cr.evaluate(network, shuffled, y_test)["error_rate"]
    print(f"{share:.1%} right where each {name} is that of another sample")
