"""The measures that are watched (``data/monitors.toml``), with the book's thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from grouper.audit.planning import FIELDS, MOMENT, PARAMETERS, NotRun
from grouper.audit.templates import toml

if TYPE_CHECKING:
    from codebooks.audit.books import AuditBook

NO_ITEMS = "NO_ITEMS"
"""Why a measure did not run: no line has an item that it counts."""
COST, SEVERE = "cost", "severe"
_PARAMETERS = ("deviations", "least_months", "least_cases")


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is watched.

    Attributes:
        name: of the measure; key of the words ``audit_monitor.…``.
        rule: of the book.
        of: ``cost`` or ``cases``.
        kinds: of cases, each a series of its own.
        sides: on which side of the limits a month is flagged.
        classes: of lines that are counted.
        items: beginnings of the codes of items that are counted.
        scopes: of lines that are counted.
        cases: the column of cases that are counted; empty of costs.
    """

    name: str
    rule: str
    of: str
    kinds: tuple[str, ...]
    sides: tuple[str, ...]
    classes: tuple[int, ...] = ()
    items: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    cases: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A measure that is asked, with its thresholds.

    Attributes:
        measure: what is watched.
        deviations: how many standard deviations the limits lie from the centre.
        least_months: how many months before must be known.
        least_cases: how many cases a month must have.
        fold: how many times the mean a group's cost makes a case severe; nought: it is not asked.
    """

    measure: Measure
    deviations: Decimal
    least_months: int
    least_cases: int
    fold: Decimal


@cache
def measures() -> tuple[Measure, ...]:
    """All measures in the order of the table."""
    return tuple(
        Measure(
            row["name"],
            row["rule"],
            row["of"],
            tuple(row["kinds"]),
            tuple(row["sides"]),
            tuple(row.get("classes", ())),
            tuple(row.get("items", ())),
            tuple(row.get("scopes", ())),
            row.get("cases", ""),
        )
        for row in toml("monitors.toml")["measures"]
    )


def asked(
    book: AuditBook, moment: str, rules: frozenset[str] | None, *, costs: bool
) -> tuple[list[Asked], list[NotRun]]:
    """The measures that can be asked, and why the others cannot.

    Args:
        book: the rule book.
        moment: when it is asked.
        rules: the rules wanted; None: all.
        costs: whether costs of groups are known.
    """
    rows = book.tables["behaviour"].to_pylist()
    values = {(row["rule"], row["parameter"]): row["value"] for row in rows}
    found, absent = [], []
    for one in measures():
        rule = book.rules.get(one.rule)
        if rule is None or (rules is not None and one.rule not in rules):
            continue
        wanted = (*_PARAMETERS, "heavy_fold") if one.cases == SEVERE else _PARAMETERS
        lacking = tuple(name for name in wanted if (one.rule, name) not in values)
        if moment not in rule.moments:
            absent.append(NotRun(one.rule, MOMENT, rule.moments, one.name))
        elif lacking:
            absent.append(NotRun(one.rule, PARAMETERS, lacking, one.name))
        elif one.cases == SEVERE and not costs:
            absent.append(NotRun(one.rule, FIELDS, ("group_costs",), one.name))
        else:
            deviations, months, cases = (values[one.rule, name] for name in _PARAMETERS)
            fold = values.get((one.rule, "heavy_fold"), Decimal(0))
            found.append(Asked(one, deviations, int(months), int(cases), fold))
    return found, absent
