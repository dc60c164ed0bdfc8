"""What is written for those who come from another library: a whole program in its words and ours, and its words."""

from __future__ import annotations

from chainrule.words.vocabulary import words

LIBRARIES = {
    "keras": "Keras",
    "torch": "PyTorch",
    "sklearn": "scikit-learn",
    "skorch": "skorch",
    "fastai": "fastai",
    "jax": "JAX, Flax and Optax",
    "hf": "the Trainer of Hugging Face",
    "thinc": "thinc",
    "mygrad": "MyGrad",
    "micrograd": "micrograd",
}


def program(library: str) -> str:
    """Return a program that runs, with what it is in the other library's words as comments above each part.

    >>> program("keras").splitlines()[0]
    '# import keras'
    """
    from importlib.resources import files  # slow to import, and only who asks for a program waits

    return files(__package__).joinpath("programs", f"{library}.txt").read_text("utf-8")


def answers(library: str, table: str, sections: list[str]) -> dict[str, list[str]]:
    """Return ours -> theirs, of some sections of the table ``"names"`` or ``"keywords"``."""
    found: dict[str, list[str]] = {}
    for section in sections:
        for word in words(table)[section].values():
            if library in word.libraries:
                found.setdefault(word.ours, []).append(word.theirs)
    return {ours: sorted(theirs, key=str.casefold) for ours, theirs in found.items()}
