"""The draft orders of a hook: what is to be ordered, in national or the hospital's own codes.

A coding of a system that the tables do not know is none of an item: nothing is guessed from how a
code looks. Such a draft is kept, so that the physician is told that it was not checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from grouper.service.cds.order_tables import HOSPITAL, NATIONAL, VOID, order_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grouper.service.cds.order_tables import OrderTables

_LONGEST = 128
"""Characters of a name or code; of longer ones the rest is cut off."""
_DEEPEST = 8
"""Bundles within bundles."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft order.

    Attributes:
        name: the resource's id, or its type and number.
        display: what it is called, or its code; may be empty.
        item: national code; None: it has none.
        hospital_item: the hospital's own code; None: it has none.
        quantity: as text; None: not stated.
        time: as text; None: not stated.
    """

    name: str
    display: str
    item: str | None = None
    hospital_item: str | None = None
    quantity: str | None = None
    time: str | None = None


def drafts_of(bundle: object) -> list[Draft]:
    """The drafts of ``context.draftOrders``, in their order; those that are called off are left out.

    Args:
        bundle: a Bundle of FHIR; anything else holds no draft.
    """
    tables = order_tables()
    resources = list(_resources(bundle, _DEEPEST))
    known = {f"{one['resourceType']}/{one['id']}": one for one in resources if _text(one.get("id"))}
    found: list[Draft] = []
    names: set[str] = set()
    for number, resource in enumerate(resources, 1):
        kind = str(resource["resourceType"])
        if kind == "Medication" or _void(resource, tables):
            continue
        name = _text(resource.get("id")) or f"{kind}#{number}"
        if name in names:
            name = f"{name}#{number}"
        names.add(name)
        found.append(_draft(name, kind, resource, known, tables))
    return found


def _resources(value: object, left: int) -> Iterator[dict[str, Any]]:
    if not isinstance(value, dict) or not left:
        return
    if value.get("resourceType") == "Bundle":
        entries = value.get("entry")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                yield from _resources(entry.get("resource"), left - 1)
    elif isinstance(value.get("resourceType"), str):
        yield value


def _void(resource: Mapping[str, Any], tables: OrderTables) -> bool:
    status = resource.get("status")
    called_off = isinstance(status, str) and tables.statuses.get(status) == VOID
    return called_off or resource.get("doNotPerform") is True


def _draft(
    name: str,
    kind: str,
    resource: Mapping[str, Any],
    known: Mapping[str, Mapping[str, Any]],
    tables: OrderTables,
) -> Draft:
    if kind not in tables.quantities:
        return Draft(name, kind)
    concepts = list(_at(resource, kind, "code", tables))
    for reference in _at(resource, kind, "reference", tables):
        medication = _referred(reference, resource, known)
        concepts += _at(medication, "Medication", "code", tables)
    item, own, display = _codes(concepts, tables)
    quantity = next((q for v in _at(resource, kind, "quantity", tables) if (q := _number(v))), None)
    time = next((t for v in _at(resource, kind, "time", tables) if (t := _text(v))), None)
    return Draft(
        name=name,
        display=display or kind,
        item=item,
        hospital_item=own,
        quantity=quantity or tables.quantities[kind] or None,
        time=time,
    )


def _at(resource: Mapping[str, Any], kind: str, part: str, tables: OrderTables) -> Iterator[object]:
    for path in tables.paths.get((kind, part), ()):
        value: object = resource
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if value is not None:
            yield value


def _referred(
    reference: object, resource: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    """What a reference points at, inside the resource or beside it."""
    written = _text(reference) or ""
    if written.startswith("#"):
        inner = resource.get("contained")
        for one in inner if isinstance(inner, list) else ():
            if isinstance(one, dict) and one.get("id") == written[1:]:
                return one
    return known.get("/".join(written.split("/")[-2:]), {})


def _codes(concepts: Sequence[object], tables: OrderTables) -> tuple[str | None, str | None, str]:
    """The national code, the hospital's own code and what it is called; the first of each counts."""
    item = own = None
    display = ""
    for concept in concepts:
        if not isinstance(concept, dict):
            continue
        display = display or _text(concept.get("text")) or ""
        codings = concept.get("coding")
        for coding in codings if isinstance(codings, list) else ():
            if not isinstance(coding, dict):
                continue
            code, system = _text(coding.get("code")), _text(coding.get("system"))
            meaning = tables.meaning(system or "")
            if code and meaning == NATIONAL:
                item = item or code
            elif code and meaning == HOSPITAL:
                own = own or code
            display = display or _text(coding.get("display")) or code or ""
    return item, own, display


def _number(value: object) -> str | None:
    if isinstance(value, dict):
        value = value.get("value")
    plain = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return str(value) if plain else None


def _text(value: object) -> str | None:
    """A text as it may be kept and shown: without control characters, not too long."""
    if not isinstance(value, str):
        return None
    return "".join(one for one in value if one.isprintable()).strip()[:_LONGEST] or None
