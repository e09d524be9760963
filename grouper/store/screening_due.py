"""Which stays a screening has to look at, person by person, and what else of them is here.

The unit is a person, for rules look at all stays of a person; a stay of which no message said whose
it is stands alone. All functions take a reading transaction.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, false, or_, select

from codebooks.registry import OUTPATIENT
from grouper.store.ids import blocks
from grouper.store.review_schema import screened_stay
from grouper.store.schema import stay
from grouper.store.states import StayState

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy import ColumnElement, Connection, Select

STAY, UPLOAD = "stay", "upload"
"""The moments: while a stay runs; after it, before its list is uploaded."""
VOID = (StayState.CANCELLED, StayState.MERGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which stays are meant.

    Attributes:
        moment: ``stay``: those that run; ``upload``: those that ended.
        book_hash: of the rule book: what was screened by it need not be screened again.
        day: the local day that the screening is of.
        again_since: stays that ended before are not screened again for another book alone.
        since, until: of a month: ended then (visits without an end: begun), screened again in any
            case but for those that ``run`` has already, by the same rules.
        stay_id: this one alone, in any case.
        run: number of the run that goes on; its own stays of their newest version are done.
    """

    moment: str
    book_hash: str
    day: date
    again_since: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    stay_id: int | None = None
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """A stay as a screening needs to know it.

    Attributes:
        id: of its row.
        case_id: Grouper's own name of it.
        person_id: row of the person; None: not said.
        state: :class:`grouper.store.states.StayState`.
        kind: as in the Case.
        admitted, discharged: when.
        version: its newest.
        meant: whether the scope means it.
        due: whether it has not been screened as it is now, at the moment of the scope; of one that
            was cancelled or merged away: whether it was ever screened.
    """

    id: int
    case_id: str
    person_id: int | None
    state: str
    kind: str
    admitted: datetime | None
    discharged: datetime | None
    version: int
    meant: bool
    due: bool


Mark = tuple[int, int]
"""Where a page ended: 0 and the row of a stay that stands alone, or 1 and the row of a person."""
START: Mark = (0, 0)


def page(
    connection: Connection, scope: Scope, after: Mark = START, limit: int = 100
) -> tuple[list[list[Near]], Mark]:
    """The next persons (or stays that stand alone) with all their stays.

    Args:
        connection: a reading transaction.
        scope: which stays are meant.
        after: where the page before ended.
        limit: most persons of the page.

    Returns:
        Of each the stays in the order of their rows, at least one of which is meant; and where the
        page ended. An empty page is the last one.
    """
    phase, number = after
    meant = _meant(scope)
    if phase == 0:
        ask = _stays(scope).where(stay.c.person_id.is_(None), meant, stay.c.id > number)
        alone = _near(connection, ask.order_by(stay.c.id).limit(limit))
        if alone:
            return [[one] for one in alone], (0, alone[-1].id)
        number = 0
    ask = (
        select(stay.c.person_id)
        .distinct()
        .outerjoin_from(stay, screened_stay, _mine(scope))
        .where(stay.c.person_id > number, meant)
        .order_by(stay.c.person_id)
        .limit(limit)
    )
    persons = list(connection.execute(ask).scalars())
    if not persons:
        return [], (1, number)
    found: dict[int | None, list[Near]] = defaultdict(list)
    for block in blocks(persons):
        of = _stays(scope).where(stay.c.person_id.in_(block))
        for one in _near(connection, of.order_by(stay.c.id)):
            found[one.person_id].append(one)
    return [found[person] for person in persons], (1, persons[-1])


def _mine(scope: Scope) -> ColumnElement[bool]:
    return and_(screened_stay.c.stay_id == stay.c.id, screened_stay.c.moment == scope.moment)


def _stays(scope: Scope) -> Select[Any]:
    names = ("id", "case_id", "person_id", "state", "kind", "admitted", "discharged", "version")
    return (
        select(
            *(stay.c[name] for name in names),
            _meant(scope).label("meant"),
            _due(scope).label("due"),
        )
        .outerjoin_from(stay, screened_stay, _mine(scope))
        .where(or_(stay.c.version > 0, screened_stay.c.stay_id.is_not(None)))
    )


def _near(connection: Connection, ask: Select[Any]) -> list[Near]:
    rows = connection.execute(ask).mappings()
    return [Near(**{**row, "meant": bool(row["meant"]), "due": bool(row["due"])}) for row in rows]


def _changed() -> ColumnElement[bool]:
    """Never screened, or not as it is now."""
    seen = screened_stay.c
    return or_(
        seen.stay_id.is_(None),
        seen.version != stay.c.version,
        seen.person_id.is_distinct_from(stay.c.person_id),
    )


def _due(scope: Scope) -> ColumnElement[bool]:
    seen = screened_stay.c
    other_book = seen.book_hash != scope.book_hash
    if scope.again_since is not None:
        other_book = and_(
            other_book, or_(stay.c.discharged.is_(None), stay.c.discharged >= scope.again_since)
        )
    another_day = seen.day != scope.day
    # What failed is tried again on another day: the program may have been mended.
    found = [_changed(), other_book, and_(seen.reason.is_not(None), another_day)]
    if scope.moment == STAY:
        # Days go by for a stay that runs; a visit is what was said of it.
        found.append(and_(another_day, stay.c.kind != OUTPATIENT))
    living = and_(stay.c.state.not_in(VOID), or_(*found))
    return or_(living, and_(stay.c.state.in_(VOID), seen.stay_id.is_not(None)))


def _meant(scope: Scope) -> ColumnElement[bool]:
    c = stay.c
    if scope.stay_id is not None:
        return and_(c.id == scope.stay_id, c.version > 0)
    if scope.since is None or scope.until is None:
        state = StayState.RUNNING if scope.moment == STAY else StayState.DISCHARGED
        ended = false() if scope.moment == STAY else c.state.in_(VOID)
        return and_(c.version > 0, or_(c.state == state, ended), _due(scope))
    ended_then = and_(
        c.state == StayState.DISCHARGED, c.discharged >= scope.since, c.discharged < scope.until
    )
    begun_then = and_(
        c.state == StayState.RUNNING,
        c.kind == OUTPATIENT,
        c.admitted >= scope.since,
        c.admitted < scope.until,
    )
    done: ColumnElement[bool] = false()
    if scope.run is not None:
        seen = screened_stay.c
        # Rules that changed since are asked of these, too.
        same = and_(seen.screening_id == scope.run, seen.book_hash == scope.book_hash)
        done = and_(seen.stay_id.is_not(None), same, ~_changed())
    return and_(c.version > 0, or_(ended_then, begun_then), ~done)
