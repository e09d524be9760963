"""Which stays a message speaks of, and which of its resources belongs to which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.intake.forms import IntakeError
from hl7_adapters.fhir.message import Stay
from hl7_adapters.fhir.references import shape
from hl7_adapters.fhir.values import Json, codings, objects, one, pick

if TYPE_CHECKING:
    from hl7_adapters.fhir.message import Message

_OWNED = ("Condition", "Procedure", "ChargeItem", "Claim", "Observation")


class Stays:
    """The stays of a message, by their Encounter or, without one, by the number they are named by."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.found: list[Stay] = []
        self.problems: list[tuple[Json, str]] = []
        self._of: dict[int, Stay] = {}
        self._named: dict[str, Stay] = {}
        self._patients: dict[tuple[str, str] | None, tuple[str, Json | None]] = {}
        self._stays: dict[tuple[str, str] | None, Stay] = {}

    def first(self) -> tuple[str, str]:
        """Patient and visit of the first stay, for the envelope; empty where not stated.

        Raises:
            IntakeError: as :meth:`gather`, for what concerns the first Encounter; without one,
                for all.
        """
        resources = self.message.resources
        encounters = resources.all("Encounter")
        if encounters:
            stay = self._encounter(encounters[0])
            return stay.patient, stay.visit
        stays = self.gather()
        if stays:
            return stays[0].patient, stays[0].visit
        patients = resources.all("Patient")
        if patients:
            return self.message.number(patients[0], "Patient", "patient"), ""
        raise IntakeError("VISIT_MISSING", place=self.message.kind)

    def gather(self) -> list[Stay]:
        """All stays with their resources.

        Raises:
            IntakeError: ``PATIENT_MISSING``, ``VISIT_MISSING``, ``PATIENT_CONFLICT``,
                ``FHIR_REFERENCE_LOST`` or ``TYPE_UNSUPPORTED`` (a claim of several stays).
        """
        for encounter in self.message.resources.all("Encounter"):
            self._encounter(encounter)
        for kind in _OWNED:
            for resource in self.message.resources.all(kind):
                stay = self._owner(resource, kind)
                if stay is not None:
                    stay.resources.setdefault(kind, []).append(resource)
        return self.found

    def _encounter(self, encounter: Json) -> Stay:
        known = self._of.get(id(encounter))
        if known is not None:
            return known
        message = self.message
        part = message.book.paths["Encounter"]["part"]
        chain, end = message.resources.chain(encounter, part, "Encounter")
        top = chain[-1]
        stay = self._of.get(id(top))
        if stay is None:
            stay = self._begin(top)
            self._of[id(top)] = stay
        if encounter is not top:
            self._of[id(encounter)] = stay
            stay.encounters.append(encounter)
        if end:
            stay.note(f"{message.resources.place(encounter)}.partOf", end)
        return stay

    def _begin(self, encounter: Json) -> Stay:
        message = self.message
        place = message.resources.place(encounter)
        visit = message.number(encounter, "Encounter", "visit")
        if not visit:
            raise IntakeError("VISIT_MISSING", place=f"{place}.identifier")
        patient, person = self._patient(encounter, "Encounter")
        if not patient:
            raise IntakeError("PATIENT_MISSING", place=f"{place}.subject")
        stay = Stay(patient, visit, person, [encounter])
        self.found.append(stay)
        self._named.setdefault(visit, stay)
        return stay

    def _patient(self, resource: Json, kind: str) -> tuple[str, Json | None]:
        """Number and resource of the patient whom a resource is about."""
        message = self.message
        reference = one(resource, message.book.paths[kind]["patient"])
        if reference is None:
            return "", None
        address = message.resources.address(reference, resource)
        if address in self._patients:
            return self._patients[address]
        person = message.resources.find(reference, resource, "Patient")
        if person is None:
            return message.logical(reference, "patient"), None
        found = (message.number(person, "Patient", "patient"), person)
        if address is not None:
            self._patients[address] = found
        return found

    def _owner(self, resource: Json, kind: str) -> Stay | None:
        """The stay of a resource; None: it belongs to none and is no part of any case."""
        found: Stay | None = None
        for reference in self._references(resource, kind):
            stay = self._referred(reference, resource, kind)
            if stay is None:
                place = f"{self.message.resources.place(resource)}.encounter: {shape(reference)}"
                raise IntakeError("FHIR_REFERENCE_LOST", place=place)
            if found is not None and stay is not found:
                place = f"{self.message.resources.place(resource)}.item.encounter"
                raise IntakeError("TYPE_UNSUPPORTED", place=place)
            found = stay
        patient, person = self._patient(resource, kind)
        if found is not None:
            self._same(found, patient, person, resource)
            return found
        return self._unsaid(resource, kind, patient, person)

    def _references(self, resource: Json, kind: str) -> list[Json]:
        paths = self.message.book.paths[kind]["encounter"]
        if kind == "Claim":
            return objects(pick(resource, paths))
        reference = one(resource, paths)
        return [] if reference is None else [reference]

    def _referred(self, reference: Json, resource: Json, kind: str) -> Stay | None:
        message = self.message
        address = message.resources.address(reference, resource)
        if address in self._stays:
            return self._stays[address]
        encounter = message.resources.find(reference, resource, "Encounter")
        if encounter is not None:
            stay = self._encounter(encounter)
            if address is not None:
                self._stays[address] = stay
            return stay
        visit = message.logical(reference, "visit")
        if not visit:
            return None
        if visit not in self._named:
            patient, person = self._patient(resource, kind)
            if not patient:
                place = message.resources.place(resource)
                raise IntakeError("PATIENT_MISSING", place=place)
            self._named[visit] = Stay(patient, visit, person)
            self.found.append(self._named[visit])
        return self._named[visit]

    def _same(self, stay: Stay, patient: str, person: Json | None, resource: Json) -> None:
        if patient and patient != stay.patient:
            place = f"{self.message.resources.place(resource)}.subject"
            raise IntakeError("PATIENT_CONFLICT", place=place)
        if person is not None and stay.person is None:
            stay.person = person

    def _unsaid(self, resource: Json, kind: str, patient: str, person: Json | None) -> Stay | None:
        """The stay of a resource that names none: the only one of its patient in the message."""
        message = self.message
        own = [stay for stay in self.found if not patient or stay.patient == patient]
        only = own[0] if len(own) == 1 else None
        if only is not None and patient:
            self._same(only, patient, person, resource)
        if kind == "Observation":
            return only
        if kind == "Condition":
            category = message.book.codes.get("dx_category", {})
            meant = any(
                category.get((c.system, c.code)) == "stands"
                for c in codings(message.pick(resource, kind, "category"))
            )
            # A Condition without an Encounter is one of the person, unless the stay lists it.
            return only if meant else None
        if only is None:
            place = f"{message.resources.place(resource)}.encounter"
            raise IntakeError("FHIR_REFERENCE_LOST" if self.found else "VISIT_MISSING", place=place)
        return only
