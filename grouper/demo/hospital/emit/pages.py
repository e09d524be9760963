"""A month as front pages: a CSV of the 811 columns of HQMS."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from grouper.case.fields import FIELDS
from grouper.case.layout import Part
from grouper.demo.hospital.emit.persons import written
from grouper.demo.hospital.emit.settings import settings
from hl7_adapters.hqms.columns import columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from grouper.case.record import Case
    from hl7_adapters.hqms.columns import HqmsColumn

_HOURS = "icu_hours"


def header() -> list[str]:
    """The codes of the columns in their order."""
    return [column.column for column in columns()]


def page(case: Case) -> list[str]:
    """The cells of a case."""
    return [_cell(case, column) for column in columns()]


def _cell(case: Case, column: HqmsColumn) -> str:
    name = column.field
    if not name:
        return ""
    if column.part is not Part.ONE:
        return _intensive(case, column) if name == _HOURS else ""
    if FIELDS[name].nested:
        values: Sequence[object] = getattr(case, name)
        return written(values[column.slot]) if column.slot < len(values) else ""
    if name == "hospital":
        return str(settings()["hospital"]["code"])
    # The number of the stay is the record's alone: how often the patient came stays empty.
    return written(getattr(case, name)) if column.slot == 0 else ""


def _intensive(case: Case, column: HqmsColumn) -> str:
    """The one time in intensive care of an invented stay: from its admission on."""
    start: datetime | None = case.admission_time
    if column.slot != 1 or start is None or not case.icu_hours:
        return ""
    if column.part is Part.START:
        return written(start)
    return written(start + timedelta(hours=case.icu_hours))
