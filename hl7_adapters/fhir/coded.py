"""Diagnoses and procedures of a stay: gathered, put in order, given codes of one system."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grouper.intake.event import Coded, ItemAction
from grouper.intake.forms import IntakeError
from hl7_adapters.fhir.extensions import stated_extensions
from hl7_adapters.fhir.message import written
from hl7_adapters.fhir.references import shape
from hl7_adapters.fhir.values import (
    Coding,
    Json,
    codings,
    first_text,
    name_of,
    pick,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hl7_adapters.fhir.message import Message, Stay

PRINCIPAL, ADMISSION = "principal", "admission"
EARLY = (ADMISSION, "preliminary")
"""Roles of diagnoses that count only where there are no others; the first is that of admission."""
KINDS = {"dx": "Condition", "px": "Procedure"}
_SYSTEMS = ("nhsa", "clinical", "icd10cm")
"""Editions in the order of preference, where all codes of a stay come in several."""


@dataclass(slots=True)
class Entry:
    """One diagnosis or procedure while its stay is gathered.

    Attributes:
        place: where it is stated.
        concept: its CodeableConcept (or several).
        key: the sender's number of it; may be empty.
        role: what ``codes.csv`` makes of its type: ``principal``, ``other``, ``admission``,
            ``preliminary`` or empty.
        order: its number in the list that states it; ``1`` is the first.
        principal: whether it is the principal diagnosis or main procedure.
        admitted: whether it is said to be a diagnosis of admission, whatever else it is.
        about: as of :class:`grouper.intake.event.Coded`.
        resource: the Condition or Procedure, if there is one.
        excluded: the status that takes it out; empty: it stands.
        codings: of the concept.
    """

    place: str
    concept: Any
    key: str = ""
    role: str = ""
    order: str = ""
    principal: bool = False
    admitted: bool = False
    about: dict[str, Any] = field(default_factory=dict)
    resource: Json | None = None
    excluded: str = ""
    codings: list[Coding] = field(init=False)

    def __post_init__(self) -> None:
        """Read the codings, which are asked for several times, once."""
        self.codings = codings(self.concept)


class Gathered:
    """The diagnoses (``dx``) or procedures (``px``) of a stay in the order of their sources."""

    def __init__(self, message: Message, stay: Stay, name: str) -> None:
        self.message = message
        self.stay = stay
        self.name = name
        self.kind = KINDS[name]
        self.entries: list[Entry] = []
        self.listed = False
        self._known: set[int] = set()

    def listing(self, entries: Sequence[Entry]) -> None:
        """Add a list that a Claim or an Encounter states.

        The first list that says which one is principal decides; where a later one names another,
        that is reported. What an earlier list stated already is not added again.
        """
        leading = self._leading(entries)
        known = next((e for e in self.entries if e.principal), None)
        if leading is not None and known is not None:
            if not _same(leading, known):
                self.stay.note(leading.place, PRINCIPAL)
        elif leading is not None:
            leading.principal = True
        for entry in entries:
            self._add(entry)
        self.listed = self.listed or bool(entries)

    def loose(self, entry: Entry) -> None:
        """Add an entry that no list states."""
        if not entry.excluded and (entry.role == PRINCIPAL or entry.order == "1"):
            known = next((e for e in self.entries if e.principal), None)
            entry.principal = known is None
            if known is not None and not _same(entry, known):
                self.stay.note(entry.place, PRINCIPAL)
        self._add(entry)

    def knows(self, resource: Json) -> bool:
        """Whether a list stated this Condition or Procedure."""
        return id(resource) in self._known

    def _leading(self, entries: Sequence[Entry]) -> Entry | None:
        stand = [e for e in entries if not e.excluded]
        stated = [e for e in stand if e.role == PRINCIPAL]
        for extra in stated[1:]:
            self.stay.note(extra.place, PRINCIPAL)
        if stated:
            return stated[0]
        numbered = [e for e in stand if e.order == "1"]
        # The first of the early diagnoses is principal only where there are no others.
        return next((e for e in numbered if e.role not in EARLY), next(iter(numbered), None))

    def _add(self, entry: Entry) -> None:
        entry.admitted = entry.role == ADMISSION
        first = self._twin(entry) if self.entries else None
        if first is not None:
            first.about = entry.about | first.about
            first.principal = first.principal or entry.principal
            first.admitted = first.admitted or entry.admitted
            if first.role in EARLY and entry.role and entry.role not in EARLY:
                # Thought of at admission and found in the end: it is one of the others.
                first.role = entry.role
            return
        if entry.resource is not None:
            self._known.add(id(entry.resource))
        self.entries.append(entry)

    def _twin(self, entry: Entry) -> Entry | None:
        """The entry that states the same: the same resource or, where one has none, the same code."""
        if entry.resource is not None and self.knows(entry.resource):
            return next(e for e in self.entries if e.resource is entry.resource)
        if not self.listed:
            return None
        return next(
            (e for e in self.entries if None in (e.resource, entry.resource) and _same(e, entry)),
            None,
        )

    def referred(self, reference: Json, owner: Json, place: str) -> Entry | None:
        """The entry that a list states by a reference; None: it leads to another kind of thing.

        Raises:
            IntakeError: ``FHIR_REFERENCE_LOST``: it leads to nothing.
        """
        found = self.message.resources.find(reference, owner)
        if found is None:
            raise IntakeError("FHIR_REFERENCE_LOST", place=f"{place}: {shape(reference)}")
        return self.stated(found) if found.get("resourceType") == self.kind else None

    def stated(self, resource: Json) -> Entry:
        """The entry of a Condition or Procedure."""
        message = self.message
        place = message.resources.place(resource)
        concept = pick(resource, message.book.paths[self.kind]["code"])
        key = message.number(resource, self.kind, self.name)
        entry = Entry(f"{place}.code", concept, key, resource=resource)
        if message.stated(resource, self.kind) == "excluded":
            status = message.pick(resource, self.kind, "status")
            entry.excluded = next((coding.code for coding in codings(status)), "")
        found = stated_extensions(message, self.kind, resource, self.stay)
        entry.order = text(found.pop("rank", ""))
        entry.about.update(found)
        if self.name == "dx":
            # When it was written; an onset tells when the illness began, which is another thing.
            recorded = first_text(message.pick(resource, self.kind, "time"))
            entry.about |= {"dx_time": recorded} if recorded else {}
        return entry

    def coded(self) -> tuple[tuple[Coded, ...] | None, bool]:
        """The entries as an event states them, and whether they are all of the stay."""
        whole = self.listed or self.message.whole
        standing = [e for e in self.entries if not e.excluded]
        self._admission(standing)
        early = [e for e in standing if e.role in EARLY]
        if len(early) < len(standing):
            standing = [e for e in standing if e.role not in EARLY]
            for entry in early:
                self._keep(entry, entry.role)
        found = [self._coded(entry) for entry in standing]
        for entry in self.entries:
            if entry.excluded:
                self._keep(entry, entry.excluded)
                if not whole:
                    key = entry.key or next((c.code for c in entry.codings), "")
                    found.append(Coded(code="", key=key, action=ItemAction.DELETE))
        return (tuple(found) if found or self.entries else None), whole

    def _admission(self, entries: Sequence[Entry]) -> None:
        """State the diagnosis of admission: of those the first in rank, unless it stands already."""
        stated = sorted((e for e in entries if e.admitted), key=lambda e: e.order != "1")
        code = next((e.about["_code"] for e in stated if e.about.get("_code")), "")
        if code:
            self.stay.facts.setdefault("admission_dx", code)

    def _coded(self, entry: Entry) -> Coded:
        about = dict(entry.about)
        name = name_of(entry.concept)
        if name:
            about["name"] = name
        if entry.role:
            about["type"] = entry.role
        code = about.pop("_code", "")
        return Coded(code=code, rank=0 if entry.principal else 1, key=entry.key, about=about)

    def _keep(self, entry: Entry, why: str) -> None:
        stated = [written(coding) for coding in entry.codings]
        path = f"{self.kind}/{entry.key or (stated[0] if stated else entry.place)}"
        self.stay.extra[path] = {"code": stated, "name": name_of(entry.concept), "status": why}


def choose_codes(message: Message, stay: Stay, lists: Sequence[Gathered]) -> None:
    """Give every entry a code, all of one system where that can be, and state the system.

    Codes of systems that the tables do not know are kept and reported; of systems that are no
    classification of diagnoses or procedures (SNOMED CT) only the name is kept.
    """
    stated = [
        (entry, _by_meaning(message, gathered.name, entry))
        for gathered in lists
        for entry in gathered.entries
        if not entry.excluded
    ]
    coded = [codes for _, codes in stated if codes]
    best = max(
        _SYSTEMS,
        key=lambda system: sum(system in codes for codes in coded),
    )
    chosen = best if any(best in codes for codes in coded) else ""
    if chosen:
        stay.facts["code_system"] = chosen
    for entry, codes in stated:
        coding = codes.get(chosen) or next(iter(codes.values()), None)
        if coding is None:
            _without(message, entry, stay)
            continue
        entry.about["_code"] = coding.code
        if chosen not in codes or (not chosen):
            stay.note(entry.place, written(coding))


def _by_meaning(message: Message, name: str, entry: Entry) -> dict[str, Coding]:
    """The best coding of each edition; the edition is empty where the system does not say it."""
    systems = message.book.systems[name]
    found: dict[str, tuple[int, Coding]] = {}
    for coding in entry.codings:
        if coding.system not in systems:
            continue
        meaning, rank = systems[coding.system]
        if meaning not in found or rank < found[meaning][0]:
            found[meaning] = (rank, coding)
    return {meaning: coding for meaning, (_, coding) in found.items()}


def _without(message: Message, entry: Entry, stay: Stay) -> None:
    """An entry none of whose systems is known."""
    stated = entry.codings
    for coding in stated:
        stay.note(entry.place, written(coding))
    if not stated:
        stay.note(entry.place, "")
    entry.about["_code"] = next(
        (coding.code for coding in stated if coding.system not in message.book.other), ""
    )


def _same(one: Entry, other: Entry) -> bool:
    if one.resource is not None and other.resource is not None:
        return one.resource is other.resource
    codes = {c.code for c in one.codings}
    return any(c.code in codes for c in other.codings)
