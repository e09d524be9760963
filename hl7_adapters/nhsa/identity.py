"""Whose message it is: the numbers of patient, visit and hospital."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hl7_adapters.nhsa.messages import blank

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hl7_adapters.nhsa.messages import Message, Row
    from hl7_adapters.nhsa.options import Options
    from hl7_adapters.nhsa.tables import Tables

PLACE, INSURED = "mdtrtarea_admvs", "insuplc_admdvs"
"""The fields of the envelope for the place of treatment and for where the patient is insured."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a message or row.

    Attributes:
        patient: of the patient; may be empty.
        visit: of the visit; may be empty.
        others: further numbers that the message states for the same visit.
    """

    patient: str
    visit: str
    others: tuple[str, ...] = ()


def numbers(message: Message, tables: Tables, options: Options, row: Row | None = None) -> Numbers:
    """The numbers of patient and visit.

    Args:
        message: the message.
        tables: where the numbers stand.
        options: the hospital's own order of fields.
        row: of a list that states them row by row; its own go before those of the message.
    """
    patient = list(_found(message, tables, options.patient, "patient", row))
    visit = list(dict.fromkeys(_found(message, tables, options.visit, "visit", row)))
    others = tuple(visit[1:])
    return Numbers(patient[0] if patient else "", visit[0] if visit else "", others)


def _found(
    message: Message, tables: Tables, wanted: tuple[str, ...], key: str, row: Row | None
) -> Iterator[str]:
    places = (
        tuple(("", name) for name in wanted) if wanted else tables.keys(message.transaction, key)
    )
    for node, name in places:
        for one in _rows(message, tables, node, row):
            value = one.get(name)
            if value is not None and not blank(value):
                yield value.strip()
                break


def _rows(message: Message, tables: Tables, node: str, row: Row | None) -> Iterator[Row]:
    if row is not None:
        yield row
    for name, known in tables.nodes[message.transaction].items():
        # The number of a visit that an answer returns (2401) stands in a node of its own.
        if node == name if node else known.head or not known.many:
            yield from message.rows(name)[:1]


def hospital(message: Message, tables: Tables) -> str:
    """The code of the institution; empty where the message does not say."""
    for _, name in tables.keys(message.transaction, "hospital"):
        for row in _rows(message, tables, "", None):
            value = row.get(name)
            if value is not None and not blank(value):
                return value.strip()
    return message.head.get("fixmedins_code", "").strip()
