"""What a screening or a list found is kept: what is there goes on in its review, what is new begins.

An own finding is the same one as before where its key is the same, and also where its lines grew or
shrank: the same rule, row and stay, found under another key, with a line in common (or, of findings
without lines, of the same day). A finding that its stay's screening does not find any more is marked
``gone``; what nobody reviewed yet then leaves the review by itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, update

from codebooks.audit.forms import MOMENTS
from grouper.store import audit, finding_events
from grouper.store.finding_events import EventRow
from grouper.store.finding_rows import rows_where, values_of
from grouper.store.ids import blocks
from grouper.store.review_schema import finding as table
from grouper.store.states import FindingState, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from grouper.store.finding_rows import FindingRow

_START = {Source.INSURER: FindingState.NOTIFIED, Source.PERSON: FindingState.NEW}
_UNREVIEWED = frozenset({FindingState.NEW, FindingState.SHADOW, FindingState.EXEMPT})
_CLEARED: dict[str, Any] = {
    "assignee": None,
    "asked_department": None,
    "asked_until": None,
    "opinion_by": None,
    "judged": None,
    "closed": None,
    "closed_by": None,
    "false_positive": False,
    "deduction": None,
}
"""What a finding loses whose review begins anew."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How many findings are new, were there, came back after they were gone, and are gone now.

    Those that came back are among those that were there.
    """

    fresh: int
    again: int
    back: int
    gone: int


def keep(
    connection: Connection,
    rows: Sequence[FindingRow],
    *,
    at: datetime,
    actor: str,
    screened: Iterable[int] | None = None,
    moment: str | None = None,
    rules: frozenset[str] | None = None,
) -> Kept:
    """Keep what was found, and mark what is no longer found.

    Args:
        connection: of :meth:`grouper.store.database.Database.writing_store`.
        rows: what was found; of each key one (of several the last counts).
        at: when.
        actor: part of the program, or account.
        screened: stays (their rows) that were screened wholly; of others nothing is ever gone.
        moment: of the screening: what was found at a later one is not gone by it; None: the last.
        rules: those that were asked; what others found is not gone. None: all.
    """
    found = {row.key: row for row in rows}
    stays = sorted(set(screened or ()))
    there = _there(connection, list(found), stays)
    by_key = {one.key: one for one in there}
    asked = [one for one in there if _was_asked(one, set(stays), moment, rules)]
    left = [one for one in asked if one.key not in found]
    grown = _grown([row for row in found.values() if row.key not in by_key], left)
    changed: list[FindingRow] = []
    events: list[EventRow] = []
    fresh: list[FindingRow] = []
    back = 0
    for row in found.values():
        old = by_key.get(row.key) or grown.get(row.key)
        if old is None:
            fresh.append(row)
            continue
        new, event = _again(old, row, at, actor)
        changed.append(new)
        back += old.gone is not None
        events += [] if event is None else [event]
    going_on = {old.id for old in grown.values()}
    gone = [one for one in left if one.id not in going_on and one.gone is None]
    for one in gone:
        new, event = _leave(one, at, actor)
        changed.append(new)
        events.append(event)
    _update(connection, changed)
    events += _insert(connection, fresh, at, actor)
    finding_events.write(connection, events)
    kept = Kept(len(fresh), len(changed) - len(gone), back, len(gone))
    if events:
        about = {"fresh": kept.fresh, "back": kept.back, "gone": kept.gone, "events": len(events)}
        audit.append(connection, actor, "findings_kept", "findings", about, at=at)
    return kept


def _there(
    connection: Connection, keys: Sequence[str], stays: Sequence[int]
) -> Sequence[FindingRow]:
    found: dict[int | None, FindingRow] = {}
    for block in blocks(keys):
        found |= {one.id: one for one in rows_where(connection, table.c.key.in_(block))}
    for part in blocks(stays):
        own = table.c.stay_id.in_(part), table.c.source == Source.OWN
        found |= {one.id: one for one in rows_where(connection, *own)}
    return list(found.values())


def _was_asked(
    one: FindingRow, stays: set[int], moment: str | None, rules: frozenset[str] | None
) -> bool:
    """Whether a finding would have been found, if it still stood."""
    if one.source != Source.OWN or one.stay_id not in stays:
        return False
    if rules is not None and one.rule not in rules:
        return False
    return moment is None or MOMENTS.index(one.moment) <= MOMENTS.index(moment)


def _grown(fresh: Sequence[FindingRow], left: Sequence[FindingRow]) -> dict[str, FindingRow]:
    """Of findings under new keys the old ones that they are, each of at most one."""
    old_of: defaultdict[tuple[object, ...], list[FindingRow]] = defaultdict(list)
    for old in left:
        old_of[old.rule, old.row, old.stay_id].append(old)
    pairs = sorted(
        ((-shared, old.gone is not None, old.id or 0, row.key), row, old)
        for row in fresh
        for old in old_of.get((row.rule, row.row, row.stay_id), ())
        if (shared := _shared(row, old))
    )
    found: dict[str, FindingRow] = {}
    taken: set[int | None] = set()
    for _, row, old in pairs:
        if row.key not in found and old.id not in taken:
            found[row.key] = old
            taken.add(old.id)
    return found


def _shared(row: FindingRow, old: FindingRow) -> int:
    if row.line_names and old.line_names:
        return len(row.line_names & old.line_names)
    return int(not row.line_names and not old.line_names and row.day == old.day)


def _start(row: FindingRow) -> str:
    """Where the review of a finding begins."""
    if row.source != Source.OWN:
        return row.state or _START[Source(row.source)]
    if row.whitelist_id is not None:
        return FindingState.EXEMPT
    return FindingState.SHADOW if row.shadow else FindingState.NEW


def _again(
    old: FindingRow, row: FindingRow, at: datetime, actor: str
) -> tuple[FindingRow, EventRow | None]:
    """A finding that is there, brought up to date, and what is to be told of it."""
    later = max(old.moment, row.moment, key=MOMENTS.index)
    same = {
        name: getattr(old, name) for name in ("id", "first_seen", "raised_by", "state", *_CLEARED)
    }
    new = replace(row, **same, moment=later, last_seen=at, gone=None, due=old.due)
    if row.source == Source.INSURER:
        # The insurer may have put its deadline off.
        new = replace(new, due=row.due or old.due)
    elif row.source == Source.OWN:
        new = _reconsidered(old, new)
        if new.state == _start(row) != old.state:
            new = replace(new, due=row.due)
    about = _differences(old, new)
    if old.gone is not None:
        action = "back"
    elif about:
        action = "changed"
    elif new.state != old.state:
        action = new.state
    else:
        return new, None
    return new, _event(old, action, new.state, at, actor, about)


def _reconsidered(old: FindingRow, new: FindingRow) -> FindingRow:
    """Where an own finding stands that is found again."""
    more = bool(new.line_names - old.line_names)
    start = _start(new)
    if old.state in _UNREVIEWED or old.state == FindingState.GONE:
        return replace(new, state=start)
    # Corrected, and after it was gone found again; or more was found than was decided on.
    returned = old.state == FindingState.CORRECTED and old.gone is not None
    decided = old.closed is not None or old.state == FindingState.JUDGED
    live = old.state == FindingState.JUDGED and not new.shadow
    if returned or live or (decided and more):
        return replace(new, state=start, **_CLEARED)
    if old.closed is not None:
        # What was decided while it was shown stays shown, whatever its rule is now.
        return replace(new, shadow=old.shadow and new.shadow)
    return new


def _differences(old: FindingRow, new: FindingRow) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("key", "level"):
        if getattr(old, name) != getattr(new, name):
            found[name] = [getattr(old, name), getattr(new, name)]
    if old.amount != new.amount:
        found["amount"] = [format(old.amount, "f"), format(new.amount, "f")]
    return found


def _leave(one: FindingRow, at: datetime, actor: str) -> tuple[FindingRow, EventRow]:
    state = FindingState.GONE if one.state in _UNREVIEWED else one.state
    return replace(one, state=state, gone=at), _event(one, "gone", state, at, actor, {})


def _event(
    old: FindingRow, action: str, after: str, at: datetime, actor: str, about: dict[str, Any]
) -> EventRow:
    return EventRow(
        finding_id=old.id or 0,
        at=at,
        actor=actor,
        action=action,
        before=old.state,
        after=after,
        about=about,
    )


def _update(connection: Connection, rows: Sequence[FindingRow]) -> None:
    if not rows:
        return
    names = list(values_of(rows[0]))
    change = update(table).where(table.c.id == bindparam("of_id"))
    change = change.values({name: bindparam(f"new_{name}") for name in names})
    for block in blocks(rows):
        told = [
            {f"new_{name}": value for name, value in values_of(row).items()} | {"of_id": row.id}
            for row in block
        ]
        connection.execute(change, told)


def _insert(
    connection: Connection, rows: Sequence[FindingRow], at: datetime, actor: str
) -> list[EventRow]:
    made: list[FindingRow] = []
    ask = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    for block in blocks(rows):
        begun = [replace(row, state=_start(row), first_seen=at, last_seen=at) for row in block]
        numbers = connection.execute(ask, [values_of(row) for row in begun]).scalars()
        made += [replace(row, id=number) for row, number in zip(begun, numbers, strict=True)]
    return [_event(row, "found", row.state, at, actor, {}) for row in made]
