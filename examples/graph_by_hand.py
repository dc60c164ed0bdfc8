"""A graph built by hand: one neuron, its loss, every derivative, and the same page of plain NumPy.

python examples/graph_by_hand.py
"""

import chainrule as cr

x, target = cr.Input("x", [[1.0, 0.0]]), cr.Input("target", [[1.0]])
w, b = cr.Parameter("w", [[0.5], [-0.3]]), cr.Parameter("b", [0.1])

z = cr.linear(x=x, weights=w, bias=b, name="z")
a = cr.tanh(z=z, name="a")
loss = cr.mean_squared_error(prediction=a, target=target, name="loss")  # built is computed: loss.value is there
graph = cr.Graph(loss)

print("What lies below the loss:\n")
print(cr.show(loss))

print("\nStep by step, forward and back:\n")
for event in graph.steps():
    print("   ", event)

loss.backward()
print(f"\n∂loss/∂w = {w.grad.ravel()}, ∂loss/∂b = {b.grad}, and by finite differences:\n")
print(cr.check_gradients(loss))

for _ in range(30):
    graph.forward()
    graph.backward()
    w.assign(w.value - 0.5 * w.grad)
    b.assign(b.value - 0.5 * b.grad)
print(f"\nAfter 30 steps down the slope the neuron says {a.value.item():.3f}, and the loss is {loss.value:.5f}.")

print("\nThe whole step, as plain NumPy:\n")
print(cr.source(graph))
