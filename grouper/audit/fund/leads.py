"""Leads by topic: what findings are about, how many are open and confirmed, and what is at stake."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from grouper.audit.fund.settings import toml
from grouper.audit.insurer.rules import is_external
from grouper.audit.review.tables import states

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from codebooks.audit.books import AuditBook

_FILE = "topics.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Findings that are alike.

    Attributes:
        rule, department, source, state: of them; no department: not stated.
        count: how many.
        amount: yuan at stake.
        oldest: local day on which the first of them was found.
    """

    rule: str
    department: str | None
    source: str
    state: str
    count: int
    amount: Decimal
    oldest: date | None


@dataclass(slots=True)
class Sums:
    """What some findings come to.

    Attributes:
        found: all of them; ``open`` are not closed, ``confirmed`` are rightly found and ``cleared``
            are not, or gone.
        amount: yuan at stake of those that are not cleared; ``open_amount``, ``confirmed_amount``.
        oldest: local day on which the oldest open one was found.
    """

    found: int = 0
    open: int = 0
    confirmed: int = 0
    cleared: int = 0
    amount: Decimal = Decimal("0.00")
    open_amount: Decimal = Decimal("0.00")
    confirmed_amount: Decimal = Decimal("0.00")
    oldest: date | None = None

    def add(self, one: Counted) -> None:
        """Add findings that are alike."""
        said = standing_states()
        self.found += one.count
        if one.state in said["cleared"]:
            self.cleared += one.count
            return
        self.amount += one.amount
        if not states()[one.state].closed:
            self.open += one.count
            self.open_amount += one.amount
            if one.oldest is not None:
                self.oldest = one.oldest if self.oldest is None else min(self.oldest, one.oldest)
        if one.state in said["confirmed"]:
            self.confirmed += one.count
            self.confirmed_amount += one.amount


@dataclass(slots=True)
class Lead:
    """A topic.

    Attributes:
        key: of it; names: by language.
        sums: of its findings.
        departments: the same by department; None: not stated.
        sources: how many were found by whom.
    """

    key: str
    names: Mapping[str, str]
    sums: Sums = field(default_factory=Sums)
    departments: dict[str | None, Sums] = field(default_factory=lambda: defaultdict(Sums))
    sources: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@cache
def standing_states() -> Mapping[str, frozenset[str]]:
    """States of the review that confirm a finding, clear it, or are no part of the leads."""
    said = toml("fund.toml")["states"]
    return {name: frozenset(words) for name, words in said.items()}


def topic_of(rule: str, book: AuditBook) -> str:
    """The topic of a rule: the first that names it, its template, its subclass, or its class."""
    topics: list[dict[str, Any]] = toml(_FILE)["topic"]
    if is_external(rule):
        return next(str(one["key"]) for one in topics if one.get("external"))
    known = book.rules.get(rule)
    asked = [("rules", rule)]
    if known is not None:
        asked += [
            ("templates", known.template or ""),
            ("subclasses", known.subclass),
            ("classes", known.class_),
        ]
    for by, value in asked:
        for one in topics:
            if value in one.get(by, ()):
                return str(one["key"])
    return str(topics[-1]["key"])


def leads(found: Iterable[Counted], book: AuditBook) -> list[Lead]:
    """Findings by topic, those with most at stake first; topics without findings aside.

    Findings of rules that are being tried out, and those under an exception, are no leads.

    Args:
        found: findings.
        book: our rules.
    """
    names = {one["key"]: {"zh": one["zh"], "en": one["en"]} for one in toml(_FILE)["topic"]}
    left_out = standing_states()["left_out"]
    told: dict[str, Lead] = {}
    for one in found:
        if one.state in left_out:
            continue
        key = topic_of(one.rule, book)
        lead = told.setdefault(key, Lead(key, names[key]))
        lead.sums.add(one)
        lead.departments[one.department].add(one)
        lead.sources[one.source] += one.count
    return sorted(told.values(), key=lambda lead: (-lead.sums.amount, lead.key))
