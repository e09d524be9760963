"""How one value is read, by kind of field: the single place that knows the written forms.

Every reader returns the value and a reason code or None. A value that cannot be read is None with
its reason; a reason beside a value means that the value stands and deserves a look.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from math import isnan
from typing import TYPE_CHECKING, Any

from grouper.case.dates import read_date, read_time
from grouper.case.fields import Field, Kind
from grouper.case.tables import missing, number_limits, spellings, units

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

Reading = tuple[Any, str | None]
"""A value (of the field's type) or None, and a reason code or None."""

NOTHING: Reading = (None, None)
UNKNOWN, ROUNDED, UNSTATED = "VALUE_UNKNOWN", "NUMBER_ROUNDED", "SEX_UNSTATED"

_LONGEST = 64
_NUMBER = re.compile(
    r"(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(?P<unit>\D*)"
)
_DURATION = re.compile(r"([0-9]{1,4})/([0-9]{1,2})/([0-9]{1,2})")
_DAY_HOURS, _HOUR_MINUTES = 24, 60
_CENT = Decimal("0.01")
_TEN_THOUSANDTH = Decimal("0.0001")
# Below this a difference is the noise of binary fractions, not something rounded off.
_NOISE = Decimal("0.000001")
_SEPARATOR = re.compile(r"[|;,、；，]")


def read(raw: object, field: Field) -> Reading:
    """Read one value (one element of a list) of a field.

    Args:
        raw: text or a typed value; None, blanks and the marks of ``data/spellings.csv`` are missing.
        field: the field that it belongs to.
    """
    if raw is None:
        return NOTHING
    if isinstance(raw, str):
        if is_missing(raw):
            return NOTHING
    elif isinstance(raw, float) and isnan(raw):
        return NOTHING
    return _READERS[field.kind](raw, field)


def is_missing(text: str) -> bool:
    """Whether a text stands for an empty cell."""
    return text.strip().lower() in missing()


def split(raw: object) -> tuple[object, ...]:
    """The elements of a list, or of a text that separates them by ``|``, ``;``, ``,`` or ``、``."""
    if isinstance(raw, str):
        return tuple(_SEPARATOR.split(raw))
    if isinstance(raw, list | tuple):
        return tuple(raw)
    return () if raw is None else (raw,)


def fold(text: str) -> str:
    """A text as spellings are compared: full width, blanks around it and case do not matter."""
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).strip().lower()


def _written(raw: object) -> str | None:
    """A text, or a number as a text without its useless ``.0``; None for anything else."""
    if isinstance(raw, str):
        return raw.strip()
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return str(raw) if -(10**18) < raw < 10**18 else None
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    if isinstance(raw, Decimal) and raw.is_finite() and raw == raw.to_integral_value():
        return str(int(raw))
    if isinstance(raw, float | Decimal):
        return str(raw)
    return None


def _text(raw: object, field: Field) -> Reading:
    text = _written(raw)
    return (None, field.invalid) if text is None else (text, None)


def _choice(raw: object, field: Field) -> Reading:
    text = _written(raw)
    if text is None:
        return None, field.invalid
    value = spellings(field.name).get(fold(text))
    return (text, UNKNOWN) if value is None else (value, None)


def _sex(raw: object, field: Field) -> Reading:
    text = _written(raw)
    value = None if text is None else spellings(field.name).get(fold(text))
    if value is None:
        return None, field.invalid
    return (int(value), None) if value else (None, UNSTATED)


def _number(raw: object, field: Field) -> Decimal | None:
    """A number within the limits of its field, in the field's unit; None when there is none."""
    value = _amount(raw, field.unit or "")
    least, most = number_limits()[field.name]
    inside = value is not None and value.is_finite() and least <= value <= most
    return value if inside else None


def _amount(raw: object, unit: str) -> Decimal | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int | Decimal):
        return Decimal(raw)
    if isinstance(raw, float):
        return Decimal(repr(raw))
    if not isinstance(raw, str) or len(raw) > _LONGEST:
        return None
    text, known = fold(raw), units().get(unit, {})
    negative = text[:1] in ("-", "−") and text[1:2].isdigit()
    if negative:
        text = text[1:]
    if text[:1] in known and not text[0].isalnum():
        text = text[1:].lstrip()
    found = _NUMBER.fullmatch(text)
    if found is None:
        return _duration(text) if unit == "hours" else None
    spelled = found["unit"].strip()
    factor = known.get(spelled) if spelled else Decimal(1)
    if factor is None:
        return None
    amount = Decimal(found["number"].replace(",", "")) * factor
    return -amount if negative else amount


def _duration(text: str) -> Decimal | None:
    """Hours of the form ``days/hours/minutes`` that NHSA transactions use."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes = (int(g) for g in found.groups())
    if hours >= _DAY_HOURS or minutes >= _HOUR_MINUTES:
        return None
    return Decimal(days * _DAY_HOURS + hours) + Decimal(minutes) / _HOUR_MINUTES


def _whole(raw: object, field: Field) -> Reading:
    value = _number(raw, field)
    exact = value is not None and value == value.to_integral_value()
    return (int(value), None) if value is not None and exact else (None, field.invalid)


def _hours(raw: object, field: Field) -> Reading:
    value = _number(raw, field)
    return (None, field.invalid) if value is None else (float(value), None)


def _money(raw: object, field: Field) -> Reading:
    value = _number(raw, field)
    if value is None:
        return None, field.invalid
    rounded = value.quantize(_CENT, ROUND_HALF_UP)
    return rounded, ROUNDED if abs(rounded - value) > _NOISE else None


def _quantity(raw: object, field: Field) -> Reading:
    value = _number(raw, field)
    return (None, field.invalid) if value is None else (value.quantize(_TEN_THOUSANDTH), None)


def _date(raw: object, field: Field) -> tuple[date | None, str | None]:
    return read_date(_dated(raw), field.name)


def _time(raw: object, field: Field) -> Reading:
    return read_time(_dated(raw), field.name)


def _dated(raw: object) -> object:
    """A date written as a number, ``20260131``, is a text."""
    return _written(raw) if isinstance(raw, int | float | Decimal) else raw


def _code(raw: object, field: Field) -> Reading:
    # A code that came as a number has lost its zeros: 51.23 may be 51.23 or 51.2300.
    return (raw.strip(), None) if isinstance(raw, str) else (None, field.invalid)


_READERS: dict[Kind, Callable[[object, Field], Reading]] = {
    Kind.TEXT: _text,
    Kind.CHOICE: _choice,
    Kind.SEX: _sex,
    Kind.WHOLE: _whole,
    Kind.HOURS: _hours,
    Kind.MONEY: _money,
    Kind.QUANTITY: _quantity,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.CODE: _code,
}
