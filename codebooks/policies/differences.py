"""What differs between two policies: by parameter, by the keys of its dimensions, by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codebooks.policies.forms import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codebooks.policies.forms import Form
    from codebooks.policies.kinds import TableRow
    from codebooks.policies.policy import Given, Policy

_Place = tuple[tuple[str, ...], str]


@dataclass(frozen=True, slots=True)
class Said:
    """What one policy says in one place, and whether it is an assumption."""

    value: Any
    assumption: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two policies differ.

    Attributes:
        path: ``topic.parameter``.
        form: of the parameter.
        keys: of its dimensions.
        row: of a table: what its key columns say.
        old, new: what each says; None where it says nothing. Of a table the row, else the value.
    """

    path: str
    form: Form
    keys: tuple[str, ...]
    row: str
    old: Said | None
    new: Said | None


def differences(old: Policy, new: Policy) -> list[Difference]:
    """All that differs in value or in being an assumption, in the order of the paths."""
    found = []
    for path in sorted({*old.values, *new.values}):
        sides = old.values.get(path), new.values.get(path)
        was, will = ({} if given is None else dict(_said(given)) for given in sides)
        form = next(given.form for given in sides if given is not None)
        found += [
            Difference(path, form, *place, was.get(place), will.get(place))
            for place in dict.fromkeys((*was, *will))
            if was.get(place) != will.get(place)
        ]
    return found


def _said(given: Given) -> Iterator[tuple[_Place, Said]]:
    for keys, value in given.by_keys():
        if given.form.kind is Kind.TABLE and value is not None:
            for row in value:
                yield (keys, _row(row, given.form)), Said(row, given.assumption)
        else:
            yield (keys, ""), Said(value, given.assumption)


def _row(row: TableRow, form: Form) -> str:
    """What tells a row from the others: its key columns; of a table without any, all it states."""
    names = form.key or tuple(name for name, cell in row.items() if cell is not None)
    return " ".join(str(row[name]) for name in names)
