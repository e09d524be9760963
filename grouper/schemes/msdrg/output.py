"""Answers as Arrow: result columns and issues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from grouper.case.issues import Issue, Severity, issue_table
from grouper.schemes.dressing import result_batch
from grouper.schemes.msdrg.answer import group_of
from grouper.schemes.protocol import WEIGHT
from grouper.schemes.reasons import FIELD, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from grouper.schemes.msdrg.answer import Answer
    from grouper.schemes.msdrg.tables import Tables

COLUMNS = (
    "status",
    "reason",
    "warnings",
    "mdc",
    "adrg",
    "group",
    "group_name",
    "cc_level",
    "group_kind",
)


def columns_of(tables: Tables, answer: Answer) -> dict[str, str | None]:
    """The texts of a result by column.

    MDC, base DRG, kind and CC level are those of the final grouping. A case without a group has
    the software's own number, 998 (with its MDC) or 999; a case that is refused before it is
    grouped has none.
    """
    found: dict[str, str | None] = dict.fromkeys(COLUMNS)
    found["status"] = answer.status.value
    found["reason"] = answer.reason.value if answer.reason else None
    found["warnings"] = ";".join(w.reason.value for w in answer.warnings) or None
    group = group_of(tables, answer)
    if group is None or answer.final is None:
        return found
    found |= {"group": group.code, "group_name": group.name}
    found["mdc"] = answer.final.mdc if group.mdc else None
    if answer.grouped:
        found |= {
            "adrg": group.base,
            "cc_level": answer.final.level,
            "group_kind": group.kind or None,
        }
    return found


def weight_of(tables: Tables, answer: Answer) -> Decimal | None:
    """The relative weight of the final group, if the book has one."""
    group = group_of(tables, answer)
    return group.weight if group is not None and answer.grouped else None


def results(tables: Tables, answers: Sequence[Answer]) -> pa.RecordBatch:
    """The results of many cases, in their order."""
    rows = [columns_of(tables, answer) for answer in answers]
    columns = {
        name: pa.array([row[name] for row in rows], pa.string()).dictionary_encode()
        for name in COLUMNS
    }
    scheme = pa.array([tables.card.id] * len(rows), pa.string())
    columns["scheme"] = scheme.dictionary_encode()
    columns["weight"] = pa.array([weight_of(tables, answer) for answer in answers], WEIGHT)
    return result_batch(columns, len(rows))


def issues(answers: Sequence[Answer], first_row: int) -> pa.Table:
    """One line for each case without a group and for each code that a warning speaks of."""
    return issue_table(
        issue for row, answer in enumerate(answers, first_row) for issue in _issues(answer, row)
    )


def _issues(answer: Answer, row: int) -> Iterator[Issue]:
    found: list[Issue] = []
    if answer.reason is not None and not answer.grouped:
        value = _value(answer, answer.reason)
        found.append(_issue(row, answer.reason, Severity.REJECT, value))
    for warned in answer.warnings:
        codes = warned.codes or (None,)
        found += [_issue(row, warned.reason, Severity.WARNING, code) for code in codes]
    yield from sorted(found, key=lambda issue: issue.reason)


def _issue(row: int, reason: Reason, severity: Severity, value: str | None) -> Issue:
    return Issue(row, FIELD[reason], reason.value, severity, value or "")


def _value(answer: Answer, reason: Reason) -> str | None:
    """What the field of a reason holds, where one value says it and names nobody."""
    facts = answer.facts
    if FIELD[reason] == "dx":
        return facts.dx[0] if facts.dx else None
    if reason is Reason.AGE_IMPLAUSIBLE:
        return str(facts.age)
    if reason is Reason.VERSION_UNCOVERED and facts.day is not None:
        return facts.day.isoformat()
    return None
