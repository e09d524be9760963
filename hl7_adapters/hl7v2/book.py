"""A mapping made ready: what each type of message means and where its values come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.intake.event import EventKind
    from hl7_adapters.hl7v2.places import Place
    from hl7_adapters.hl7v2.sources import Source, Table


class Reads(StrEnum):
    """Parts of a message that a type may be read for."""

    PERSON = "person"
    FACTS = "facts"
    DX = "dx"
    PX = "px"
    LINES = "lines"
    EXTRA = "extra"


class Lists(StrEnum):
    """What a list of diagnoses or procedures in a message does to the one before."""

    WHOLE = "whole"
    """It takes its place (a snapshot)."""
    SINGLE = "single"
    """Its entries are set or taken away one by one (update mode)."""
    EXTRA = "extra"
    """Nothing; it is kept as it came, beside the case."""


@dataclass(frozen=True, slots=True)
class Number:
    """Where a number stands, and where the number that ends with a merge."""

    place: Place
    prior: Place


@dataclass(frozen=True, slots=True)
class TypeRule:
    """What one type of message means.

    Attributes:
        name: as MSH-9 writes it, ``ADT^A01``.
        meaning: in words.
        events: what it says, in this order.
        cancelled: see :class:`grouper.intake.event.Event`.
        reads: parts that it is read for.
        dx: what its diagnoses do.
        px: what its procedures do.
        clears: facts that it clears whatever else it carries.
        facts: where facts come from in this type, if elsewhere than usual.
        visit: where visit numbers stand in this type, if elsewhere than usual.
        renumbers: it may give the visit a new number (MRG beside a changed visit number).
        same_is_nothing: a merge of a visit with itself is no fault but without meaning.
    """

    name: str
    meaning: str
    events: tuple[EventKind, ...]
    cancelled: bool | None = None
    reads: frozenset[Reads] = frozenset(Reads)
    dx: Lists = Lists.WHOLE
    px: Lists = Lists.WHOLE
    clears: tuple[str, ...] = ()
    facts: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    visit: tuple[Number, ...] = ()
    renumbers: bool = False
    same_is_nothing: bool = False


@dataclass(frozen=True, slots=True)
class PatientRule:
    """Which of a patient's numbers is the hospital's.

    Attributes:
        numbers: fields of type CX, in the order of trying.
        types: identifier types (CX-5), the better first; any other comes after them.
        authorities: assigning authorities (CX-4.1), the better first, among equal types.
        never: identifier types that number something else (an identity card).
    """

    numbers: tuple[Number, ...]
    types: Mapping[str, int]
    authorities: Mapping[str, int]
    never: frozenset[str]


@dataclass(frozen=True, slots=True)
class CodesRule:
    """How diagnoses or procedures are read.

    Attributes:
        segment: that holds one of them.
        code: its code.
        key: the sender's id of the entry.
        action: ``set``, ``delete`` or ``none``.
        rank: its priority.
        principal: priorities of the principal one.
        otherwise: ``first``: the first one is principal where no entry states a priority;
            ``none``: then there is none.
        kind: of entry (admitting, final).
        kinds: kinds in the order of preference: in a snapshot the best kind that comes counts.
        admission: the kind that also states the diagnosis of admission; empty for none.
        system: whose codes they are.
        about: further values.
        own: segments that follow and belong to the entry.
    """

    segment: str
    code: Source
    key: Source
    action: Source
    rank: Source
    principal: frozenset[str]
    otherwise: str
    kind: Source
    kinds: tuple[str, ...]
    admission: str
    system: Source
    about: Mapping[str, Source]
    own: frozenset[str]


@dataclass(frozen=True, slots=True)
class LinesRule:
    """How charge lines are read.

    Attributes:
        segment: that holds one of them.
        key: the sender's id of the line.
        action: ``set`` or ``delete``.
        kind: ``charge``, ``credit`` (its amounts are taken as negative), ``adjust`` (as written)
            or ``payment`` (no charge; kept beside the case).
        procedure: code of a procedure that the line states.
        procedure_date: its date.
        about: further values.
        own: segments that follow and belong to the line.
    """

    segment: str
    key: Source
    action: Source
    kind: Source
    procedure: Source
    procedure_date: Source
    about: Mapping[str, Source]
    own: frozenset[str]


@dataclass(frozen=True, slots=True)
class ExtraRule:
    """What is kept beside the case: whole segments, and single places."""

    segments: frozenset[str]
    prefixes: tuple[str, ...]
    places: tuple[Place, ...]
    mapped: frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """How an acknowledgement is written.

    Attributes:
        version: where the message states none.
        error_since: version from which ERR has a field for each thing it says.
        codes: of HL7 table 0357, by our reason.
        otherwise: code of a reason without one.
    """

    version: str
    error_since: str
    codes: Mapping[str, str]
    otherwise: str


@dataclass(frozen=True, slots=True)
class Book:
    """A whole mapping.

    Attributes:
        types: by name.
        versions: that are taken; "" stands for a message without one.
        patient: which number is the patient's.
        visit: where the visit's number stands, in the order of trying.
        hospital: code of the hospital.
        facts: by the Case's fields.
        person: by the names of :class:`grouper.intake.event.Event`.
        dx: diagnoses.
        px: procedures.
        lines: charge lines.
        extra: what is kept beside the case.
        tables: of values, by name.
        answer: how an acknowledgement is written.
    """

    types: Mapping[str, TypeRule]
    versions: frozenset[str]
    patient: PatientRule
    visit: tuple[Number, ...]
    hospital: Source
    facts: Mapping[str, Source]
    person: Mapping[str, Source]
    dx: CodesRule
    px: CodesRule
    lines: LinesRule
    extra: ExtraRule
    tables: Mapping[str, Table]
    answer: AnswerRule
