"""Rows of a city's DIP catalogue from the texts of its cells, and its group codes.

Source: the catalogues of DIP 2.0, whose group code is ``DIAG[:MAIN[_REL1+REL2…]]`` for a core
group and ``CATEGORY:TREATMENT`` for a comprehensive one, for example ``A00:SS``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.dip.grammar import parse_diagnoses, parse_procedures
from codebooks.dip.naming import mend_name
from codebooks.dip.national import canonical, group_row, nowhere
from codebooks.errors import CodebookError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codebooks.errors import Where

CORE, COMPREHENSIVE, PRIMARY_CARE = "HX", "ZH", "JCB"
"""Sections of a city's catalogue: core, comprehensive and primary-care groups."""

TREATMENTS = ("surgery", "therapeutic", "diagnostic", "conservative")
"""Kinds of treatment of the comprehensive groups."""

NUMBERS = {"score": 6, "mean_cost": 6, "mean_los": 6, "cost_cv": 6}
"""Decimal columns and their places."""

_DIGITS = {"score": 18, "mean_cost": 18, "mean_los": 12, "cost_cv": 12}
_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]*)?")
_WHOLE = re.compile(r"[0-9]{1,9}(?:\.0*)?")
# Beyond it no column can hold the number, and the arithmetic would not be exact.
_LONGEST = 27


def city_row(
    cells: Mapping[str, str],
    section: str = "",
    at: Callable[[str], Where | None] = nowhere,
) -> dict[str, Any]:
    """A row of the table ``groups``.

    Args:
        cells: texts by the table's columns; ``treatment`` is one of :data:`TREATMENTS` or empty.
        section: :data:`CORE`, :data:`COMPREHENSIVE` or :data:`PRIMARY_CARE`; when empty, a row
            with a treatment is comprehensive, any other core.
        at: the place of a column's cell, for errors.

    Raises:
        CodebookError: of the grammar, or ``DIP_NUMBER``.
    """
    values: dict[str, Any] = dict(cells)
    for column in ("diagnosis", "procedure", "related"):
        values[column] = canonical(values.get(column, ""))
    parse_diagnoses(values["diagnosis"], at("diagnosis"))
    parse_procedures(values["procedure"], at("procedure"))
    parse_procedures(values["related"], at("related"))
    for column in NUMBERS:
        values[column] = decimal_of(column, values.get(column, ""), at(column))
    values["cases"] = whole_of(values.get("cases", ""), at("cases"))
    values["procedure_name"] = mend_name(values.get("procedure_name", ""))
    values["related_name"] = mend_name(values.get("related_name", ""))
    section = section or (COMPREHENSIVE if values.get("treatment") else CORE)
    return group_row(section=section, **values)


def decimal_of(column: str, text: str, where: Where | None = None) -> Decimal | None:
    """A number as its column stores it; None when blank.

    Raises:
        CodebookError: ``DIP_NUMBER`` when it is none, negative, or has more digits than the
            column holds.
    """
    plain = text.strip().replace(",", "")
    if not plain:
        return None
    if not _DECIMAL.fullmatch(plain) or len(plain) > _LONGEST:
        raise CodebookError("DIP_NUMBER", where, found=text[:40])
    value = Decimal(plain).quantize(Decimal(1).scaleb(-NUMBERS[column]))
    if len(value.as_tuple().digits) > _DIGITS[column]:
        raise CodebookError("DIP_NUMBER", where, found=text[:40])
    return value


def whole_of(text: str, where: Where | None = None) -> int | None:
    """A whole number of at most nine digits; None when blank.

    Raises:
        CodebookError: ``DIP_NUMBER``.
    """
    plain = text.strip().replace(",", "")
    if not plain:
        return None
    if not _WHOLE.fullmatch(plain):
        raise CodebookError("DIP_NUMBER", where, found=text[:40])
    return int(plain.partition(".")[0])
