"""The Case: one stay or visit, the record that every part speaks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from grouper.case.expand import expand
from grouper.case.fields import FIELDS
from grouper.case.layout import Layout, bind
from grouper.case.record_reading import reader_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from decimal import Decimal

    import pyarrow as pa

    from grouper.case.issues import Issue


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One stay or visit. ``docs/CASE.md`` describes each field; None or () is missing.

    In ``dx`` and ``px`` the first element is the principal diagnosis and the main procedure. It is
    None when the record states others but not this one: nothing is promoted to its place. The lists
    that go with them (``dx_poa``, ``px_date`` …) are empty or as long as their codes. The charge
    lines (``line_…``) and the scores of functional assessments (``assessment_…``, one place for
    each item of each assessment) are parallel lists too, each empty or as long as the longest.
    """

    case_id: str | None = None
    person: str | None = None
    hospital: str | None = None
    region: str | None = None
    kind: str = "inpatient"
    insurance_type: str | None = None
    insured_region: str | None = None
    person_type: str | None = None
    aid_category: str | None = None
    visit_type: str | None = None
    admission_number: int | None = None
    sex: int | None = None
    birth_date: date | None = None
    age: int | None = None
    age_days: int | None = None
    birth_weight_g: int | None = None
    admission_weight_g: int | None = None
    weight_g: int | None = None
    admission_time: datetime | None = None
    discharge_time: datetime | None = None
    discharge_way: str | None = None
    discharge_status: str | None = None
    department: str | None = None
    admission_department: str | None = None
    physician: str | None = None
    pathway: str | None = None
    los: int | None = None
    icu_hours: float | None = None
    ventilator_hours: float | None = None
    code_system: str = "nhsa"
    admission_dx: str | None = None
    dx: tuple[str | None, ...] = ()
    dx_poa: tuple[str | None, ...] = ()
    dx_time: tuple[datetime | None, ...] = ()
    px: tuple[str | None, ...] = ()
    px_date: tuple[date | None, ...] = ()
    px_level: tuple[str | None, ...] = ()
    px_modifier: tuple[str | None, ...] = ()
    total_cost: Decimal | None = None
    scope_cost: Decimal | None = None
    own_cost: Decimal | None = None
    over_limit_cost: Decimal | None = None
    first_share_cost: Decimal | None = None
    deductible_paid: Decimal | None = None
    basic_paid: Decimal | None = None
    fund_paid: Decimal | None = None
    patient_paid: Decimal | None = None
    year_deductible: Decimal | None = None
    year_basic: Decimal | None = None
    year_burden: Decimal | None = None
    year_critical: Decimal | None = None
    line_item: tuple[str | None, ...] = ()
    line_name: tuple[str | None, ...] = ()
    line_class: tuple[str | None, ...] = ()
    line_quantity: tuple[Decimal | None, ...] = ()
    line_amount: tuple[Decimal | None, ...] = ()
    line_time: tuple[datetime | None, ...] = ()
    line_scope: tuple[str | None, ...] = ()
    line_first_share: tuple[Decimal | None, ...] = ()
    line_limit: tuple[Decimal | None, ...] = ()
    line_department: tuple[str | None, ...] = ()
    line_physician: tuple[str | None, ...] = ()
    assessment_item: tuple[str | None, ...] = ()
    assessment_value: tuple[str | None, ...] = ()
    assessment_date: tuple[date | None, ...] = ()
    assessment_type: tuple[str | None, ...] = ()

    @classmethod
    def from_mapping(
        cls, mapping: Mapping[str, object], *, row: int = 1, layout: Layout | None = None
    ) -> tuple[Case, list[Issue]]:
        """Read a record as a mapping of column names to raw values.

        Args:
            mapping: names as in ``docs/CASE.md`` (or any of their aliases); values as text or
                typed. Names that mean nothing to a case are passed over.
            row: number of the record, for the issues.
            layout: the meaning of the names; by default their aliases decide.

        Returns:
            The case and its issues. A ``reject`` among them means that the record is no case;
            what could be read stands in the case all the same.
        """
        mapping = expand(mapping)
        layout = layout or bind(tuple(mapping))
        values, issues = reader_of(layout).read(tuple(mapping.values()), row)
        return cls(**values), issues

    @classmethod
    def from_batch(cls, batch: pa.RecordBatch, index: int) -> Case:
        """The case of one row of a batch of cases."""
        values = {name: batch.column(name)[index].as_py() for name in FIELDS}
        for field in FIELDS.values():
            if field.nested:
                values[field.name] = tuple(values[field.name] or ())
        return cls(**values)

    def to_mapping(self) -> dict[str, Any]:
        """The fields by name; :meth:`from_mapping` reads them back to an equal case."""
        return asdict(self)


def _hold_to_specification() -> None:
    """The dataclass is the specification's; an attribute apart from it is no valid program."""
    written = [(f.name, f.type, f.default) for f in fields(Case)]
    specified = [(f.name, f.annotation, f.empty) for f in FIELDS.values()]
    if written != specified:
        apart = [(w, s) for w, s in zip(written, specified, strict=False) if w != s]
        msg = f"Case and its field specification differ: {apart}"
        raise TypeError(msg)


_hold_to_specification()
