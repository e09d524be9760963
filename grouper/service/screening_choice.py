"""Of a person's stays those that are judged, and those that stand beside for what they say of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from grouper.store.screening_due import UPLOAD, VOID
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from codebooks.audit.books import AuditBook
    from grouper.store.screening_due import Near

_DAY = timedelta(days=1)


@cache
def screening_data() -> dict[str, Any]:
    """The table ``data/screening.toml``; not to be changed."""
    return tomllib.loads((files("grouper.service") / "data" / "screening.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is looked at together of one person, or of a stay that stands alone.

    Attributes:
        judged: in the order of their rows.
        beside: likewise; their findings are not asked for.
        void: stays that were screened once and have been cancelled or merged away since.
    """

    judged: tuple[Near, ...]
    beside: tuple[Near, ...]
    void: tuple[Near, ...] = ()


def reach_days(book: AuditBook) -> int:
    """How many days before and after a stay its person's other stays matter to the rules of a book.

    The greatest of the thresholds in days that its rows state, and at least what the table says.
    """
    told = screening_data()
    table = book.tables["behaviour"]
    rows = zip(table["unit"].to_pylist(), table["value"].to_pylist(), strict=True)
    days = [int(Decimal(str(value))) for unit, value in rows if unit == "days"]
    for name, column in told["reach"].items():
        days += [int(value) for value in book.tables[name][column].to_pylist() if value is not None]
    return max([int(told["least_days"]), *days])


def choose(stays: Sequence[Near], moment: str, days: int) -> Chosen:
    """See which stays of a person are judged.

    After the stay what one stay becomes may change what is said of another one (a return, a visit
    within the stay): those near a stay that has changed are judged again, where they were judged
    already. Those that were not, or have changed themselves, have their own turn.

    Args:
        stays: all that are here of the person.
        moment: ``stay`` or ``upload``.
        days: as :func:`reach_days` says.
    """
    living = [one for one in stays if one.state not in VOID and one.version]
    void = tuple(one for one in stays if one.state in VOID and one.meant)
    judged = {one.id: one for one in living if one.meant}
    if moment == UPLOAD:
        ended = [one for one in living if one.state == StayState.DISCHARGED]
        changed = [one for one in stays if one.meant and one.due]
        for one in ended:
            if not one.due and any(_near(one, of, days) for of in changed):
                judged.setdefault(one.id, one)
    beside = [
        one
        for one in living
        if one.id not in judged and any(_near(one, of, days) for of in judged.values())
    ]
    chosen = sorted(judged.values(), key=lambda one: one.id)
    return Chosen(tuple(chosen), tuple(beside), void)


def _near(one: Near, other: Near, days: int) -> bool:
    """Whether two stays overlap or lie at most so many days apart; a stay that runs has no end."""
    first, other_first = _begin(one), _begin(other)
    if first is None or other_first is None:
        return False
    # A day more, for rules count local days and not hours.
    reach = (days + 1) * _DAY
    last, other_last = one.discharged, other.discharged
    return (other_last is None or first <= other_last + reach) and (
        last is None or other_first <= last + reach
    )


def _begin(one: Near) -> datetime | None:
    return one.discharged if one.admitted is None else one.admitted


def ids(stays: Iterable[Near]) -> list[int]:
    """The rows of stays."""
    return [one.id for one in stays]
