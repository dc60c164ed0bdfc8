"""The gradient check passes what is right and names the leaf and the index of what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DerivativeError, InputError, MisuseError

RNG = np.random.default_rng(2)


class Cube(cr.Op):
    """y = z³"""

    def __init__(self, wrong=lambda right, z: right):
        self.wrong = wrong

    def forward(self, z):
        return z * z * z

    def backward(self, dy, y, z):
        return dict(z=self.wrong(dy * 3 * z * z, z))


def planted(right, z):
    right = right.copy()
    right[1, 2] += 1e-3
    return right


WRONG = {
    "factor": lambda right, z: right * (1 + 1e-5),
    "sign": lambda right, z: -right,
    "twice": lambda right, z: 2 * right,
    "zero": lambda right, z: 0 * right,
    "ignores what arrives": lambda right, z: 3 * z * z,
    "rows swapped": lambda right, z: right[::-1].copy(),
    "a NaN": lambda right, z: right * np.where(z == z[0, 0], np.nan, 1),
    "one element": planted,
}


def cube(wrong=lambda right, z: right, dtype="float64"):
    w = cr.Parameter("w", RNG.normal(size=(2, 3)) + 2, dtype)
    return cr.mean(x=cr.Node(Cube(wrong), {"z": w}) * 0.5)


def test_a_right_derivative_passes():
    assert cr.check_gradients(cube()).passed


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_derivative_is_found(wrong):
    with pytest.raises(
        DerivativeError, match=r"check_gradients, w: .* your backward gives .* at \[\d, \d\], differences"
    ):
        cr.check_gradients(cube(wrong))


def test_the_place_of_a_single_wrong_element_is_named():
    with pytest.raises(DerivativeError, match=r"check_gradients, w: .* at \[1, 2\]"):
        cr.check_gradients(cube(planted))
    check = cr.check_gradients(cube(planted), raise_error=False)
    assert not check.passed
    assert check.leaves[0].place == (1, 2)
    assert "WRONG: your backward gives" in str(check)
    assert "at [1, 2], differences give" in str(check)


def test_a_dropped_path_is_found():
    class Half(cr.Op):
        constant = ("b",)  # a lie: y depends on b

        def forward(self, a, b):
            return a * b

        def backward(self, dy, y, a, b):
            return dict(a=dy * b)

    x = cr.Input("x", np.array([1.0, 2.0]))
    with pytest.raises(DerivativeError):
        cr.check_gradients(cr.Graph(cr.sum(x=cr.Node(Half(), {"a": x, "b": x}))))


@pytest.mark.parametrize(
    "activation", [cr.Tanh(), cr.ReLU(), cr.LeakyReLU(), cr.ELU(), cr.GELU(), cr.Softmax()], ids=repr
)
def test_float32_networks_pass_as_exactly_as_float64(activation):
    network = cr.Network(
        [cr.Dense(6, inputs=4), activation, cr.Residual([cr.Dense(6), cr.SiLU()]), cr.Dense(2)], l2=0.1
    )
    network.compute_loss(RNG.normal(size=(5, 4)), RNG.normal(size=(5, 2)))
    check = cr.check_gradients(network.graph("training"))
    assert check.passed
    assert [leaf.by for leaf in check.leaves if leaf.checked == leaf.elements]


def test_a_kink_is_not_an_error():
    w = cr.Parameter("w", [0.0, 1.0, -1.0])
    check = cr.check_gradients(cr.sum(x=cr.relu(z=w) + cr.absolute(z=w)))
    assert check.passed
    assert check.leaves[0].kinks == 1


def test_larger_leaves_are_sampled():
    w = cr.Parameter("w", RNG.normal(size=(100, 10)))
    check = cr.check_gradients(cr.sum(x=cr.tanh(z=w)), elements=20)
    assert (check.leaves[0].checked, check.leaves[0].elements) == (20, 1000)
    assert "20 of 1000" in str(check)


def test_a_root_with_many_elements_is_checked():
    x = cr.Input("x", RNG.normal(size=(3, 4)))
    assert cr.check_gradients(cr.softmax(z=x)).passed


def test_what_is_computed_is_left_out_and_nothing_to_check_is_an_error():
    w = cr.Parameter("w", [0.5])
    h = cr.tanh(z=w)
    check = cr.check_gradients(cr.Graph(cr.sum(x=h * h), wrt=[h, w]))
    assert [leaf.by for leaf in check.leaves] == ["w"]
    with pytest.raises(MisuseError, match="no leaf"):
        cr.check_gradients(cr.Graph(cr.sum(x=h * h), wrt=[h]))


def test_a_check_changes_nothing():
    w = cr.Parameter("w", [0.5, 0.25])
    loss = cr.sum(x=cr.tanh(z=w))
    loss.backward()
    before = w.value.tobytes(), w.grad.tobytes(), loss.value.tobytes()
    cr.check_gradients(loss)
    assert (w.value.tobytes(), w.grad.tobytes(), loss.value.tobytes()) == before


def test_a_kink_that_a_sample_lies_on_is_no_wrong_derivative():
    network = cr.Network(
        [cr.Dense(3, inputs=2), cr.ReLU(), cr.Dense(1), cr.Sigmoid()]
    )  # biases start at 0, as does (0, 0)
    network.compute_loss(*cr.data.xor())
    result = cr.check_gradients(network.graph().root)
    assert result.passed
    assert sum(leaf.kinks for leaf in result.leaves) > 0


def test_a_small_error_on_a_strongly_curved_function_is_no_kink():
    class Off(cr.Op):
        """y = e^(20 z)
        ∂z = ∂y · 20 e^(20 z), but for a factor"""

        def forward(self, z):
            return np.exp(20 * z)

        def backward(self, dy, y, z):
            return dict(z=dy * 20 * y * 1.0001)

    z = cr.Parameter("z", np.array([0.1, 0.5]))
    with pytest.raises(cr.ChainruleError):
        cr.check_gradients(cr.sum(x=cr.Node(Off(), {"z": z})))


def at(value, function, wrong=lambda dz: dz):
    class Given(cr.Op):
        """y = f(z)"""

        def forward(self, z):
            return function[0](z)

        def backward(self, dy, y, z):
            return dict(z=wrong(dy * function[1](z)))

    return cr.sum(x=cr.Node(Given(), {"z": cr.Parameter("z", [value])}))


NOT_MEASURABLE = {
    "exp(800), which is inf": (800.0, (np.exp, np.exp)),
    "log(0)": (0.0, (np.log, lambda z: 1 / z)),
    "the end of a domain": (0.0, (np.sqrt, lambda z: 0.5 / np.sqrt(z))),
    "an infinite slope": (0.0, (np.cbrt, lambda z: 1 / (3 * np.cbrt(z) ** 2))),
    "an infinite slope on both sides": (0.0, (lambda z: np.sqrt(abs(z)), lambda z: 0.5 / np.sqrt(abs(z)))),
    "a jump": (1.0, (np.floor, lambda z: 0 * z)),
}


@pytest.mark.parametrize(("value", "function"), NOT_MEASURABLE.values(), ids=NOT_MEASURABLE)
def test_where_nothing_can_be_measured_nothing_is_accused_and_the_report_says_so(value, function):
    report = cr.check_gradients(at(value, function))
    assert report.passed
    assert report.leaves[0].unknown == 1
    assert "at 1 nothing can be measured" in str(report)
    assert str(report).endswith("every derivative that can be measured is right; 1 cannot")


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_derivative_that_is_not_finite_where_the_function_is_smooth_is_wrong(value, wrong):
    with pytest.raises(DerivativeError):
        cr.check_gradients(at(value, (np.square, lambda z: 2 * z), lambda dz: dz + wrong))


def test_an_overflow_that_chainrules_own_exp_gives_is_not_accused():
    report = cr.check_gradients(cr.sum(cr.exp(800)))
    assert report.passed
    assert not cr.check(cr.sum(cr.exp(800))).wrong


def test_the_right_derivative_beside_a_wrong_one_is_not_accused_of_its_size():
    w = cr.Parameter("w", [1e8, 1e-8, -3.0])
    assert cr.check_gradients(cr.sum(x=w * w)).passed


@pytest.mark.parametrize("of", [cr.Tanh(), cr.Dense(2), cr.Network([cr.Dense(1)])])
def test_what_is_no_graph_is_sent_to_check(of: object) -> None:
    with pytest.raises(InputError, match=r"Use cr.check\("):
        cr.check_gradients(of)
