"""Conditions of a row one by one: what meets them, what does not, and what the trace says."""

from __future__ import annotations

from typing import Any

import pytest
from dip_random import batch_of
from dip_small import case, row, scheme
from test_dip_engines import agree

from grouper.schemes.dip.scheme import DipScheme
from grouper.schemes.reasons import Reason

RESISTANT = {"resistant": "yes", "resistant_other": "U84.300", "resistant_list": "yes"}
TWO = scheme(row("K35", second_diagnosis="K35|J96", group="two"), row("K35", group="one"))
DRUGS = scheme(
    row("A15", section="FZ", group="resistant", **RESISTANT),
    row("A15", section="FZ", group="plain", **{**RESISTANT, "resistant": "no"}),
    lists={"resistant_diagnoses": [{"code": "A15.001"}]},
)


def groups(ready: DipScheme, *codes: str) -> list[str | None]:
    cases: list[dict[str, Any]] = [{"dx": one.split(), "px": []} for one in codes]
    agree(ready, cases, {})
    found: list[str | None] = ready.group_batch(batch_of(cases)).column("group").to_pylist()
    return found


def test_a_second_diagnosis_is_another_one() -> None:
    assert groups(TWO, "K35.800", "K35.800 K35.200", "K35.800 I10.x00 J96.000", "J96.000") == [
        "one", "two", "two", None
    ]  # fmt: skip
    # A repeat of the principal diagnosis is no other one.
    assert groups(TWO, "K35.800 K35.800") == ["one"]


def test_resistance_by_the_list_or_by_another_diagnosis() -> None:
    assert groups(DRUGS, "A15.001", "A15.000", "A15.000 U84.300", "A15.000 I10.x00") == [
        "resistant", "plain", "resistant", "plain"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "failed", "held"),
    [
        ("A15.001", [("no drug resistance", "A15.001")], [("drug resistance", "A15.001")]),
        ("A15.000", [("drug resistance", None)], [("no drug resistance", None)]),
    ],
)
def test_the_trace_says_which_resistance_was_asked(
    code: str, failed: list[tuple[str, str | None]], held: list[tuple[str, str | None]]
) -> None:
    steps = DRUGS.group(case(code)).trace.document("en")["steps"]
    wrong = [(one["asked"], one["found"]) for step in steps for one in step["failed_by"]]
    assert wrong == failed
    met = [
        (one["asked"], one["found"])
        for step in steps
        if step["held_by"]
        for one in step["held_by"]["evidence"]
    ]
    assert met[:1] == held


def test_codes_of_the_books_lists_are_known_though_the_code_set_lacks_them() -> None:
    own = "K35.8zz1"
    ready = scheme(
        row("K35", group="one"),
        lists={
            "excluded_diagnoses": [{"code": own}],
            "resistant_diagnoses": [{"code": "K35.8zz2"}],
        },
    )
    assert ready.group(case(own)).reason is Reason.DX_NOT_PRINCIPAL
    assert ready.group(case("K35.8zz2")).group == "one"
    assert ready.group(case("K35.8zz3")).reason is Reason.DX_PRINCIPAL_UNKNOWN
    assert groups(ready, own, "K35.8zz2", "K35.8zz3", "K35.800") == [None, "one", None, "one"]


def test_a_row_may_ask_for_a_second_and_for_further_diagnoses() -> None:
    ready = scheme(row("K35+I10", second_diagnosis="J96", group="all"), row("K35", group="one"))
    found = groups(ready, "K35.800 I10.x00 J96.000", "K35.800 J96.000", "K35.800 I10.x00")
    assert found == ["all", "one", "one"]


@pytest.mark.parametrize(("code", "group"), [("47.9991", "own"), ("47.999", None)])
def test_a_whole_procedure_of_a_row_is_known_though_the_code_set_lacks_it(
    code: str, group: str | None
) -> None:
    # Shorter ones are beginnings of codes here, and stand for none themselves.
    ready = scheme(row("K35", code, group="own"), prefix_procedures=True)
    assert ready.group(case("K35.800", code)).group == group
