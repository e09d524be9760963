"""The US model: published figures to the cent, published tables, and its rules one by one."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pdpm_support import LATER, PLAIN, US, case_of, gg, row_of, stay

from codebooks.errors import CodebookError
from grouper.schemes.load import load_scheme
from grouper.schemes.pdpm.scheme import PdpmScheme
from grouper.schemes.reasons import Reason


@pytest.fixture(scope="module")
def us() -> PdpmScheme:
    found = load_scheme(US)
    assert isinstance(found, PdpmScheme)
    return found


@pytest.fixture(scope="session")
def tables(facts: Path) -> dict[str, Any]:
    text = (facts / "pdpm" / "us_pdpm_tables.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return found


def groups(us: PdpmScheme, items: dict[str, str], **more: Any) -> tuple[str, ...]:
    found = us.answer(stay(items, **more))
    assert found.periods, (found.reason, found.about)
    return tuple(group.name for group in found.shown.groups)


def test_check_figures_to_the_cent(us: PdpmScheme, tables: dict[str, Any]) -> None:
    card = us.rates("urban", date(2022, 1, 1))
    vectors = tables["vectors_urban_fy2022"]
    assert len(vectors) == 2
    for code, wanted in vectors.items():
        assert [g.name for g in card.groups(code)] == wanted["groups"][:4]
        for day in (1, 4, 21, 98):
            assert card.day(code, day) == wanted[f"d{day}"], (code, day)
        assert card.days(code, 1, 100) == wanted["sum100"]


def test_a_stay_of_100_days_is_paid_the_check_figure(
    us: PdpmScheme, tables: dict[str, Any]
) -> None:
    # TK: medical, 10 to 23; SB: an altered diet; LBC1: dialysis, 6 to 14; NE: one NTA point.
    items = gg("03") | {"K0510C2": "1", "O0100J2": "1", "H0100C": "1"}
    found = us.group(stay(items, dx=("J44.9",), days=100))
    assert found.group == "KBKE1"
    card = us.rates("urban", date(2022, 1, 1))
    assert card.stay(found.parts) == tables["vectors_urban_fy2022"]["KBKE1"]["sum100"]


def test_tables_are_those_published(us: PdpmScheme, tables: dict[str, Any]) -> None:
    later = load_scheme(LATER)
    assert isinstance(later, PdpmScheme)
    for scheme, key in ((us, "cmi_fy2020_22"), (later, "cmi_fy2024_26")):
        for component in scheme.compiled.components:
            wanted = tables[key].get(component.name, [])
            assert list(component.factors.values()) == wanted
    axis = {a.name: a for a in us.compiled.axes}
    assert [g.name for g in axis["NURSING"].groups] == tables["nursing_letters"]
    letters = tables["ptot_groups"]["letters"].replace(" ", "")
    assert "".join(g.letter for g in axis["PTOT"].groups) == letters
    for area in ("urban", "rural"):
        known = us.rates(area, date(2021, 10, 1)).amounts
        assert dict(known) == tables[f"base_{area}_fy2022"]
    curve = {c.name: c.curve for c in us.compiled.components}["PT"]
    assert [(s.first, s.last, s.share) for s in curve][:2] == [
        (1, 20, Decimal("1.00")),
        (21, 27, Decimal("0.98")),
    ]
    assert (curve[-1].first, curve[-1].last, curve[-1].share) == (98, None, Decimal("0.76"))
    assert len(curve) == 13


def test_the_map_is_the_one_of_the_facts(us: PdpmScheme, facts: Path) -> None:
    said = {r["code"].replace(".", ""): r for r in us.book.rows("diagnoses")}
    raw = gzip.decompress((facts / "pdpm" / "us_icd10cm_clinical_category.csv.gz").read_bytes())
    rows = list(csv.DictReader(io.StringIO(raw.decode())))
    assert len(rows) == 37_312
    for row in rows:
        found = said[row["icd10cm"]]
        assert found["category"] == int(row["pt_ot_category"])
        assert found["neurologic"] == int(row["slp_acute_neurologic"]) - 1
        assert found["surgery"] == int(row["surgery_eligibility"])
    assert sum(r["category"] == 0 for r in said.values()) == 34_873


def test_every_group_carries_the_letter_of_its_code(us: PdpmScheme) -> None:
    card = us.rates("rural", date(2022, 9, 30))
    for axis in us.compiled.axes:
        assert [g.letter for g in axis.groups] == list("ABCDEFGHIJKLMNOPQRSTUVWXY")[
            : len(axis.groups)
        ]
    assert [g.name for g in card.groups("PLYF0")] == ["TP", "SL", "PA1", "NF"]
    for wrong in ("NHNC9", "NHN", "ZHNC1", "NHNC11", ""):
        with pytest.raises(CodebookError, match="PDPM_CODE_UNKNOWN"):
            card.groups(wrong)


@pytest.mark.parametrize("day", [date(2019, 10, 1), date(2021, 9, 30), date(2022, 10, 1)])
def test_a_rate_that_is_not_at_hand_is_told(us: PdpmScheme, day: date) -> None:
    with pytest.raises(CodebookError, match="PDPM_RATE_MISSING"):
        us.rates("urban", day)
    with pytest.raises(CodebookError, match="PDPM_RATE_MISSING"):
        us.rates("suburban", date(2022, 1, 1))


@pytest.mark.parametrize(
    ("dx", "letters"),
    [("Z47.1", "ABCD"), ("M17.9", "EFGH"), ("J44.9", "IJKL"), ("I63.9", "MNOP")],
)
def test_function_bands(us: PdpmScheme, dx: str, letters: str) -> None:
    for code, band in (("88", 0), ("01", 0), ("02", 1), ("03", 2), ("04", 2), ("05", 3), ("06", 3)):
        assert groups(us, gg(code), dx=(dx,))[0] == "T" + letters[band]


def test_walking_counts_nothing_where_ten_feet_are_too_far(us: PdpmScheme) -> None:
    able = gg("06")
    assert groups(us, able)[0] == "TP"
    for code in ("07", "09", "10", "88"):
        assert groups(us, able | {"GG0170I1": code})[0] == "TO"
    for code in ("01", "06", "-"):
        assert groups(us, able | {"GG0170I1": code})[0] == "TP"


def test_sums_are_rounded_half_up(us: PdpmScheme) -> None:
    # 0 + 0 + 0 + (4 + 1) / 2 + (4 + 4 + 1) / 3 + 0 = 5.5, the nursing score without walking too.
    items = gg("01") | {"GG0170B1": "06", "GG0170C1": "02"}
    items |= {"GG0170D1": "06", "GG0170E1": "06", "GG0170F1": "02"}
    assert groups(us, items)[0] == "TN"
    assert groups(us, items)[2] == "PBC1"
    # One point less in transfer makes 5 1/6, and that is 5.
    assert groups(us, items | {"GG0170F1": "01"})[0] == "TM"


@pytest.mark.parametrize(
    ("dx", "items", "wanted"),
    [
        ("S72.001D", {}, "TG"),
        ("S72.001D", {"J2100": "1"}, "TG"),
        ("S72.001D", {"J2100": "1", "J2310": "1"}, "TC"),
        ("S72.001D", {"J2100": "0", "J2310": "1"}, "TG"),
        ("S72.001D", {"J2310": "1"}, "TG"),
        ("S72.001D", {"J2100": "1", "J2700": "1"}, "TG"),
        ("I26.99", {"J2100": "1", "J2700": "1"}, "TO"),
        ("I26.99", {"J2100": "1", "J2310": "1"}, "TK"),
        ("I26.99", {}, "TK"),
    ],
)
def test_an_operation_overrides_the_category(
    us: PdpmScheme, dx: str, items: dict[str, str], wanted: str
) -> None:
    assert groups(us, gg("03") | items, dx=(dx,))[0] == wanted


@pytest.mark.parametrize(
    ("dx", "items", "wanted"),
    [
        (("J44.9",), {}, "SA"),
        (("J44.9",), {"K0100C": "1"}, "SB"),
        (("J44.9",), {"K0100C": "1", "K0510C2": "1"}, "SC"),
        (("I63.9",), {}, "SD"),
        (("J44.9",), {"I4300": "1"}, "SD"),
        (("J44.9", "I69.020"), {}, "SD"),
        (("I69.020", "J44.9"), {}, "SD"),
        (("J44.9",), {"C0500": "12"}, "SD"),
        (("J44.9",), {"C0500": "13"}, "SA"),
        (("I63.9",), {"C0500": "7", "O0100E2": "1"}, "SJ"),
        (("I63.9",), {"C0500": "7", "O0100E2": "1", "K0100A": "1", "K0510C2": "1"}, "SL"),
        (("J44.9",), {"C0500": "99", "B0700": "0", "C0700": "0", "C1000": "0"}, "SA"),
        (("J44.9",), {"C0500": "99", "B0700": "0", "C0700": "1", "C1000": "0"}, "SD"),
        (("J44.9",), {"C0500": "-", "B0700": "0", "C0700": "0", "C1000": "3"}, "SD"),
    ],
)
def test_speech(us: PdpmScheme, dx: tuple[str, ...], items: dict[str, str], wanted: str) -> None:
    assert groups(us, gg("03") | items, dx=dx)[1] == wanted


SKIN = {"M1200A": "1", "M1200C": "1"}


@pytest.mark.parametrize(
    ("code", "items", "wanted"),
    [
        ("01", {"O0100E2": "1", "O0100F2": "1"}, "ES3"),
        ("04", {"O0100F2": "1"}, "ES2"),
        ("04", {"O0100M2": "1", "I2100": "1"}, "ES1"),
        ("06", {"O0100E2": "1", "O0100F2": "1"}, "CA1"),
        ("06", {"O0100M2": "1", "D0300": "10"}, "CA2"),
        ("01", {"I2100": "1", "D0300": "10"}, "HDE2"),
        ("01", {"I2100": "1", "D0300": "9"}, "HDE1"),
        ("03", {"I2100": "1", "D0300": "-", "D0600": "10"}, "HBC2"),
        ("03", {"I2100": "1", "D0300": "99", "D0600": "0"}, "HBC1"),
        ("06", {"I2100": "1"}, "CA1"),
        ("03", {"I2900": "1", "N0350A": "7", "N0350B": "2"}, "HBC1"),
        ("03", {"I2900": "1", "N0350A": "6", "N0350B": "2"}, "PBC1"),
        ("03", {"I5100": "1"}, "HBC1"),
        ("04", {"I5100": "1"}, "PBC1"),
        ("03", {"I6200": "1", "J1100C": "1"}, "HBC1"),
        ("03", {"J1550A": "1", "K0300": "2"}, "HBC1"),
        ("03", {"J1550A": "1"}, "PBC1"),
        ("03", {"J1550A": "1", "K0510B2": "1", "K0710A3": "3"}, "HBC1"),
        ("03", {"K0510A1": "1"}, "HBC1"),
        ("03", {"O0400D2": "7"}, "HBC1"),
        ("01", {"B0100": "1", "C0500": "-", "D0300": "-"}, "HDE1"),
        ("03", {"I5300": "1"}, "LBC1"),
        ("04", {"I5300": "1"}, "PBC1"),
        ("03", {"I6300": "1", "O0100C2": "1"}, "LBC1"),
        ("03", {"K0510B2": "1", "K0710A3": "2", "K0710B3": "2"}, "LBC1"),
        ("03", {"K0510B2": "1", "K0710A3": "2", "K0710B3": "1"}, "PBC1"),
        ("03", {"M0300B1": "2", **SKIN}, "LBC1"),
        ("03", {"M0300B1": "1", **SKIN}, "PBC1"),
        ("03", {"M0300B1": "1", "M1030": "1", **SKIN}, "LBC1"),
        ("03", {"M0300D1": "1", "M1200A": "1", "M1200B": "1"}, "PBC1"),
        ("03", {"M0300F1": "1", **SKIN}, "LBC1"),
        ("03", {"M1040B": "1", "M1200I": "1"}, "LBC1"),
        ("03", {"O0100J2": "1", "D0300": "27"}, "LBC2"),
        ("03", {"I2000": "1", "D0300": "10"}, "CBC2"),
        ("01", {"O0100H2": "1"}, "CDE1"),
        ("06", {"O0100I2": "1"}, "CA1"),
        ("03", {"I4900": "1"}, "CBC1"),
        ("04", {"I4900": "1"}, "PBC1"),
        ("03", {"M1040E": "1", "M1200F": "1"}, "CBC1"),
        ("04", {"C0500": "9"}, "BAB1"),
        ("04", {"C0500": "10"}, "PBC1"),
        ("03", {"C0500": "9"}, "PBC1"),
        ("04", {"C0500": "0", "O0500A": "6", "O0500F": "7"}, "BAB2"),
        ("04", {"E0900": "2"}, "BAB1"),
        ("04", {"C0500": "99", "B0700": "2", "C0700": "1", "C1000": "0"}, "BAB1"),
        ("04", {"C0500": "99", "B0700": "1", "C0700": "1", "C1000": "1"}, "PBC1"),
        ("01", {"H0200C": "1", "O0500C": "6"}, "PDE2"),
        ("01", {"H0200C": "1", "H0500": "1"}, "PDE1"),
        ("03", {"O0500D": "6", "O0500E": "6"}, "PBC2"),
        ("03", {"O0500D": "6", "O0500F": "6"}, "PBC1"),
        ("06", {"O0500G": "6", "O0500J": "6"}, "PA2"),
        ("06", {}, "PA1"),
    ],
)
def test_nursing(us: PdpmScheme, code: str, items: dict[str, str], wanted: str) -> None:
    assert groups(us, gg(code) | items, dx=("J44.9",))[2] == wanted


@pytest.mark.parametrize(
    ("dx", "items", "wanted"),
    [
        ((), {}, "NF"),
        ((), {"I5600": "1"}, "NE"),
        (("B20",), {}, "NC"),
        (("B20", "E66.01"), {}, "NB"),
        (("B20", "E66.01", "B20", "E66.01"), {}, "NB"),
        (("Z94.2",), {}, "ND"),
        (("T86.30",), {}, "ND"),
        ((), {"K0510A2": "1", "K0710A2": "3"}, "NC"),
        ((), {"K0510A2": "1", "K0710A2": "2", "K0710B2": "2"}, "ND"),
        ((), {"K0510A2": "1", "K0710A2": "2", "K0710B2": "1"}, "NF"),
        ((), {"O0100H2": "1", "O0100F2": "1", "O0100I2": "1", "O0100E2": "1"}, "NA"),
        ((), {"M1040A": "1"}, "NE"),
        ((), {"M1040A": "1", "M1040B": "1", "H0100D": "1"}, "NE"),
        ((), {"M1040A": "1", "H0100D": "1", "H0100C": "1"}, "ND"),
        ((), {"M0300D1": "3"}, "NE"),
    ],
)
def test_ancillaries(
    us: PdpmScheme, dx: tuple[str, ...], items: dict[str, str], wanted: str
) -> None:
    assert groups(us, gg("03") | items, dx=("J44.9", *dx))[3] == wanted


def test_hiv_counts_in_any_place_and_the_rest_beside_the_principal(us: PdpmScheme) -> None:
    assert groups(us, gg("03"), dx=("B20",))[3] == "NC"
    assert groups(us, gg("03"), dx=("K86.1",))[3] == "NF"
    assert groups(us, gg("03"), dx=("K86.1", "K86.1"))[3] == "NF"
    assert groups(us, gg("03"), dx=("J44.9", "K86.1"))[3] == "NE"


@pytest.mark.parametrize("spelling", ["I63.9", "I639", "i63.9", " I63.9 ", "Ｉ63.9"])
def test_codes_may_lack_their_dot(us: PdpmScheme, spelling: str) -> None:
    assert us.group(stay(gg("03"), dx=(spelling,))).group == "ODXF1"


def test_newer_names_of_items_mean_the_same() -> None:
    later = load_scheme(LATER)
    same = {"C0500": "15", "K0100Z": "1"}
    old = same | gg("03") | {"O0100H2": "1", "D0300": "12", "K0510C2": "1"}
    new = same | {f"{k[:-1]}5": v for k, v in gg("03").items()}
    new |= {"O0110H1b": "1", "D0160": "12", "K0520C3": "1"}
    for items in (old, new):
        assert later.group(case_of(row_of([(0, "admission", items)]))).group == "OEND1"


def test_kinds_of_assessment_end_the_code(us: PdpmScheme) -> None:
    items = PLAIN | gg("03")
    assessments = [(0, "admission", items), (10, "periodic", items), (29, "discharge", {"X": "1"})]
    found = us.group(case_of(row_of(assessments)))
    assert found.group == "ODXF0"
    assert [(p.code, p.group, p.days) for p in found.parts] == [
        ("admission", "ODXF1", 10),
        ("periodic", "ODXF0", 20),
    ]
    assert found.reason is None
    assert {w.reason for w in found.warnings} == set()


def test_every_diagnosis_that_is_returned_says_so(us: PdpmScheme) -> None:
    assert us.group(stay(gg("03"), dx=("R99",))).reason is Reason.DX_RETURNED
    assert us.group(stay(gg("03"), dx=("U07.1",))).group == "KAXF1"
