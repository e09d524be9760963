"""A stay with its charge lines, read fast: for checks that a physician waits for.

:func:`grouper.store.history.billed_at` reads every value of every line anew from what messages said.
Here the typed columns of the lines stand in, which were read by the same reader when they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from grouper.case.fields import FIELDS
from grouper.case.values import read
from grouper.intake.record import case_of
from grouper.store.history import record_and_end
from grouper.store.lines import Entry, is_marker, last_rows, standing
from grouper.store.schema import charge_line as table

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from grouper.case.record import Case
    from grouper.store.reading import StayHead

_C = table.c
_ASK = (
    select(
        *(_C.line, _C.message_id, _C.id, _C.gone, _C.item, _C["class"], _C.quantity, _C.amount),
        *(_C.charged, _C.about),
    )
    .where(_C.stay_id == bindparam("stay"), _C.id <= bindparam("until"))
    .order_by(_C.id)
)


@dataclass(frozen=True, slots=True)
class NumberedLine:
    """A charge line that stands, with its number within the stay (as :class:`Billed` counts)."""

    number: int
    name: str
    item: str | None
    kind: str | None
    quantity: Decimal | None
    amount: Decimal | None
    time: datetime | None
    scope: str | None
    department: str | None
    physician: str | None


@dataclass(frozen=True, slots=True)
class Charged:
    """A stay with its lines.

    Attributes:
        case: without lines; its total cost is that which messages state.
        lines: those that stand, in the order they were written.
        ever: the greatest number that any line has had.
    """

    case: Case
    lines: tuple[NumberedLine, ...]
    ever: int


def charged_at(connection: Connection, head: StayHead) -> Charged:
    """A stay at its newest version.

    Raises:
        StoreError: ``VERSION_ABSENT``.
    """
    record, until = record_and_end(connection, head.id, head.version)
    stated = {"case_id": head.case_id, "person": head.pseudonym, "hospital": head.hospital}
    case, _ = case_of(record, (), None, **stated)
    found = connection.execute(_ASK, {"stay": head.id, "until": until or 0}).all()
    names = dict.fromkeys(row.line for row in found if not is_marker(row.line))
    places = {name: number for number, name in enumerate(names, 1)}
    rows = {row.id: row for row in found}
    entries = [Entry(row.line, row.message_id, row.id, gone=row.gone) for row in found]
    stand = standing(last_rows(entries))
    lines = tuple(_line(places[name], rows[entry.id]) for name, entry in stand.items())
    return Charged(case, lines, len(places))


def _line(number: int, row: Any) -> NumberedLine:  # noqa: ANN401 -- a row of SQLAlchemy
    about = row.about
    return NumberedLine(
        number,
        row.line,
        row.item,
        row[5],
        None if row.quantity is None else _decimal(row.quantity),
        row.amount,
        row.charged,
        _value("line_scope", about.get("line_scope")),
        _value("line_department", about.get("line_department")),
        _value("line_physician", about.get("line_physician")),
    )


@lru_cache(maxsize=4096)
def _decimal(written: Any) -> Decimal:  # noqa: ANN401 -- a text on SQLite, a number else
    return Decimal(written)


@lru_cache(maxsize=8192)
def _value(name: str, raw: Any) -> Any:  # noqa: ANN401 -- as the field says
    return read(raw, FIELDS[name])[0]
