"""A recipe says all that decides, misspelt keys and wrong values are one clear error, and options win over it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

import chainrule as cr
from chainrule import memory, recipes
from chainrule.errors import ChainruleError, FileError, InputError
from chainrule.recipes.build import augmentation, build
from chainrule.recipes.samples import gather
from tests.recipes.configurations import CONFIGURATIONS

GOOD = """
layers = "2-4-1"
loss = "BinaryCrossEntropy"
phases = [{ epochs = 3, learning_rate = 0.1 }]
data = { name = "xor" }
"""

DIGITS = """
layers = "64-10"
loss = "MeanSquaredError"
phases = [{ epochs = 3, learning_rate = 0.1 }]
data = { name = "digits" }
"""

NAMES = [
    "best_attempt_97p",
    "digits",
    "mnist",
    "mnist-16",
    "mnist-best",
    "mse-at-1e-3",
    "softmax_relu_94p",
    "spirals",
    "try1ofcse",
    "try1ofmse",
    "try2ofmse",
    "xor",
    "xor-document",
]


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def test_the_shelf_holds_the_recipes_that_it_should() -> None:
    assert recipes.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_written_back_is_the_same_recipe(name: str) -> None:
    recipe = recipes.load(name)
    assert recipe.name == name
    assert recipe.title
    assert recipes.from_toml(recipes.to_toml(recipe), "copy") == recipe


def test_a_recipe_written_back_says_what_was_left_to_defaults() -> None:
    text = recipes.to_toml(recipes.from_toml(GOOD, "good"))
    for line in ('optimizer = "Adam"', "batch_size = 32", "seed = 0", 'dtype = "float32"', "compiled = false"):
        assert line in text


@pytest.mark.parametrize(
    "text", ["a\u202eb", "a\x9bb", "a\u2028b", "a\x7f\x1b", "\U000e0041", 'a"\n[data]', "שלום"], ids=ascii
)
def test_a_recipe_written_back_prints_whatever_it_names(text: str) -> None:
    recipe = recipes.from_toml(GOOD, "good")
    recipe = msgspec.structs.replace(recipe, data=recipes.Data(file="a.csv", target=text), class_weight={text: 1.0})
    written = recipes.to_toml(recipe)
    assert all(line.isprintable() for line in written.split("\n"))
    assert recipes.from_toml(written, "copy") == recipe


def test_a_recipe_is_called_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "my first try!.toml"
    path.write_text(GOOD)
    assert recipes.load(path).name == "my-first-try"


def test_a_data_file_is_seen_from_the_recipes_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(changed('{ name = "xor" }', '{ file = "sub/my.csv", target = "y" }'))
    assert recipes.load(tmp_path / "mine.toml").data.file == str(tmp_path / "sub" / "my.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "epoch = 3\n", "got the key 'epoch'"),
        (GOOD + "optimiser = 'Adam'\n", "Write optimizer = …"),
        (
            changed("epochs", "epoch"),
            "got the key 'epoch' in phases[0], but expected a key that it has. Write epochs = …",
        ),
        (changed("name =", "nam ="), "got the key 'nam' in data"),
        (changed('layers = "2-4-1"', ""), "got no 'layers'"),
        (changed(", learning_rate = 0.1", ""), "got no 'phases[0].learning_rate'"),
        (changed("epochs = 3", 'epochs = "three"'), "phases[0].epochs: got 'three', but expected a whole number"),
        (changed("epochs = 3", "epochs = 2.5"), "phases[0].epochs: got 2.5, but expected a whole number"),
        (changed("epochs = 3", "epochs = true"), "phases[0].epochs: got True, but expected a whole number"),
        (changed("epochs = 3", "epochs = 0"), "phases[0].epochs: got 0"),
        (changed("= 0.1", "= -0.1"), "learning_rate: got -0.1, but expected a finite number above 0"),
        (changed("= 0.1", '= "big"'), "learning_rate: got 'big', but expected a number or a table"),
        (changed("= 0.1", "= nan"), "learning_rate: got nan"),
        (changed("[{ epochs = 3, learning_rate = 0.1 }]", "[]"), "phases: got an empty list"),
        (changed("[{ epochs = 3, learning_rate = 0.1 }]", "3"), "phases: got 3, but expected a list"),
        (changed("2-4-1", "2--1"), "layers: got '2--1'"),
        (changed("2-4-1", "2-0-1"), "layers: got '2-0-1'"),
        (changed("2-4-1", "4"), "layers: got '4'"),
        (changed('"2-4-1"', "[2, 4, 1]"), "layers[0]: got 2, but expected a table"),
        (GOOD + "batch_size = 'ful'\n", "batch_size: got 'ful', but expected 'full' or a whole number"),
        (GOOD + "batch_size = -1\n", "batch_size: got -1"),
        (GOOD + "gradient_accumulation_steps = 0\n", "gradient_accumulation_steps: got 0"),
        (GOOD + "dtype = 'float16'\n", "dtype: got 'float16', but expected 'float32' or 'float64'"),
        (GOOD + "monitor = 'accuracy'\n", "monitor: got 'accuracy'"),
        (GOOD + "dropout = 1.0\n", "dropout: got 1.0"),
        (GOOD + "l2 = -1.0\n", "l2: got -1.0"),
        (GOOD + "seed = -1\n", "seed: got -1"),
        (GOOD + "mixup = -0.2\n", "mixup: got -0.2"),
        (GOOD + "threads = 100000\n", "threads: got 100000"),
        (GOOD + "name = '../up'\n", "name: got '../up'"),
        (GOOD + 'title = "a \\u001b[31m title"', "title: got 'a \\x1b[31m title'"),
        (GOOD + "early_stopping = { patients = 3 }\n", "Did you mean 'patience'"),
        (GOOD + "class_weight = 'equal'\n", "class_weight: got 'equal', but expected"),
        (changed('{ name = "xor" }', "{ }"), "got neither name nor file"),
        (changed('name = "xor"', 'name = "xor", file = "a.csv"'), "got both name and file"),
        ("layers = [", "a text that is not TOML"),
        ("x = " + "[" * 10_000, "a text that is not TOML"),
        (GOOD + f"seed = {'9' * 5000}\n", "a text that is not TOML (numbers, brackets or keys that are too long)"),
        (GOOD + f"seed = 0x{'f' * 5000}\n", "mine.toml, seed: got a whole number of more than 64 bits"),
        (GOOD + f"l2 = {10**400}\n", "mine.toml, l2: got a whole number of more than 64 bits"),
        (changed("epochs = 3", f"epochs = {2**63}"), "mine.toml, phases[0].epochs: got a whole number of more than"),
        (GOOD + "l2 = 1e400\n", "l2: got inf"),
        (GOOD + "title = 2026-01-01\n", "mine.toml, title: got a date, 2026-01-01"),
        (GOOD + "seed = 2026-01-01T12:00:00Z\n", "seed: got a date, 2026-01-01 12:00:00"),
        (changed('"2-4-1"', "[{ type = 'Dense', units = 12:00:00 }]"), "layers[0].units: got a time, 12:00:00"),
        (GOOD + f"x = {'[' * 100}{']' * 100}\n", "got tables or lists nested too deeply"),
        (GOOD + f"x = {'{ a = ' * 100}1{' }' * 100}\n", "got tables or lists nested too deeply"),
        (".".join(["a"] * 20_000) + " = 1", "a text that is not TOML (numbers, brackets or keys that are too long)"),
        (GOOD + '"a`b" = 1\n', "got the key 'a`b'"),
        (GOOD + '" - at `$.data" = 1\n', "got the key ' - at `$.data'"),
        (GOOD + '"a\\nb\u202e" = 1\n', r"got the key 'a\nb\u202e'"),
        (GOOD + '"" = 1\n', "got the key ''"),
        (changed('name = "xor"', 'name = "moons", samples = 2000000000'), "data.samples: got 2000000000"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_one_clear_error(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        recipes.from_toml(text, "mine.toml")
    assert str(caught.value).startswith("mine.toml")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (changed('"xor"', '"xxor"'), "Did you mean 'xor'"),
        (changed('name = "xor"', 'name = "xor", samples = 5'), "the setting 'samples'"),
        (changed('name = "xor"', 'name = "moons", factor = 0.5'), "the setting 'factor'"),
        (changed('name = "xor"', 'name = "xor", target = "y"'), "the setting 'target'"),
        (changed('name = "xor"', 'name = "xor", validation = "test"'), "data with test samples of their own"),
        (changed('name = "xor"', 'name = "xor", validation = 4'), "fewer than the 4 samples"),
        (changed('name = "xor"', 'name = "xor", validation = 1.5'), "a share between 0 and 1"),
        (changed('name = "xor"', 'name = "xor", validation = nan'), "a share between 0 and 1"),
        (changed('name = "xor"', 'name = "xor", validation = inf'), "a share between 0 and 1"),
        (changed('name = "xor"', 'name = "xor", test = -1'), "a share between 0 and 1"),
        (changed('name = "xor"', 'name = "digits", test = 0.1'), "test samples of their own"),
        (changed('name = "xor"', 'name = "xor", pool = true'), "Leave pool out"),
        (changed('name = "xor"', 'name = "digits", pool = true, validation = "test"'), "Hold some out"),
        (changed('name = "xor"', 'name = "curve", one_hot = true'), "class indices"),
        (changed('name = "xor"', 'file = "nowhere.csv"'), "what to predict"),
        (changed("2-4-1", "3-4-1"), "takes 3 inputs"),
        (changed("2-4-1", "2-4-2"), "has 2 outputs"),
        (changed("BinaryCrossEntropy", "BinaryCrossEntropi"), "Did you mean 'BinaryCrossEntropy'"),
        (changed('"BinaryCrossEntropy"', '"Adam"'), "expected a loss"),
        (GOOD + "optimizer = 'Tanh'\n", "expected an optimizer"),
        (GOOD + "optimizer = { type = 'SGD', momentun = 0.9 }\n", "momentum"),
        (GOOD + "optimizer = { type = 'SGD', learning_rate = 0.9 }\n", "Write learning_rate = 0.01 at the top"),
        (GOOD + "activation = 'relu'\n", "Write 'ReLU'"),
        (GOOD + "initializer = 'LeCum'\n", "Did you mean 'LeCun'"),
        (GOOD + "bias_initializer = { type = 'Normal', deviation = -1 }\n", "deviation"),
        (GOOD + "bias_initializer = 'Tanh'\n", "an initializer"),
        (changed("learning_rate = 0.1", "learning_rate = { type = 'OneCycle' }"), "maximum"),
        (changed("learning_rate = 0.1", "learning_rate = { type = 'Tanh' }"), "a schedule"),
        (changed('"2-4-1"', "[{ type = 'Dense' }]"), "units"),
        (changed("2-4-1", "2-999999999-1"), "layers: got 3,999,999,997 parameters or more, for samples of 2 numbers"),
        (changed('"2-4-1"', "[{ type = 'Dense', units = 999999999 }, { type = 'Dense', units = 9 }]"), "GiB"),
        (changed('"2-4-1"', "[{ units = 3 }]"), "layers[0]: got a table without a type, but expected a layer"),
        (changed('"2-4-1"', "[{ type = 'MeanSquaredError' }]"), "but expected a layer"),
        (changed('"2-4-1"', "[{ type = 'Network', layers = [] }]"), "but expected a layer"),
        (changed('"2-4-1"', "[{ type = 'Dense', units = 0 }]"), "layers[0]"),
        (changed('"BinaryCrossEntropy"', '"CrossEntropy"'), "'CrossEntropy', but expected a loss"),
        (DIGITS, "one_hot = true"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_clear_error_before_training(
    text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "most", lambda: 2**33)
    recipe = recipes.from_toml(text, "mine")
    with pytest.raises(ChainruleError) as caught:
        build(recipe, gather(recipe))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (None, FileError, "nowhere.toml"),
        (b"\xff\xfe", FileError, "it is not UTF-8"),
        (b"#" * (1 << 20) + b"#", FileError, "longer than a MiB"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(
    tmp_path: Path, content: bytes | None, kind: type[Exception], said: str
) -> None:
    path = tmp_path / "nowhere.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(kind, match=said):
        recipes.load(path)


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'spirals'"):
        recipes.load("spiral")


LONG = recipes.load("softmax_relu_94p")  # 10 epochs each at 1e-2, 1e-3, 1e-4


@pytest.mark.parametrize(
    ("name", "epochs", "expected"),
    [
        ("xor", 7, [7]),
        ("softmax_relu_94p", 3, [1, 1, 1]),
        ("softmax_relu_94p", 60, [20, 20, 20]),
        ("softmax_relu_94p", 31, [10, 11, 10]),
        ("softmax_relu_94p", 1, [1]),
        ("best_attempt_97p", 4, [3, 1]),
    ],
)
def test_epochs_are_shared_among_the_phases(name: str, epochs: int, expected: list[int]) -> None:
    changed = recipes.override(recipes.load(name), epochs=epochs)
    assert [phase.epochs for phase in changed.phases] == expected
    assert changed.epochs == epochs


def test_a_learning_rate_takes_the_place_of_all_rates() -> None:
    assert recipes.override(LONG, learning_rate=0.5).phases == [recipes.Phase(30, 0.5)]


def test_no_options_change_nothing() -> None:
    assert recipes.override(LONG) == LONG


@pytest.mark.parametrize(
    ("option", "value"),
    [("batch_size", 8), ("l2", 0.5), ("layers", "784-10"), ("seed", 9), ("dtype", "float64"), ("keep", "last")],
)
def test_an_option_takes_the_place_of_what_the_recipe_says(option: str, value: object) -> None:
    assert getattr(recipes.override(LONG, **{option: value}), option) == value


def test_another_file_keeps_target_and_splitting(tmp_path: Path) -> None:
    data = recipes.Data(file="old.csv", target="price", validation=0.2)
    recipe = recipes.Recipe(data=data, layers="2-1", loss="MeanSquaredError", phases=[recipes.Phase(1, 0.1)])
    changed = recipes.override(recipe, data=tmp_path / "new.csv").data
    assert (changed.file, changed.target, changed.validation) == (str(tmp_path / "new.csv"), "price", 0.2)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("epochs", 0, "epochs: got 0"),
        ("epochs", 2.5, "epochs: got 2.5"),
        ("batch_size", -1, "batch_size: got -1"),
        ("learning_rate", 0, "learning_rate: got 0"),
        ("l2", -1, "l2: got -1"),
        ("layers", "784,10", "layers: got '784,10'"),
        ("seed", -1, "seed: got -1"),
        ("dtype", "half", "dtype: got 'half'"),
        ("keep", "worst", "keep: got 'worst'"),
    ],
)
def test_a_bad_option_is_one_clear_error(option: str, value: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        recipes.override(LONG, **{option: value})


SHORT = GOOD.replace("phases = [{ epochs = 3, learning_rate = 0.1 }]", "epochs = 3\nlearning_rate = 0.1")


def test_epochs_and_learning_rate_at_the_top_are_the_one_phase() -> None:
    recipe = recipes.recipe.from_toml(SHORT, "mine.toml")
    assert recipe == recipes.recipe.from_toml(GOOD, "mine.toml")
    assert recipes.recipe.from_toml(recipes.to_toml(recipe), "copy") == recipe
    falling = SHORT.replace(
        "learning_rate = 0.1", 'learning_rate = { type = "CosineDecay", initial_learning_rate = 0.1 }'
    )
    assert recipes.recipe.from_toml(falling, "mine.toml").phases[0].learning_rate == {
        "type": "CosineDecay",
        "initial_learning_rate": 0.1,
    }


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("epochs = 3", "", r"^mine.toml: got no 'epochs'"),
        ("learning_rate = 0.1", "", r"^mine.toml: got no 'learning_rate'"),
        ("epochs = 3", "epochs = 'three'", r"^mine.toml, epochs: got 'three'.*Change epochs\.$"),
        ("epochs = 3", "epochs = 0", r"^mine.toml, epochs: got 0"),
        ("learning_rate = 0.1", "learning_rate = -1", r"^mine.toml, learning_rate: got -1"),
        ("learning_rate = 0.1", "learning_rat = 0.1", r"the key 'learning_rat'.*Did you mean 'learning_rate'"),
        ("epochs = 3", "epoch = 3", r"the key 'epoch'.*Write epochs = …"),
        (
            "epochs = 3",
            "epochs = 3\nphases = [{epochs = 3, learning_rate = 0.1}]",
            r"phases and epochs and learning_rate",
        ),
    ],
)
def test_what_is_wrong_with_them_is_said_where_it_stands(old: str, new: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        recipes.recipe.from_toml(SHORT.replace(old, new), "mine.toml")


def test_samples_are_turned_and_then_mixed() -> None:
    recipe = CONFIGURATIONS["turned-and-mixed"]
    samples = gather(recipe)
    x, y = samples.train[0][:5], np.eye(10)[:5]
    change = augmentation(recipe, samples)
    assert callable(change)
    random, same = np.random.default_rng(3), np.random.default_rng(3)
    found = change(x.copy(), y.copy(), random)
    expected = cr.data.Mixup(0.2)(cr.data.RandomAffine()(x.copy(), same), y.copy(), same)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    mixup = augmentation(CONFIGURATIONS["mixed"], samples)
    assert isinstance(mixup, cr.data.Mixup)
    assert mixup.alpha == 0.3
    assert augmentation(CONFIGURATIONS["early"], samples) is None


def test_the_short_form_says_how_weights_and_biases_start() -> None:
    wide = recipes.override(recipes.load("xor-document"), layers="2-600-1")
    network = build(wide, gather(wide))
    hidden, last = network.layers[0], network.layers[2]
    assert isinstance(hidden, cr.Dense)
    assert isinstance(last, cr.Dense)
    for parameter in (hidden.weights, hidden.bias, last.weights):
        assert np.std(parameter.value) == pytest.approx(1, abs=0.1)
    assert last.bias.value != 0


def test_a_recipe_may_take_its_samples_in_their_order(tmp_path: Path) -> None:
    recipe = recipes.override(recipes.load("xor-document"), epochs=3)
    network = build(recipe, gather(recipe))
    loss = cr.train(network, *gather(recipe).train, epochs=3, batch_size=1, shuffle=False).final_loss
    assert recipes.run(recipe, out=tmp_path).history.final_loss == loss
    shuffled = msgspec.structs.replace(recipe, shuffle=True)
    assert recipes.run(shuffled, out=tmp_path).history.final_loss != loss
