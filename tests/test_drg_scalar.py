"""The scalar engine on cases made by hand: reasons, gaps, exclusions, and what a trace tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from codebooks.registry import registry
from grouper.case.record import Case
from grouper.schemes.load import load_scheme
from grouper.schemes.reasons import Reason, Status

if TYPE_CHECKING:
    from datetime import date

    from grouper.schemes.protocol import Grouping


def group(scheme: str = "chs-drg-3.0", **fields: Any) -> Grouping:
    return load_scheme(scheme).group(Case(**{"sex": 1, "age": 45, **fields}))


GALL = {"dx": ("K80.101", "I50.900"), "px": ("51.2300",)}


def test_a_plain_case_is_grouped() -> None:
    found = group(**GALL)
    assert (found.status, found.reason) == (Status.GROUPED, None)
    assert (found.mdc, found.adrg, found.group) == ("MDCH", "HC4", "HC43")
    assert found.group_name == "胆囊切除手术，伴合并症或并发症"
    assert found.cc_level == "MCC"
    assert found.warnings == ()


@pytest.mark.parametrize("spelling", ["k80.101", " K80.101", "Ｋ８０．１０１", "K80101"])
def test_spellings_fold(spelling: str) -> None:
    assert group(dx=(spelling, "I50.900"), px=("512300",)).group == "HC43"


@pytest.mark.parametrize(
    ("fields", "status", "reason", "shown"),
    [
        ({"dx": ()}, Status.INVALID, Reason.DX_PRINCIPAL_MISSING, "0000"),
        ({"dx": (None, "K80.101")}, Status.INVALID, Reason.DX_PRINCIPAL_MISSING, "0000"),
        ({"dx": ("",)}, Status.INVALID, Reason.DX_PRINCIPAL_MISSING, "0000"),
        ({"dx": ("Z99.Z99",)}, Status.INVALID, Reason.DX_PRINCIPAL_UNKNOWN, "0000"),
        ({"dx": ("B95.000",)}, Status.UNGROUPED, Reason.DX_NOT_PRINCIPAL, "0000"),
        ({"dx": ("N40.x00",), "sex": 2}, Status.INVALID, Reason.SEX_CONFLICT, "0000"),
        ({"dx": ("N40.x00",), "sex": None}, Status.INVALID, Reason.SEX_MISSING, "0000"),
        ({"dx": ("J18.900",), "age": None}, Status.INVALID, Reason.AGE_MISSING, None),
        ({"dx": ("J18.900",), "age": 0}, Status.INVALID, Reason.AGE_DAYS_MISSING, None),
        (
            {"dx": ("P07.300x001",), "age": 0, "age_days": 0},
            Status.INVALID,
            Reason.NEWBORN_WEIGHT_MISSING,
            "P000",
        ),
        (
            {"dx": ("K80.101",), "px": ("43.3x00x003",)},
            Status.AMBIGUOUS,
            Reason.PX_UNRELATED,
            "HQY",
        ),
    ],
)
def test_reasons(fields: dict[str, Any], status: Status, reason: Reason, shown: str | None) -> None:
    found = group(**fields)
    assert (found.status, found.reason, found.group) == (status, reason, shown)


def test_a_gap_that_no_rule_of_the_path_asks_about_is_a_warning() -> None:
    found = group(**GALL, scheme="chs-drg-2.0", sex=None)
    assert found.status is Status.GROUPED
    assert [w.reason for w in found.warnings] == [Reason.SEX_MISSING]


def test_the_newborn_weight_is_the_one_that_the_scheme_names() -> None:
    newborn = {"dx": ("P07.200",), "age": 0, "age_days": 10, "sex": 2}
    assert group(**newborn, admission_weight_g=1200, birth_weight_g=3000).group == "PS29"
    assert group(**newborn, birth_weight_g=1200).reason is Reason.NEWBORN_WEIGHT_MISSING
    older = group("chs-drg-2.0", **newborn, birth_weight_g=1200, admission_weight_g=3000)
    assert older.group == "PS15"
    assert group(**newborn, weight_g=1200).group == "PS29"


def test_an_excluded_complication_does_not_count() -> None:
    book = registry().book("chs-drg-3.0")
    table = {r["exclusion"]: r["principal_code"] for r in book.rows("exclusions")}
    cc = next(r for r in book.rows("cc") if r["level"] == "MCC" and r["exclusion"] in table)
    principal = table[cc["exclusion"]]
    found = group(dx=(principal, cc["code"]))
    assert found.cc_level is None
    (told,) = found.trace.document()["complications"]
    assert told["counts"] is False
    assert told["exclusion"] == cc["exclusion"]
    assert cc["exclusion"] in found.trace.text()


def test_a_principal_procedure_that_does_not_group_is_none_and_no_other_moves_up() -> None:
    barred = registry().book("chs-drg-3.0").rows("not_grouping")[0]["code"]
    found = group(dx=GALL["dx"], px=(barred, "51.2300"))
    assert found.group == group(dx=GALL["dx"]).group
    assert [p["code"] for p in found.trace.document()["not_grouping"]] == [barred]


def test_unknown_other_codes_are_told_and_take_no_part() -> None:
    found = group(dx=("K80.101", "I50.900", "X99.XXX"), px=("51.2300", "00.NOPE"))
    assert found.group == "HC43"
    assert [(w.reason, w.codes) for w in found.warnings] == [
        (Reason.DX_OTHER_UNKNOWN, ("X99.XXX",)),
        (Reason.PX_UNKNOWN, ("00.NOPE",)),
    ]


def foreign_code() -> str:
    from codebooks.codes import code_set  # noqa: PLC0415 -- only this helper needs it

    own = code_set("icd10-nhsa-2.0")
    return next(c for c in code_set("icd10-clinical-2.0").codes if c not in own)


def test_a_code_of_another_edition_is_named_as_such() -> None:
    foreign = foreign_code()
    assert group(dx=(foreign,)).reason is Reason.DX_PRINCIPAL_EDITION
    (warning,) = group(dx=("K80.101", foreign)).warnings
    assert warning.reason is Reason.DX_OTHER_EDITION


def test_zhejiang_tries_each_procedure() -> None:
    scheme = load_scheme("zhejiang-2022")
    case = Case(sex=1, age=40, dx=("K80.101",), px=("43.3x00x003", "51.2300"))
    found = scheme.group(case)
    document = found.trace.document()
    tried = {s["tried_procedure"]["code"] for s in document["steps"] if s["tried_procedure"]}
    assert found.status is Status.GROUPED
    assert tried == {"51.2300"}
    assert "51.2300" in found.trace.text("en")


def test_the_document_is_whole_and_plain() -> None:
    document = json.loads(group(**GALL).trace.json("en"))
    assert document["scheme"]["id"] == "chs-drg-3.0"
    assert document["scheme"]["content_sha256"] == load_scheme("chs-drg-3.0").content_hash
    assert [s["code"] for s in document["path"]] == ["MDCH", "HC4", "HC43"]
    assert document["path"][1]["rule"] == "ZYSS in OP_HC4"
    assert document["path"][1]["source_row"] == 236
    passed = [s for s in document["steps"] if not s["holds"]]
    assert len(passed) > 20
    assert all(s["failed_by"] for s in passed)
    assert document["path"][2]["held_by"]["evidence"] == [
        {"asked": "QTZD in {MCC, CC}", "holds": True, "found": "I50.900"}
    ]


def test_rules_that_count_and_choose_show_their_branch() -> None:
    book = registry().book("chs-drg-3.0")
    codes = [r["code"] for r in book.rows("sets") if r["set_id"] == "OP_IC2"]
    principal = next(r["code"] for r in book.rows("sets") if r["set_id"] == "DI_I00")
    found = group(dx=(principal,), px=(codes[0], codes[1]))
    assert found.adrg == "IC2"
    (step,) = [s for s in found.trace.document()["path"] if s["level"] == "adrg"]
    assert {e["found"] for e in step["held_by"]["evidence"]} == {"2", codes[0]}
    trauma = next(r["code"] for r in book.rows("sets") if r["set_id"] == "DI_Z01")
    other = next(r["code"] for r in book.rows("sets") if r["set_id"] == "DI_Z02")
    multiple = group(dx=(trauma, other))
    assert multiple.mdc == "MDCZ"
    (step,) = [s for s in multiple.trace.document()["path"] if s["level"] == "mdc"]
    assert len(step["held_by"]["rule"]) < len(step["rule"])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_trace_reads_in_both_languages(lang: str) -> None:
    for fields in (GALL, {"dx": ()}, {"dx": ("X99.XXX",)}, {"dx": ("B95.000",), "px": ("00.NO",)}):
        trace = group(**fields).trace
        assert "None" not in trace.text(lang)
        page = trace.html(lang)
        assert page.startswith("<!DOCTYPE html>")
        assert "<script" not in page


def test_a_page_escapes_what_a_record_says() -> None:
    page = group(dx=("K80.101", "<script>alert(1)</script>")).trace.html()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_binding_is_told_when_known() -> None:
    from datetime import date as day  # noqa: PLC0415 -- the type alone is needed elsewhere

    when: date = day(2027, 1, 1)
    trace = group(**GALL).trace
    trace.binding = registry().binding("national", when)
    assert "[2027-01-01, …)" in trace.text()
    assert trace.document()["binding"]["region"] == "national"
