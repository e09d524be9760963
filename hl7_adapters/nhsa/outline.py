"""A transaction field by field, by the names of the field tables; who the patient is is not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.intake.outline import Part
from hl7_adapters.nhsa.messages import blank

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hl7_adapters.nhsa.messages import Message
    from hl7_adapters.nhsa.tables import Tables

_HEAD = frozenset(
    ("infno", "infver", "msgid", "inf_refmsgid", "inf_time", "fixmedins_code", "mdtrtarea_admvs")
)
"""Fields around the nodes that name no person."""


def named(place: str, tables: Tables) -> Mapping[str, str]:
    """What a field is called in Chinese, by its name behind the last point; English has no names."""
    field = place.rsplit(".", 1)[-1]
    for transaction in tables.families:
        for (_, name), rule in tables.fields(transaction, "").items():
            if name == field and rule.name:
                return {"zh": rule.name}
    return {}


def outline(message: Message, tables: Tables) -> Iterator[Part]:
    """The fields that hold something, node by node.

    Args:
        message: in national names.
        tables: which say what a field is called, and whether its value may be shown.
    """
    for name, said in message.head.items():
        if not blank(said):
            yield Part("", name, said if name in _HEAD else None)
    rules = tables.fields(message.transaction, message.dialect)
    for node, rows in message.nodes.items():
        for number, row in enumerate(rows):
            group = message.place(node, row=number)
            for name, value in row.items():
                if blank(value):
                    continue
                rule = rules.get((node, name))
                shown = rule is not None and rule.open and not rule.private
                names = {"zh": rule.name} if rule is not None and rule.name else {}
                place = message.place(node, name, number)
                yield Part(group, place, value if shown else None, names)
