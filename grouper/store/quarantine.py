"""Messages that wait for a person: search them, look at them, replay them, put them aside.

Whatever someone does here is written to the audit log before it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from grouper.store import audit, outcomes
from grouper.store.database import StoreError
from grouper.store.inbox import Inbox, guarded, pending_replays
from grouper.store.schema import message, now, outcome, repeat
from grouper.store.states import UNSETTLED, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from grouper.store.database import Database
    from grouper.store.inbox import Stored
    from grouper.store.outcomes import Outcome

AT_ONCE = 500
"""Most messages that one statement settles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages are looked for; None: any.

    ``states``: by default those that wait. ``since`` and ``until``: when they came, half-open.
    """

    states: tuple[State, ...] = UNSETTLED
    reason: str | None = None
    form: str | None = None
    kind: str | None = None
    sender: str | None = None
    control_id: str | None = None
    patient: str | None = None
    visit: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """As conditions on the table of outcomes."""
        c = outcome.c
        names = ("reason", "form", "kind", "sender", "control_id", "patient", "visit")
        found = [
            c[name] == getattr(self, name) for name in names if getattr(self, name) is not None
        ]
        if self.states:
            found.append(c.state.in_([state.value for state in self.states]))
        if self.since is not None:
            found.append(c.received >= self.since)
        if self.until is not None:
            found.append(c.received < self.until)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message as it is shown to a person.

    Attributes:
        stored: as it stands in the inbox.
        outcome: what became of it; None: not processed yet.
        text: its raw bytes in words; None once retention let go of them.
        repeats: when and by which channel it came again.
        replays: numbers of its replays.
    """

    stored: Stored
    outcome: Outcome | None
    text: str | None
    repeats: tuple[tuple[datetime, str], ...]
    replays: tuple[int, ...]


class Quarantine:
    """The messages of a database that wait for a person.

    Args:
        database: with its tables.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inbox = Inbox(database)

    def search(
        self, wanted: Wanted, *, limit: int = 100, after: int = 0, newest: bool = False
    ) -> list[Outcome]:
        """Messages in the order of their numbers.

        Args:
            wanted: which.
            limit: at most so many.
            after: those behind this number (the last one of the page before); 0: from the first on.
            newest: whether the newest come first.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``.
        """
        number = outcome.c.message_id
        query = select(outcome).where(*wanted.conditions()).limit(limit)
        if newest:
            query = query.order_by(number.desc())
            query = query.where(number < after) if after else query
        else:
            query = query.where(number > after).order_by(number)
        with guarded(), self._database.reading() as connection:
            return [outcomes.outcome_of(row._asdict()) for row in connection.execute(query)]

    def count(self, wanted: Wanted) -> int:
        """How many there are.

        Raises:
            StoreError: ``STORE_UNAVAILABLE``.
        """
        query = select(func.count()).select_from(outcome).where(*wanted.conditions())
        with guarded(), self._database.reading() as connection:
            return connection.scalar(query) or 0

    def show(self, number: int, actor: str) -> Shown:
        """One message whole; that it was looked at goes to the audit log.

        Raises:
            StoreError: ``MESSAGE_UNKNOWN``, ``STORE_UNAVAILABLE``.
        """
        stored = self._inbox.one(number)
        with guarded(), self._database.writing_store() as connection:
            audit.append(connection, actor, "message_shown", f"message:{number}", {})
        return self._shown(stored)

    def look(self, number: int) -> Shown:
        """One message whole, for those who have logged the look themselves.

        Raises:
            StoreError: ``MESSAGE_UNKNOWN``, ``STORE_UNAVAILABLE``.
        """
        return self._shown(self._inbox.one(number))

    def _shown(self, stored: Stored) -> Shown:
        number = stored.id
        with guarded(), self._database.reading() as connection:
            found = outcomes.read(connection, [number]).get(number)
        with guarded(), self._database.reading_inbox() as connection:
            again = connection.execute(
                select(repeat.c.received, repeat.c.channel)
                .where(repeat.c.message_id == number)
                .order_by(repeat.c.id)
            ).all()
            replays = connection.scalars(
                select(message.c.id)
                .where(message.c.id > number, message.c.replay_of == number)
                .order_by(message.c.id)
            ).all()
        return Shown(
            stored=stored,
            outcome=found,
            text=None if stored.raw is None else readable(stored.raw),
            repeats=tuple((row.received, row.channel) for row in again),
            replays=tuple(replays),
        )

    def replay(self, wanted: Wanted | Sequence[int], actor: str) -> list[int]:
        """Put messages that wait into the inbox once more; the worker applies them.

        One whose replay is still to be applied, or that was settled meanwhile, is left out.

        Args:
            wanted: which, or their numbers.
            actor: who asks, as the audit log names it.

        Returns:
            The numbers of the replays.

        Raises:
            StoreError: ``MESSAGE_UNKNOWN`` or ``MESSAGE_SETTLED`` for a number that does not wait,
                ``STORE_UNAVAILABLE``.
        """
        done: list[int] = []
        for part in _slices(self._numbers(wanted)):
            pending = self.pending()
            ids = [number for number in part if number not in pending]
            self._write_down(ids, actor)
            done += self._inbox.replay(ids)
        return done

    def dismiss(self, wanted: Wanted | Sequence[int], actor: str, note: str) -> int:
        """Put messages that wait aside; they are kept until retention lets go of them.

        Args:
            wanted: which, or their numbers.
            actor: who asks.
            note: why; never empty.

        Returns:
            How many were.

        Raises:
            StoreError: ``NOTE_NEEDED``, or as :meth:`replay`.
        """
        if not note.strip():
            raise StoreError("NOTE_NEEDED")
        done = 0
        for part in _slices(self._numbers(wanted)):
            with guarded(), self._database.writing_store() as connection:
                # The note stands with the message: a log entry never holds what may name a patient.
                for number in part:
                    audit.append(connection, actor, "message_dismissed", f"message:{number}", {})
                done += outcomes.dismiss(connection, part, actor, note, now())
        return done

    def _numbers(self, wanted: Wanted | Sequence[int]) -> list[int]:
        if isinstance(wanted, Wanted):
            query = select(outcome.c.message_id).where(
                outcome.c.state.in_(UNSETTLED), *wanted.conditions()
            )
            with guarded(), self._database.reading() as connection:
                return list(connection.scalars(query.order_by(outcome.c.message_id)))
        numbers = list(dict.fromkeys(wanted))
        for part in _slices(numbers):
            with guarded(), self._database.reading() as connection:
                found = outcomes.read(connection, part)
            for number in part:
                if number not in found:
                    raise StoreError("MESSAGE_UNKNOWN", message=number)
                state = found[number].state
                if state not in UNSETTLED:
                    raise StoreError("MESSAGE_SETTLED", message=number, state=state.value)
        return numbers

    def pending(self) -> set[int]:
        """Originals whose replays are not applied yet."""
        with guarded(), self._database.reading() as connection:
            position = outcomes.position_of(connection)
        with guarded(), self._database.reading_inbox() as connection:
            return pending_replays(connection, position)

    def _write_down(self, ids: Sequence[int], actor: str) -> None:
        with guarded(), self._database.writing_store() as connection:
            for number in ids:
                audit.append(connection, actor, "message_replayed", f"message:{number}", {})


def readable(raw: bytes) -> str:
    """Raw bytes as text to look at: never wrong because of a byte, harmless on a screen.

    The character set is tried out (UTF-8, GB18030), since what is looked at may not state it
    rightly. Segments become lines; other control characters are shown as their symbols.
    """
    for charset in ("utf-8", "gb18030"):
        try:
            text = raw.decode(charset)
            break
        except UnicodeDecodeError:
            continue
    else:
        text = raw.decode("utf-8", "replace")
    return printable(text.replace("\r\n", "\n").replace("\r", "\n"))


def printable(text: str) -> str:
    """A text of a sender's that is harmless on a screen; lines and tabs stay."""
    return "".join(c if c in "\n\t" or c.isprintable() else _symbol(c) for c in text)


def _symbol(character: str) -> str:
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else f"\\u{code:04x}"  # noqa: PLR2004 -- C0 controls


def _slices(numbers: Sequence[int]) -> list[list[int]]:
    return [list(numbers[i : i + AT_ONCE]) for i in range(0, len(numbers), AT_ONCE)]
