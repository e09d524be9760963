"""The two engines agree on every case, however the cases are cut into batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from dip_random import Case as Plain
from dip_random import RandomCases, batch_of
from dip_small import book, row

from codebooks import paths
from codebooks.registry import registry
from grouper.case.issues import ISSUE_SCHEMA
from grouper.case.record import Case
from grouper.schemes.dip.batch import NO_REASON, REASONS
from grouper.schemes.dip.scheme import DipScheme
from grouper.schemes.load import load_scheme
from grouper.schemes.protocol import PARTS_SCHEMA, RESULT_SCHEMA, Scheme

if TYPE_CHECKING:
    from grouper.schemes.protocol import Grouping

SCHEMES = sorted(id_ for id_, card in registry().cards.items() if card.family == "dip")
SIZES = (1, 7, 1024, 131_072)


def record(plain: Plain) -> Case:
    return Case(**{**plain, "dx": tuple(plain["dx"]), "px": tuple(plain["px"])})


def expected(found: Grouping) -> dict[str, Any]:
    """A grouping as a row of the result table."""
    values = {name: getattr(found, name) for name in RESULT_SCHEMA.names}
    values["status"] = found.status.value
    values["reason"] = found.reason.value if found.reason else None
    values["warnings"] = ";".join(w.reason.value for w in found.warnings) or None
    return values


def agree(scheme: Scheme, cases: list[Plain], limits: dict[int, int]) -> None:
    answers = [expected(scheme.group(record(case))) for case in cases]
    whole = batch_of(cases)
    for size in SIZES:
        until = min(len(cases), limits.get(size, len(cases)))
        parts = [
            scheme.group_batch(whole.slice(at, min(size, until - at)))
            for at in range(0, until, size)
        ]
        found = pa.Table.from_batches(parts).to_pylist()
        wrong = [i for i in range(until) if found[i] != answers[i]]
        assert not wrong, (size, cases[wrong[0]], found[wrong[0]], answers[wrong[0]])


@pytest.mark.parametrize("name", SCHEMES)
def test_engines_agree(name: str) -> None:
    scheme: DipScheme = load_scheme(name)  # type: ignore[assignment]
    cases = RandomCases(scheme.compiled, 20260909).cases(4000)
    agree(scheme, cases, {1: 150, 7: 700})


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
def test_engines_agree_on_a_hundred_thousand_cases(name: str) -> None:
    scheme: DipScheme = load_scheme(name)  # type: ignore[assignment]
    cases = RandomCases(scheme.compiled, 1).cases(100_000)
    agree(scheme, cases, {1: 5000, 7: 35_000})


OPTIONS: list[dict[str, bool | str]] = [
    {"main_procedure_decides": True, "all_related_required": True},
    {"prefix_procedures": True, "unmatched": "chapter"},
    {"tie": "exact_then_score", "kind_order": "core_first", "partial_related": True},
    {"comprehensive_kind": "highest", "conservative_when": "no_main", "unmatched": "none"},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_engines_agree_under_a_citys_options(options: dict[str, bool | str]) -> None:
    plain = registry().book("dip-pingdingshan-2025")
    scheme = DipScheme(plain.with_card(options={**plain.card.options, **options}))
    agree(scheme, RandomCases(scheme.compiled, 3).cases(1200), {1: 20, 7: 70})


@pytest.mark.parametrize(
    "options",
    [
        {"excluded_diagnosis_match": "prefix", "pre_11_13_14_procedure": "all"},
        {"pre_11_13_14_procedure": "main", "pre_16_19_diagnosis": "principal"},
        {"mixed_expression": "neighbours", "related_from_main_list": "once"},
        {"main_procedure_decides": False, "partial_related": False, "tie": "exact_then_score"},
    ],
)
def test_engines_agree_under_the_open_readings(options: dict[str, bool | str]) -> None:
    plain = registry().book("dip-3.0")
    scheme = DipScheme(plain.with_card(options={**plain.card.options, **options}))
    agree(scheme, RandomCases(scheme.compiled, 4).cases(1200), {1: 20, 7: 70})


@pytest.mark.parametrize("name", SCHEMES)
def test_random_cases_reach_most_groups(name: str) -> None:
    # Agreement says little where nothing is reached: many groups must be among the answers.
    scheme: DipScheme = load_scheme(name)  # type: ignore[assignment]
    cases = RandomCases(scheme.compiled, 5).cases(12_000)
    numbers = scheme._batch[0].run(batch_of(cases))
    assert len(set(numbers.row[numbers.reason == NO_REASON].tolist())) > 0.6 * len(
        scheme.compiled.rows
    )
    told = {REASONS[n] for n in set(numbers.reason.tolist()) - {NO_REASON}}
    assert len(told) >= 4


@pytest.mark.parametrize("name", SCHEMES)
def test_issues_tell_every_refusal_and_warning(name: str) -> None:
    scheme: DipScheme = load_scheme(name)  # type: ignore[assignment]
    cases = RandomCases(scheme.compiled, 6).cases(1500)
    results, issues = scheme.group_with_issues(batch_of(cases), first_row=11)
    assert results.to_pylist() == scheme.group_batch(batch_of(cases)).to_pylist()
    assert issues.schema == ISSUE_SCHEMA
    lines = issues.to_pylist()
    assert [line["row"] for line in lines] == sorted(line["row"] for line in lines)
    told: dict[int, list[tuple[str, str]]] = {}
    for line in lines:
        told.setdefault(line["row"] - 11, []).append((line["severity"], line["reason"]))
    for place, result in enumerate(results.to_pylist()):
        own = told.get(place, [])
        refused = [reason for severity, reason in own if severity == "reject"]
        assert refused == ([] if result["status"] == "grouped" else [result["reason"]])
        warned = {reason for severity, reason in own if severity == "warning"}
        assert warned == set((result["warnings"] or "").split(";")) - {""}


def test_no_case_gives_no_line() -> None:
    scheme = load_scheme("dip-3.0")
    results, issues = scheme.group_with_issues(batch_of([]))
    assert (results.num_rows, issues.num_rows) == (0, 0)


def test_columns_may_be_missing_null_or_dictionary_encoded() -> None:
    scheme = load_scheme("dip-3.0")
    words = pa.array([["c16.900"], None, []], pa.list_(pa.dictionary(pa.int32(), pa.string())))
    batch = pa.record_batch({"dx": words, "px": pa.nulls(3)})
    found = scheme.group_batch(batch).to_pylist()
    assert [one["reason"] for one in found[1:]] == ["DX_PRINCIPAL_MISSING"] * 2
    assert found[0] == expected(scheme.group(Case(dx=("C16.900",))))


def test_a_slice_of_costs_and_a_cost_of_another_type() -> None:
    rows = [row("K80.1", "51.2300", mean_cost="20000"), row("K80.1", "51.2200", mean_cost="8000")]
    scheme = DipScheme(book(rows))
    both = ["51.2300", "51.2200"]
    batch = pa.record_batch(
        {
            "dx": pa.array([["K80.100"]] * 4),
            "px": pa.array([both] * 4),
            "total_cost": pa.array([1.0, 19000.0, None, 7000.25]),
        }
    )
    groups = scheme.group_batch(batch).column("group").to_pylist()
    assert groups == ["K80.1:51.2200", "K80.1:51.2300", "K80.1:51.2300", "K80.1:51.2200"]
    parts = scheme.group_batch(batch.slice(1, 2)).column("group").to_pylist()
    assert parts == groups[1:3]


FACTORS = """region,scheme,directory,subtype,group,factor,valid_from,source
pingdingshan,,age,elderly,,1.123457,2025-01-01,test
"""


def test_factors_multiply_the_score_in_both_engines() -> None:
    folder = paths.installed() / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dip_factors.csv").write_text(FACTORS, "utf-8")
    scheme = DipScheme(book([row("K35.8", score="1000.000001"), row("K80.1")]))
    day = "2025-06-01T08:00:00+08:00"
    base = {"dx": ["K35.800"], "px": []}
    cases = [
        {**base, "age": 70},
        {**base, "age": 60},
        {**base, "age": None},
        {"dx": ["K80.100"], "px": [], "age": 70},
        {"dx": ["J18.900"], "px": [], "age": 70},
    ]
    records = [Case.from_mapping({**c, "discharge_time": day})[0] for c in cases]
    batch = pa.record_batch(
        {
            "dx": pa.array([r.dx for r in records]),
            "px": pa.array([r.px for r in records], pa.list_(pa.string())),
            "age": pa.array([r.age for r in records], pa.int16()),
            "discharge_time": pa.array(
                [r.discharge_time for r in records], pa.timestamp("s", "Asia/Shanghai")
            ),
        }
    )
    answers = [expected(scheme.group(r)) for r in records]
    assert scheme.group_batch(batch).to_pylist() == answers
    weights = [None if a["weight"] is None else str(a["weight"]) for a in answers]
    assert weights == ["1123.457001", "1000.000001", "1000.000001", None, None]
    assert answers[2]["warnings"] == "AGE_MISSING"
    parts = scheme.group_parts(batch, first_row=3)
    assert parts.schema == PARTS_SCHEMA
    taken = [(p["row"], p["code"]) for p in parts.to_pylist() if p["action"] == "taken"]
    assert taken == [(3, "age.elderly"), (6, "age.elderly")]
    document = scheme.group(records[0]).trace.document("en")
    assert document["arithmetic"][1]["formula"] == "1000.000001 × 1.123457"
