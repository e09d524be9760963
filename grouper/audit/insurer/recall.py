"""How much of what the insurer found our own screening had found, by rule, and why not the rest."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Seen(StrEnum):
    """Whether our own screening has the finding, and if not, why."""

    BEFORE = "before"
    """Found before the list came."""
    AFTER = "after"
    """Found only afterwards."""
    SHADOW = "shadow"
    """Found by a rule that is being tried out, so that nobody was told."""
    NOT_FOUND = "not_found"
    """The rule is asked of this stay, and nothing was found."""
    NO_RULE = "no_rule"
    """Our book does not have the rule."""
    NOT_ASKED = "not_asked"
    """The rule has no template, or is off here."""
    NO_STAY = "no_stay"
    """The stay is not here."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One finding of the insurer beside our own.

    Attributes:
        rule: of it.
        seen: whether we have it.
        amount: yuan at stake.
    """

    rule: str
    seen: Seen
    amount: Decimal


def recall(found: Iterable[Compared]) -> list[dict[str, Any]]:
    """By rule: how many of the insurer's findings, in which way seen, and the share found before.

    The share is a text with four places; it counts all the insurer's findings of the rule whose
    stay is here, also those of rules that we do not have. None: none of its stays is here.

    Args:
        found: the insurer's findings.

    Returns:
        A row a rule, in their order, and one for all (``rule`` None) at the end.
    """
    counts: dict[str, Counter[Seen]] = defaultdict(Counter)
    missed: dict[str, Decimal] = defaultdict(Decimal)
    for one in found:
        counts[one.rule][one.seen] += 1
        if one.seen not in (Seen.BEFORE, Seen.NO_STAY):
            missed[one.rule] += one.amount
    told = [_told(rule, counts[rule], missed[rule]) for rule in sorted(counts)]
    whole: Counter[Seen] = sum(counts.values(), Counter())
    return [*told, _told(None, whole, sum(missed.values(), Decimal(0)))]


def _told(rule: str | None, counts: Mapping[Seen, int], missed: Decimal) -> dict[str, Any]:
    here = sum(count for seen, count in counts.items() if seen is not Seen.NO_STAY)
    share = f"{Decimal(counts.get(Seen.BEFORE, 0)) / here:.4f}" if here else None
    return {
        "rule": rule,
        "findings": sum(counts.values()),
        **{seen.value: counts.get(seen, 0) for seen in Seen},
        "recall": share,
        "missed_amount": f"{missed:.2f}",
    }


def same(
    names: Sequence[str],
    day: str | None,
    own_names: Sequence[str],
    own_day: str | None,
) -> bool:
    """Whether two findings of one rule and stay are the same: they share a line.

    Where one of them names no line, they are where neither says another day.

    Args:
        names: lines of the insurer's finding.
        day: of the insurer's finding, as ISO 8601 writes it.
        own_names: lines of ours.
        own_day: of ours.
    """
    if names and own_names:
        return not set(names).isdisjoint(own_names)
    return day is None or own_day is None or day == own_day
