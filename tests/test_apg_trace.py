"""The explanation of a visit, the issues of a batch, and refusals at the protocol's door."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apg_small import CAPSULE, COLD, LENS, STOMACH, rows, small_book
from apg_visits import RandomVisits, batch_of
from test_apg_rules import Line, dated, visit

from codebooks.apg.checks import check_apg
from codebooks.messages import catalogue
from grouper.case.issues import ISSUE_SCHEMA
from grouper.case.record import Case
from grouper.schemes.apg.scheme import ApgScheme
from grouper.schemes.apg.words import Action, Why
from grouper.schemes.load import load_scheme
from grouper.schemes.protocol import PARTS_SCHEMA, RESULT_SCHEMA, PartedScheme, parts_table

MRI = "002102000010000"


@cache
def small() -> ApgScheme:
    return ApgScheme(small_book())


def document(case: Case, lang: str = "zh") -> dict[str, Any]:
    return small().group(case).trace.document(lang)


FULL = visit(
    Line(MRI, "03", "600", name="head"),
    Line(None, "04", "20", name="blood"),
    Line("NEVER", "04"),
    Line("NEVER", "04", "-10", "-1"),
    dx=(COLD,),
    px=(LENS, CAPSULE, STOMACH),
)


def test_each_part_says_what_was_done_and_why() -> None:
    parts = document(FULL)["parts"]
    assert [p["number"] for p in parts] == [1, 2, 3, 4, 5, 6, 7, 8]
    told = [(p["code"], p["action"], p["share"], p["weight"]) for p in parts]
    assert told == [
        (LENS, "支付", "1", "6"),
        (CAPSULE, "合并", None, "6"),
        (STOMACH, "折扣支付", "0.5", "3"),
        (COLD, "打包", None, "0.8"),
        (MRI, "支付", "1", "2.5"),
        ("04", "打包", None, "0.2"),
        ("NEVER", "已抵消", None, "0.2"),
        ("NEVER", "已抵消", None, "0.2"),
    ]
    assert parts[4]["name"] == "head"
    assert "mri" in parts[4]["why"]
    assert parts[0]["name"] == "白内障超声乳化抽吸术"


def test_the_arithmetic_adds_up_to_the_weight() -> None:
    found = document(FULL)
    assert [line["value"] for line in found["arithmetic"]] == ["6", "1.5", "2.5", "10"]
    assert found["arithmetic"][-1]["formula"] == "6 + 1.5 + 2.5"
    assert found["result"]["weight"] == "10"
    assert found["result"]["group_kind"] == "procedure"


def test_the_path_leads_from_the_kind_to_the_group() -> None:
    path = document(FULL)["path"]
    assert [(s["level"], s["code"]) for s in path] == [
        ("apg_kind", "procedure"),
        ("apg_group", "LENS"),
    ]
    assert (path[1]["sheet"], path[1]["source_row"]) == ("procedures", 1)
    medical = document(visit(dx=(COLD,)))
    assert [s["code"] for s in medical["path"]] == ["medical", "COLD"]
    asked = [(s["code"], s["holds"]) for s in medical["steps"] if s["level"] == "apg_kind"]
    assert asked == [("procedure", False), ("medical", True)]


def test_packaging_rules_that_decided_stand_once_with_what_they_were_asked_of() -> None:
    steps = document(visit(Line(None, "04"), Line(None, "04"), dx=(COLD,)))["steps"]
    (cheap,) = [s for s in steps if s["level"] == "apg_packaging"]
    assert (cheap["code"], cheap["sheet"], cheap["source_row"]) == ("cheap", "packaging", 5)
    assert len(cheap["held_by"]["evidence"]) == 2


def test_a_refused_visit_has_no_parts_and_no_path() -> None:
    found = document(visit())
    assert found["result"]["reason"] == "LINES_MISSING"
    assert (found["parts"], found["path"], found["steps"], found["arithmetic"]) == ([], [], [], [])
    assert found["case"]["values"] == []


def test_nothing_paid_has_a_path_to_the_first_group() -> None:
    found = document(visit(Line(None, "08")))
    assert (found["result"]["group"]["code"], found["result"]["weight"]) == ("STUFF", "0")
    assert [s["code"] for s in found["path"]] == ["ancillary", "STUFF"]
    assert found["arithmetic"][-1]["formula"] == "0"


def test_the_day_of_the_weights_is_told() -> None:
    time = datetime(2026, 5, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
    found = dated().group(visit(px=(STOMACH,), discharge_time=time)).trace.document("en")
    assert [v["value"] for v in found["case"]["values"]] == [0, "2026-05-01"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_trace_reads_in_both_languages(lang: str) -> None:
    scheme = load_scheme("apg-grouper-1.0")
    assert isinstance(scheme, ApgScheme)
    for case in RandomVisits(scheme.compiled, 3).visits(60):
        trace = scheme.group(case).trace
        assert trace.text(lang)
        assert trace.html(lang)
        told = trace.document(lang)
        total = sum((Decimal(a["value"]) for a in told["arithmetic"][:-1]), Decimal(0))
        assert told["result"]["weight"] is None or Decimal(told["result"]["weight"]) == total


def test_every_action_and_why_has_words() -> None:
    for lang in ("zh", "en"):
        assert {f"apg.action.{a}" for a in Action} <= set(catalogue(lang))
        assert {f"apg.why.{w}" for w in Why} <= set(catalogue(lang))


def test_the_scheme_is_a_parted_scheme() -> None:
    assert isinstance(small(), PartedScheme)
    batch = batch_of([FULL, visit(), FULL])
    assert small().group_batch(batch).schema == RESULT_SCHEMA
    parts = small().group_parts(batch, 11)
    assert parts.schema == PARTS_SCHEMA
    assert sorted(set(parts.column("row").to_pylist())) == [11, 13]
    one = small().group(FULL)
    assert parts_table([(11, one.parts), (13, one.parts)]).equals(parts)
    assert small().content_hash == small_book().content_hash()


def lines_of(cases: list[Case], first_row: int = 1) -> list[tuple[Any, ...]]:
    table = small().group_with_issues(batch_of(cases), first_row)[1]
    assert table.schema == ISSUE_SCHEMA
    return [tuple(row.values()) for row in table.to_pylist()]


def test_issues_name_row_field_reason_and_value() -> None:
    cases = [
        visit(Line(None, "04"), dx=(COLD,)),
        visit(),
        visit(Line("Q1", "99"), Line(None, "98"), Line(None, "04"), dx=("J99.ZZ", "Q99.ZZ")),
        visit(Line(None, "04"), px=("99.ZZ",)),
        visit(Line("A", "04", "-3"), Line(None, "08"), dx=(COLD,), kind="inpatient"),
        visit(Line("A", "04", "-3"), Line("B", "08"), px=(STOMACH, "99.ZZ")),
        visit(Line("Q1", "99")),
        visit(Line(None, "08")),
    ]
    assert lines_of(cases, 101) == [
        (102, "dx", "DX_PRINCIPAL_MISSING", "warning", None),
        (102, "line_item", "LINES_MISSING", "reject", None),
        (103, "dx", "DX_OTHER_UNKNOWN", "warning", "Q99.ZZ"),
        (103, "dx", "DX_PRINCIPAL_UNKNOWN", "warning", "J99.ZZ"),
        (103, "line_item", "LINE_UNASSIGNED", "warning", "Q1"),
        (103, "line_item", "LINE_UNASSIGNED", "warning", "98"),
        (104, "dx", "DX_PRINCIPAL_MISSING", "warning", None),
        (104, "px", "PX_MAIN_UNKNOWN", "reject", "99.ZZ"),
        (105, "kind", "KIND_UNSUPPORTED", "reject", "inpatient"),
        (106, "dx", "DX_PRINCIPAL_MISSING", "warning", None),
        (106, "px", "PX_UNKNOWN", "warning", "99.ZZ"),
        (106, "line_amount", "REFUND_UNMATCHED", "warning", "A"),
        (107, "dx", "DX_PRINCIPAL_MISSING", "warning", None),
        (107, "line_item", "LINE_UNASSIGNED", "reject", None),
        (108, "dx", "DX_PRINCIPAL_MISSING", "warning", None),
        (108, "line_item", "VISIT_NOT_PAYABLE", "warning", None),
    ]


def test_warnings_of_both_engines_name_the_same_codes() -> None:
    scheme = load_scheme("apg-grouper-1.0")
    assert isinstance(scheme, ApgScheme)
    cases = RandomVisits(scheme.compiled, 12).visits(500)
    table = scheme.group_with_issues(batch_of(cases), 0)[1].to_pylist()
    told: dict[int, list[tuple[str, str]]] = {}
    for row in table:
        if row["severity"] == "warning" and row["value"] is not None:
            told.setdefault(row["row"], []).append((row["reason"], row["value"]))
    for number, case in enumerate(cases):
        warned = [(w.reason, code) for w in scheme.group(case).warnings for code in w.codes]
        assert sorted(told.get(number, [])) == sorted(warned), case


@pytest.mark.parametrize("kind", ["inpatient", "long_stay"])
def test_other_kinds_are_refused_by_both_engines(kind: str) -> None:
    case = visit(Line(None, "04"), dx=(COLD,), kind=kind)
    found = small().group(case)
    assert (found.status, found.reason, found.parts) == ("invalid", "KIND_UNSUPPORTED", ())
    row = small().group_batch(batch_of([case])).to_pylist()[0]
    assert (row["reason"], row["group"], row["weight"]) == ("KIND_UNSUPPORTED", None, None)


def test_the_small_book_is_sound() -> None:
    severities = {finding.severity.value for finding in check_apg(small_book(**rows()))}
    assert "error" not in severities
