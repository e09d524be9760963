"""Findings of the store and their review: who sees which, and what a step does.

Reach is kept here: a finding that an account may not see is not found. Every change is written with
its entry of the audit log in one transaction; no entry holds words that people wrote.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grouper.audit.review import steps as review
from grouper.audit.review.errors import ReviewError
from grouper.audit.review.steps import Position
from grouper.audit.review.tables import limits, states
from grouper.service.access.principal import Right, rights
from grouper.service.finding_rules import fall
from grouper.service.problems import ServiceError
from grouper.store import accounts, audit, finding_events, finding_files, findings
from grouper.store.finding_events import Change, EventRow
from grouper.store.findings import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from grouper.audit.review.steps import Said
    from grouper.audit.review.tables import Step
    from grouper.service.access.principal import Principal
    from grouper.service.stored import Reach
    from grouper.store.database import Database
    from grouper.store.database import Writing as Reading
    from grouper.store.finding_files import FileRow
    from grouper.store.finding_rows import FindingRow
    from grouper.store.findings import Counted, Listed


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks.

    Attributes:
        name: as the audit log writes it.
        rights: that it holds.
        reach: departments; None: all.
    """

    name: str
    rights: frozenset[Right]
    reach: Reach

    @property
    def reviews(self) -> bool:
        """Whether it sees what physicians are not shown."""
        return Right.REVIEW in self.rights


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding with its events and files, and the steps that the asker may take."""

    listed: Listed
    events: Sequence[EventRow]
    files: Sequence[FileRow]
    steps: Sequence[Step]


def asker_of(principal: Principal) -> Asker:
    """Who asks by a request."""
    return Asker(principal.name, rights()[principal.role], principal.reach)


def within(asker: Asker, wanted: Wanted) -> Wanted:
    """What is asked for, bound to what an account may see."""
    reach = None if asker.reach is None else list(asker.reach)
    bound = replace(wanted, departments=reach, account=asker.name)
    if asker.reviews:
        return bound
    shown = [name for name, state in states().items() if not state.hidden]
    asked = shown if wanted.states is None else [one for one in wanted.states if one in shown]
    asked = [] if wanted.shadow else asked
    return replace(bound, states=asked, shadow=False)


def open_states() -> list[str]:
    """The states in which something is to be done, in their order."""
    return [name for name, state in states().items() if not state.closed and not state.hidden]


def page(
    database: Database, asker: Asker, wanted: Wanted, after: int | None, limit: int
) -> tuple[list[Listed], int | None, list[Counted]]:
    """A page of findings within reach, where the next begins, and how many stand where.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    bound = within(asker, wanted)
    with database.reading() as connection:
        found = findings.page(connection, bound, after, limit + 1)
        counted = findings.counts(connection, bound)
    shown = found[:limit]
    return shown, shown[-1].finding.id if len(found) > limit else None, counted


def show(database: Database, asker: Asker, number: int) -> Shown:
    """A finding whole.

    Raises:
        ServiceError: ``FINDING_UNKNOWN``, also for one out of reach.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        return shown(connection, asker, number)


def shown(connection: Reading, asker: Asker, number: int) -> Shown:
    """A finding whole, in a transaction.

    Raises:
        ServiceError: ``FINDING_UNKNOWN``.
    """
    one = known(connection, asker, number)
    files = finding_files.files_of(connection, number)
    place = position(one.finding, len(files))
    held = {right.value for right in asker.rights}
    return Shown(
        one,
        finding_events.events_of(connection, number),
        files,
        review.allowed(place, asker.name, held),
    )


def known(connection: Reading, asker: Asker, number: int) -> Listed:
    """A finding within reach.

    Raises:
        ServiceError: ``FINDING_UNKNOWN``.
    """
    found = findings.listed(connection, number, within(asker, Wanted()))
    if found is None:
        raise ServiceError("FINDING_UNKNOWN")
    return found


def barred(asker: Asker, found: Shown) -> list[tuple[Step, ReviewError]]:
    """The steps that an asker has the right to but may not take now, each with the reason."""
    place = position(found.listed.finding, len(found.files))
    return review.barred(place, asker.name, {right.value for right in asker.rights})


@dataclass(frozen=True, slots=True)
class Choices:
    """What findings within reach can be chosen by: departments, and rules with their book."""

    departments: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]


def choices(database: Database, asker: Asker) -> Choices:
    """Departments and rules that findings within reach name.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        found = findings.named(connection, within(asker, Wanted()))
    return Choices(
        tuple(sorted({department for department, _, _ in found if department is not None})),
        tuple(sorted({(rule, book) for _, book, rule in found})),
    )


def position(row: FindingRow, files: int) -> Position:
    """Where a finding stands in its review."""
    return Position(
        state=row.state,
        source=row.source,
        level=row.level,
        amount=row.amount,
        raised_by=row.raised_by,
        opinion_by=row.opinion_by,
        due=row.due,
        gone=row.gone is not None,
        files=files,
    )


def step(
    database: Database, asker: Asker, number: int, action: str, was: str, said: Said, at: datetime
) -> Shown:
    """Take a step with a finding.

    Args:
        database: the store.
        asker: who takes it.
        number: of the finding.
        action: of the step.
        was: the state in which the asker read it.
        said: with it.
        at: when.

    Raises:
        ServiceError: ``FINDING_UNKNOWN``, ``ASSIGNEE_UNKNOWN``.
        StoreError: ``FINDING_MOVED``: another has taken a step meanwhile; ``STORE_UNAVAILABLE``.
        ReviewError: as :func:`grouper.audit.review.steps.decide`.
    """
    with database.writing_store() as connection:
        row = known(connection, asker, number).finding
        if row.state != was:
            raise ServiceError("FINDING_MOVED")
        if said.assignee is not None:
            _check_assignee(connection, said.assignee)
        count, _ = finding_files.held(connection, number)
        held = {right.value for right in asker.rights}
        done = review.decide(position(row, count), action, said, asker.name, held, at)
        change = Change(
            action=action,
            after=done.after,
            note=said.note.strip() or None,
            about=done.about,
            values=done.values,
        )
        finding_events.step(connection, number, was, change, at=at, actor=asker.name)
        told = {"action": action, "before": was, "after": done.after}
        told |= {
            name: done.about[name] for name in ("amount", "false_positive") if name in done.about
        }
        audit.append(connection, asker.name, "finding_step", f"finding:{number}", told, at=at)
        if said.verdict:
            fall(connection, row.book, row.rule, at)
        return _after(connection, asker, number)


def _after(connection: Reading, asker: Asker, number: int) -> Shown:
    """A finding after a step; it may have left what the asker sees only by being in reach no more."""
    return shown(connection, replace(asker, reach=None), number)


def _check_assignee(connection: Reading, name: str) -> None:
    account = accounts.by_name(connection, name)
    if account is None or not account.active or Right.ANSWER not in rights()[account.role]:
        raise ServiceError("ASSIGNEE_UNKNOWN")


def comment(database: Database, asker: Asker, number: int, note: str, at: datetime) -> Shown:
    """Say something about a finding; its state stays.

    Raises:
        ServiceError: ``FINDING_UNKNOWN``.
        ReviewError: ``REVIEW_NOTE``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    check_note(note)
    with database.writing_store() as connection:
        row = known(connection, asker, number).finding
        event = EventRow(
            finding_id=number,
            at=at,
            actor=asker.name,
            action="comment",
            before=row.state,
            after=row.state,
            note=note.strip(),
        )
        finding_events.write(connection, [event])
        audit.append(connection, asker.name, "finding_comment", f"finding:{number}", at=at)
        return shown(connection, asker, number)


def check_note(note: str) -> None:
    """Check that something is said, and not too much.

    Raises:
        ReviewError: ``REVIEW_NOTE``.
    """
    most = limits().most_note
    if not note.strip() or len(note) > most:
        raise ReviewError("REVIEW_NOTE", most=most)
