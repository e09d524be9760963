"""A message to its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.intake.event import Event, EventKind
from grouper.intake.forms import IntakeError
from hl7_adapters.fhir.charges import lines
from hl7_adapters.fhir.coded import choose_codes
from hl7_adapters.fhir.facts import claim_facts, encounter_facts, observed
from hl7_adapters.fhir.lists import diagnoses, procedures
from hl7_adapters.fhir.people import coverage, hospital, merges, person, person_facts
from hl7_adapters.fhir.stays import Stays
from hl7_adapters.fhir.values import text

if TYPE_CHECKING:
    from hl7_adapters.fhir.message import Message, Stay
    from hl7_adapters.fhir.values import Json


_HOSPITAL = 64
"""Characters of a hospital's code that the store holds."""


def events(message: Message, stated: str = "") -> list[Event]:
    """What a message says: merges of patients, stays in their order, and patients without one.

    Args:
        message: the message.
        stated: the version that the form is set to; empty: what the message shows.

    Raises:
        IntakeError: it cannot be used.
        InexactError: it must be read exactly.
    """
    message.check(stated)
    found = list(merges(message))
    stays = Stays(message).gather()
    found += [_event(message, stay) for stay in stays]
    with_stay = {id(stay.person) for stay in stays}
    for patient in message.resources.all("Patient"):
        if id(patient) not in with_stay:
            found.append(_person(message, patient))
    if not found:
        raise IntakeError("VISIT_MISSING", place=message.kind)
    return found


def _person(message: Message, patient: Json) -> Event:
    number = message.number(patient, "Patient", "patient")
    if not number:
        place = f"{message.resources.place(patient)}.identifier"
        raise IntakeError("PATIENT_MISSING", place=place)
    return Event(kind=EventKind.PERSON, patient=number, person=person(message, patient))


def _event(message: Message, stay: Stay) -> Event:
    encounter = stay.encounters[0] if stay.encounters else None
    who = person(message, stay.person)
    if encounter is not None and message.stated(encounter, "Encounter") == "planned":
        return Event(kind=EventKind.NOTHING, patient=stay.patient, visit=stay.visit, person=who)
    claims = [claim for claim in stay.all("Claim") if _counts(message, claim)]
    cancelled, code = None, ""
    person_facts(message, stay)
    if encounter is not None:
        cancelled = encounter_facts(message, stay, encounter)
        code = hospital(message, encounter, stay)
        if len(code) > _HOSPITAL:
            stay.note(f"{message.resources.place(encounter)}.serviceProvider", "identifier")
            code = ""
    coverage(message, stay, claims)
    claim_facts(message, stay, claims)
    observed(message, stay)
    for claim in stay.all("Claim"):
        if not _counts(message, claim):
            told = {name: text(claim.get(name)) for name in ("status", "use")}
            stay.extra[f"Claim/{message.number(claim, 'Claim', 'line')}"] = told
    dx, px = diagnoses(message, stay, claims), procedures(message, stay, claims)
    choose_codes(message, stay, (dx, px))
    dx_coded, dx_whole = dx.coded()
    px_coded, px_whole = px.coded()
    charged, charged_whole = lines(message, stay, claims)
    if "+" in message.version():
        stay.note(message.kind, message.version())
    for place in message.resources.twice:
        stay.note(place, "fullUrl")
    return Event(
        patient=stay.patient,
        visit=stay.visit,
        hospital=code,
        cancelled=cancelled,
        facts=stay.facts,
        dx=dx_coded,
        dx_whole=dx_whole,
        px=px_coded,
        px_whole=px_whole,
        lines=charged,
        lines_whole=charged_whole,
        person=who,
        extra=stay.extra,
        unknown=tuple(stay.unknown),
    )


def _counts(message: Message, claim: Json) -> bool:
    use = message.pick(claim, "Claim", "use")
    meanings = {
        message.book.statuses.get(("Claim.use", value)) for value in use if isinstance(value, str)
    }
    return message.stated(claim, "Claim") != "excluded" and "excluded" not in meanings
