"""The diagnoses and procedures of a stay from where R4 and R5 state them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hl7_adapters.fhir.coded import Entry, Gathered
from hl7_adapters.fhir.extensions import stated_extensions
from hl7_adapters.fhir.references import shape
from hl7_adapters.fhir.values import Json, codings, first_text, objects, pick, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hl7_adapters.fhir.message import Message, Stay


def diagnoses(message: Message, stay: Stay, claims: Sequence[Json]) -> Gathered:
    """The diagnoses: those of the claims, of the encounters' lists, and loose Conditions.

    Raises:
        IntakeError: ``FHIR_REFERENCE_LOST``.
    """
    gathered = Gathered(message, stay, "dx")
    for claim in claims:
        gathered.listing(_claimed(gathered, claim, "diagnosis"))
    for encounter in stay.encounters:
        gathered.listing(_encountered(gathered, encounter))
    left = message.book.codes.get("dx_category", {})
    for condition in stay.all("Condition"):
        if gathered.knows(condition):
            continue
        entry = gathered.stated(condition)
        for coding in codings(message.pick(condition, "Condition", "category")):
            if left.get((coding.system, coding.code)) == "excluded":
                entry.excluded = entry.excluded or coding.code
        gathered.loose(entry)
    return gathered


def _encountered(gathered: Gathered, encounter: Json) -> list[Entry]:
    message, found = gathered.message, []
    where = message.resources.place(encounter)
    paths = message.book.paths["Encounter.diagnosis"]
    stated = message.pick(encounter, "Encounter", "diagnosis")
    for at, item in enumerate(objects(stated)):
        place = f"{where}.diagnosis[{at}]"
        uses = pick(item, paths["use"])
        use = message.code("dx_role", uses, gathered.stay, f"{place}.use") or ""
        about = stated_extensions(message, "Encounter.diagnosis", item, gathered.stay)
        extended = text(about.pop("rank", ""))
        rank = first_text(pick(item, paths["rank"])) or extended
        targets = objects(pick(item, paths["condition"]))
        if not targets:
            gathered.stay.note(place, "condition")
        for target in targets:
            concept = target.get("concept")
            if isinstance(concept, dict):
                entry: Entry | None = Entry(f"{place}.condition", concept)
            else:
                entry = gathered.referred(target, encounter, f"{place}.condition")
            if entry is not None:
                entry.role, entry.order = use, rank
                entry.about = about | entry.about
                found.append(entry)
    return found


def _claimed(gathered: Gathered, claim: Json, element: str) -> list[Entry]:
    message, stay, found = gathered.message, gathered.stay, []
    kind, where = f"Claim.{element}", message.resources.place(claim)
    for at, item in enumerate(objects(message.pick(claim, "Claim", element))):
        place = f"{where}.{element}[{at}]"
        inner = "condition" if element == "diagnosis" else "procedure"
        reference = next(iter(objects(message.pick(item, kind, inner))), None)
        concept = message.pick(item, kind, "code")
        if reference is None:
            entry = Entry(place, concept) if concept else None
        else:
            entry = gathered.referred(reference, claim, place)
        if entry is None:
            stay.note(place, shape(reference))
            continue
        types = message.pick(item, kind, "type")
        entry.role = message.code(f"{gathered.name}_role", types, stay, f"{place}.type") or ""
        entry.order = first_text(message.pick(item, kind, "sequence"))
        if gathered.name == "dx":
            stated = message.pick(item, kind, "poa")
            poa = message.code("dx_poa", stated, stay, f"{place}.onAdmission")
            entry.about |= {} if poa is None else {"dx_poa": poa}
        else:
            date = first_text(message.pick(item, kind, "date"))
            entry.about |= {"px_date": date} if date else {}
        found.append(entry)
    return found


def procedures(message: Message, stay: Stay, claims: Sequence[Json]) -> Gathered:
    """The procedures: those of the claims, and loose Procedures.

    Raises:
        IntakeError: ``FHIR_REFERENCE_LOST``.
    """
    gathered = Gathered(message, stay, "px")
    for claim in claims:
        gathered.listing(_claimed(gathered, claim, "procedure"))
    roles = message.book.codes.get("px_role", {})
    for procedure in stay.all("Procedure"):
        entry = gathered.stated(procedure)
        category = codings(message.pick(procedure, "Procedure", "category"))
        found = (roles.get((c.system, c.code)) for c in category)
        entry.role = next((role for role in found if role), "")
        gathered.loose(entry)
    for entry in gathered.entries:
        if entry.resource is not None:
            _dated(message, entry, entry.resource)
    return gathered


def _dated(message: Message, entry: Entry, procedure: Json) -> None:
    date = first_text(message.pick(procedure, "Procedure", "date"))
    if date:
        entry.about.setdefault("px_date", date)
    status = first_text(message.pick(procedure, "Procedure", "status"))
    modifier = message.book.codes.get("px_modifier", {}).get(("", status))
    if modifier is not None:
        entry.about.setdefault("px_modifier", modifier)
