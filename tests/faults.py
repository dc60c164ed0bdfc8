"""Faults as people make them in the core, planted in a copy of the package, each beside the test that kills it.

A fault is a piece of the source and what stands there instead. One whose text is no longer found, or found twice, is
an error: the table is out of date then.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "chainrule"


@dataclass(frozen=True)
class Fault:
    """What is wrong, in words; where; the text and what stands in its place; and the test that notices."""

    name: str
    file: str
    text: str
    instead: str
    test: str

    def planted(self, source: str) -> str:
        """Return a file's text with the fault in it."""
        count = source.count(self.text)
        if count != 1:
            raise LookupError(f"{self.file} has {count} places for the fault {self.name!r}: {self.text!r}")
        return source.replace(self.text, self.instead)


class Copy:
    """A copy of the package, in which faults are planted; the tests are those of the repository."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._source = Path(self._folder.name, "src")
        shutil.copytree(PACKAGE, self._source / "chainrule", ignore=shutil.ignore_patterns("__pycache__"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._folder.cleanup()

    def survivors(self, faults: Sequence[Fault]) -> list[str]:
        """Return the names of the faults that the tests beside them don't notice."""
        tests = sorted({fault.test for fault in faults})
        if self._run(*tests) != 0:
            raise RuntimeError(f"without a fault, too, a test fails; run pytest {' '.join(tests)}")
        return [fault.name for fault in faults if not self._kills(fault)]

    def _kills(self, fault: Fault) -> bool:
        path = self._source / "chainrule" / fault.file
        right = path.read_text("utf-8")
        path.write_text(fault.planted(right), "utf-8")
        try:
            return self._run(fault.test) == 1  # tests failed; anything else is no verdict
        finally:
            path.write_text(right, "utf-8")

    def _run(self, *tests: str) -> int:
        """Return pytest's exit status for some tests: 0 if all passed, 1 if one failed."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(self._source), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            check=False,
        )
        return done.returncode


FAULTS = [
    Fault(
        "two gradients share their memory",
        "graph/backprop.py",
        "owned = part.flags.owndata and id(part) not in self._others and self.walk.arrivals[j] == 1",
        "owned = True",
        "tests/graph/test_values_and_gradients.py::test_one_node_in_several_roles_gets_the_sum",
    ),
    Fault(
        "a later derivative replaces the first",
        "graph/backprop.py",
        "gradients[j] = arrays.first(j, part) if first else arrays.added(gradients[j], part)",
        "gradients[j] = arrays.first(j, part)",
        "tests/graph/test_values_and_gradients.py::test_one_node_in_several_roles_gets_the_sum",
    ),
    Fault(
        "the first derivative is added to an old one",
        "graph/backprop.py",
        "            self.buffers[j][...] = part\n",
        "            self.buffers[j][...] += part\n",
        "tests/graph/test_stepping.py::test_the_stepper_gives_what_the_graph_gives",
    ),
    Fault(
        "derivatives are sent back in the order of the forward pass",
        "graph/backprop.py",
        "in reversed(self.forward_plan)",
        "in self.forward_plan",
        "tests/graph/test_values_and_gradients.py::test_gradients_are_the_closed_forms",
    ),
    Fault(
        "labels get a derivative",
        "graph/backprop.py",
        "if j in wanted and op.differentiable(role):",
        "if j in wanted:",
        "tests/graph/test_values_and_gradients.py::test_a_leaf_without_a_way_to_the_root_has_derivative_zero",
    ),
    Fault(
        "a derivative of another shape is let through",
        "graph/backprop.py",
        "if part is not None and part.shape == array.shape and part.dtype == array.dtype:",
        "if part is not None and part.dtype == array.dtype:",
        "tests/graph/test_user_ops.py::test_a_derivative_that_does_not_look_like_its_role_is_refused",
    ),
    Fault(
        "a derivative of another dtype is let through",
        "graph/backprop.py",
        "if part is not None and part.shape == array.shape and part.dtype == array.dtype:",
        "if part is not None and part.shape == array.shape:",
        "tests/graph/test_user_ops.py::test_a_derivative_that_does_not_look_like_its_role_is_refused",
    ),
    Fault(
        "backward is given the child's value for its own",
        "graph/backprop.py",
        "gradients[i], values[i], roles, [role",
        "gradients[i], values[children[0][1]], roles, [role",
        "tests/graph/test_values_and_gradients.py::test_gradients_are_the_closed_forms",
    ),
    Fault(
        "a user's op may write into what it is given",
        "graph/calls.py",
        "view.flags.writeable = False",
        "view.flags.writeable = True",
        "tests/graph/test_values_and_gradients.py::test_what_users_see_cannot_be_written",
    ),
    Fault(
        "nothing arrives at the root",
        "graph/graph.py",
        "return np.ones(value.shape, value.dtype)",
        "return np.zeros(value.shape, value.dtype)",
        "tests/graph/test_values_and_gradients.py::test_gradients_are_the_closed_forms",
    ),
    Fault(
        "an equal call on memory that has changed gives the stale value",
        "replay/recording.py",
        "if known is not None and known[0].buffer.version == known[1]:",
        "if known is not None:",
        "tests/replay/test_recording.py::test_an_equal_call_is_made_anew_when_its_result_was_written_over",
    ),
    Fault(
        "an if on values is recorded as one branch",
        "replay/recording.py",
        "    __bool__ = __float__ = __int__",
        "    __float__ = __int__",
        "tests/replay/test_recording.py::test_what_is_not_known_is_refused_and_freezes_nothing",
    ),
    Fault(
        "indexing by values is recorded",
        "replay/recording.py",
        '        raise Refused("indexing by values")\n',
        "        pass\n",
        "tests/replay/test_recording.py::test_what_is_not_known_is_refused_and_freezes_nothing",
    ),
    Fault(
        "writing into memory does not count",
        "replay/recording.py",
        "        out.operand.buffer.version += 1\n",
        "",
        "tests/replay/test_recording.py::test_equal_calls_are_two_calls_when_the_array_was_written_between_them",
    ),
    Fault(
        "a gradient that others add to is shared",
        "replay/recorded_ops.py",
        "shareable = part.operand.whole and id(buffer) not in self._owned and not buffer.constant",
        "shareable = part.operand.whole and not buffer.constant",
        "tests/replay/test_random_graphs.py::test_a_random_graph_replays_to_the_bits_of_its_calls",
    ),
    Fault(
        "a temporary gives up its memory while it is still read",
        "replay/tidy.py",
        "dying = uses.last[id(buffer)] == i and buffer.temporary",
        "dying = buffer.temporary",
        "tests/replay/test_program.py::test_every_op_replays_to_the_bits_of_its_calls",
    ),
    Fault(
        "memory is given away one call too early",
        "replay/tidy.py",
        "if dead < first[key]",
        "if dead <= first[key]",
        "tests/replay/test_program.py::test_every_op_replays_lowered_within_the_stated_rounding",
    ),
    Fault(
        "a result that is looked at dies with its last reader",
        "replay/tidy.py",
        "            if id(owner) in forever:\n                last[id(owner)] = len(calls)\n",
        "",
        "tests/replay/test_program.py::test_every_op_replays_to_the_bits_of_its_calls",
    ),
    Fault(
        "a conversion is merged though others read what is converted",
        "replay/tidy.py",
        "            and uses.last[id(source.buffer)] == i\n",
        "",
        "tests/replay/test_lowering.py::test_a_call_gives_what_it_gives_without_a_record",
    ),
    Fault(
        "a call that somebody needs is dropped",
        "replay/tidy.py",
        "            live.update(id(operand.buffer) for operand in call.read())\n",
        "            live.update(id(operand.buffer) for operand in call.read()[:1])\n",
        "tests/replay/test_program.py::test_every_op_replays_to_the_bits_of_its_calls",
    ),
    Fault(
        "the greatest of one row is looked up at the least",
        "replay/lowering.py",
        "(flat.argmax, (None, place))",
        "(flat.argmin, (None, place))",
        "tests/replay/test_lowering.py::test_the_largest_of_one_row_is_numpys",
    ),
    Fault(
        "a compiled update drops what comes after it",
        "replay/program.py",
        '[*self.plans["update"], *self.plans.get("state", [])]',
        'self.plans["update"]',
        "tests/replay/test_compiled_update.py::test_states_are_updated_after_it_too",
    ),
    Fault(
        "an update that adds up is compiled",
        "replay/lowering.py",
        'call.method not in ("call", "copy") or ',
        "",
        "tests/replay/test_compiled_update.py::test_an_update_that_adds_up_is_left_as_it_is",
    ),
    Fault(
        "a maximum of rows is lowered to a minimum",
        "replay/lowering.py",
        "(np.maximum.reduce, (turned, 0, None, out[:, 0]))",
        "(np.minimum.reduce, (turned, 0, None, out[:, 0]))",
        "tests/replay/test_lowering.py::test_a_call_gives_what_it_gives_without_a_record",
    ),
    Fault(
        "a choice is lowered the wrong way round",
        "replay/lowering.py",
        "(np.putmask, (out, condition, np.array(number, out.dtype)))",
        "(np.putmask, (out, ~condition, np.array(number, out.dtype)))",
        "tests/replay/test_lowering.py::test_a_call_gives_what_it_gives_without_a_record",
    ),
    Fault(
        "the last block of a long vector is left out",
        "replay/lowering.py",
        "for start in range(0, size, BLOCK):",
        "for start in range(0, size - BLOCK + 1, BLOCK):",
        "tests/replay/test_lowering.py::test_a_call_gives_what_it_gives_without_a_record",
    ),
    Fault(
        "what outlives a block is kept in scratch memory",
        "replay/lowering.py",
        "made = {id(call.out.buffer) for call in calls} - kept",
        "made = {id(call.out.buffer) for call in calls}",
        "tests/replay/test_lowering.py::test_a_call_gives_what_it_gives_without_a_record",
    ),
    Fault(
        "a reduction along one axis keeps the other",
        "replay/lowering.py",
        'options = {"axis": 0, "dtype": None, "keepdims": False} | call.options\n        return',
        'options = {"axis": 0, "dtype": None, "keepdims": False}\n        return',
        "tests/replay/test_recording.py::test_what_is_recorded_gives_on_new_values_the_bits_of_the_call",
    ),
    Fault(
        "no record is held against plain calls",
        "replay/program.py",
        "            self._check()\n",
        "            pass\n",
        "tests/replay/test_program.py::test_an_op_that_keeps_a_value_from_its_first_call_is_found_out",
    ),
    Fault(
        "backward runs before forward",
        "replay/program.py",
        '["forward", "backward", *(stages or {})',
        '["backward", "forward", *(stages or {})',
        "tests/nn/test_steps.py::test_a_step_without_the_loss_value_learns_the_same",
    ),
    Fault(
        "states are never updated when replayed",
        "replay/program.py",
        "            for state, node in graph.updates:\n",
        "            for state, node in ():\n",
        "tests/nn/test_stages.py::test_running_statistics_are_those_of_the_formula",
    ),
    Fault(
        "a program reads the caller's array",
        "replay/program.py",
        "memory.copied(np.asarray(feeds.get(name, node._value)))",
        "np.asarray(feeds.get(name, node._value))",
        "tests/nn/test_steps.py::test_a_network_computes_in_memory_that_starts_on_a_cache_line",
    ),
    Fault(
        "a sum over the samples is lowered to their mean",
        "replay/lowering.py",
        "(np.ones(rows, array.dtype).dot",
        "(np.full(rows, 1 / rows, array.dtype).dot",
        "tests/replay/test_lowering.py::test_a_call_gives_what_it_gives_without_a_record",
    ),
    Fault(
        "a step is not counted",
        "nn/engines.py",
        "        self._state.advance(learning_rate)\n        for function",
        "        for function",
        "tests/nn/test_stages.py::test_running_statistics_are_those_of_the_formula",
    ),
    Fault(
        "a gradient that is not finite reaches the weights",
        "nn/engines.py",
        '        if not _finite(loss, self._gradient):\n            program.run("forward")  # the loss too',
        '        if not isfinite(loss):\n            program.run("forward")  # the loss too',
        "tests/nn/test_steps.py::test_a_step_without_the_loss_value_still_refuses_what_is_not_finite",
    ),
    Fault(
        "the batches of a step count alike, whatever they weigh",
        "training/events.py",
        "share / weight, self.learning_rate)",
        "1 / count, self.learning_rate)",
        "tests/training/test_accumulation.py::test_k_batches_are_one_batch_as_large",
    ),
    Fault(
        "penalties count at each batch of a step",
        "nn/engines.py",
        'program.run("forward", "backward")\n',
        'program.run("forward", "backward", "penalty")\n',
        "tests/training/test_accumulation.py::test_k_batches_are_one_batch_as_large",
    ),
    Fault(
        "dropout keeps its first mask",
        "nn/engines.py",
        "        for node, array in self._drawn:\n            array[...] = node.drawn(len(array))\n",
        "",
        "tests/nn/test_layers.py::test_dynamic_gives_the_same_numbers",
    ),
    Fault(
        "a batch is not gathered anew",
        "nn/engines.py",
        "if program is None or x is not x_place or y is not y_place or sample_weight is not weight_place:",
        "if program is None:",
        "tests/nn/test_steps.py::test_weights_that_lie_elsewhere_are_fed_though_the_batch_lies_in_its_place",
    ),
    Fault(
        "penalties are added before the hook as well",
        "nn/engines.py",
        'program.run("backward")\n        self._finish',
        'program.run("backward")\n        program.run("penalty")\n        self._finish',
        "tests/nn/test_stages.py::test_what_stands_between_backward_and_update_sees_every_gradient_without_penalties",
    ),
    Fault(
        "a second backward starts from what the first left",
        "nn/engines.py",
        "        if self._spent:  # the first",
        "        if False:  # the first",
        "tests/nn/test_network.py::test_backward_twice_and_forward_twice_are_the_same",
    ),
    Fault(
        "a fused loss is applied to probabilities",
        "nn/heads.py",
        "prediction = next(iter(output.children.values())) if aim.fused else output",
        "prediction = output",
        "tests/nn/test_network.py::test_fused_is_composed",
    ),
    Fault(
        "targets keep their unit where outputs lose theirs",
        "nn/heads.py",
        "scaled = Scaled(aim.unscale.scale, aim.unscale.offset,",
        "scaled = Scaled(1.0, 0.0,",
        "tests/nn/test_unscale.py::test_several_quantiles_share_one_scale",
    ),
    Fault(
        "a head beside one in float64 has its loss on probabilities",
        "nn/containers.py",
        'rows = [row.children["x"] if isinstance(row.op, Cast) else row for row in side_by_side.children.values()]',
        "rows = list(side_by_side.children.values())",
        "tests/nn/test_unscale.py::test_heads_may_each_have_a_unit",
    ),
    Fault(
        "times since 1970 are predicted in float32",
        "ops/scaling.py",
        "return bool((far |",
        "return bool((False & far |",
        "tests/nn/test_unscale.py::test_heads_may_each_have_a_unit",
    ),
    Fault(
        "biases are penalised",
        "nn/vector.py",
        "if parameter.penalised and factor:",
        "if factor:",
        "tests/nn/test_penalties_and_freezing.py::test_the_penalty_is_its_formula_and_leaves_biases_out",
    ),
    Fault(
        "frozen weights learn",
        "nn/vector.py",
        "if parameter.frozen or (penalised_only",
        "if (penalised_only",
        "tests/nn/test_penalties_and_freezing.py::test_the_number_printed_is_the_number_differentiated_with_frozen_layers",
    ),
    Fault(
        "dropout does not scale what it keeps",
        "nn/dropout.py",
        "1 / (1 - self.rate)",
        "1",
        "tests/nn/test_layers.py::test_dropout_keeps_the_mean_and_is_off_in_prediction",
    ),
    Fault(
        "dropout works in prediction",
        "nn/dropout.py",
        "if not self.scope.draws or self.rate == 0:",
        "if self.rate == 0:",
        "tests/nn/test_layers.py::test_dropout_keeps_the_mean_and_is_off_in_prediction",
    ),
    Fault(
        "a network on logits forgets the settings of its loss",
        "nn/objective.py",
        "fused(**loss.settings())",
        "fused()",
        "tests/nn/test_objective.py::test_on_logits_a_loss_keeps_its_settings",
    ),
    Fault(
        "samples of a prediction are drawn from the network's own generators",
        "nn/plan.py",
        "plan = replace(self, generators=generators)",
        "plan = self",
        "tests/training/test_sampling.py::test_drawing_leaves_no_trace",
    ),
    Fault(
        "targets are mixed with others than their samples",
        "data/mixup.py",
        "return inputs, _each(y, lambda array: _mixed(array, share, other))",
        "return inputs, _each(y, lambda array: _mixed(array, share, other[::-1]))",
        "tests/data/test_mixup.py::test_samples_and_targets_are_mixed_by_the_same_shares_with_the_same_others",
    ),
    Fault(
        "Adam is not corrected for its start",
        "optim/adaptive.py",
        "(1 - self.beta_1) / (1 - self.beta_1**step)",
        "(1 - self.beta_1)",
        "tests/optim/test_optimizers.py::test_a_trajectory_is_that_of_the_paper",
    ),
    Fault(
        "an average of weights is not corrected for its start",
        "optim/optimizer.py",
        "(1 - kept) / (1 - kept**step)",
        "(1 - kept)",
        "tests/training/test_average.py::test_the_average_is_a_weighted_mean_of_the_weights_after_each_step",
    ),
    Fault(
        "validation measures the weights that learn, not their average",
        "training/events.py",
        "        with self._averaged():\n",
        "        if True:\n",
        "tests/training/test_average.py::test_validation_and_the_best_are_those_of_the_average",
    ),
    Fault(
        "AdamW decays the biases",
        "optim/optimizer.py",
        "self.decayed = [array for array in self.weights if array.ndim >= 2]",
        "self.decayed = list(self.weights)",
        "tests/optim/test_optimizers.py::test_a_trajectory_is_that_of_the_paper",
    ),
    Fault(
        "Nesterov looks back",
        "optim/gradient_descent.py",
        "rate * (gradient + self.momentum * velocity)",
        "rate * velocity",
        "tests/optim/test_optimizers.py::test_a_trajectory_is_that_of_the_paper",
    ),
    Fault(
        "the velocity is a step behind",
        "optim/gradient_descent.py",
        "        velocity *= self.momentum\n        velocity += gradient\n",
        "        velocity += gradient\n        velocity *= self.momentum\n",
        "tests/optim/test_optimizers.py::test_a_trajectory_is_that_of_the_paper",
    ),
    Fault(
        "clipping goes by each part's own norm",
        "optim/optimizer.py",
        "optimizer.clip(gradient, norm), **wrapped",
        "optimizer.clip(gradient), **wrapped",
        "tests/optim/test_optimizers.py::test_the_norm_is_that_of_all_gradients_together",
    ),
    Fault(
        "the loss of an epoch does not weigh its batches",
        "training/events.py",
        "loss=at.loss / at.weight",
        "loss=at.loss / at.steps",
        "tests/training/test_train.py::test_the_full_batch_loss_is_the_loss_before_the_step",
    ),
    Fault(
        "the losses of heads are added without their weights",
        "nn/heads.py",
        "WeightedSum([head.weight for head in heads])",
        "WeightedSum([1.0 for head in heads])",
        "tests/nn/test_heads.py::test_the_loss_is_the_weighted_sum_and_its_gradients_add_up",
    ),
    Fault(
        "the targets of all heads are the first ones",
        "nn/heads.py",
        "first_target=target",
        "first_target=0",
        "tests/nn/test_heads.py::test_heads_of_every_task_and_of_rows_over_time_learn_together",
    ),
    Fault(
        "the losses of heads of an epoch do not weigh its batches",
        "training/events.py",
        "self.of_heads = [total + part * weight for",
        "self.of_heads = [total + part for",
        "tests/training/test_heads.py::test_a_loss_over_an_epoch_is_the_mean_of_its_batches_as_samples_weigh",
    ),
    Fault(
        "the losses of heads so far are not in a checkpoint",
        "training/events.py",
        "            before = self.of_heads or [0.0] * len(of_heads)\n",
        "            before = [0.0] * len(of_heads)\n",
        "tests/training/test_heads.py::test_the_history_has_the_losses_of_the_heads_beside_their_sum",
    ),
    Fault(
        "the last weights are kept for the best",
        "training/events.py",
        "                network.parameters[:] = history.best_parameters\n",
        "",
        "tests/training/test_ending.py::test_best_or_last_is_kept_whatever_ended_training",
    ),
    Fault(
        "a worse epoch counts as the best",
        "training/events.py",
        "if figure < self._best or",
        "if figure > self._best or",
        "tests/training/test_ending.py::test_best_or_last_is_kept_whatever_ended_training",
    ),
    Fault(
        "a resumed training begins its count anew",
        "training/events.py",
        'self.step, self.learning_rate = state["step"], state["learning_rate"]',
        'self.learning_rate = state["learning_rate"]',
        "tests/training/test_resume.py::test_a_training_that_is_stopped_at_every_step_goes_on_to_the_same_bytes",
    ),
    Fault(
        "a metric of (y_true, y_pred) is given the prediction first",
        "words/argument_order.py",
        'return first == "target" or second == "prediction"',
        "return False",
        "tests/training/test_metrics.py::test_the_order_of_a_function_is_read_off_its_names",
    ),
    Fault(
        "a score of scikit-learn is given probabilities for classes",
        "training/measures.py",
        "            if self._takes_classes:\n",
        "            if False:\n",
        "tests/training/test_metrics.py::test_scores_of_scikit_learn_are_given_what_they_take",
    ),
    Fault(
        "several labels are classified by the largest",
        "training/metrics.py",
        'if task == "multilabel":\n        return (prediction > 0.5)',
        'if task == "none":\n        return (prediction > 0.5)',
        "tests/training/test_metrics.py::test_classify_and_every_figure_follow_the_task",
    ),
    Fault(
        "the ROC AUC counts equal numbers for nothing",
        "training/metrics.py",
        "below = others.cumsum() - others / 2\n    return",
        "below = others.cumsum() - others\n    return",
        "tests/training/test_scores.py::test_scores_of_classes_are_those_of_scikit_learn",
    ),
    Fault(
        "the interval of a share is that of the normal distribution",
        "training/intervals.py",
        "+ square / 4) / count)",
        ") / count)",
        "tests/training/test_report.py::test_the_interval_of_a_share_is_wilsons",
    ),
    Fault(
        "a training that came to nothing ends without a word",
        "training/baseline.py",
        "return loss > 0.999 * constant and steps >= _STEPS",
        "return False",
        "tests/training/test_baseline.py::test_a_training_that_comes_to_nothing_says_so_once",
    ),
    Fault(
        "a column stays shuffled while the next one is",
        "training/permutation.py",
        "        shuffled[..., places] = x[..., places]\n",
        "",
        "tests/training/test_permutation.py::test_the_same_seed_gives_the_same_and_nothing_is_changed",
    ),
    Fault(
        "metrics that are to be large are made small",
        "training/events.py",
        "figure = -figure if grows(self.monitor) else figure",
        "figure = figure",
        "tests/training/test_metrics.py::test_what_is_monitored_is_told_by_its_column",
    ),
    Fault(
        "a resumed epoch is shuffled differently",
        "training/batch_source.py",
        'self.generator.bit_generator.state = self._order = state["order"]',
        'self._order = state["order"]',
        "tests/training/test_resume.py::test_a_training_stopped_anywhere_goes_on_to_the_same_bytes",
    ),
    Fault(
        "other data are taken for the same",
        "training/batch_source.py",
        'if state["digests"].get(name, digest) != digest:',
        "if False:",
        "tests/training/test_resume.py::test_other_data_of_the_same_size_are_refused_by_name",
    ),
    Fault(
        "what a mask hides is trained on",
        "arrays.py",
        "    if not mask.any():",
        "    if mask is not None:",
        "tests/cases/test_arrays.py::test_what_would_be_lost_is_refused_and_its_advice_works",
    ),
    Fault(
        "a gap in a mapped file is found in another row",
        "nn/validation.py",
        "first = [start + row, *rest]",
        "first = [row, *rest]",
        "tests/cases/test_arrays.py::test_a_gap_in_a_mapped_file_is_found_by_its_row_and_column",
    ),
    Fault(
        "prices are taken for classes",
        "data/labels.py",
        "if (count > _MOST_CLASSES and gaps) or",
        "if (count < 0 and gaps) or",
        "tests/cases/test_targets.py::test_numbers_are_classes_or_amounts_by_one_rule",
    ),
    Fault(
        "the noise of a scanner is a digit",
        "recipes/image_files.py",
        "max(_FAINTEST, _NOISE * noise)",
        "_FAINTEST",
        "tests/recipes/test_image_files.py::test_where_no_ink_is_found_there_is_no_answer",
    ),
    Fault(
        "a moved run takes another file of that name",
        "recipes/moved_data.py",
        "if digest is None or data_digest(samples.train[0], rows=True) == digest:",
        "if digest is None or samples is not None:",
        "tests/recipes/test_moved_data.py::test_data_are_found_by_every_command_that_needs_them",
    ),
    Fault(
        "a column that names the samples is an input",
        "recipes/answering.py",
        "if name in network.columns or not (name in kept or name in targets)]",
        "]",
        "tests/cli/test_predict.py::test_a_network_that_knows_its_columns_tells_inputs_from_others",
    ),
    Fault(
        "a file is written over",
        "cli/pipes.py",
        "and not overwrite and os.path.isfile(path):",
        "and not overwrite and os.path.isdir(path):",
        "tests/cli/test_predict.py::test_no_command_writes_over_a_file_without_being_told",
    ),
    Fault(
        "what didn't fit on a full disk is forgotten",
        "tensorboard.py",
        "self._pending = self._pending[os.write(self._file, self._pending) :]",
        'pending, self._pending = self._pending, b""\n            os.write(self._file, pending)',
        "tests/recipes/test_full_disk.py::test_event_files_on_a_full_disk_end_no_training_and_are_tried_again",
    ),
    Fault(
        "the best weights are saved beside the moments of the last ones",
        "files/model.py",
        'state |= {"steps": 0, "generators": {}, "learning_rate": weights.learning_rate}',
        'state |= {"generators": {}, "learning_rate": weights.learning_rate}',
        "tests/recipes/test_parent.py::test_the_best_file_has_the_states_of_its_epoch_and_an_optimizer_that_has_not_begun",
    ),
    Fault(
        "a schedule starts again without a word",
        "nn/network.py",
        "return self.last_learning_rate is not None and self._rate_setting is self.optimizer.learning_rate",
        "return False",
        "tests/training/test_going_on.py::test_a_schedule_that_starts_again_is_warned_of",
    ),
    Fault(
        "a resumed training counts its samples twice",
        "training/events.py",
        "                if self._resume is None:\n                    network.note_inputs",
        "                if True:\n                    network.note_inputs",
        "tests/nn/test_input_range.py::test_a_resumed_training_knows_what_one_never_stopped_does",
    ),
    Fault(
        "one outlier makes a row one of another scale",
        "nn/input_range.py",
        "if few and values.shape[1] > 1 and np.median(np.count_nonzero(values > self.high, axis=1)) < 2:",
        "if False:",
        "tests/nn/test_input_range.py::test_ordinary_samples_bring_no_warning",
    ),
    Fault(
        "samples are scaled as the new data are, not as those that the weights come from",
        "recipes/build.py",
        "_scaling(recipe, samples) if like is None else _scaling_of(recipe, like)",
        "_scaling(recipe, samples)",
        "tests/recipes/test_parent.py::test_scaling_and_the_order_of_classes_are_the_parents",
    ),
    Fault(
        "classes are numbered as in the new data",
        "data/preparation.py",
        "found = place_of[column.values]",
        "found = column.values",
        "tests/recipes/test_parent.py::test_scaling_and_the_order_of_classes_are_the_parents",
    ),
    Fault(
        "going back to the best weights keeps the moments",
        "training/events.py",
        "        state.restore({name: np.zeros_like(array) for name, array in state.arrays().items()}, 0)\n",
        "",
        "tests/recipes/test_parent.py::test_going_back_to_the_best_weights",
    ),
    Fault(
        "the seconds of a run are those of its last part",
        "recipes/run.py",
        "seconds=recorder.seconds_before + seconds",
        "seconds=seconds",
        "tests/recipes/test_parent.py::test_seconds_of_all_parts_count",
    ),
    Fault(
        "a gap in an ONNX file is the word that any other word is",
        "onnx/table_inputs.py",
        'places[""] = -1 if column.fill is None else places[column.fill]',
        'places[""] = -1 if column.other is None else places[column.other]',
        "tests/onnx/test_tables.py::test_a_file_takes_the_columns_and_brings_their_preparation_back",
    ),
    Fault(
        "a gap that was filled before scaling is read as if it were behind",
        "onnx/column_cells.py",
        "fill=value / cell.scale + cell.offset",
        "fill=value",
        "tests/onnx/test_tables.py::test_a_column_transformer_of_scikit_learn_comes_in_or_the_operator_is_named",
    ),
    Fault(
        "features are taken in the order of the columns, not of the layers",
        "onnx/table_reading.py",
        "chosen[places, range(len(places))] = 1",
        "chosen[sorted(places), range(len(places))] = 1",
        "tests/onnx/test_tables.py::test_columns_are_used_in_any_order_and_twice",
    ),
    Fault(
        "a path of which a factor is left out",
        "explain/paths.py",
        "return math.prod(factor.value for factor in self.factors)",
        "return math.prod(factor.value for factor in self.factors[1:])",
        "tests/explain/test_paths.py::test_the_sum_over_the_paths_of_every_number_is_its_derivative",
    ),
    Fault(
        "very many paths are added up without the factors of the last step",
        "explain/paths.py",
        "np.add.at(total, edges.children, edges.values * totals[edges.parent][edges.parents])",
        "np.add.at(total, edges.children, totals[edges.parent][edges.parents])",
        "tests/explain/test_paths.py::test_the_sum_over_the_paths_of_every_number_is_its_derivative",
    ),
    Fault(
        "a silent neuron is no path",
        "explain/paths.py",
        "depends = own",
        "pass",
        "tests/explain/test_paths.py::test_silent_neurons_and_zero_inputs_are_paths_too",
    ),
    Fault(
        "the sample with the smallest loss is explained",
        "explain/worst_sample.py",
        "losses.argmax()",
        "losses.argmin()",
        "tests/explain/test_sample_section.py::test_the_sample_shown_is_the_one_with_the_largest_loss",
    ),
    Fault(
        "the step without dropout takes the gradient with it",
        "explain/analysis.py",
        "            _overwrite(network, graph, gradients)",
        "            pass",
        "tests/explain/test_sample_section.py::test_without_dropout_the_step_is_that_of_the_same_network_without_the_layer",
    ),
]
