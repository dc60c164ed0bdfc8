"""The part of an ONNX graph that prepares a table, read as a `Preparation`: from its inputs to the matrix of features.

That matrix is the one value through which the columns reach the layers. The rest of the graph is read as if it were
the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from chainrule.column_names import listed
from chainrule.data.column_preparation import CategoryColumn, ColumnPreparation, NumberColumn
from chainrule.data.opening import shown
from chainrule.data.preparation import Preparation
from chainrule.errors import ChainruleError, InputError
from chainrule.files import strict_json
from chainrule.nn import Rescale
from chainrule.onnx.column_cells import (
    ML,
    OF_LAYERS,
    OPERATORS,
    Cell,
    Cells,
    CodeCell,
    GapCell,
    NumberCell,
    TextCell,
    WordCell,
)
from chainrule.onnx.flow import literal
from chainrule.onnx.model_file import FLOAT, INT64, TEXT, OnnxModel, Step, StoredTensor, ValueInfo, refusal, text
from chainrule.onnx.table_inputs import TABLE_SETTINGS
from chainrule.ops import Array

_MOST_CELLS = 1 << 18  # columns of all matrices together
_MOST_CHOSEN = 1 << 20  # numbers of the matrix that chooses features
_PREPARES = (
    "IsNaN",
    *(f"{ML}{name}" for name in ("ArrayFeatureExtractor", "Imputer", "LabelEncoder", "OneHotEncoder")),
)
_KINDS = {"float": "number", "double": "number", "int32": "whole", "int64": "whole", "string": "text"}
_ONE = "one input, or one for each column of a table, which become numbers side by side"


def table_of(model: OnnxModel, end: str) -> tuple[OnnxModel, Preparation | None, list[Rescale]]:
    """Return a model that takes features, what makes them of a table, and how they are scaled behind that.

    A model that takes no table is returned as it is.

    Raises
    ------
    FileError
        If a column becomes something that no preparation makes of it.
    """
    one = model.inputs[0] if len(model.inputs) == 1 else None
    if one is not None and one.type != "string" and not any(step.op in _PREPARES for step in model.steps):
        return model, _of_numbers(model, one), []
    reader = _TableReader(model, end)
    if one is not None and not reader.values:  # samples of several axes, or of a type that is refused later
        return model, None, []
    join = reader.join()
    cells = reader.values[join].cells
    if one is not None and cells == tuple(map(NumberCell, reader.names)):
        return model, _of_numbers(model, one), []
    try:
        columns = _columns(model.where, cells, reader.names if one is not None else ())
        scaling, places = _scaling(model.where, columns, cells)
    except InputError as error:  # settings that a column refuses
        raise refusal(f"{model.where}: {error.where}", error.given, error.expected) from error
    names = [column.name for column in columns]
    preparation = _of_table(model, columns, [name for name in reader.names if name not in names])
    return reader.behind(join, len(preparation.feature_names), places), preparation, scaling


def _scaling(
    where: str, columns: Sequence[ColumnPreparation], cells: Sequence[Cell]
) -> tuple[list[Rescale], list[int]]:
    """Return what scales the features, if something does, and which feature each column of the matrix is."""
    features = [(column.name, part) for column in columns for part in _parts(column)]
    place_of = {feature: place for place, feature in enumerate(features)}
    places = [place_of[cell.column, _part(cell)] for cell in cells]
    told: dict[int, tuple[float, float]] = {}
    for place, cell in zip(places, cells, strict=True):
        if told.setdefault(place, (cell.scale, cell.offset)) != (cell.scale, cell.offset):
            raise refusal(where, f"the column {shown(cell.column)} scaled in two ways", "in one")
    scales, offsets = zip(*(told.get(place, (1.0, 0.0)) for place in range(len(features))), strict=True)
    scaled = any(scale != 1 for scale in scales) or any(offsets)
    return [Rescale(scales, offsets)] if scaled else [], places


def _parts(column: ColumnPreparation) -> list[str]:
    """Return the features of a column as `_part` calls them."""
    if isinstance(column, CategoryColumn):
        return [f"word {word}" for word in column.categories]
    return ["number", "gap"][: len(column.feature_names)]


def _part(cell: Cell) -> str:
    return f"word {cell.word}" if isinstance(cell, WordCell) else "gap" if isinstance(cell, GapCell) else "number"


def column_names(model: OnnxModel, count: int | None) -> list[str] | None:
    """Return the names of the columns of a file that takes a matrix, if its metadata tells them.

    Raises
    ------
    FileError
        If they are no names, or not as many as there are columns.
    """
    if "columns" not in model.metadata:
        return None
    names = strict_json.loads(f"{model.where}: metadata", model.metadata["columns"])
    good = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    if not good or len(set(names)) < len(names) or len(names) != count:
        raise refusal(model.where, f"the metadata columns={shown(names)}", f"{count} different names in a list in JSON")
    return list(names)


def _of_numbers(model: OnnxModel, given: ValueInfo) -> Preparation | None:
    """Return the preparation of a file that takes a matrix of numbers as they are, if it tells of one."""
    if "table" not in model.metadata:
        return None
    names = column_names(model, given.sample[0] if given.sample and len(given.sample) == 1 else None)
    return None if names is None else _of_table(model, list(map(NumberColumn, names)), [])


def _of_table(model: OnnxModel, columns: Sequence[ColumnPreparation], unused: Sequence[str]) -> Preparation:
    """Return a preparation, with what the file tells of the table and no graph can say."""
    if "table" not in model.metadata:
        return Preparation(columns, ignored=unused)
    told = strict_json.loads(f"{model.where}: metadata", model.metadata["table"])
    good = isinstance(told, dict) and not set(told) - set(TABLE_SETTINGS)
    if not good or not isinstance(told.get("index"), (str, type(None))):
        raise refusal(model.where, f"the metadata table={shown(told)}", f"{', '.join(TABLE_SETTINGS)}, as names")
    ignored = told.get("ignored") or []
    try:
        return Preparation(columns, **{**told, "ignored": list(dict.fromkeys([*ignored, *unused]))})
    except (ChainruleError, TypeError) as error:
        why = error.given if isinstance(error, ChainruleError) else str(error)
        raise refusal(model.where, f"the metadata table={shown(told)}: {why}", "names of other columns") from error


def _columns(where: str, cells: Sequence[Cell], order: Sequence[str]) -> list[ColumnPreparation]:
    """Return what becomes of each column, from what there is of it; in this order, or that of their use."""
    found: dict[str, list[Cell]] = {name: [] for name in order}
    for cell in cells:
        found.setdefault(cell.column, []).append(cell)
    return [_column(where, name, parts) for name, parts in found.items()]


def _column(where: str, name: str, cells: Sequence[Cell]) -> ColumnPreparation:
    words = [cell for cell in cells if isinstance(cell, WordCell)]
    if words:
        one, chosen = words[0], tuple(dict.fromkeys(cell.word for cell in words))
        known = {id(cell.known): cell.known for cell in words}.values()  # long ones, each compared once
        ends = {(cell.fill, cell.other) for cell in words}
        if len(words) < len(cells) or len(ends) > 1 or any(other != one.known for other in known):
            raise refusal(where, f"the column {shown(name)}, which is encoded in two ways", "one way for each column")
        return CategoryColumn(
            name, chosen if len(chosen) == len(one.known) else one.known, fill=one.fill, other=one.other
        )
    fills = {cell.fill for cell in cells if isinstance(cell, NumberCell)} or {0.0}  # where it is not used
    if len(fills) > 1:
        raise refusal(where, f"the column {shown(name)}, whose gaps become {shown(sorted(map(str, fills)))}", "one")
    return NumberColumn(name, fill=fills.pop(), flag=any(isinstance(cell, GapCell) for cell in cells))


class _TableReader:
    """Follows the columns through a graph, as far as operators prepare them.

    Attributes
    ----------
    names : list of str
        The columns of the table.
    values : dict of str to Cells
        What has been made of them alone.
    """

    def __init__(self, model: OnnxModel, end: str) -> None:
        self.model, self.end = model, end
        self.values: dict[str, Cells] = {}
        self.names: list[str] = []
        self._left = _MOST_CELLS
        self._folded: dict[str, Array] = {}
        self._literals = {step.outputs[0]: step for step in model.steps if step.op == "Constant" and step.outputs}
        self._enter()
        needed = {end}
        for step in reversed(model.steps):
            if needed.intersection(step.outputs):
                needed.update(step.inputs)
        self.steps = [step for step in model.steps if needed.intersection(step.outputs)]
        for step in self.steps:
            self._take(step)

    def _enter(self) -> None:
        """Take up the inputs: one matrix, or a column each."""
        inputs = self.model.inputs
        if len(inputs) > 1 or inputs[0].type == "string":
            self.names = [value.name for value in inputs]
            for value in inputs:
                if value.type in _KINDS and value.sample == (1,):
                    self.values[value.name] = self._cells(value.type, [value.name])
        elif inputs[0].type in _KINDS and inputs[0].sample is not None and len(inputs[0].sample) == 1:
            (count,) = inputs[0].sample
            if count <= self._left:
                told = column_names(self.model, count)
                self.names = told or [f"column {i}" for i in range(count)]
                self.values[inputs[0].name] = self._cells(inputs[0].type, self.names)

    def _cells(self, type_name: str, names: Sequence[str]) -> Cells:
        kind: Any = _KINDS[type_name]
        self._left -= len(names)
        return Cells(kind, tuple(map(TextCell if kind == "text" else NumberCell, names)))

    def _take(self, step: Step) -> None:
        """Follow the columns through an operator, if it is one that prepares them."""
        if step.op == f"{ML}LabelEncoder" and step.inputs[:1] and step.inputs[0] in self.model.constants:
            self._fold(step)
            return
        there = [self.values[name] for name in step.inputs if name in self.values]
        if step.op not in OPERATORS or not there or len(step.outputs) != 1:
            return
        given: list[Cells | Array] = []
        for name in step.inputs:
            value = self.values[name] if name in self.values else self._constant(name)
            if value is None:
                return
            given.append(value)
        words = max((len(value) for value in step.attributes.values() if isinstance(value, tuple)), default=1)
        sizes = [0 if isinstance(value, Cells) else value.size for value in given]
        codes = sum(
            len(cell.codes) for x in there if x.kind == "code" for cell in x.cells if isinstance(cell, CodeCell)
        )
        self._left -= max(sum(len(x.cells) for x in there) * words, codes, *sizes)
        if self._left < 0:
            raise refusal(step.where, f"more than {_MOST_CELLS:,} columns", "fewer")
        made = OPERATORS[step.op](step, given)
        if made is not None:
            self.values[step.outputs[0]] = made

    def _constant(self, name: str) -> Array | None:
        if name in self._folded:
            return self._folded[name]
        if name in self.model.constants:
            constant = self.model.constants[name]
            return np.array(constant.texts(), object) if constant.kind == TEXT else constant.array()
        return literal(self._literals[name]) if name in self._literals else None

    def _fold(self, step: Step) -> None:
        """Compute a constant word, as skl2onnx writes it: of the number 0, whatever that becomes."""
        told = step.attributes
        numbers, words = told.get("keys_int64s", ()), told.get("values_strings", ())
        given = self.model.constants[step.inputs[0]]
        if given.shape == (1,) and given.kind == INT64 and given.array().tolist() == list(numbers) and len(words) == 1:
            self._folded[step.outputs[0]] = np.array([text(step.where, words[0])], object)

    def join(self) -> str:
        """Return the name of the matrix through which all columns reach the layers.

        Raises
        ------
        FileError
            If there is none.
        """
        reached = dict.fromkeys(
            self._before_layers(name)
            for step in self.steps
            if not any(output in self.values for output in step.outputs)
            for name in step.inputs
            if name in self.values
        )
        if self.end in self.values:
            reached[self._before_layers(self.end)] = None
        others = (value for value in self.model.inputs if value.name not in self.values)
        blind = next((value for value in others if any(value.name in step.inputs for step in self.steps)), None)
        if blind is not None:
            raise refusal(
                self.model.where,
                f"the input {shown(blind.name)} of type {blind.type} and shape {blind.sample} for a sample, "
                f"beside {len(self.model.inputs) - 1} more",
                _ONE,
            )
        wrong = next((name for name in reached if self.values[name].kind not in ("number", "whole")), None)
        wrong = wrong or next((name for name in reached if self.values[name].depth), None)
        if wrong is not None and self.values[wrong].kind == "code":
            column = self.values[wrong].cells[0].column
            made = ((step, self.values.get(step.outputs[0])) for step in self.steps)
            raise refusal(
                next(step.where for step, x in made if x and x.kind == "code" and x.cells[0].column == column),
                f"a whole number for each word of the column {shown(column)}",
                "a column for each word",
                "Encode it with OneHotEncoder",
            )
        if wrong is not None or len(reached) != 1:
            name = wrong or next(iter(reached), "")
            step = next((step for step in self.steps if name in step.inputs), None)
            cells = self.values[name].cells if name else ()
            columns = listed(list(dict.fromkeys(cell.column for cell in cells)))
            raise refusal(
                self.model.where if step is None else step.where,
                f"the columns {columns} by {'no operator' if step is None else shown(step.op)[1:-1]}"
                if wrong or len(self.model.inputs) == 1
                else f"{len(self.model.inputs)} inputs, which are not put side by side before they are used",
                _ONE if not wrong else "gaps filled, a column for each word, numbers scaled",
                "Prepare that column otherwise: SimpleImputer, OneHotEncoder, a scaler",
            )
        (name,) = reached
        return name

    def _before_layers(self, name: str) -> str:
        """Return the value before what layers do to it as well."""
        makers = {step.outputs[0]: step for step in self.steps if step.outputs[0] in self.values}
        while name in makers and makers[name].op in OF_LAYERS:
            before = next(part for part in makers[name].inputs if part in self.values)
            if self.values[before].kind not in ("number", "whole") or self.values[before].depth:
                break
            name = before
        return name

    def behind(self, join: str, count: int, places: Sequence[int]) -> OnnxModel:
        """Return the model that takes features, of which the columns of the matrix are some, in any order."""
        needed = {join}
        for step in reversed(self.steps):
            if needed.intersection(step.outputs):
                needed.update(step.inputs)
        before = needed & set(self.values)
        steps = [step for step in self.model.steps if not before.intersection(step.outputs)]
        if list(places) == list(range(count)):
            return replace(self.model, inputs=[ValueInfo(join, "float", None, (count,))], steps=steps)
        where = f"{self.model.where}: the columns of {shown(join)}"
        if count * len(places) > _MOST_CHOSEN:
            raise refusal(where, f"{len(places):,} of {count:,} features, in another order", "all, in their order")
        chosen = np.zeros((count, len(places)), np.float32)
        chosen[places, range(len(places))] = 1
        constant = StoredTensor(where, {"raw_data": chosen.tobytes()}, FLOAT, chosen.shape)
        taken = {*self.model.constants, *(name for step in self.model.steps for name in step.outputs)}
        free = (f"{join} {i}" for i in range(len(taken) + 2))
        features, matrix = islice((name for name in free if name not in taken), 2)
        return replace(
            self.model,
            inputs=[ValueInfo(features, "float", None, (count,))],
            steps=[Step(where, "MatMul", (features, matrix), (join,), {}), *steps],
            constants={**self.model.constants, matrix: constant},
        )
