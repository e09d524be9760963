"""What a FHIR message must not do to us: verdicts, reasons, places."""

from __future__ import annotations

import logging

import orjson
import pytest
from fhir_refusals_support import refusal
from fhir_support import (
    BASE,
    Json,
    bundle,
    case,
    concept,
    condition,
    encounter,
    events,
    patient,
    procedure,
    raw,
    ref,
    stay,
)

from grouper.intake.envelope import Receipt, Verdict
from grouper.intake.forms import Form, IntakeError
from hl7_adapters.fhir import FORM

GOOD: Json = {"p": patient(), "e": encounter()}
PRIVATE = "110101195002030000"


def changed(**more: object) -> Json:
    return bundle(GOOD) | more


def test_it_is_a_form() -> None:
    assert isinstance(FORM, Form)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "MESSAGE_UNREADABLE"),
        (b"MSH|^~\\&|", "MESSAGE_UNREADABLE"),
        (b"{", "MESSAGE_UNREADABLE"),
        (b"[]", "MESSAGE_UNREADABLE"),
        (b"{}", "MESSAGE_UNREADABLE"),
        (b'{"resourceType": 1}', "MESSAGE_UNREADABLE"),
        (b'{"resourceType": "Bundle", "x": NaN}', "MESSAGE_UNREADABLE"),
        (b'{"resourceType": "Bundle", "x": -Infinity}', "MESSAGE_UNREADABLE"),
        (b'{"resourceType": "Bundle", "x": 1e999}', "MESSAGE_UNREADABLE"),
        (b'{"resourceType": "Bundle", "x": "\\ud800"}', "MESSAGE_UNREADABLE"),
        (b'{"resourceType": "Bundle", "x": "\\u0000"}', "MESSAGE_UNREADABLE"),
        (
            b'{"resourceType": "Bundle", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}",
            "MESSAGE_UNREADABLE",
        ),
        (b'{"resourceType": "Bundle", "x": ' + b"9" * 5000 + b"}", "MESSAGE_UNREADABLE"),
        ('{"resourceType": "Bundle", "x": "测"}'.encode("gb18030"), "FHIR_NOT_UTF8"),
        (b'{"resourceType": "Bundle", "type": "batch", "type": "batch"}', "FHIR_KEY_TWICE"),
        (b'{"resourceType" : "Bundle", "x": {"a": 1, "a": 2}}', "FHIR_KEY_TWICE"),
        (b'{"resourceType": "Bundle"}', "TYPE_UNSUPPORTED"),
        (b'{"resourceType": "Bundle", "type": "history"}', "TYPE_UNSUPPORTED"),
        (b'{"resourceType": "Bundle", "type": ["batch"]}', "TYPE_UNSUPPORTED"),
        (b'{"resourceType": "Practitioner"}', "TYPE_UNSUPPORTED"),
        (b'{"resourceType": "Bundle", "type": "batch"}', "VISIT_MISSING"),
        (b'{"resourceType": "Patient", "id": "p"}', ""),
    ],
)
def test_bytes_and_their_verdict(content: bytes, reason: str) -> None:
    envelope = FORM.envelope(content)
    assert envelope.raw == content
    assert envelope.reason == reason
    if reason:
        assert refusal(content)[0] == reason
        refused = reason == "TYPE_UNSUPPORTED"
        assert envelope.verdict is (Verdict.REFUSED if refused else Verdict.UNUSABLE)
    else:
        assert envelope.verdict is Verdict.ACCEPTED
        assert len(list(FORM.events(content))) == 1


def test_a_byte_order_mark_is_no_harm() -> None:
    assert stay(b"\xef\xbb\xbf" + raw(bundle(GOOD))).visit == "V-1"


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"fhirVersion": "3.0.2"}, "Bundle.meta"),
        (
            {"meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/Bundle|1.0.2"]}},
            "Bundle.meta",
        ),
        ({"entry": [{"resource": encounter() | {"patient": ref("p")}}]}, "Encounter.patient"),
        ({"entry": [{"resource": condition("I21") | {"context": ref("e")}}]}, "Condition.context"),
        (
            {"entry": [{"resource": condition("I21", clinicalStatus="active")}]},
            "Condition.clinicalStatus",
        ),
    ],
)
def test_other_versions_are_refused(more: Json, place: str) -> None:
    message = changed(**more)
    envelope = FORM.envelope(raw(message))
    assert (envelope.verdict, envelope.reason) == (Verdict.REFUSED, "VERSION_UNSUPPORTED")
    assert refusal(message) == ("VERSION_UNSUPPORTED", place)


@pytest.mark.parametrize(
    "profile", ["http://hl7.org/fhir/5.0/StructureDefinition/Bundle", "urn:x|3.0.1", 7]
)
def test_a_profile_of_someone_else_says_nothing_of_the_version(profile: object) -> None:
    message = changed(meta={"profile": [profile]})
    expected = "Bundle/transaction R5" if "5.0" in str(profile) else "Bundle/transaction R4"
    assert FORM.envelope(raw(message)).kind == expected


def test_what_is_missing() -> None:
    nobody = bundle({"e": encounter()})
    assert refusal(nobody) == ("PATIENT_MISSING", "Bundle.entry[0].resource.subject")
    assert FORM.envelope(raw(nobody)).reason == "PATIENT_MISSING"
    unnamed = bundle({"p": patient(identifier=[]), "e": encounter()})
    assert refusal(unnamed)[0] == "PATIENT_MISSING"
    numberless = bundle({"p": patient(), "e": encounter(identifier=[])})
    assert refusal(numberless) == ("VISIT_MISSING", "Bundle.entry[1].resource.identifier")
    loose = bundle({"p": patient(), "r": procedure("36.0601") | {"encounter": None}})
    assert refusal(loose) == ("VISIT_MISSING", "Bundle.entry[1].resource.encounter")
    assert FORM.envelope(raw(loose)).reason == "VISIT_MISSING"
    assert refusal(bundle({"p": {"resourceType": "Patient"}}))[0] == "PATIENT_MISSING"
    long = bundle({"p": patient("9" * 300), "e": encounter()})
    assert refusal(long)[0] == "PATIENT_MISSING"
    strange = {"identifier": {"value": "V-9"}}
    charge = procedure("36.0601", subject="nobody") | {"encounter": strange}
    assert refusal(bundle({"r": charge})) == ("PATIENT_MISSING", "Bundle.entry[0].resource")


def test_the_id_of_a_resource_to_be_created_is_no_number() -> None:
    message = bundle({"p": patient(identifier=[], id="p1"), "e": encounter()})
    assert stay(message).patient == "p1"
    message["entry"][0]["request"] = {"method": "POST", "url": "Patient"}
    assert refusal(message)[0] == "PATIENT_MISSING"


def test_references_that_lead_nowhere() -> None:
    lost = bundle({**GOOD, "c": condition("I21.001", "x")})
    assert refusal(lost) == (
        "FHIR_REFERENCE_LOST",
        "Bundle.entry[2].resource.encounter: urn:uuid",
    )
    listed = [{"condition": {"reference": f"Condition/{PRIVATE}"}}]
    unlisted = bundle({"p": patient(), "e": encounter(diagnosis=listed)})
    code, place = refusal(unlisted)
    assert (code, place) == (
        "FHIR_REFERENCE_LOST",
        "Bundle.entry[1].resource.diagnosis[0].condition: Condition/…",
    )
    lesser = encounter(
        partOf={"reference": f"Encounter/{PRIVATE}"},
        serviceProvider={"reference": "https://x/Organization/1"},
    )
    found = stay(bundle({"p": patient(), "e": lesser}))
    assert ("Bundle.entry[1].resource.partOf", "lost") in found.unknown
    assert ("Bundle.entry[1].resource.serviceProvider", "Organization/…") in found.unknown
    assert PRIVATE not in repr(found.unknown)


def test_cycles_end() -> None:
    around = {
        "p": patient(),
        "c": encounter("V-3", partOf=ref("a")),
        "a": encounter("V-1", partOf=ref("b"), serviceProvider=ref("o")),
        "b": encounter("V-2", partOf=ref("a")),
        "o": {"resourceType": "Organization", "partOf": ref("o")},
    }
    (found,) = events(bundle(around))
    assert found.visit == "V-1"
    assert ("Bundle.entry[1].resource.partOf", "cycle") in found.unknown
    assert ("Bundle.entry[4].resource.partOf", "cycle") in found.unknown


def test_the_forms_of_references() -> None:
    def message(reference: Json, url: str) -> Json:
        person = patient() | {"id": "1"}
        seen = encounter() | {"subject": reference, "id": "2"}
        base = url.rpartition("/Patient/")[0]
        other = f"{base}/Encounter/2" if base else "urn:uuid:e"
        entries = [{"fullUrl": url, "resource": person}, {"fullUrl": other, "resource": seen}]
        return {"resourceType": "Bundle", "type": "batch", "entry": entries}

    server = "https://his.example/fhir/Patient/1"
    for reference, url in (
        ({"reference": "urn:uuid:u"}, "urn:uuid:u"),
        ({"reference": "Patient/1"}, "urn:uuid:u"),
        ({"reference": "Patient/1"}, server),
        ({"reference": "Patient/1/_history/3"}, server),
        ({"reference": server}, server),
        ({"reference": server}, ""),
        ({"reference": "Patient?identifier=|P-1"}, "urn:uuid:u"),
        ({"reference": "Patient?identifier=P-1"}, "urn:uuid:u"),
        ({"identifier": {"value": "P-1"}}, "urn:uuid:u"),
        ({"identifier": {"value": "P-1"}, "type": "Patient"}, "urn:uuid:u"),
        ({"reference": {"reference": "Patient/1"}}, "urn:uuid:u"),
    ):
        found = stay(message(reference, url))
        assert (found.patient, bool(found.person) or True) == ("P-1", True)
    elsewhere = {"reference": "https://other.example/fhir/Patient/1"}
    assert refusal(message(elsewhere, server))[0] == "PATIENT_MISSING"
    named = {"reference": "Patient/77", "identifier": {"value": "P-1"}}
    assert stay(message(named, server)).patient == "P-1"


def test_two_servers_with_the_same_id_are_told_apart() -> None:
    def entry(base: str, resource: Json) -> Json:
        return {"fullUrl": f"{base}/{resource['resourceType']}/1", "resource": resource}

    local = {"reference": "Patient/1"}
    message = bundle({}) | {
        "entry": [
            entry("https://a.example", patient("P-A")),
            entry("https://b.example", patient("P-B")),
            entry("https://a.example", encounter("V-A") | {"subject": local}),
            entry("https://b.example", encounter("V-B") | {"subject": local}),
        ]
    }
    assert [(e.patient, e.visit) for e in events(message)] == [("P-A", "V-A"), ("P-B", "V-B")]
    message["entry"].append({"resource": encounter("V-C") | {"subject": local}})
    assert refusal(message)[0] == "PATIENT_MISSING"


def test_one_url_twice_is_reported() -> None:
    message = bundle(GOOD)
    message["entry"].append({"fullUrl": "urn:uuid:p", "resource": patient("P-2")})
    found = [e for e in events(message) if e.visit]
    assert found[0].patient == "P-1"
    assert ("Bundle.entry[2].resource", "fullUrl") in found[0].unknown


def test_a_resource_of_another_patient_is_a_conflict() -> None:
    both = {**GOOD, "q": patient("P-2")}
    mixed = bundle({**both, "c": condition("I21.001", "e", "q")})
    assert refusal(mixed) == ("PATIENT_CONFLICT", "Bundle.entry[3].resource.subject")
    claim = {"resourceType": "Claim", "status": "active", "patient": ref("p")}
    claim["item"] = [{"encounter": [ref("e"), ref("f")]}]
    spread = bundle({**both, "f": encounter("V-2"), "c": claim})
    assert refusal(spread) == ("TYPE_UNSUPPORTED", "Bundle.entry[4].resource.item.encounter")
    unsaid = procedure("36.0601") | {"encounter": None}
    many = bundle({**GOOD, "f": encounter("V-2"), "r": unsaid})
    assert refusal(many) == ("FHIR_REFERENCE_LOST", "Bundle.entry[3].resource.encounter")


def test_merges_that_cannot_be() -> None:
    def linked(other: Json) -> Json:
        return bundle({"p": patient(link=[{"type": "replaced-by", "other": other}])})

    assert refusal(linked(ref("p")))[0] == "MERGE_TO_ITSELF"
    assert refusal(linked({"reference": "Patient/9"}))[0] == "MERGE_INCOMPLETE"
    assert events(linked({"identifier": {"value": "P-9"}}))[0].patient == "P-9"


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_deletions_are_refused(method: str) -> None:
    message = bundle(GOOD)
    message["entry"].append({"request": {"method": method, "url": "Condition/1"}})
    assert refusal(message) == ("FHIR_DELETE", "Bundle.entry[2].request")
    message["entry"][2]["request"]["url"] = "Basic/1"
    assert stay(message).visit == "V-1"


def test_header_of_a_message() -> None:
    header = {
        "resourceType": "MessageHeader",
        "source": {"name": "HIS", "endpoint": "urn:x"},
        "sender": {"display": "示例医院"},
    }
    message = bundle({"h": header, **GOOD}, "message", id="m-1")
    envelope = FORM.envelope(raw(message))
    assert (envelope.sender, envelope.facility) == ("HIS", "示例医院")
    assert (envelope.control_id, envelope.patient, envelope.visit) == ("m-1", "P-1", "V-1")
    assert FORM.envelope(raw(message), "key").control_id == "key"
    message["identifier"] = {"system": "urn:x", "value": "b-1"}
    assert FORM.envelope(raw(message)).control_id == "b-1"
    assert FORM.envelope(raw(bundle(GOOD) | {"id": "m-1"})).control_id == ""


def test_an_answer_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(receipt: Receipt) -> Json:
        found: Json = orjson.loads(FORM.answer(FORM.envelope(b""), receipt))
        return found

    good = answer(Receipt(message_id=7, verdict=Verdict.ACCEPTED))
    assert (good["resourceType"], good["id"]) == ("OperationOutcome", "7")
    assert (good["issue"][0]["severity"], good["issue"][0]["code"]) == (
        *("information", "informational"),
    )
    twice = answer(Receipt(message_id=7, verdict=Verdict.ACCEPTED, duplicate=True))
    assert twice["issue"][0]["code"] == "duplicate"
    bad = answer(
        Receipt(
            message_id=8,
            verdict=Verdict.UNUSABLE,
            reason="PATIENT_MISSING",
            place="Bundle.entry[0].resource.subject",
        )
    )["issue"][0]
    assert (bad["severity"], bad["code"]) == ("error", "required")
    assert bad["expression"] == ["Bundle.entry[0].resource.subject"]
    assert bad["details"]["coding"] == [
        {"system": f"{BASE}/CodeSystem/reason", "code": "PATIENT_MISSING"}
    ]
    assert bad["details"]["text"] == "报文没有患者号"
    monkeypatch.setenv("GROUPER_LANG", "en")
    away = answer(Receipt(message_id=None, verdict=Verdict.REFUSED, reason="NOT_STORED"))
    assert away["issue"][0]["severity"] == "fatal"
    assert "id" not in away
    assert "could not be stored" in away["issue"][0]["details"]["text"]
    other = answer(Receipt(message_id=9, verdict=Verdict.UNUSABLE, reason="SOMETHING_ELSE"))
    assert other["issue"][0]["code"] == "processing"


def test_nobody_is_named_in_an_error_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    person = patient(PRIVATE, name=[{"text": "张三"}], gender=PRIVATE)
    odd = condition(concept("urn:x", f"A{PRIVATE}"), "x")
    with pytest.raises(IntakeError) as found:
        events(bundle({"p": person, "e": encounter(PRIVATE), "c": odd}))
    assert PRIVATE not in repr(found.value.params)
    assert PRIVATE not in caplog.text
    known = stay(bundle({"p": person, "e": encounter(), "c": condition(concept("urn:x", PRIVATE))}))
    assert len(known.unknown) == 2
    assert PRIVATE not in repr(known.unknown)
    assert case(bundle({"p": person, "e": encounter()})).sex is None
