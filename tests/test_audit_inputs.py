"""What an audit knows beside: price lists and ceilings by day, ceilings of catalogues, costs of groups."""

from __future__ import annotations

import json
import random
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import stdev
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
import workbook_builder
from audit_support import ITEMS, Line, at, book, cases, charges, rule, rules
from catalogue_support import SERVICES, own_data, put, service
from demo_hospital_support import PART, march
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from codebooks.audit.books import AuditBook
from codebooks.catalogues.catalogue import Catalogues
from codebooks.errors import GrouperError
from grouper.audit.context import GROUP_COSTS, PRICES
from grouper.audit.engine import Context, audit
from grouper.audit.group_costs import group_costs, own_stays
from grouper.audit.inputs import PriceList, listed_ceilings, over, read_prices
from grouper.audit.parameters import NEVER
from grouper.case.dates import EPOCH, LOCAL
from grouper.cli.audit_commands import add_audit
from grouper.payment.place import Terms

__all__ = ["own_data"]
CEILING = "GZ10000102001000"
MARCH = date(2025, 3, 1)


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "prices.csv"
    path.write_bytes(text.encode(encoding))
    return path


def rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(one.values()) for one in table.to_pylist()]


def faults(found: PriceList) -> list[tuple[str, int | None, str | None]]:
    return [(one.code, one.where.row, one.where.column) for one in found.faults]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_price_list_is_read(tmp_path: Path, encoding: str) -> None:
    text = (
        "某院价格表,,,,\n项目编码,最高限价,价格,有效期起,有效期止\n"
        "A1,12.50,10,2026-01-01,2026-06-30\n"
        'A1,"1,013",,2026年7月1日,\nB2,,0.5,20260201,2026/3/1\n\n'
    )
    found = read_prices(written(tmp_path, text, encoding))
    assert found.faults == ()
    assert found.ceilings.schema == PRICES
    assert rows(found.ceilings) == [
        ("A1", 1250, day("2026-01-01"), day("2026-07-01")),
        ("A1", 101_300, day("2026-07-01"), NEVER),
    ]
    assert rows(found.prices) == [
        ("A1", 1000, day("2026-01-01"), day("2026-07-01")),
        ("B2", 50, day("2026-02-01"), day("2026-03-02")),
    ]


def test_a_workbook_is_read(tmp_path: Path) -> None:
    path = tmp_path / "prices.xlsx"
    sheets = {
        "说明": [["虚构"]],
        "价格": [["虚构的价格表"], ["Item", "ceiling", "valid_to"], ["A1", 12.3, "2026-01-01"]],
        "其他": [["item", "price"], ["B2", 7]],
    }
    path.write_bytes(workbook_builder.pack(sheets))
    found = read_prices(path)
    assert rows(found.ceilings) == [("A1", 1230, -NEVER, day("2026-01-01"))]
    assert rows(found.prices) == [("B2", 700, -NEVER, NEVER)]


def test_rows_that_cannot_be_used_are_left_out_and_told(tmp_path: Path) -> None:
    text = "item,ceiling,valid_from,valid_to,备注\n" + "\n".join(
        [
            *("A1,12,,,", ",3,,,", "A2,x,,,", "A3,0,,,", "A4,1.234,,,", "A5,-1,,,", "A6,,,,x"),
            *(
                "A7,1,2026-13-01,,",
                "A8,1,2026-02-01,2026-02-01,",
                "A9,1",
                "B1,1,2026-1-5 00:00:00,,",
            ),
        ]
    )
    found = read_prices(written(tmp_path, text))
    assert [row[0] for row in rows(found.ceilings)] == ["A1", "A9", "B1"]
    number = "AUDIT_PRICE_NUMBER"
    assert faults(found) == [
        ("AUDIT_PRICE_ITEM", 3, "item"),
        *((number, row, "ceiling") for row in (4, 5, 6, 7, 8)),
        ("AUDIT_PRICE_DATE", 9, "valid_from"),
        ("AUDIT_PRICE_PERIOD", 10, "valid_to"),
    ]
    for one in found.faults:
        assert one.describe("zh")
        assert one.describe("en")


def test_two_prices_of_one_day_are_none(tmp_path: Path) -> None:
    text = "item,price,valid_from,valid_to\n" + "\n".join(
        [
            *("A1,1,2026-01-01,2026-03-01", "A1,2,2026-02-01,", "A1,3,2025-01-01,2025-02-01"),
            # Those that say the same are put together; those that follow on one another stay.
            *("B2,1,,2026-02-01", "B2,1,2026-01-01,2026-04-01", "B2,2,2026-04-01,"),
        ]
    )
    found = read_prices(written(tmp_path, text))
    assert rows(found.prices) == [
        ("A1", 300, day("2025-01-01"), day("2025-02-01")),
        ("B2", 100, -NEVER, day("2026-04-01")),
        ("B2", 200, day("2026-04-01"), NEVER),
    ]
    overlap = "AUDIT_PRICE_OVERLAP"
    assert faults(found) == [(overlap, 2, "price"), (overlap, 3, "price")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "AUDIT_PRICES"),
        (b"item,name\nA1,x\n", "AUDIT_PRICES"),
        (b"item,price,price\nA1,1,2\n", "AUDIT_PRICES"),
        (b'item,price\n"A1,1', "AUDIT_PRICES"),
        (b"\xff\xff\xff", "AUDIT_PRICES"),
    ],
)
def test_a_list_without_what_is_needed_is_refused(
    tmp_path: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "prices.csv"
    path.write_bytes(content)
    with pytest.raises(GrouperError) as caught:
        read_prices(path)
    assert caught.value.code == code
    assert caught.value.describe("en")


def test_a_broken_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prices.xlsx"
    path.write_bytes(b"PK\x03\x04 no")
    with pytest.raises(GrouperError) as caught:
        read_prices(path)
    assert caught.value.code.startswith("IMPORT_")


CELLS = st.sampled_from(
    ["item", "price", "valid_to", "A1", "1", "1.5", "2026-01-01", "", "０", "1e9", "9" * 30, "年"]
)


@given(grid=st.lists(st.lists(CELLS, max_size=5), max_size=6), headed=st.booleans())
def test_any_list_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, grid: list[list[str]], *, headed: bool
) -> None:
    lines = [["item", "price", "valid_to"]] * headed + grid
    folder = tmp_path_factory.mktemp("any")
    path = written(folder, "\n".join(",".join(line) for line in lines))
    try:
        found = read_prices(path)
    except GrouperError as error:
        assert not headed or error.code == "AUDIT_PRICES"  # noqa: PT017 -- refused or read
    else:
        assert all(price > 0 and since < until for _, price, since, until in rows(found.prices))
    shutil.rmtree(folder)


def priced(table: pa.Table | dict[str, int], made: list[Line], **more: Any) -> list[dict[str, Any]]:
    small = book({}, [one for one in rules() if one.rule == CEILING])
    found = audit(cases([{}]), charges(made), small, context=Context(ceilings=table, **more))
    return found.findings.to_pylist()


def prices(*told: tuple[str, int, str | None, str | None]) -> pa.Table:
    return pa.table(
        [
            [item for item, *_ in told],
            [price for _, price, *_ in told],
            [None if since is None else day(since) for *_, since, _ in told],
            [None if until is None else day(until) for *_, until in told],
        ],
        schema=PRICES,
    )


def test_a_line_is_held_against_the_ceiling_of_its_day() -> None:
    made = [
        *(Line("C0", n, ITEMS[0], at(n), Decimal(1), Decimal("10.00")) for n in (1, 2, 3, 4)),
        Line("C0", 5, ITEMS[0], None, Decimal(1), Decimal("10.00")),
        Line("C0", 6, ITEMS[1], at(1), Decimal(2), Decimal("20.00")),
    ]
    table = prices(
        (ITEMS[0], 1000, None, "2025-01-02"),
        (ITEMS[0], 900, "2025-01-02", "2025-01-03"),
        (ITEMS[0], 850, "2025-01-03", "2025-01-04"),
        (ITEMS[1], 1000, None, None),
    )
    one, two = priced(table, made)
    # A ceiling a finding; neither the day without one nor the line without a day is blamed.
    assert (one["lines"], two["lines"]) == ([2], [3])
    assert (one["allowed"], one["amount"]) == (Decimal(9), Decimal(1))
    assert (two["allowed"], two["evidence"][0]["value"]) == (Decimal("8.5"), "8.50")
    # Prices by item alone hold always, for lines without a day, too.
    (always,) = priced({ITEMS[0]: 900}, made)
    assert always["lines"] == [1, 2, 3, 4, 5]
    assert priced(prices((ITEMS[0], 900, None, None)), made) == [always]


def test_without_any_ceiling_the_rule_has_not_run() -> None:
    small = book({}, [one for one in rules() if one.rule == CEILING])
    for nothing in ({}, prices()):
        found = audit(
            cases([{}]), charges([Line("C0", 1)]), small, context=Context(ceilings=nothing)
        )
        assert [one.missing for one in found.not_run] == [("ceilings",)]


def test_the_full_price_of_an_operation_is_that_of_its_day() -> None:
    told = [{"item": ITEMS[n], "group": "x", "share": Decimal("0.5")} for n in (0, 1)]
    small = book({"surgery": told})
    made = [
        Line("C0", number, ITEMS[n], at(when), Decimal(1), Decimal(amount))
        for number, (n, when, amount) in enumerate(
            ((0, 1, "100.00"), (1, 1, "40.00"), (0, 2, "100.00"), (1, 2, "40.00")), 1
        )
    ]
    table = prices((ITEMS[1], 9000, None, "2025-01-02"), (ITEMS[1], 6000, "2025-01-02", None))
    (found,) = audit(
        cases([{}]), charges(made), small, context=Context(prices=table)
    ).findings.to_pylist()
    assert (found["lines"], found["allowed"]) == ([4], Decimal(30))
    assert {"key": "price_of", "value": "list"} in found["evidence"]


def test_ceilings_of_catalogues_are_taken(own_data: Path) -> None:
    ends = {"start": "2026-01-01", "end": "2026-06-30"}
    put(
        own_data,
        "services",
        [service(SERVICES[0], three="30", two="20.004", **ends), service(SERVICES[1], three="")],
    )
    listed = listed_ceilings(Catalogues(), {"II"})
    by_item = {one["item"]: one for one in listed.to_pylist()}
    assert by_item[SERVICES[0]]["price"] in {2000, 2001}
    assert by_item[SERVICES[0]]["price"] * 100 >= 200_040
    assert listed_ceilings(Catalogues(), {"III"}).num_rows == 1
    assert listed_ceilings(Catalogues(), {"I", "II", "III"})["price"].to_pylist()[0] == 3000
    assert listed_ceilings(Catalogues(), set()).num_rows == 0
    mine = prices((SERVICES[0], 1, None, None))
    both = over(mine, listed)
    assert both.num_rows == listed.num_rows
    assert both["price"].to_pylist()[0] == 1


class Listed:
    """Catalogues that say what a test says."""

    def __init__(self, told: list[tuple[str, str | None, str, int, int]]) -> None:
        names = ("item", "level", "price", "since", "until")
        self.rows = pa.table(
            [list(column) for column in zip(*told, strict=True)], names=list(names)
        ).cast(
            pa.schema(
                [
                    *(("item", pa.string()), ("level", pa.string())),
                    ("price", pa.decimal128(18, 4)),
                    *(("since", pa.int32()), ("until", pa.int32())),
                ]
            )
        )

    def ceilings(self) -> pa.Table:
        return self.rows


def test_the_greatest_ceiling_of_a_day_holds() -> None:
    chance = random.Random(1)  # noqa: S311 -- a test
    for _ in range(50):
        told = []
        for _ in range(chance.randrange(1, 6)):
            since = chance.randrange(0, 8)
            price = f"{chance.randrange(1, 4)}.0{chance.randrange(0, 9)}01"
            told.append(("A", None, Decimal(price), since, since + chance.randrange(1, 5)))
        found = rows(listed_ceilings(Listed(told), set()))  # type: ignore[arg-type]  # says what a test says
        for on in range(14):
            own = [price for _, _, price, since, until in told if since <= on < until]
            said = [price for _, price, since, until in found if since <= on < until]
            # The next fen above.
            assert said == ([int(max(own) * 100) + 1] if own else [])


def stays(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Stays of pneumonia of the demonstration region, with costs and days that differ."""
    begin = datetime(2025, 1, 3, 9, tzinfo=LOCAL)
    return [
        {
            "case_id": f"H{n}",
            "region": "demo",
            "dx": ["J18.900"],
            "admission_time": begin,
            "discharge_time": begin + timedelta(days=2 + n % 10),
            "total_cost": Decimal(1000 + 10 * n) / 3,
        }
        | changes
        for n in range(count)
    ]


def table_of(made: list[dict[str, Any]]) -> pa.Table:
    for one in made:
        one["total_cost"] = one["total_cost"] and one["total_cost"].quantize(Decimal("0.01"))
    return cases(made)


def test_the_reference_of_a_group_is_reckoned() -> None:
    own = table_of(stays(40))
    asked = table_of(stays(2, case_id="X") + stays(1, case_id="O", kind="outpatient"))
    (first, second) = group_costs(asked, own, MARCH).to_pylist()
    assert first == second
    costs = [one * 100 for one in own["total_cost"].to_pylist()]
    assert (first["case_id"], first["count"]) == ("X", 40)
    assert first["deviation"] == int(stdev(costs))
    # Four of forty stays last two days.
    assert first["days_p10"] == 2
    # The mean is that of the scheme that binds the region.
    assert first["mean_of"] == "book"
    # Without enough stays only the published mean is known, without that one nothing.
    (few,) = group_costs(asked.slice(0, 1), own.slice(0, 29), MARCH).to_pylist()
    assert few == first | {"count": None, "deviation": None, "days_p10": None}


def test_the_mean_is_that_of_the_policy_before_the_book_before_ones_own() -> None:
    own = table_of(stays(30))
    one = table_of(stays(1, case_id="X"))
    named = {"scheme": "chs-drg-2.0"}
    (policy,) = group_costs(one, own, MARCH, **named).to_pylist()
    assert policy["mean_of"] == "policy"
    elsewhere = table_of(stays(1, case_id="X", region=None))
    (mine,) = group_costs(elsewhere, own, MARCH, region="national", **named).to_pylist()
    costs = [100 * cost for cost in own["total_cost"].to_pylist()]
    assert mine["mean_of"] == "own"
    assert mine["mean"] == round(sum(costs) / 30)
    assert mine["group"] == policy["group"]
    assert not group_costs(elsewhere, None, MARCH, region="national", **named).num_rows
    assert group_costs(cases([]), own, MARCH, terms=Terms()).schema == GROUP_COSTS
    # A day before any policy.
    early = group_costs(one, own, date(1999, 1, 1), **named).to_pylist()
    assert [row["mean_of"] for row in early] == ["own"]


def test_own_stays_are_those_of_the_months_before(tmp_path: Path) -> None:
    (tmp_path / "inpatient").mkdir()
    for month, inside in (("2024-02", 1), ("2024-03", 2), ("2025-02", 4), ("2025-03", 8)):
        when = datetime.fromisoformat(f"{month}-10").replace(tzinfo=UTC)
        made = [{"case_id": f"{month}/{n}", "discharge_time": when} for n in range(inside)]
        pq.write_table(cases(made), tmp_path / "inpatient" / f"{month}.parquet")
    (tmp_path / "inpatient" / "other.parquet").write_bytes(b"no")
    found = own_stays([tmp_path, tmp_path / "inpatient" / "2025-02.parquet"], MARCH)
    assert sorted({one[:7] for one in found["case_id"].to_pylist()}) == ["2024-03", "2025-02"]
    assert not own_stays([tmp_path / "none.parquet"], MARCH).num_rows


def cost_book() -> AuditBook:
    told = [
        {"rule": "LOC-COST", "parameter": name, "value": Decimal(2), "unit": "times"}
        for name in ("deviations", "times_mean")
    ]
    return book({"behaviour": told}, [rule("LOC-COST", "suspect")])


def test_a_cost_is_not_judged_without_a_deviation() -> None:
    made = cases([{"total_cost": Decimal(1000)}])
    known = {"case_id": "C0", "group": "G", "mean": 10_000, "deviation": 5000, "mean_of": "own"}
    for deviation, wanted in ((5000, 1), (None, 0)):
        costs = pa.Table.from_pylist([known | {"deviation": deviation}], schema=GROUP_COSTS)
        found = audit(
            made, None, cost_book(), context=Context(group_costs=costs, shadow=True)
        ).findings
        assert found.num_rows == wanted
    told = {
        one["key"]: one["value"]
        for one in audit(
            made,
            None,
            cost_book(),
            context=Context(
                group_costs=pa.Table.from_pylist([known], schema=GROUP_COSTS), shadow=True
            ),
        )
        .findings["evidence"]
        .to_pylist()[0]
    }
    assert told == {"group": "G", "mean": "100.00", "mean_of": "own"}


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hospital")
    made = march(PART)
    for kind in ("inpatient", "outpatient", "charges"):
        (root / kind).mkdir()
        pq.write_table(getattr(made, kind), root / kind / "2025-03.parquet")
    return root


def run(*words: object) -> str:
    app = typer.Typer()
    app.callback()(lambda: None)
    add_audit(app, ["audit"])
    answer = CliRunner().invoke(app, ["audit", *map(str, words)])
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.output


def test_the_command_takes_prices_and_costs(
    hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "data"))
    item = pq.read_table(hospital / "charges" / "2025-03.parquet")["line_item"][0].as_py()
    lines = ["A1,x"] * 25
    path = written(tmp_path, "\n".join(["item,ceiling", f"{item},0.01", *lines]))
    asked = ("2025-03", hospital, "--rule", CEILING, "--prices", path)
    told = run(*asked)
    assert "价格表 prices.csv：最高限价 1 个、全价 0 个" in told
    assert "未用的行 25 条" in told
    assert "另有 5 条" in told
    assert "最高单价 0.01 元" in told
    # Costs of groups are reckoned for the rules that ask them alone.
    assert "组均费用：" not in told
    costs = run("2025-03", hospital, "--rule", "LOC-COST", "--rule", "LOC-UNDER", "--lang", "en")
    assert "Costs of groups: known for" in costs
    assert "the means of the scheme itself" in costs
    document = json.loads(run(*asked, "--format", "json"))
    assert document["inputs"][0].startswith("价格表 prices.csv")
    assert document["findings"]


def test_the_command_takes_ceilings_of_catalogues(hospital: Path, own_data: Path) -> None:
    item = pq.read_table(hospital / "charges" / "2025-03.parquet")["line_item"][0].as_py()
    assert item
    put(own_data, "services", [service(SERVICES[0])])
    told = run("2025-03", hospital, "--rule", CEILING)
    assert "最高限价取自已导入的目录：1 个" in told
