"""The stay that a hook is about: stored here, or carried in the hook's own prefetch."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from grouper.intake.event import EventKind, ItemAction
from grouper.intake.forms import IntakeError
from grouper.intake.record import case_of, merge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grouper.case.issues import Issue
    from grouper.case.record import Case
    from grouper.intake.event import Event
    from grouper.intake.forms import Form

_FHIR = "fhir"


@dataclass(frozen=True, slots=True)
class Carried:
    """A stay as a prefetch carries it; ``patient`` and ``visit`` are the hospital's numbers."""

    case: Case
    issues: Sequence[Issue]
    patient: str
    visit: str


def plain_id(reference: str) -> str:
    """The id in a FHIR reference: ``Encounter/12``, ``https://…/Encounter/12/_history/3``, ``12``."""
    return reference.split("/_history/", maxsplit=1)[0].rstrip("/").rpartition("/")[2]


def _resources(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 -- JSON
    if not isinstance(value, dict):
        return
    if value.get("resourceType") == "Bundle":
        entries = value.get("entry")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                yield from _resources(entry.get("resource"))
    elif "resourceType" in value:
        yield value


def carried(
    prefetch: Mapping[str, Any] | None, forms: Mapping[str, Form], encounter: str
) -> Carried | None:
    """The stay that a prefetch carries; None when it carries none that can be read.

    Args:
        prefetch: of the hook: resources and bundles of FHIR by key.
        forms: forms of messages; without that of FHIR nothing is read.
        encounter: id of the encounter; the stay of another one is not taken.
    """
    found = [one for value in (prefetch or {}).values() for one in _resources(value)]
    if not found or _FHIR not in forms:
        return None
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in found],
    }
    events: list[Event] = []
    with suppress(IntakeError, TypeError, RecursionError):
        events = list(forms[_FHIR].events(orjson.dumps(bundle, default=float)))
    stays = [event for event in events if event.kind is EventKind.STAY and event.visit]
    visits = {event.visit for event in stays}
    own = visits & {encounter}
    if not own and len(visits) != 1:
        return None
    visit = (own or visits).pop()
    return _case([event for event in stays if event.visit == visit], visit)


def _case(events: Sequence[Event], visit: str) -> Carried:
    record: dict[str, Any] = {}
    lines: dict[str, Mapping[str, Any]] = {}
    for stamp, event in enumerate(events, 1):
        record = merge(record, event, stamp)
        if event.lines_whole:
            lines.clear()
        for line in event.lines:
            if line.action is ItemAction.SET:
                lines[line.key] = line.about
            else:
                lines.pop(line.key, None)
    case, issues = case_of(record, list(lines.values()))
    patient = next((event.patient for event in events if event.patient), "")
    return Carried(case, issues, patient, visit)
