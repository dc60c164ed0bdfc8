"""Other libraries' words: parts by name, in any spelling, wherever a part goes."""

from __future__ import annotations

import inspect
import json
import pickle
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import status
from chainrule.errors import ArgumentError, ChainruleError, MissingNameError, MisuseError, UnknownNameError
from chainrule.nn import He
from chainrule.nn.initializers import as_initializer
from chainrule.nn.layer import as_activation
from chainrule.nn.objective import as_loss
from chainrule.optim import as_optimizer
from chainrule.words import LIBRARIES, folded, program, words
from tests.referees import absent

X, Y = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3), np.array([0, 1, 2, 1])

LOSSES = {
    "mse": "MeanSquaredError()",
    "MeanSquaredError": "MeanSquaredError()",
    "mean_squared_error": "MeanSquaredError()",
    "mae": "MeanAbsoluteError()",
    "huber": "Huber()",
    "smooth_l1": "Huber()",
    "sparse_categorical_crossentropy": "CategoricalCrossEntropy()",
    "binary_crossentropy": "BinaryCrossEntropy()",
    "BCEWithLogitsLoss": "SigmoidBinaryCrossEntropy()",
    "CrossEntropyLoss": "SoftmaxCrossEntropy()",
    "log_loss": "SoftmaxCrossEntropy()",
}
ACTIVATIONS = {
    "relu": "ReLU()",
    "ReLU": "ReLU()",
    "leaky-relu": "LeakyReLU()",
    "logistic": "Sigmoid()",
    "swish": "SiLU()",
    "hard_silu": "HardSwish()",
    "Hardswish": "HardSwish()",
    "linear": "Identity()",
    "log_softmax": "LogSoftmax()",
    "hardtanh": "Clip(low=-1.0, high=1.0)",
}
OPTIMIZERS = {"adam": "Adam()", "rmsprop": "RMSProp()", "SGD": "SGD()", "adamW": "AdamW()", "momentum": "momentum=0.9"}
INITIALIZERS = {
    "he_normal": "He()",
    "kaiming_uniform": "He(distribution='uniform')",
    "glorot_uniform": "Glorot()",
    "xavier_normal": "Glorot(distribution='normal')",
    "zeros": "Zeros()",
    "ones": "Constant(value=1.0)",
    "orthogonal": "Orthogonal()",
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_by_name(name: str) -> None:
    assert repr(as_loss([], name)) == LOSSES[name]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_by_name(name: str) -> None:
    assert repr(as_activation("test", name)) == ACTIVATIONS[name]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_by_name(name: str) -> None:
    assert OPTIMIZERS[name] in repr(as_optimizer("test", name))


@pytest.mark.parametrize("name", INITIALIZERS)
def test_an_initializer_by_name(name: str) -> None:
    assert repr(as_initializer("test", name)) == INITIALIZERS[name]


def test_cross_entropy_by_name_is_that_which_suits_the_last_layer() -> None:
    ends: dict[str, Any] = {"CategoricalCrossEntropy()": "softmax", "BinaryCrossEntropy()": "sigmoid"}
    for loss, end in ends.items():
        assert repr(cr.Network([cr.Dense(3, end)], "cross_entropy").loss) == loss
    assert repr(cr.Network([cr.Dense(3)], "cross_entropy").loss) == "SoftmaxCrossEntropy()"


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
@pytest.mark.parametrize("end", ["softmax", "sigmoid", "tanh"])
def test_an_activation_inside_a_layer_is_the_layer_after_it(engine: str, end: str) -> None:
    loss = "mse" if end == "tanh" else "cross_entropy"
    inside = [cr.Dense(4, "relu", inputs=3), cr.Dense(3, end)]
    behind = [cr.Dense(4, inputs=3), cr.ReLU(), cr.Dense(3), end]
    networks = [cr.Network(layers, loss, "adam", engine=engine) for layers in (inside, behind)]
    target = np.eye(3)[Y]
    histories = [cr.train(network, X, target, epochs=5, batch_size=2) for network in networks]
    one, other = networks
    assert repr(one.objective) == repr(other.objective)
    assert one.parameters.tobytes() == other.parameters.tobytes()
    assert histories[0]["loss"] == histories[1]["loss"]
    assert cr.predict(one, X).tobytes() == cr.predict(other, X).tobytes()
    assert repr(one.copy().layers) == repr(one.layers)


def test_the_network_inside_a_network_is_trained_on_logits_too() -> None:
    plain = cr.Network([cr.Dense(4, inputs=3), cr.Dense(3), cr.Softmax()])
    nested = cr.Network([cr.Dense(4, inputs=3), cr.Network([cr.Dense(3), cr.Softmax()])], "cross_entropy")
    assert nested.objective.fused
    nested.parameters[:] = plain.parameters
    assert nested.compute_loss(X * 1e3, Y) == plain.compute_loss(X * 1e3, Y)
    with_dropout = cr.Network([cr.Dense(3, "softmax", inputs=3), cr.Dropout(0.5)], "cross_entropy")
    assert not with_dropout.objective.fused


def test_a_dense_layer_starts_as_its_own_activation_wants() -> None:
    wide = cr.Network([cr.Dense(500, "relu", inputs=400), cr.Dense(1)]).layers[0].weights.value.std()
    assert wide == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    given = cr.Dense(3, "tanh", initializer="he_uniform")
    assert repr(given) == "Dense(3, activation=Tanh(), initializer=He(distribution='uniform'))"
    assert isinstance(given.initializer, He)


NETWORK = cr.Network([cr.Dense(2, inputs=3), cr.Softmax()], "cross_entropy")
HISTORY = cr.train(NETWORK, X, [0, 1, 1, 0], epochs=1, metrics="accuracy", validation_data=(X, [0, 1, 1, 0]))
SUBJECTS: dict[str, Any] = {
    "cr": cr,
    "network": NETWORK,
    "history": HISTORY,
    "node": cr.Parameter("w", [[1.0]]),
    "parameter": cr.Parameter("w", [[1.0]]),
    "result": cr.learning_rate_range_test(NETWORK, X, [0, 1, 1, 0], steps=10),
    "layer": NETWORK.layers[0],
    "optimizer": NETWORK.optimizer,
    "training": cr.training.Training(NETWORK, X, [0, 1, 1, 0]),
    "self": cr.Layer,
}
TABLES = ("names", "keywords")
ANSWERS = sorted({word.ours for table in TABLES for section in words(table).values() for word in section.values()})
NO_SKLEARN = ", ".join(absent("sklearn"))
if not NO_SKLEARN:
    from chainrule.sklearn import Classifier, Regressor

    SUBJECTS["estimator"] = Classifier(NETWORK, epochs=1).fit(X, [0, 1, 1, 0])


def as_case(answer: str) -> Any:
    """Return an answer as a case, which is left out where what it names is not installed."""
    asks = "cr.sklearn" in answer or "estimator." in answer
    skipped = pytest.mark.skipif(bool(NO_SKLEARN) and asks, reason=f"no {NO_SKLEARN}")
    return pytest.param(answer, marks=skipped)


DOTTED = r"\b(cr|network|history|node|parameter|layer|optimizer|training|result|estimator)((?:\.[A-Za-z_]\w*)+)"


@pytest.mark.parametrize("answer", [as_case(answer) for answer in ANSWERS])
def test_an_answer_names_only_what_there_is(answer: str) -> None:
    for subject, path in re.findall(DOTTED, answer):
        there = SUBJECTS[subject]
        for name in path.strip(".").split("."):
            assert name in dir(there) or hasattr(there, name), f"{subject}{path}"
            there = getattr(there, name)


@pytest.mark.parametrize("answer", [as_case(one) for one in ANSWERS if re.search(r"cr\.[A-Za-z.]+\(.*=", one)])
def test_an_answer_passes_only_keywords_that_there_are(answer: str) -> None:
    for call in re.findall(r"cr\.[A-Za-z_.]+\([^()]*\)", answer):
        path, _, given = call.rstrip(")").partition("(")
        function: Any = cr
        for name in path.split(".")[1:]:
            function = getattr(function, name)
        known = inspect.signature(function.__init__ if isinstance(function, type) else function).parameters
        for keyword in re.findall(r"(\w+)=", given):
            assert keyword in known, call


@pytest.mark.parametrize("table", TABLES)
def test_a_name_stands_once_in_a_section_and_its_spellings_for_the_same(table: str) -> None:
    seen: set[tuple[str, str]] = set()
    told: dict[tuple[str, str], str] = {}
    section = ours = ""
    for line in files("chainrule.words").joinpath(f"{table}.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif not line.startswith("    "):
            ours = line
        else:
            for name in line.strip().partition("  ")[2].split(", "):
                assert (section, name) not in seen
                seen.add((section, name))
                assert told.setdefault((section, folded(name)), ours) == ours, (section, name)


NAMES = {
    "cr.Sequential": "cr.Network(",
    "cr.nn.Linear": "cr.Dense(units)",
    "cr.nn.ReLU": "cr.ReLU",
    "cr.MSELoss": "cr.MeanSquaredError",
    "cr.BinaryCrossentropy": "cr.BinaryCrossEntropy",
    "cr.optim.CosineAnnealingLR": "cr.CosineDecay",
    "cr.data.make_moons": "cr.data.moons()",
    "cr.tahn": "Did you mean cr.tanh?",
    "NETWORK.fit": "cr.train(network, X, y",
    "NETWORK.state_dict": "cr.save(network",
    "HISTORY.history": 'history["loss"]',
    "HISTORY['val_accuracy']": 'history["validation_accuracy"]',
    "cr.Adam().zero_grad": "written anew",
    "cr.Dense(2).kernel": "layer.weights.value",
    "cr.Tanh().trainable": "network.freeze",
    "cr.Input('x', 1.0).numpy": "node.value",
    "cr.Input('x', 1.0)._prev": "node.children",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_another_library_is_answered_with_ours(name: str) -> None:
    with pytest.raises(UnknownNameError) as told:
        eval(name, {"cr": cr, "NETWORK": NETWORK, "HISTORY": HISTORY})
    assert NAMES[name] in str(told.value)
    assert told.value.name is None  # else Python appends a guess of its own


@pytest.mark.parametrize("statement", ["from chainrule import Sequential", "from chainrule.nn import Sequential"])
def test_a_name_that_is_imported_is_answered_too(statement: str) -> None:
    with pytest.raises(MissingNameError, match=r"Use cr.Network\("):
        exec(statement, {})


def test_programs_that_ask_whether_there_is_a_name_are_answered_shortly() -> None:
    assert not hasattr(cr, "Sequential")
    assert not hasattr(NETWORK, "fit")
    assert getattr(NETWORK.layers[0], "kernel", None) is None
    with pytest.raises(AttributeError, match=r"^module 'chainrule' has no attribute '__wrapped__'$"):
        _ = cr.__wrapped__


OPTIONS = {
    "--lr": "Write --learning-rate",
    "--n-epochs": "Write --epochs",
    "--hidden-layer-sizes": "Write --layers 784-200-10",
    "--device": "everything runs on the processor",
    "--momentum": "It stands in the recipe",
    "--learning-rat": "Did you mean '--learning-rate'?",
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_of_another_library_is_answered_with_ours(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["train", "xor", option, "3"]) == 2
    said = capsys.readouterr().err
    assert OPTIONS[option] in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("key", "answer"), [("lr = 0.1", "learning_rate"), ("n_epochs = 3", "epochs"), ("units = 8", "784-200")]
)
def test_a_key_of_a_recipe_is_answered_with_ours(key: str, answer: str, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text(f"{key}\n" + cr.recipes.to_toml(cr.recipes.load("xor")))
    with pytest.raises(cr.ChainruleError, match=answer):
        cr.recipes.load(recipe)


FOREIGN_HOOKS = {
    "on_epoch_end": "epoch.validation_loss",
    "on_train_begin": "begin(self",
    "on_nonsense": "Known: after_epoch",
}


@pytest.mark.parametrize("hook", FOREIGN_HOOKS)
def test_a_hook_that_nobody_calls_is_refused_when_the_callback_is_written(hook: str) -> None:
    with pytest.raises(UnknownNameError, match=f"the method {hook}, which nobody calls") as told:
        type("Mine", (cr.Callback,), {hook: lambda self, training: None})
    assert FOREIGN_HOOKS[hook] in told.value.fix


def test_the_figures_of_evaluate_are_asked_for_by_other_names() -> None:
    figures = cr.evaluate(NETWORK, X, [0, 1, 1, 0])
    assert figures == dict(figures)
    with pytest.raises(UnknownNameError, match=r'Use scores\["loss"\]'):
        figures["eval_loss"]
    assert figures.get("eval_loss") is None


def test_a_network_is_told_its_optimizer_once() -> None:
    network = cr.Network([cr.Dense(1, inputs=3)])
    network.compute_loss(X, [[0.0]] * 4)
    network.backward()
    with pytest.raises(cr.ChainruleError, match=r"network.optimizer = cr.Adam"):
        network.optimize(cr.Adam())


def test_far_too_many_outputs_for_the_classes_are_warned_of() -> None:
    labels = np.arange(20) % 4
    with pytest.warns(cr.errors.TrainingWarning, match=r"classes from 0 to 3, for 32 outputs.*cr.Dense\(4\)"):
        cr.train(cr.Network([cr.Dense(32), cr.Softmax()]), np.ones((20, 3)), labels, epochs=1)


def test_texts_are_answered_by_how_to_number_them() -> None:
    with pytest.raises(cr.ChainruleError, match="return_inverse=True"):
        cr.data.one_hot(["a", "b"])
    with pytest.raises(cr.ChainruleError, match="no inputs with names"):
        cr.predict(NETWORK, {"a": 1})


DOTTED_NAMES = {
    "cr.callbacks.EarlyStopping": "Use cr.EarlyStopping",
    "cr.layers.Dense": "Use cr.Dense",
    "cr.optim.lr_scheduler.StepLR": "Use cr.StepDecay",
    "cr.models.load_model": "Use cr.load",
    "cr.utils.set_random_seed": "seed=0",
}


@pytest.mark.parametrize("name", DOTTED_NAMES)
def test_of_a_dotted_name_the_last_one_is_answered(name: str) -> None:
    with pytest.raises(UnknownNameError) as told:
        eval(name, {"cr": cr})
    assert DOTTED_NAMES[name] in told.value.fix


def test_an_attribute_set_on_a_parameter_that_nobody_reads_is_refused() -> None:
    weights = NETWORK.layers[0].weights
    with pytest.raises(UnknownNameError, match=r"parameter.frozen = True"):
        weights.requires_grad = False
    frozen = cr.Parameter("w", [[1.0]])
    frozen.frozen = True
    assert not frozen.learnt


def test_an_optimizer_is_given_no_parameters() -> None:
    with pytest.raises(cr.ChainruleError, match="learning_rate twice"):
        cr.Adam(NETWORK.parameters, learning_rate=0.1)


@pytest.mark.parametrize("key", [-1, (slice(None), "loss")])
def test_a_history_is_asked_for_columns(key: Any) -> None:
    with pytest.raises(UnknownNameError, match=r'history\["loss"\]\[-1\]'):
        HISTORY[key]


def test_the_figures_of_evaluate_are_not_taken_apart_into_their_names() -> None:
    with pytest.raises(cr.ChainruleError, match=r'scores\["loss"\]'):
        _loss, _accuracy = cr.evaluate(NETWORK, X, [0, 1, 1, 0], metrics="accuracy")
    figures = cr.evaluate(NETWORK, X, [0, 1, 1, 0], metrics="accuracy")
    assert list(figures) == [*figures] == [name for name in figures] == ["loss", "accuracy"]  # noqa: C416 -- each way
    assert dict(figures) == {**figures} == json.loads(json.dumps(figures))


SET_IN_A_CALLBACK = {
    "stop_training": (True, r'training.stop\("enough"\)'),
    "stop": (True, r'training.stop\("enough"\)'),
    "learning_rate": (0.0, "Give the optimizer a schedule"),
    "epoch_number": (3, "something that it has"),
}


@pytest.mark.parametrize("each_step", [True, False])
@pytest.mark.parametrize("name", SET_IN_A_CALLBACK)
def test_what_a_callback_sets_on_a_training_is_used_or_refused(name: str, each_step: bool) -> None:
    value, answer = SET_IN_A_CALLBACK[name]

    class Setting(cr.Callback):
        def after_step(self, training: Any) -> None:
            if each_step:
                setattr(training, name, value)

        def after_epoch(self, training: Any, epoch: Any) -> None:
            setattr(training, name, value)

    with pytest.raises(cr.ChainruleError, match=answer):
        cr.train(cr.Network([cr.Dense(1)]), X, X[:, :1], epochs=3, callbacks=Setting())


def test_a_callback_may_keep_what_is_private_on_a_training_and_say_how_many_epochs() -> None:
    def look(training: Any, epoch: Any) -> None:
        training._mine = epoch.loss
        training.epochs = 2

    assert len(cr.train(cr.Network([cr.Dense(1)]), X, X[:, :1], epochs=5, callbacks=look)) == 2


def test_an_attribute_of_another_name_is_refused_not_kept() -> None:
    graph = cr.Graph(cr.mean_squared_error(prediction=cr.Parameter("w", [[1.0]]), target=cr.Input("t", [[0.0]])))
    for told in (HISTORY, pickle.loads(pickle.dumps(HISTORY)), graph, pickle.loads(pickle.dumps(graph))):
        with pytest.raises(UnknownNameError, match="nobody reads"):
            told.colour = "red"
        told._mine = "what is private is anybody's"
    with pytest.raises(UnknownNameError, match=r'history\["validation_loss"\]'):
        HISTORY.val_loss = 1.0
    with pytest.raises(MisuseError, match=r"Graph.wrt: .*stay as it was made"):
        graph.wrt = ()
    with pytest.raises(AttributeError):
        HISTORY.epochs[0].colour = "red"
    HISTORY.stopped = HISTORY.stopped


def test_a_record_of_an_epoch_gives_its_figures_by_name() -> None:
    epoch = HISTORY.epochs[-1]
    assert epoch["loss"] == epoch.loss == HISTORY["loss"][-1]
    assert epoch["validation_accuracy"] == HISTORY["validation_accuracy"][-1]
    for ask in (lambda: epoch["val_loss"], lambda: epoch.val_loss):
        with pytest.raises(UnknownNameError, match=r'history\["validation_loss"\]'):
            ask()


def test_a_layer_asked_for_as_an_attribute_is_said_to_be_in_the_list() -> None:
    network = cr.Network([cr.Dense(2, inputs=2, name="first"), cr.Dense(1, name="last")])
    with pytest.raises(UnknownNameError, match=r"Use network.layers\[1\]"):
        assert network.last
    with pytest.raises(UnknownNameError, match=r"network.layers, a list"):
        assert network.fc1
    with pytest.raises(UnknownNameError, match=r"Did you mean 'parameters'\? help\(Network\) says what it has") as told:
        assert network.parametres
    assert len(str(told.value)) < 150


@pytest.mark.skipif(bool(NO_SKLEARN), reason=f"no {NO_SKLEARN}")
def test_an_estimator_knows_the_names_of_other_estimators() -> None:
    for estimator in (SUBJECTS["estimator"], Regressor(NETWORK)):
        for name, word in (("save_params", "cr.save"), ("module_", "network_"), ("coef_", "parameters")):
            assert not hasattr(estimator, name)
            with pytest.raises(UnknownNameError, match=word):
                getattr(estimator, name)


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_program_for_those_who_come_from_a_library_runs(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = program(library)
    assert text.startswith("#")
    assert len(text.splitlines()) < 80
    exec(compile(text, library, "exec"), {"__name__": library})


def test_the_words_of_a_library_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["words"]) == 0
    assert capsys.readouterr().out.count("\n") == 1 + len(LIBRARIES)
    for name in ("torch", "PyTorch"):
        assert status(["words", name]) == 0
        said = capsys.readouterr().out
        assert said.startswith(program("torch").rstrip())
        assert "Names, at: module" in said
        assert "zero_grad" in said
    assert status(["words", "pytroch"]) == 2
    assert "Did you mean 'torch'?" in capsys.readouterr().err


def test_a_name_that_whole_programs_have_leads_to_one() -> None:
    with pytest.raises(UnknownNameError, match=r"whole program in both: chainrule words keras or torch"):
        assert cr.Sequential
    with pytest.raises(UnknownNameError, match=r"chainrule words"):
        assert NETWORK.fit
    with pytest.raises(UnknownNameError) as told:
        assert HISTORY.val_loss
    assert "chainrule words" not in str(told.value)


def test_all_wrong_keywords_of_a_call_are_answered_at_once() -> None:
    with pytest.raises(ArgumentError) as told:
        cr.train(NETWORK, X, Y, n_epochs=3, lr=0.1, bs=4)
    assert "got n_epochs=3, lr=0.1, bs=4, but" in str(told.value)
    for part in ("n_epochs: Write epochs=…; ", "lr: ", "bs: Write batch_size=…."):
        assert part in str(told.value)
    with pytest.raises(ArgumentError, match=r"Write axis=…"):
        cr.softmax(cr.Parameter("w", [[1.0]]), dim=1)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: cr.Dense(4)(cr.Flatten()), r"Layers are listed, not called on each other"),
        (lambda: cr.add([cr.Parameter("w", [[1.0]])], 1.0), r"nodes one by one"),
        (lambda: cr.data.split(X, Y, test_size=0.2), r"Write fraction=…"),
        (lambda: cr.CategoricalCrossEntropy(from_logits=True), r"cr.SoftmaxCrossEntropy\(\) for classes"),
        (lambda: cr.save(NETWORK, "net.pt"), r"Write cr.save\(network, 'model.safetensors'\), to come back here"),
    ],
)
def test_the_advice_leads_on(wrong: Callable[[], Any], words: str) -> None:
    with pytest.raises(ChainruleError, match=words):
        wrong()


def made(width: int = 8, activation: str = "relu") -> cr.Network:
    return cr.Network([cr.Dense(width, activation), cr.Dense(2, "softmax")], "cross_entropy")


@pytest.mark.skipif(bool(NO_SKLEARN), reason=f"no {NO_SKLEARN}")
def test_a_function_of_settings_alone_is_not_called_with_sizes() -> None:
    with pytest.raises(ChainruleError, match=r"Write def made\(n_features, n_classes, …\), or pass"):
        Classifier(made, epochs=1).fit(X, [0, 1, 1, 0])
    with pytest.raises(ArgumentError, match="Write network__l2"):
        Classifier(made(), optimizer__weight_decay=0.1)
    assert Classifier(made(), epochs=1).fit(X, [0, 1, 1, 0]).predict(X).shape == (4,)
