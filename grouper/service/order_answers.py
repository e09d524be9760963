"""Order checks as the service answers them: requests, answers, and the words of both."""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 -- Pydantic reads the annotations
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from codebooks.messages import text
from grouper.audit.words import level_words, parts
from grouper.service.context import NO_NUL
from grouper.service.models import Asked
from grouper.service.order_desk import order_data, row_sources
from grouper.service.order_reading import Proposed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.audit.books import AuditBook
    from grouper.service.orders import Checked, Found


def _exact(value: object) -> object:
    """A number as text, as it was written."""
    plain = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if plain or isinstance(value, Decimal) else value


Exact = Annotated[str, BeforeValidator(_exact), Field(max_length=64, pattern=NO_NUL)]
"""A number as JSON or as text; the case's own reader reads it."""
Word = Annotated[str, Field(max_length=128, pattern=NO_NUL)]


class OrderMoment(StrEnum):
    """When it is asked: before an order is signed, or of charges of a stay that runs."""

    ORDER = "order"
    STAY = "stay"


class OrderLine(Asked):
    """A line that is proposed; values are read as the same fields of a case."""

    id: Word | None = Field(default=None, description="the sender's own name of it")
    item: Word | None = Field(default=None, description="national code")
    hospital_item: Word | None = Field(
        default=None, description="the hospital's own code; counts where item is absent"
    )
    name: Annotated[str, Field(max_length=512)] | None = None
    quantity: Exact | None = None
    amount: Exact | None = Field(default=None, description="yuan; absent: judged without amount")
    time: Word | None = Field(default=None, description="absent: now; local time without a zone")
    line_class: Word | None = Field(default=None, description="of the settlement list: 01 to 14")
    scope: Word | None = Field(default=None, description="of the catalogue: A, B, C or 甲, 乙, 丙")
    department: Word | None = None
    physician: Word | None = Field(default=None, description="code, never a name")


class OrderRequest(Asked):
    """Lines to be checked for a stored case, or for one that is handed in."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "visit": "V0001",
                "patient": "P0001",
                "lines": [
                    {"id": "o1", "item": "001102000030000", "quantity": 1, "amount": "12.00"}
                ],
            }
        },
    )

    case_id: Word | None = Field(default=None, description="of a stored case")
    visit: Word | None = Field(default=None, description="the hospital's number of a stored stay")
    patient: Word | None = Field(
        default=None, description="the hospital's number of the patient; must be the stay's"
    )
    case: dict[str, Any] | None = Field(
        default=None,
        max_length=2000,
        description="as for grouping; its own lines are those that are charged",
    )
    lines: list[OrderLine] = Field(min_length=1, max_length=order_data()["most_lines"])
    moment: OrderMoment = OrderMoment.ORDER

    @model_validator(mode="after")
    def _one_case(self) -> OrderRequest:
        """Exactly one case is named or handed in.

        Raises:
            ValueError: none is, or several are.
        """
        named = (self.case_id, self.visit, self.case)
        if sum(one is not None for one in named) != 1:
            msg = "one of case_id, visit and case"
            raise ValueError(msg)
        return self


class ToldLineOut(BaseModel):
    """A line of a finding."""

    line: int = Field(description="number within the case")
    id: str = Field(description="as the sender calls it")
    proposed: bool


class OrderFinding(BaseModel):
    """A finding that is told."""

    key: str = Field(description="to answer it by; the same thing told again has the same key")
    rule: str
    rule_name: str
    rule_class: str
    row: str | None = Field(description="row of the rule book")
    level: str = Field(description="violation, suspect, verify or monitor")
    level_text: str
    what: str
    why: str
    source: str = Field(description="whence the rule and its row are")
    advice: str
    day: date | None
    items: list[str]
    amount: str = Field(description="yuan at stake")
    lines: list[ToldLineOut]


class ExemptOut(BaseModel):
    """A finding that is not told, for an exception holds."""

    rule: str
    rule_name: str
    exception: int = Field(description="number of the exception")


class UnjudgedOut(BaseModel):
    """A line that could not be judged, or not by all rules that speak of its item."""

    line: int
    id: str
    item: str | None
    reason: str = Field(description="stable code")
    text: str
    rules: list[str] = Field(description="that could not judge it; empty: none could")


class OrderAnswer(BaseModel):
    """What came of a check."""

    case_id: str | None = Field(description="null: not stored")
    version: int | None
    book: str
    moment: str
    checked: datetime
    findings: list[OrderFinding] = Field(description="the worst first, by level")
    exempt: list[ExemptOut]
    not_judged: list[UnjudgedOut]


class ReactionKind(StrEnum):
    """What became of an order that something was told about."""

    GO_ON = "1"
    GO_BACK = "2"


class OrderReaction(Asked):
    """What became of a finding; to go on needs a reason."""

    key: Word
    answer: ReactionKind = Field(description="1: goes on; 2: goes back and is changed")
    reason: Annotated[str, Field(max_length=500, pattern=NO_NUL)] = ""


class OrderReactions(Asked):
    """What became of findings."""

    answers: list[OrderReaction] = Field(min_length=1, max_length=200)


class ReactionsKept(BaseModel):
    """How many were kept, and keys under which nothing was told."""

    kept: int
    unknown: list[str]


def proposed_of(lines: list[OrderLine]) -> list[Proposed]:
    """The lines of a request as raw values of a case."""
    return [
        Proposed(
            one.id or f"#{number}",
            {
                "line_item": one.item,
                "line_name": one.name,
                "line_quantity": one.quantity,
                "line_amount": one.amount,
                "line_time": one.time,
                "line_class": one.line_class,
                "line_scope": one.scope,
                "line_department": one.department,
                "line_physician": one.physician,
            },
            one.hospital_item,
        )
        for number, one in enumerate(lines, 1)
    ]


def answer_out(checked: Checked, book: AuditBook, at: datetime, lang: str) -> dict[str, Any]:
    """A check as :class:`OrderAnswer`.

    Args:
        checked: the check.
        book: the rule book.
        at: when.
        lang: of the texts.
    """
    subject = checked.subject
    stored = subject.stay_id is not None
    return {
        "case_id": subject.case.case_id if stored else None,
        "version": subject.version,
        "book": book.id,
        "moment": checked.moment,
        "checked": at,
        "findings": [finding_out(one, checked, book, lang) for one in checked.told],
        "exempt": [
            {
                "rule": one.row["rule"],
                "rule_name": rule_name(one, book, lang),
                "exception": exception,
            }
            for one, exception in checked.exempt
        ],
        "not_judged": unjudged_out(checked, lang),
    }


def rule_name(found: Found, book: AuditBook, lang: str) -> str:
    """The name of a finding's rule."""
    rule = book.rules.get(found.row["rule"])
    return found.row["rule"] if rule is None else rule.name(lang)


def finding_out(found: Found, checked: Checked, book: AuditBook, lang: str) -> dict[str, Any]:
    """A finding as :class:`OrderFinding`."""
    row = found.row
    told = parts(row, book, lang)
    rule = book.rules.get(row["rule"])
    proposed = {line.number for line in checked.lines}
    return {
        "key": found.key,
        "rule": row["rule"],
        "rule_name": rule_name(found, book, lang),
        "rule_class": "" if rule is None else rule.class_,
        "row": row["row"],
        "level": row["level"],
        "level_text": level_words(row["level"], lang),
        "what": told.what,
        "why": told.why,
        "source": source_of(row, book, lang),
        "advice": text(f"orders.advice.{row['level']}", lang),
        "day": row["day"],
        "items": list(row["items"]),
        "amount": format(row["amount"], "f"),
        "lines": [
            {"line": number, "id": name, "proposed": number in proposed}
            for number, name in zip(row["lines"], found.names, strict=True)
        ],
    }


def source_of(row: Mapping[str, Any], book: AuditBook, lang: str) -> str:
    """Whence a finding's rule is: the row's own source, else that of the rule, and the book."""
    rule = book.rules.get(row["rule"])
    own = row_sources(book).get(row["row"] or "", "") or ("" if rule is None else rule.source)
    return text("orders.source", lang, book=book.names[lang], source=own)


def unjudged_out(checked: Checked, lang: str) -> list[dict[str, Any]]:
    """What could not be judged, as :class:`UnjudgedOut`: missing values, and unreadable ones."""
    found = [
        {
            "line": one.line,
            "id": checked.names.get(one.line, f"#{one.line}"),
            "item": one.item,
            "reason": one.reason,
            "text": text(f"audit_uncoded.{one.reason}", lang),
            "rules": list(one.rules),
        }
        for one in checked.uncoded
    ]
    items = {line.number: line.item for line in checked.lines}
    found += [
        {
            "line": number,
            "id": checked.names[number],
            "item": items.get(number),
            "reason": issue.reason,
            "text": text(
                "orders.issue",
                lang,
                field=text(f"case.label.{issue.field}", lang),
                reason=text(f"reason.{issue.reason}", lang),
            ),
            "rules": [],
        }
        for number, issue in checked.issues
    ]
    return found
