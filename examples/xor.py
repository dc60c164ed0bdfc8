"""XOR: the smallest problem that one layer cannot solve, learnt in a second and looked at from inside.

python examples/xor.py
"""

import chainrule as cr

X, y = cr.data.xor()
layers = [cr.Dense(8), cr.Tanh(), cr.Dense(1), cr.Sigmoid()]
network = cr.Network(layers, loss=cr.BinaryCrossEntropy(), optimizer=cr.Adam(0.05), seed=0)
history = cr.train(network, X, y, epochs=500, batch_size=4)

print(network.summary())
print(f"\nAfter {len(history)} epochs the loss is {history.final_loss:.5f}:")
for point, answer in zip(X, cr.predict(network, X)[:, 0], strict=True):
    print(f"    {point[0]:g} xor {point[1]:g} = {answer:.3f}")

print("\nOne more step, with everything that flows in it:")
print(cr.trace(network, X, y))

page = cr.explain(network, X, y, sample=1, format="html")
print(f"\n{page!r}: page.save('xor.html') writes it,\nand `chainrule explain xor` prints it as text.")
