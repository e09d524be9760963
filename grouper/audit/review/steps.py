"""Which steps a finding may take, by whom, and what a step makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from grouper.audit.review.deadlines import due_of
from grouper.audit.review.errors import ReviewError
from grouper.audit.review.tables import SAME, limits, states, steps

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from grouper.audit.review.tables import Step

_CENT = Decimal("0.01")
_MOST_YUAN = Decimal(10) ** 14
_ASKS_NOTHING = ("due", "assignee")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a finding stands.

    Attributes:
        state: name of a state.
        source: ``own``, ``insurer`` or ``person``.
        level: of the finding.
        amount: yuan at stake.
        raised_by: who raised it; counts for findings raised by hand.
        opinion_by: who gave the opinion that stands.
        due: its deadline.
        gone: whether a screening no longer finds it.
        files: how many files of evidence hang on it.
    """

    state: str
    source: str
    level: str
    amount: Decimal
    raised_by: str
    opinion_by: str | None = None
    due: datetime | None = None
    gone: bool = False
    files: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is said with a step; None and empty: nothing."""

    note: str = ""
    amount: Decimal | None = None
    verdict: bool | None = None
    due: datetime | None = None
    assignee: str | None = None
    department: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a step makes of a finding.

    Attributes:
        step: that is taken.
        after: the new state.
        values: columns with their new values.
        about: what is said of it in the event, as JSON.
    """

    step: Step
    after: str
    values: Mapping[str, Any]
    about: Mapping[str, Any] = field(default_factory=dict)


def allowed(position: Position, actor: str, rights: Collection[str]) -> list[Step]:
    """The steps that an account may take now, in the order of the table; what is to be said aside."""
    return [
        step
        for step in steps()
        if position.state in step.before
        and position.source in step.sources
        and step.right in rights
        and _refusal(step, position, actor) is None
    ]


def barred(
    position: Position, actor: str, rights: Collection[str]
) -> list[tuple[Step, ReviewError]]:
    """The steps that lead on from here and that the account has the right to, but may not take now.

    Each with the reason: an opinion stands already or is missing, or a second person is needed.
    """
    return [
        (step, refusal)
        for step in steps()
        if position.state in step.before
        and position.source in step.sources
        and step.right in rights
        and (refusal := _refusal(step, position, actor)) is not None
    ]


def _lifted(step: Step, position: Position, need: str) -> bool:
    return position.gone and need in step.unless_gone


def _refusal(step: Step, position: Position, actor: str) -> ReviewError | None:
    """Why an account may not take a step; None: it may."""
    given = position.opinion_by is not None
    if step.opinion == "gives" and given:
        return ReviewError("OPINION_GIVEN")
    if step.opinion == "needs" and not given and not _lifted(step, position, "opinion"):
        return ReviewError("OPINION_NEEDED")
    others = {"opinion_by": position.opinion_by}
    if position.source == "person":
        others["raised_by"] = position.raised_by
    if any(others.get(name) == actor for name in step.other_than):
        return ReviewError("SECOND_PERSON", actor=actor)
    return None


def decide(
    position: Position,
    action: str,
    said: Said,
    actor: str,
    rights: Collection[str],
    at: datetime,
) -> Decision:
    """Take a step.

    Args:
        position: where the finding stands.
        action: of the step.
        said: with it.
        actor: the account.
        rights: that it holds.
        at: when, aware.

    Raises:
        ReviewError: ``FINDING_ACTION`` (no such step from here), ``FINDING_RIGHT``, ``OPINION_GIVEN``,
            ``OPINION_NEEDED``, ``SECOND_PERSON``, and as what is said needs: ``REVIEW_NOTE``,
            ``EVIDENCE_NEEDED``, ``AMOUNT_NEEDED``, ``AMOUNT_ABOVE``, ``AMOUNT_INVALID``,
            ``VERDICT_NEEDED``, ``DUE_PAST``, ``ASSIGN_NOTHING``, ``FINDING_EXTRA``.
    """
    step = _step(position, action)
    if step.right not in rights:
        raise ReviewError("FINDING_RIGHT", right=step.right)
    refusal = _refusal(step, position, actor)
    if refusal is not None:
        raise refusal
    _check(step, position, said, at)
    return _decision(step, position, said, actor, at)


def _step(position: Position, action: str) -> Step:
    here = [
        one for one in steps() if position.state in one.before and position.source in one.sources
    ]
    for step in here:
        if step.action == action:
            return step
    known = ", ".join(dict.fromkeys(one.action for one in here))
    raise ReviewError("FINDING_ACTION", state=position.state, known=known)


def _check(step: Step, position: Position, said: Said, at: datetime) -> None:
    given = {name for name in ("amount", "verdict", "due", "assignee", "department")
             if getattr(said, name) is not None}  # fmt: skip
    note = said.note.strip()
    if note:
        given.add("note")
    most = limits().most_note
    if len(said.note) > most or ("note" in _needs(step, position) and not note):
        raise ReviewError("REVIEW_NOTE", most=most)
    for name in sorted(given - {*step.needs, *step.takes, *step.unless_gone}):
        raise ReviewError("FINDING_EXTRA", name=name, action=step.action)
    for need, code in (("amount", "AMOUNT_NEEDED"), ("verdict", "VERDICT_NEEDED")):
        if need in step.needs and need not in given:
            raise ReviewError(code)
    if "evidence" in step.needs and not position.files:
        raise ReviewError("EVIDENCE_NEEDED")
    if said.amount is not None:
        _check_amount(said.amount, position, note)
    if said.due is not None and said.due <= at:
        raise ReviewError("DUE_PAST")
    if step.to == SAME and given.isdisjoint(_ASKS_NOTHING):
        raise ReviewError("ASSIGN_NOTHING")


def _needs(step: Step, position: Position) -> set[str]:
    return {one for one in step.needs if not _lifted(step, position, one)}


def _check_amount(amount: Decimal, position: Position, note: str) -> None:
    if not amount.is_finite() or not 0 <= amount < _MOST_YUAN or amount != amount.quantize(_CENT):
        raise ReviewError("AMOUNT_INVALID")
    if amount > position.amount and not note:
        raise ReviewError("AMOUNT_ABOVE", most=format(position.amount, "f"))


def _decision(step: Step, position: Position, said: Said, actor: str, at: datetime) -> Decision:
    after = step.to or position.state
    values: dict[str, Any] = {"due": _due(step, position, said, after, at)}
    if step.to != SAME or said.assignee is not None:
        values["assignee"] = said.assignee
    if step.asks:
        values["asked_department"] = said.department
        values["asked_until"] = said.due or due_of(after, position.level, at)
    elif step.to != SAME:
        values["asked_until"] = None
    if step.opinion in ("gives", "anew"):
        values["opinion_by"] = actor
    elif step.opinion == "clears":
        values["opinion_by"] = None
    if said.verdict is not None:
        values |= {"false_positive": said.verdict, "judged": at}
    if step.closes:
        values |= {"closed": at, "closed_by": actor, "judged": at}
        values["deduction"] = None if said.amount is None else said.amount.quantize(_CENT)
    if step.reopens:
        values |= dict.fromkeys(("closed", "closed_by", "judged", "deduction"))
        values |= {"false_positive": False, "asked_department": None}
    return Decision(step=step, after=after, values=values, about=_about(values, said))


def _due(step: Step, position: Position, said: Said, after: str, at: datetime) -> datetime | None:
    """The finding's own deadline; that of a department that is asked is another."""
    if step.asks or step.to == SAME:
        return (None if step.asks else said.due) or position.due
    if step.waits or states()[after].closed:
        return None
    if position.source == "insurer" and not step.fresh_due and not step.reopens:
        return position.due
    return said.due or due_of(after, position.level, at)


def _about(values: Mapping[str, Any], said: Said) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("assignee", "asked_department"):
        if values.get(name) is not None:
            found[name] = values[name]
    for name in ("due", "asked_until"):
        if values.get(name) is not None:
            found[name] = values[name].isoformat()
    if said.amount is not None:
        found["amount"] = format(said.amount, "f")
    if said.verdict is not None:
        found["false_positive"] = said.verdict
    return found
