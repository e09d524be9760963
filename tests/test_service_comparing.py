"""The stored cases under two schemes: what is told, of whose cases, with which weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from comparing_support import (
    BONES,
    DOCTOR,
    HEART,
    LETTERS,
    MONTHS,
    OFFICE,
    TINY,
    books,
    compared,
    filled,
    stored,
    weights,
)
from service_support import Service, service

from codebooks.errors import GrouperError
from grouper.service import comparing, comparison_answers
from grouper.service.comparing import CASES, REPORTS, StoredCases, Wish, scheme_on
from grouper.service.comparison_answers import Which, cases, choices, summary
from grouper.service.errand_process import run_one
from grouper.service.errands import Errands, ErrandState
from grouper.service.settings import Settings

__all__ = ["books", "filled", "stored"]

W_FIRST = {"BA19": "1", "BB19": "2", "BC19": "0.5", "BD19": "1.5", "BE19": "3"}
W_SECOND = {"BA19": "1.2", "BA29": "0.8", "BB19": "1.5", "BF19": "1.5", "BG19": "2", "BH19": "1"}
FILES = {"weights_from.csv": weights(W_FIRST), "weights_to.csv": weights(W_SECOND)}


def test_cases_of_the_months_are_compared(stored: Service) -> None:
    done, folder = compared(stored, files=FILES)
    assert (done.state, done.code) == (ErrandState.DONE, None)
    assert done.answer == {"cases": 10, "changed": 5}
    assert (done.done, done.of) == (10, 10)
    told = summary(folder)
    assert told["changes"] == {"same": 4, "regrouped": 3, "left": 1, "new": 1, "outside": 1}
    assert told["weights_by"] == ["file", "file"]
    assert (told["region"], told["kind"]) == ("national", "inpatient")
    assert told["weights"]["moved"]["drg"]["net"] == "0.2"
    assert {one["department"]: one["cases"] for one in told["departments"]} == {HEART: 5, BONES: 5}
    assert "flows" not in told
    assert "groups" not in told
    # Every flow whose cases changed is listed here, the largest first.
    assert sum(one["cases"] for one in told["largest"]) == 5
    assert {one["change"] for one in told["largest"]} == {"regrouped", "left", "new"}
    for name in REPORTS:
        assert (folder / name).stat().st_size > 1000, name
    assert sorted(one.name for one in folder.iterdir()) == sorted([*REPORTS, CASES, "summary.json"])
    assert "方案比较" in (folder / REPORTS[0]).read_text("utf-8")


def test_the_cases_are_kept_with_department_and_day_and_hold_no_person(stored: Service) -> None:
    _, folder = compared(stored, files=FILES)
    kept = pq.read_table(folder / CASES)
    assert kept.num_rows == len(LETTERS)
    assert set(kept["day"].to_pylist()) == {date(2026, 3, 5)}
    moved = [abs(weighs(row, "to") - weighs(row, "from")) for row in kept.to_pylist()]
    assert moved == sorted(moved, reverse=True)
    assert moved[0] == Decimal(3)
    known = stored.ask("office", "GET", "/api/v1/cases", params={"limit": 100}).json()["cases"]
    departments = {one["case_id"]: one["department"] for one in known}
    for row in kept.to_pylist():
        assert departments[row["case_id"]] == row["department"]
    held = b"".join(path.read_bytes() for path in folder.iterdir() if path.suffix != ".xlsx")
    assert b"VN9900" not in held
    assert b"PT8800" not in held


def weighs(row: Mapping[str, Any], end: str) -> Decimal:
    return Decimal(0) if row[f"{end}_status"] != "grouped" else Decimal(row[f"{end}_weight"])


def test_a_case_whose_weight_is_not_known_stands_last(stored: Service) -> None:
    few = {"weights_from.csv": weights({"BE19": "3"}), "weights_to.csv": weights(W_SECOND)}
    _, folder = compared(stored, files=few)
    found = pq.read_table(folder / CASES).to_pylist()
    # Of ten cases one left, one is new, one was in no group: the others have no first weight.
    assert [row["change"] for row in found[:3]] == ["left", "new", "outside"]
    assert all(row["from_weight"] is None for row in found[3:])


def test_pages_of_cases_are_what_is_asked_for(stored: Service) -> None:
    _, folder = compared(stored, files=FILES)
    rows, count = cases(folder, Which(), 0, 3)
    assert (rows.num_rows, count) == (3, 5)
    assert rows["change"].to_pylist()[0] == "left"
    rest, _ = cases(folder, Which(), 3, 3)
    assert rest.num_rows == 2
    assert not set(rest["case_id"].to_pylist()) & set(rows["case_id"].to_pylist())
    for which, expected in (
        (Which(change="same"), 4),
        (Which(change="new"), 1),
        (Which(change="new", from_group=""), 1),
        (Which(from_group="BA19"), 1),
        (Which(from_group="BA19", to_group="BA29"), 1),
        (Which(department=HEART, change="regrouped"), 2),
        (Which(department="儿科"), 0),
        (Which(department="' OR 1=1 --"), 0),
    ):
        assert cases(folder, which, 0, 10)[1] == expected, which


def test_a_flow_has_its_own_cases_and_no_others(tmp_path: Path) -> None:
    inside, out = ("a", "grouped", None, "BA19"), ("b", "ungrouped", "PX_UNRELATED", None)
    ends = [
        (inside, out),
        (inside, ("b", "ungrouped", "DX_NOT_COVERED", None)),
        (inside, ("b", "invalid", "PX_UNRELATED", None)),
        (inside, (None, "ungrouped", None, None)),
        (("c", *inside[1:]), out),
    ]
    names = ("scheme", "status", "reason", "group")
    flows: list[dict[str, Any]] = [
        {
            "change": "left",
            "from": dict(zip(names, one, strict=True)),
            "to": dict(zip(names, other, strict=True)),
        }
        for one, other in ends
    ]
    lines = [
        {
            "case_id": f"C{place}",
            "change": "left",
            **{f"{end}_{name}": flow[end][name] for end in ("from", "to") for name in names},
        }
        for place, flow in enumerate(flows)
    ]
    # What a scheme says of a grouped case, or calls its outside, tells no flows apart.
    lines[0] |= {"from_reason": "PX_UNRELATED", "to_group": "QY"}
    pq.write_table(pa.Table.from_pylist(lines), tmp_path / CASES)
    for place, flow in enumerate(flows):
        found, count = cases(tmp_path, Which.of_flow(flow), 0, 10)
        assert (found["case_id"].to_pylist(), count) == ([f"C{place}"], 1), flow


def test_each_flow_lists_as_many_cases_as_it_counts(stored: Service) -> None:
    _, folder = compared(stored, files=FILES)
    flows = summary(folder)["largest"]
    assert flows
    for flow in flows:
        assert cases(folder, Which.of_flow(flow), 0, 10)[1] == flow["cases"], flow


def test_who_is_bound_to_a_department_compares_its_cases_alone(stored: Service) -> None:
    done, folder = compared(stored, DOCTOR)
    assert done.reach == (HEART,)
    assert done.answer is not None
    assert done.answer["cases"] == 5
    assert [one["department"] for one in summary(folder)["departments"]] == [HEART]
    assert set(pq.read_table(folder / CASES)["department"].to_pylist()) == {HEART}
    nowhere = replace(DOCTOR, departments=())
    empty, _ = compared(stored, nowhere)
    assert empty.code == "COMPARING_EMPTY"


def test_without_weights_the_report_says_so(stored: Service) -> None:
    done, folder = compared(stored, files={"weights_to.csv": weights(W_SECOND)}, language="en")
    assert done.state is ErrandState.DONE
    told = summary(folder)
    assert told["weights_by"] == ["none", "file"]
    assert told["movers"] == []
    assert told["weights"]["known"] == {"from": False, "to": True}
    assert "Schemes compared" in (folder / REPORTS[0]).read_text("utf-8")


def test_long_lists_are_cut_and_counted(stored: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {**comparing.comparing_data(), "listed": 1, "largest": 2, "batch": 3}
    monkeypatch.setattr(comparing, "comparing_data", lambda: data)
    few = {"weights_from.csv": weights({"BA19": "1"}), "weights_to.csv": weights(W_SECOND)}
    done, folder = compared(stored, files=few)
    assert done.answer == {"cases": 10, "changed": 5}
    told = summary(folder)
    assert len(told["largest"]) == 2
    assert len(told["outside"]) == 1
    assert len(told["other_names"]) == 1


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"since": "2026-04", "last": "2026-03"}, "COMPARING_PERIOD"),
        ({"since": ""}, "COMPARING_PERIOD"),
        ({"last": "2026-13"}, "COMPARING_PERIOD"),
        ({"to": "tiny-a"}, "COMPARING_SAME"),
        ({"to": "nothing"}, "SCHEME_UNKNOWN"),
        ({"to": "apg-grouper-1.0"}, "COMPARING_KINDS"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("books")
def test_what_cannot_be_compared_is_refused(params: Mapping[str, Any], code: str) -> None:
    with pytest.raises(GrouperError) as caught:
        Wish.of({**MONTHS, **TINY, **params})
    assert caught.value.code == code


def test_a_year_has_twelve_months() -> None:
    wish = Wish.of({"since": "2026-01", "last": "2026-12", "from": "auto", "to": "chs-drg-3.0"})
    assert (wish.since, wish.until) == (date(2026, 1, 1), date(2027, 1, 1))
    assert wish.kind == "inpatient"


def test_a_file_of_weights_that_cannot_be_read_says_where(stored: Service) -> None:
    done, folder = compared(stored, files={"weights_from.csv": b"group,weight\nBA19,x\n"})
    assert (done.state, done.code) == (ErrandState.FAILED, "WEIGHTS_NUMBER")
    assert done.detail is not None
    assert "第 2 行" in done.detail
    assert list(folder.iterdir()) == []
    with pytest.raises(GrouperError) as caught:
        summary(folder)
    assert caught.value.code == "COMPARING_GONE"
    with pytest.raises(GrouperError) as caught:
        cases(folder, Which(), 0, 1)
    assert caught.value.code == "COMPARING_GONE"


def test_months_without_a_case_are_told(stored: Service) -> None:
    done, _ = compared(stored, since="2025-01", last="2025-01")
    assert done.code == "COMPARING_EMPTY"


def test_what_can_be_chosen_begins_with_what_binds(stored: Service, tmp_path: Path) -> None:
    found = choices(stored.settings, stored.database)
    assert found.months == ("2026-05", "2026-04", "2026-03")
    assert found.schemes[:3] == ("chs-drg-1.0", "chs-drg-1.1", "chs-drg-2.0")
    assert (found.bound, found.coming) in {
        ("chs-drg-2.0", "chs-drg-3.0"),
        ("chs-drg-3.0", None),
    }
    other = Settings(folder=tmp_path, region="demo")
    told = choices(other, stored.database)
    assert {"dip-pingdingshan-2025", "dip-3.0", "chs-drg-2.0"} <= set(told.schemes[:6])
    assert scheme_on("us", date(1990, 1, 1)) is None


def test_an_empty_store_has_no_month(tmp_path: Path) -> None:
    with service(tmp_path) as made:
        assert choices(made.settings, made.database).months == ()


def test_no_more_months_than_so_many(stored: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {**comparing.comparing_data(), "months": 2}
    monkeypatch.setattr(comparison_answers, "comparing_data", lambda: data)
    assert choices(stored.settings, stored.database).months == ("2026-05", "2026-04")


@pytest.mark.parametrize(
    ("region", "sides", "months", "expected"),
    [
        ("harbin", ("auto", "chs-drg-3.0"), ("2024-01", "2024-03"), ["harbin", None]),
        ("harbin", ("harbin-2022", "chs-drg-3.0"), ("2024-01", "2024-03"), ["harbin", None]),
        ("harbin", ("chs-drg-1.1", "chs-drg-3.0"), ("2024-01", "2024-03"), [None, None]),
        # Two schemes bind within these months: no table is of both.
        ("harbin", ("auto", "chs-drg-3.0"), ("2024-12", "2025-01"), [None, None]),
        ("demo", ("auto", "dip-3.0"), ("2026-01", "2026-03"), [None, None]),
        ("national", ("auto", "chs-drg-3.0"), ("2026-01", "2026-03"), [None, None]),
        ("beijing", ("auto", "chs-drg-3.0"), ("2026-01", "2026-03"), [None, None]),
        ("national", ("auto", "chs-drg-3.0"), ("2019-01", "2019-02"), [None, None]),
    ],
    ids=str,
)
def test_weights_of_the_policy_are_of_the_scheme_that_binds(
    tmp_path: Path,
    region: str,
    sides: tuple[str, str],
    months: tuple[str, str],
    expected: list[str | None],
) -> None:
    settings = Settings(folder=tmp_path, region=region)
    wish = Wish.of({"since": months[0], "last": months[1], "from": sides[0], "to": sides[1]})
    found = [comparing._of_policy(settings, wish, side) for side in sides]
    assert [one and one.file.split("@")[0] for one in found] == expected
    if found[0] is not None:
        assert found[0].of("harbin-2022", "AA19") is not None
        assert found[0].of("chs-drg-3.0", "AA19") is None


def test_a_policy_without_such_a_table_gives_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bare:
        def find(self, _: str) -> None:
            return None

        def on(self, *_: object) -> Bare:
            return self

    monkeypatch.setattr(comparing, "policies", Bare)
    wish = Wish.of({"since": "2026-01", "last": "2026-01", "from": "auto", "to": "chs-drg-3.0"})
    assert comparing._of_policy(Settings(folder=tmp_path), wish, "auto") is None


def test_a_store_that_is_older_is_told(stored: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "pending", lambda _: ["0042"])
    done, _ = compared(stored)
    assert done.code == "STORE_OLD"


def test_a_comparison_that_is_cancelled_leaves_nothing(
    stored: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken away while it reads: the next word of progress ends it."""
    errands = Errands.at(stored.settings)
    whole = StoredCases.batches

    def cancelling(self: StoredCases) -> Any:
        for batch in whole(self):
            errands.cancel(errands.all()[0].id, OFFICE)
            yield batch

    monkeypatch.setattr(StoredCases, "batches", cancelling)
    errand = errands.ask("comparison", MONTHS | TINY, by=OFFICE, language="zh")

    assert run_one(errands, errand.id, stored.settings, stored.database) is None
    assert [one.name for one in errands.place.iterdir()] == []
