"""The lines of one case, as they are handed in and as whole numbers to reckon with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from codebooks.errors import Where
from grouper.audit.errors import AuditError
from grouper.audit.lines import SCOPES
from grouper.audit.templates import toml
from grouper.case.dates import DAY_SECONDS, LOCAL, SETTLED
from grouper.case.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from grouper.case.record import Case

QUANTITY_PLACES, AMOUNT_PLACES = 4, 2
_MOST_NUMBER = (1 << 31) - 1
_SCOPES = frozenset(SCOPES) - {""}
_SECOND = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=LOCAL)
_KINDS = {str(n).zfill(2): n for n in range(1, 15)} | {str(n): n for n in range(1, 10)}
"""Classes of the settlement list by their word."""


@dataclass(frozen=True, slots=True)
class Line:
    """A charge line, or an order that would become one.

    Attributes:
        number: within the case, from 1; each once.
        item: national code.
        quantity: four places at most; refunds below nought.
        amount: yuan, two places at most; None: not known (judged as nought).
        time: when it is charged or ordered; without a zone it is local.
        kind: class of the settlement list (``01`` to ``14``).
        scope: of the catalogue (``A``, ``B``, ``C``).
        department: that charges or orders.
        physician: who does.
        proposed: whether it is an order that is not charged yet.
    """

    number: int
    item: str | None
    quantity: Decimal | None
    amount: Decimal | None
    time: datetime | None
    kind: str | None = None
    scope: str | None = None
    department: str | None = None
    physician: str | None = None
    proposed: bool = False


@dataclass(slots=True)
class Entry:
    """A line as whole numbers; after refunds with what is left of it.

    Attributes:
        line: its number.
        item: national code; None: not stated.
        kind: class of the settlement list; 0: none that is known.
        quantity: ten-thousandths.
        amount: fen.
        second: of the local clock since 1970; None: not stated.
        day: since 1970; None: not stated.
        reimbursed: whether it is brought to the insurance.
        scope: of the catalogue; None: not stated, or another word.
        department: of the line.
        physician: of the line.
        counted: whether a quantity is stated.
        priced: whether an amount is stated.
        proposed: whether it is an order.
    """

    line: int
    item: str | None
    kind: int
    quantity: int
    amount: int
    second: int | None
    day: int | None
    reimbursed: bool
    scope: str | None
    department: str | None
    physician: str | None
    counted: bool
    priced: bool
    proposed: bool


def lines_in(case: Case) -> list[Line]:
    """The lines that stand in a case, by their places; a list of another length states nothing."""
    count = len(case.line_amount)
    nothing = (None,) * count

    def told(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return values if len(values) == count else nothing

    return [
        Line(number, *values)
        for number, values in enumerate(
            zip(
                told(case.line_item),
                told(case.line_quantity),
                case.line_amount,
                told(case.line_time),
                told(case.line_class),
                told(case.line_scope),
                told(case.line_department),
                told(case.line_physician),
                strict=True,
            ),
            1,
        )
    ]


def entries(lines: Iterable[Line]) -> list[Entry]:
    """The lines as whole numbers.

    Raises:
        AuditError: ``AUDIT_LINE``: a number that is no number of a line or stands twice, a quantity
            or an amount that a case's line cannot hold, a time out of the calendar.
    """
    paid = frozenset(toml("cases.toml")["reimbursed"])
    found: dict[int, Entry] = {}
    for line in lines:
        number = line.number
        if number in found or not 0 < number <= _MOST_NUMBER:
            raise _wrong(number, "number")
        quantity = _whole(line.quantity, QUANTITY_PLACES, number, "quantity")
        amount = _whole(line.amount, AMOUNT_PLACES, number, "amount")
        second = _second(line.time, number)
        scope = (line.scope or "").strip()
        found[number] = Entry(
            number,
            _word(line.item),
            _KINDS.get((line.kind or "").strip(), 0),
            quantity,
            amount,
            second,
            None if second is None else second // DAY_SECONDS,
            scope in paid,
            scope if scope in _SCOPES else None,
            _word(line.department),
            _word(line.physician),
            line.quantity is not None,
            line.amount is not None,
            line.proposed,
        )
    return list(found.values())


def _word(word: str | None) -> str | None:
    return (word.strip() or None) if word else None


def _wrong(number: int, field: str) -> AuditError:
    return AuditError("AUDIT_LINE", Where(row=number, column=field), line=number, field=field)


@cache
def _digits(field: str) -> int:
    """How many digits a case's line holds of a quantity or an amount."""
    return int(FIELDS[f"line_{field}"].value_type.precision)


def _whole(value: Decimal | None, places: int, number: int, field: str) -> int:
    if value is None:
        return 0
    # First by its size: an exponent could ask for a number that no memory holds.
    digits = _digits(field)
    if not value.is_finite() or not -digits < value.adjusted() < digits:
        if value.is_finite() and not value:
            return 0
        raise _wrong(number, field)
    above, below = value.as_integer_ratio()
    scale: int = 10**places
    whole, rest = divmod(above * scale, below)
    if rest or abs(whole) >= 10**digits:
        raise _wrong(number, field)
    return whole


def _second(time: datetime | None, number: int) -> int | None:
    """Seconds of the local clock; fractions are cut off."""
    if time is None:
        return None
    try:
        if time.tzinfo is None:
            time = time.replace(tzinfo=LOCAL)
        if time.tzinfo is not LOCAL or time.year < SETTLED.year:
            # Through UTC, so that an hour that summer time skipped becomes one that exists.
            time = time.astimezone(UTC).astimezone(LOCAL)
    except OverflowError as cause:
        raise _wrong(number, "time") from cause
    # Two times of one zone are subtracted as the clock shows them.
    return (time - _EPOCH) // _SECOND
