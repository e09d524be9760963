"""A value of a policy file as its form says: numbers exact, choices known, tables row by row."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.errors import Where
from codebooks.policies.forms import Kind, dimensions
from codebooks.policies.yaml_nodes import (
    Many,
    Mapping,
    PolicyError,
    Scalar,
    many,
    mapping,
    only,
    words,
)
from codebooks.strict_csv import read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from codebooks.policies.forms import Form
    from codebooks.policies.yaml_nodes import Tree

ANY = "*"
"""A key that stands for every value of its dimension that has none of its own."""
_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,10})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TABLE_FILE = re.compile(r"[^\W_][\w.-]*\.csv")
_FLAGS = {"true": True, "false": False}

TableRow = dict[str, Any]
"""One row of a table: its cells by column; a cell that is not stated is None."""


def read_value(tree: Tree, form: Form, folder: Path) -> Any:  # noqa: ANN401 -- by its kind
    """A value, or a dict of values by the keys of its dimensions (nested in their order).

    Args:
        tree: as it stands in the file.
        form: of its parameter.
        folder: where the files of tables lie.

    Returns:
        None (not in force), Decimal, int, bool, str, a date, a tuple of texts, or a tuple of
        :data:`TableRow`; for a parameter with dimensions a dict of them where the file sets it by a dimension.

    Raises:
        PolicyError: ``POLICY_NUMBER``, ``POLICY_CHOICE``, ``POLICY_LIST`` …, with the place.
        CodebookError: as :func:`codebooks.strict_csv.read_rows`, of the file of a table.
    """
    if isinstance(tree, Scalar) and tree.text is None:
        return None
    return _by(tree, form, folder, form.by)


def _by(tree: Tree, form: Form, folder: Path, by: tuple[str, ...]) -> Any:  # noqa: ANN401
    by_file = form.kind is Kind.TABLE and isinstance(tree, Mapping) and set(tree.items) == {"file"}
    if by and isinstance(tree, Mapping) and not by_file:
        return {key: _by(below, form, folder, by[1:]) for key, below in _keyed(tree, by[0]).items()}
    if form.kind is Kind.TABLE:
        return _table(tree, form, folder)
    if form.kind is Kind.TEXTS:
        return tuple(_choice(words(one), form, one.at) for one in many(tree).items)
    return read_text(words(tree), form, tree.at)


def _keyed(tree: Mapping, dimension: str) -> dict[str, Tree]:
    """The values by the keys of a dimension; a key that no case can have would never be met."""
    if not tree.items:
        raise PolicyError("POLICY_KEY_MISSING", tree.at, key=dimension)
    known = dimensions()[dimension].keys if dimension in dimensions() else {}
    for key, at in tree.keys.items():
        if known and key not in (ANY, *known):
            raise PolicyError("POLICY_KEY_UNKNOWN", at, key=key, known=", ".join((ANY, *known)))
    return tree.items


def read_text(text: str, form: Form, at: Where) -> Any:  # noqa: ANN401 -- by its kind
    """A single value from its text; errors as :func:`read_value`."""
    return _READERS[form.kind](text.strip(), form, at)


def _number(text: str, form: Form, at: Where) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise PolicyError("POLICY_NUMBER", at, found=text[:40])
    value = Decimal(text)
    low, high = form.minimum, form.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = f"{'' if low is None else low} … {'' if high is None else high}"
        raise PolicyError("POLICY_BOUNDS", at, found=text, bounds=bounds)
    return value


def _whole(text: str, form: Form, at: Where) -> int:
    value = _number(text, form, at)
    if value != value.to_integral_value():
        raise PolicyError("POLICY_WHOLE", at, found=text)
    return int(value)


def _flag(text: str, at: Where) -> bool:
    if text.lower() not in _FLAGS:
        raise PolicyError("POLICY_FLAG", at, found=text[:40])
    return _FLAGS[text.lower()]


def _choice(text: str, form: Form, at: Where) -> str:
    if form.choices and text not in form.choices:
        raise PolicyError("POLICY_CHOICE", at, found=text[:40], known=", ".join(form.choices))
    return text


def read_day(text: str, at: Where) -> date:
    """A day as ``2026-01-01``, in no other spelling.

    Raises:
        PolicyError: ``POLICY_DAY``.
    """
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError as cause:
        raise PolicyError("POLICY_DAY", at, found=text[:40]) from cause
    raise PolicyError("POLICY_DAY", at, found=text[:40])


def _texts(text: str, form: Form, at: Where) -> tuple[str, ...]:
    # In a cell of a table several texts are parted by a bar.
    return tuple(_choice(one.strip(), form, at) for one in text.split("|") if one.strip())


_READERS: dict[Kind, Callable[[str, Any, Where], Any]] = {
    Kind.DECIMAL: _number,
    Kind.SHARE: _number,
    Kind.WHOLE: _whole,
    Kind.FLAG: lambda text, _form, at: _flag(text, at),
    Kind.CHOICE: _choice,
    Kind.TEXT: lambda text, _form, _at: text,
    Kind.DATE: lambda text, _form, at: read_day(text, at),
    Kind.TEXTS: _texts,
}


def _table(tree: Tree, form: Form, folder: Path) -> tuple[TableRow, ...]:
    if isinstance(tree, Mapping):
        only(tree, ("file",))
        name = words(tree.items["file"])
        # Beside the policy file and nowhere else: what a region says lies in its folder.
        if not _TABLE_FILE.fullmatch(name):
            raise PolicyError("POLICY_TABLE_FILE", tree.items["file"].at, found=name[:40])
        found = _file(folder / name, form)
        if not found:
            raise PolicyError("POLICY_TABLE_EMPTY", Where(file=f"{folder.name}/{name}"))
    else:
        found = [_row(one, form, folder) for one in many(tree).items]
    _once(found, form)
    return tuple(row for _, row in found)


def _file(path: Path, form: Form) -> list[tuple[Where, TableRow]]:
    must = [name for name, column in form.columns.items() if column.required]
    may = [name for name, column in form.columns.items() if not column.required]
    found = []
    for row in read_rows(path, must, may, name=f"{path.parent.name}/{path.name}"):
        cells: TableRow = {}
        for name, column in form.columns.items():
            text, at = row.cells[name], row.at(name)
            if not text and column.required:
                raise PolicyError("POLICY_KEY_MISSING", at, key=name)
            cells[name] = read_text(text, column, at) if text else None
            if cells[name] == ():
                raise PolicyError("POLICY_KEY_MISSING", at, key=name)
        found.append((row.where, cells))
    return found


def _row(tree: Tree, form: Form, folder: Path) -> tuple[Where, TableRow]:
    told = mapping(tree)
    must = tuple(name for name, column in form.columns.items() if column.required)
    may = tuple(name for name, column in form.columns.items() if not column.required)
    only(told, must, may)
    cells: TableRow = dict.fromkeys(form.columns)
    for name, below in told.items.items():
        column = form.columns[name]
        if isinstance(below, Scalar) and below.text is None and not column.required:
            continue
        if isinstance(below, Many) or column.kind is not Kind.TEXTS:
            cells[name] = read_value(below, column, folder)
        else:
            cells[name] = read_text(words(below), column, below.at)
        # An empty list would leave open whether it means none or any.
        if cells[name] in (None, ()):
            raise PolicyError("POLICY_KEY_MISSING", told.at, key=name)
    return told.at, cells


def _once(rows: Iterable[tuple[Where, TableRow]], form: Form) -> None:
    seen: dict[tuple[Any, ...], Where] = {}
    for at, row in rows:
        key = tuple(row[name] for name in form.key)
        if form.key and key in seen:
            shown = ", ".join(str(one) for one in key)
            raise PolicyError("POLICY_ROW_TWICE", at, key=shown, first=seen[key].row)
        seen[key] = at
