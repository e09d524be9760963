"""Two schemes side by side on months whose flows are derived by hand."""

from __future__ import annotations

import csv
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from compare_support import FIRST, MONTH, SECOND, forget, install, month, weights
from python_calamine import CalamineWorkbook

from codebooks.errors import GrouperError
from grouper.case.readers import open_source
from grouper.compare import run as compare_run
from grouper.compare.comparison import Comparison, Level, other_name
from grouper.compare.document import document
from grouper.compare.groups import Kind, Thresholds
from grouper.compare.run import compare
from grouper.compare.sides import side_of
from grouper.compare.tally import Change
from grouper.compare.weights import read_weights

W_FIRST = {"BA19": "1", "BB19": "2", "BC19": "0.5", "BD19": "1.5", "BE19": "3"}
W_SECOND = {"BA19": "1.2", "BA29": "0.8", "BB19": "1.5", "BF19": "1.5", "BG19": "2", "BH19": "1"}


@pytest.fixture(autouse=True)
def _books(_own_data: None) -> Iterator[None]:
    install("tiny-a", FIRST)
    install("tiny-b", SECOND, "（新）")
    yield
    forget()


def compared(
    source: Path, first: str = "tiny-a", second: str = "tiny-b", *, size: int = 65536, **more: Any
) -> Comparison:
    files = [more.pop(name, None) for name in ("weights_from", "weights_to")]
    tables = [read_weights(path) if path else None for path in files]
    sides = side_of(first, "national", tables[0]), side_of(second, "national", tables[1])
    return compare(open_source(source, batch_rows=size), sides, **more)


def kinds(found: Comparison, side: int) -> dict[str, Kind]:
    return {group.node.group or "": group.kind for group in found.groups[side]}


def test_each_group_is_what_became_of_its_cases(tmp_path: Path) -> None:
    found = compared(month(tmp_path / "in.csv"))
    assert found.rows == 21
    assert found.changes == {
        Change.SAME: 12,
        Change.REGROUPED: 5,
        Change.LEFT: 2,
        Change.NEW: 1,
        Change.OUTSIDE: 1,
    }
    assert kinds(found, 0) == {
        "BA19": Kind.SPLIT,
        "BB19": Kind.MERGED,
        "BC19": Kind.MERGED,
        "BD19": Kind.RENAMED,
        "BE19": Kind.LEFT,
        "BH19": Kind.UNCHANGED,
    }
    assert kinds(found, 1) == {
        "BA19": Kind.SPLIT,
        "BA29": Kind.SPLIT,
        "BB19": Kind.MERGED,
        "BF19": Kind.RENAMED,
        "BG19": Kind.NEW,
        "BH19": Kind.UNCHANGED,
    }
    assert found.kinds(0)[Kind.MERGED] == (2, 5)
    assert found.levels == {Level.SAME: 12, Level.ADRG: 5}
    # One code, another name: the second book writes 新 behind every name.
    assert sum(flow.sums.cases for flow in found.flows if other_name(flow)) == 12


def test_a_scheme_against_itself_is_unchanged(tmp_path: Path) -> None:
    found = compared(month(tmp_path / "in.csv"), second="tiny-a")
    assert set(kinds(found, 0).values()) == {Kind.UNCHANGED}
    assert found.changes == {Change.SAME: 19, Change.OUTSIDE: 2}
    assert not any(other_name(flow) for flow in found.flows)
    assert found.movers(10) == []


def test_weights_move_as_derived_by_hand(tmp_path: Path) -> None:
    found = compared(
        month(tmp_path / "in.csv", departments="xy "),
        weights_from=weights(tmp_path / "a.csv", W_FIRST),
        weights_to=weights(tmp_path / "b.csv", W_SECOND, "group,weight"),
    )
    balance = found.balance
    assert balance.comparable
    first, second = balance.first["drg"], balance.second["drg"]
    assert (first.cases, first.weighed, first.weight) == (19, 14, Decimal("22.5"))
    assert (second.cases, second.weighed, second.weight) == (18, 18, Decimal("22.7"))
    moved = balance.moved["drg"]
    assert (moved.cases, moved.net) == (12, Decimal("-0.8"))
    assert (moved.gained, moved.lost) == (Decimal("1.6"), Decimal("-2.4"))
    assert (moved.same, moved.regrouped) == (Decimal("-1.4"), Decimal("0.6"))
    assert balance.left["drg"].weight == 6
    assert balance.new["drg"].weight == 2
    assert {node.group: cases for node, (_, cases) in balance.unweighed[0].items()} == {"BH19": 5}
    assert balance.unweighed[1] == {}
    top = [(f.source.group, f.target.group, f.sums.moved) for f in found.movers(3)]
    # Of two flows that move 2 the one of more cases comes first.
    assert top == [
        ("BE19", None, Decimal(-6)),
        ("BB19", "BB19", Decimal(-2)),
        (None, "BG19", Decimal(2)),
    ]
    plain = document(found, 3)
    assert plain["weights"]["from"]["drg"] == {
        "cases": 19,
        "weighed": 14,
        "weight": "22.5",
        "mean": "1.6071",
    }
    assert [g["group"] for g in plain["weights"]["unweighed"]["from"]] == ["BH19"]
    shares = [Decimal(flow["share_change"]) for flow in plain["flows"]]
    assert abs(sum(shares)) < Decimal("0.00001")
    split = next(g for g in plain["groups"]["from"] if g["group"] == "BA19")
    assert (split["from_weight"], split["to_weight"], split["moved"]) == ("5", "5.2", "0.2")
    assert [(f["group"], f["cases"], f["share"]) for f in split["flows"]] == [
        ("BA19", 3, "0.600000"),
        ("BA29", 2, "0.400000"),
    ]


def test_departments_add_up(tmp_path: Path) -> None:
    found = compared(
        month(tmp_path / "in.csv", departments="xy "),
        weights_from=weights(tmp_path / "a.csv", W_FIRST),
        weights_to=weights(tmp_path / "b.csv", W_SECOND),
    )
    by_name = {d.name: d for d in found.departments}
    expected = Counter(("x", "y", None)[at % 3] for at in range(len(MONTH)))
    assert {name: d.sums.cases for name, d in by_name.items()} == expected
    assert sum(d.sums.from_sum for d in found.departments) == Decimal("22.5")
    assert sum(d.sums.to_sum for d in found.departments) == Decimal("22.7")
    # Weight that stays in groups, less what left, and what is new.
    assert sum(d.sums.moved for d in found.departments) == Decimal("-0.8") - 6 + 2
    assert MONTH[::3] == "abcdfhi"
    assert by_name["x"].changes == {
        Change.SAME: 3,
        Change.REGROUPED: 2,
        Change.LEFT: 1,
        Change.OUTSIDE: 1,
    }


def test_one_side_with_weights_moves_nothing(tmp_path: Path) -> None:
    found = compared(month(tmp_path / "in.csv"), weights_to=weights(tmp_path / "b.csv", W_SECOND))
    assert found.balance.known == (False, True)
    assert not found.balance.comparable
    assert found.movers(5) == []
    plain = document(found, 5)
    assert plain["weights"]["unweighed"]["from"] == []
    assert {flow["moved"] for flow in plain["flows"]} == {None}
    assert {flow["share_change"] for flow in plain["flows"]} == {None}


def test_noise_is_an_option(tmp_path: Path) -> None:
    install("noise-a", {"BA19": "ab", "BB19": "c"})
    install("noise-b", {"BA19": "a", "BB19": "bc"})
    source = month(tmp_path / "in.csv", "a" * 9 + "bc")

    def with_limits(*limits: Any) -> tuple[dict[str, Kind], dict[str, Kind]]:
        found = compared(source, "noise-a", "noise-b", thresholds=Thresholds(*limits))
        assert found.changes == {Change.SAME: 10, Change.REGROUPED: 1}
        return kinds(found, 0), kinds(found, 1)

    assert with_limits() == (
        {"BA19": Kind.SPLIT_MERGED, "BB19": Kind.MERGED},
        {"BA19": Kind.SPLIT, "BB19": Kind.SPLIT_MERGED},
    )
    # One of ten cases is noise for BA19, but half of what BB19 takes.
    assert with_limits(1, Decimal(20)) == (
        {"BA19": Kind.UNCHANGED, "BB19": Kind.MERGED},
        {"BA19": Kind.UNCHANGED, "BB19": Kind.SPLIT_MERGED},
    )
    assert with_limits(1, Decimal(10))[0]["BA19"] is Kind.SPLIT_MERGED
    assert with_limits(2) == (
        {"BA19": Kind.UNCHANGED, "BB19": Kind.MINOR},
        {"BA19": Kind.UNCHANGED, "BB19": Kind.MINOR},
    )


@pytest.mark.parametrize("size", [1, 2, 7, 65536])
@pytest.mark.parametrize("workers", [1, 3])
def test_batch_size_and_workers_do_not_matter(tmp_path: Path, size: int, workers: int) -> None:
    source = month(tmp_path / "in.csv", MONTH[::-1] + MONTH, departments="xyz ")
    tables = {
        "weights_from": weights(tmp_path / "a.csv", W_FIRST),
        "weights_to": weights(tmp_path / "b.csv", W_SECOND),
    }
    for name, rows in (("whole", 65536), ("cut", size)):
        outputs = [tmp_path / f"{name}{ending}" for ending in (".html", ".json", ".csv")]
        cases = tmp_path / f"{name}.cases.csv"
        compared(source, size=rows, workers=workers, reports=outputs, cases=cases, **tables)
    for ending in (".html", ".json", ".csv", ".cases.csv"):
        whole, cut = (tmp_path / f"{name}{ending}" for name in ("whole", "cut"))
        assert cut.read_bytes() == whole.read_bytes()


def test_the_cases_file_has_a_line_for_each_case(tmp_path: Path) -> None:
    source = month(tmp_path / "in.csv")
    tables = {"weights_from": weights(tmp_path / "a.csv", W_FIRST)}
    compared(source, cases=tmp_path / "out.csv", **tables)
    compared(source, cases=tmp_path / "out.parquet", **tables)
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["row"] for r in rows] == [str(n) for n in range(1, 22)]
    changes = {letter: row["change"] for letter, row in zip(MONTH, rows, strict=True)}
    assert changes == {
        "a": "same",
        "b": "regrouped",
        "c": "same",
        "d": "regrouped",
        "e": "regrouped",
        "f": "left",
        "g": "new",
        "h": "outside",
        "i": "same",
    }
    b = rows[MONTH.index("b")]
    assert (b["case_id"], b["from_scheme"], b["from_group"]) == ("N4", "tiny-a", "BA19")
    assert (b["to_group"], b["to_group_name"], b["to_weight"]) == ("BA29", "BA29组（新）", "")
    assert Decimal(b["from_weight"]) == 1
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [r["change"] for r in table] == [r["change"] for r in rows]


def test_the_json_and_csv_reports_hold_every_flow(tmp_path: Path) -> None:
    reports = [tmp_path / "r.json", tmp_path / "r.csv"]
    found = compared(month(tmp_path / "in.csv"), reports=reports)
    plain = json.loads(reports[0].read_text("utf-8"))
    assert sum(flow["cases"] for flow in plain["flows"]) == plain["cases"] == 21
    assert plain["from"]["schemes"][0]["cases"] == 21
    assert len(plain["from"]["schemes"][0]["content_sha256"]) == 64
    assert plain["other_names"][0] == {
        "group": "BH19",
        "from": "BH19组",
        "to": "BH19组（新）",
        "cases": 5,
    }
    with reports[1].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(found.flows)
    flow = next(r for r in rows if r["from_group"] == "BC19")
    assert flow["to_group"] == "BB19"
    assert (flow["from_kind"], flow["to_kind"], flow["cases"]) == ("merged", "merged", "1")
    left = next(r for r in rows if r["from_group"] == "BE19")
    assert (left["to_status"], left["to_kind"], left["change"]) == ("ungrouped", "", "left")
    assert left["to_reason"]


def test_the_page_says_it_in_both_languages(tmp_path: Path) -> None:
    tables = {
        "weights_from": weights(tmp_path / "a.csv", W_FIRST),
        "weights_to": weights(tmp_path / "b.csv", W_SECOND),
    }
    pages = {}
    for lang in ("zh", "en"):
        path = tmp_path / f"{lang}.html"
        compared(month(tmp_path / "in.csv"), reports=[path], lang=lang, **tables)
        pages[lang] = path.read_text("utf-8")
    assert "拆分的病组（1 个）" in pages["zh"]
    assert "合并成的病组（1 个）" in pages["zh"]
    assert "Groups that split (1)" in pages["en"]
    assert "-0.8" in pages["zh"]
    for word in ("<script", "http://", "https://", "src="):
        assert word not in pages["zh"]
    bare = tmp_path / "bare.html"
    compared(month(tmp_path / "in.csv"), reports=[bare])
    assert "没有可用的权重" in bare.read_text("utf-8")


def test_an_empty_month(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("case_id,sex,dx\n", "utf-8")
    reports = [tmp_path / f"r.{ending}" for ending in ("html", "json", "csv")]
    found = compared(source, reports=reports, cases=tmp_path / "cases.csv")
    assert found.rows == 0
    assert found.flows == []
    assert all(path.exists() for path in reports)
    assert json.loads(reports[1].read_text("utf-8"))["file_issues"] == ["FILE_EMPTY"]


def test_departments_beyond_the_limit_are_counted_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grouper.compare.tally.DEPARTMENTS", 2)
    source = month(tmp_path / "in.csv", departments="xyz")
    for size in (1, 5, 65536):
        found = compared(source, size=size)
        assert [d.name for d in found.departments] == ["x", "y"]
        assert found.further_departments == 7
    report = tmp_path / "r.html"
    compared(source, reports=[report])
    assert "7 例的科室未单列" in report.read_text("utf-8")


def test_the_binding_scheme_against_a_named_one(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    line = "1,45,{day},K80.101|I50.900,51.2300"
    days = ["2026-12-31", "2026-12-30", "2027-01-01", "", "2001-01-01"]
    rows = [line.format(day=day) for day in days]
    source.write_text("sex,age,discharge_time,dx,px\n" + "\n".join(rows) + "\n", "utf-8")
    found = compared(source, "auto", "chs-drg-3.0", reports=[tmp_path / "r.html"])
    ends = {(f.source.scheme, f.source.group, f.target.group): f.sums.cases for f in found.flows}
    assert ends[("chs-drg-2.0", "HC23", "HC43")] == 2
    assert ends[("chs-drg-3.0", "HC43", "HC43")] == 1
    # Under two schemes of one side the same cases are no merger.
    assert {g.kind for g in found.groups[0]} == {Kind.RENAMED, Kind.UNCHANGED}
    assert found.changes == {Change.REGROUPED: 2, Change.SAME: 1, Change.NEW: 2}
    reasons = {f.source.reason for f in found.flows if not f.source.grouped}
    assert reasons == {"SCHEME_DATE_MISSING", "SCHEME_UNCOVERED"}
    assert "现行方案" in (tmp_path / "r.html").read_text("utf-8")


def test_a_row_that_cannot_be_read_is_outside_on_both_sides(tmp_path: Path) -> None:
    source = month(tmp_path / "in.csv", "a")
    source.write_text(source.read_text("utf-8") + "N2,1,40,,A09.900,surplus\n", "utf-8")
    found = compared(source)
    (flow,) = (f for f in found.flows if f.change is Change.OUTSIDE)
    assert (flow.source.scheme, flow.source.status) == (None, "invalid")
    assert flow.source.reason == flow.target.reason == "ROW_RAGGED"


def test_an_interrupted_comparison_leaves_no_file(tmp_path: Path) -> None:
    source = month(tmp_path / "in.csv")

    def stop(rows: int) -> None:
        assert rows == 2
        raise KeyboardInterrupt

    with pytest.raises(GrouperError, match="RUN_INTERRUPTED") as caught:
        compared(
            source, size=2, progress=stop, cases=tmp_path / "c.csv", reports=[tmp_path / "r.html"]
        )
    assert caught.value.params["rows"] == 2
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


def test_a_failed_comparison_keeps_the_earlier_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, report = month(tmp_path / "in.csv"), tmp_path / "r.json"
    compared(source, reports=[report])
    before = report.read_bytes()

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compare_run, "write_report", broken)
    with pytest.raises(GrouperError, match="OUTPUT_FAILED"):
        compared(source, reports=[report])
    assert report.read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("report", "cases", "code"),
    [
        ("r.pdf", None, "OUTPUT_FORMAT"),
        ("r.html", "c.pdf", "OUTPUT_FORMAT"),
        ("in.csv", None, "OUTPUT_IS_INPUT"),
        ("a.csv", None, "OUTPUT_IS_INPUT"),
        ("r.csv", "r.csv", "OUTPUT_TWICE"),
        ("no/r.html", None, "OUTPUT_FOLDER"),
    ],
)
def test_outputs_that_cannot_be_are_told(
    tmp_path: Path, report: str, cases: str | None, code: str
) -> None:
    table = weights(tmp_path / "a.csv", W_FIRST)
    with pytest.raises(GrouperError, match=code):
        compared(
            month(tmp_path / "in.csv"),
            reports=[tmp_path / report],
            cases=tmp_path / cases if cases else None,
            weights_from=table,
            weight_files=[table],
        )
    assert not list(tmp_path.glob("*.part"))


def test_sides_have_to_be_known() -> None:
    with pytest.raises(GrouperError, match="SCHEME_UNKNOWN"):
        side_of("nope", "national")
    with pytest.raises(GrouperError, match="REGION_UNKNOWN"):
        side_of("auto", "atlantis")


def test_the_workbook_holds_every_flow_and_group(tmp_path: Path) -> None:
    source = month(tmp_path / "in.csv", departments="x ")
    tables = {
        "weights_from": weights(tmp_path / "a.csv", W_FIRST),
        "weights_to": weights(tmp_path / "b.csv", W_SECOND),
    }
    found = compared(source, reports=[tmp_path / "r.xlsx"], **tables)
    book = CalamineWorkbook.from_path(str(tmp_path / "r.xlsx"))
    assert book.sheet_names == ["概要", "流向", "原方案病组", "新方案病组", "科室"]
    sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    assert sheets["概要"][0][0] == "分组方案比较：tiny-a → tiny-b"
    header, *flows = sheets["流向"]
    assert len(flows) == len(found.flows)
    assert sum(row[header.index("例数")] for row in flows) == 21
    split = next(row for row in sheets["原方案病组"] if row[1] == "BA19")
    assert split[3] == "拆分"
    assert split[sheets["原方案病组"][0].index("权重变化")] == 0.2
    assert split[-1] == "BA19 3，BA29 2"
    assert [row[0] for row in sheets["科室"]] == ["科室", "x", "（未填）"]
    english = tmp_path / "e.xlsx"
    compared(source, reports=[english], lang="en")
    assert CalamineWorkbook.from_path(str(english)).sheet_names[2] == "groups, first scheme"


def test_texts_of_the_workbook_are_no_formulas(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("sex,age,department,dx\n1,40,=1+1,A09.900\n1,40,http://x,A09.900\n", "utf-8")
    compared(source, reports=[tmp_path / "r.xlsx"])
    with zipfile.ZipFile(tmp_path / "r.xlsx") as packed:
        sheets = [packed.read(n) for n in packed.namelist() if n.startswith("xl/worksheets/sheet")]
    assert not any(b"<f>" in sheet or b"<hyperlink" in sheet for sheet in sheets)
    book = CalamineWorkbook.from_path(str(tmp_path / "r.xlsx"))
    names = [row[0] for row in book.get_sheet_by_name("科室").to_python()[1:]]
    assert names == ["=1+1", "http://x"]


def test_a_name_in_the_data_cannot_become_part_of_the_page(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("sex,age,department,dx\n1,40,<b>x</b>,A09.900\n", "utf-8")
    compared(source, reports=[tmp_path / "r.html"])
    written = (tmp_path / "r.html").read_text("utf-8")
    assert "<b>x</b>" not in written
    assert "&lt;b&gt;x&lt;/b&gt;" in written
