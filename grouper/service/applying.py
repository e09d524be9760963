"""One message after the other becomes what it says: the part of the worker that applies.

What a message is, is told by its outcome. An error of one message never reaches another one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from grouper.intake.envelope import Verdict
from grouper.intake.event import EventKind
from grouper.intake.forms import IntakeError
from grouper.store.outcomes import Outcome
from grouper.store.putting import CONFLICT, fit
from grouper.store.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from grouper.intake.event import Event
    from grouper.intake.forms import Form
    from grouper.store.inbox import Stored
    from grouper.store.stays import Applier

EAGER = 256 * 1024
"""A message of up to so many bytes is read before the transaction, a larger one within it, so that
a large file is never whole in memory as events before they are applied."""
_log = structlog.get_logger("grouper.applying")


@dataclass(slots=True)
class Reading:
    """A message with what could be read of it.

    Attributes:
        stored: the message.
        events: what it says; None when it is large, or cannot be used.
        state: set when it is not to be applied.
        reason: why.
        place: where in the message.
    """

    stored: Stored
    events: tuple[Event, ...] | None = None
    state: State | None = None
    reason: str = ""
    place: str = ""
    numbers: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))

    def stop(self, state: State, reason: str, place: str = "") -> None:
        """It is not to be applied."""
        self.state, self.reason, self.place = state, reason, place


def read(stored: Stored, forms: Mapping[str, Form]) -> Reading:
    """Read a message of the inbox; never raises."""
    reading = Reading(stored)
    form = forms.get(stored.form)
    if stored.verdict is Verdict.UNUSABLE:
        reading.stop(State.QUARANTINED, stored.reason, stored.place)
    elif stored.verdict is Verdict.REFUSED:
        reading.stop(State.REFUSED, stored.reason, stored.place)
    elif stored.raw is None:
        reading.stop(State.QUARANTINED, "RAW_GONE")
    elif form is None:
        reading.stop(State.QUARANTINED, "FORM_MISSING")
    elif stored.replay_of is not None:
        # What was wrong with the original's envelope may be right by now (an own mapping).
        envelope = form.envelope(stored.raw, stored.control_id)
        if envelope.verdict is not Verdict.ACCEPTED and envelope.reason != CONFLICT:
            reading.stop(State.QUARANTINED, envelope.reason, envelope.place)
    if reading.state is None and stored.size <= EAGER:
        _decode(reading, forms)
    return reading


def _decode(reading: Reading, forms: Mapping[str, Form]) -> None:
    stored = reading.stored
    try:
        reading.events = tuple(forms[stored.form].events(stored.raw or b""))
    except IntakeError as error:
        reading.stop(State.QUARANTINED, error.code, str(error.params.get("place", "")))
    except Exception as error:  # noqa: BLE001 -- a fault of a form must not stop the intake
        _log.error("reading", message=stored.id, error=type(error).__name__)
        reading.stop(State.QUARANTINED, "PROCESSING_FAILED")
    else:
        visits, patients = reading.numbers
        for event in reading.events:
            visits.update((event.visit, event.prior_visit))
            patients.update((event.patient, event.prior_patient))


def apply(applier: Applier, reading: Reading, forms: Mapping[str, Form], at: datetime) -> Outcome:
    """Apply a message to the memory of the applier.

    Raises:
        Exception: nobody declared it; the applier must not be used any more.
    """
    stored = reading.stored
    stays: tuple[int, ...] = ()
    if reading.state is None:
        meaning = _Meaning(reading, forms)
        try:
            stays = applier.apply(meaning.events(), stored.id, stored.stamp, at)
        except IntakeError as error:
            reading.stop(State.QUARANTINED, error.code, str(error.params.get("place", "")))
        else:
            meaning.judge(reading)
    return finish(reading, at, stays)


def finish(reading: Reading, at: datetime, stays: tuple[int, ...] = ()) -> Outcome:
    """The outcome of a message that was applied or stopped."""
    state = reading.state or State.APPLIED
    if reading.stored.replay_of is not None and state in {State.QUARANTINED, State.REFUSED}:
        state = State.FAILED_AGAIN
    reason, place = fit(reading.reason, "reason"), fit(reading.place, "place")
    return Outcome.of(reading.stored, state, at, reason=reason, place=place, stays=stays)


class _Meaning:
    """Looks at the events of a message while the applier reads them."""

    def __init__(self, reading: Reading, forms: Mapping[str, Form]) -> None:
        self._reading = reading
        self._forms = forms
        self._any = False
        self._rejected: Event | None = None

    def events(self) -> Iterator[Event]:
        stored = self._reading.stored
        known: Iterable[Event] | None = self._reading.events
        if known is None:
            known = self._forms[stored.form].events(stored.raw or b"")
        for event in known:
            if event.kind is EventKind.REJECTED:
                self._rejected = self._rejected or event
            self._any = self._any or event.kind is not EventKind.NOTHING
            yield event

    def judge(self, reading: Reading) -> None:
        if self._rejected is not None:
            # The rest of it is applied; what is left waits for a person.
            reading.stop(State.QUARANTINED, self._rejected.reason, self._rejected.place)
        elif not self._any:
            reading.stop(State.IGNORED, "NO_CASE_EFFECT")
