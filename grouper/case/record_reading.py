"""The scalar path: raw values of one record to the values of a case, and issues."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grouper.case import crosswalks
from grouper.case.derive import derive
from grouper.case.fields import FIELDS
from grouper.case.issues import Issue, shown
from grouper.case.reading import Remark, bound_groups
from grouper.case.values import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.case.layout import Layout

_ORDER = {name: at for at, name in enumerate(FIELDS)}


class RecordReader:
    """Reads records of one layout."""

    def __init__(self, layout: Layout) -> None:
        bound = [group for group in bound_groups(layout) if group.bindings]
        self._plain = [(g.plain, g.bindings[0].column) for g in bound if g.plain is not None]
        self._groups = [
            (group, tuple(b.column for b in group.bindings), tuple(f.name for f in group.fields))
            for group in bound
            if group.plain is None
        ]
        # A default of the specification is no value of the record: the layout's own goes before it.
        self._empty: dict[str, Any] = {f.name: () if f.nested else None for f in FIELDS.values()}
        self._defaults = default_values(layout)

    def read(self, raws: Sequence[object], row: int) -> tuple[dict[str, Any], list[Issue]]:
        """Read one record.

        Args:
            raws: its raw values in the order of the layout's columns.
            row: its number, for the issues.
        """
        values = dict(self._empty)
        remarks: list[Remark] = []
        for field, column in self._plain:
            raw = raws[column]
            if raw is not None:
                values[field.name], reason = read(raw, field)
                if reason is not None:
                    remarks.append(Remark(field.name, reason, shown(raw, field)))
        for group, columns, names in self._groups:
            result = group.read([raws[c] for c in columns])
            values.update(zip(names, result.values, strict=True))
            remarks += result.remarks
        for name, value in self._defaults.items():
            if values[name] is None or values[name] == ():
                values[name] = value
        remarks += carry_over(values)
        remarks += derive(values)
        return values, issues_of_row(row, remarks)


def default_values(layout: Layout) -> dict[str, Any]:
    """The values of records that state none: the specification's, then the layout's own."""
    values = {f.name: f.default for f in FIELDS.values() if f.default is not None}
    stated = {name: read(raw, FIELDS[name])[0] for name, raw in layout.defaults}
    return values | {name: value for name, value in stated.items() if value is not None}


def carry_over(values: dict[str, Any]) -> list[Remark]:
    """Carry clinical codes over in place; without crosswalks they stay, with a remark."""
    if values["code_system"] != crosswalks.CLINICAL:
        return []
    if not crosswalks.ready():
        return [Remark("code_system", "CROSSWALK_MISSING", values["code_system"])]
    remarks: list[Remark] = []
    for name in crosswalks.WALKS:
        values[name], found = crosswalks.carry_over(name, values[name])
        remarks += found
    for name, of in crosswalks.SINGLES.items():
        codes, found = crosswalks.carry_over(of, (values[name],), name)
        values[name] = codes[0]
        remarks += found
    values["code_system"] = crosswalks.INSURANCE
    return remarks


def issues_of_row(row: int, remarks: Sequence[Remark]) -> list[Issue]:
    """Remarks as the issues of one row, in the order of the fields."""
    if not remarks:
        return []
    ordered = sorted(remarks, key=lambda r: (_ORDER.get(r.field, -1), r.reason, r.value))
    return [Issue(row, r.field, r.reason, r.severity, r.value) for r in ordered]


@lru_cache(maxsize=256)
def reader_of(layout: Layout) -> RecordReader:
    """The reader of a layout; made once, since many records share one."""
    return RecordReader(layout)
