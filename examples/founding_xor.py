"""XOR as it is written by hand, from NumPy alone, with six lines changed: each comment says why.

python examples/founding_xor.py
"""

import numpy as np

# Everything comes from one package.
from chainrule import SGD, Activation, Dense, Network, plot, predict, train


def tanh(x):
    return np.tanh(x)


def tanh_prime(x):
    return 1 - np.tanh(x) ** 2


def mse(y_true, y_pred):
    return np.mean(np.power(y_true - y_pred, 2))


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / np.size(y_true)


def main():
    x = np.reshape([[0, 0], [0, 1], [1, 0], [1, 1]], (4, 2, 1))
    y = np.reshape([[0], [1], [1], [0]], (4, 1, 1))

    # A layer is told its outputs; the inputs follow from the layer before, but for those of the first one.
    layers = [Dense(3, inputs=2), Activation(tanh, tanh_prime), Dense(1), Activation(tanh, tanh_prime)]
    network = Network(layers, mse, mse_prime)
    # The rule of a step is a part of the network, with its learning rate: plain descent here, Adam if nobody says.
    network.optimizer = SGD(learning_rate=0.1)
    # Batches have 32 samples in a new order each epoch, if nobody says; the error is that of the last epoch.
    error = train(network=network, train_data=x, true_data=y, epochs=1000, batch_size=1, shuffle=False).final_loss

    test_data = np.reshape([[1, 0]], (1, 2, 1))
    prediction = predict(network=network, test_data=test_data).item()
    # How sure it is of the class is how near it comes to it: the targets are 0 and 1, and (ŷ + 1) / 2 suits −1 and 1.
    confidence = max(0, 1 - abs(round(prediction) - prediction))
    print(f"prediction {round(prediction)}, confidence {confidence:.1%}, error {error:.4f}")
    # The picture shows the points too, and is a file.
    plot.decision_surface(network, x, y, path="founding_xor.png")


if __name__ == "__main__":
    main()
