"""The standing of rules here: which change is allowed, and when false positives end it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from grouper.audit.planning import on_trial
from grouper.audit.review.errors import ReviewError
from grouper.audit.review.tables import limits, standings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.audit.books import Rule

LIVE, SHADOW, REVIEW = "live", "shadow", "review"
OWN = "own"


class Judged(Protocol):
    """Of a rule's findings since a time."""

    @property
    def found(self) -> int:
        """How many there are."""

    @property
    def judged(self) -> int:
        """How many of them someone judged."""

    @property
    def false_positives(self) -> int:
        """How many of these were wrongly found."""


def standing_of(rule: Rule, given: Mapping[str, str]) -> str:
    """The standing of a rule here.

    Args:
        rule: of the book.
        given: standings that rules were given; the hospital's own rules and those on trial begin in
            shadow, all others are live without one.
    """
    begins = SHADOW if rule.standing == OWN or rule.rule in on_trial() else LIVE
    return given.get(rule.rule, begins)


def told(standing: str) -> bool:
    """Whether physicians are told what a rule of this standing finds."""
    return standings()[standing].told


def asked(standing: str) -> bool:
    """Whether a rule of this standing is asked."""
    return standings()[standing].asked


def check_change(now: str, wanted: str, put_by: str | None, actor: str, counted: Judged) -> None:
    """Check that a rule may be given a standing.

    Args:
        now: its standing.
        wanted: the new one.
        put_by: who gave it the standing that it has; None: nobody did.
        actor: who asks.
        counted: its findings since it has that standing.

    Raises:
        ReviewError: ``STANDING_WAY`` (no such change), ``SECOND_PERSON``, ``PROMOTION_UNJUDGED``,
            ``PROMOTION_FALSE``.
    """
    known = standings()
    if wanted not in known or wanted not in known[now].to:
        raise ReviewError("STANDING_WAY", now=now, known=", ".join(known[now].to))
    if wanted != LIVE:
        return
    if put_by == actor:
        raise ReviewError("SECOND_PERSON", actor=actor)
    figures = limits()
    needed = min(figures.least_judged, counted.found)
    if counted.judged < needed:
        raise ReviewError("PROMOTION_UNJUDGED", judged=counted.judged, needed=needed)
    if counted.judged:
        share = Decimal(counted.false_positives) / counted.judged
        if share > figures.most_false:
            raise ReviewError(
                "PROMOTION_FALSE",
                share=f"{share:.1%}",
                most=f"{figures.most_false:.0%}",
                judged=counted.judged,
            )


def falls(now: str, marks: int) -> bool:
    """Whether a rule goes back to review because of its false positives."""
    return now == LIVE and marks >= limits().marks
