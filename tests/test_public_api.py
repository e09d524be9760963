"""The public surface, as the README uses it."""

from __future__ import annotations

from datetime import date

import pytest

import grouper


def test_everything_promised_is_there() -> None:
    for name in grouper.__all__:
        assert getattr(grouper, name) is not None
    with pytest.raises(AttributeError):
        getattr(grouper, "nothing")  # noqa: B009 -- mypy knows that it is not there


def test_four_lines_group_a_case() -> None:
    record = {"sex": "男", "age": 45, "dx": ["K80.101", "I50.900"], "px": ["51.2300"]}
    case, issues = grouper.Case.from_mapping(record)
    result = grouper.scheme_for(date(2027, 1, 5)).group(case)
    assert issues == []
    assert result.group == "HC43"
    assert result.trace.text().startswith("入组说明")
