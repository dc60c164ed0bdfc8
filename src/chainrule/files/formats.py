"""What a file's name says it is: a model is not written under the ending of another format, nor looked for there.

A file called ``m.pt`` that holds something else misleads whoever opens it next, so the verb for that format is told.
"""

from __future__ import annotations

import os

from chainrule.errors import FileError

_PYTORCH = "a PyTorch file, which is pickled"
_KERAS = "a Keras file"
_PICKLE = "a pickle, which can run code when it is opened"
_NUMPY = "arrays of NumPy's"
_FROM_PYTORCH = (
    "In PyTorch run safetensors.torch.save_file(model.state_dict(), 'model.safetensors'), and here "
    "cr.torch.load('model.safetensors', cr.ReLU())"
)
_FROM_KERAS = (
    "In Keras run safetensors.numpy.save_file({v.path: v.numpy() for v in model.trainable_weights}, "
    "'model.safetensors'), and here cr.torch.load('model.safetensors', cr.ReLU())"
)
# Ending -> what such a file is, how to write what such a program reads, how to read what it wrote.
_OTHERS = {
    **dict.fromkeys(
        (".pt", ".pth", ".ckpt"),
        (
            _PYTORCH,
            "Write cr.save(network, 'model.safetensors'), to come back here; cr.torch.save is for PyTorch to read",
            _FROM_PYTORCH,
        ),
    ),
    ".onnx": ("an ONNX file", "Write cr.onnx.save(network, 'model.onnx')", "Write cr.onnx.load('model.onnx')"),
    **dict.fromkeys(
        (".h5", ".hdf5", ".keras"),
        (
            _KERAS,
            "Write cr.onnx.save(network, 'model.onnx'), or cr.save(network, 'model.safetensors') to come back here",
            _FROM_KERAS,
        ),
    ),
    **dict.fromkeys(
        (".pkl", ".pickle", ".joblib"),
        (
            _PICKLE,
            "Write cr.save(network, 'model.safetensors')",
            "Save the network with cr.save(network, 'model.safetensors') where the pickle comes from",
        ),
    ),
    ".py": (
        "a program",
        "Write cr.numpy_page.save(network, 'model.py')",
        "Import it as Python does; cr.load reads what cr.save wrote",
    ),
    **dict.fromkeys(
        (".npz", ".npy"),
        (
            _NUMPY,
            "Write cr.numpy_page.save(network, 'model.py', weights='beside'), or cr.save(network, 'model.safetensors')",
            "Open it with numpy.load; cr.load reads what cr.save wrote",
        ),
    ),
    ".safetensors": (
        "a model file, or PyTorch's weights",
        "Write cr.save(network, 'model.safetensors'), or cr.torch.save for PyTorch",
        "Write cr.load('model.safetensors'), or cr.torch.load where PyTorch or Keras wrote it",
    ),
}


def expect_ending(where: str, path: object, *own: str) -> None:
    """Raise if a file's name ends as another format's does, and not in one of these endings.

    Parameters
    ----------
    where : str
        Who speaks: what ends in ``save`` is told how to write the other format, what ends in ``load`` how to read it.
    path : path
        Anything else is left to who opens it.
    *own : str
        The endings of this format.
    """
    if not isinstance(path, (str, os.PathLike)):
        return
    name = os.fsdecode(os.fspath(path))
    ending = os.path.splitext(name)[1].lower()
    if ending in _OTHERS and ending not in own:
        what, to_write, to_read = _OTHERS[ending]
        raise FileError(
            where,
            given=f"{os.path.basename(name)!r}, by its name {what}",
            expected=f"a name that ends in {own[0]}",
            fix=to_write if where.endswith("save") else to_read,
        )
