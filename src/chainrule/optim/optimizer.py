"""What an optimizer is, a rule that turns weights and their gradient into better weights, and what it remembers.

An optimizer holds settings only, so one object may serve many networks. What it remembers from step to step, how many
steps it took and its *slots*, lives in an `OptimizerState`. `update` is pure array formulas that write in place, like
the backward of an op: it can be called on any arrays, and its NumPy calls can be noted once and repeated.

A network's weights are one flat vector, or a few slices of it; a graph built by hand has one array per `Parameter`. A
state takes either, as a sequence of arrays that it changes in place and never rebinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, Protocol

import numpy as np

from chainrule import memory
from chainrule.checks import instance, number, whole
from chainrule.errors import InputError, MisuseError, ShapeError, nearest
from chainrule.ops.op import Array
from chainrule.optim.schedules import Schedule, as_schedule
from chainrule.settings import Configured


class Optimizer(Configured):
    """A rule for a step; subclasses write `update` and, where the step has numbers of its own, `scalars`.

    Parameters
    ----------
    learning_rate : float or Schedule
        The size η of a step, above 0.
    clip_value : float, optional
        Bring every element of the gradient into [−clip_value, clip_value].
    clip_norm : float, optional
        Shorten the gradient to this Euclidean norm where it is longer. The norm is that of the *whole* gradient,
        over all weights (Keras' ``global_clipnorm``), so its direction stays.
    ema : float, optional
        Keep an exponential moving average of the weights, of which each step keeps this much: from above 0 to below
        1, such as 0.999. `train` measures it on the validation data, and it is what the network has in the end. The
        formula is at `OptimizerState`.

    Attributes
    ----------
    slots : tuple of str
        The vectors the rule keeps for each weight vector, of the same shape and zero at the start.

    Examples
    --------
    A rule of one's own: the sign of the gradient says where to, the learning rate how far.

    >>> class SignDescent(Optimizer):
    ...     '''W ← W − η · sign(∂C/∂W)'''
    ...
    ...     def update(self, weights, gradient, rate):
    ...         weights -= rate * np.sign(gradient)
    >>> weights = np.array([1.0, 2.0])
    >>> SignDescent(0.5).update(weights, np.array([0.1, -3.0]), rate=0.5)
    >>> weights
    array([0.5, 2.5])
    """

    words = "optimizer"

    slots: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: float | Schedule,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        ema: float | None = None,
    ) -> None:
        if type(self) is Optimizer:
            rate = f"{learning_rate!r:.20}"
            raise InputError(
                "Optimizer",
                given="the class of all optimizers itself",
                expected="one that has a rule",
                fix=f"Write cr.SGD({rate}), plain descent, cr.SGD({rate}, momentum=0.9) or cr.Adam(…); a rule of your "
                "own is class Mine(cr.Optimizer) with update(self, weights, gradient, rate)",
            )
        if isinstance(learning_rate, (Schedule, str)):  # a text is refused there, by the word for it
            learning_rate = as_schedule(learning_rate, type(self).__name__)
        elif np.ndim(learning_rate) or isinstance(learning_rate, Iterable):
            raise InputError(
                type(self).__name__,
                given=f"{learning_rate!r:.60} as its learning rate",
                expected="a number, or a schedule: an optimizer is given no parameters",
                fix=f"Give it to the network, all of whose parameters it trains: cr.Network(layers, "
                f"optimizer=cr.{type(self).__name__}(0.01))",
            )
        else:
            learning_rate = self._number("learning_rate", learning_rate, above=0)
        self.learning_rate: float | Schedule = learning_rate
        self.clip_value = None if clip_value is None else self._number("clip_value", clip_value, above=0, like=0.5)
        self.clip_norm = None if clip_norm is None else self._number("clip_norm", clip_norm, above=0, like=1.0)
        if clip_value is not None and clip_norm is not None:
            raise InputError(
                type(self).__name__,
                given="both clip_value and clip_norm",
                expected="at most one of them",
                fix="Keep clip_norm, which leaves the gradient's direction as it is",
            )

        self.ema = None if ema is None else self._number("ema", ema, above=0, below=1, like=0.999)

    @property
    def kept(self) -> tuple[str, ...]:
        """The slots, and ``"average"`` with `ema`: one vector each for each weight vector."""
        return self.slots if self.ema is None else (*self.slots, "average")

    def late(self, name: str, value: Any) -> Any:
        if name == "learning_rate":  # which is looked up at every step, or where a training begins
            return self.as_if_made(name, value)
        new = f"cr.{type(self).__name__}({name}={value!r:.60})"
        raise self.too_late(name, value, f"Give the network a new one: network.optimizer = {new}")

    def scalars(self, step: int, learning_rate: float) -> dict[str, float]:
        """Return the numbers that `update` needs for this step.

        Parameters
        ----------
        step : int
            Which step this is, counted from 1.
        learning_rate : float
            The learning rate η at this step.
        """
        return {"rate": learning_rate}

    def update(self, weights: Array, gradient: Array, *arrays: Any, **slots_and_scalars: Any) -> None:
        """Change `weights` and the slots in place; never write `gradient`.

        The slots and the scalars come by name; scalars are floats or arrays of no axes in the weights' dtype.
        """
        raise NotImplementedError

    def decay(self, weights: Array, rate: Array) -> None:
        """Shrink those weights that decay, in place, before `update`: nothing, unless a rule says otherwise."""

    def clip(self, gradient: Array, norm: Array | None = None) -> Array:
        """Return the gradient, clipped as the settings say: itself, or a new array.

        By value min(max(g, −c), c); by norm g · c / max(‖g‖, c), which is g to the bit where ‖g‖ <= c. A NaN shows
        in the result.

        Parameters
        ----------
        gradient : array
            The gradient, or one part of it.
        norm : float64 scalar, optional
            The norm of the whole gradient (`global_norm`) where `gradient` is only a part of it.
        """
        if self.clip_value is not None:
            gradient = np.minimum(np.maximum(gradient, -self.clip_value), self.clip_value)
        elif self.clip_norm is not None:
            length = global_norm([gradient]) if norm is None else norm
            scale = self.clip_norm / np.maximum(length, self.clip_norm)
            gradient = gradient * scale.astype(gradient.dtype)  # a float64 scalar would widen a float32 gradient
        return gradient

    def start(self, parameters: Sequence[Learnable], decayed: Sequence[Learnable] | None = None) -> OptimizerState:
        """Return a state that trains the parameters of a graph built by hand.

        After each `backward`, `state.update()` takes one step.

        Parameters
        ----------
        parameters : sequence of Parameter
            The nodes to learn, each once. Anything with `array`, its weights, and `grad`, their gradient, will do.
        decayed : sequence of Parameter, optional
            Those of them that decay, if the rule has a weight decay. Default: those with two axes or more.
        """
        learnt = _learnables(self, parameters)
        state = OptimizerState(
            self,
            [parameter.array for parameter in learnt],
            None if decayed is None else [parameter.array for parameter in _learnables(self, decayed)],
        )
        state._parameters = learnt
        return state

    def _number(self, setting: str, value: Any, **limits: float) -> float:
        return number(f"{type(self).__name__}({setting}=…)", value, **limits)


def global_norm(gradients: Iterable[Array]) -> Array:
    """Return the Euclidean norm of all the gradients taken together, as a float64 scalar.

    Squares and sum are float64: in float32, elements from 2·10¹⁹ on would square to infinity.

    >>> float(global_norm([np.array([3.0]), np.array([[4.0]])]))
    5.0
    """
    norm: Array = np.sqrt(sum(np.multiply(g, g, dtype=np.float64).sum() for g in gradients))
    return norm


SETTLING = 1024  # steps: a moment that shrinks by a tenth at each is subnormal after some 800


class Learnable(Protocol):
    """What `Optimizer.start` wants to know of a parameter."""

    @property
    def array(self) -> Array:
        """The weights themselves, writable; the same object each time."""

    @property
    def grad(self) -> Array | None:
        """Their gradient, or None before the first backward."""


class OptimizerState:
    """An optimizer at work on some weight arrays.

    With `ema`, written d, it keeps an average a of the weights as they are after each step t = 1, 2, …:

    a ← a + (w − a) · (1 − d) / (1 − dᵗ)

    which is the moving average m ← d m + (1 − d) w that begins with m = 0, divided by the weight 1 − dᵗ that it has
    given out so far, as Adam's moments are: Σ d^(t−i) wᵢ / Σ d^(t−i) over the steps i up to t. The start counts no more
    than it should, and after the first step a is w. (D. P. Kingma and J. Ba, "Adam: A Method for Stochastic
    Optimization", 2015, section 7.2; B. T. Polyak and A. B. Juditsky, "Acceleration of stochastic approximation by
    averaging", 1992, on why averages are better than last weights.)

    Parameters
    ----------
    optimizer : Optimizer
        The rule.
    weights : sequence of arrays
        The live weights, all float32 or all float64, writable, none twice.
    decayed : sequence of arrays, optional
        What a weight decay shrinks: arrays or slices out of `weights`, none twice. Default: those of `weights` with
        two axes or more, so that biases don't decay. For a network on one flat vector, its slice of penalised
        weights.

    Attributes
    ----------
    step : int
        How many steps were taken.
    slots : dict of str to list of arrays
        Slot -> one array for each of `weights`; with `ema` also ``"average"``.
    rate : array of no axes
        The learning rate of the last step.
    scalars : dict of str to arrays of no axes
        The optimizer's numbers for the last step, as `advance` left them.

    Raises
    ------
    ShapeError
        When arrays can't be trained in place, or don't fit together.

    Examples
    --------
    >>> from chainrule.optim import SGD
    >>> weights = np.array([[1.0, 2.0]])
    >>> state = OptimizerState(SGD(0.5), [weights])
    >>> state.apply([np.array([[1.0, -1.0]])])
    >>> weights, state.step
    (array([[0.5, 2.5]]), 1)
    """

    def __init__(self, optimizer: Optimizer, weights: Sequence[Array], decayed: Sequence[Array] | None = None) -> None:
        self.optimizer: Optimizer = instance("OptimizerState", optimizer, Optimizer, "Adam(0.001)")
        self.weights = _arrays("weights", weights)
        if decayed is None:
            self.decayed = [array for array in self.weights if array.ndim >= 2]
        else:
            self.decayed = _arrays("decayed", decayed)
            for i, part in enumerate(self.decayed):
                if part.size and not any(np.may_share_memory(part, array) for array in self.weights):
                    raise InputError(
                        "OptimizerState",
                        given=f"decayed[{i}], an array that is no part of the weights",
                        expected="arrays or slices out of weights",
                        fix="Pass for example decayed=[weights[0]]",
                    )
        dtype = self.weights[0].dtype if self.weights else np.dtype(np.float32)
        self.step = 0
        self.slots = {slot: [memory.zeros(w.shape, w.dtype) for w in self.weights] for slot in self.optimizer.kept}
        self.rate = np.zeros((), dtype)
        self.scalars = {name: np.zeros((), dtype) for name in self._values(1, 1.0)}
        self._parameters: Sequence[Learnable] | None = None
        self._last_rate: float | None = None
        self._steady = self._values(1, 1.0) == self._values(2, 1.0)
        # Made once: what each call of `optimizer.update` gets beside the weights and the gradient.
        own = {name: self.scalars[name] for name in self.optimizer.scalars(1, 1.0)}
        self._named: list[dict[str, Any]] = [
            {**{slot: self.slots[slot][i] for slot in self.optimizer.slots}, **own} for i in range(len(self.weights))
        ]

    @np.errstate(all="ignore")  # what overflows is an infinity in the weights, for all to see
    def apply(self, gradients: Sequence[Array], learning_rate: float | None = None) -> None:
        """Take one step down the gradients.

        Clips by the norm over all gradients, shrinks the weights that decay, then updates every array in place.

        Parameters
        ----------
        gradients : sequence of arrays
            One per array of `weights`, of its shape and dtype. They are not written.
        learning_rate : float, optional
            The learning rate of this step; the optimizer's own where left out.

        Raises
        ------
        ShapeError
            When a gradient does not fit its weights. No weight has been changed then.
        MisuseError
            When the optimizer's learning rate is a schedule and none is given here.
        """
        self._check(gradients)
        self.advance(learning_rate)
        self.formulas(gradients)

    def formulas(self, gradients: Sequence[Any], wrap: Callable[[Array], Any] = lambda array: array) -> None:
        """Do the array formulas of a step: the second half of `apply`, after `advance`.

        An engine that records them passes gradients that note what is done with them, and `wrap`, which makes such
        arrays of the weights and the slots.
        """
        optimizer = self.optimizer
        norm = None if optimizer.clip_norm is None else global_norm(gradients)
        for array in self.decayed:
            optimizer.decay(wrap(array), wrap(self.rate))
        for array, gradient, named in zip(self.weights, gradients, self._named):
            wrapped = {name: wrap(value) for name, value in named.items()}
            optimizer.update(wrap(array), optimizer.clip(gradient, norm), **wrapped)
        for array, kept in zip(self.weights, self.slots.get("average", ())):
            average = wrap(kept)
            average += wrap(self.scalars["average_rate"]) * (wrap(array) - average)

    def update(self, learning_rate: float | None = None) -> None:
        """Take one step down the gradients that the last backward left in the parameters.

        For a state made by `Optimizer.start`; elsewhere it is `apply`.

        Raises
        ------
        MisuseError
            When a parameter has no gradient yet, or its weights are no longer where they were.
        """
        if self._parameters is None:
            raise MisuseError(
                "OptimizerState.update",
                given="a state made from arrays",
                expected="one made from parameters, whose gradients it can read",
                fix="Call state.apply(gradients), or make the state by optimizer.start(parameters)",
            )
        gradients = []
        for i, (parameter, array) in enumerate(zip(self._parameters, self.weights)):
            if parameter.array is not array:
                raise MisuseError(
                    "OptimizerState.update",
                    given=f"{_called(parameter, i)}, whose weights have moved since the start",
                    expected="the arrays that this state trains",
                    fix="A network holds them now: call network.optimize(), or start anew",
                )
            gradient = parameter.grad
            if gradient is None:
                raise MisuseError(
                    "OptimizerState.update",
                    given=f"no gradient in {_called(parameter, i)}",
                    expected="a gradient in every parameter",
                    fix="Call backward first, on a loss that depends on this parameter, or leave it out",
                )
            gradients.append(gradient)
        self.apply(gradients, learning_rate)

    def advance(self, learning_rate: float | None = None) -> None:
        """Count a step and write its numbers into `rate` and `scalars`, without touching a weight.

        The first half of `apply`, for an engine that repeats the array formulas of the second half by itself.
        """
        rate = self._own_rate() if learning_rate is None else learning_rate
        if rate != self._last_rate:
            rate = number("learning_rate", rate, least=0)
        elif self._steady:
            self.step += 1
            return
        values = self._values(self.step + 1, rate)
        self.step += 1
        self._last_rate = rate
        self.rate.fill(rate)
        for name, scalar in self.scalars.items():
            scalar.fill(values[name])

    def ahead(self, rates: Sequence[float]) -> Array:
        """Return what `advance` would write for the steps to come: a row each, the rate and the scalars, float64."""
        checked = {rate: number("learning_rate", rate, least=0) for rate in set(rates)}
        if self._steady:
            of_rate = {rate: self._row(1, value) for rate, value in checked.items()}
            if len(of_rate) == 1:
                return np.tile(of_rate[rates[0]], (len(rates), 1))
            return np.array([of_rate[rate] for rate in rates])
        return np.array([self._row(self.step + 1 + i, checked[rate]) for i, rate in enumerate(rates)])

    def _row(self, step: int, rate: float) -> list[float]:
        values = self._values(step, rate)
        return [rate, *(values[name] for name in self.scalars)]

    def _values(self, step: int, rate: float) -> dict[str, float]:
        """Return the numbers of a step: the optimizer's own, and how much of it the average takes."""
        values, kept = self.optimizer.scalars(step, rate), self.optimizer.ema
        return values if kept is None else {**values, "average_rate": (1 - kept) / (1 - kept**step)}

    def went_ahead(self, steps: int) -> None:
        """Count steps that an engine took by itself, having written their numbers into `rate` and `scalars`."""
        self.step += steps
        self._last_rate = None

    def settle(self, steps: int) -> None:
        """At the end of an epoch of so many steps, set to 0 what has decayed below the smallest normal number.

        Where a derivative stays 0, as behind a dead ReLU, a moment shrinks until it is subnormal, and with such numbers
        processors are slow: a step of Adam on 178,110 parameters took 1600 µs for 240 when a quarter of them were. It
        is done where the steps pass a multiple of `SETTLING`, so that many short epochs needn't.
        """
        if self.step // SETTLING == (self.step - steps) // SETTLING:
            return
        for arrays in self.slots.values():
            for array in arrays:
                array[np.abs(array) < np.finfo(array.dtype).tiny] = 0

    def arrays(self) -> dict[str, Array]:
        """Return copies of the slots by name, ``"m.0", "m.1", … "v.0"``: with `step`, all there is to go on from."""
        return {name: array.copy() for name, array in self._slot_arrays().items()}

    def restore(self, arrays: dict[str, Array], step: int) -> None:
        """Go on from what `arrays` and `step` were.

        Raises
        ------
        InputError
            When a name, a shape or a dtype is another than `arrays()` has here. Nothing has been changed then.
        """
        where = f"{type(self.optimizer).__name__}'s state"
        known = self._slot_arrays()
        for name in arrays:
            if name not in known:
                raise InputError(
                    where, given=f"an array {name!r}", expected="its own slots only", fix=nearest(name, known)
                )
        for name, slot in known.items():
            given = arrays.get(name)
            if not isinstance(given, np.ndarray) or given.shape != slot.shape or given.dtype != slot.dtype:
                raise ShapeError(
                    where,
                    given=f"{name!r} as {_form(given)}",
                    expected=_form(slot),
                    fix="Restore the state of the same optimizer on the same weights",
                )
        self.step = whole(f"{where}, step", step, least=0, most=2**53)
        for name, slot in known.items():
            slot[...] = arrays[name]

    def __repr__(self) -> str:
        size = sum(array.size for array in self.weights)
        return f"OptimizerState({self.optimizer!r}, weights: {size:,} in {len(self.weights)}, step: {self.step})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        # A copy's slices would no longer be slices of its weights: it would train, and decay, nobody's arrays.
        raise MisuseError(
            "OptimizerState",
            given="a request to copy or pickle it",
            expected="one state for one set of weights",
            fix="Make a new state over the copied weights, then new.restore(old.arrays(), old.step)",
        )

    def _slot_arrays(self) -> dict[str, Array]:
        return {f"{slot}.{i}": array for slot, arrays in self.slots.items() for i, array in enumerate(arrays)}

    def _own_rate(self) -> float:
        rate = self.optimizer.learning_rate
        if isinstance(rate, float):
            return rate
        raise MisuseError(
            "OptimizerState",
            given=f"no learning rate, and an optimizer that has a schedule, {rate!r}",
            expected="the learning rate of this step",
            fix="Pass learning_rate=schedule.rate(epoch, epochs, losses)",
        )

    def _check(self, gradients: Sequence[Any]) -> None:
        if len(gradients) != len(self.weights):
            raise ShapeError(
                "OptimizerState",
                given=f"{len(gradients)} gradients",
                expected=f"{len(self.weights)}, one for each array of weights",
                fix="Pass them as a list, in the order of the weights",
            )
        for i, (array, gradient) in enumerate(zip(self.weights, gradients)):
            if not isinstance(gradient, np.ndarray) or gradient.shape != array.shape or gradient.dtype != array.dtype:
                raise ShapeError(
                    "OptimizerState",
                    given=f"gradient {i} as {_form(gradient)}",
                    expected=f"{_form(array)} like its weights",
                    fix="Pass the derivative of a scalar loss by these weights, in their dtype",
                )


def _learnables(optimizer: Optimizer, parameters: Any) -> list[Learnable]:
    where = f"{type(optimizer).__name__}.start"
    example = "a list of parameters, [w, b]"
    if not isinstance(parameters, (list, tuple)):
        raise InputError(where, given=repr(parameters)[:80], expected=example, fix="Pass the nodes to learn in a list")
    for i, parameter in enumerate(parameters):
        if not (hasattr(parameter, "array") and hasattr(parameter, "grad")):
            raise InputError(
                where,
                given=f"{repr(parameter)[:80]} at place {i}",
                expected=example,
                fix="Pass Parameter nodes, such as Parameter('w', …)",
            )
    return list(parameters)


def _arrays(role: str, given: Any) -> list[Array]:
    """Return the arrays as a list, if each can be trained in place."""
    where = "OptimizerState"
    if not isinstance(given, (list, tuple)):
        raise ShapeError(where, given=f"{role} as {_form(given)}", expected="a list of arrays", fix="Pass [weights]")
    places: dict[int, int] = {}
    for i, array in enumerate(given):
        if not isinstance(array, np.ndarray) or array.dtype not in (np.float32, np.float64):
            raise ShapeError(
                where, given=f"{role}[{i}] as {_form(array)}", expected="float32 or float64", fix="Convert it first"
            )
        if not array.flags.writeable:
            raise ShapeError(
                where,
                given=f"{role}[{i}], which is read-only",
                expected="arrays that can be changed in place",
                fix="Pass the weights themselves: a parameter's `array`, not its `value`",
            )
        if array.dtype != given[0].dtype:
            raise ShapeError(
                where,
                given=f"{role}[{i}] as {array.dtype} beside {given[0].dtype}",
                expected="one dtype",
                fix="Make all parameters float32, or all float64",
            )
        first = places.setdefault(array.__array_interface__["data"][0], i) if array.size else i
        if first != i:
            raise ShapeError(
                where,
                given=f"the same array as {role}[{first}] and {role}[{i}]",
                expected="each once, or a step would be taken twice",
                fix="Leave the second one out",
            )
    return list(given)


def _form(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return "nothing" if value is None else f"{type(value).__name__} {value!r}"[:60]


def _called(parameter: Learnable, place: int) -> str:
    return f"parameter {getattr(parameter, 'name', None) or place!r}"
