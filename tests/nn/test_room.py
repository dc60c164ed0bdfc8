"""A network that can't fit into memory is refused in words, before anything of it is made."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc

import pytest

import chainrule as cr
from chainrule import memory
from chainrule.errors import InputError
from chainrule.nn.room import least_numbers

HUGE = 999_999_999

TOO_LARGE = {
    "a layer": lambda: cr.Network([cr.Dense(HUGE, inputs=2), cr.Dense(1)]),
    "layers that are too much together": lambda: cr.Network([cr.Dense(10**6, inputs=2)] + [cr.Dense(10**6)] * 2),
    "a layer behind an activation": lambda: cr.Network(
        [cr.Dense(1000, inputs=2), cr.ReLU(), cr.Dropout(0.5), cr.Dense(HUGE)]
    ),
    "a layer in a skip connection": lambda: cr.Network([cr.Residual([cr.Dense(HUGE)])], inputs=HUGE),
    "layers in branches": lambda: cr.Network([cr.Branches([[cr.Dense(HUGE)]] * 9)], inputs=10**4),
    "a network in a network": lambda: cr.Network([cr.Network([cr.Dense(HUGE)]), cr.Dense(1)], inputs=10**4),
    "samples": lambda: cr.Network([cr.Tanh()], inputs=(2**31 - 1, 2**31 - 1)),
    "sizes that follow from the data": lambda: cr.Network([cr.Dense(HUGE)]).compute_loss([[0.0] * 999], [[0.0]]),
}


@pytest.mark.parametrize("make", TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_cannot_fit_is_refused_before_it_is_made(make, monkeypatch):
    monkeypatch.setattr(memory, "most", lambda: 2**33)
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(InputError, match=r"Network: got .* GiB.*, but expected at most .* GiB.*smaller"):
        make()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**21
    assert time.process_time() - began < 1


def test_the_layers_of_a_refused_network_can_be_used_again(monkeypatch):
    layers = [cr.Dense(2500, inputs=2500), cr.Dense(1)]
    monkeypatch.setattr(memory, "most", lambda: 2**26)
    with pytest.raises(InputError, match=r"6,255,001 parameters or more, .* need 0\.1 GiB"):
        cr.Network(layers)
    monkeypatch.setattr(memory, "most", lambda: None)
    assert cr.Network(layers).parameters.shape == (6_255_001,)


def test_a_network_that_memory_runs_out_for_is_one_error(monkeypatch):
    def full(*_):
        raise MemoryError

    layers = [cr.Dense(3, inputs=2), cr.Dense(1)]
    monkeypatch.setattr(memory, "zeros", full)
    with pytest.raises(InputError, match="more parameters than there is memory for"):
        cr.Network(layers)
    monkeypatch.undo()
    assert cr.Network(layers).built


@pytest.mark.parametrize(
    "layers",
    [
        [cr.Dense(3, inputs=4), cr.Tanh(), cr.Dense(2)],
        [cr.Dense(3, inputs=4, use_bias=False), cr.GELU(), cr.Dropout(0.2), cr.Rescale(2.0), cr.Dense(2)],
        [cr.Dense(5, inputs=4), cr.Residual([cr.Dense(5), cr.Dense(5)]), cr.Network([cr.Dense(7)]), cr.Dense(1)],
    ],
    ids=repr,
)
def test_what_is_counted_is_the_number_of_parameters(layers):
    network = cr.Network(layers)
    assert least_numbers(network.layers, (4,), set()) == (network.parameters.size, (network.layers[-1].units,))


@pytest.mark.parametrize(
    "layers",
    [
        [cr.Dense(5, inputs=4), cr.Branches([[cr.Dense(2)], [cr.Tanh(), cr.Dense(3)]]), cr.Dense(2)],
        [cr.Dense(6, inputs=4), cr.ops.Reshape((-1, 2, 3)), cr.ops.Sum(1), cr.Dense(2)],
        [cr.Dense(6, inputs=4), cr.ops.Slice((slice(None), slice(0, 2))), cr.Dense(2)],
        [shared := cr.Dense(4, inputs=4), cr.Tanh(), shared],
    ],
    ids=repr,
)
def test_no_more_is_counted_than_there_are(layers):
    network = cr.Network(layers)
    assert 0 < least_numbers(network.layers, (4,), set())[0] <= network.parameters.size


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on memory there")
def test_a_limit_of_the_process_is_the_memory_that_there_is():
    code = (
        "import resource, chainrule as cr\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "cr.Network([cr.Dense(30000, inputs=30000)])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "expected at most 4.0 GiB" in told.stderr.splitlines()[-1]
