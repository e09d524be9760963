"""Who ordered a charge and its class of the catalogue in the tables laid out for analysis."""

from __future__ import annotations

from typing import Any

import pytest

from grouper.store.analysis_tables import CHARGES, _charge


@pytest.mark.parametrize(
    ("about", "department", "scope"),
    [
        ({"line_department": "03", "line_scope": "B"}, "03", "B"),
        # Lines that were stored before the fields had these names.
        ({"department": "04", "scope": "甲"}, "04", "甲"),
        ({"line_department": "03", "department": "04", "line_scope": None}, "03", None),
        ({"line_department": None, "department": "04"}, "04", None),
        ({}, None, None),
    ],
)
def test_what_a_line_states_by_its_best_name(
    about: dict[str, Any], department: str | None, scope: str | None
) -> None:
    row: dict[str, Any] = {"line": "1", "quantity": "2", "about": about}
    _charge(row)
    assert (row["department"], row["scope"]) == (department, scope)
    assert {"department", "scope", "hospital_item"} <= set(CHARGES.names)
