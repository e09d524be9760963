"""Whether the rules of a book speak here: live, in shadow, in review or off; only ever added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, insert, or_, select, update

from grouper.store import audit, finding_events
from grouper.store.finding_events import EventRow
from grouper.store.review_schema import finding
from grouper.store.review_schema import rule_standing as table
from grouper.store.states import FindingState, Source, Standing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRow:
    """A standing that a rule was given.

    Attributes:
        book: the rule book.
        rule: its id.
        standing: :class:`grouper.store.states.Standing`.
        at: when.
        actor: account, or part of the program.
        reason: why, in words.
    """

    book: str
    rule: str
    standing: str
    at: datetime
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """Of a rule's own findings since a time: found, judged by someone, and of these wrongly found."""

    found: int
    judged: int
    false_positives: int


_COLUMNS = tuple(table.c[name] for name in StandingRow.__dataclass_fields__)


def standings(connection: Connection, book: str) -> dict[str, str]:
    """The standing of each rule that was ever given one; all others are live."""
    return {rule: row.standing for rule, row in latest(connection, book).items()}


def latest(connection: Connection, book: str) -> dict[str, StandingRow]:
    """The last standing of each rule that was ever given one."""
    last = select(func.max(table.c.id)).where(table.c.book == book).group_by(table.c.rule)
    ask = select(*_COLUMNS).where(table.c.id.in_(last)).order_by(table.c.rule)
    found = connection.execute(ask).mappings()
    return {row["rule"]: StandingRow(**row) for row in found}


def history(connection: Connection, book: str, rule: str) -> list[StandingRow]:
    """All standings of a rule, the oldest first."""
    ask = select(*_COLUMNS).where(table.c.book == book, table.c.rule == rule).order_by(table.c.id)
    return [StandingRow(**row) for row in connection.execute(ask).mappings()]


def set_standing(connection: Connection, row: StandingRow) -> int:
    """Give a rule a standing.

    Where it stops being live, its findings that nobody reviewed yet leave the review, and all of
    them are hidden from physicians at once. Where it becomes live the next screening brings its
    findings into the review.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        row: the standing.

    Returns:
        How many findings are hidden by it.
    """
    values = {name: getattr(row, name) for name in StandingRow.__dataclass_fields__}
    connection.execute(insert(table).values(**values))
    about = {"rule": row.rule, "standing": row.standing}
    audit.append(
        connection, row.actor, "rule_standing_set", f"rule:{row.rule}"[:128], about, at=row.at
    )
    return 0 if row.standing == Standing.LIVE else _hide(connection, row)


def _hide(connection: Connection, row: StandingRow) -> int:
    c = finding.c
    shown = and_(
        c.rule == row.rule,
        c.book == row.book,
        c.source == Source.OWN,
        c.shadow.is_(False),
        c.closed.is_(None),
    )
    fresh = connection.execute(select(c.id).where(shown, c.state == FindingState.NEW)).scalars()
    events = [
        EventRow(
            finding_id=number,
            at=row.at,
            actor=row.actor,
            action="shadow",
            before=FindingState.NEW,
            after=FindingState.SHADOW,
        )
        for number in fresh
    ]
    hidden = connection.execute(update(finding).where(shown).values(shadow=True)).rowcount
    ids = [one.finding_id for one in events]
    for start in range(0, len(ids), 500):
        some = finding.c.id.in_(ids[start : start + 500])
        connection.execute(update(finding).where(some).values(state=FindingState.SHADOW))
    finding_events.write(connection, events)
    return hidden


def judged(connection: Connection, book: str, rule: str, since: datetime | None = None) -> Judged:
    """How a rule's own findings were judged.

    Args:
        connection: a transaction.
        book: the rule book.
        rule: its id.
        since: found again or judged after it, or waiting in shadow; None: ever.
    """
    return judged_by_rule(connection, book, [rule], since).get(rule, Judged(0, 0, 0))


def judged_by_rule(
    connection: Connection,
    book: str,
    rules: Sequence[str] | None = None,
    since: datetime | None = None,
) -> dict[str, Judged]:
    """How own findings were judged, by rule; rules without findings are left out.

    Args:
        connection: a transaction.
        book: the rule book.
        rules: any of them; None: all.
        since: as of :func:`judged`.
    """
    c = finding.c
    seen: ColumnElement[bool] = c.id.is_not(None)
    said: ColumnElement[bool] = c.judged.is_not(None)
    if since is not None:
        # Those that it put into shadow wait to be judged, too.
        waits = c.state == FindingState.SHADOW
        seen, said = or_(c.last_seen > since, c.judged > since, waits), c.judged > since
    wrong = and_(said, c.false_positive.is_(True))
    counts = [func.sum(case((condition, 1), else_=0)) for condition in (seen, said, wrong)]
    ask = select(c.rule, *counts).where(c.book == book, c.source == Source.OWN).group_by(c.rule)
    if rules is not None:
        ask = ask.where(c.rule.in_(list(rules)))
    return {row[0]: Judged(*map(int, row[1:])) for row in connection.execute(ask)}


def marks(connection: Connection, book: str, rule: str, since: datetime | None = None) -> int:
    """How many of a rule's findings are marked as wrongly found, since a time."""
    return judged(connection, book, rule, since).false_positives
