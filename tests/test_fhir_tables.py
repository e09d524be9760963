"""The tables of the FHIR mapping: ours hold together, a hospital's own go before them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fhir_support import (
    DX,
    Json,
    bundle,
    concept,
    condition,
    encounter,
    of_case,
    patient,
    raw,
)

from codebooks.errors import CodebookError, GrouperError
from grouper.case.fields import FIELDS
from grouper.case.record import Case
from grouper.case.tables import spellings
from grouper.intake.envelope import Verdict
from grouper.intake.forms import IntakeError
from hl7_adapters.fhir import FhirForm
from hl7_adapters.fhir.book import load_book
from hl7_adapters.fhir.tables import TABLES
from hl7_adapters.fhir.validate import faults, first_fault

BOOK = load_book()


def written(folder: Path, name: str, *lines: str) -> Path:
    path = folder / f"{name}.csv"
    path.write_text("\n".join(lines), "utf-8")
    return folder


def form(folder: Path, **options: object) -> FhirForm:
    return FhirForm({"tables": str(folder), **options})


def test_codes_lead_to_values_that_a_case_knows() -> None:
    chosen = {name: codes for name, codes in BOOK.codes.items() if name in FIELDS}
    assert {"kind", "discharge_way", "sex", "dx_poa", "line_class", "px_modifier"} <= chosen.keys()
    for name, codes in chosen.items():
        for value in codes.values():
            assert value in spellings(name), (name, value)


def test_every_status_of_both_versions_has_a_meaning() -> None:
    known = {resource for resource, _ in BOOK.statuses}
    assert known >= {"Encounter", "Condition", "Procedure", "ChargeItem", "Claim", "Coverage"}
    assert BOOK.statuses["Encounter", "finished"] == BOOK.statuses["Encounter", "completed"]


def test_markers_tell_the_versions_apart() -> None:
    marks = {(key, shape): version for key, shape, version in BOOK.markers["Encounter"]}
    assert marks["class", "object"] == marks["period", ""] == "R4"
    assert marks["class", "list"] == marks["actualPeriod", ""] == "R5"
    assert not {key for key, _ in marks} & {"subject", "status", "partOf"}


def test_a_hospital_adds_and_replaces_rows(tmp_path: Path) -> None:
    written(tmp_path, "systems", "purpose,system,meaning,rank", "dx,urn:local:icd,nhsa,1")
    written(tmp_path, "codes", "field,system,code,value,note", "kind,urn:local,ZY,inpatient,住院")
    written(tmp_path, "bundles", "type,taken,whole,note", "collection,yes,yes,")
    own = form(tmp_path)
    kind = {"system": "urn:local", "code": "ZY"}
    stated = bundle(
        {
            "p": patient(),
            "e": encounter() | {"class": kind},
            "c": condition(concept("urn:local:icd", "I21.001")),
        },
        "collection",
    )
    (event,) = own.events(raw(stated))
    assert (event.facts["kind"], event.facts["code_system"]) == ("inpatient", "nhsa")
    assert (event.dx_whole, event.unknown) == (True, ())
    assert own.book.systems["dx"][DX] == BOOK.systems["dx"][DX]
    own.configure({})
    (event,) = own.events(raw(stated))
    assert not event.dx_whole
    assert len(event.unknown) == 2


def test_the_base_is_an_option() -> None:
    own = FhirForm({"base": "https://his.example/fhir"})
    system = "https://his.example/fhir/CodeSystem/icd10-nhsa-2.0"
    found = {"p": patient(), "e": encounter(), "c": condition(concept(system, "I21.001"))}
    (event,) = own.events(raw(bundle(found)))
    assert event.facts["code_system"] == "nhsa"


@pytest.mark.parametrize(
    ("name", "lines", "code", "row", "column"),
    [
        (
            "systems",
            ("purpose,system,meaning,rank", "dx,urn:x,nhsa,first"),
            "FHIR_TABLE",
            2,
            "rank",
        ),
        ("systems", ("purpose,system,meaning,rank", "dx,,nhsa,1"), "FHIR_TABLE", 2, "system"),
        ("systems", ("purpose,system,meaning,rank", "zz,urn:x,,1"), "FHIR_TABLE", 2, "purpose"),
        ("units", ("code,dimension,factor", "斤,mass,much"), "FHIR_TABLE", 2, "factor"),
        ("units", ("code,dimension,factor", "斤,mass,-1"), "FHIR_TABLE", 2, "factor"),
        ("units", ("code,dimension,factor", "斤,mass,1", "斤,mass,2"), "FHIR_TABLE", 3, "code"),
        ("extensions", ("resource,url,field", "Encounter,urn:x,nothing"), "FHIR_TABLE", 2, "field"),
        ("quantities", ("field,dimension,per,into", "los,duration,24,dx"), "FHIR_TABLE", 2, "into"),
        ("statuses", ("resource,status",), "TABLE_COLUMN_MISSING", 1, None),
        ("strange", ("a",), "FHIR_TABLE", None, None),
    ],
)
def test_a_wrong_table_names_its_place(
    tmp_path: Path,
    name: str,
    lines: tuple[str, ...],
    code: str,
    row: int | None,
    column: str | None,
) -> None:
    with pytest.raises(CodebookError) as found:
        form(written(tmp_path, name, *lines))
    assert found.value.code == code
    assert (found.value.where.file, found.value.where.row) == (f"{name}.csv", row)
    assert found.value.where.column == column
    assert found.value.describe("en")


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ({"vrsion": "R4"}, "forms.fhir.vrsion"),
        ({"version": "R3"}, "forms.fhir.version"),
        ({"validate": "yes"}, "forms.fhir.validate"),
        ({"base": 1}, "forms.fhir.base"),
    ],
)
def test_wrong_options_are_refused(options: Json, setting: str) -> None:
    with pytest.raises(GrouperError) as found:
        FhirForm(options)
    assert (found.value.code, found.value.params["setting"]) == ("SETTING_INVALID", setting)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CodebookError) as found:
        form(tmp_path / "none")
    assert found.value.code == "TABLE_FILE"


def test_a_version_that_is_set_goes_before_what_shows() -> None:
    old = bundle({"p": patient(), "e": encounter() | {"indication": []}})
    assert FhirForm().envelope(raw(old)).verdict is Verdict.REFUSED
    assert FhirForm({"version": "R4"}).envelope(raw(old)).verdict is Verdict.ACCEPTED


def test_validation_at_the_boundary() -> None:
    stated, _ = Case.from_mapping({"case_id": "V-1", "dx": ["I21.001"], "insured_region": "330100"})
    strict = FhirForm({"validate": True})
    for version in ("R4", "R5"):
        message = of_case(stated, version)
        assert list(strict.events(raw(message))) == list(FhirForm().events(raw(message)))
        message["entry"][0]["resource"]["birthDate"] = "gestern"
        message["entry"][1]["resource"]["odd"] = 1
        with pytest.raises(IntakeError) as found:
            strict.events(raw(message))
        assert found.value.code == "FHIR_INVALID"
        assert "gestern" not in repr(found.value.params)
        paths = [fault.path for fault in faults(message, version)]
        assert any(path.startswith("entry.0.resource") for path in paths)
        assert any(path.startswith("entry.1.resource") for path in paths)


@pytest.mark.parametrize(
    "resource", [{"resourceType": "Nothing"}, {}, {"resourceType": "Bundle", "entry": 1}]
)
def test_faults_of_what_is_no_resource(resource: Json) -> None:
    found = first_fault(resource, "R5")
    assert found is not None
    assert found.kind


def test_without_the_extra_validation_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fhir.resources", "fhir.resources.R4B"):
        monkeypatch.setitem(sys.modules, name, None)
    for version in ("R4", "R5"):
        with pytest.raises(GrouperError) as found:
            faults({}, version)
        assert found.value.code == "FHIR_EXTRA"


def test_all_tables_are_read_by_name() -> None:
    data = Path(sys.modules["hl7_adapters.fhir.tables"].__file__ or "").parent / "data"
    # What an outline may show is read by the outline itself.
    assert {path.stem for path in data.glob("*.csv")} == {*TABLES, "outline"}
