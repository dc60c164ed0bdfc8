"""What a network is fed stays whole numbers where it chooses rows of a table, as in an embedding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr

X = np.random.default_rng(0).integers(0, 7, (24, 5))


class Embedding(cr.Layer):
    """A row of a learnt table for each index."""

    def __init__(self, rows: int, width: int) -> None:
        self.rows, self.width = rows, width

    def build(self, shape: tuple[int, ...]) -> None:
        self.table = self.parameter("table", (self.rows, self.width), cr.Normal(0, 1))

    def forward(self, x: Any) -> Any:
        return cr.gather(table=self.table, indices=x)


class Both(Embedding):
    """Also computes with the indices themselves."""

    def forward(self, x: Any) -> Any:
        return cr.sum(x=cr.gather(table=self.table, indices=x), axis=-1) + x


def network(engine: str = "replay", embedding: Any = Embedding) -> cr.Network:
    end = [cr.Dense(7), cr.Softmax()] if embedding is Embedding else [cr.Dense(1)]
    return cr.Network([embedding(7, 3), *end], optimizer=cr.SGD(0.5, momentum=0.9), engine=engine)


@pytest.mark.parametrize("engine", ["dynamic", "replay", "compiled"])
def test_indices_stay_whole_numbers_and_an_embedding_learns(engine: str) -> None:
    trained, twin = network(engine), network("dynamic")
    for one in (trained, twin):
        cr.train(one, X, (X + 1) % 7, epochs=20, batch_size=8)
    assert trained["x"].value.dtype == np.intp
    np.testing.assert_allclose(trained.parameters, twin.parameters, atol=1e-5)
    assert cr.evaluate(trained, X, (X + 1) % 7)["error_rate"] == 0


def test_an_embedding_is_recorded_from_the_lookup_to_its_gradient() -> None:
    trained = network()
    cr.train(trained, X, X, epochs=1)
    assert trained.summary().engine == "recorded and replayed"


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float64, np.float32])
def test_whole_numbers_of_any_kind_choose_the_same_rows(kind: Any) -> None:
    trained = network()
    np.testing.assert_array_equal(cr.predict(trained, X), cr.predict(trained, X.astype(kind)))


BAD: dict[str, tuple[Any, list[str]]] = {
    "too large": (X + 1, ["= 7", "0 to 6"]),
    "below 0": (X - 1, ["= -1", "0 to 6"]),
    "broken": (X + 0.5, [".5", "a whole number"]),
    "NaN": (X * np.nan, ["nan"]),
}


@pytest.mark.parametrize("engine", ["dynamic", "replay"])
@pytest.mark.parametrize("name", BAD)
def test_what_is_no_row_of_the_table_is_one_clear_error(name: str, engine: str) -> None:
    x, words = BAD[name]
    trained = network(engine)
    cr.train(trained, X, X, epochs=1)
    for call in (lambda: cr.predict(trained, x), lambda: cr.train(trained, x, X, epochs=1)):
        with pytest.raises(cr.ChainruleError) as caught:
            call()
        for word in words:
            assert word in str(caught.value)


def test_an_input_that_is_also_computed_with_is_floats() -> None:
    mixed = network(embedding=Both)
    cr.train(mixed, X, np.ones((24, 1)), epochs=1)
    assert mixed["x"].value.dtype == np.float32
