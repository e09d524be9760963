"""The events of a message, by the mapping."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from grouper.intake.event import Event, EventKind
from hl7_adapters.hl7v2.book import Lists, Reads
from hl7_adapters.hl7v2.codec import NULL
from hl7_adapters.hl7v2.identify import check, groups, rule_of
from hl7_adapters.hl7v2.items import Codes, read_codes, read_lines, without
from hl7_adapters.hl7v2.sources import Source, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hl7_adapters.hl7v2.book import Book, CodesRule, ExtraRule, TypeRule
    from hl7_adapters.hl7v2.codec import Message, Segment
    from hl7_adapters.hl7v2.identify import Group

_CODE_SYSTEM, _ADMISSION = "code_system", "admission_dx"
_SEVERAL = ", "
_DIGEST = 24


def read_events(message: Message, book: Book) -> tuple[Event, ...]:
    """What a message says, in its order.

    Raises:
        IntakeError: it is of a type or version that is not taken, or lacks a number.
    """
    rule = rule_of(message, book)
    parts = groups(message, rule, book)
    for part in parts:
        check(part, rule)
    origin = _origin(message)
    return tuple(event for part in parts for event in _events(part, rule, book, origin))


def _origin(message: Message) -> str:
    """What tells this message from any other: its sender and MSH-10, else a digest of it."""
    header = message.segments[0]
    control_id = header.value(10).strip()
    if control_id in ("", NULL):
        whole = "\r".join(segment.text for segment in message.segments)
        return hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest()[:_DIGEST]
    return f"{header.value(3).strip()}:{control_id}"


def _events(group: Group, rule: TypeRule, book: Book, origin: str) -> Iterator[Event]:
    """The events of one part, in the order that the type states."""
    unknown = Unknown()
    person = _person(group, rule, book)
    hospital = book.hospital.read(group.scope, unknown) or ""
    for kind in rule.events:
        same = kind is EventKind.MERGE_VISIT and group.prior_visit == group.visit
        if kind is EventKind.STAY:
            if rule.renumbers and group.prior_visit not in ("", group.visit):
                yield Event(
                    kind=EventKind.MERGE_VISIT,
                    patient=group.patient,
                    visit=group.visit,
                    hospital=hospital,
                    prior_visit=group.prior_visit,
                )
            yield _stay(group, rule, book, origin, hospital, person, unknown)
        elif kind is EventKind.NOTHING or same:
            yield Event(
                kind=EventKind.NOTHING,
                patient=group.patient,
                visit=group.visit,
                hospital=hospital,
                unknown=unknown.all(),
            )
        else:
            visits = kind is EventKind.MERGE_VISIT
            yield Event(
                kind=kind,
                patient=group.patient,
                visit=group.visit if visits else "",
                hospital=hospital,
                prior_patient=group.prior_patient if kind is EventKind.MERGE_PERSON else "",
                prior_visit=group.prior_visit if visits else "",
                person=person,
                unknown=unknown.all(),
            )


def _stay(
    group: Group,
    rule: TypeRule,
    book: Book,
    origin: str,
    hospital: str,
    person: dict[str, Any],
    unknown: Unknown,
) -> Event:
    facts = _facts(group, rule, book, unknown) if Reads.FACTS in rule.reads else {}
    extra: dict[str, Any] = {}
    if Reads.EXTRA in rule.reads:
        extra = _extra(group, book.extra)
    lists = {}
    for name, codes, part, mode in (
        ("dx", book.dx, Reads.DX, rule.dx),
        ("px", book.px, Reads.PX, rule.px),
    ):
        found = Codes(None)
        if part in rule.reads:
            found = _list(group, codes, mode, extra, unknown)
            _system(found, codes, facts, unknown)
            if found.admission:
                # A place of the mapping's own that states it goes before.
                facts.setdefault(_ADMISSION, found.admission)
        lists[name] = found.codes
    lines: tuple[Any, ...] = ()
    px = lists["px"]
    if Reads.LINES in rule.reads:
        charges = read_lines(group, book.lines, unknown, origin)
        lines = charges.lines
        _keep(group, book.lines.segment, charges.left, extra)
        if Reads.PX in rule.reads and rule.px is Lists.SINGLE:
            more = without(charges.procedures, {coded.code for coded in px or ()})
            px = ((px or ()) + more) or px
    return Event(
        kind=EventKind.STAY,
        patient=group.patient,
        visit=group.visit,
        hospital=hospital,
        cancelled=rule.cancelled,
        facts=facts | dict.fromkeys(rule.clears),
        dx=lists["dx"],
        dx_whole=rule.dx is Lists.WHOLE,
        px=px,
        px_whole=rule.px is Lists.WHOLE,
        lines=lines,
        person=person,
        extra=extra,
        unknown=unknown.all(),
    )


def _person(group: Group, rule: TypeRule, book: Book) -> dict[str, Any]:
    if Reads.PERSON not in rule.reads:
        return {}
    # A value here may name the person, so that none is noted as unknown.
    unsaid = Unknown()
    found = {name: source.read(group.scope, unsaid) for name, source in book.person.items()}
    given = found.pop("given")
    name = found["name"]
    if given and name:
        # 王 and 小明 make one word; Latin names are two.
        found["name"] = f"{given} {name}" if name.isascii() and given.isascii() else name + given
    elif given:
        found["name"] = given
    return {name: value for name, value in found.items() if value != ""}


def _facts(group: Group, rule: TypeRule, book: Book, unknown: Unknown) -> dict[str, Any]:
    found = {}
    for name, source in book.facts.items():
        places = rule.facts.get(name)
        if places is not None:
            source = Source(places, source.reading, source.table, source.unit)  # noqa: PLW2901 -- the same source elsewhere
        value = source.read(group.scope, unknown)
        if value != "":
            found[name] = value
    return found


def _list(
    group: Group, rule: CodesRule, mode: Lists, extra: dict[str, Any], unknown: Unknown
) -> Codes:
    if mode is Lists.EXTRA:
        count = len(group.scope.get(rule.segment, ()))
        _keep(group, rule.segment, range(1, count + 1), extra)
        return Codes(None)
    found = read_codes(group, rule, unknown, whole=mode is Lists.WHOLE)
    _keep(group, rule.segment, found.left, extra)
    return found


def _system(found: Codes, rule: CodesRule, facts: dict[str, Any], unknown: Unknown) -> None:
    """The edition of the codes is one for the whole case: the diagnoses' first statement."""
    if not found.systems:
        return
    facts.setdefault(_CODE_SYSTEM, found.systems[0])
    if set(found.systems) != {facts[_CODE_SYSTEM]}:
        place = rule.system.places[0].text
        unknown.add(place, _SEVERAL.join(found.systems))


def _keep(group: Group, name: str, numbers: Iterable[int], extra: dict[str, Any]) -> None:
    segments = group.scope.get(name, [])
    for number in numbers:
        _fields(segments[number - 1], f"{name}[{number}]", extra)


def _extra(group: Group, rule: ExtraRule) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, segments in group.scope.items():
        if name not in rule.segments and not name.startswith(rule.prefixes):
            continue
        for number, segment in enumerate(segments, 1):
            label = name if number == 1 else f"{name}[{number}]"
            _fields(segment, label, found, rule)
    for place in rule.places:
        part = place.parts[0]
        for segment in group.scope.get(part.segment, ())[:1]:
            raw = segment.raw(part.field)
            if raw:
                found[place.text] = None if raw == NULL else raw
    return found


def _fields(
    segment: Segment, label: str, found: dict[str, Any], rule: ExtraRule | None = None
) -> None:
    for number in range(1, segment.size + 1):
        raw = segment.raw(number)
        if raw and (rule is None or (segment.name, number) not in rule.mapped):
            found[f"{label}-{number}"] = None if raw == NULL else raw
