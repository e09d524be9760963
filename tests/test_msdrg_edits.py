"""MS-DRG: the code editor's findings, books and options that do not suit the package."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msdrg_support import batch_of, case, changed, scheme, warned

from codebooks.errors import CodebookError
from grouper.case.record import Case
from grouper.schemes.msdrg import native
from grouper.schemes.msdrg.scheme import MsdrgScheme
from grouper.schemes.reasons import Reason


@pytest.fixture(scope="module")
def asked() -> MsdrgScheme:
    return scheme()


EDITS: list[tuple[Case, str, tuple[str, ...]]] = [
    (case("I5020 A34 E1165", age=25, day="2024-01-01"), "EDIT_SEX_CONFLICT", ("A34",)),
    (case("I5020 O41.1033 O80"), "EDIT_AGE_CONFLICT", ("O41.1033", "O80")),
    (case("I10", "00JU3ZZ"), "EDIT_QUESTIONABLE_ADMISSION", ("I10",)),
    (case("D63.0"), "EDIT_MANIFESTATION_PRINCIPAL", ("D63.0",)),
    (case("V00.01XA"), "EDIT_EXTERNAL_CAUSE_PRINCIPAL", ("V00.01XA",)),
    (case("Z99.89"), "EDIT_UNACCEPTABLE_PRINCIPAL", ("Z99.89",)),
    (case("I5020 i50.20 E1165"), "EDIT_DUPLICATE_OF_PRINCIPAL", ("i50.20",)),
    (case("I5020 Y65.52 Y65.53"), "EDIT_WRONG_PROCEDURE", ("Y65.52", "Y65.53")),
    (case("S02.109A"), "EDIT_UNSPECIFIED_CODE", ("S02.109A",)),
    (case("O80", "10d00z1", sex=2, age=30), "EDIT_OBSTETRIC_ADMISSION", ("10d00z1",)),
    (case("E1110", "0FYG0Z0"), "EDIT_NON_COVERED", ("0FYG0Z0",)),
    (case("I5020", "02703DZ 02YA0Z0"), "EDIT_LIMITED_COVERAGE", ("02YA0Z0",)),
]


@pytest.mark.parametrize(("edited", "reason", "codes"), EDITS)
def test_edits_are_findings_with_their_codes(
    asked: MsdrgScheme, edited: Case, reason: str, codes: tuple[str, ...]
) -> None:
    found = asked.group(edited)
    assert warned(found)[reason] == codes
    parts = [p for p in found.parts if p.kind == "edit" and p.reason == reason]
    assert [(p.code, p.action) for p in parts] == [(code, "prepayment") for code in codes]
    _, issues = asked.group_with_issues(batch_of([edited]))
    lines = [x for x in issues.to_pylist() if x["reason"] == reason]
    assert [(x["severity"], x["value"]) for x in lines] == [("warning", code) for code in codes]
    assert reason not in warned(scheme(code_edits=False).group(edited))


def test_a_clean_case_has_no_edits(asked: MsdrgScheme) -> None:
    assert asked.group(case("O80 Z370", "10E0XZZ", sex=2, age=30)).warnings == ()


def test_an_edit_whose_codes_do_not_add_up_names_none(
    asked: MsdrgScheme, monkeypatch: pytest.MonkeyPatch
) -> None:
    software = native.software()
    plain = software.edit

    def doubling(claim: native.Claim) -> dict[str, Any] | None:
        found = plain(claim)
        for edit in found["edits"] if found else ():
            edit["count"] *= 2
        return found

    monkeypatch.setattr(software, "edit", doubling)
    assert warned(asked.group(case("I5020 O80")))["EDIT_AGE_CONFLICT"] == ()


def test_the_length_of_stay_is_not_held_against_the_age(asked: MsdrgScheme) -> None:
    # The package compares the patient's age with the least stay of a long ventilation.
    with_package = native.software().edit(
        {
            "discharge_date": 20260601,
            "age": 3,
            "sex": 0,
            "discharge_status": 1,
            "pdx": {"code": "I5020"},
            "procedures": [{"code": "5A1955Z"}],
        }
    )
    assert with_package is not None
    assert [e["name"] for e in with_package["edits"]] == ["INCONSISTENT_WITH_LENGTH_OF_STAY"]
    assert asked.group(case("I5020", "5A1955Z", age=3)).warnings == ()


def test_edits_that_cannot_be_judged_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [*rows[:-1], {**rows[-1], "valid_to": rows[-1]["valid_to"] + timedelta(days=900)}]

    asked = MsdrgScheme(changed("versions", endless))
    found = asked.group(case("I5020 ZZZ99", "ZZZ9999", day="2027-05-01", discharge_status=None))
    assert found.group == "293"
    assert "EDITS_UNCHECKED" in warned(found)
    assert "PX_UNKNOWN" not in warned(found)
    fewer = MsdrgScheme(
        changed("edits", lambda rows: [r for r in rows if r["edit"] != "UNSPECIFIED"])
    )
    assert warned(fewer.group(case("S02109A"))) == {"EDITS_UNCHECKED": ("UNSPECIFIED",)}
    monkeypatch.setattr(native.software()._editor, "edit", _fails)
    assert "EDITS_UNCHECKED" in warned(fewer.group(case("I5020")))


def _fails(_claim: Any) -> Any:
    message = "returned null"
    raise RuntimeError(message)


def test_no_answer_and_new_return_codes_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = MsdrgScheme(
        changed("returns", lambda rows: [r for r in rows if r["return_code"] != "OK"])
    )
    found = asked.group(case("I5020"))
    assert (found.status, found.reason) == ("ungrouped", "RETURN_CODE_UNKNOWN")
    monkeypatch.setattr(native.software()._grouper, "group", _fails)
    found = asked.group(case("I5020"))
    assert (found.status, found.reason, found.group) == ("invalid", "GROUPER_FAILED", None)
    found = asked.group(case("I5020", age=None))
    assert found.reason == "GROUPER_FAILED"


def test_a_card_may_name_the_version() -> None:
    asked = scheme(version=431)
    for day in ("2019-03-05", "", "2026-06-01"):
        found = asked.group(case("I5020", day=day, discharge_status="1"))
        assert (found.status, found.group) == ("grouped", "293")
        step = found.trace.document("en")["steps"][0]
        assert (step["code"], step["rule"]) == ("43.1", "version = 431")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"version": 390}, "390"),
    ({"version": "newest"}, "newest"),
    ({"hospital_status": "MAYBE"}, "MAYBE"),
    ({"tie_breaker": "COIN"}, "COIN"),
    ({"code_edits": "often"}, "often"),
]


@pytest.mark.parametrize(("options", "found"), WRONG)
def test_wrong_options_are_declared(options: dict[str, Any], found: str) -> None:
    with pytest.raises(CodebookError, match="MSDRG_OPTION") as raised:
        scheme(**options)
    assert found in raised.value.describe("en")


def test_books_that_do_not_suit_the_package_are_declared() -> None:
    def newer(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**row, "version": row["version"] + 1000} for row in rows]

    with pytest.raises(CodebookError, match="MSDRG_VERSION"):
        MsdrgScheme(changed("versions", newer))
    for table, column in (("returns", "status"), ("returns", "reason"), ("edits", "reason")):
        with pytest.raises(CodebookError, match="MSDRG_TABLE"):
            MsdrgScheme(changed(table, lambda rows, c=column: [{**r, c: "?"} for r in rows]))


LACKING: list[tuple[str, Any]] = [
    ("limits", lambda _: []),
    ("probes", lambda rows: [r for r in rows if r["field"] != "sex"]),
    ("edits", lambda rows: [{**r, "speaks_of": "weather"} for r in rows]),
    ("edits", lambda rows: [{**r, "speaks_of": "case"} for r in rows]),
]


@pytest.mark.parametrize(("table", "change"), LACKING)
def test_books_that_lack_something_are_declared(table: str, change: Any) -> None:
    with pytest.raises(CodebookError, match="MSDRG_TABLE") as raised:
        MsdrgScheme(changed(table, change))
    assert table in raised.value.describe("en")


def test_every_edit_and_return_code_of_the_package_has_its_row(asked: MsdrgScheme) -> None:
    told = [edit for edit in asked.tables.edits.values() if edit.reason]
    assert len(asked.tables.edits) == 36
    assert {edit.severity for edit in told} == {"prepayment", "postpayment"}
    for edit in told:
        assert edit.reason in Reason
        assert edit.speaks_of in ("principal", "duplicates", "diagnoses", "procedures")
        assert edit.asks in ("", "age", "sex", "discharge_status")
