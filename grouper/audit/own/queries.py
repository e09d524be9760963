"""A row of the table ``own`` as one query that gives findings in the columns of ``found``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.audit.expression import facts_of
from codebooks.audit.own_rules import BY_DAY, BY_ITEM, CASE, LINE, own_facts, own_types
from grouper.audit.own.conditions import Conditions
from grouper.audit.parameters import NEVER
from grouper.audit.templates import sql
from grouper.case.dates import EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from codebooks.audit.own_rules import OwnRow
    from grouper.audit.own.conditions import Parameter

UNIT, EVIDENCE = "own_", "own_"
"""What goes before the fact's name in the unit, and in the keys of the evidence."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query and what it is bound to.

    Attributes:
        text: of SQL; nothing in it comes from the row but through ``parameters``.
        parameters: by name.
        of_lines: whether it is asked of each portion of lines; else once of all cases.
    """

    text: str
    parameters: Mapping[str, Parameter]
    of_lines: bool


def days(row: OwnRow) -> tuple[int, int]:
    """First day and the day after the last on which a row holds, as days since 1970."""
    return _number(row.valid_from, -NEVER), _number(row.valid_to, NEVER)


def shown_facts(row: OwnRow) -> tuple[str, ...]:
    """The facts whose values stand in the evidence: those of groups and cases but the measured."""
    measured = row.condition.measured
    return tuple(
        fact
        for part in (*row.condition.groups, *row.condition.cases)
        for fact in dict.fromkeys(facts_of(part))
        if own_facts()[fact].scope != LINE
        and not own_types()[fact].many
        and (measured is None or fact != measured.fact)
    )


def query(row: OwnRow) -> Query:
    """The query of a row."""
    told = Conditions()
    condition = row.condition
    since, until = days(row)
    fixed: dict[str, Parameter] = {
        "rule": row.rule,
        "row": row.row,
        "level": row.level,
        "since": since,
        "until": until,
    }
    name = "own_case"
    if row.applies != CASE or condition.lines:
        name = "own_lines"
    if row.applies == CASE and condition.groups:
        name = "own_group"
    keys = [key for key, wanted in (("item", BY_ITEM), ("day", BY_DAY)) if row.applies in wanted]
    needed = [f"l.{key} {'>= 0' if key == 'item' else 'IS NOT NULL'}" for key in keys]
    if row.applies == LINE:
        needed = []
    text = sql(name)
    parts = {
        "{lines}": " AND ".join([*needed, told.all_of(condition.lines)]),
        "{groups}": told.all_of(condition.groups),
        "{cases}": told.all_of(condition.cases),
        "{keys}": "".join(f", l.{key}" for key in keys),
        "{present}": "own_present" if condition.of_lines else "cases",
        "{kept}": "coalesce(g.lines, [])" if condition.lines else "[]::INTEGER[]",
        "{kept_items}": "coalesce(g.items, [])" if condition.lines else "[]::INTEGER[]",
        "{kept_amount}": "coalesce(g.amount, 0)::BIGINT" if condition.lines else "0::BIGINT",
        **_measured(row, told, fixed),
        "{evidence}": _evidence(row, told),
    }
    for mark, part in parts.items():
        text = text.replace(mark, part)
    used = {name: value for name, value in fixed.items() if f"${name}" in text}
    return Query(text, told.parameters | used, condition.of_lines)


def _measured(row: OwnRow, told: Conditions, fixed: dict[str, Parameter]) -> dict[str, str]:
    measured = row.condition.measured
    if measured is None:
        empty = "NULL::BIGINT"
        return {"{observed}": empty, "{allowed}": empty, "{unit}": "NULL::VARCHAR"}
    fixed["unit"] = UNIT + measured.fact
    allowed = told.whole(measured.value)
    return {
        "{observed}": f"TRY_CAST({told.number(measured.fact)} AS BIGINT)",
        "{allowed}": f"{allowed}::BIGINT",
        "{unit}": "$unit",
    }


def _evidence(row: OwnRow, told: Conditions) -> str:
    shown = [
        f"{{'key': '{EVIDENCE}{fact}', 'value': coalesce({told.shown(fact)}, '')}}"
        for fact in dict.fromkeys(shown_facts(row))
    ]
    return f"[{', '.join(shown)}]"


def _number(day: date | None, missing: int) -> int:
    return missing if day is None else (day - EPOCH).days
