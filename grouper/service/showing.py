"""What is stored, in the shapes and words of the answers (:mod:`grouper.service.stored_models`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codebooks.messages import catalogue, text
from grouper.case.fields import FIELDS
from grouper.service.grouping import issues_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.case.record import Case
    from grouper.service.stored import Stay
    from grouper.store.groupings import GroupingRow
    from grouper.store.reading import StayHead, Who

_APART = frozenset(name for name in FIELDS if name.startswith("line_")) | {"case_id"}
"""Fields that have a route of their own, or stand in the answer already."""


def _words(key: str, lang: str) -> str | None:
    return text(key, lang) if key in catalogue(lang) else None


def grouped_out(found: GroupingRow, lang: str) -> dict[str, Any]:
    """A grouping as :class:`grouper.service.stored_models.GroupedOut`."""
    return {
        "scheme": found.scheme,
        "content_hash": found.content_hash,
        "binding": found.binding,
        "status": found.status,
        "status_text": text(f"status.{found.status}", lang),
        "reason": found.reason,
        "reason_text": _words(f"reason.{found.reason}", lang) if found.reason else None,
        "warnings": (found.warnings or "").split(";") if found.warnings else [],
        "mdc": found.mdc,
        "adrg": found.adrg,
        "group": found.group,
        "group_name": found.group_name,
        "cc_level": found.cc_level,
        "group_kind": found.group_kind,
        "weight": found.weight,
        "at": found.at,
    }


def case_out(head: StayHead, lang: str) -> dict[str, Any]:
    """A head as :class:`grouper.service.stored_models.CaseOut`."""
    return {
        "case_id": head.case_id,
        "hospital": head.hospital,
        "visit": head.visit,
        "state": head.state,
        "kind": head.kind,
        "department": head.department,
        "admitted": head.admitted,
        "discharged": head.discharged,
        "version": head.version,
        "changed": head.changed,
        "total_cost": head.total_cost,
        "pseudonym": head.pseudonym,
        "grouping": None if head.grouping is None else grouped_out(head.grouping, lang),
    }


def detail_out(stay: Stay, merged: str | None, lang: str) -> dict[str, Any]:
    """A stay as :class:`grouper.service.stored_models.CaseDetail`."""
    return case_out(stay.head, lang) | {
        "version": stay.version,
        "merged_into": merged,
        "case": _fields(stay.case),
        "issues": issues_out(stay.issues, lang),
        "groupings": [grouped_out(one, lang) for one in stay.groupings],
    }


def _fields(case: Case) -> dict[str, Any]:
    found = case.to_mapping()
    return {
        name: value
        for name, value in found.items()
        if name not in _APART and value is not None and value != ()
    }


def line_out(line: Mapping[str, Any]) -> dict[str, Any]:
    """A charge line as :class:`grouper.service.stored_models.LineOut`."""
    # The names of columns are a kind of text of their own.
    return {"line_class" if name == "class" else str(name): line[name] for name in line}


def person_out(found: Who) -> dict[str, Any]:
    """Who a patient is, as :class:`grouper.service.stored_models.PersonOut`."""
    names = ("name", "id_number", "birth_date", "sex")
    said = {name: found.details.get(name) for name in names}
    texts = {name: None if value is None else str(value) for name, value in said.items()}
    return {"pseudonym": found.pseudonym, "patient": found.patient, **texts}


def alert_words(kind: str, lang: str) -> str:
    """An alert in words; one without words as it stands."""
    # Some kinds name what they are about behind a colon (``delivery:DESTINATION``).
    name, _, about = kind.partition(":")
    key = f"alert.{name}"
    return text(key, lang, about=about) if key in catalogue(lang) else kind
