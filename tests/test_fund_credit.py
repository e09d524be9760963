"""Credit: dated schemes, quantities, points, and a grade only where nothing is missing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from fund_support import FULL, VALUES, code, data, quantity, write
from hypothesis import given
from hypothesis import strategies as st

from codebooks.messages import catalogue
from grouper.audit.errors import AuditError
from grouper.audit.fund import credit_scheme
from grouper.audit.fund.credit import Quantity, credit
from grouper.audit.fund.credit_scheme import NAMES, Scheme, read_schemes, scheme_of
from grouper.audit.fund.credit_values import read_values

__all__ = ["data"]


# --- credit ------------------------------------------------------------------------------------


def scheme() -> Scheme:
    found = scheme_of("demo", date(2026, 3, 31))
    assert found is not None
    return found


def test_a_grade_needs_every_input() -> None:
    whole = credit(scheme(), FULL)
    assert (whole.points, whole.weight, whole.grade) == (Decimal("100.00"), Decimal(100), "A")
    some = credit(scheme(), {k: v for k, v in FULL.items() if k != "upload_errors"})
    assert (some.grade, some.worst, some.best, some.known) == (None, "A", "A", Decimal(90))
    none = credit(scheme(), {})
    assert (none.grade, none.worst, none.best, none.points) == (None, "E", "A", Decimal(0))
    assert {one.reason for one in none.inputs} == {"CREDIT_INPUT_ABSENT"}
    empty = credit(scheme(), FULL | {"appeals_won": quantity("0", "0")})
    assert empty.grade is None
    assert next(one for one in empty.inputs if one.input.name == "appeals_won").reason == (
        "CREDIT_INPUT_EMPTY"
    )


@pytest.mark.parametrize(
    ("violations", "points"),
    [("2", "25.00"), ("16", "12.50"), ("30", "0.00"), ("99", "0.00"), ("9", "18.75")],
)
def test_points_are_in_proportion_between_all_and_none(violations: str, points: str) -> None:
    found = credit(scheme(), FULL | {"violations": quantity(violations, "1000")})
    assert found.inputs[0].points == Decimal(points)
    assert found.inputs[0].value == Decimal(violations)


@given(st.lists(st.integers(0, 100), min_size=len(NAMES), max_size=len(NAMES)))
def test_more_is_never_worse_than_what_is_missing(parts: list[int]) -> None:
    given_ = {name: quantity(str(one), "100") for name, one in zip(NAMES, parts, strict=True)}
    whole = credit(scheme(), given_)
    assert whole.grade == whole.worst == whole.best
    some = credit(scheme(), dict(list(given_.items())[::2]))
    order = [one.grade for one in scheme().grades]
    assert order.index(some.best) <= order.index(whole.grade or "") <= order.index(some.worst)


SCHEME = """
[[scheme]]
region = "demo"
valid_from = 2026-01-01
standing = "official"
source = "示例"
[[scheme.input]]
name = "violations"
weight = "10"
unit = "per_mille"
full = "0"
none = "10"
[[scheme.grade]]
grade = "优"
from = "50"
[[scheme.grade]]
grade = "差"
from = "0"
"""


def test_a_regions_own_scheme_goes_before_the_shipped_one(data: Path) -> None:
    write(data / "fund", SCHEME, "credit.toml")
    found = scheme_of("demo", date(2026, 3, 31))
    assert found is not None
    assert (found.own, found.standing) == (True, "official")
    assert credit(found, {"violations": quantity("5", "1000")}).grade == "优"
    assert credit(found, {"violations": quantity("6", "1000")}).grade == "差"
    before, elsewhere = scheme_of("demo", date(2025, 3, 31)), scheme_of("jinhua", date(2026, 3, 31))
    assert before is not None
    assert elsewhere is not None
    assert not before.own
    assert elsewhere.region == "national"
    assert scheme_of("demo", date(2020, 1, 1)) is None


@pytest.mark.parametrize(
    "change",
    [
        ("[[scheme]]", "[[scheme"),
        ("[[scheme]]", "other = 1\n[[scheme]]"),
        ('source = "示例"', 'source = ""'),
        ('source = "示例"', 'source = "示例"\nmore = 1'),
        ('region = "demo"', 'region = "nowhere"'),
        ('standing = "official"', 'standing = "x"'),
        ("valid_from = 2026-01-01", "valid_from = 2026-01-01\nvalid_to = 2026-01-01"),
        ("valid_from = 2026-01-01", "valid_from = 2026-01-01T00:00:00"),
        ('name = "violations"', 'name = "x"'),
        ('unit = "per_mille"', 'unit = "x"'),
        ('weight = "10"', "weight = 10"),
        ('weight = "10"', 'weight = "0"'),
        ('weight = "10"', 'weight = "x"'),
        ('none = "10"', 'none = "0"'),
        ('from = "0"', 'from = "1"'),
        ('from = "50"', 'from = "0"'),
        ('grade = "优"', 'grade = ""'),
    ],
)
def test_a_scheme_that_is_not_of_the_form_is_refused(data: Path, change: tuple[str, str]) -> None:
    assert change[0] in SCHEME
    write(data / "fund", SCHEME.replace(*change), "credit.toml")
    with pytest.raises(AuditError) as error:
        scheme_of("demo", date(2026, 3, 31))
    assert code(error) == "CREDIT_SCHEME"


@pytest.mark.parametrize("text", ["scheme = 1", "scheme = [1]", "[[scheme]]\nregion = 'demo'\n"])
def test_a_file_without_schemes_is_refused(text: str) -> None:
    with pytest.raises(AuditError):
        list(read_schemes(text, "x.toml", own=True))


def test_a_scheme_without_inputs_is_refused() -> None:
    start, end = SCHEME.index("[[scheme.input"), SCHEME.index("[[scheme.grade")
    with pytest.raises(AuditError) as error:
        list(read_schemes(SCHEME[:start] + SCHEME[end:], "x.toml", own=True))
    assert code(error) == "CREDIT_SCHEME"


def test_a_scheme_that_is_no_text_is_refused(data: Path) -> None:
    write(data / "fund", SCHEME, "credit.toml", encoding="utf-16")
    with pytest.raises(AuditError) as error:
        scheme_of("demo", date(2026, 3, 31))
    assert code(error) == "CREDIT_SCHEME"


def test_the_shipped_schemes_are_of_the_form() -> None:
    assert [one.name for one in scheme().inputs] == list(NAMES)
    assert credit_scheme.FILE == "credit.toml"
    assert scheme().standing == "proposal"
    for lang in ("zh", "en"):
        assert {f"fund_view.input.{name}" for name in NAMES} <= set(catalogue(lang))


def test_quantities_are_those_of_the_last_month_of_the_year(tmp_path: Path) -> None:
    text = (
        VALUES
        + "2026-01,lists_in_time,9,10,报表\n2026-03,lists_in_time,28,30,报表\n"
        + "2026-04,lists_in_time,1,40,报表\n2025-12,upload_errors,1,2,报表\n"
    )
    found = read_values(write(tmp_path, text), "2026-03")
    assert found == {"lists_in_time": Quantity(part=Decimal(28), whole=Decimal(30), source="报表")}


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("2026-1,lists_in_time,1,2,x", "month"),
        ("2026-01,other,1,2,x", "input"),
        ("2026-01,lists_in_time,-1,2,x", "part"),
        ("2026-01,lists_in_time,1,x,x", "whole"),
        ("2026-01,lists_in_time,1,2,", "source"),
        ("2026-01,lists_in_time,1,2,x\n2026-01,lists_in_time,1,2,x", "input"),
    ],
)
def test_a_quantity_that_cannot_be_read_is_named(tmp_path: Path, row: str, column: str) -> None:
    with pytest.raises(AuditError) as error:
        read_values(write(tmp_path, VALUES + row + "\n"), "2026-03")
    assert code(error) == "CREDIT_VALUE"
    assert error.value.where.column == column
