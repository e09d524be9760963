"""What a message says about a stay: the event that adapters decode and the record merges."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class EventKind(StrEnum):
    """What an event is about."""

    STAY = "stay"
    """One stay or visit: its facts, codes or charge lines."""
    PERSON = "person"
    """The person alone (registration, change of name); no stay is touched."""
    MERGE_PERSON = "merge_person"
    """Two numbers are one patient: ``prior_patient`` ends, ``patient`` goes on (ADT A40)."""
    MERGE_VISIT = "merge_visit"
    """Two numbers are one stay: ``prior_visit`` ends, ``visit`` goes on (ADT A42, A45, A35)."""
    NOTHING = "nothing"
    """Understood, and without meaning for a case (an allergy, a bed swap)."""
    REJECTED = "rejected"
    """One part of the message cannot be used (a row of a file), the others can: ``reason`` and
    ``place`` say why and where. It changes no stay; the message is quarantined for this part."""


class ItemAction(StrEnum):
    """What happens to one diagnosis, procedure or charge line (DG1-21, FT1-6)."""

    SET = "set"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """One diagnosis or procedure as the sender states it; values are raw text.

    Attributes:
        code: as written; empty when only a name came.
        rank: 0 for the principal diagnosis or main procedure, else 1.
        key: the sender's own id of the entry (DG1-20); empty: its code.
        action: whether the entry is set or taken away.
        about: further raw values by the names of the Case's companions (``dx_poa``, ``px_date``,
            ``px_level``, ``px_modifier``) and anything else worth keeping (``name``, ``type``).
    """

    code: str
    rank: int = 1
    key: str = ""
    action: ItemAction = ItemAction.SET
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One charge line; values are raw text, amounts in yuan (a refund is negative).

    Attributes:
        key: the sender's id of the line, unique within the stay (FT1-2, ``feedetl_sn``). A later
            line of the same key takes its place.
        about: raw values by the names of the Case's fields (``line_item``, ``line_name``,
            ``line_class``, ``line_quantity``, ``line_amount``, ``line_time``) and what else the
            line states (``hospital_item``, ``department``, ``physician``, ``price``, ``scope`` …).
    """

    key: str
    action: ItemAction = ItemAction.SET
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that a message says.

    Attributes:
        kind: what it is about.
        patient: the hospital's number of the patient; empty where the form does not say.
        visit: the hospital's number of the stay; must be there for a stay.
        hospital: code of the hospital; empty: the one the service is set up for.
        prior_patient: the number that ends with a merge.
        prior_visit: as above.
        cancelled: True: the stay is called off (A11); False: it stands (A01); None: not said.
        facts: raw values by the names of the Case's single fields. A name that is absent stays as
            it was; None clears it (A13 clears the discharge).
        dx: diagnoses; None: not said.
        dx_whole: the list replaces the one before (a snapshot); else entries are set one by one.
        px: procedures; None: not said.
        px_whole: as ``dx_whole``.
        lines: charge lines to be set or taken away, one by one.
        lines_whole: they replace all lines before (a snapshot of the whole bill).
        assessments: as the Case's ``assessment_…`` lists; None: not said.
        person: who it is, for roles that may see it: raw values under ``name``, ``id_number``,
            ``birth_date``, ``sex``; never part of the case.
        extra: what the sender states and the Case has no field for, kept as it came (Z segments,
            unmapped fields), by path.
        unknown: places whose codes the form's code lists do not know: (place, value).
        reason: why a rejected part cannot be used: a stable code whose words are ``reason.<CODE>``.
        place: where in the message a rejected part stands, such as ``row 17``; else empty.
    """

    kind: EventKind = EventKind.STAY
    patient: str = ""
    visit: str = ""
    hospital: str = ""
    prior_patient: str = ""
    prior_visit: str = ""
    cancelled: bool | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    dx: tuple[Coded, ...] | None = None
    dx_whole: bool = True
    px: tuple[Coded, ...] | None = None
    px_whole: bool = True
    lines: tuple[Line, ...] = ()
    lines_whole: bool = False
    assessments: Mapping[str, tuple[Any, ...]] | None = None
    person: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    unknown: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    place: str = ""
