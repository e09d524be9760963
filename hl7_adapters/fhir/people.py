"""Patients, organisations and coverages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.places import insured_of
from grouper.intake.event import Event, EventKind
from grouper.intake.forms import IntakeError
from hl7_adapters.fhir.extensions import kept, leave, stated_extensions
from hl7_adapters.fhir.references import logical, shape
from hl7_adapters.fhir.values import (
    Json,
    codings,
    first_text,
    identifier,
    items,
    name_of,
    objects,
    pick,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hl7_adapters.fhir.message import Message, Stay


def person(message: Message, patient: Json | None) -> dict[str, str]:
    """Who the patient is, for :attr:`grouper.intake.event.Event.person`."""
    if patient is None:
        return {}
    names = objects(message.pick(patient, "Patient", "name"))
    names.sort(key=lambda name: name.get("use") != "official")
    identifiers = message.pick(patient, "Patient", "identifier")
    found = {
        "name": next((found for name in names if (found := _written(name))), ""),
        "id_number": message.ranked(identifiers, "person", only=True),
        "birth_date": first_text(message.pick(patient, "Patient", "birth")),
        "sex": first_text(message.pick(patient, "Patient", "gender")),
    }
    return {name: value for name, value in found.items() if value}


def _written(name: Json) -> str:
    stated = text(name.get("text"))
    parts = [text(name.get("family")), *(text(given) for given in items(name.get("given")))]
    joint = "" if all(not part.isascii() for part in parts if part) else " "
    return stated or joint.join(part for part in parts if part)


def person_facts(message: Message, stay: Stay) -> None:
    """Sex and birth date of the patient, and what extensions state."""
    patient = stay.person
    if patient is None:
        return
    place = message.resources.place(patient)
    gender = message.pick(patient, "Patient", "gender")
    sex = message.code("sex", gender, stay, f"{place}.gender")
    if sex is not None:
        stay.facts["sex"] = sex
    birth = first_text(message.pick(patient, "Patient", "birth"))
    if birth:
        stay.facts["birth_date"] = birth
    stay.facts.update(stated_extensions(message, "Patient", patient, stay))


def merges(message: Message) -> Iterator[Event]:
    """The merges that ``Patient.link`` states.

    Raises:
        IntakeError: ``MERGE_INCOMPLETE`` or ``MERGE_TO_ITSELF``.
    """
    meanings = message.book.codes.get("link", {})
    seen: set[tuple[str, str]] = set()
    for patient in message.resources.all("Patient"):
        for link in objects(message.pick(patient, "Patient", "link")):
            meaning = meanings.get(("", text(link.get("type"))))
            if meaning is None:
                continue
            place = f"{message.resources.place(patient)}.link"
            reference = link.get("other")
            found = message.resources.find(reference, patient, "Patient")
            other = (
                message.number(found, "Patient", "patient")
                if found is not None
                else message.logical(reference, "patient")
            )
            own = message.number(patient, "Patient", "patient")
            if not other or not own:
                raise IntakeError("MERGE_INCOMPLETE", place=f"{place}: {shape(reference)}")
            if other == own:
                raise IntakeError("MERGE_TO_ITSELF", place=place)
            ends, stays = (own, other) if meaning == "ends" else (other, own)
            if (ends, stays) not in seen:
                seen.add((ends, stays))
                yield Event(kind=EventKind.MERGE_PERSON, patient=stays, prior_patient=ends)


def hospital(message: Message, encounter: Json, stay: Stay) -> str:
    """The code of the hospital: of the service provider, or of what that is part of.

    A provider without a listed number is kept and reported; the code is empty then.
    """
    for reference in objects(message.pick(encounter, "Encounter", "hospital")):
        first = message.resources.find(reference, encounter, "Organization")
        if first is None:
            found = _listed(message, reference, "hospital")
            if not found:
                place = f"{message.resources.place(encounter)}.serviceProvider"
                stay.note(place, shape(reference))
            return found
        upper = message.book.paths["Organization"]["part"]
        chain, end = message.resources.chain(first, upper, "Organization")
        if end:
            stay.note(f"{message.resources.place(chain[-1])}.partOf", end)
        for organization in chain:
            identifiers = message.pick(organization, "Organization", "identifier")
            code = message.ranked(identifiers, "hospital", only=True)
            if code:
                return code
        stay.note(f"{message.resources.place(first)}.identifier", "hospital")
    return ""


def department(message: Message, encounter: Json) -> tuple[str, str]:
    """Departments of admission and discharge; empty where not stated.

    The service of the encounter counts, else the places where the patient was, in their order,
    else a service provider that is a department.
    """
    service = message.pick(encounter, "Encounter", "service")
    stated = next((c.code for c in codings(service)), "") or name_of(service)
    places = []
    for entry in objects(message.pick(encounter, "Encounter", "location")):
        reference = entry.get("location")
        if isinstance(reference, dict):
            places.append(named(message, reference, encounter))
    places = [place for place in places if place]
    if not stated and not places:
        for reference in objects(message.pick(encounter, "Encounter", "hospital")):
            found = message.resources.find(reference, encounter, "Organization")
            kinds = codings(found.get("type")) if found else ()
            meanings = message.book.codes.get("organization", {})
            if found and any(meanings.get((c.system, c.code)) == "department" for c in kinds):
                stated = named(message, reference, encounter)
    last = stated or (places[-1] if places else "")
    return (places[0] if places else ""), last


def named(message: Message, reference: Json, owner: Json) -> str:
    """What an organisation, place or practitioner is called: its number, name, or display."""
    found = message.resources.find(reference, owner)
    if found is None:
        return message.logical(reference, "") or text(reference.get("display"))
    number = message.ranked(items(found.get("identifier")), "")
    return number or text(found.get("name")) or identifier(found.get("id"))


def physician(message: Message, reference: Json, owner: Json) -> str:
    """The code of a physician: a number of the work, never one of the citizen, never a name."""
    found = message.resources.find(reference, owner)
    if found is None:
        return message.logical(reference, "physician")
    number = message.ranked(items(found.get("identifier")), "physician")
    return number or (identifier(found.get("id")) if message.resources.has_id(found) else "")


def attender(message: Message, stay: Stay, encounter: Json) -> str:
    """The code of the physician who attends the stay; all participants are kept beside the case.

    Raises:
        InexactError: the message must be read exactly.
    """
    stated = message.pick(encounter, "Encounter", "participant")
    if stated:
        stay.extra["Encounter.participant"] = kept(stated)
    roles = message.book.codes.get("participant", {})
    paths = message.book.paths["Encounter.participant"]
    for participant in objects(stated):
        kinds = codings(pick(participant, paths["type"]))
        if any(roles.get((kind.system, kind.code)) == "physician" for kind in kinds):
            for reference in objects(pick(participant, paths["actor"])):
                code = physician(message, reference, encounter)
                if code:
                    return code
    return ""


def coverage(message: Message, stay: Stay, claims: Sequence[Json]) -> None:
    """Kind of insurance and insured place, from the coverage that the claim or order puts first."""
    focal, others = _coverages(message, stay, claims)
    if focal is None:
        return
    place = message.resources.place(focal)
    kinds = message.pick(focal, "Coverage", "type")
    kind = next((c.code for c in codings(kinds)), "") or name_of(kinds)
    if kind:
        stay.facts["insurance_type"] = kind
    for reference in objects(message.pick(focal, "Coverage", "payor")):
        payor = message.resources.find(reference, focal, "Organization")
        if payor is None:
            insured = _listed(message, reference, "region")
            if not insured:
                stay.note(f"{place}.payor", shape(reference))
        else:
            identifiers = message.pick(payor, "Organization", "identifier")
            insured = message.ranked(identifiers, "region", only=True)
        if insured:
            # Scheme and policy hang on the place of treatment, of which a payor says nothing.
            stay.facts.setdefault("insured_region", insured_of(insured))
    stay.facts.update(stated_extensions(message, "Coverage", focal, stay))
    leave(message, stay, focal, "Coverage")
    if others:
        stay.extra["Coverage.others"] = [
            {"type": name_of(c.get("type")) or [x.code for x in codings(c.get("type"))]}
            for c in others
        ]


def _listed(message: Message, reference: Json, role: str) -> str:
    """The number that a reference states itself, if the table lists it for the role."""
    stated = logical(reference)
    return "" if stated is None else message.ranked([stated], role, only=True)


def _coverages(
    message: Message, stay: Stay, claims: Sequence[Json]
) -> tuple[Json | None, list[Json]]:
    known = message.resources.all("Coverage")
    if not known:
        return None, []
    own = []
    for stated in known:
        if message.stated(stated, "Coverage") == "excluded":
            continue
        number = ""
        for reference in objects(message.pick(stated, "Coverage", "patient")):
            found = message.resources.find(reference, stated, "Patient")
            number = (
                message.number(found, "Patient", "patient")
                if found is not None
                else message.logical(reference, "patient")
            )
        if number == stay.patient:
            own.append(stated)
    for claim in claims:
        insurances = objects(message.pick(claim, "Claim", "insurance"))
        insurances.sort(key=lambda i: i.get("focal") is not True)
        for insurance in insurances:
            found = message.resources.find(insurance.get("coverage"), claim, "Coverage")
            if found is not None and any(found is c for c in own):
                return found, [c for c in own if c is not found]
    orders = [first_text(message.pick(c, "Coverage", "order")) for c in own]
    ranked = sorted(range(len(own)), key=lambda i: (len(orders[i]) or 99, orders[i], i))
    return (own[ranked[0]], [own[i] for i in ranked[1:]]) if own else (None, [])
