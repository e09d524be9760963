"""A hospital's own mapping above the shipped one, and what is refused in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hl7_messages import PATIENT, PID, dg1, message, one, pv1, segment, stay

from codebooks.errors import CodebookError, GrouperError
from grouper.intake.event import EventKind
from grouper.intake.forms import IntakeError
from grouper.intake.record import case_of, merge
from hl7_adapters.hl7v2 import Hl7Form, load_mapping
from hl7_adapters.hl7v2.mapping import SHIPPED

OWN = """
[versions]
taken = ["2.4"]

[types."ORU^R01"]
events = ["stay"]
reads = ["facts"]

[types."ADT^A29"]
events = []

[types."ADT^A04".facts]
discharge_time = ["PV1-45", "PV1-44"]

[patient]
types = ["ZY"]
authorities = ["本院"]

[visit]
numbers = [["PID-3[5=ZY].1+PV1-4", "MRG-5"]]

[hospital]
from = ["MSH-4"]

[facts]
region = { from = ["IN1-3"], values = "region" }
icu_hours = { from = ["ZXX-2"] }
ventilator_hours = { from = ["OBX[3.1=VENT]-5"], unit = "OBX[3.1=VENT]-6" }

[dx.about]
note = { from = ["ZDG-1"] }

[px.about]
px_level = { from = ["ZPR-2"], values = "level" }

[lines.about]
line_class = { from = ["ZFT-1"], values = "line_class" }

[values.level]
"四级" = "4"

[values.region]
YB01 = "beijing"

[values.line_class]
"床" = "01"

[values.hospital]
"测试医院" = "H9"
"""


@pytest.fixture
def own(tmp_path: Path) -> Hl7Form:
    path = tmp_path / "own.toml"
    path.write_text(OWN, "utf-8")
    return Hl7Form(load_mapping(path))


def test_a_hospitals_file_stands_above_the_shipped_one(own: Hl7Form) -> None:
    raw = message(
        "ADT^A08",
        "PID|1||A^^^外院^ZY~B^^^本院^ZY~C^^^本院^MR|||||女",
        "PV1|1|住院||2",
        dg1(1, "I21.001"),
        "ZDG|甲",
        dg1(2, "I10.x00"),
        "PR1|1||36.0601",
        "ZPR||四级",
        "PR1|2||88.5500",
        "OBX|1|NM|VENT||90|h",
        "IN1|1||YB01",
        "ZXX|x|12|z",
        version="2.4",
    )
    event = one(raw, own)
    assert (event.patient, event.visit, event.hospital) == ("B", "A-2", "H9")
    assert event.facts["region"] == "beijing"
    assert event.facts["icu_hours"] == "12"
    assert event.dx is not None
    assert event.px is not None
    assert [coded.about.get("note") for coded in event.dx] == ["甲", None]
    assert [coded.about.get("px_level") for coded in event.px] == ["4", None]
    # What is mapped is not kept twice.
    kept = {name: value for name, value in event.extra.items() if name.startswith("Z")}
    assert kept == {"ZXX-1": "x", "ZXX-3": "z"}
    case, issues = case_of(merge({}, event, 1))
    assert (case.icu_hours, case.ventilator_hours, case.region) == (12.0, 90.0, "beijing")
    assert case.px_level == ("4", None)
    assert issues == []


def test_site_defined_segments_of_lines_and_types(own: Hl7Form) -> None:
    raw = message(
        "DFT^P03",
        "PID|1||A^^^外院^ZY",
        "PV1|1|I||1",
        segment("FT1", f1="1", f2="L1", f6="CG", f11="1"),
        "ZFT|床",
        segment("FT1", f1="2", f2="L2", f6="CG", f11="1"),
        "ZFT|椅",
        segment("FT1", f1="3", f2="L3", f6="CG", f11="1"),
        version="2.4",
    )
    event = one(raw, own)
    assert [line.about.get("line_class") for line in event.lines] == ["01", "椅", None]
    assert event.unknown == (("ZFT-1", "椅"),)
    visit = "PID|1||A^^^外院^ZY\rPV1|1|O||1"
    seen = one(message("ORU^R01", visit, dg1(1, "I10.x00"), version="2.4"), own)
    assert (seen.kind, seen.dx, seen.person) == (EventKind.STAY, None, {})
    for kind, version in (("ADT^A29", "2.4"), ("ADT^A01", "2.5")):
        with pytest.raises(IntakeError, match="_UNSUPPORTED"):
            own.events(message(kind, visit, version=version))


def test_facts_of_one_type_may_stand_elsewhere(own: Hl7Form) -> None:
    visit = ("PID|1||A^^^外院^ZY", "PV1|1|O||1" + "|" * 40 + "20260301")
    registered = one(message("ADT^A04", *visit, version="2.4"), own)
    assert registered.facts["discharge_time"] == "2026-03-01"
    updated = one(message("ADT^A08", *visit, version="2.4"), own)
    assert "discharge_time" not in updated.facts


def test_the_settings_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[facts.department]\nfrom = ["PV1-10"]\n', "utf-8")
    form = Hl7Form()
    assert one(stay("ADT^A08"), form).facts["department"] == "0301"
    form.configure({"mapping": str(path)})
    assert one(stay("ADT^A08"), form).facts["department"] == "MED"
    form.configure({})
    assert one(stay("ADT^A08"), form).facts["department"] == "MED"
    form.configure({"mapping": ""})


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("", "utf-8")
    assert load_mapping(path) == load_mapping()


def test_rules_of_a_hospital_may_name_no_principal(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[dx]\notherwise = "none"\nprincipal = ["0"]\n', "utf-8")
    form = Hl7Form(load_mapping(path))
    plain = one(stay("ADT^A08", pv1(), dg1(1, "A"), dg1(2, "B")), form)
    ranked = one(stay("ADT^A08", pv1(), dg1(1, "A", f15="1"), dg1(2, "B", f15="0")), form)
    assert plain.dx is not None
    assert ranked.dx is not None
    assert [c.rank for c in plain.dx] == [1, 1]
    assert [c.rank for c in ranked.dx] == [1, 0]


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ({"maping": "x"}, "forms.hl7v2.maping"),
        ({"language": "fr"}, "forms.hl7v2.language"),
        ({"mapping": 3}, "forms.hl7v2.mapping"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], setting: str) -> None:
    with pytest.raises(GrouperError) as caught:
        Hl7Form().configure(options)
    assert (caught.value.code, caught.value.params["setting"]) == ("SETTING_INVALID", setting)
    assert setting in caught.value.describe("en")


@pytest.mark.parametrize(
    ("written", "code", "key"),
    [
        ("fact = 1", "HL7_KEY_UNKNOWN", "fact"),
        ("[facts.sex]\nfrm = []", "HL7_KEY_UNKNOWN", "facts.sex.frm"),
        ("[facts.sexe]\nfrom = []", "HL7_FIELD", "facts.sexe"),
        ("[facts.dx]\nfrom = []", "HL7_FIELD", "facts.dx"),
        ("[facts.person]\nfrom = []", "HL7_FIELD", "facts.person"),
        ('[facts.sex]\nfrom = ["PID8"]', "HL7_PLACE", "facts.sex.from"),
        ('[facts.sex]\nfrom = "PID-8"', "HL7_VALUE", "facts.sex.from"),
        ("[facts.sex]\nfrom = [8]", "HL7_VALUE", "facts.sex.from"),
        ('[facts.sex]\nas = "number"', "HL7_VALUE", "facts.sex.as"),
        ('[facts.sex]\nvalues = "sexes"', "HL7_TABLE", "facts.sex.values"),
        ('[facts.sex]\nunit = "g"', "HL7_PLACE", "facts.sex.unit"),
        ("[facts]\nsex = 1", "HL7_VALUE", "facts.sex"),
        ('[types."ADT^A01"]\nevents = ["sty"]', "HL7_VALUE", "types.ADT^A01.events"),
        ('[types."ADT^A01"]\ndx = "all"', "HL7_VALUE", "types.ADT^A01.dx"),
        ('[types."ADT^A01"]\ncancelled = "no"', "HL7_VALUE", "types.ADT^A01.cancelled"),
        ('[types."ADT^A01"]\nclears = ["dx"]', "HL7_FIELD", "types.ADT^A01.clears"),
        ('[types."ADT^A01"]\nneeds = []', "HL7_KEY_UNKNOWN", "types.ADT^A01.needs"),
        ('[types."ADT^A01".facts]\nx = []', "HL7_FIELD", "types.ADT^A01.facts.x"),
        ('[visit]\nnumbers = ["PV1-19"]', "HL7_VALUE", "visit.numbers"),
        ('[visit]\nnumbers = [["PV1-19", "MRG"]]', "HL7_PLACE", "visit.numbers"),
        ("[patient]\nbest = 1", "HL7_KEY_UNKNOWN", "patient.best"),
        ("[person]\nage = {}", "HL7_KEY_UNKNOWN", "person.age"),
        ('[extra]\nkeep = ["PV1-x"]', "HL7_PLACE", "extra.keep"),
        ("[values.sex]\nX = 1", "HL7_VALUE", "values.sex.X"),
        ("[answer.codes]\nX = 1", "HL7_VALUE", "answer.codes.X"),
        ("[[types]]", "HL7_VALUE", "types"),
        ("[dx\n", "HL7_TOML", None),
    ],
)
def test_a_bad_mapping_is_refused_with_file_and_key(
    tmp_path: Path, written: str, code: str, key: str | None
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(written, "utf-8")
    with pytest.raises(CodebookError) as caught:
        load_mapping(path)
    error = caught.value
    assert (error.code, error.where.file, error.params.get("key")) == (code, "mine.toml", key)
    for lang in ("zh", "en"):
        assert "mine.toml" in error.describe(lang)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CodebookError, match="HL7_FILE"):
        load_mapping(tmp_path / "none.toml")
    path = tmp_path / "gbk.toml"
    path.write_bytes('[values.sex]\n"男" = "1"'.encode("gb18030"))
    with pytest.raises(CodebookError, match="HL7_TOML"):
        load_mapping(path)


def test_the_shipped_mapping_is_whole() -> None:
    book = load_mapping()
    assert set(SHIPPED) == {"types.toml", "fields.toml", "values.toml"}
    assert all(rule.meaning and rule.events for rule in book.types.values())
    assert {f"ADT^A{n:02}" for n in (1, 2, 3, 4, 8, 11, 13, 40)} <= set(book.types)
    assert one(stay("ADT^A08", version="2.9")).patient == PATIENT
    assert one(message("ADT^A28", PID, version="")).patient == PATIENT
