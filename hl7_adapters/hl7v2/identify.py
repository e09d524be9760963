"""What a message is about: its type, its patients and visits, and whether it can be used at all.

Both readings of a message, its envelope and its events, stand on this, so that they agree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grouper.intake.event import EventKind
from grouper.intake.forms import IntakeError
from hl7_adapters.hl7v2.codec import NULL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hl7_adapters.hl7v2.book import Book, Number, PatientRule, TypeRule
    from hl7_adapters.hl7v2.codec import Message, Segment

_OF_MESSAGE = frozenset({"MSH", "SFT", "EVN"})
_OF_PERSON = frozenset({"PID", "PD1", "MRG"})
_NOTHING = (EventKind.NOTHING,)


@dataclass(slots=True)
class Group:
    """The part of a message that speaks of one patient and, where there is one, one visit.

    Attributes:
        segments: in their order.
        scope: the same by name.
        patient: number of the patient.
        visit: number of the visit.
        prior_patient: number that ends with a merge.
        prior_visit: as above.
    """

    segments: list[Segment] = field(default_factory=list)
    scope: dict[str, list[Segment]] = field(default_factory=dict)
    patient: str = ""
    visit: str = ""
    prior_patient: str = ""
    prior_visit: str = ""

    def add(self, segments: Iterable[Segment]) -> None:
        """Take segments in."""
        for segment in segments:
            self.segments.append(segment)
            self.scope.setdefault(segment.name, []).append(segment)


def message_type(message: Message) -> str:
    """``ADT^A08``: MSH-9, its event from EVN-1 when it states none."""
    header = message.segments[0]
    kind = header.value(9).strip()
    event = header.value(9, 2).strip()
    if not event or event == NULL:
        first = message.first("EVN")
        event = first.value(1).strip() if first else ""
    return f"{kind}^{event}" if event and event != NULL else kind


def version(message: Message) -> str:
    """MSH-12.1; empty when the message states none."""
    found = message.segments[0].value(12).strip()
    return "" if found == NULL else found


def rule_of(message: Message, book: Book) -> TypeRule:
    """The rule of the message's type.

    Raises:
        IntakeError: ``TYPE_UNSUPPORTED``, ``VERSION_UNSUPPORTED``.
    """
    rule = book.types.get(message_type(message))
    if rule is None or not rule.events:
        raise IntakeError("TYPE_UNSUPPORTED", place="MSH-9")
    if version(message) not in book.versions:
        raise IntakeError("VERSION_UNSUPPORTED", place="MSH-12")
    return rule


def groups(message: Message, rule: TypeRule, book: Book) -> list[Group]:
    """The parts of a message, each with its numbers, at least one.

    A further PID begins another patient, a further PV1 another visit. Parts of the same visit are
    one.
    """
    found: dict[tuple[str, str, str, str], Group] = {}
    for group in _parts(message.segments):
        _number(group, rule, book)
        key = (group.patient, group.visit, group.prior_patient, group.prior_visit)
        known = found.get(key)
        if known is None:
            found[key] = group
        else:
            known.add(s for s in group.segments if s.name not in _OF_MESSAGE | _OF_PERSON)
    return list(found.values())


def check(group: Group, rule: TypeRule) -> None:
    """Whether a part has the numbers that its type needs.

    Raises:
        IntakeError: ``PATIENT_MISSING``, ``VISIT_MISSING``, ``MERGE_INCOMPLETE``,
            ``MERGE_TO_ITSELF``, ``PATIENT_CONFLICT`` (a visit that goes to another patient).
    """
    if rule.events == _NOTHING:
        return
    if not group.patient:
        raise IntakeError("PATIENT_MISSING", place="PID-3")
    for event in rule.events:
        if event is EventKind.MERGE_PERSON:
            if not group.prior_patient:
                raise IntakeError("MERGE_INCOMPLETE", place="MRG-1")
            if group.prior_patient == group.patient:
                raise IntakeError("MERGE_TO_ITSELF", place="MRG-1")
        elif event is EventKind.MERGE_VISIT:
            _check_visits(group, rule)
        elif event is EventKind.STAY and not group.visit:
            raise IntakeError("VISIT_MISSING", place="PV1-19")


def _check_visits(group: Group, rule: TypeRule) -> None:
    if not group.visit:
        raise IntakeError("VISIT_MISSING", place="PV1-19")
    if not group.prior_visit:
        raise IntakeError("MERGE_INCOMPLETE", place="MRG-5")
    if group.prior_visit != group.visit:
        return
    if not rule.same_is_nothing:
        raise IntakeError("MERGE_TO_ITSELF", place="MRG-5")
    if group.prior_patient not in ("", group.patient):
        raise IntakeError("PATIENT_CONFLICT", place="MRG-1")


def _parts(segments: Sequence[Segment]) -> list[Group]:
    names = [segment.name for segment in segments]
    if names.count("PID") <= 1 and names.count("PV1") <= 1:
        whole = Group()
        whole.add(segments)
        return [whole]
    parts: list[Group] = []
    head: list[Segment] = []
    person: list[Segment] = []
    current = Group()
    for segment in segments:
        name = segment.name
        if name in _OF_MESSAGE:
            head.append(segment)
        elif name == "PID":
            person = []
        if name in _OF_PERSON:
            person.append(segment)
        if (name == "PID" and "PID" in current.scope) or (name == "PV1" and "PV1" in current.scope):
            parts.append(current)
            current = Group()
            current.add(head)
            if name == "PV1":
                current.add(person)
        current.add((segment,))
    parts.append(current)
    return parts


def _number(group: Group, rule: TypeRule, book: Book) -> None:
    group.patient, group.prior_patient = _pair(
        ((_cx(n, book.patient, group.scope)) for n in book.patient.numbers),
        both=EventKind.MERGE_PERSON in rule.events,
    )
    group.visit, group.prior_visit = _pair(
        (
            (_plain(n.place.read(group.scope)), _plain(n.prior.read(group.scope)))
            for n in rule.visit or book.visit
        ),
        both=EventKind.MERGE_VISIT in rule.events,
    )


def _pair(pairs: Iterable[tuple[str, str]], *, both: bool) -> tuple[str, str]:
    """The first number that is there, with its prior one; where both are needed, the first two."""
    first = ("", "")
    for number, prior in pairs:
        if number and (prior or not both):
            return number, prior
        if number and not first[0]:
            first = (number, prior)
    return first


def _cx(
    number: Number, rule: PatientRule, scope: Mapping[str, Sequence[Segment]]
) -> tuple[str, str]:
    return (
        _best(number.place.parts[0].segment, number.place.parts[0].field, rule, scope),
        _best(number.prior.parts[0].segment, number.prior.parts[0].field, rule, scope),
    )


def _best(name: str, at: int, rule: PatientRule, scope: Mapping[str, Sequence[Segment]]) -> str:
    """The best of the numbers in a field of type CX."""
    best, found = (len(rule.types) + 1, 0), ""
    for segment in scope.get(name, ())[:1]:
        for repetition in range(1, segment.repetitions(at) + 1):
            value = _plain(segment.value(at, 1, repetition=repetition).strip())
            kind = segment.value(at, 5, repetition=repetition).strip()
            if not value or kind in rule.never:
                continue
            authority = segment.value(at, 4, repetition=repetition).strip()
            rank = (
                rule.types.get(kind, len(rule.types)),
                rule.authorities.get(authority, len(rule.authorities)),
            )
            if rank < best:
                best, found = rank, value
    return found


def _plain(value: str) -> str:
    return "" if value == NULL else value
