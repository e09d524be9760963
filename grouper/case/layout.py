"""Which column of an input means which field: bound once for a file, by name."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from grouper.case.fields import FIELDS
from grouper.case.issues import Issue, Severity
from grouper.case.tables import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_IGNORED = re.compile(r"[\s_\-().（）]+")
_NUMBERED = re.compile(r"(.*?\D)([0-9]{1,3})(\D*)")


class Part(StrEnum):
    """What a column holds of its field."""

    ONE = "one"
    """The value, or the element of the list at ``slot``."""
    LIST = "list"
    """Elements of the list from ``slot`` on, separated or as a list."""
    START = "start"
    """The begin of a span of time; the field is the sum of its spans."""
    END = "end"
    """The end of the span that began in the same ``slot``."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A column bound to a field.

    Attributes:
        column: index of the column in the input.
        field: name of the field.
        slot: place in the list (0: principal or main), number of the span, or place among the
            parts of an identifier that several columns make up.
        part: what the column holds.
    """

    column: int
    field: str
    slot: int = 0
    part: Part = Part.ONE


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The meaning of an input's columns; two layouts are the same only when they are one object.

    Attributes:
        names: the column names as they were.
        bindings: the columns that mean something; the others are carried through untouched.
        defaults: raw values for records that state none, by field.
        issues: what is to be said about the file as a whole (row 0).
        dialect: which dialect recognised it, empty for the general one.
    """

    names: tuple[str, ...]
    bindings: tuple[Binding, ...]
    defaults: tuple[tuple[str, str], ...] = ()
    issues: tuple[Issue, ...] = ()
    dialect: str = ""

    def of(self, name: str) -> tuple[Binding, ...]:
        """The bindings of one field, by slot."""
        return _by_field(self.bindings).get(name, ())

    def with_defaults(self, defaults: Mapping[str, str]) -> Layout:
        """The same columns with values for records that state none."""
        return replace(self, defaults=tuple({**dict(self.defaults), **defaults}.items()))


@lru_cache(maxsize=512)
def _by_field(bindings: tuple[Binding, ...]) -> dict[str, tuple[Binding, ...]]:
    found: dict[str, list[Binding]] = {}
    for binding in bindings:
        found.setdefault(binding.field, []).append(binding)
    return {
        name: tuple(sorted(those, key=lambda b: (b.slot, b.part, b.column)))
        for name, those in found.items()
    }


@dataclass(frozen=True, slots=True)
class _Meaning:
    field: str
    slot: int
    part: Part
    rank: int


def fold_name(name: str) -> str:
    """A column name as names are compared: width, case, blanks and brackets do not matter."""
    return _IGNORED.sub("", unicodedata.normalize("NFKC", name).lower().strip("\ufeff"))


@cache
def _aliases() -> dict[str, _Meaning]:
    return {
        fold_name(r["alias"]): _Meaning(r["field"], int(r["slot"]), Part(r["form"]), int(r["rank"]))
        for r in rows("aliases.csv")
    }


def _meaning(name: str) -> _Meaning | None:
    folded, known = fold_name(name), _aliases()
    if folded in known:
        return known[folded]
    numbered = _NUMBERED.fullmatch(folded)
    found = numbered and known.get(f"{numbered[1]}#{numbered[3]}")
    if not numbered or not found or not int(numbered[2]):
        return None
    return replace(found, slot=found.slot + int(numbered[2]) - 1)


@lru_cache(maxsize=1024)
def bind(names: tuple[str, ...]) -> Layout:
    """Bind columns by the names of ``data/aliases.csv``.

    Of names of one field the better rank counts alone (a case number before a record number, which
    the patient keeps for life); names of one rank must agree in every row.
    """
    meanings = [(at, found) for at, name in enumerate(names) if (found := _meaning(name))]
    best: dict[str, int] = {}
    for _, found in meanings:
        best[found.field] = min(best.get(found.field, found.rank), found.rank)
    bindings = tuple(
        Binding(at, m.field, m.slot, m.part) for at, m in meanings if m.rank == best[m.field]
    )
    return Layout(names, bindings, issues=file_issues(names, bindings))


def file_issues(names: Sequence[str], bindings: Iterable[Binding]) -> tuple[Issue, ...]:
    """What a set of columns gives cause to say: ``COLUMN_TWICE``, ``FIELD_ABSENT``.

    The latter where no column holds diagnoses, and where names speak of procedures
    (``data/hints.csv``) but none is read as their codes.
    """
    bindings = tuple(bindings)
    twice = {name for name, count in Counter(names).items() if count > 1}
    issues = [
        Issue(0, b.field, "COLUMN_TWICE", Severity.WARNING, names[b.column])
        for b in bindings
        if sum((o.field, o.slot, o.part) == (b.field, b.slot, b.part) for o in bindings) > 1
    ]
    told = {i.value for i in issues}
    issues += [Issue(0, "", "COLUMN_TWICE", Severity.WARNING, n) for n in sorted(twice - told)]
    if not any(b.field == "dx" for b in bindings):
        issues.append(Issue(0, "dx", "FIELD_ABSENT", Severity.WARNING))
    issues += _unread(names, bindings)
    return tuple(dict.fromkeys(issues))


def _unread(names: Sequence[str], bindings: Sequence[Binding]) -> Iterator[Issue]:
    """Fields that no column is read as although names speak of them: silence would cost a group."""
    bound, read = {b.field for b in bindings}, {b.column for b in bindings}
    for row in rows("hints.csv"):
        if row["field"] not in bound:
            for at, name in enumerate(names):
                if at not in read and row["word"] in fold_name(name):
                    yield Issue(0, row["field"], "FIELD_ABSENT", Severity.WARNING, name)


def aliases_of(name: str) -> list[str]:
    """The input column names of a field as the table writes them (``#`` is a number)."""
    assert name in FIELDS  # noqa: S101 -- a wrong name here is a programming error
    return [r["alias"] for r in rows("aliases.csv") if r["field"] == name]


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names for the columns of an original, each once: a repeated name gets a number.

    An empty name becomes ``#<place>``; the second ``x`` becomes ``x (2)``.
    """
    taken: set[str] = set()
    found: list[str] = []
    for at, name in enumerate(names, 1):
        wanted = name or f"#{at}"
        number = 1
        while wanted in taken:
            number += 1
            wanted = f"{name or f'#{at}'} ({number})"
        taken.add(wanted)
        found.append(wanted)
    return tuple(found)
