"""How a DIP catalogue is matched: the named readings on the card of its book.

``docs/DIP.md`` ("Matching") says what each option means, where it comes from and which cities use
it. A card names only what differs from its ``rules``: ``national`` (DIP 3.0, 医保发〔2026〕22号) or
``standard`` (DIP 2.0, as a public implementation for eight cities does it).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from codebooks.dip.grammar import FIRST_AND_ANY, NEIGHBOURS, WHOLE_PROCEDURE
from codebooks.errors import GrouperError, Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from codebooks.book import BookCard

PRE, MERGED, DETAIL, BASIC = "XQ", "BX", "FZ", "JC"
"""Sections of the national catalogue, in their order."""

CORE, COMPREHENSIVE, PRIMARY_CARE = "HX", "ZH", "JCB"
"""Sections of a city's catalogue."""

SECTIONS = (PRE, MERGED, DETAIL, BASIC, CORE, PRIMARY_CARE, COMPREHENSIVE)


class Treatment(IntEnum):
    """What a procedure, and so a comprehensive row, is for; a smaller number goes first."""

    SURGERY = 0
    THERAPEUTIC = 1
    DIAGNOSTIC = 2
    CONSERVATIVE = 3


class Preference(StrEnum):
    """What decides between rows of one step that hold; the catalogue's order decides at last."""

    TREATMENT = "treatment"  # the first kind among the procedures that meet the row
    COMPLETE = "complete"  # all related parts are met, before some, before a row without any
    PARTS = "parts"  # related parts that are met
    MATCHED = "matched"  # distinct procedures of the case that the row lists
    EXACT = "exact"  # the case has no procedure beside those that the row lists
    SCORE = "score"
    COST = "cost"  # distance between the case's cost and the row's mean cost


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the order: rows of some sections, with a procedure or a treatment or conservative.

    Attributes:
        sections: the sections whose rows are tried together.
        conservative: whether their conservative rows are meant, or all others.
        preferences: what decides between rows that hold; None for those of the book.
    """

    sections: tuple[str, ...]
    conservative: bool = False
    preferences: tuple[Preference, ...] | None = None


_FIRST = (Stage((PRE,), preferences=()), Stage((MERGED,)), Stage((DETAIL,)))
_COMPREHENSIVE = Stage((COMPREHENSIVE,), preferences=(Preference.TREATMENT,))
_STANDARD = (
    *_FIRST,
    Stage((BASIC, CORE, PRIMARY_CARE)),
    _COMPREHENSIVE,
    Stage((DETAIL,), conservative=True),
    Stage((BASIC, CORE, PRIMARY_CARE), conservative=True),
    Stage((COMPREHENSIVE,), conservative=True),
)
_CORE_FIRST = (
    *_FIRST,
    Stage((BASIC, CORE)),
    Stage((DETAIL,), conservative=True),
    Stage((BASIC, CORE), conservative=True),
    Stage((PRIMARY_CARE,)),
    Stage((PRIMARY_CARE,), conservative=True),
    _COMPREHENSIVE,
    Stage((COMPREHENSIVE,), conservative=True),
)
_ORDERS = {"standard": _STANDARD, "core_first": _CORE_FIRST}
_TIES = {
    "parts_then_cost": (
        Preference.TREATMENT,
        Preference.COMPLETE,
        Preference.PARTS,
        Preference.MATCHED,
        Preference.COST,
    ),
    "exact_then_score": (Preference.EXACT, Preference.SCORE),
}

_NATIONAL_OPTIONS: Mapping[str, bool | str] = {
    "main_procedure_decides": True,
    "partial_related": True,
    "comprehensive_kind": "highest",
    "conservative_when": "no_main",
}

OPTIONS: Mapping[str, tuple[bool | str, ...]] = {
    "rules": ("standard", "national"),
    "main_procedure_decides": (False, True),
    "all_related_required": (False, True),
    "partial_related": (False, True),
    "related_from_main_list": ("again", "once"),
    "prefix_procedures": (False, True),
    "tie": tuple(_TIES),
    "kind_order": tuple(_ORDERS),
    "comprehensive_kind": ("each", "highest"),
    "conservative_when": ("no_treatment", "no_main"),
    "intervention_counts_as": ("surgery", "therapeutic"),
    "excluded_diagnosis_match": ("exact", "prefix"),
    "pre_11_13_14_procedure": ("any", "main", "all"),
    "pre_16_19_diagnosis": ("any_position", "principal"),
    "mixed_expression": (FIRST_AND_ANY, NEIGHBOURS),
}
"""The options with a fixed choice, and the values of each; the first is the usual one.

``unmatched`` beside them is ``none``, ``chapter`` or the code of the catalogue's empty group.
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """The readings of one book.

    Attributes:
        stages: the order in which rows are tried; the first stage in which one holds decides.
        preferences: what decides between rows of one stage.
        main_decides: the case's main procedure must be the row's main one, else any may be.
        every_related: each related code must be there; ``|`` and ``/`` are read as ``+``.
        partial: a row holds when one of its related parts is met.
        once: a procedure may be main and related at once where a row lists it as both.
        prefix_below: a row's procedure code shorter than this is a prefix; 0 for none.
        highest_kind: a comprehensive row must be of the case's first treatment, else of any.
        no_main: conservative means no procedure that may be main, else none above conservative.
        intervention: what an intervention is to the comprehensive rows.
        prefix_exclusion: an excluded diagnosis excludes what begins with it.
        noted_procedure_any: pre-groups that say so take a procedure in any place.
        other_procedure_any: the other pre-groups do so too.
        diagnosis_any: rows that say so take their diagnosis in any place.
        mixed: reading of a procedure cell that has both signs.
        unmatched: ``none``, ``chapter`` or the code of the empty group.
    """

    stages: tuple[Stage, ...]
    preferences: tuple[Preference, ...]
    main_decides: bool
    every_related: bool
    partial: bool
    once: bool
    prefix_below: int
    highest_kind: bool
    no_main: bool
    intervention: Treatment
    prefix_exclusion: bool
    noted_procedure_any: bool
    other_procedure_any: bool
    diagnosis_any: bool
    mixed: str
    unmatched: str


def policy_of(card: BookCard, sections: Iterable[str]) -> Policy:
    """Read the options of a card.

    Args:
        card: of the book; options of other modules are passed over.
        sections: of the book's rows. A book whose card names no ``rules`` is read by the national
            ones when it has sections of the national catalogue.

    Raises:
        GrouperError: ``DIP_OPTION``, a value that the option does not have.
    """
    national = not {MERGED, BASIC}.isdisjoint(sections)
    rules = _value(card, "rules", "national" if national else "standard")
    presets = _NATIONAL_OPTIONS if rules == "national" else {}
    read = {name: _value(card, name, presets.get(name, OPTIONS[name][0])) for name in OPTIONS}
    unmatched = card.options.get("unmatched", "none")
    if not isinstance(unmatched, str) or not unmatched:
        raise _refusal(card, "unmatched", unmatched, ("none", "chapter"))
    return Policy(
        stages=_ORDERS[str(read["kind_order"])],
        preferences=_TIES[str(read["tie"])],
        main_decides=bool(read["main_procedure_decides"]),
        every_related=bool(read["all_related_required"]),
        partial=bool(read["partial_related"]) and not read["all_related_required"],
        once=read["related_from_main_list"] == "once",
        prefix_below=WHOLE_PROCEDURE if read["prefix_procedures"] else 0,
        highest_kind=read["comprehensive_kind"] == "highest",
        no_main=read["conservative_when"] == "no_main",
        intervention=Treatment[str(read["intervention_counts_as"]).upper()],
        prefix_exclusion=read["excluded_diagnosis_match"] == "prefix",
        noted_procedure_any=read["pre_11_13_14_procedure"] != "main",
        other_procedure_any=read["pre_11_13_14_procedure"] == "all",
        diagnosis_any=read["pre_16_19_diagnosis"] == "any_position",
        mixed=str(read["mixed_expression"]),
        unmatched=unmatched,
    )


def _value(card: BookCard, name: str, usual: bool | str) -> bool | int | str:
    value = card.options.get(name, usual)
    if not any(value == known and type(value) is type(known) for known in OPTIONS[name]):
        raise _refusal(card, name, value, OPTIONS[name])
    return value


def _refusal(card: BookCard, name: str, value: object, known: Iterable[object]) -> GrouperError:
    listed = ", ".join(str(one).lower() for one in known)
    return GrouperError("DIP_OPTION", Where(file=card.id), option=name, found=value, known=listed)
