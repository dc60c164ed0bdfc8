"""Two outputs of one network: which digit a picture shows, and how much ink it has, each with a loss of its own.

python examples/two_outputs.py
"""

import chainrule as cr

digits, test = cr.data.digits("train"), cr.data.digits("test")
X, X_test = digits.X / 16, test.X / 16
y = {"digit": digits.y, "ink": X.sum(axis=1) - 20}  # 20 dark pixels are about the mean
y_test = {"digit": test.y, "ink": X_test.sum(axis=1) - 20}

heads = cr.Heads({"digit": [cr.Dense(10), cr.Softmax()], "ink": [cr.Dense(1)]})
network = cr.Network([cr.Dense(32, "relu"), heads], optimizer=cr.Adam(0.003), loss_weights={"ink": 0.1})
history = cr.train(network, X, y, epochs=40, validation_split=0.1, monitor="validation_digit_loss", keep="best")
print(network.summary())
print(f"losses of the last epoch: digit {history['digit_loss'][-1]:.4f}, ink {history['ink_loss'][-1]:.4f}")
figures = cr.evaluate(network, X_test, y_test, metrics={"digit": "accuracy", "ink": "r2"})
print(f"{figures['digit_accuracy']:.1%} of the digits are right, R² of the ink is {figures['ink_r2']:.3f}")
outputs, classes = cr.predict(network, X_test[:3]), cr.classify(network, X_test[:3])
for digit, ink in zip(classes["digit"], outputs["ink"][:, 0] + 20, strict=True):
    print(f"a {digit}, of {ink:.1f} dark pixels")
