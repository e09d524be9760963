"""The facts of a stay: class, times, way of discharge, departments, costs, observations."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from hl7_adapters.fhir.charges import amount_of
from hl7_adapters.fhir.extensions import kept, leave, raw_value, stated_extensions
from hl7_adapters.fhir.people import attender, department
from hl7_adapters.fhir.values import Json, codings, converted, first_text, objects, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hl7_adapters.fhir.message import Message, Stay


def encounter_facts(message: Message, stay: Stay, encounter: Json) -> bool | None:
    """Read the Encounter of the stay.

    Returns:
        Whether the stay is called off; None: not said.

    Raises:
        InexactError: the message must be read exactly.
    """
    place = message.resources.place(encounter)
    meaning = message.stated(encounter, "Encounter")
    if not meaning:
        status = first_text(message.pick(encounter, "Encounter", "status"))
        stay.note(f"{place}.status", status)
    classes = message.pick(encounter, "Encounter", "class")
    kind = message.code("kind", classes, stay, f"{place}.class")
    if kind is not None:
        stay.facts["kind"] = kind
    _shaped(message, stay, encounter, place)
    _times(message, stay, encounter, meaning)
    ways = message.pick(encounter, "Encounter", "disposition")
    way = message.code("discharge_way", ways, stay, f"{place}.dischargeDisposition")
    if way is not None:
        stay.facts["discharge_way"] = way
    elif ways:
        stay.extra["Encounter.dischargeDisposition"] = kept(ways)
    admitted, discharged = department(message, encounter)
    stay.facts |= {"admission_department": admitted} if admitted else {}
    stay.facts |= {"department": discharged} if discharged else {}
    attended = attender(message, stay, encounter)
    stay.facts |= {"physician": attended} if attended else {}
    for length in message.pick(encounter, "Encounter", "length"):
        days = converted(length, "los", message.book)
        if days is None:
            stay.note(f"{place}.length", "")
        else:
            stay.facts[days[0]] = days[1]
    stay.facts.update(stated_extensions(message, "Encounter", encounter, stay))
    leave(message, stay, encounter, "Encounter")
    return {"cancelled": True, "unsaid": None, "": None}.get(meaning, False)


def _shaped(message: Message, stay: Stay, encounter: Json, place: str) -> None:
    """Report an element that should hold others and does not."""
    for paths in message.book.paths["Encounter"].values():
        for path in paths:
            value = encounter.get(path[0]) if len(path) > 1 else None
            if value is not None and not isinstance(value, dict | list):
                stay.note(f"{place}.{path[0]}", "")


def _times(message: Message, stay: Stay, encounter: Json, meaning: str) -> None:
    for field, element in (("admission_time", "start"), ("discharge_time", "end")):
        stated = message.pick(encounter, "Encounter", element)
        found = first_text(stated)
        if found:
            stay.facts[field] = found
        elif stated:
            stay.note(f"{message.resources.place(encounter)}.{element}", "")
    # An Encounter is sent whole: in progress and without an end, a discharge was taken back.
    if meaning == "open" and "discharge_time" not in stay.facts:
        stay.facts |= {"discharge_time": None, "discharge_way": None}


def claim_facts(message: Message, stay: Stay, claims: Sequence[Json]) -> None:
    """Total cost of the claims, and what else they state.

    Raises:
        InexactError: the message must be read exactly.
    """
    totals = []
    for claim in claims:
        stated = objects(message.pick(claim, "Claim", "total"))
        amount, fault = amount_of(message, stated)
        if fault:
            stay.note(f"{message.resources.place(claim)}.total", fault)
        if amount is not None:
            totals.append(amount)
        stay.facts.update(stated_extensions(message, "Claim", claim, stay))
        leave(message, stay, claim, "Claim")
    if totals and len(totals) == len(claims):
        stay.facts["total_cost"] = plain(sum(totals, Decimal(0)))


def observed(message: Message, stay: Stay) -> None:
    """Observations that the table maps to a field; of several the last in the message counts.

    Raises:
        InexactError: the message must be read exactly.
    """
    for observation in stay.all("Observation"):
        if message.stated(observation, "Observation") == "excluded":
            continue
        fields = (
            message.book.observations.get((coding.system, coding.code))
            for coding in codings(message.pick(observation, "Observation", "code"))
        )
        field = next((f for f in fields if f), None)
        if field is None:
            continue
        values = message.pick(observation, "Observation", "value")
        into = raw_value(message, field, values[0]) if values else None
        if into is None:
            stay.note(f"{message.resources.place(observation)}.value", field)
        else:
            stay.facts[into[0]] = into[1]
