"""Values of a Case as the interface writes them, and what a written value is to the Case."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.places import code_of, insured_of, region_of
from grouper.case.fields import FIELDS, Kind
from grouper.case.values import fold, read
from hl7_adapters.nhsa.durations import ambiguous, hours_written
from hl7_adapters.nhsa.identity import INSURED, PLACE

if TYPE_CHECKING:
    from grouper.case.record import Case
    from hl7_adapters.nhsa.tables import FieldRule

_DAY, _MOMENT, _COMPACT = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y%m%d"


def case_value(name: str, written: str | None) -> Any:  # noqa: ANN401 -- the field's own type
    """What a Case holds when a field was written so; None where it can be no value."""
    if written is None or not written.strip():
        return None
    if name == "region":
        return region_of(written)
    if name == "insured_region":
        return insured_of(written)
    if FIELDS[name].kind is Kind.HOURS:
        return None if ambiguous(written) else read(fold(written), FIELDS[name])[0]
    return read(str(written), FIELDS[name])[0]


def insured_place(case: Case) -> str | None:
    """Where a patient is insured, as the interface writes it: a code where the place has one.

    A case that does not say is of the region that treats it.
    """
    if case.insured_region is None:
        return code_of(case.region or "")
    return code_of(case.insured_region) or case.insured_region


def envelope_of(case: Case) -> dict[str, str]:
    """What a case states in the fields around the nodes: place of treatment, and insured place."""
    found = {PLACE: code_of(case.region or ""), INSURED: insured_place(case)}
    return {name: code for name, code in found.items() if code}


def write_value(value: Any, rule: FieldRule) -> tuple[str, bool]:  # noqa: ANN401 -- as above
    """A value of a Case as text of a field, and whether nothing of it is lost.

    An empty text means that the field cannot hold it at all.
    """
    if isinstance(value, datetime):
        if rule.type == "date":
            return value.strftime(_DAY), value.time() == time()
        return value.strftime(_MOMENT), True
    if isinstance(value, date):
        # A text field of a date is written without marks; a time of day is not made up.
        return value.strftime(_COMPACT if rule.type == "text" else _DAY), True
    if isinstance(value, float):
        hours = hours_written(value) or ""
        return hours, bool(hours)
    if isinstance(value, Decimal):
        return f"{value:.2f}", True
    return str(value), True
