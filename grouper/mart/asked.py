"""Which fields are asked of a case and which it lacks, and the remarks on it, as expressions of SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.mart.quality import Form, When, fields, sorts

if TYPE_CHECKING:
    from grouper.mart.quality import Asked

NEWBORN_DAYS = 28
"""A newborn until this day of life, the day of birth being 0; as the official front page has it."""
SAID = ("reason", "warnings", "pay_reason", "share_reason", "pay_warnings", "issues")
"""Columns whose codes are remarks on a case, joined by ``;`` where there are several."""
_WHEN = {
    When.ALWAYS: "TRUE",
    When.INFANT: "coalesce(cases.age = 0, FALSE)",
    When.NEWBORN: f"coalesce(cases.age_days <= {NEWBORN_DAYS}, FALSE)",
    When.DIAGNOSIS: "coalesce(len(cases.dx), 0) > 0",
    When.PROCEDURE: "coalesce(len(cases.px), 0) > 0",
}


def columns() -> tuple[str, ...]:
    """The columns that the fields look at."""
    return tuple(dict.fromkeys(name for one in fields() for name in one.columns))


def asked() -> str:
    """The set of fields that are asked of a case."""
    return _bits([(_applies(one), one) for one in fields()])


def gaps() -> str:
    """The set of fields that are asked of a case, and that it lacks."""
    return _bits([(f"{_applies(one)} AND NOT ({_stated(one)})", one) for one in fields()])


def notes() -> str:
    """The codes of the remarks on a case, in order and joined by ``;``; null: there is none."""
    known = ", ".join(f"'{one}'" for one in sorted(sorts()))
    parts = ", ".join(f"cases.{name}" for name in SAID)
    found = f"list_filter(string_split(concat_ws(';', {parts}), ';'), lambda one: one IN ({known}))"
    return f"nullif(array_to_string(list_sort(list_distinct({found})), ';'), '')"


def _bits(conditions: list[tuple[str, Asked]]) -> str:
    told = [
        f"CASE WHEN {condition} THEN {1 << one.bit} ELSE 0 END" for condition, one in conditions
    ]
    return f"({' + '.join(told)})::INTEGER"


def _applies(one: Asked) -> str:
    kinds = ", ".join(f"'{kind}'" for kind in one.kinds)
    return f"coalesce(cases.kind IN ({kinds}), FALSE) AND {_WHEN[one.when]}"


def _stated(one: Asked) -> str:
    if one.form is Form.LINES:
        return "bill.row IS NOT NULL"
    if one.form is Form.FIRST:
        return _said(f"cases.{one.columns[0]}[1]")
    if one.form is Form.EVERY:
        own, other = (f"coalesce(cases.{name}, [])" for name in one.columns)
        # An entry whose own place is empty is asked for nothing more.
        lacking = f"list_filter(list_zip({own}, {other}), lambda one: one[1] IS NOT NULL AND one[2] IS NULL)"
        return f"len({lacking}) = 0"
    return " OR ".join(_said(f"cases.{name}") for name in one.columns)


def _said(value: str) -> str:
    return f"coalesce(trim({value}::VARCHAR), '') <> ''"
