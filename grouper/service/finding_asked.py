"""What is asked of the routes of findings, exceptions and standings; and the answers of these two."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- Pydantic reads the annotations
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from codebooks.audit.books import NATIONAL
from grouper.audit.review.statistics import document
from grouper.audit.review.whitelisting import SCOPE
from grouper.service.context import NO_NUL, Day, Time
from grouper.service.finding_answers import rule_name, word

if TYPE_CHECKING:
    from grouper.service.finding_rules import RuleStanding
    from grouper.service.finding_statistics import Statistics
    from grouper.store.order_checks import OrderCount
    from grouper.store.whitelists import WhitelistRow

_MOST_NOTE = 20_000
_MOST_LINES = 10_000
_MOST_LINE = 2**31 - 1
Note = Annotated[str, Field(max_length=_MOST_NOTE, pattern=NO_NUL)]
"""Words of a person; the tables of the review say how many are taken."""
Short = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
Word = Annotated[str, Field(min_length=1, max_length=128, pattern=NO_NUL)]
Yuan = Annotated[Decimal, Field(ge=0, max_digits=16, decimal_places=2)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StepAsked(_Body):
    """A step to be taken."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"action": "propose", "state": "new", "note": "急诊，允许重复检查"}
        },
    )

    action: Short
    state: Short = Field(description="in which the finding was read; else FINDING_MOVED")
    note: Note = ""
    amount: Yuan | None = Field(default=None, description="deduction in yuan")
    false_positive: bool | None = Field(default=None, description="whether it was wrongly found")
    due: Time | None = Field(default=None, description="absent: by the review's own days")
    assignee: Short | None = Field(default=None, description="name of an account")
    department: Word | None = Field(
        default=None, description="that is asked; absent: that of the finding"
    )


class NoteAsked(_Body):
    """A comment."""

    note: Note


class Level(StrEnum):
    """Levels that a finding may be raised at."""

    VIOLATION = "violation"
    SUSPECT = "suspect"
    VERIFY = "verify"


class RaiseAsked(_Body):
    """A finding to be raised by hand."""

    case_id: Annotated[str, Field(min_length=1, max_length=36, pattern=NO_NUL)]
    rule: Short
    level: Level | None = Field(default=None, description="absent: that of the rule")
    lines: list[Annotated[int, Field(ge=1, le=_MOST_LINE)]] = Field(
        default_factory=list, max_length=_MOST_LINES, description="numbers of charge lines"
    )
    amount: Yuan | None = Field(default=None, description="at stake; absent: that of the lines")
    note: Note
    book: Short = NATIONAL


class ScopeAsked(_Body):
    """What an exception is bound to; all that is stated has to fit."""

    case_id: Short | None = None
    department: Word | None = None
    item: Word | None = None
    dx: Short | None = Field(default=None, description="beginning of a diagnosis code")


class WhitelistAsked(_Body):
    """An exception to be proposed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "rule": "GZ10000204001000",
                "scope": {"dx": "Z51.1"},
                "reason": "化疗按周期住院",
                "valid_from": "2026-01-01",
                "valid_to": "2027-01-01",
            }
        },
    )

    rule: Short
    row: Short | None = None
    scope: ScopeAsked = Field(default_factory=ScopeAsked)
    reason: Note
    valid_from: Day
    valid_to: Day = Field(description="the day after the last")
    book: Short = NATIONAL

    def bound(self) -> dict[str, str]:
        """The scope as it is kept."""
        stated = {name: getattr(self.scope, name) for name in SCOPE}
        return {name: value for name, value in stated.items() if value is not None}


class ReasonAsked(_Body):
    """Why an exception ends."""

    reason: Note


class StandingAsked(_Body):
    """A standing to be given to a rule."""

    rule: Short
    standing: Short = Field(description="live, shadow, review or off")
    reason: Note
    book: Short = NATIONAL


class WhitelistOut(BaseModel):
    """An exception."""

    id: int
    rule: str
    rule_name: str
    row: str | None
    scope: dict[str, str]
    reason: str
    valid_from: Day
    valid_to: Day
    created: datetime
    created_by: str
    approved: datetime | None
    approved_by: str | None
    ended: datetime | None
    ended_by: str | None
    ended_reason: str | None


class WhitelistList(BaseModel):
    """All exceptions, the newest first."""

    whitelists: list[WhitelistOut]


class StandingOut(BaseModel):
    """A rule with its standing here."""

    rule: str
    name: str
    class_: str = Field(alias="class")
    level: str
    standing: str
    standing_name: str
    at: datetime | None = Field(description="since when; null: nobody ever changed it")
    actor: str | None
    reason: str | None
    found: int = Field(description="own findings since then")
    judged: int = Field(description="of these, judged by someone")
    false_positives: int


class StandingList(BaseModel):
    """The rules of a book in its order."""

    book: str
    rules: list[StandingOut]


class TallyOut(BaseModel):
    """What became of findings; ``docs/AUDIT_REVIEW.md`` says what is counted."""

    key: str | None = Field(description="rule, department, physician or month; null: not stated")
    name: str | None
    found: int
    open: int
    confirmed: int
    dismissed: int
    corrected: int
    still_found: int
    gone: int
    deducted: int
    overdue: int
    judged: int
    false_positives: int
    false_share: Decimal | None
    shadow: int
    amount: Decimal
    deduction: Decimal
    median_days: Decimal | None


class OrderCountOut(BaseModel):
    """What physicians were told before orders, by rule, and what became of it."""

    rule: str
    told: int
    gone_on: int
    gone_back: int
    unanswered: int
    shadow: int
    reasons: dict[str, int]


class StatisticsOut(BaseModel):
    """Statistics of the review."""

    by: str
    groups: list[TallyOut]
    total: TallyOut
    orders: list[OrderCountOut]


class DeductionOut(BaseModel):
    """A finding with a deduction."""

    finding: int
    key: str
    source: str
    case_id: str | None
    rule: str
    rule_name: str
    level: str
    department: str | None
    physician: str | None
    day: Day | None
    items: list[str]
    amount: Decimal
    deduction: Decimal
    state: str
    closed: datetime
    closed_by: str | None


class DeductionTable(BaseModel):
    """The deductions of a month, in the order in which they were closed."""

    month: str
    deductions: list[DeductionOut]
    total: Decimal


def whitelist_out(row: WhitelistRow, lang: str) -> dict[str, Any]:
    """An exception as :class:`WhitelistOut`."""
    names = WhitelistOut.model_fields.keys() - {"rule_name"}
    told = {name: getattr(row, name) for name in names}
    return told | {"rule_name": rule_name(NATIONAL, row.rule, lang)}


def standing_out(one: RuleStanding, lang: str) -> dict[str, Any]:
    """A rule as :class:`StandingOut`."""
    given = one.given
    return {
        "rule": one.rule.rule,
        "name": one.rule.name(lang),
        "class": one.rule.class_,
        "level": one.rule.level,
        "standing": one.standing,
        "standing_name": word("standing", one.standing, lang),
        "at": None if given is None else given.at,
        "actor": None if given is None else given.actor,
        "reason": None if given is None else given.reason,
        "found": one.counted.found,
        "judged": one.counted.judged,
        "false_positives": one.counted.false_positives,
    }


def statistics_out(found: Statistics, by: str, lang: str) -> dict[str, Any]:
    """Statistics as :class:`StatisticsOut`."""
    groups = [
        {"key": key, "name": _name(by, key, lang), **document(tally)}
        for key, tally in found.groups.items()
    ]
    total = {"key": None, "name": None, **document(found.total)}
    orders = [order_out(one) for one in found.orders]
    return {"by": by, "groups": groups, "total": total, "orders": orders}


def _name(by: str, key: str | None, lang: str) -> str | None:
    return rule_name(NATIONAL, key, lang) if by == "rule" and key is not None else key


def order_out(one: OrderCount) -> dict[str, Any]:
    """Counts of a rule as :class:`OrderCountOut`."""
    return {name: getattr(one, name) for name in OrderCountOut.model_fields}
