"""What a physician sees of another department: nothing, by whatever route, and not that it is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from authorisation_support import (
    BONES,
    CASE,
    HOOKS,
    NEVER,
    ORDER,
    OTHERS,
    Seeded,
    hook,
    sample,
    table,
)
from pages_office_support import Office, words
from preaudit_support import body, line, person, visit
from service_support import PEOPLE
from test_authorisation import ANSWERS, everything, seed

from dashboards.frame.parts import hold
from grouper.store import order_checks

__all__ = ["seed"]
WHO = "physician"
OWN = [row for row in table("rest") if row.cells[WHO] == "own"]
OBJECTS = ("{case_id}", "{finding_id}")
UNKNOWN = {"case_id": NEVER, "finding_id": "999999", "file_id": "999999"}
BY_BODY = {
    "POST /api/v1/orders/check",
    "POST /api/v1/orders/answers",
    "POST /api/v1/nhsa/{transaction}",
    "POST /cds-services/{service}",
    "POST /cds-services/{service}/feedback",
}
"""Routes whose stay is named within the body; each has a test of its own below."""
FILTERS: dict[str, list[dict[str, Any]]] = {
    "GET /api/v1/cases": [
        {},
        {"department": BONES},
        {"text": "VNBONES"},
        {"text": "PTBONES"},
        {"text": "{case_id}"},
        {"limit": 1},
    ],
    "GET /api/v1/forecasts": [{}, {"department": BONES}],
    "GET /api/v1/findings": [
        {"every": True},
        {"department": BONES, "every": True},
        {"case_id": "{case_id}", "every": True},
        {"text": "VNBONES", "every": True},
        {"text": "b" * 24, "every": True},
        {"batch": 1, "every": True},
        {"shadow": True, "every": True},
    ],
    "GET /api/v1/findings/statistics": [{"by": "rule"}, {"by": "department"}, {"by": "month"}],
    "GET /api/v1/findings/deductions": [
        {"month": "2026-03"},
        {"month": "2026-03", "format": "csv"},
    ],
}


def bare(answer: Any) -> tuple[int, str]:
    """What an answer says, without the numbers that every request has of its own."""
    return answer.status_code, re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", answer.text)


def nothing_of_others(seed: Seeded, answer: Any) -> None:
    hidden = [*OTHERS, seed.bones["case_id"], "b" * 24, seed.told]
    assert not [one for one in hidden if one in answer.text], answer.text[:300]


@pytest.fixture
def unchanged(seed: Seeded) -> Iterator[None]:
    """Nothing of the other department is changed, and no look at it is written as one."""
    before = everything(seed.on.database)
    yield
    after = everything(seed.on.database)
    for name in ("finding", "finding_event", "finding_file", "stay", "stay_version", "outcome"):
        assert after[name] == before[name], name
    since = seed.on.looks()[len(before["audit"]) :]
    looked = {object_ for actor, _, object_ in since if actor == "physician1"}
    assert not looked & {f"case:{seed.bones['case_id']}", f"finding:{seed.bones['finding_id']}"}


def test_every_route_of_an_own_department_is_tried_here() -> None:
    by_path = {row.id for row in OWN if any(one in row.what for one in OBJECTS)}
    assert by_path | set(FILTERS) | BY_BODY == {row.id for row in OWN}
    assert len(by_path) > 12


@pytest.mark.usefixtures("unchanged")
def test_an_object_of_others_is_answered_like_one_that_does_not_exist(seed: Seeded) -> None:
    for row in (one for one in OWN if any(part in one.what for part in OBJECTS)):
        more = sample(row.method, row.what, seed.bones)
        unknown = seed.ask(WHO, row.method, row.what.format(**UNKNOWN), **more)
        assert unknown.status_code == 404, row.id
        answer = seed.ask(WHO, row.method, row.what.format(**seed.bones), **more)
        assert bare(answer) == bare(unknown), row.id
        nothing_of_others(seed, answer)
        if "{file_id}" in row.what:
            # One's own finding with a file of others.
            mixed, none = (
                seed.ask(WHO, row.method, row.what.format(**{**seed.heart, "file_id": number}))
                for number in (seed.bones["file_id"], UNKNOWN["file_id"])
            )
            assert (mixed.status_code, bare(mixed)) == (404, bare(none))
        if row.method == "GET":
            # The physician of the other department is shown it: the ids are right.
            owner = seed.ask("doctor2", row.method, row.what.format(**seed.bones), **more)
            told = "" if owner.status_code == 200 else owner.json()["code"]
            assert told in ANSWERS.get(row.id, {""}), row.id


@pytest.mark.usefixtures("unchanged")
def test_lists_and_filters_tell_nothing_of_others(seed: Seeded) -> None:
    for row in (one for one in OWN if one.id in FILTERS):
        for params in FILTERS[row.id]:
            given = {
                name: value.format(**seed.bones) if isinstance(value, str) else value
                for name, value in params.items()
            }
            answer = seed.ask(WHO, row.method, row.what, params=given)
            assert answer.status_code == 200, (row.id, given, answer.text)
            nothing_of_others(seed, answer)
    office = seed.ask("office", "GET", "/api/v1/cases")
    assert seed.bones["case_id"] in office.text
    # Counts, too, are of what may be seen.
    counts = seed.ask(WHO, "GET", "/api/v1/findings", params={"every": True}).json()["counts"]
    assert sum(one["count"] for one in counts) == 1


@pytest.mark.usefixtures("unchanged")
def test_orders_of_others_are_neither_checked_nor_answered(seed: Seeded) -> None:
    path = "/api/v1/orders/check"
    unknown = seed.ask(WHO, "POST", path, json={"case_id": NEVER, "lines": [ORDER]})
    for named in (
        {"case_id": seed.bones["case_id"]},
        {"visit": "VNBONES"},
        {"visit": "VNBONES", "patient": "PTBONES"},
    ):
        answer = seed.ask(WHO, "POST", path, json={**named, "lines": [ORDER]})
        assert bare(answer) == bare(unknown)
    path = "/api/v1/orders/answers"
    said = {"answers": [{"key": seed.told, "answer": "1", "reason": "示例"}]}
    answer = seed.ask(WHO, "POST", path, json=said)
    assert answer.json() == {"kept": 0, "unknown": [seed.told]}
    taken = seed.ask("doctor2", "POST", path, json=said)
    assert taken.json() == {"kept": 1, "unknown": []}
    with seed.on.database.reading() as connection:
        (told,) = order_checks.of_key(connection, seed.told)
    assert told.answered_by == "doctor2"


def test_what_somebody_was_told_itself_is_answered(seed: Seeded) -> None:
    """Of a stay within reach, and of a case that was handed in."""
    lines = {
        "line_item": [ORDER["item"]],
        "line_quantity": ["1"],
        "line_amount": ["12.00"],
        "line_time": ["2026-02-21 09:00:00"],
    }
    running = {name: value for name, value in CASE.items() if name != "discharge_time"}
    handed = {"case": running | lines | {"insurance_type": "310", "department": BONES}}
    for named in ({"visit": "VNHEART"}, handed):
        checked = seed.ask(WHO, "POST", "/api/v1/orders/check", json={**named, "lines": [ORDER]})
        keys = [one["key"] for one in checked.json()["findings"]]
        assert keys, checked.text
        said = {"answers": [{"key": key, "answer": "2"} for key in keys]}
        # Nobody else can answer what somebody was told of a case that is not here.
        other = seed.ask("doctor2", "POST", "/api/v1/orders/answers", json=said)
        assert other.json() == {"kept": 0, "unknown": keys}
        answer = seed.ask(WHO, "POST", "/api/v1/orders/answers", json=said)
        assert answer.json() == {"kept": len(keys), "unknown": []}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", sorted(HOOKS))
def test_hooks_for_a_stay_of_others_know_no_such_stay(seed: Seeded, name: str) -> None:
    asked, unknown = hook(name, seed.bones), hook(name, {"visit": "VNNEVER", "patient": "PTNEVER"})
    if name == "grouper-order-audit":
        for one in (asked, unknown):
            one["context"]["draftOrders"] = {"resourceType": "Bundle", "type": "collection"}
    answer, none = (
        seed.ask(WHO, "POST", f"/cds-services/{name}", json=one) for one in (asked, unknown)
    )
    assert bare(answer) == bare(none)
    nothing_of_others(seed, answer)


@pytest.mark.usefixtures("unchanged")
def test_the_insurers_shape_and_feedback_tell_nothing_of_others(seed: Seeded) -> None:
    found = []
    for number, patient in (("VNBONES", "PTBONES"), ("VNNEVER", "PTNEVER")):
        sent = body(person(visit(number, line(ORDER["item"], "1")), patn_id=patient))
        answer = seed.ask(WHO, "POST", "/api/v1/nhsa/3101", json=sent)
        assert answer.status_code == 200
        found.append(re.sub(r"VN\w+|PT\w+|[0-9a-f]{24}", "", answer.text))
    assert found[0] == found[1]
    card = {"card": NEVER, "outcome": "overridden"}
    answer = seed.ask(
        WHO, "POST", "/cds-services/grouper-order-audit/feedback", json={"feedback": [card]}
    )
    assert (answer.status_code, answer.text) == (200, "")


def test_jobs_are_seen_by_their_owner_alone(seed: Seeded) -> None:
    for method, path in (
        ("GET", "/api/v1/jobs/{job_id}"),
        ("GET", "/api/v1/jobs/{job_id}/result"),
        ("DELETE", "/api/v1/jobs/{job_id}"),
    ):
        answer = seed.ask("office", method, path.format(job_id=seed.bones["job_id"]))
        unknown = seed.ask("office", method, path.format(job_id="0" * 32))
        assert answer.status_code == 404
        assert bare(answer) == bare(unknown)
    listed = seed.ask("office", "GET", "/api/v1/jobs").json()["jobs"]
    assert [one["id"] for one in listed] == [seed.heart["job_id"]]
    assert seed.ask("office2", "GET", f"/api/v1/jobs/{seed.bones['job_id']}").status_code == 200


@pytest.mark.slow
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("page", ["case", "finding", "discharge", "cases", "findings", "my_cases"])
def test_pages_tell_nothing_of_others(seed: Seeded, page: str) -> None:
    office = Office(seed.on)
    office.who = WHO
    assert PEOPLE[WHO].departments == ("心内科",)
    given = {
        "case": ({"case_id": seed.bones["case_id"]}, {"case_id": NEVER}),
        "discharge": ({"case_id": seed.bones["case_id"]}, {"case_id": NEVER}),
        "finding": ({"id": seed.bones["finding_id"]}, {"id": "999999"}),
    }.get(page, ({},))
    try:
        shown = [office.page(page, **params) for params in given]
    finally:
        hold(None)
    told = [words(one) + str([each.value for each in one.dataframe]) for one in shown]
    if page == "finding":
        # What was asked for is told back, and nothing else.
        told = [one.replace(params["id"], "N") for one, params in zip(told, given, strict=True)]
    assert len(set(told)) == 1
    assert told[0]
    assert not [one for one in (*OTHERS, seed.bones["case_id"]) if one in told[0]]
    assert not any(one.exception for one in shown)
