"""One value against its row of the field table."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from grouper.case.dates import parse_time
from hl7_adapters.nhsa.durations import minutes_of
from hl7_adapters.nhsa.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hl7_adapters.nhsa.tables import FieldRule

Remark = tuple[str, Severity, str]
"""A reason, its severity and the limit that was passed over."""

_NUMBER = re.compile(r"[-+]?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


def check_value(value: str, rule: FieldRule) -> Iterator[Remark]:
    """What is wrong with a value that is filled in, apart from its code list."""
    check = _CHECKS.get(rule.type)
    if check is not None:
        yield from check(value.strip(), rule)


def _text(value: str, rule: FieldRule) -> Iterator[Remark]:
    if rule.length is not None and len(value) > rule.length:
        yield "TOO_LONG", Severity.ERROR, str(rule.length)


def _number(value: str, rule: FieldRule) -> Iterator[Remark]:
    if not _NUMBER.fullmatch(value):
        yield "NOT_A_NUMBER", Severity.ERROR, ""
        return
    sign, digits, exponent = Decimal(value).normalize().as_tuple()
    del sign
    decimals = max(0, -int(exponent))
    whole = max(0, len(digits) + int(exponent))
    scale = rule.scale or 0
    if rule.length is not None and whole > rule.length - scale:
        yield "TOO_LARGE", Severity.ERROR, f"{rule.length},{scale}"
    if rule.length is not None and decimals > scale:
        yield "DECIMALS", Severity.ERROR, str(scale)


def _date(value: str, rule: FieldRule) -> Iterator[Remark]:
    yield from _moment(value, rule, _DATE, "yyyy-MM-dd")


def _time(value: str, rule: FieldRule) -> Iterator[Remark]:
    yield from _moment(value, rule, _TIME, "yyyy-MM-dd HH:mm:ss")


def _moment(value: str, rule: FieldRule, form: re.Pattern[str], limit: str) -> Iterator[Remark]:
    del rule
    if parse_time(value)[0] is None:
        yield "NOT_A_DATE", Severity.ERROR, limit
    elif not form.fullmatch(value):
        yield "DATE_FORM", Severity.WARNING, limit


def _duration(value: str, rule: FieldRule) -> Iterator[Remark]:
    yield from _text(value, rule)
    if minutes_of(value) is None:
        yield "DURATION_FORM", Severity.ERROR, "1/13/24"


_CHECKS: dict[str, Callable[[str, FieldRule], Iterator[Remark]]] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "time": _time,
    "duration": _duration,
}
