"""The public face: what `cr.` shows is what the documentation lists, and adapters are there without their extras."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule as cr

ADAPTERS = {"numpy_page", "onnx", "sklearn", "tensorboard", "torch"}
INSIDE = {"checks", "cli", "generators", "memory", "public", "replay", "settings", "tables", "threads", "words"}


def python(code: str, *, cwd: Path | None = None) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_adapters_are_shown_and_what_nobody_types_is_not() -> None:
    names = set(dir(cr))
    assert names >= {*ADAPTERS, "data", "plot", "Dense", "train", "tanh", "__version__"}
    assert not names & INSIDE


def test_all_is_what_is_shown() -> None:
    assert cr.__all__ == dir(cr)
    assert all(hasattr(cr, name) for name in cr.__all__ if name != "sklearn")


def test_a_star_imports_every_public_name() -> None:
    code = "import chainrule as cr\nfrom chainrule import *\nprint(sorted(set(cr.__all__) - set(globals())))"
    assert python(code).strip() == "[]"


# Packages of others that have an adapter's name, or stand behind it: none is there, and all of them are asked for.
WITHOUT = """
import builtins, sys
find = builtins.__import__
def without(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and name.split(".")[0] in ("onnx", "torch", "sklearn", "tensorboardX", "matplotlib"):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return find(name, globals, locals, fromlist, level)
builtins.__import__ = without
import chainrule as cr
network = cr.Network([cr.Dense(1, inputs=2)])
"""
USES = {
    "cr.onnx": "",
    "cr.onnx.save": "",
    "cr.onnx.save(network, 'a.onnx')": "onnx",
    "cr.torch.save(network, 'a.safetensors')": "",
    "cr.numpy_page.save(network, 'a.py')": "",
    "cr.tensorboard.TensorBoard": "",
    "cr.tensorboard.TensorBoard('events')": "tensorboard",
    "cr.sklearn": "",
    "cr.sklearn.MLPClassifier": "sklearn",
    "cr.plot.weights(network)": "plot",
}


@pytest.mark.parametrize("use", USES)
def test_an_extra_that_is_missing_is_named_when_it_is_used_and_not_before(use: str, tmp_path: Path) -> None:
    extra = USES[use]
    code = f"{WITHOUT}\ntry:\n    {use}\nexcept cr.errors.MissingExtraError as error:\n    print(error)"
    said = python(code, cwd=tmp_path)
    assert ("pip install " in said and f"[{extra}]" in said) if extra else said == ""


def test_a_room_is_no_package_of_another_project() -> None:
    code = "import chainrule as cr, sys\ncr.onnx, cr.torch, cr.sklearn, cr.tensorboard\n"
    code += "print([name for name in ('onnx', 'torch', 'sklearn', 'tensorboardX') if name in sys.modules])"
    assert python(code).strip() == "[]"


def test_weights_go_to_pytorch_and_come_back_under_one_pair_of_names(tmp_path: Path) -> None:
    network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1)], seed=1)
    assert cr.torch.save(network, tmp_path / "a.safetensors").startswith("nn.Sequential(nn.Linear(2, 3)")
    assert (cr.torch.load(tmp_path / "a.safetensors", cr.Tanh()).parameters == network.parameters).all()


SAVED = {
    "m.pt": r"cr\.save\(network, 'model\.safetensors'\).*cr\.torch\.save",
    "m.PTH": r"cr\.torch\.save",
    "m.onnx": r"cr\.onnx\.save\(network, 'model\.onnx'\)",
    "m.h5": r"cr\.onnx\.save",
    "m.keras": r"cr\.save\(network, 'model\.safetensors'\)",
    "m.pkl": r"cr\.save\(network, 'model\.safetensors'\)",
    "m.py": r"cr\.numpy_page\.save\(network, 'model\.py'\)",
    "m.npz": r"weights='beside'",
}


@pytest.mark.parametrize("name", SAVED)
def test_a_model_is_not_saved_under_the_name_of_another_format(name: str, tmp_path: Path) -> None:
    network = cr.Network([cr.Dense(1, inputs=2)])
    with pytest.raises(cr.errors.FileError, match=f"^save: got '{name}', by its name .*{SAVED[name]}"):
        cr.save(network, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    for other in ("m", "m.model", "m.2", "m.safetensors"):
        cr.save(network, tmp_path / other)


LOADED = {
    "m.pt": r"cr\.torch\.load\('model\.safetensors', cr\.ReLU\(\)\)",
    "m.onnx": r"cr\.onnx\.load\(.*m\.onnx'\)",
    "m.h5": r"model\.trainable_weights.*cr\.torch\.load",
    "m.pkl": r"Where it comes from, .*cr\.save\(network, 'model\.safetensors'\)",
}


@pytest.mark.parametrize("name", LOADED)
def test_another_format_is_loaded_by_the_function_that_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"whatever")
    with pytest.raises(cr.errors.FileError, match=f"^load: got '{name}', by its name .*{LOADED[name]}"):
        cr.load(tmp_path / name)


def test_an_adapter_refuses_the_names_of_other_formats_too(tmp_path: Path) -> None:
    network = cr.Network([cr.Dense(1, inputs=2)])
    with pytest.raises(cr.errors.FileError, match=r"^torch\.save: got 'm\.pt'"):
        cr.torch.save(network, tmp_path / "m.pt")
    with pytest.raises(cr.errors.FileError, match=r"^onnx\.save: got 'm\.safetensors'.*cr\.torch\.save for PyTorch"):
        cr.onnx.save(network, tmp_path / "m.safetensors")
    with pytest.raises(cr.errors.FileError, match=r"^onnx\.load: got 'm\.pt'.*cr\.torch\.load"):
        cr.onnx.load(tmp_path / "m.pt")


def test_pytorchs_weights_given_to_load_are_sent_to_the_adapter(tmp_path: Path) -> None:
    cr.torch.save(cr.Network([cr.Dense(1, inputs=2)]), tmp_path / "a.safetensors")
    with pytest.raises(cr.errors.FileError, match=r"of another program.*cr\.torch\.load"):
        cr.load(tmp_path / "a.safetensors")


@pytest.mark.parametrize("name", [name for name in dir(cr) if inspect.isclass(getattr(cr, name))])
def test_help_and_notebooks_show_what_a_class_is_made_with(name: str) -> None:
    kind = getattr(cr, name)
    told = [] if kind.__init__ is object.__init__ else list(inspect.signature(kind.__init__).parameters.values())[1:]
    assert list(inspect.signature(kind).parameters.values()) == told
