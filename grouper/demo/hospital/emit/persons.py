"""Who a case is about, in invented names, and how its values are written as texts."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from grouper.case.fields import ZONE
from grouper.demo.hospital.emit.settings import settings

if TYPE_CHECKING:
    from grouper.case.record import Case


def patient(case: Case) -> str:
    """The number of the person; of a case that names none, its own."""
    return case.person or case.case_id or ""


def names(case: Case) -> tuple[str, str]:
    """Invented family name and given name, by the digits of the person's number."""
    table = settings()["person"]
    number = "".join(c for c in patient(case) if c.isascii() and c.isdigit())
    return table["family"], table["given"].format(number=number)


def written(value: Any) -> str:  # noqa: ANN401 -- any value of a Case
    """A value as a text that the Case reads back exactly; empty for none."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else str(value)


def stamp(moment: datetime | None) -> str:
    """A time as HL7 writes it, local and with its zone; empty for none."""
    if moment is None:
        return ""
    return moment.astimezone(ZoneInfo(ZONE)).strftime("%Y%m%d%H%M%S%z")
