"""A recipe for a table of one's own: what its columns become, which network, how it is trained, and why.

It is where one starts from, with a network that is large enough and a training that ends by itself; every decision is
in the recipe, to be changed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chainrule import checks
from chainrule.data.column_plans import TablePlan, classes_of
from chainrule.data.labels import Task
from chainrule.data.opening import shown
from chainrule.data.readers import TABLES, is_table
from chainrule.data.table import Table
from chainrule.errors import FileError, InputError, printable
from chainrule.recipes.recipe import ColumnUse, Data, Phase, Recipe, checked, located
from chainrule.recipes.table_samples import rows_of, table_of

_STEPS = 3_000  # of the optimizer, about, however many rows there are
_FEW = 50  # rows: too few to hold some out of them
_LISTED = 40  # columns that are told one by one


@dataclass(frozen=True)
class TableRecipe:
    """A recipe for a table, and what was found and decided on the way.

    Attributes
    ----------
    recipe : Recipe
    found : tuple of str
        What stands in the table, and what becomes of each column, a line each.
    why : dict of str to str
        Why a setting is what it is, by its name in the recipe.
    """

    recipe: Recipe
    found: tuple[str, ...]
    why: dict[str, str]

    def text(self) -> str:
        """Return the recipe as TOML, with what was found and why as comments."""
        import tomli_w

        recipe, why = self.recipe, self.why
        lines = [f"# {line}" for line in (recipe.title, "", *self.found)]
        lines = [line.rstrip() for line in lines] + [""]
        plain: dict[str, Any] = {
            "layers": [*recipe.layers],
            "loss": recipe.loss,
            "optimizer": recipe.optimizer,
            "batch_size": recipe.batch_size,
            "epochs": recipe.epochs,
            "learning_rate": recipe.phases[0].learning_rate,
            "l2": recipe.l2,
        }
        if recipe.early_stopping is not None:
            plain["early_stopping"] = {"patience": recipe.early_stopping.patience}
        for name, value in plain.items():
            lines += [f"# {why[name]}"] if name in why else []
            if name == "layers":
                rows = ",\n".join(f"    {_inline(layer)}" for layer in value)
                lines += [f"layers = [\n{rows},\n]"]
            else:
                lines += [f"{name} = {_inline(value)}"]
        data = {name: getattr(recipe.data, name) for name in Data.__struct_fields__}
        usual = Data()
        lines += ["", "[data]"]
        for name, value in data.items():
            if name != "columns" and (value != getattr(usual, name) or name in why):
                lines += [f"# {why[name]}"] if name in why else []
                lines += [f"{name} = {_inline(value)}"]
        for name, use in recipe.data.columns.items():
            told = {key: getattr(use, key) for key in ("use", "fill", "flag")}
            kept = {key: value for key, value in told.items() if value is not None and value is not False}
            head = tomli_w.dumps({"x": {name: {}}}).strip().removeprefix("[x.").removesuffix("]")
            lines += ["", f"[data.columns.{head}]", tomli_w.dumps(kept).rstrip()]
        return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    """Return a value as TOML writes it in a line."""
    import tomli_w

    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_inline(item)}" for name, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")


@checks.keywords
def for_table(
    path: str | os.PathLike[str],
    target: str | int | Sequence[str] | None,
    *,
    task: Task | None = None,
    drop: Sequence[str] = (),
    index: str | None = None,
    decimal: Literal[".", ","] | None = None,
    day_first: bool | None = None,
) -> TableRecipe:
    """Return a recipe for a table: what becomes of its columns, a network, and a training that ends by itself.

    Parameters
    ----------
    path : path
        A text file with columns: see `chainrule.data.read_table`.
    target : str, int or sequence of str
        The column to predict, by its name or its place, or several.
    task : {"classification", "regression"}, optional
        What the target is, where its numbers leave that open.
    drop : sequence of str
        Columns that shall not be used.
    index : str, optional
        The column that says which row it is.
    decimal : {".", ","}, optional
        The mark of decimals, where the file leaves it open.
    day_first : bool, optional
        Whether 1/2/2024 is the first of February, where the file leaves it open.

    Raises
    ------
    FileError
        If it is no table that can be read.
    InputError
        If no target is named, or what it holds may be classes or amounts.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "flowers.csv"
    >>> _ = path.write_text("width,kind\\n" + "1.5,rose\\n3.5,tulip\\n" * 60)
    >>> made = for_table(path, "kind")
    >>> made.recipe.loss, made.recipe.data.task
    ('CategoricalCrossEntropy', 'classification')
    >>> print("\\n".join(made.found))
    numbers without gaps: width
    column 'kind': 2 different words are classes
    """
    where = f"table {shown(path)}"
    if not is_table(path):
        raise FileError(
            where,
            given="a file that doesn't end as a table's does",
            expected=f"a table: {', '.join(TABLES)}, compressed with gzip or not",
            fix="Rename it, if it is a text with columns",
        )
    name = os.fspath(path)
    told: dict[str, Any] = {"task": task, "drop": list(drop), "index": index}
    data = Data(file=name, target=_as_setting(target), decimal=decimal, day_first=day_first, **told)
    if target is None:
        columns = [*table_of(name, data)]
        listed = ", ".join(printable(column) for column in columns[:_LISTED])
        raise InputError(
            where,
            given="no target",
            expected="the column to predict",
            fix=f"Name it, --target {_quoted(columns[-1])} for example; there are: {listed}"
            + (f" and {len(columns) - _LISTED:,} more" if len(columns) > _LISTED else ""),
        )
    rows = rows_of(data, where, None)
    plan = rows.plan
    assert plan is not None
    recipe, why = _decided(name, data, rows.table, plan)
    found = [*rows.notes]
    if len(found) > _LISTED:
        found = [*found[:_LISTED], f"and {len(found) - _LISTED:,} lines more"]
    return TableRecipe(located(checked(recipe, f"recipe {recipe.name}"), ""), tuple(found), why)


def _decided(path: str, data: Data, table: Table, plan: TablePlan) -> tuple[Recipe, dict[str, str]]:
    count, classify = len(table), plan.task == "classification"
    classes = classes_of(table, plan.targets[0]) if classify else ()
    outputs = len(classes) if classify else len(plan.targets)
    hidden = [32] if count < 500 else [64, 32] if count < 50_000 else [128, 64]
    test = 0.0 if count < _FEW else 0.1
    kept = count * (1 - test)
    batch = 32 if kept < 20_000 else 128 if kept < 200_000 else 512
    epochs = int(min(300, max(10, _STEPS * batch / max(kept, 1))))
    layers: list[dict[str, Any]] = []
    for units in hidden:
        layers += [{"type": "Dense", "units": units}, {"type": "ReLU"}]
        if classify:
            layers.append({"type": "Dropout", "rate": 0.1})
    layers.append({"type": "Dense", "units": outputs})
    if classify:
        layers.append({"type": "Softmax"})
    told = {
        name: ColumnUse(each.use, each.fill, each.flag)
        for name, each in plan.columns.items()
        if each.use == "drop" or each.flag or each.use == "date"
    }
    changes: dict[str, Any] = dict(task=plan.task, columns=told, scale="standard", test=test)
    if not classify:
        changes["scale_target"] = "standard"
    import msgspec

    data = msgspec.structs.replace(data, **changes)
    what = ", ".join(plan.targets)
    recipe = Recipe(
        name=_name(path),
        title=printable(f"{what} from the other columns of {os.path.basename(path)}"),
        data=data,
        layers=layers,
        loss="CategoricalCrossEntropy" if classify else "MeanSquaredError",
        optimizer="Adam",
        phases=[Phase(epochs, {"type": "OneCycle", "maximum_learning_rate": 0.003})],
        batch_size=batch,
        l2=round(min(0.03, 20 / count), 6),
    )
    last = f"{outputs} outputs, one for each class" if classify else f"{outputs} output{'s' * (outputs > 1)}"
    why = {
        "layers": f"For {count:,} rows {' and '.join(map(str, hidden))} hidden units, and {last}.",
        "loss": f"{plan.why}." if plan.why else "",
        "epochs": f"About {epochs * max(1, round(kept / batch)):,} steps of {batch} samples.",
        "learning_rate": "Up, and down to almost nothing: a training that ends by itself.",
        "scale": "Numbers to mean 0 and deviation 1, as measured on the training rows.",
        "l2": ("With the dropout, against" if classify else "Against")
        + " learning rows by heart: so none are held out to stop by.",
        "test": "Held out to the end: the figures that count." if test else f"Of {count} rows none can be spared.",
    }
    if not classify:
        why["scale_target"] = "Trained on targets of mean 0 and deviation 1; predictions are in the target's own unit."
    return recipe, {name: printable(told) for name, told in why.items() if told}


def _as_setting(target: str | int | Sequence[str] | None) -> str | int | list[str] | None:
    return target if target is None or isinstance(target, (str, int)) else list(target)


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(printable(name))


def _name(path: str) -> str:
    base = os.path.basename(path)
    for ending in (".gz", *TABLES):
        base = re.sub(re.escape(ending) + "$", "", base, flags=re.IGNORECASE)
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", base).strip("._-")[:64] or "table"
