"""Two rows of one table must not contradict each other."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from codebooks.audit.forms import FORMS
from codebooks.audit.reading import stop
from codebooks.errors import CodebookError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codebooks.audit.reading import Read


def check(table: str, rows: Sequence[Read], refuse: Callable[[CodebookError], None] = stop) -> None:
    """Refuse two rows that speak of the same thing, at one level, on the same day.

    Two that say the same are refused too: one finding must not be told twice.

    Raises:
        CodebookError: ``AUDIT_CONFLICT`` at the later row.
    """
    form = FORMS[table]
    if not form.key:
        return
    seen: dict[tuple[object, ...], list[Read]] = {}
    for read in rows:
        values = read.values
        key = (values["rule"], values["level"], *(values[one] for one in form.key))
        for other in seen.setdefault(key, []):
            if _overlap(read, other):
                first, second = other.values["row"], values["row"]
                where = read.row.at(form.key[0])
                refuse(CodebookError("AUDIT_CONFLICT", where, row=second, other=first))
        seen[key].append(read)


def _overlap(one: Read, other: Read) -> bool:
    starts = [_day(read, "valid_from", date.min) for read in (one, other)]
    ends = [_day(read, "valid_to", date.max) for read in (one, other)]
    return max(starts) < min(ends)


def _day(read: Read, name: str, default: date) -> date:
    value = read.values[name]
    return value if isinstance(value, date) else default
