"""Labelled cases from outside this project: both engines must give every label."""

from __future__ import annotations

import gzip
import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from codebooks.registry import registry
from grouper.case.fields import CASE_SCHEMA
from grouper.case.record import Case
from grouper.schemes.load import load_scheme, scheme_for

if TYPE_CHECKING:
    from pathlib import Path

SCHEMES = sorted(i for i, card in registry().cards.items() if card.family == "drg")


def labelled(facts: Path, scheme: str) -> list[dict[str, Any]]:
    path = facts / "cases" / "chs_drg" / f"{scheme}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def read(rows: list[dict[str, Any]]) -> list[Case]:
    cases = []
    for row in rows:
        case, issues = Case.from_mapping({k: v for k, v in row.items() if k != "scheme"})
        assert not [i for i in issues if i.severity == "reject"]
        cases.append(case)
    return cases


def batch(cases: list[Case]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([c.to_mapping() for c in cases], schema=CASE_SCHEMA)


def assert_labels(scheme: str, rows: list[dict[str, Any]]) -> None:
    cases, grouper = read(rows), load_scheme(scheme)
    expected = [row["expect"] for row in rows]
    assert [grouper.group(case).group for case in cases] == expected
    assert grouper.group_batch(batch(cases)).column("group").to_pylist() == expected


def test_there_are_labels_for_every_scheme(facts: Path) -> None:
    assert len(SCHEMES) == 15
    assert sum(len(labelled(facts, scheme)) for scheme in SCHEMES) == 25_500


@pytest.mark.parametrize("scheme", SCHEMES)
def test_both_engines_give_every_label(facts: Path, scheme: str) -> None:
    assert_labels(scheme, labelled(facts, scheme))


def test_both_engines_give_the_published_cases(facts: Path) -> None:
    rows = json_lines(facts / "cases" / "chs_drg" / "published.jsonl")
    assert len(rows) == 5
    for row in rows:
        assert_labels(row["scheme"], [row])


def test_both_engines_give_another_implementation_s_cases(facts: Path) -> None:
    rows = json_lines(facts / "chs_drg_3_0" / "cases_of_another_implementation.jsonl")
    assert len(rows) == 115
    # That implementation read an absent age as 45 years; the source of the cases says so.
    assert_labels("chs-drg-3.0", [{**r, "age": 45 if r["age"] is None else r["age"]} for r in rows])


def test_the_turn_of_the_year_changes_the_scheme(facts: Path) -> None:
    rows = json_lines(facts / "cases" / "chs_drg" / "published.jsonl")
    (case,) = read(rows[:1])
    assert scheme_for(date(2026, 12, 31)).group(case).group == "HC23"
    assert scheme_for(date(2027, 1, 1)).group(case).group == "HC43"
