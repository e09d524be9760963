"""What any FHIR message must not do to us: any JSON in any place, any bytes; both readers agree."""

from __future__ import annotations

import copy
import json
import random
from contextlib import suppress

import orjson
import pytest
from examples import examples
from fhir_refusals_support import refusal
from fhir_support import bundle, encounter, of_case, patient, raw, stay
from hypothesis import given, settings
from hypothesis import strategies as st

from grouper.case.record import Case
from grouper.intake.event import Event
from grouper.intake.forms import IntakeError
from grouper.intake.record import case_of, merge
from hl7_adapters.fhir import FORM
from hl7_adapters.fhir.reader import read_exact, read_fast

RICH = Case.from_mapping(
    {"case_id": "V-1", "person": "P-1", "dx": ["I21.001", "E11.900"], "px": ["36.0601"]}
    | {"admission_time": "2026-01-02 08:00", "discharge_time": "2026-01-09 08:00", "sex": "1"}
    | {"dx_poa": ["1", "4"], "px_date": ["2026-01-03"], "line_item": ["001"], "los": "7"}
    | {"line_amount": ["2.50"], "icu_hours": "4", "department": "内科", "discharge_way": "1"}
    | {
        "total_cost": "2.50",
        "insured_region": "330100",
        "insurance_type": "310",
        "birth_date": "1950-01-01",
    }
)[0]
MESSAGES = [of_case(RICH, version, claim=True) for version in ("R4", "R5")]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(
        ["urn:uuid:p", "urn:uuid:e", "#", "#x", "Patient/1", "active", "1e5", "2026"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "reference",
                    "identifier",
                    "value",
                    "coding",
                    "code",
                    "system",
                    "resourceType",
                    "url",
                    "concept",
                    "extension",
                    "valueQuantity",
                    "item",
                    "id",
                    "start",
                    "status",
                    "type",
                    "x",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def survives(content: bytes) -> None:
    """Events that can be stored and read as a case, or a declared error; never anything else."""
    envelope = FORM.envelope(content)
    assert all(len(v) <= 256 for v in (envelope.patient, envelope.visit, envelope.control_id))
    found: list[Event] = []
    with suppress(IntakeError):
        found = list(FORM.events(content))
    for event in found:
        assert isinstance(event, Event)
        orjson.dumps([event.extra, event.person, event.unknown, dict(event.facts)])
        record = orjson.loads(orjson.dumps(merge({}, event, 1)))
        lines = orjson.loads(orjson.dumps([line.about for line in event.lines]))
        case_of(record, lines)


def places(value: object) -> list[tuple[object, object]]:
    """Every (container, key) of a JSON value."""
    found: list[tuple[object, object]] = []
    keys = (
        value.keys()
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    )
    for key in keys:
        found.append((value, key))
        found += places(value[key])  # type: ignore[index]
    return found


@settings(deadline=None, max_examples=examples(400))
@given(
    st.sampled_from([0, 1]),
    st.randoms(use_true_random=False),
    st.lists(JSON, min_size=1, max_size=3),
)
def test_any_json_in_any_place_is_declared(
    which: int, chance: random.Random, values: list[object]
) -> None:
    message = copy.deepcopy(MESSAGES[which])
    for value in values:
        holder, key = chance.choice(places(message))
        holder[key] = value  # type: ignore[index]
    survives(raw(message))


@settings(deadline=None, max_examples=examples(150))
@given(st.sampled_from([0, 1]), st.randoms(use_true_random=False))
def test_any_place_may_be_missing(which: int, chance: random.Random) -> None:
    message = copy.deepcopy(MESSAGES[which])
    for _ in range(chance.randint(1, 3)):
        holder, key = chance.choice(places(message) or [(message, "resourceType")])
        del holder[key]  # type: ignore[attr-defined]
    survives(raw(message))


@settings(deadline=None, max_examples=examples(150))
@given(JSON)
def test_any_json_is_declared(value: object) -> None:
    survives(raw(value))
    survives(raw({"resourceType": "Bundle", "type": "batch", "entry": value}))
    survives(raw({"resourceType": "Claim", "contained": value, "item": value}))


@settings(deadline=None, max_examples=examples(150))
@given(st.randoms(use_true_random=False), st.binary(max_size=4))
def test_broken_bytes_are_declared(chance: random.Random, noise: bytes) -> None:
    content = raw(MESSAGES[0])
    at = chance.randrange(len(content))
    survives(content[:at] + noise + content[at + chance.randrange(4) :])
    survives(content[:at])


def test_every_single_place_with_wrong_types() -> None:
    for message in MESSAGES:
        for at in range(len(places(message))):
            for value in (None, 7, "x", {}, [[]]):
                twin = copy.deepcopy(message)
                holder, key = places(twin)[at]
                holder[key] = value  # type: ignore[index]
                survives(raw(twin))


def test_deep_values_are_kept_or_refused() -> None:
    deep: object = 1
    for _ in range(90):
        deep = {"x": deep}
    assert "Encounter.odd" in stay(bundle({"p": patient(), "e": encounter(odd=deep)})).extra
    for _ in range(300):
        deep = {"reference": deep, "concept": deep} if _ % 50 == 0 else {"concept": deep}
    message = bundle({"p": patient(), "e": encounter(odd=deep)})
    assert refusal(json.dumps(message).encode())[0] == "MESSAGE_UNREADABLE"
    survives(json.dumps(bundle({"p": patient(), "e": encounter() | {"subject": deep}})).encode())


@pytest.mark.parametrize(
    "content", [b"{", b"\xff", b'{"resourceType": "Bundle", "x": 1e99999999999999999999}']
)
def test_the_exact_reader_refuses_as_the_fast_one(content: bytes) -> None:
    found = []
    for reader in (read_exact, read_fast):
        with pytest.raises(IntakeError) as error:
            reader(content)
        found.append(error.value.code)
    assert found[0] == found[1]


def test_both_readers_read_the_same() -> None:
    for message in MESSAGES:
        content = raw(message)
        assert read_fast(content) == json.loads(content)
        exact = read_exact(content)
        assert json.dumps(exact, default=float) == json.dumps(json.loads(content))
