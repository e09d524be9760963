"""One message while it is read: its resources, its version, and what a stay gathers of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grouper.intake.forms import IntakeError
from hl7_adapters.fhir.references import Resources, logical
from hl7_adapters.fhir.values import Coding, Json, codings, identifier, items, objects, pick, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hl7_adapters.fhir.book import Book

_PROFILE = re.compile(r"hl7\.org/fhir/([0-9]\.[0-9])/|\|([0-9]+\.[0-9]+)\.[0-9]+$")
_LONG_NUMBER = re.compile(r"[0-9]{11,}")
_SHAPES = {"object": dict, "list": list, "text": str}
_SHOWN = 96


@dataclass(slots=True)
class Stay:
    """What a message says of one stay, while it is gathered.

    Attributes:
        patient: the hospital's number of the patient.
        visit: the hospital's number of the stay.
        person: the Patient resource, or None.
        encounters: the Encounter of the stay and those that are part of it; the first is the stay.
        resources: other resources of the stay, by type.
        facts: raw values by field.
        extra: what has no field, by path.
        unknown: (place, value) of what was not understood.
    """

    patient: str
    visit: str
    person: Json | None = None
    encounters: list[Json] = field(default_factory=list)
    resources: dict[str, list[Json]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    unknown: list[tuple[str, str]] = field(default_factory=list)

    def note(self, place: str, value: str) -> None:
        """Keep something that was not understood, without a number that may name a person."""
        self.unknown.append((place, _LONG_NUMBER.sub("***", value)[:_SHOWN]))

    def all(self, kind: str) -> list[Json]:
        """The resources of a type that belong to the stay."""
        return self.resources.get(kind, [])


class Message:
    """A message and the tables it is read by."""

    def __init__(self, root: Json, book: Book) -> None:
        self.root = root
        self.book = book
        self.kind = text(root.get("resourceType"))
        self.resources = Resources(root)
        self._version: str | None = None

    def pick(self, resource: Json, kind: str, element: str) -> list[Any]:
        """The values of an element, wherever its version keeps it."""
        return pick(resource, self.book.paths[kind][element])

    def here(self, resource: Json, kind: str) -> set[str]:
        """The elements that a resource states anything of."""
        keys = self.book.elements.get(kind, {})
        return {element for key in resource if key in keys for element in keys[key]}

    def stated(self, resource: Json, kind: str) -> str:
        """What the status of a resource means; empty when it states none or one unknown."""
        for value in self.pick(resource, kind, "status"):
            code = value
            if isinstance(value, dict):
                code = next((text(c.get("code")) for c in objects(value.get("coding"))), "")
            return self.book.statuses.get((kind, text(code)), "")
        return ""

    def label(self) -> str:
        """What the message is, for the inbox: ``Bundle/transaction R4``."""
        kind = f"{self.kind}/{self.bundle}" if self.kind == "Bundle" else self.kind
        return f"{kind} {self.version()}".strip()[:64]

    @property
    def bundle(self) -> str:
        """The type of the bundle; empty for a single resource."""
        return text(self.root.get("type")) if self.kind == "Bundle" else ""

    @property
    def whole(self) -> bool:
        """Whether the message states its stays wholly."""
        return self.book.bundles.get(self.bundle or self.kind, (False, False))[1]

    def check(self, stated: str = "") -> None:
        """Refuse what is not taken.

        Args:
            stated: the version that the form is set to; it goes before what the message shows.

        Raises:
            IntakeError: ``TYPE_UNSUPPORTED``, ``VERSION_UNSUPPORTED`` or ``FHIR_DELETE``.
        """
        if not self.book.bundles.get(self.bundle or self.kind, (False, False))[0]:
            place = "Bundle.type" if self.kind == "Bundle" else "resourceType"
            raise IntakeError("TYPE_UNSUPPORTED", place=place)
        declared = self._declared()
        taken = {version for _, version, yes in self.book.versions if yes}
        if declared and declared not in taken:
            raise IntakeError("VERSION_UNSUPPORTED", place=f"{self.kind}.meta")
        for kind, marks in self.book.refused.items():
            for resource in () if stated or declared else self.resources.all(kind)[:1]:
                for key, shape, _ in marks:
                    if _has(resource, key, shape):
                        raise IntakeError("VERSION_UNSUPPORTED", place=f"{kind}.{key}")
        for at, entry in enumerate(items(self.root.get("entry"))):
            request = entry.get("request") if isinstance(entry, dict) else None
            if isinstance(request, dict) and request.get("method") in ("DELETE", "PATCH"):
                kind = re.split("[/?]", text(request.get("url")))[0]
                if kind in self.book.paths:
                    raise IntakeError("FHIR_DELETE", place=f"Bundle.entry[{at}].request")

    def version(self) -> str:
        """``R4``, ``R5``, ``R4+R5`` where both show, or empty where nothing tells."""
        if self._version is None:
            found = {
                version
                for kind, marks in self.book.markers.items()
                for resource in self.resources.all(kind)[:1]
                for key, shape, version in marks
                if _has(resource, key, shape)
            }
            self._version = self._declared() or "+".join(sorted(found))
        return self._version

    def _declared(self) -> str:
        """The version that the message states of itself."""
        meta = self.root.get("meta")
        profiles = meta.get("profile") if isinstance(meta, dict) else None
        stated = text(self.root.get("fhirVersion"))
        for profile in profiles if isinstance(profiles, list) else ():
            found = _PROFILE.search(profile) if isinstance(profile, str) else None
            # The version of a profile of someone else is that profile's own.
            if found and (found[1] or "//hl7.org/fhir/StructureDefinition/" in profile):
                stated = stated or found[1] or found[2]
        for prefix, version, _ in self.book.versions:
            if stated.startswith(prefix):
                return version
        return ""

    def number(self, resource: Json, kind: str, role: str) -> str:
        """The number of a resource in a role: by the table, else its first, else its own id."""
        stated = self.pick(resource, kind, "identifier")
        ranked = self.ranked(stated, role) if stated else ""
        if ranked or not self.resources.has_id(resource):
            return ranked
        return identifier(resource.get("id"))

    def ranked(self, identifiers: list[Any], role: str, *, only: bool = False) -> str:
        """The best identifier for a role.

        Args:
            identifiers: Identifier values.
            role: ``patient``, ``visit``, ``person``, ``hospital`` or ``region``.
            only: those alone that the table names for the role.
        """
        if not identifiers:
            return ""
        best, found = 10_000, ""
        ranks = self.book.identifiers.get(role)
        for stated in objects(identifiers):
            value = identifier(stated.get("value"))
            use = stated.get("use")
            if not value or use == "old":
                continue
            rank = None if ranks is None else _rank(stated, ranks)
            if rank is None:
                if only or (ranks is not None and self._of_person(stated)):
                    continue
                rank = 5_000 if use == "official" else 6_000
            if rank < best:
                best, found = rank, value
        return found

    def _of_person(self, stated: Json) -> bool:
        """Whether an identifier is one of a citizen: never the number of a patient or a stay."""
        return _rank(stated, self.book.identifiers.get("person", {})) is not None

    def logical(self, reference: object, role: str) -> str:
        """The number that a reference states itself, without the resource it leads to."""
        stated = logical(reference)
        return "" if stated is None else self.ranked([stated], role)

    def code(self, field_: str, concept: object, stay: Stay, place: str) -> str | None:
        """A FHIR code as the raw value of a field, by the table; unknown ones are noted."""
        if not concept:
            return None
        values = self.book.codes.get(field_, {})
        stated = list(codings(concept))
        for coding in stated:
            found = values.get((coding.system, coding.code))
            if found is not None:
                return found
        for coding in stated:
            stay.note(place, written(coding))
        return None


def written(coding: Coding) -> str:
    """A coding as it is reported."""
    return f"{coding.system}|{coding.code}" if coding.system else coding.code


def _rank(stated: Json, ranks: Mapping[tuple[str, str], int]) -> int | None:
    found = [ranks.get(("system", text(stated.get("system"))))]
    found += [ranks.get(("type", coding.code)) for coding in codings(stated.get("type"))]
    known = [rank for rank in found if rank is not None]
    return min(known) if known else None


def _has(resource: Json, key: str, shape: str) -> bool:
    value = resource.get(key)
    return value is not None and (not shape or isinstance(value, _SHAPES[shape]))
