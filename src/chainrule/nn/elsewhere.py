"""Names a network doesn't have: what it is here that other libraries have as methods, and nodes that aren't there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.errors import UnknownNameError, nearest

if TYPE_CHECKING:
    from chainrule.nn.network import Network

_ELSEWHERE = {
    "add": "cr.Network([layer, layer, …]): all layers at once",
    "classify": "cr.classify(network, X)",
    "compile": "cr.Network(layers, loss=…, optimizer=…)",
    "eval": "nothing: cr.predict and cr.evaluate leave dropout out by themselves",
    "evaluate": "cr.evaluate(network, X, y)",
    "fit": "cr.train(network, X, y, epochs=…)",
    "load_state_dict": "cr.load('model.safetensors')",
    "load_weights": "cr.load('model.safetensors')",
    "named_parameters": "network.leaves",
    "predict": "cr.predict(network, X)",
    "predict_proba": "cr.predict(network, X)",
    "save": "cr.save(network, 'model.safetensors')",
    "save_weights": "cr.save(network, 'model.safetensors')",
    "score": "cr.evaluate(network, X, y)",
    "state_dict": "cr.save(network, 'model.safetensors')",
    "train": "cr.train(network, X, y, epochs=…)",
    "train_on_batch": "network.forward(x, y), network.backward(), network.optimize()",
    "zero_grad": "nothing: gradients are written anew at each backward, never added to the last ones",
}


def attribute_error(kind: str, name: str) -> AttributeError:
    """Return the error for an attribute that a network doesn't have: with chainrule's name for it, if it has one."""
    if name in _ELSEWHERE:
        return UnknownNameError(
            "Network", given=f".{name}", expected="chainrule's name for it", fix=f"Use {_ELSEWHERE[name]}"
        )
    return AttributeError(f"{kind!r} object has no attribute {name!r}")


def unknown_node(network: Network, name: str) -> UnknownNameError:
    """Return the error for the name of a node that the last training step doesn't have."""
    given, fix = repr(name), nearest(name, network.nodes)
    if network.objective.fused and name == network._chain[-1].name:
        given += f", which in training is part of the loss {network.objective.op!r}"
        fix = f"Look at {network._chain[-2].name!r} before it, or at cr.predict(network, X)"
    return UnknownNameError("Network", given=given, expected="the name of a node", fix=fix)
