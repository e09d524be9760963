"""Expressions of DIP catalogues: what is read, what is refused, and which codes a key takes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codebooks.codes import code_set
from codebooks.dip.grammar import (
    FIRST_AND_ANY,
    NEIGHBOURS,
    Expression,
    is_mixed,
    parse_diagnoses,
    parse_keys,
    parse_procedures,
)
from codebooks.dip.keys import ANY, Key, matches_any
from codebooks.errors import CodebookError, Where
from codebooks.folding import fold_code

KEYS = {
    "A40": [Key("A40", "A40")],
    "a09.0": [Key("A09.0", "A09.0")],
    "A46.X": [Key("A46.X", "A46.X")],
    "A46.x": [Key("A46.X", "A46.X")],
    "C00-C75": [Key("C00", "C75")],
    "Ａ１５～Ａ１６": [Key("A15", "A16")],
    "I20.0-I20.9": [Key("I20.0", "I20.9")],
    "M47.0+": [Key("M47.0", "M47.0", "")],
    "M47.0+|M51.1+": [Key("M47.0", "M47.0", ""), Key("M51.1", "M51.1", "")],
    "M47.0+G99.2*": [Key("M47.0", "M47.0", "G99.2")],
    "T31.0|T32.0、A00，B00/B01;B02": [
        Key(k, k) for k in ("T31.0", "T32.0", "A00", "B00", "B01", "B02")
    ],
    "D01|\nD12|I85 |K20-K93": [
        Key("D01", "D01"),
        Key("D12", "D12"),
        Key("I85", "I85"),
        Key("K20", "K93"),
    ],
    "A40|A40": [Key("A40", "A40")],
    "所有诊断": [ANY],
    " ": [],
}


@pytest.mark.parametrize(("cell", "keys"), KEYS.items())
def test_diagnosis_keys(cell: str, keys: list[Key]) -> None:
    assert parse_keys(cell) == tuple(keys)


def test_a_city_joins_diagnoses_by_a_plus() -> None:
    parts = parse_diagnoses("A00.0/A00.1+C00-C75")
    assert [[str(key) for key in part] for part in parts] == [["A00.0", "A00.1"], ["C00-C75"]]


def test_a_key_prints_as_it_is_written() -> None:
    for cell in ("A40", "A46.X", "C00-C75", "M47.0+", "M47.0+G99.2*"):
        assert [str(key) for key in parse_keys(cell)] == [cell]
    assert str(ANY) == ""
    assert ANY.is_any


@pytest.mark.parametrize(
    ("cell", "code", "position"),
    [
        ("A", "DIP_DIAGNOSIS_KEY", 1),
        ("A40|4A0", "DIP_DIAGNOSIS_KEY", 5),
        ("A40|", "DIP_EXPRESSION_GAP", 5),
        ("|A40", "DIP_EXPRESSION_GAP", 1),
        ("A40-B", "DIP_DIAGNOSIS_KEY", 1),
        ("A40 A41", "DIP_DIAGNOSIS_KEY", 1),
        ("B20-A40", "DIP_RANGE", 1),
        ("A15-A16.9", "DIP_RANGE", 1),
        ("A15-A16+", "DIP_RANGE", 1),
    ],
)
def test_what_is_no_diagnosis_expression(cell: str, code: str, position: int) -> None:
    where = Where("a.xlsx", "s", 7, "B 诊断")
    with pytest.raises(CodebookError) as caught:
        parse_diagnoses(cell, where)
    assert caught.value.code == code
    assert caught.value.where == Where("a.xlsx", "s", 7, "B 诊断", position)


def test_joined_diagnoses_are_refused_where_one_is_asked_for() -> None:
    with pytest.raises(CodebookError, match="DIP_KEYS_JOINED"):
        parse_keys("A40+B20")


@pytest.mark.parametrize(
    ("key", "takes", "leaves"),
    [
        ("A40", ["A40.000", "A40.900X001"], ["A41.000", "", "A4"]),
        ("A46.x", ["A46.X00", "A46.X00X001"], ["A46.000"]),
        ("C00-C75", ["C00.000", "C75.900"], ["C76.000", "B99.X00", "D00.000"]),
        ("I20.0-I20.1", ["I20.000", "I20.100X001"], ["I20.200", "I20"]),
        ("M47.0+", ["M47.000+G99.2*"], ["M47.000", "M48.000+G99.2*"]),
        ("M47.0+G99.2*", ["M47.000+G99.2*"], ["M47.000+G55.1*", "M47.000"]),
        ("M47.0", ["M47.000", "M47.000+G99.2*"], ["M47.100"]),
        ("所有诊断", ["A00.000", "Z99.900"], [""]),
    ],
)
def test_which_codes_a_key_takes(key: str, takes: list[str], leaves: list[str]) -> None:
    keys = parse_keys(key)
    assert [code for code in takes if not matches_any(keys, code)] == []
    assert [code for code in leaves if matches_any(keys, code)] == []


def test_the_plus_changes_nothing_in_the_insurance_edition() -> None:
    codes = [fold_code(code) for code in code_set("icd10-nhsa-2.0").codes]
    for name in ("M47.0", "M51.1"):
        (bare,), (dual,) = parse_keys(name), parse_keys(f"{name}+")
        taken = [code for code in codes if dual.matches(code)]
        assert len(taken) > 3
        assert taken == [code for code in codes if bare.matches(code)]


PROCEDURES = {
    "33.6x00": [[["33.6X00"]]],
    "37.5100|37.5100x001": [[["37.5100", "37.5100X001"]]],
    "40.5905/40.5914": [[["40.5905", "40.5914"]]],
    "96.7201+39.9500x007": [[["96.7201"], ["39.9500X007"]]],
    "45.2": [[["45.2"]]],
    "81.51|81.51": [[["81.51"]]],
    "81.51+81.51": [[["81.51"]]],
    "": [],
}


@pytest.mark.parametrize("mixed", [FIRST_AND_ANY, NEIGHBOURS])
@pytest.mark.parametrize(("cell", "alternatives"), PROCEDURES.items())
def test_procedure_expressions(cell: str, alternatives: list, mixed: str) -> None:
    read = parse_procedures(cell, None, mixed)
    assert [[list(part) for part in parts] for parts in read.alternatives] == alternatives
    assert not is_mixed(cell)
    assert bool(read) is bool(cell)


def test_a_mixed_cell_has_two_readings() -> None:
    cell = "14.5400x001+14.5904|14.7903"
    assert is_mixed(cell)
    groups = parse_procedures(cell)
    assert groups.parts == (("14.5400X001",), ("14.5904", "14.7903"))
    pairs = parse_procedures(cell, None, NEIGHBOURS)
    assert pairs.alternatives == ((("14.5400X001",), ("14.5904",)), (("14.7903",),))
    assert pairs.parts == (("14.5400X001", "14.7903"), ("14.5904", "14.7903"))
    assert pairs.codes == groups.codes
    assert not groups.meets({"14.7903"})
    assert pairs.meets({"14.7903"})
    assert groups.meets({"14.5400X001", "14.7903"})


@pytest.mark.parametrize(
    ("cell", "code", "position"),
    [
        ("A00", "DIP_PROCEDURE_CODE", 1),
        ("40.5+x", "DIP_PROCEDURE_CODE", 6),
        ("40.5|", "DIP_EXPRESSION_GAP", 6),
        ("40.5++40.6", "DIP_EXPRESSION_GAP", 6),
        ("40.5，40.6", "DIP_COMMA", 5),
        ("40.5、40.6", "DIP_COMMA", 5),
    ],
)
def test_what_is_no_procedure_expression(cell: str, code: str, position: int) -> None:
    with pytest.raises(CodebookError) as caught:
        parse_procedures(cell, Where(row=3))
    assert caught.value.code == code
    assert caught.value.where == Where(row=3, position=position)
    assert all(caught.value.describe(lang) for lang in ("zh", "en"))


codes = st.sampled_from(["40.1", "40.2", "40.3", "40.4", "40.5"])
cells = st.lists(st.lists(codes, min_size=1, max_size=3), min_size=1, max_size=4)
cases = st.frozensets(codes)


def plainly(groups: list[list[str]], case: frozenset[str], *, near: bool) -> bool:
    """The two readings told by words: groups of alternatives, or chains of neighbours."""
    if not near:
        return all(any(code in case for code in group) for group in groups)
    text = "+".join("|".join(group) for group in groups)
    return any(all(code in case for code in chain.split("+")) for chain in text.split("|"))


@given(cells, cases)
def test_both_readings_mean_what_they_say(groups: list[list[str]], case: frozenset[str]) -> None:
    cell = "+".join("|".join(group) for group in groups)
    for mixed in (FIRST_AND_ANY, NEIGHBOURS):
        read = parse_procedures(cell, None, mixed)
        wanted = plainly(groups, case, near=mixed == NEIGHBOURS)
        assert read.meets(case) is wanted
        # The conjunctive form says the same.
        assert Expression((read.parts,)).meets(case) is wanted


@given(st.text(alphabet="AXx014.+-*|/,、; \n所有诊断", max_size=16))
def test_whatever_is_written_is_read_or_refused(cell: str) -> None:
    for parse in (parse_diagnoses, parse_keys, parse_procedures):
        with contextlib.suppress(CodebookError):
            parse(cell)
