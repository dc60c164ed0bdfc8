"""The samples of a recipe: how they are cut, scaled and encoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chainrule import data, recipes
from chainrule.errors import InputError
from chainrule.files import load
from chainrule.nn import Dense, Dropout, Network
from chainrule.ops import Softmax, Unscale
from chainrule.optim import SGD, Phases
from chainrule.recipes.build import build
from chainrule.recipes.samples import Samples, gather, relabelled
from chainrule.training import predict


def told(settings: str, layers: str = "2-1", loss: str = "MeanSquaredError") -> recipes.Recipe:
    return recipes.from_toml(
        f'layers = "{layers}"\nloss = "{loss}"\nphases = [{{epochs = 1, learning_rate = 0.1}}]\ndata = {{{settings}}}',
        "test",
    )


def sizes(samples: Samples) -> list[int | None]:
    return [None if part is None else len(part[0]) for part in samples.parts.values()]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('name = "moons", samples = 100', [100, None, None]),
        ('name = "moons", samples = 100, validation = 30', [70, 30, None]),
        ('name = "moons", samples = 100, validation = 0.3', [70, 30, None]),
        ('name = "moons", samples = 100, validation = 10, test = 0.2', [70, 10, 20]),
        ('name = "digits"', [1437, None, 360]),
        ('name = "digits", validation = "test"', [1437, 360, None]),
        ('name = "digits", validation = 37', [1400, 37, 360]),
        ('name = "digits", pool = true, validation = 97', [1700, 97, None]),
        ('name = "digits", pool = true, validation = 97, test = 100', [1600, 97, 100]),
    ],
)
def test_samples_are_cut_as_asked(settings: str, expected: list[int | None]) -> None:
    assert sizes(gather(told(settings))) == [None if size is None else pytest.approx(size, abs=1) for size in expected]


def test_pooled_samples_are_all_that_the_set_has_each_beside_its_own_label() -> None:
    pooled = gather(told('name = "digits", pool = true, validation = 97'))
    whole = data.digits()
    labels = {image.tobytes(): label for image, label in zip(whole.X, whole.y, strict=True)}
    assert pooled.validation is not None
    for X, y in (pooled.train, pooled.validation):
        assert [labels.pop(image.tobytes()) for image in X] == y.tolist()
    assert len(labels) == 0


def test_no_sample_is_in_two_parts() -> None:
    samples = gather(told('name = "moons", samples = 100, validation = 10, test = 0.2'))
    rows = [tuple(row) for part in samples.parts.values() if part is not None for row in part[0].tolist()]
    assert len(rows) == len(set(rows)) == 100


def test_the_same_samples_are_held_out_whatever_the_seed_of_the_recipe() -> None:
    recipe = told('name = "moons", validation = 0.3')
    first, second = gather(recipe), gather(recipes.override(recipe, seed=5))
    assert np.array_equal(first.validation[0], second.validation[0])


def test_one_hot_targets_have_a_column_for_each_class() -> None:
    samples = gather(told('name = "digits", validation = 9, one_hot = true'))
    for part in samples.parts.values():
        assert part is not None
        assert part[1].shape[1] == 10
        assert part[1].dtype == np.float32


def test_bytes_are_scaled_by_one_number_and_stay_bytes() -> None:
    recipe = told('name = "digits", scale = "unit"', "64-10", "CategoricalCrossEntropy")
    samples = gather(recipe)
    assert samples.train[0].dtype == np.uint8
    assert repr(build(recipe, samples).layers[0]) == "Rescale(scale=0.0625)"


def test_features_are_scaled_by_what_the_training_samples_are(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text("a,b,y\n0,10,0.5\n4,30,1.5\n")
    recipe = recipes.override(told('file = "x.csv", target = "y", scale = "standard"'), data=tmp_path / "my.csv")
    assert repr(build(recipe, gather(recipe)).layers[0]) == "Rescale(scale=(0.5, 0.1), offset=(2.0, 20.0))"


def test_targets_are_scaled_by_what_those_of_the_training_are(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i % 7},{9e5 + 1000.5 * i}\n" for i in range(40))
    (tmp_path / "my.csv").write_text("a,b,y\n" + rows)
    settings = 'file = "x.csv", target = "y", validation = 10, test = 10, scale_target = "standard"'
    recipe = recipes.override(told(settings), data=tmp_path / "my.csv")
    samples = gather(recipe)
    last = build(recipe, samples).layers[-1]
    assert isinstance(last, Unscale)
    assert (last.scale, last.offset) == (
        samples.train[1].std(dtype=np.float64),
        samples.train[1].mean(dtype=np.float64),
    )
    assert recipes.from_toml(recipes.to_toml(recipe), "copy") == recipe
    other = build(recipe, samples, like=Network([Dense(1), Unscale(3.0)], inputs=2))
    assert repr(other.layers[-1]) == "Unscale(scale=3.0)"  # weights of another run mean what they meant


def test_classes_have_no_unit() -> None:
    recipe = told('name = "moons", scale_target = "standard"', "2-4-1", "BinaryCrossEntropy")
    with pytest.raises(InputError, match=r'scale_target: got "standard" for a target that is a class'):
        build(recipe, gather(recipe))


def test_a_run_scales_the_target_and_answers_in_its_unit(tmp_path: Path) -> None:
    prices = [9e5 + 1000.5 * i for i in range(60)]
    (tmp_path / "my.csv").write_text("a,b,y\n" + "".join(f"{i / 60},{i % 7},{y}\n" for i, y in enumerate(prices)))
    settings = 'file = "x.csv", target = "y", validation = 10, test = 10, scale_target = "standard"'
    recipe = recipes.override(told(settings), data=tmp_path / "my.csv", epochs=40)
    lines: list[str] = []
    found = recipes.run(recipe, out=tmp_path / "runs", say=lines.append)
    assert "unit      loss in deviations of the target; predictions and other figures are in its own unit" in lines
    network = load(Path(str(found.run)) / "best.safetensors")
    answers = predict(network, [[0.5, 3.0]])
    assert 8e5 < answers.item() < 1e6
    assert found.test is not None
    assert found.test["loss"] < 1
    assert found.test["mean_squared_error"] > 1e4


def test_classes_of_a_file_carry_their_names(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text("a,b,kind\n0,1,rose\n1,0,tulip\n1,1,rose\n")
    recipe = recipes.override(
        told('file = "x.csv", target = "kind"', "2-2", "CategoricalCrossEntropy"), data=tmp_path / "my.csv"
    )
    assert build(recipe, gather(recipe)).classes == ("rose", "tulip")


def test_another_file_is_numbered_as_the_network_is() -> None:
    found = data.Dataset(np.zeros((3, 1)), np.array([0, 1, 0]), "x", class_names=("lily", "rose"))
    assert relabelled(found, ("aster", "lily", "rose"), "x").tolist() == [1, 2, 1]
    with pytest.raises(InputError, match="the class 'lily'"):
        relabelled(found, ("aster", "rose"), "x")


@pytest.mark.parametrize(("layers", "loss"), [("2-4-1", "BinaryCrossEntropy"), ("2-4-2", "CategoricalCrossEntropy")])
def test_two_classes_take_one_output_or_two(layers: str, loss: str) -> None:
    recipe = told('name = "moons"', layers, loss)
    assert build(recipe, gather(recipe)).classes == ("0", "1")


def test_the_short_form_becomes_layers() -> None:
    recipe = recipes.from_toml(
        'layers = "2-4-3-2"\nactivation = "Tanh"\ndropout = 0.5\ninput_dropout = 0.25\nl2 = 0.1\n'
        'loss = "CategoricalCrossEntropy"\nphases = [{epochs = 2, learning_rate = 0.1}, '
        "{epochs = 3, learning_rate = 1}]\n"
        'optimizer = {type = "SGD", momentum = 0.5}\ndata = {name = "moons"}',
        "test",
    )
    network = build(recipe, gather(recipe))
    assert [type(layer).__name__ for layer in network.layers] == [
        "Dropout", "Dense", "Tanh", "Dropout", "Dense", "Tanh", "Dropout", "Dense", "Softmax",
    ]  # fmt: skip
    rates = [layer.rate for layer in network.layers if isinstance(layer, Dropout)]
    assert rates == [0.25, 0.5, 0.5]
    assert network.l2 == 0.1
    assert repr(network.optimizer) == repr(SGD(Phases((2, 0.1), (3, 1.0)), momentum=0.5))


@pytest.mark.parametrize(
    "setting", ["drop = ['a']", "index = 'a'", "skip_rows = 1", "delimiter = ';'", "decimal = ','", "missing = ['1']"]
)
def test_what_a_recipe_says_of_a_table_is_refused_where_the_network_has_no_preparation(
    setting: str, tmp_path: Path
) -> None:
    rows = np.random.default_rng(0).normal(size=(20, 2)).round(2)
    (tmp_path / "points.csv").write_text("a,b,kind\n" + "".join(f"{a},{b},{i % 2}\n" for i, (a, b) in enumerate(rows)))
    (tmp_path / "points.toml").write_text(
        f"layers = '2-2'\nloss = 'CategoricalCrossEntropy'\nepochs = 1\nlearning_rate = 0.1\n"
        f"[data]\nfile = 'points.csv'\ntarget = 'kind'\n{setting}\n"
    )
    network = Network([Dense(2, inputs=2), Softmax()], classes=["0", "1"])
    with pytest.raises(InputError, match="the network has no preparation"):
        gather(recipes.load(str(tmp_path / "points.toml")), network)


def test_a_column_that_is_the_target_now_is_no_more_what_it_was() -> None:
    recipe = told("file = 'a.csv', target = 'y', columns = {a = {use = 'category'}, b = {use = 'category'}}")
    assert list(recipes.override(recipe, target="a").data.columns) == ["b"]
    assert list(recipes.override(recipe, index="b").data.columns) == ["a"]
    assert list(recipes.override(recipe, drop=["a", "b"]).data.columns) == []
