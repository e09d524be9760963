"""Outlines of messages: what stands where, and nothing of who the patient is."""

from __future__ import annotations

import json

import hl7_messages as hl7
import pytest
from interface_support import SECRETS

from codebooks.strict_csv import read_rows
from grouper.intake import outline as outlines
from grouper.intake.forms import forms
from grouper.intake.outline import Part, outline_of
from hl7_adapters.fhir import FORM as FHIR
from hl7_adapters.hl7v2 import FORM as HL7
from hl7_adapters.nhsa import FORM as NHSA

FACE = {
    "infno": "4101",
    "msgid": "M1",
    "opter_name": "某操作员",
    "sign_no": "",
    "input": {
        "setlinfo": {
            "mdtrt_id": "ZYA1",
            "psn_no": "P77",
            "psn_name": "赵密示",
            "age": "66",
            "ntly": "",
        },
        "diseinfo": [{"diag_code": "I21.001", "maindiag_flag": "1"}, {"diag_code": "E11.900"}],
    },
}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {
            "fullUrl": "urn:uuid:1",
            "resource": {
                "resourceType": "Patient",
                "identifier": [{"system": "urn:his", "value": "P77"}],
                "name": [{"text": "赵密示"}],
                "birthDate": "1960-01-01",
            },
        },
        {"resource": {"resourceType": "Encounter", "status": "finished", "active": True}},
        "odd",
    ],
}


def told(parts: tuple[Part, ...] | None) -> dict[str, str | None]:
    assert parts is not None
    return {part.place: part.value for part in parts}


def test_hl7_shows_what_its_table_allows() -> None:
    raw = hl7.stay(
        "ADT^A01", hl7.PID, hl7.pv1(), hl7.dg1(1, "I21.001"), hl7.dg1(2, "E11.900"), "ZXX|a"
    )
    parts = outline_of(HL7, raw)
    found = told(parts)
    assert found["MSH-9"] == "ADT^A01"
    assert found["PV1-3"] == "0301^^^心内科"
    assert found["PID-5"] is None
    assert found["PV1-19"] is None
    assert found["ZXX-1"] is None
    assert "MSH-1" not in found
    assert [part.group for part in parts or () if part.place == "DG1-3"] == ["DG1[1]", "DG1[2]"]
    assert not [one for one in SECRETS if one in str(parts)]


def test_hl7_names_fields_in_both_languages() -> None:
    assert HL7.named("PID-3.1") == {"zh": "患者号", "en": "patient number"}
    assert HL7.named("PV1-19") == HL7.named("PV1-19[2]")
    assert HL7.named("ZXX-1") == {}


def test_the_table_of_hl7_shows_no_field_of_the_person() -> None:
    from importlib.resources import as_file, files  # noqa: PLC0415 -- only here

    with as_file(files("hl7_adapters.hl7v2") / "data" / "outline.csv") as path:
        shown = {
            row.cells["field"]
            for row in read_rows(path, ("field", "zh", "en", "shown"))
            if row.cells["shown"]
        }
    private = HL7.book.person
    assert shown
    assert not {"PID-3", "PID-5", "PID-7", "PID-19", "PV1-19", "PV1-50", "PID-18"} & shown
    assert private


def test_nhsa_shows_what_its_field_tables_call_open() -> None:
    parts = outline_of(NHSA, json.dumps(FACE, ensure_ascii=False).encode())
    found = told(parts)
    assert found["infno"] == "4101"
    assert found["opter_name"] is None
    assert found["setlinfo.age"] == "66"
    assert found["setlinfo.psn_name"] is None
    assert found["setlinfo.mdtrt_id"] is None
    assert found["diseinfo[1].diag_code"] == "E11.900"
    assert not [one for one in ("赵密示", "P77", "ZYA1", "某操作员") if one in str(parts)]
    assert NHSA.named("setlinfo.psn_no") == {"zh": "人员编号"}
    assert NHSA.named("setlinfo.nothing") == {}


def test_fhir_shows_codes_and_times_alone() -> None:
    parts = outline_of(FHIR, json.dumps(BUNDLE, ensure_ascii=False).encode())
    found = told(parts)
    assert found["entry[0].resource.identifier[0].system"] == "urn:his"
    assert found["entry[0].resource.identifier[0].value"] is None
    assert found["entry[0].resource.birthDate"] is None
    assert found["entry[1].resource.status"] == "finished"
    assert {part.group for part in parts or ()} >= {
        "entry[0] Patient",
        "entry[1] Encounter",
        "entry[2]",
    }
    assert not [one for one in ("赵密示", "P77", "1960-01-01") if one in str(parts)]
    assert FHIR.named("entry[0]") == {}


@pytest.mark.parametrize("name", sorted(forms()))
def test_what_cannot_be_read_has_no_outline(name: str) -> None:
    assert outline_of(forms()[name], b"\xff\xfe nothing") is None


def test_a_long_message_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlines, "MOST", 3)
    parts = outline_of(HL7, hl7.stay("ADT^A01"))
    assert parts is not None
    assert len(parts) == 3
