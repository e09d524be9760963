"""The rows of a rule book, found by item: made once, only read afterwards."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from codebooks.audit.forms import PREFIX
from codebooks.audit.own_rules import TABLE as OWN_TABLE
from codebooks.audit.own_rules import own_rows
from grouper.case.dates import EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from codebooks.audit.books import AuditBook
    from codebooks.audit.own_rules import OwnRow

NEVER = (1 << 31) - 1
"""A day after every day."""
PARTS = 10_000
_SECONDS = {"six_hours": 21_600, "hour": 3_600}
PAIRS, BEHAVIOUR = "pairs", "behaviour"
OWN = {
    "quantity": ("most", "per"),
    "cycle": ("times", "days"),
    "course": ("most_days", "least_gap"),
    "sex": ("sex",),
    "age": ("least_years", "most_years", "least_days", "most_days"),
    "insurance": ("allowed",),
    "level": ("least_level",),
    "visit": ("allowed",),
    "excluded": ("when",),
    "indication": ("allowed", "text"),
    "second_line": ("text",),
    "surgery": ("group", "share"),
}
"""The tables that are looked up by item, and which of their columns are kept, in this order."""


class Row(NamedTuple):
    """A row of a table by item.

    Attributes:
        rule, row, level: as in the book.
        since, until: days since 1970 on which it holds, half-open.
        own: the values of its own columns, in the order of :data:`OWN`; numbers of four places as
            whole numbers.
    """

    rule: str
    row: str
    level: str
    since: int
    until: int
    own: tuple[Any, ...]

    def holds(self, day: int | None) -> bool:
        """Whether it holds on a day; where none is stated it does."""
        return day is None or self.since <= day < self.until


class Pair(NamedTuple):
    """A row of ``pairs``, by the item at fault.

    Attributes:
        rule, row, level, since, until: as of a :class:`Row`.
        window: ``day``, ``visit``, ``six_hours`` or ``hour``.
        seconds: of the window; nought for day and visit.
        beside: the item that stands.
    """

    rule: str
    row: str
    level: str
    since: int
    until: int
    window: str
    seconds: int
    beside: str


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one table.

    Attributes:
        whole: by item.
        begins: by the beginning of an item.
        lengths: of those beginnings.
    """

    whole: Mapping[str, Sequence[Row]]
    begins: Mapping[str, Sequence[Row]]
    lengths: tuple[int, ...]

    def of(self, item: str, rules: frozenset[str]) -> list[Row]:
        """The rows of an item, of some rules.

        A rule that has a row for the item itself says nothing by rows for a beginning of it.
        """
        whole = self.whole.get(item, ())
        found = [row for row in whole if row.rule in rules]
        told = {row.rule for row in whole}
        for length in self.lengths:
            if length > len(item):
                break
            begins = self.begins.get(item[:length], ())
            found += [row for row in begins if row.rule in rules and row.rule not in told]
        return found


@dataclass(frozen=True, slots=True)
class Index:
    """A book by items.

    Attributes:
        rows: by table of :data:`OWN`.
        pairs: by the item at fault.
        thresholds: row and value (ten-thousandths) by rule and parameter of ``behaviour``.
        own: the rows of the hospital's own rules.
    """

    rows: Mapping[str, Rows]
    pairs: Mapping[str, Sequence[Pair]]
    thresholds: Mapping[tuple[str, str], tuple[str, int]]
    own: Sequence[OwnRow]


def index_of(book: AuditBook) -> Index:
    """Bring a book to its items.

    Args:
        book: without the rows that are not asked.

    Raises:
        CodebookError: a condition of the hospital's own rules is not of the form.
    """
    rows = {name: _rows(book.tables[name], columns) for name, columns in OWN.items()}
    thresholds: dict[tuple[str, str], tuple[str, int]] = {}
    for one in book.tables[BEHAVIOUR].to_pylist():
        value = one["row"], _whole(one["value"])
        thresholds.setdefault((one["rule"], one["parameter"]), value)
    own = tuple(own_rows(book.tables[OWN_TABLE]))
    return Index(rows, _pairs(book.tables[PAIRS]), thresholds, own)


def _whole(value: object) -> Any:  # noqa: ANN401 -- the value itself, if it is no decimal
    return int(value.scaleb(4)) if isinstance(value, Decimal) else value


def _columns(table: pa.Table, names: Sequence[str]) -> list[list[Any]]:
    return [table[name].to_pylist() for name in names]


def _days(table: pa.Table) -> tuple[list[int], list[int]]:
    since = [(one - EPOCH).days for one in table["valid_from"].to_pylist()]
    until = [NEVER if one is None else (one - EPOCH).days for one in table["valid_to"].to_pylist()]
    return since, until


def _rows(table: pa.Table, columns: tuple[str, ...]) -> Rows:
    whole: defaultdict[str, list[Row]] = defaultdict(list)
    begins: defaultdict[str, list[Row]] = defaultdict(list)
    own = [list(map(_whole, column)) for column in _columns(table, columns)]
    heads = _columns(table, ("item", "match", "rule", "row", "level"))
    for item, match, rule, row, level, since, until, values in zip(
        *heads, *_days(table), zip(*own, strict=True), strict=True
    ):
        one = Row(rule, row, level, since, until, values)
        (begins if match == PREFIX else whole)[item].append(one)
    return Rows(dict(whole), dict(begins), tuple(sorted({len(one) for one in begins})))


def _pairs(table: pa.Table) -> Mapping[str, Sequence[Pair]]:
    found: defaultdict[str, list[Pair]] = defaultdict(list)
    names = ("item_a", "item_b", "keep", "window", "rule", "row", "level")
    for one, other, keep, window, rule, row, level, since, until in zip(
        *_columns(table, names), *_days(table), strict=True
    ):
        fault, beside = (other, one) if keep == "a" else (one, other)
        near = _SECONDS.get(window, 0)
        found[fault].append(Pair(rule, row, level, since, until, window, near, beside))
    return dict(found)
