"""What the command line hands over: runs and recipes."""

from __future__ import annotations

from pathlib import Path

import pytest

import chainrule as cr
from chainrule.explain import explain
from chainrule.explain.opening import check_named, network_and_samples


def test_a_recipe_is_explained_and_checked() -> None:
    network, x, y = network_and_samples("explain", "xor")
    assert "33 parameters" in str(explain(network, x, y))
    assert check_named("xor").passed


def test_a_run_is_explained_with_its_own_weights(tmp_path: Path) -> None:
    recipe = cr.recipes.override(cr.recipes.load("xor"), epochs=3)
    folder = cr.recipes.run(recipe, out=tmp_path).run
    network, x, _ = network_and_samples("explain", str(folder))
    assert not (network.parameters == network_and_samples("explain", "xor")[0].parameters).all()
    assert x.shape == (4, 2)
    model = str(Path(folder) / "best.safetensors")
    with pytest.raises(cr.errors.InputError, match=r"^explain '.*: got a model file alone.*cr\.explain\(cr\.load"):
        network_and_samples("explain", model)
    with pytest.raises(cr.errors.InputError, match=r"^check '.*: got a model file alone.*cr\.check\(cr\.load"):
        check_named(model)
