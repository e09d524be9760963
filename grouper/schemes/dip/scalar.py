"""The scalar engine: one case, its row, and every row that was tried."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from grouper.schemes.dip.asking import Attempt, attempts
from grouper.schemes.dip.facts import GAPS, Facts, facts_of
from grouper.schemes.dip.fallback import fallback_of
from grouper.schemes.dip.policy import COMPREHENSIVE, PRE, Preference
from grouper.schemes.reasons import Reason, Status
from grouper.schemes.telling import plain_number
from grouper.schemes.vocabulary import NO_CODE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Collection

    from grouper.case.record import Case
    from grouper.schemes.dip.compiled import CompiledScheme
    from grouper.schemes.dip.rows import Row


@dataclass(frozen=True, slots=True)
class Step:
    """A row that was tried.

    Attributes:
        attempt: how far the case met it.
        stage: the stage of the policy.
        won: whether it took the case.
        lost_by: the preference by which another row that holds went before it; None beside the
            winner's and failing rows', or where the catalogue's order decided.
        lost_to: that row, or None.
        figures: what the preference compared: the row's own figure and the best one.
    """

    attempt: Attempt
    stage: int
    won: bool = False
    lost_by: Preference | None = None
    lost_to: Row | None = None
    figures: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Notice:
    """A reason that applies to the case, with the codes it speaks of as they were written."""

    reason: Reason
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The grouping of one case before it is dressed for people.

    Attributes:
        status: what became of the case.
        reason: why it is not plainly grouped, or None.
        row: the row that took it, or None.
        fallback: code of the catalogue's group for cases that no row takes, or None.
        notices: warnings.
        steps: the rows that were tried, in order.
        facts: of the case.
        primary: the primary-care row that the case falls under as well, or None.
    """

    status: Status
    reason: Reason | None
    row: Row | None
    fallback: str | None
    notices: tuple[Notice, ...]
    steps: tuple[Step, ...]
    facts: Facts
    primary: Row | None = None


def answer(scheme: CompiledScheme, case: Case) -> Answer:
    """Group one case and keep the steps."""
    facts = facts_of(scheme, case)
    reason = _refusal(scheme, facts, case)
    notices = _code_notices(scheme, case)
    if reason is not None:
        status = Status.UNGROUPED if reason is Reason.DX_NOT_PRINCIPAL else Status.INVALID
        kept = tuple(n for n in notices if n.reason is not reason)
        return Answer(status, reason, None, None, kept, (), facts)
    walk = _Walk(scheme, facts)
    row = walk.run(())
    gap = _deciding_gap(scheme, facts, row)
    if gap is not None:
        return Answer(Status.INVALID, gap, None, None, notices, tuple(walk.steps), facts)
    told = {n.reason: n for n in notices}
    for open_gap in _asked_gaps(scheme, facts):
        told[open_gap] = Notice(open_gap)
    if walk.cost_missing:
        told[Reason.COST_MISSING] = Notice(Reason.COST_MISSING)
    notices = tuple(told[r] for r in Reason if r in told)
    steps = tuple(walk.steps)
    if row is None:
        fallback = fallback_of(scheme, facts)
        return Answer(Status.UNGROUPED, Reason.GROUP_NONE, None, fallback, notices, steps, facts)
    primary = primary_of(scheme, facts, row)
    return Answer(Status.GROUPED, None, row, None, notices, steps, facts, primary)


def _refusal(scheme: CompiledScheme, facts: Facts, case: Case) -> Reason | None:
    """Why the case cannot be asked at all."""
    if facts.principal == NO_CODE:
        return Reason.DX_PRINCIPAL_MISSING
    if facts.principal == UNKNOWN:
        foreign = scheme.is_foreign(str(case.dx[0]))
        return Reason.DX_PRINCIPAL_EDITION if foreign else Reason.DX_PRINCIPAL_UNKNOWN
    if facts.principal in scheme.excluded_diagnoses:
        return Reason.DX_NOT_PRINCIPAL
    if case.px and scheme.vocabulary.id(case.px[0]) == UNKNOWN:
        foreign = scheme.is_foreign(str(case.px[0]))
        return Reason.PX_MAIN_EDITION if foreign else Reason.PX_MAIN_UNKNOWN
    if scheme.policy.main_decides and not facts.main_stated:
        return Reason.PX_MAIN_MISSING
    return None


class _Walk:
    """The stages of the policy on one case."""

    def __init__(self, scheme: CompiledScheme, facts: Facts) -> None:
        self.scheme = scheme
        self.facts = facts
        self.rows = scheme.lookup.rows_of(facts.diagnoses[0], facts.diagnoses)
        self.steps: list[Step] = []
        self.cost_missing = False

    def run(self, assumed: Collection[Reason]) -> Row | None:
        """The row that takes the case, or None."""
        for number in range(len(self.scheme.policy.stages)):
            tried = [
                one
                for row in self.rows
                if row.stage == number
                for one in attempts(self.scheme, row, self.facts, assumed)
            ]
            holding = [one for one in tried if one.holds]
            losses = self._choose(number, holding)
            winner = next((one for one in holding if id(one) not in losses), None)
            for one in tried:
                self.steps.append(losses.get(id(one)) or Step(one, number, won=one is winner))
            if winner is not None:
                return winner.row
        return None

    def _choose(self, number: int, holding: list[Attempt]) -> dict[int, Step]:
        """The attempts that hold and yet lose, by what they lose."""
        stage = self.scheme.policy.stages[number]
        wanted = stage.preferences
        if wanted is None:
            wanted = self.scheme.policy.preferences
        lost: dict[int, Step] = {}
        left = holding
        for preference in wanted:
            if len({one.row.number for one in left}) < 2:  # noqa: PLR2004 -- nothing to decide
                break
            if preference is Preference.COST and self.facts.cost is None:
                self.cost_missing |= len({one.row.mean_cost for one in left}) > 1
                continue
            left = self._prefer(number, preference, left, lost)
        if left:
            first = min(left, key=lambda one: one.row.number)
            for one in left:
                if one is not first:
                    lost[id(one)] = Step(one, number, lost_to=first.row)
        return lost

    def _prefer(
        self, number: int, preference: Preference, left: list[Attempt], lost: dict[int, Step]
    ) -> list[Attempt]:
        ranks = [_rank(preference, one, self.facts.cost) for one in left]
        best = min(ranks)
        kept = [one for one, rank in zip(left, ranks, strict=True) if rank == best]
        shown = _figure(preference, kept[0], self.facts.cost)
        for one, rank in zip(left, ranks, strict=True):
            if rank != best:
                own = _figure(preference, one, self.facts.cost)
                lost[id(one)] = Step(
                    one,
                    number,
                    lost_by=preference,
                    lost_to=kept[0].row,
                    figures=(own, shown),
                )
        return kept


def _rank(preference: Preference, one: Attempt, cost: Decimal | None) -> tuple[bool, Decimal | int]:
    """What is compared, the smallest first; a figure that the book lacks goes last."""
    row = one.row
    if preference is Preference.SCORE:
        return (True, 0) if row.score is None else (False, -row.score)
    if preference is Preference.COST:
        if row.mean_cost is None or cost is None:
            return True, 0
        return False, abs(cost - row.mean_cost)
    ranks = {
        Preference.TREATMENT: int(one.treatment),
        Preference.COMPLETE: -one.complete,
        Preference.PARTS: -one.met,
        Preference.MATCHED: -one.matched,
        Preference.EXACT: -int(one.exact),
    }
    return False, ranks[preference]


def _figure(preference: Preference, one: Attempt, cost: Decimal | None) -> str:
    """The compared figure as it is shown."""
    unknown, rank = _rank(preference, one, cost)
    if preference is Preference.TREATMENT:
        return one.treatment.name.lower()
    return "" if unknown else plain_number(abs(Decimal(rank)))


def _deciding_gap(scheme: CompiledScheme, facts: Facts, row: Row | None) -> Reason | None:
    """The missing value that decides the row, if one does.

    The case is matched once with every comparison on missing values false and once with them true.
    Where both agree no gap matters. Else the answer is the first value without which the second
    falls back to the first; where each changes the row alone it is the first of them.
    """
    gaps = facts.gaps
    if not gaps or _Walk(scheme, facts).run(gaps) is row:
        return None
    return next(
        (g for g in gaps if _Walk(scheme, facts).run([o for o in gaps if o is not g]) is row),
        gaps[0],
    )


def _asked_gaps(scheme: CompiledScheme, facts: Facts) -> tuple[Reason, ...]:
    """The missing values that a row of the case's diagnoses asks for."""
    if not facts.gaps:
        return ()
    rows = scheme.lookup.rows_of(facts.diagnoses[0], facts.diagnoses)
    limits = (any(row.age_days for row in rows), any(row.weight_g for row in rows))
    return tuple(g for g, asked in zip(GAPS, limits, strict=True) if asked and g in facts.gaps)


def primary_of(scheme: CompiledScheme, facts: Facts, row: Row) -> Row | None:
    """The primary-care row that a grouped case falls under as well.

    A case of a pre-group or comprehensive group has none, nor one whose group asks for related
    procedures: primary-care groups are a diagnosis and a main procedure (基层病种).
    """
    if row.related or row.section in (PRE, COMPREHENSIVE):
        return None
    found = scheme.primary_lookup.rows_of(facts.diagnoses[0], facts.diagnoses)
    return next(
        (r for r in found if any(one.holds for one in attempts(scheme, r, facts, ()))), None
    )


def _code_notices(scheme: CompiledScheme, case: Case) -> tuple[Notice, ...]:
    found: dict[Reason, list[str]] = {}
    for codes, unknown, edition in (
        (case.dx[1:], Reason.DX_OTHER_UNKNOWN, Reason.DX_OTHER_EDITION),
        (case.px[1:], Reason.PX_UNKNOWN, Reason.PX_EDITION),
    ):
        for code in codes:
            if scheme.vocabulary.id(code) == UNKNOWN:
                reason = edition if scheme.is_foreign(str(code)) else unknown
                found.setdefault(reason, []).append(str(code))
    return tuple(Notice(r, tuple(found[r])) for r in Reason if r in found)
