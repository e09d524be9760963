"""Places in a message, as a mapping writes them, and reading what stands there.

A place is ``SEGMENT-FIELD``, followed by ``.COMPONENT`` and ``.SUBCOMPONENT`` where they matter
(the first ones otherwise): ``PID-8``, ``PV1-3.4``. In brackets behind the field stands which of
its repetitions, by number or by the value of a component: ``PID-3[2]``, ``PID-3[5=NI|NNCHN]``. In
brackets behind the segment stands which of several, by a value of its own: ``OBX[3.1=8339-4]-5``.
``A+B`` joins two places by a hyphen; it is empty unless both are there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hl7_adapters.hl7v2.codec import NULL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hl7_adapters.hl7v2.codec import Segment

    Scope = Mapping[str, Sequence[Segment]]
    """Segments by name, each list in the order of the message."""

_PART = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})"
    r"(?:\[(?P<where_field>[1-9][0-9]{0,2})(?:\.(?P<where_component>[1-9][0-9]?))?=(?P<where>[^\]]+)\])?"
    r"-(?P<field>[1-9][0-9]{0,2})"
    r"(?:\[(?:(?P<number>[1-9][0-9]?)|(?P<having_component>[1-9][0-9]?)=(?P<having>[^\]]+))\])?"
    r"(?:\.(?P<component>[1-9][0-9]?)(?:\.(?P<sub>[1-9][0-9]?))?)?"
)
_NUMBERS = (
    *("where_field", "where_component", "field", "number", "having_component", "component", "sub"),
)
_PLUS = re.compile(r"\+(?![^\[]*\])")


@dataclass(frozen=True, slots=True)
class Part:
    """One field, or a part of it; numbers count from 1.

    Attributes:
        segment: name of the segment.
        field: number of the field.
        component: of the field.
        sub: sub-component.
        repetition: of the field, where ``having`` does not choose.
        having: component and values of the repetition that is meant.
        where: field, component and values of the segment that is meant.
    """

    segment: str
    field: int
    component: int = 1
    sub: int = 1
    repetition: int = 1
    having: tuple[int, frozenset[str]] | None = None
    where: tuple[int, int, frozenset[str]] | None = None

    def read(self, scope: Scope) -> str:
        """What stands there; "" when nothing does."""
        for segment in scope.get(self.segment, ()):
            if self.where and segment.value(*self.where[:2]).strip() not in self.where[2]:
                continue
            repetition = self._repetition(segment)
            return segment.value(self.field, self.component, self.sub, repetition).strip()
        return ""

    def _repetition(self, segment: Segment) -> int:
        if self.having is None:
            return self.repetition
        component, values = self.having
        for number in range(1, segment.repetitions(self.field) + 1):
            if segment.value(self.field, component, repetition=number).strip() in values:
                return number
        return 0


@dataclass(frozen=True, slots=True)
class Place:
    """One place, or several that make one value."""

    text: str
    parts: tuple[Part, ...]

    def read(self, scope: Scope) -> str:
        """What stands there; "" when nothing does, :data:`NULL` when the sender says so."""
        if len(self.parts) == 1:
            return self.parts[0].read(scope)
        values = [part.read(scope) for part in self.parts]
        return "" if "" in values or NULL in values else "-".join(values)


def read_place(text: str) -> Place | None:
    """The place that a text names; None if it names none."""
    parts = []
    for piece in _PLUS.split(text):
        found = _PART.fullmatch(piece.strip())
        if found is None:
            return None
        parts.append(_part(found))
    return Place(text, tuple(parts))


def _part(found: re.Match[str]) -> Part:
    number = {name: int(found[name] or 1) for name in _NUMBERS}
    having = where = None
    if found["having"]:
        having = (number["having_component"], _values(found["having"]))
    if found["where"]:
        where = (number["where_field"], number["where_component"], _values(found["where"]))
    return Part(
        found["segment"],
        number["field"],
        number["component"],
        number["sub"],
        number["number"],
        having,
        where,
    )


def _values(text: str) -> frozenset[str]:
    return frozenset(value.strip() for value in text.split("|"))
