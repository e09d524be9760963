"""Fields for pricing in HL7 v2 messages: what the standard states, and what a site adds."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from hl7_messages import one, pv1, segment, stay

from grouper.intake.record import case_of, merge
from hl7_adapters.hl7v2 import FORM, Hl7Form, load_mapping

SITE = """
[facts]
visit_type = { from = ["PV1-18"] }
insured_region = { from = ["ZSY-1"] }
person_type = { from = ["ZSY-2"] }
aid_category = { from = ["ZSY-3"] }
year_deductible = { from = ["ZSY-4"] }

[lines.about]
line_scope = { from = ["ZFT-1"] }
line_first_share = { from = ["ZFT-2"] }
line_limit = { from = ["ZFT-3"] }
"""


def attended(by: str, kind: str = "") -> str:
    cells = pv1().split("|")
    cells[7], cells[18] = by, kind
    return "|".join(cells)


def ft1(number: int, **cells: str) -> str:
    stated = {"f1": str(number), "f2": f"L{number}", "f4": "20260302080000", "f6": "CG"}
    return segment("FT1", **stated, **cells)


def test_who_attends_is_the_physician() -> None:
    event = one(stay("ADT^A01", attended("D0012^测试^医师")))
    assert event.facts["physician"] == "D0012"
    assert "visit_type" not in event.facts
    cleared = one(stay("ADT^A08", attended('""')))
    record = merge(merge({}, event, 1), cleared, 2)
    assert case_of(record)[0].physician is None


def test_who_ordered_a_charge_and_where() -> None:
    ordered = ft1(1, f7="X1^甲", f11="10", f13="0301", f20="D2", f21="D1^测试")
    done = ft1(2, f7="X2^乙", f11="5", f20="D2")
    event = one(stay("DFT^P03", pv1(), ordered, done))
    first, second = (line.about for line in event.lines)
    assert (first["line_department"], first["line_physician"]) == ("0301", "D1")
    assert first["physician"] == second["physician"] == "D2"
    # Who did it did not thereby order it.
    assert "line_physician" not in second
    case = case_of(merge({}, event, 1), [first, second])[0]
    assert case.line_physician == ("D1", None)
    assert case.line_department == ("0301", None)


def test_a_site_says_where_the_rest_stands(tmp_path: Path) -> None:
    path = tmp_path / "hl7.toml"
    path.write_text(SITE, "utf-8")
    form = Hl7Form(load_mapping(path))
    lines = (
        ft1(1, f7="X1", f11="10"),
        "ZFT|B|0.1|8.00",
        ft1(2, f7="X2", f11="5"),
        ft1(3, f7="X3", f11="7"),
        "ZFT|C",
    )
    zsy = "ZSY|331002|12|03|300.00"
    event = one(stay("DFT^P03", attended("D1", "2105"), zsy, *lines), form)
    about = [line.about for line in event.lines]
    case, issues = case_of(merge({}, event, 1), about)
    assert not [issue for issue in issues if issue.field.startswith("line_")]
    assert (case.visit_type, case.insured_region) == ("2105", "331002")
    assert (case.person_type, case.aid_category) == ("12", "03")
    assert case.year_deductible == Decimal("300.00")
    assert case.line_scope == ("B", None, "C")
    assert case.line_first_share == (Decimal("0.1"), None, None)
    assert case.line_limit == (Decimal("8.00"), None, None)


def test_without_a_mapping_the_segments_of_a_site_are_kept() -> None:
    event = one(stay("ADT^A01", attended("D1", "28"), "ZSY|331002"), FORM)
    assert (event.extra["PV1-18"], event.extra["ZSY-1"]) == ("28", "331002")
    assert not {"insured_region", "visit_type"} & set(event.facts)


def test_who_is_insured_elsewhere_stays_in_the_region_that_the_site_states(tmp_path: Path) -> None:
    path = tmp_path / "hl7.toml"
    path.write_text(
        '[facts]\nregion = { from = ["ZSY-2"] }\ninsured_region = { from = ["ZSY-1"] }\n'
        '[values.region]\nYW = "330700"\n',
        "utf-8",
    )
    event = one(stay("ADT^A01", pv1(), "ZSY|110105|YW"), Hl7Form(load_mapping(path)))
    case = case_of(merge({}, event, 1))[0]
    assert (case.region, case.insured_region) == ("330700", "110105")
    alone = one(stay("ADT^A01", pv1(), "ZSY|110105"), Hl7Form(load_mapping(path)))
    assert case_of(merge({}, alone, 1))[0].region is None
