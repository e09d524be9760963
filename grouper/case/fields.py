"""The one specification of the case's fields.

It drives the dataclass (:mod:`grouper.case.record`), the Arrow schema, the validation and the
documentation (``docs/CASE.md``). What may be set without touching the code stands in tables beside
it (``data/``): limits, units, spellings of code-list values and names of input columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa

ZONE = "Asia/Shanghai"
"""Every time of a case is a time of this zone; a time given without one is read as its local time."""


class Kind(StrEnum):
    """How a field's value is read."""

    TEXT = "text"
    CHOICE = "choice"
    SEX = "sex"
    WHOLE = "whole"
    HOURS = "hours"
    MONEY = "money"
    QUANTITY = "quantity"
    DATE = "date"
    TIME = "time"
    CODE = "code"


ARROW: dict[Kind, pa.DataType] = {
    Kind.TEXT: pa.string(),
    Kind.CHOICE: pa.string(),
    Kind.SEX: pa.int8(),
    Kind.WHOLE: pa.int32(),
    Kind.HOURS: pa.float64(),
    Kind.MONEY: pa.decimal128(14, 2),
    Kind.QUANTITY: pa.decimal128(14, 4),
    Kind.DATE: pa.date32(),
    Kind.TIME: pa.timestamp("s", tz=ZONE),
    Kind.CODE: pa.string(),
}
"""The Arrow type of one value of each kind, where the field names no other."""

PYTHON: dict[Kind, str] = {
    Kind.TEXT: "str",
    Kind.CHOICE: "str",
    Kind.SEX: "int",
    Kind.WHOLE: "int",
    Kind.HOURS: "float",
    Kind.MONEY: "Decimal",
    Kind.QUANTITY: "Decimal",
    Kind.DATE: "date",
    Kind.TIME: "datetime",
    Kind.CODE: "str",
}
"""The Python type of one value of each kind."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the case.

    Attributes:
        name: its name in the dataclass, in Arrow and in the documentation.
        kind: how a value is read.
        invalid: reason code of a value that cannot be read or lies outside its limits.
        unit: key of ``data/units.csv`` and of the documentation; None for a bare value.
        type: Arrow type of one value.
        nested: name of the list of codes that this list belongs to (its own name for the codes
            themselves); None for a single value.
        default: the value of a record that states none.
        private: whether its value may name a person and never stands in an issue.
    """

    name: str
    kind: Kind
    invalid: str
    unit: str | None = None
    item: pa.DataType | None = None
    nested: str | None = None
    default: str | None = None
    private: bool = False

    @property
    def value_type(self) -> pa.DataType:
        """Arrow type of one value (of one element of a list)."""
        return self.item or ARROW[self.kind]

    @property
    def type(self) -> pa.DataType:
        """Arrow type of the column."""
        return pa.list_(self.value_type) if self.nested else self.value_type

    @property
    def annotation(self) -> str:
        """The type of the dataclass's attribute, as it is written there."""
        value = f"{PYTHON[self.kind]} | None"
        if self.nested:
            return f"tuple[{value}, ...]"
        return PYTHON[self.kind] if self.default else value

    @property
    def empty(self) -> Any:  # noqa: ANN401 -- the field's own type
        """The dataclass's value when the record states none."""
        return () if self.nested else self.default


_WEIGHT, _DATE, _NUMBER, _VALUE = (
    "WEIGHT_INVALID",
    "DATE_INVALID",
    "NUMBER_INVALID",
    "VALUE_INVALID",
)

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("case_id", Kind.TEXT, _VALUE, private=True),
        Field("person", Kind.TEXT, _VALUE, private=True),
        Field("hospital", Kind.TEXT, _VALUE),
        Field("region", Kind.TEXT, _VALUE),
        Field("kind", Kind.CHOICE, _VALUE, default="inpatient"),
        Field("insurance_type", Kind.TEXT, _VALUE),
        Field("insured_region", Kind.TEXT, _VALUE),
        Field("person_type", Kind.TEXT, _VALUE),
        Field("aid_category", Kind.TEXT, _VALUE),
        Field("visit_type", Kind.TEXT, _VALUE),
        Field("admission_number", Kind.WHOLE, _NUMBER),
        Field("sex", Kind.SEX, "SEX_INVALID"),
        Field("birth_date", Kind.DATE, _DATE),
        Field("age", Kind.WHOLE, "AGE_INVALID", unit="years", item=pa.int16()),
        Field("age_days", Kind.WHOLE, "AGE_INVALID", unit="days"),
        Field("birth_weight_g", Kind.WHOLE, _WEIGHT, unit="g"),
        Field("admission_weight_g", Kind.WHOLE, _WEIGHT, unit="g"),
        Field("weight_g", Kind.WHOLE, _WEIGHT, unit="g"),
        Field("admission_time", Kind.TIME, _DATE),
        Field("discharge_time", Kind.TIME, _DATE),
        Field("discharge_way", Kind.CHOICE, _VALUE),
        Field("discharge_status", Kind.TEXT, _VALUE),
        Field("department", Kind.TEXT, _VALUE),
        Field("admission_department", Kind.TEXT, _VALUE),
        Field("physician", Kind.TEXT, _VALUE, private=True),
        Field("pathway", Kind.CHOICE, _VALUE),
        Field("los", Kind.WHOLE, _NUMBER, unit="days"),
        Field("icu_hours", Kind.HOURS, _NUMBER, unit="hours"),
        Field("ventilator_hours", Kind.HOURS, _NUMBER, unit="hours"),
        Field("code_system", Kind.CHOICE, _VALUE, default="nhsa"),
        Field("admission_dx", Kind.CODE, "CODE_INVALID"),
        Field("dx", Kind.CODE, "CODE_INVALID", nested="dx"),
        Field("dx_poa", Kind.CHOICE, _VALUE, nested="dx"),
        Field("dx_time", Kind.TIME, _DATE, nested="dx"),
        Field("px", Kind.CODE, "CODE_INVALID", nested="px"),
        Field("px_date", Kind.DATE, _DATE, nested="px"),
        Field("px_level", Kind.TEXT, _VALUE, nested="px"),
        Field("px_modifier", Kind.CHOICE, _VALUE, nested="px"),
        Field("total_cost", Kind.MONEY, _NUMBER, unit="CNY"),
        Field("scope_cost", Kind.MONEY, _NUMBER, unit="CNY"),
        Field("own_cost", Kind.MONEY, _NUMBER, unit="CNY"),
        Field("over_limit_cost", Kind.MONEY, _NUMBER, unit="CNY"),
        Field("first_share_cost", Kind.MONEY, _NUMBER, unit="CNY"),
        Field("deductible_paid", Kind.MONEY, _NUMBER, unit="CNY"),
        Field("basic_paid", Kind.MONEY, _NUMBER, unit="CNY"),
        Field("fund_paid", Kind.MONEY, _NUMBER, unit="CNY"),
        Field("patient_paid", Kind.MONEY, _NUMBER, unit="CNY"),
        Field("year_deductible", Kind.MONEY, _NUMBER, unit="CNY"),
        Field("year_basic", Kind.MONEY, _NUMBER, unit="CNY"),
        Field("year_burden", Kind.MONEY, _NUMBER, unit="CNY"),
        Field("year_critical", Kind.MONEY, _NUMBER, unit="CNY"),
        Field("line_item", Kind.TEXT, _VALUE, nested="line_item"),
        Field("line_name", Kind.TEXT, _VALUE, nested="line_item"),
        Field("line_class", Kind.CHOICE, _VALUE, nested="line_item"),
        Field("line_quantity", Kind.QUANTITY, _NUMBER, nested="line_item"),
        Field("line_amount", Kind.MONEY, _NUMBER, nested="line_item", unit="CNY"),
        Field("line_time", Kind.TIME, _DATE, nested="line_item"),
        Field("line_scope", Kind.CHOICE, _VALUE, nested="line_item"),
        Field("line_first_share", Kind.QUANTITY, _NUMBER, nested="line_item"),
        Field("line_limit", Kind.MONEY, _NUMBER, nested="line_item", unit="CNY"),
        Field("line_department", Kind.TEXT, _VALUE, nested="line_item"),
        Field("line_physician", Kind.TEXT, _VALUE, nested="line_item", private=True),
        Field("assessment_item", Kind.TEXT, _VALUE, nested="assessment_item"),
        Field("assessment_value", Kind.TEXT, _VALUE, nested="assessment_item"),
        Field("assessment_date", Kind.DATE, _DATE, nested="assessment_item"),
        Field("assessment_type", Kind.CHOICE, _VALUE, nested="assessment_item"),
    )
}
"""The fields in the order of the columns."""

RANKED = frozenset({"dx", "px"})
"""Lists whose first place has a meaning of its own: it stays empty where its code is missing.

In the other lists a place is kept when any of its members is stated.
"""

CASE_SCHEMA: pa.Schema = pa.schema([pa.field(f.name, f.type) for f in FIELDS.values()])
"""The Arrow schema of cases.

A batch may hold ``list<dictionary<int32, string>>`` for a list of codes, and a dictionary of
strings for a text: what came dictionary-encoded stays so. :func:`grouper.case.normalise.plain`
brings a batch to exactly this schema.
"""


def groups() -> list[tuple[Field, ...]]:
    """The fields that are read together: each single field, and each list with its companions."""
    found: dict[str, list[Field]] = {}
    for field in FIELDS.values():
        found.setdefault(field.nested or field.name, []).append(field)
    return [tuple(members) for members in found.values()]


def members(nested: str) -> tuple[str, ...]:
    """The names of the lists that go together: the one they belong to first, in their order.

    Args:
        nested: ``dx``, ``px``, ``line_item`` or ``assessment_item``.
    """
    return tuple(field.name for field in FIELDS.values() if field.nested == nested)
