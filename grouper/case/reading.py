"""How the raw values of one record become a field: parts joined, lists put together and aligned.

The unit is a group of fields (:func:`grouper.case.fields.groups`): a single field, or a list of
codes with its companions. Both the scalar and the columnar path end here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from grouper.case.fields import FIELDS, RANKED, Field, Kind, groups
from grouper.case.issues import Severity, shown
from grouper.case.layout import Binding, Layout, Part
from grouper.case.values import NOTHING, Reading, is_missing, read, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CONFLICT, DETAIL, SPAN = "COLUMN_CONFLICT", "DETAIL_WITHOUT_CODE", "DATE_ORDER"
_HOUR = 3600


class Remark(NamedTuple):
    """An issue without its row."""

    field: str
    reason: str
    value: str = ""
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True)
class Result:
    """What a group of fields holds in one record: a value for each field, and remarks."""

    values: tuple[Any, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True)
class Group:
    """A group of fields as one layout binds it.

    Attributes:
        fields: the fields; of a list the codes come first.
        bindings: the columns, in the order in which :meth:`read` takes their raw values.
    """

    fields: tuple[Field, ...]
    bindings: tuple[Binding, ...]

    def read(self, raws: Sequence[object]) -> Result:
        """Read the group from the raw values of its bindings."""
        if self.plain:
            value, reason = read(raws[0], self.plain)
            if reason is None:
                return Result((value,), ())
        if self.codes_alone and isinstance(raws[0], list | tuple):
            codes = tuple(raws[0])
            if all(type(c) is str and c.strip() == c and not is_missing(c) for c in codes):
                return Result((codes, *self._no_companions), ())
        remarks: list[Remark] = []
        if self.fields[0].nested:
            return Result(self._lists(raws, remarks), tuple(dict.fromkeys(remarks)))
        value = self._single(self.fields[0], raws, remarks)
        return Result((value,), tuple(dict.fromkeys(remarks)))

    def _single(self, field: Field, raws: Sequence[object], remarks: list[Remark]) -> Any:  # noqa: ANN401 -- the field's own type
        plain: dict[int, list[object]] = {}
        spans: dict[int, dict[Part, object]] = {}
        for binding, raw in zip(self.bindings, raws, strict=True):
            if binding.part in (Part.START, Part.END):
                spans.setdefault(binding.slot, {})[binding.part] = raw
            else:
                plain.setdefault(binding.slot, []).append(raw)
        found = [_agreed(field, those, remarks) for those in plain.values()]
        stated = [value for value in found if value is not None]
        if spans and not stated:
            return _spent(field, spans.values(), remarks)
        if len(stated) > 1 and field.kind is Kind.TEXT:
            return "-".join(stated)
        return stated[0] if stated else None

    def _lists(self, raws: Sequence[object], remarks: list[Remark]) -> tuple[Any, ...]:
        columns = [
            _elements(field, self.bindings, raws, remarks) if field.name in self._bound else []
            for field in self.fields
        ]
        codes, companions = columns[0], columns[1:]
        if self.fields[0].nested not in RANKED:
            return _together(columns)
        if not any(codes):
            kept: list[int] = []
        else:
            kept = [at for at, code in enumerate(codes) if at == 0 or code is not None]
        for field, details in zip(self.fields[1:], companions, strict=True):
            lost = set(range(len(details))) - set(kept)
            if any(details[at] is not None for at in lost):
                remarks.append(Remark(field.name, DETAIL))
        values = [tuple(codes[at] for at in kept)]
        for details in companions:
            aligned = [details[at] if at < len(details) else None for at in kept]
            values.append(tuple(aligned) if any(d is not None for d in aligned) else ())
        return tuple(values)

    @cached_property
    def _bound(self) -> frozenset[str]:
        return frozenset(b.field for b in self.bindings)

    @cached_property
    def _no_companions(self) -> tuple[tuple[()], ...]:
        return ((),) * (len(self.fields) - 1)

    @cached_property
    def codes_alone(self) -> bool:
        """Whether one column holds the whole list of codes and none its companions."""
        whole = len(self.bindings) == 1 and self.bindings[0].part is Part.LIST
        return whole and not self.bindings[0].slot and self.fields[0].name in self._bound

    @cached_property
    def plain(self) -> Field | None:
        """The field, when it is a single one and one column holds its value; else None."""
        single = len(self.bindings) == 1 and self.bindings[0].part is Part.ONE
        return self.fields[0] if single and not self.fields[0].nested else None


def _together(columns: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """Parallel lists of one length each, or empty; a place where none holds anything is left out."""
    length = max(map(len, columns))
    padded = [[*c, *[None] * (length - len(c))] for c in columns]
    kept = [at for at in range(length) if any(c[at] is not None for c in padded)]
    values = [tuple(c[at] for at in kept) for c in padded]
    return tuple(v if any(e is not None for e in v) else () for v in values)


def _reading(field: Field, raw: object, remarks: list[Remark]) -> Any:  # noqa: ANN401 -- the field's own type
    value, reason = read(raw, field)
    if reason:
        remarks.append(Remark(field.name, reason, shown(raw, field)))
    return value


def _agreed(field: Field, raws: Sequence[object], remarks: list[Remark]) -> Any:  # noqa: ANN401 -- the field's own type
    """The value on which columns of one meaning agree; an empty cell agrees with any."""
    if len(raws) == 1:
        return _reading(field, raws[0], remarks)
    readings: dict[Reading, object] = {}
    for raw in raws:
        reading = read(raw, field)
        if reading != NOTHING:
            readings.setdefault(reading, raw)
    if len(readings) > 1:
        remarks.append(Remark(field.name, CONFLICT, "", Severity.REJECT))
        return None
    return _reading(field, next(iter(readings.values()), None), remarks)


def _spent(
    field: Field, spans: Iterable[dict[Part, object]], remarks: list[Remark]
) -> float | None:
    """Hours between the begin and the end of all spans; none when no span is filled in."""
    moment = FIELDS["admission_time"]
    total: float | None = None
    for span in spans:
        start, end = (read(span.get(part), moment) for part in (Part.START, Part.END))
        if start == NOTHING and end == NOTHING:
            continue
        if start[0] is None or end[0] is None:
            remarks.append(Remark(field.name, start[1] or end[1] or moment.invalid))
            return None
        if end[0] < start[0]:
            remarks.append(Remark(field.name, SPAN))
            return None
        total = (total or 0.0) + (end[0] - start[0]).total_seconds() / _HOUR
    return total


def _elements(
    field: Field, bindings: Sequence[Binding], raws: Sequence[object], remarks: list[Remark]
) -> list[Any]:
    """The elements of one list by slot, gaps included; whole lists and slots must agree."""
    slots: dict[int, list[object]] = {}
    wholes: list[list[Any]] = []
    for binding, raw in zip(bindings, raws, strict=True):
        if raw is None or raw == "" or binding.field != field.name:
            continue  # wide front pages are mostly empty cells
        if binding.part is Part.LIST and binding.slot == 0:
            wholes.append(_trimmed([_reading(field, r, remarks) for r in split(raw)]))
        elif binding.part is Part.LIST:
            for at, element in enumerate(split(raw), binding.slot):
                slots.setdefault(at, []).append(element)
        else:
            slots.setdefault(binding.slot, []).append(raw)
    by_slot: list[Any] = [None] * (max(slots) + 1 if slots else 0)
    for at, those in slots.items():
        by_slot[at] = _agreed(field, those, remarks)
    stated = [elements for elements in (*wholes, _trimmed(by_slot)) if elements]
    if any(elements != stated[0] for elements in stated):
        remarks.append(Remark(field.name, CONFLICT, "", Severity.REJECT))
        return []
    return stated[0] if stated else []


def _trimmed(elements: list[Any]) -> list[Any]:
    while elements and elements[-1] is None:
        elements.pop()
    return elements


@cache
def _all_groups() -> tuple[tuple[Field, ...], ...]:
    return tuple(groups())


def bound_groups(layout: Layout) -> list[Group]:
    """All groups of fields with the columns that a layout binds to them."""
    return [
        Group(fields, tuple(b for f in fields for b in layout.of(f.name)))
        for fields in _all_groups()
    ]
