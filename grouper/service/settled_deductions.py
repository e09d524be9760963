"""What findings deduct from a month: those that were closed in it with a deduction."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from grouper.payment.settlement.deductions import Entry
from grouper.service.finding_rules import book_named
from grouper.service.finding_statistics import month_of
from grouper.store import finding_statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.payment.settlement.priced import Priced
    from grouper.store.database import Database

FINDINGS = "findings"
"""Kind of the entries that come from findings."""
_Part = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A finding with a deduction.

    Attributes:
        id: of the finding.
        case_id: of its stay; None: the stay is not here.
        book, rule: what it is about.
        department: of the finding.
        source: who found it.
        deduction: in yuan, above nought.
    """

    id: int
    case_id: str | None
    book: str
    rule: str
    department: str | None
    source: str
    deduction: Decimal


def closed_in(database: Database, month: str) -> list[Found]:
    """The findings closed in a local month with a deduction, in the order in which they were closed.

    Raises:
        ReviewError: ``REVIEW_MONTH``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    first, until = month_of(month)
    with database.reading() as connection:
        rows = finding_statistics.deductions(connection, first, until)
    return [
        Found(
            id=int(one.finding.id or 0),
            case_id=one.case_id,
            book=one.finding.book,
            rule=one.finding.rule,
            department=one.finding.department,
            source=one.finding.source,
            deduction=one.finding.deduction or Decimal(0),
        )
        for one in rows
    ]


def entries_of(found: Sequence[Found], month: str, priced: Priced) -> list[Entry]:
    """The deductions of findings by the method and insurance that their cases were priced by.

    Args:
        found: the findings.
        month: from which they are deducted.
        priced: cases of the year; what is of another year is of no part, and of the whole.

    Returns:
        An entry a part; its ``reason`` is the number of findings.
    """
    wanted = pa.array(sorted({one.case_id for one in found if one.case_id}), pa.string())
    rows = priced.table.filter(pc.is_in(priced.table["case_id"], wanted))
    parts: dict[str, _Part] = {
        row["case_id"]: (row["method"], row["insurance"])
        for row in rows.select(["case_id", "method", "insurance"]).to_pylist()
        if row["method"] is not None
    }
    amounts: dict[_Part, list[Decimal]] = defaultdict(list)
    for one in found:
        amounts[parts.get(one.case_id or "", (None, None))].append(one.deduction)
    return [
        Entry(
            month=month,
            amount=sum(many, Decimal("0.00")),
            method=method,
            insurance=insurance,
            kind=FINDINGS,
            reason=str(len(many)),
        )
        for (method, insurance), many in sorted(amounts.items(), key=lambda one: str(one[0]))
    ]


def told_findings(found: Sequence[Found], lang: str) -> list[dict[str, Any]]:
    """The findings as plain values; amounts as texts."""
    told = []
    for one in found:
        rule = book_named(one.book).rules.get(one.rule)
        told.append(
            {
                "finding": one.id,
                "case_id": one.case_id,
                "rule_name": rule.name(lang) if rule else one.rule,
                "department": one.department,
                "source": one.source,
                "deduction": f"{one.deduction:f}",
            }
        )
    return told
