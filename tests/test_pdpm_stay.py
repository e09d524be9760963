"""Days, periods and what can be wrong with a stay and its assessments."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pdpm_support import ADMITTED, JINHUA, PLAIN, US, batch_of, case_of, gg, noon, row_of, stay

from grouper.case.record import Case
from grouper.schemes.load import load_scheme
from grouper.schemes.pdpm.scheme import PdpmScheme
from grouper.schemes.pdpm.stay import until
from grouper.schemes.protocol import Grouping, PartedScheme
from grouper.schemes.reasons import Reason, Status

FULL = PLAIN | gg("03")
SCALES = {"BARTHEL": "50", "MMSE": "20", "SWALLOW": "3", "HAMD": "8", "DIET_ALTERED": "0"}


@pytest.fixture(scope="module")
def us() -> PdpmScheme:
    found = load_scheme(US)
    assert isinstance(found, PdpmScheme)
    return found


@pytest.fixture(scope="module")
def jinhua() -> PdpmScheme:
    found = load_scheme(JINHUA)
    assert isinstance(found, PdpmScheme)
    return found


def both(scheme: PdpmScheme, row: dict[str, Any]) -> Grouping:
    """One case by both engines."""
    found = scheme.group(case_of(row))
    (other,) = scheme.group_batch(batch_of([row])).to_pylist()
    assert other["reason"] == found.reason
    assert other["group"] == found.group
    assert other["weight"] == found.weight
    assert (other["warnings"] or "").split(";") == [w.reason for w in found.warnings] or not (
        other["warnings"] or found.warnings
    )
    return found


def home(days: list[tuple[int, str]], total: int | None = 58, **more: Any) -> dict[str, Any]:
    """A stay in Jinhua with assessments on some days."""
    made = [(day, kind, SCALES) for day, kind in days]
    return row_of(made, dx=("I63.900",), days=total, system="nhsa", **more)


def test_a_period_lasts_to_the_day_before_the_next_assessment(jinhua: PdpmScheme) -> None:
    found = both(jinhua, home([(0, "admission"), (30, "periodic"), (58, "discharge")]))
    assert isinstance(jinhua, PartedScheme)
    assert [(p.start, p.days, p.action) for p in found.parts] == [
        (ADMITTED, 30, "priced"),
        (ADMITTED + timedelta(days=30), 28, "priced"),
        (ADMITTED + timedelta(days=58), 0, "no_days"),
    ]
    assert found.status is Status.GROUPED
    assert not found.warnings
    assert sum((p.weight or Decimal(0) for p in found.parts), Decimal(0)) == found.weight


def test_decay_counts_from_the_day_of_admission(jinhua: PdpmScheme) -> None:
    one = both(jinhua, home([(0, "admission"), (58, "discharge")]))
    two = both(jinhua, home([(0, "admission"), (30, "periodic"), (58, "discharge")]))
    assert one.weight == two.weight


def test_the_latest_period_with_days_is_shown(us: PdpmScheme) -> None:
    better = PLAIN | gg("06")
    row = row_of([(0, "admission", FULL), (30, "periodic", better)], days=30)
    assert both(us, row).group == "ODXF1"
    row = row_of([(0, "admission", FULL), (29, "periodic", better)], days=30)
    assert both(us, row).group == "PDYF0"
    row = row_of([(0, "admission", FULL), (0, "periodic", better)], days=0)
    found = both(us, row)
    assert found.group == "PDYF0"
    assert [p.days for p in found.parts] == [0, 1]


def test_the_first_period_begins_with_the_stay(us: PdpmScheme) -> None:
    found = both(us, row_of([(7, "admission", FULL)]))
    assert (found.parts[0].start, found.parts[0].days) == (ADMITTED, 30)
    assert not found.warnings
    found = both(us, row_of([(8, "admission", FULL)]))
    assert [w.reason for w in found.warnings] == [Reason.ASSESSMENT_LATE]


@pytest.mark.parametrize(("day", "warned"), [(30, False), (31, True)])
def test_a_gap_is_told(jinhua: PdpmScheme, day: int, warned: bool) -> None:
    found = both(jinhua, home([(0, "admission"), (day, "periodic")], 60))
    assert ([w.reason for w in found.warnings] == [Reason.ASSESSMENT_GAP]) is warned
    found = both(jinhua, home([(0, "admission")], day))
    assert ([w.reason for w in found.warnings] == [Reason.ASSESSMENT_GAP]) is warned


def test_a_running_stay_counts_to_the_last_known_day(us: PdpmScheme) -> None:
    row = row_of([(0, "admission", FULL), (9, "periodic", FULL)], days=None)
    found = both(us, row)
    assert [p.days for p in found.parts] == [9, 1]
    assert [w.reason for w in found.warnings] == [Reason.STAY_RUNNING]
    assert [p.days for p in both(us, row | {"los": 25}).parts] == [9, 16]
    assert both(us, row | {"los": 9}).reason is Reason.ASSESSMENT_ORDER
    known = until(case_of(row), ADMITTED + timedelta(days=19))
    assert sum(p.days or 0 for p in us.group(known).parts) == 20
    nowhere = until(replace(case_of(row), admission_time=None), ADMITTED)
    assert nowhere.los == 1


def test_a_day_ends_at_midnight_in_china(us: PdpmScheme) -> None:
    row = row_of([(0, "admission", FULL)], days=1)
    late = noon(ADMITTED) + timedelta(hours=11, minutes=59)
    assert both(us, row | {"admission_time": late}).parts[0].days == 1
    assert both(us, row | {"admission_time": late + timedelta(hours=1)}).reason is (
        Reason.ASSESSMENT_ORDER
    )
    naive = replace(case_of(row), admission_time=datetime(2022, 1, 3))  # noqa: DTZ001 -- allowed
    assert us.group(naive).parts[0].start == ADMITTED


@pytest.mark.parametrize(
    ("assessments", "reason"),
    [
        ([], Reason.ASSESSMENT_MISSING),
        ([(3, "periodic")], Reason.ASSESSMENT_MISSING),
        ([(-1, "admission")], Reason.ASSESSMENT_ORDER),
        ([(59, "admission")], Reason.ASSESSMENT_ORDER),
        ([(3, "admission"), (1, "periodic")], Reason.ASSESSMENT_ORDER),
        ([(0, "admission"), (1, "admission")], Reason.ASSESSMENT_ORDER),
        ([(0, "admission"), (9, "discharge"), (20, "periodic")], Reason.ASSESSMENT_ORDER),
        ([(0, "admission"), (9, "discharge"), (20, "discharge")], Reason.ASSESSMENT_ORDER),
        ([(0, "admission"), (59, "discharge")], Reason.ASSESSMENT_ORDER),
    ],
)
def test_order(jinhua: PdpmScheme, assessments: list[tuple[int, str]], reason: Reason) -> None:
    found = both(jinhua, home(assessments))
    assert found.reason is reason
    assert found.status is Status.INVALID
    assert found.group is None
    assert found.parts == ()


@pytest.mark.parametrize(
    ("change", "reason", "status"),
    [
        ({"kind": "inpatient"}, Reason.KIND_UNSUPPORTED, Status.INVALID),
        ({"kind": None}, Reason.KIND_UNSUPPORTED, Status.INVALID),
        ({"code_system": "nhsa"}, Reason.CODE_SYSTEM_MISMATCH, Status.INVALID),
        ({"code_system": None}, Reason.CODE_SYSTEM_MISMATCH, Status.INVALID),
        ({"dx": []}, Reason.DX_PRINCIPAL_MISSING, Status.INVALID),
        ({"dx": [None, "I63.9"]}, Reason.DX_PRINCIPAL_MISSING, Status.INVALID),
        ({"dx": ["Q99.ZZZ"]}, Reason.DX_PRINCIPAL_UNKNOWN, Status.INVALID),
        ({"dx": ["I63.900x001"]}, Reason.DX_PRINCIPAL_UNKNOWN, Status.INVALID),
        ({"dx": ["I63.900"]}, Reason.DX_PRINCIPAL_EDITION, Status.INVALID),
        ({"dx": ["R99"]}, Reason.DX_RETURNED, Status.UNGROUPED),
        ({"dx": ["D68.32"]}, None, Status.GROUPED),
        ({"admission_time": None}, Reason.ADMISSION_MISSING, Status.INVALID),
        ({"discharge_time": noon(date(2022, 1, 2))}, Reason.STAY_ORDER, Status.INVALID),
    ],
)
def test_what_keeps_a_stay_from_its_group(
    us: PdpmScheme, change: dict[str, Any], reason: Reason | None, status: Status
) -> None:
    found = both(us, row_of([(0, "admission", FULL)]) | change)
    assert (found.reason, found.status) == (reason, status)


def changed(column: str, place: int, value: object) -> dict[str, Any]:
    row = row_of([(0, "admission", FULL)])
    row[f"assessment_{column}"] = list(row[f"assessment_{column}"])
    row[f"assessment_{column}"][place] = value
    return row


@pytest.mark.parametrize(
    ("column", "value", "reason", "about"),
    [
        ("item", None, Reason.ASSESSMENT_INCOMPLETE, ""),
        ("item", " ", Reason.ASSESSMENT_INCOMPLETE, " "),
        ("date", None, Reason.ASSESSMENT_INCOMPLETE, "C0500"),
        ("type", None, Reason.ASSESSMENT_INCOMPLETE, "C0500"),
        ("type", "5-day", Reason.ASSESSMENT_INCOMPLETE, "C0500"),
        ("value", "16", Reason.ASSESSMENT_VALUE, "C0500=16"),
        ("value", "x", Reason.ASSESSMENT_VALUE, "C0500=x"),
        ("value", "-1", Reason.ASSESSMENT_VALUE, "C0500=-1"),
        ("value", "99999999999999999999", Reason.ASSESSMENT_VALUE, "C0500=99999999999999999999"),
        ("value", "12.0", Reason.ASSESSMENT_VALUE, "C0500=12.0"),
        ("value", None, Reason.ASSESSMENT_ITEM_MISSING, "C0500"),
        ("value", "99", Reason.ASSESSMENT_ITEM_MISSING, "C0500"),
        ("item", "c0500 ", None, ""),
        ("value", "１5", None, ""),
        ("value", "015", None, ""),
        ("type", "Admission", None, ""),
    ],
)
def test_places_of_the_lists(
    us: PdpmScheme, column: str, value: object, reason: Reason | None, about: str
) -> None:
    row = changed(column, 0, value)
    found = both(us, row)
    assert found.reason is reason
    answer = us.answer(case_of(row))
    if reason is not None:
        assert answer.about == (about,)


def test_two_values_of_one_item_conflict(us: PdpmScheme) -> None:
    row = row_of([(0, "admission", FULL | {"I2000": "1"}), (0, "admission", {"I2000": "1"})])
    assert both(us, row).group == "ODPF1"
    row = row_of([(0, "admission", FULL | {"I2000": "1"}), (0, "admission", {"I2000": "0"})])
    assert both(us, row).reason is Reason.ASSESSMENT_CONFLICT
    row = row_of([(0, "admission", FULL), (0, "admission", {"GG0130A5": "06"})])
    assert both(us, row).reason is Reason.ASSESSMENT_CONFLICT
    row = row_of([(0, "admission", FULL), (0, "admission", {"GG0130A5": "-"})])
    assert both(us, row).reason is None
    row = row_of([(0, "admission", FULL), (3, "periodic", FULL | {"I2000": "1"})])
    assert both(us, row).group == "ODPF0"


def test_a_missing_item_matters_where_it_decides(us: PdpmScheme) -> None:
    """The mood is asked of the classes above the reduced physical function alone."""
    silent = {k: v for k, v in FULL.items() if k != "D0300"}
    found = both(us, row_of([(0, "admission", silent)]))
    assert found.group == "ODXF1"
    assert [(w.reason, w.codes) for w in found.warnings] == [
        (Reason.ASSESSMENT_ITEM_MISSING, ("D0300",))
    ]
    found = both(us, row_of([(0, "admission", silent | {"I2000": "1"})]))
    assert found.reason is Reason.ASSESSMENT_ITEM_MISSING
    # An extensive service goes before, whatever the mood.
    found = both(us, row_of([(0, "admission", silent | {"I2000": "1", "O0100M2": "1"})]))
    assert found.group == "ODCE1"


@pytest.mark.parametrize("missing", ["C0500", "K0100Z", "K0510C2"])
def test_what_speech_needs_is_never_guessed(us: PdpmScheme, missing: str) -> None:
    items = {k: v for k, v in FULL.items() if k != missing}
    found = us.answer(case_of(row_of([(0, "admission", items)])))
    assert found.reason is Reason.ASSESSMENT_ITEM_MISSING
    assert found.about == (missing,)


def test_a_missing_function_item_counts_nothing_with_a_warning(us: PdpmScheme) -> None:
    items = {k: v for k, v in FULL.items() if k != "GG0130A1"}
    found = both(us, row_of([(0, "admission", items)]))
    assert found.group == "ODXF1"
    assert [(w.reason, w.codes) for w in found.warnings] == [
        (Reason.ASSESSMENT_ITEM_MISSING, ("GG0130A",))
    ]


def test_unknown_items_and_diagnoses_are_told(us: PdpmScheme) -> None:
    items = FULL | {"Z9999": "1"}
    row = row_of([(0, "admission", items)], dx=("I63.9", "Q99.ZZZ", "I63.900", None, ""))
    found = both(us, row)
    assert [(w.reason, w.codes) for w in found.warnings] == [
        (Reason.ASSESSMENT_ITEM_UNKNOWN, ("Z9999",)),
        (Reason.DX_OTHER_UNKNOWN, ("Q99.ZZZ",)),
        (Reason.DX_OTHER_EDITION, ("I63.900",)),
    ]


def test_lists_of_unequal_length(us: PdpmScheme) -> None:
    row = row_of([(0, "admission", FULL)])
    found = both(us, row | {"assessment_date": row["assessment_date"][:-1]})
    assert found.reason is Reason.ASSESSMENT_INCOMPLETE
    found = both(us, row | {name: [*row[name], None] for name in row if "assessment" in name})
    assert found.group == "ODXF1"


TEXTS = st.one_of(
    st.none(),
    st.sampled_from(["", "-", "1", "06", "88", "99", "C0500", "GG0130A1", "admission", "１２"]),
    st.text(max_size=6),
)
DAYS = st.one_of(st.none(), st.dates(date(1950, 1, 1), date(2200, 12, 31)))
NEAR = st.one_of(st.none(), st.dates(ADMITTED, ADMITTED + timedelta(days=40)))


@settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "kind": st.sampled_from(["long_stay", "long_stay", "inpatient", "", None]),
                "code_system": st.sampled_from(["icd10cm", "icd10cm", "nhsa", None]),
                "admission_time": st.one_of(st.none(), DAYS.filter(bool).map(noon)),
                "discharge_time": st.one_of(st.none(), DAYS.filter(bool).map(noon)),
                "los": st.one_of(st.none(), st.integers(-5, 40_000)),
                "dx": st.lists(st.one_of(st.sampled_from(["I63.9", "J44.9", "B20"]), TEXTS)),
                "assessment_item": st.lists(TEXTS, max_size=6),
                "assessment_value": st.lists(TEXTS, max_size=6),
                "assessment_date": st.lists(st.one_of(DAYS, NEAR), max_size=6),
                "assessment_type": st.lists(TEXTS, max_size=6),
            }
        ),
        max_size=4,
    )
)
def test_anything_has_an_answer(us: PdpmScheme, rows: list[dict[str, Any]]) -> None:
    results, issues = us.group_with_issues(batch_of(rows))
    for row, result in zip(rows, results.to_pylist(), strict=True):
        found = us.group(case_of(row))
        assert (found.status, found.reason) == (result["status"], result["reason"])
        assert found.trace.text("en")
    assert issues.num_rows >= sum(r["status"] == "invalid" for r in results.to_pylist())


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.integers(1, 120))
def test_the_order_of_the_lists_does_not_matter(us: PdpmScheme, random: Any, days: int) -> None:
    assessments = [(0, "admission", FULL), (days // 2, "periodic", PLAIN | gg("05"))]
    row = row_of(assessments, days=days, dx=("J44.9", "B20", "K86.1", "E66.01"))
    wanted = us.group(case_of(row))
    order = list(range(len(row["assessment_item"])))
    random.shuffle(order)
    shuffled = {n: [v[i] for i in order] for n, v in row.items() if "assessment" in n}
    others = row["dx"][1:]
    random.shuffle(others)
    found = us.group(case_of(row | shuffled | {"dx": ["J44.9", *others]}))
    assert (found.group, found.weight, found.parts) == (wanted.group, wanted.weight, wanted.parts)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(1, 150), st.integers(1, 150))
def test_a_longer_stay_never_weighs_less(us: PdpmScheme, one: int, more: int) -> None:
    def weight(days: int) -> Decimal:
        found = us.group(stay(gg("03") | {"I2000": "1"}, days=days)).weight
        assert found is not None
        return found

    assert weight(one) < weight(one + more)


def test_a_case_from_nowhere_is_refused(us: PdpmScheme) -> None:
    assert us.group(Case()).reason is Reason.KIND_UNSUPPORTED
