"""What each form of message says of when a diagnosis was known: that of admission, and the times."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from fhir_support import DX as DX_SYSTEM
from fhir_support import THO, Json, bundle, concept, condition, encounter, extension, ref
from fhir_support import case as fhir_case
from fhir_support import patient as fhir_patient
from fhir_support import stay as fhir_stay
from hl7_messages import dg1, one, pv1, stay
from hypothesis import given
from hypothesis import strategies as st
from nhsa_support import DX, LIST, case_from, message, settlement

from codebooks.crosswalk import crosswalk
from grouper.case import Case
from grouper.case.crosswalks import SINGLES, WALKS, carry_over, ready
from grouper.case.issues import issues_of
from grouper.case.normalise import normalise
from grouper.case.readers import open_source
from grouper.intake.record import case_of, merge
from hl7_adapters.hl7v2 import Hl7Form, load_mapping
from hl7_adapters.hqms.columns import columns
from hl7_adapters.nhsa import write_case

LOCAL = ZoneInfo("Asia/Shanghai")
ROLE = f"{THO}/diagnosis-role"


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=LOCAL)


def hl7_case(*raws: bytes) -> Case:
    record: dict[str, Any] = {}
    for stamp, raw in enumerate(raws, 1):
        record = merge(record, one(raw), stamp)
    return case_of(record)[0]


ADMITTED = dg1(1, "R07.400", f5="20260301083000", f6="A", f15="1")
WORKING = dg1(1, "I20.000", f5="20260301160000", f6="W", f15="1")
FINAL = (
    dg1(1, "I21.001", f5="20260302101500", f6="F", f15="1"),
    dg1(2, "E11.900", f5="20260301160000", f6="F", f15="2"),
)


# --- HL7 v2 -----------------------------------------------------------------------------------


def test_hl7_the_diagnosis_of_admission_stays_when_better_ones_make_the_list() -> None:
    course = [
        stay("ADT^A01", pv1(), ADMITTED),
        stay("ADT^A08", pv1(), WORKING),
        stay("ADT^A03", pv1(), *FINAL),
    ]
    first, second, last = (hl7_case(*course[: n + 1]) for n in range(3))
    assert (first.admission_dx, first.dx, first.dx_time) == (
        "R07.400",
        ("R07.400",),
        (at(1, 8, 30),),
    )
    assert (second.admission_dx, second.dx) == ("R07.400", ("I20.000",))
    assert second.dx_time == (at(1, 16),)
    assert (last.admission_dx, last.dx) == ("R07.400", ("I21.001", "E11.900"))
    assert last.dx_time == (at(2, 10, 15), at(1, 16))


def test_hl7_one_message_may_state_them_all() -> None:
    event = one(stay("ADT^A03", pv1(), *FINAL, dg1(3, "R55.x00", f6="A"), ADMITTED))
    assert [coded.code for coded in event.dx or ()] == ["I21.001", "E11.900"]
    # The leading one of admission, though it comes after another.
    assert event.facts["admission_dx"] == "R07.400"
    assert event.extra["DG1[4]-3"] == "R07.400"


def test_hl7_what_is_taken_away_or_none_is_no_diagnosis_of_admission() -> None:
    for cells in ({"f21": "D"}, {"f21": "X"}, {"f6": "W"}, {"f6": "中医诊断"}):
        told = {"f6": "A"} | cells
        event = one(stay("BAR^P12", pv1(), dg1(1, "R07.400", f20="1", **told)))
        assert "admission_dx" not in event.facts
    assert "admission_dx" not in one(stay("ADT^A01", pv1(), dg1(1, '""', f6="A"))).facts
    # A bill's diagnoses are reasons of charges.
    assert "admission_dx" not in one(stay("DFT^P03", pv1(), ADMITTED)).facts


def test_hl7_a_place_of_the_hospital_goes_before(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[facts]\nadmission_dx = { from = ["ZDX-1"] }\n', "utf-8")
    form = Hl7Form(load_mapping(path))
    assert one(stay("ADT^A01", pv1(), ADMITTED, "ZDX|R55.x00"), form).facts["admission_dx"] == (
        "R55.x00"
    )
    path.write_text('[dx]\nadmission = ""\n', "utf-8")
    form = Hl7Form(load_mapping(path))
    assert "admission_dx" not in one(stay("ADT^A01", pv1(), ADMITTED), form).facts


# --- FHIR -------------------------------------------------------------------------------------


def listed(*uses: tuple[str, str, int | None], **conditions: Json) -> Json:
    diagnosis = [
        {"condition": ref(name), "use": concept(ROLE, use)} | ({"rank": rank} if rank else {})
        for name, use, rank in uses
    ]
    return bundle({"p": fhir_patient(), "e": encounter(diagnosis=diagnosis), **conditions})


def test_fhir_recorded_date_is_when_it_was_written_and_an_onset_is_not() -> None:
    found = fhir_case(
        listed(
            ("a", "DD", 1),
            ("b", "DD", 2),
            a=condition("I21.001", recordedDate="2026-03-02T10:15:00+08:00"),
            b=condition("E11.900", onsetDateTime="2001-01-01"),
        )
    )
    assert found.dx == ("I21.001", "E11.900")
    assert found.dx_time == (at(2, 10, 15), None)


def test_fhir_the_admission_diagnosis_is_kept_beside_the_others() -> None:
    message = listed(
        ("a", "AD", None),
        ("b", "AD", 1),
        ("c", "DD", 1),
        a=condition("R55.x00"),
        b=condition("R07.400"),
        c=condition("I21.001"),
    )
    assert fhir_stay(message).facts["admission_dx"] == "R07.400"
    assert (fhir_case(message).admission_dx, fhir_case(message).dx) == ("R07.400", ("I21.001",))


def test_fhir_an_admission_diagnosis_that_was_right_is_both() -> None:
    for uses in ([("a", "AD", 1), ("a", "DD", 1)], [("a", "DD", 1), ("a", "AD", 2)]):
        found = fhir_case(
            listed(*uses, ("b", "DD", 2), a=condition("I21.001"), b=condition("E11.900"))
        )
        assert (found.admission_dx, found.dx) == ("I21.001", ("I21.001", "E11.900"))


def test_fhir_a_complaint_or_a_working_diagnosis_is_none_of_admission() -> None:
    for use in ("CC", "pre-op"):
        message = listed(("a", use, 1), ("b", "DD", 1), a=condition("R07.400", id="a"),
                         b=condition("I21.001"))  # fmt: skip
        assert fhir_case(message).dx == ("I21.001",)
        assert fhir_case(message).admission_dx is None
        assert fhir_stay(message).extra["Condition/a"]["status"] == "preliminary"
        alone = listed(("a", use, 1), a=condition("R07.400"))
        assert fhir_case(alone).dx == ("R07.400",)


def test_fhir_only_a_known_code_is_one_of_admission_and_the_encounter_goes_before() -> None:
    snomed = {"coding": [{"system": "http://snomed.info/sct", "code": "29857009"}]}
    message = listed(("a", "AD", 1), ("b", "DD", 1), a=condition(snomed), b=condition("I21.001"))
    assert "admission_dx" not in fhir_stay(message).facts
    stated = [extension("admission_dx", {"valueString": "R55.x00"})]
    message = bundle(
        {
            "p": fhir_patient(),
            "e": encounter(
                extension=stated, diagnosis=[{"condition": ref("a"), "use": concept(ROLE, "AD")}]
            ),
            "a": condition("R07.400"),
        }
    )
    assert fhir_case(message).admission_dx == "R55.x00"


def test_fhir_claims_state_it_by_their_type() -> None:
    claim = {
        "resourceType": "Claim",
        "status": "active",
        "use": "claim",
        "patient": ref("p"),
        "item": [{"sequence": 1, "encounter": [ref("e")]}],
        "diagnosis": [
            {
                "sequence": number,
                "diagnosisCodeableConcept": concept(DX_SYSTEM, code),
                "type": [concept(f"{THO}/ex-diagnosistype", kind)],
            }
            for number, code, kind in ((1, "I21.001", "principal"), (2, "R07.400", "admitting"))
        ],
    }
    found = fhir_case(bundle({"p": fhir_patient(), "e": encounter(), "c": claim}))
    assert (found.admission_dx, found.dx) == ("R07.400", ("I21.001",))


# --- NHSA -------------------------------------------------------------------------------------


def test_nhsa_settlement_lists_state_the_outpatient_diagnosis() -> None:
    one_list = settlement(setlinfo=LIST | {"wm_dise_code": " R07.400 ", "otp_wm_dise": "胸痛"})
    assert case_from(one_list).admission_dx == "R07.400"
    queried = message("4103", {"setlinfo": LIST | {"otp_wm_diag_dise_code": "R07.400"}}, "output")
    assert case_from(queried).admission_dx == "R07.400"
    assert case_from(settlement(setlinfo=LIST)).admission_dx is None


def test_nhsa_admission_and_discharge_state_when_diagnoses_were_written() -> None:
    came = message(
        "2401",
        {
            "mdtrtinfo": {
                "mdtrt_id": "V1",
                "psn_no": "P1",
                "begntime": "2026-03-01 08:30:00",
                "dscg_maindiag_code": "R07.400",
            },
            "diseinfo": [DX[0] | {"diag_code": "R07.400", "diag_time": "2026-03-01 08:30:00"}],
        },
    )
    left = message(
        "2402",
        {
            "dscginfo": {"mdtrt_id": "V1", "psn_no": "P1", "endtime": "2026-03-04 10:00:00"},
            "diseinfo": [
                DX[0] | {"diag_time": "2026-03-02 10:15:00"},
                DX[1] | {"diag_time": ""},
            ],
        },
    )
    first, last = case_from(came), case_from(came, left)
    assert (first.admission_dx, first.dx, first.dx_time) == (
        "R07.400",
        ("R07.400",),
        (at(1, 8, 30),),
    )
    assert (last.admission_dx, last.dx) == ("R07.400", ("I21.001", "E11.900"))
    assert last.dx_time == (at(2, 10, 15), None)


def test_nhsa_writes_the_outpatient_diagnosis_and_says_that_a_list_has_no_times() -> None:
    case = Case(dx=("I21.001",), admission_dx="R07.400", dx_time=(at(2, 10),))
    for transaction in ("4101", "4103"):
        written = write_case(case, transaction)
        field = "wm_dise_code" if transaction == "4101" else "otp_wm_diag_dise_code"
        assert written.nodes["setlinfo"][field] == "R07.400"
        assert "dx_time" in written.unwritten
        assert "admission_dx" not in written.unwritten
    assert "admission_dx" in write_case(case, "4401").unwritten


# --- HQMS -------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["column", "name"])
def test_hqms_front_pages_state_it(tmp_path: Path, header: str) -> None:
    page = {"A48": "1", "A12C": "1", "B12": "2026-03-01 08:30:00", "B15": "2026-03-04 10:00:00"}
    page |= {"C01C": " R07.400 ", "C03C": "I21.001", "C02N": "胸痛"}
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([getattr(c, header) for c in columns()])
    writer.writerow([page.get(c.column, "") for c in columns()])
    path = tmp_path / "pages.csv"
    path.write_text(text.getvalue(), "utf-8")
    (batch,) = open_source(path).batches()
    (row,) = batch.cases.to_pylist()
    assert (row["admission_dx"], row["dx"]) == ("R07.400", ["I21.001"])


# --- Clinical codes ---------------------------------------------------------------------------


def changed_code() -> tuple[str, str]:
    """A clinical code with exactly one target that is spelled otherwise."""
    walk = crosswalk(*WALKS["dx"])
    found = ((c, walk.to(c)) for c in ("K25.401", "J44.100x001", "I20.000x001", "I10.x00x002"))
    return next((code, to[0]) for code, to in found if len(to) == 1 and to[0] != code)


def test_the_diagnosis_of_admission_is_carried_over_with_the_others() -> None:
    if not ready():
        pytest.skip("the crosswalks are not installed")
    code, target = changed_code()
    record = {"code_system": "clinical", "admission_dx": code, "dx": [code, "Q99.9Z9"]}
    case, issues = Case.from_mapping(record)
    assert (case.admission_dx, case.dx[0], case.code_system) == (target, target, "nhsa")
    told = {(issue.field, issue.reason) for issue in issues}
    assert {("admission_dx", "DX_CROSSWALKED"), ("dx", "DX_NO_CROSSWALK")} <= told
    lost, issues = Case.from_mapping({"code_system": "clinical", "admission_dx": "Q99.9Z9"})
    assert lost.admission_dx == "Q99.9Z9"
    assert ("admission_dx", "DX_NO_CROSSWALK") in {(i.field, i.reason) for i in issues}
    stated, _ = Case.from_mapping({"code_system": "nhsa", "admission_dx": code})
    assert stated.admission_dx == code
    assert set(SINGLES) == {"admission_dx"}
    assert carry_over("dx", [None], "admission_dx") == ((None,), [])


def test_both_ways_of_reading_carry_it_over_alike() -> None:
    if not ready():
        pytest.skip("the crosswalks are not installed")
    code, _ = changed_code()
    records = [
        {"code_system": system, "admission_dx": first, "dx": dx}
        for system in ("clinical", "nhsa", None)
        for first in (code, "Q99.9Z9", None)
        for dx in ([code], [])
    ]
    batch = pa.RecordBatch.from_pylist(records)
    found = normalise(batch)
    singly = [Case.from_mapping(record) for record in records]
    assert found.cases.column("admission_dx").to_pylist() == [c.admission_dx for c, _ in singly]
    told = [(i.field, i.reason, i.value) for _, issues in singly for i in issues]
    assert sorted((i.field, i.reason, i.value) for i in issues_of(found.issues)) == sorted(told)


@given(st.lists(st.tuples(st.sampled_from(["A", "W", "F", "x", ""]), st.text(max_size=8))))
def test_hl7_anything_in_the_fields_only_ever_makes_a_case(told: list[tuple[str, str]]) -> None:
    segments = [
        dg1(n, "I21.001", f6=kind, f5="".join(c for c in text if c.isprintable() and c not in "|^~\\&"))
        for n, (kind, text) in enumerate(told, 1)
    ]  # fmt: skip
    case = hl7_case(stay("ADT^A08", pv1(), *segments))
    wanted = "I21.001" if any(kind == "A" for kind, _ in told) else None
    assert case.admission_dx == wanted
    assert len(case.dx_time) in (0, len(case.dx))
