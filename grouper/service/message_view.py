"""Messages as a person looks at them: which there are, what one says, and settling those that wait.

Raw bytes may name the patient; they need the right ``persons`` beside ``quarantine``. What is logged
here is what is *done*; whoever shows a list or a message logs the look (:mod:`grouper.service.stored`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grouper.intake.forms import forms
from grouper.intake.outline import Outlined, outline_of
from grouper.service.access.principal import Right, demand
from grouper.service.interface_sizes import interface_sizes
from grouper.service.stored import case_ids
from grouper.store import arrivals
from grouper.store.quarantine import AT_ONCE, Quarantine, Wanted
from grouper.store.states import UNSETTLED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.intake.outline import Part
    from grouper.service.access.principal import Principal
    from grouper.store.database import Database
    from grouper.store.inbox import Stored
    from grouper.store.outcomes import Outcome
    from grouper.store.quarantine import Shown


@dataclass(frozen=True, slots=True)
class Page:
    """A page of messages.

    Attributes:
        rows: the newest first.
        channels: by which channel each came.
        following: the number behind which the next page begins; None: there are no more.
        cut: the page ended because enough was read, not because it is full: there may be more.
    """

    rows: Sequence[Outcome]
    channels: Mapping[int, str]
    following: int | None
    cut: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """One message.

    Attributes:
        shown: as it stands, with what became of it.
        cases: Grouper's own ids of the stays that it changed.
        outline: its fields, without who the patient is; None: its form gives none, it cannot be
            read, or its bytes are gone.
        names: what the field is called that its reason is about, by language.
        pending: a replay of it waits to be applied.
    """

    shown: Shown
    cases: Sequence[str]
    outline: Sequence[Part] | None
    names: Mapping[str, str]
    pending: bool

    @property
    def unsettled(self) -> bool:
        """Whether it waits for a person."""
        return self.shown.outcome is not None and self.shown.outcome.state in UNSETTLED

    def here(self, part: Part) -> bool:
        """Whether its reason is about a field, or about something within it."""
        place = "" if self.shown.outcome is None else self.shown.outcome.place
        return place == part.place or place.startswith((f"{part.place}.", f"{part.place}["))

    @property
    def present(self) -> bool:
        """Whether the field that its reason is about holds something."""
        return any(self.here(part) for part in self.outline or ())


def page(
    database: Database,
    principal: Principal,
    wanted: Wanted,
    *,
    channel: str | None = None,
    after: int = 0,
    limit: int,
) -> Page:
    """A page of the messages that were looked at by the worker.

    Args:
        database: inbox and store.
        principal: who asks.
        wanted: which.
        channel: only those that came by it; None: by any.
        after: behind which number; 0: from the newest on.
        limit: rows of the page.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.QUARANTINE)
    quarantine = Quarantine(database)
    rows: list[Outcome] = []
    ways: dict[int, str] = {}
    read = 0
    while read < interface_sizes().scan:
        # The channel stands in the inbox, which is another file than the store.
        block = limit + 1 if channel is None else AT_ONCE
        found = quarantine.search(wanted, limit=block, after=after, newest=True)
        read += len(found)
        known = arrivals.channels_of(database, [one.message_id for one in found])
        ways |= known
        rows += [one for one in found if channel in (None, known.get(one.message_id))]
        if len(rows) > limit:
            return Page(rows[:limit], ways, rows[limit - 1].message_id, cut=False)
        if len(found) < block:
            return Page(rows, ways, None, cut=False)
        after = found[-1].message_id
    return Page(rows, ways, after, cut=True)


def detail(database: Database, principal: Principal, number: int) -> Detail:
    """One message; whoever shows it has logged the look.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``MESSAGE_UNKNOWN``, ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.QUARANTINE)
    quarantine = Quarantine(database)
    shown = quarantine.look(number)
    stays = () if shown.outcome is None else shown.outcome.stays
    cases = case_ids(database, stays)
    return Detail(
        shown,
        [cases[stay] for stay in stays if stay in cases],
        _outline(shown.stored),
        _names(shown),
        number in quarantine.pending(),
    )


def _outline(stored: Stored) -> Sequence[Part] | None:
    known = forms()
    if stored.raw is None or stored.form not in known:
        return None
    return outline_of(known[stored.form], stored.raw)


def _names(shown: Shown) -> Mapping[str, str]:
    form: object = forms().get(shown.stored.form)
    if shown.outcome is None or not isinstance(form, Outlined):
        return {}
    return form.named(shown.outcome.place)


def raw_text(database: Database, principal: Principal, number: int) -> str | None:
    """The bytes of a message in words; whoever shows them has logged the look.

    Returns:
        None: retention let go of them.

    Raises:
        AccessError: ``NOT_ALLOWED``: it needs ``quarantine`` and ``persons``.
        StoreError: ``MESSAGE_UNKNOWN``, ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.QUARANTINE, Right.PERSONS)
    return Quarantine(database).look(number).text


def replay(database: Database, principal: Principal, number: int) -> int | None:
    """Apply a message that waits once more; it is logged.

    Returns:
        The number of its replay; None: one waits already.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``MESSAGE_UNKNOWN``, ``MESSAGE_SETTLED``, ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.QUARANTINE)
    return next(iter(Quarantine(database).replay([number], principal.name)), None)


def replay_reason(database: Database, principal: Principal, reason: str) -> tuple[int, int]:
    """Apply the messages that wait for one reason once more, the oldest first; each is logged.

    At most ``replay_at_once`` of them, so that whoever asked need not wait long.

    Returns:
        How many are replayed, and how many of the reason wait on.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.QUARANTINE)
    quarantine = Quarantine(database)
    wanted = Wanted(reason=reason)
    pending, most = quarantine.pending(), interface_sizes().replay_at_once
    chosen: list[int] = []
    after = 0
    while len(chosen) < most:
        found = quarantine.search(wanted, limit=AT_ONCE, after=after)
        chosen += [one.message_id for one in found if one.message_id not in pending]
        if len(found) < AT_ONCE:
            break
        after = found[-1].message_id
    done = quarantine.replay(chosen[:most], principal.name)
    return len(done), quarantine.count(wanted) - len(done)


def dismiss(database: Database, principal: Principal, number: int, note: str) -> None:
    """Put a message that waits aside and say why; it is logged.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``NOTE_NEEDED``, ``MESSAGE_UNKNOWN``, ``MESSAGE_SETTLED``, ``STORE_UNAVAILABLE``.
    """
    demand(principal, Right.QUARANTINE)
    Quarantine(database).dismiss([number], principal.name, note)
