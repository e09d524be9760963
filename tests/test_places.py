"""Administrative codes: which region binds a place, and where a person from there is insured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codebooks.places import code_of, insured_of, region_of
from codebooks.registry import registry
from grouper.payment.place import is_here

CODES = st.text("0123456789", min_size=6, max_size=6)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("harbin", "230100"),
        (" 金华 ", "330700"),
        ("北京市", "110000"),
        ("110100", "110100"),
        ("999999", "999999"),
        ("demo", None),
        ("nowhere at all", None),
        ("", None),
    ],
)
def test_a_place_has_a_code(name: str, code: str | None) -> None:
    assert code_of(name) == code


@pytest.mark.parametrize(
    ("code", "region"),
    [
        ("330702", "330700"),
        ("331002", "330000"),
        ("341523", "341523"),
        ("341522", "340000"),
        ("110105", "110000"),
        ("500229", "500000"),
        ("990000", None),
        ("33070", None),
        ("金华", None),
        ("３３０７０２", None),
    ],
)
def test_the_region_of_a_place_is_the_nearest_that_is_known(code: str, region: str | None) -> None:
    assert region_of(code) == region


@given(CODES)
def test_a_person_is_insured_in_a_city_that_is_known_or_where_the_record_says(code: str) -> None:
    found, bound = insured_of(code), region_of(code)
    assert found in {code, bound}
    if found != code:
        assert registry().region(found).id in {"beijing", "chongqing"} or found[:4] == code[:4]
    assert insured_of(found) == found


@pytest.mark.parametrize(
    ("region", "insured", "here"),
    [
        ("jinhua", None, True),
        ("jinhua", "330700", True),
        ("jinhua", "330782", True),
        ("jinhua", "金华", True),
        ("jinhua", "331002", False),
        ("jinhua", "330000", False),
        ("zhejiang", "331002", False),
        ("chongqing", "500112", True),
        ("beijing", "110105", True),
        ("beijing", "500112", False),
        ("shucheng", "341523", True),
        ("shucheng", "341522", False),
        ("demo", "nowhere at all", False),
    ],
)
def test_a_district_is_of_its_city_and_no_city_of_its_province(
    region: str, insured: str | None, here: bool
) -> None:
    assert is_here(region, insured) is here
