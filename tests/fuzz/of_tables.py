"""Files of cases, charges and money: what hospitals export and what bureaus and insurers send."""

from __future__ import annotations

import csv
import io
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from insurer_lists_support import HEADER as INSURER
from parquets import packed, parquet
from settlement_support import case as priced_case
from settlement_support import table as priced_table
from test_hqms_front_page import front_page
from test_hqms_front_page import written as front_pages
from workbooks import workbook
from written import written

from codebooks.errors import GrouperError
from codebooks.policies.policies import policies
from grouper.audit.charges import blocks_of, lines_at
from grouper.audit.fund.credit_scheme import read_schemes
from grouper.audit.fund.credit_values import read_values
from grouper.audit.fund.outlook import read_outlook
from grouper.audit.inputs import read_prices
from grouper.audit.insurer.columns import read_columns, shipped
from grouper.audit.insurer.reading import read_list
from grouper.audit.lines import Vocabulary, Words
from grouper.audit.review.evidence import check as check_evidence
from grouper.audit.review.tables import read_limits
from grouper.case.readers import open_source
from grouper.cli.indices import _charges as index_charges
from grouper.compare.weights import read_weights
from grouper.intake.forms import form
from grouper.payment.settlement.adjust import BOOK_SCHEMA, read_book
from grouper.payment.settlement.bureau import read_bureau
from grouper.payment.settlement.changes import read_growth, read_point, read_share, read_value
from grouper.payment.settlement.deductions import read_entries
from grouper.payment.settlement.fund import read_fund
from grouper.payment.settlement.month import read_month
from grouper.payment.settlement.priced import Priced
from grouper.payment.settlement.reading import read_priced

if TYPE_CHECKING:
    from collections.abc import Callable

    from draw import Draw

_CASES = [
    *("case_id", "sex", "age", "age_days", "birth_weight", "admission_time", "discharge_time"),
    *("dx", "px", "total_cost", "ventilator_hours", "line_amount", "line_quantity", "line_time"),
]
_ROW = [
    *("N1", "男", "45岁", "", "3200g", "2026-12-30 08:00", "2027-01-05T10:00:00+08:00"),
    *("K80.101|I10.x00", "51.2300", "￥12,345.60", "0/5/30", "1.5|2", "1|2", "2027-01-01|20270102"),
]


def case_csv(draw: Draw) -> None:
    """Cases as delimited text."""
    _cases(draw.csv([[_CASES, _ROW, _ROW]]), "cases.csv")


def case_front_page(draw: Draw) -> None:
    """Cases as the national front page (HQMS)."""
    _cases(draw.csv(_front_pages()), "cases.csv")


@cache
def _front_pages() -> list[list[list[Any]]]:
    record = {
        "sex": 1,
        "age": 45,
        "age_days": None,
        "weight_g": None,
        "dept": "03",
        "los": 6,
        "discharge": "1",
        "icu_hours": 25,
        "dx": ["K80.101", "I10.x00"],
        "px": ["51.2300"],
    }
    text = front_pages([front_page(record, 1)])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    # Most of the 811 columns are empty: those that are not, and a few of the others.
    kept = [at for at, cell in enumerate(rows[1]) if cell or at % 40 == 0]
    return [[[row[at] for at in kept] for row in rows]]


@cache
def _objects() -> list[dict[str, Any]]:
    return [
        {
            "case_id": "N1",
            "sex": 1,
            "age": 45,
            "discharge_time": "2027-01-05",
            "dx": ["K80.101", {"code": "I10.x00", "poa": "1"}],
            "px": [{"code": "51.2300", "date": "2027-01-02"}],
            "total_cost": 12345.6,
            "lines": [{"item": "A", "amount": 1.5, "quantity": 1}],
        }
    ]


def case_json(draw: Draw) -> None:
    """Cases as JSON Lines."""
    lines = [draw.json(_objects()) for _ in range(draw.number(2) + 1)]
    _cases(b"\n".join(lines), "cases.jsonl")


@cache
def _case_table() -> bytes:
    columns: dict[str, Any] = {
        "case_id": ["N1", "N2"],
        "sex": [1, 2],
        "age": [45, 0],
        "discharge_time": ["2027-01-05", "2027-01-06"],
        "dx": [["K80.101"], ["P07.1"]],
        "px": [["51.2300"], []],
        "total_cost": [1.5, 2.5],
    }
    return packed(pa.table(columns))


def case_parquet(draw: Draw) -> None:
    """Cases as Parquet."""
    _cases(parquet(draw, _case_table()), "cases.parquet")


def _cases(content: bytes, name: str) -> None:
    with written(content, name) as path:
        for batch in open_source(path).batches():
            batch.cases.validate(full=True)
            batch.issues.to_pylist()


def table_form(draw: Draw) -> None:
    """A file of cases as a message."""
    kind = draw.number(3)
    if kind == 0:
        raw = draw.csv([[_CASES, _ROW]])
    else:
        raw = draw.json(_objects()) if kind == 1 else parquet(draw, _case_table())
    known = form("table")
    envelope = known.envelope(raw)
    for event in known.events(raw):
        json.dumps([dict(event.facts), dict(event.extra), dict(event.person)], default=str)
    if not envelope.raw == raw:
        raise AssertionError


_BUREAU = [
    ["结算ID", "病例编号", "分组编码", "病例点数", "统筹基金支付", "扣款金额", "备注", "月结算额"],
    ["S1", "CASE1", "K35.8:47.01", "1000", "5000.00", "10.5", "", "5000"],
    ["合计", "", "", "", "5000.00", "", "", "5000"],
]


def bureau_file(draw: Draw) -> None:
    """A bureau's statement (xlsx, CSV)."""
    comma = draw.number(2)
    content = draw.csv([_BUREAU]) if comma else workbook(draw, {"清单": _BUREAU})
    with written(content, "b.csv" if comma else "b.xlsx") as path:
        found = read_bureau(path)
        for name in ("fund", "amount"):
            found.total(name)


@cache
def _book() -> pa.Table:
    row = dict.fromkeys(BOOK_SCHEMA.names)
    for field in BOOK_SCHEMA:
        row[field.name] = "x" if pa.types.is_string(field.type) else 1
    return pa.Table.from_pylist([row], BOOK_SCHEMA)


def adjustment_file(draw: Draw) -> None:
    """A book of adjustments (CSV, xlsx, Parquet)."""
    kind = draw.number(3)
    rows = [BOOK_SCHEMA.names, [str(value) for value in _book().to_pylist()[0].values()]]
    content, name = (
        (lambda: (draw.csv([rows]), "a.csv")),
        (lambda: (workbook(draw, {"a": rows}), "a.xlsx")),
        (lambda: (parquet(draw, packed(_book())), "a.parquet")),
    )[kind]()
    with written(content, name) as path:
        read_book(path)


@cache
def _priced() -> bytes:
    return packed(priced_table(priced_case(1), priced_case(2)))


def priced_file(draw: Draw) -> None:
    """Priced cases (Parquet, CSV), and the charge lines of the indices (Parquet)."""
    if draw.number(4) == 0:
        with written(parquet(draw, _charges()), "c.parquet") as path:
            index_charges([path, path])
        return
    comma = draw.number(2)
    rows = [
        ["case_id", "kind", "discharge_time", "pay_status", "method", "amount", "fund"],
        ["C1", "inpatient", "2026-11-15T10:00:00.000+08:00", "priced", "dip_score", "1.5", "1"],
    ]
    content = draw.csv([rows]) if comma else parquet(draw, _priced())
    with written(content, "p.csv" if comma else "p.parquet") as path:
        table = read_priced([path], region="demo", whole=not comma)
        _ = Priced.of(table, _policy()).sums


@cache
def _policy() -> Any:
    from datetime import date  # noqa: PLC0415 -- for this alone

    return policies().on("demo", date(2026, 11, 30))


def money_tables(draw: Draw) -> None:
    """Deductions, advances and the fund's months (CSV)."""
    if draw.number(2):
        rows = [["month", "amount", "method", "insurance"], ["2026-11", "1.5", "", "employee"]]
        with written(draw.csv([rows]), "d.csv") as path:
            read_entries(path)
        return
    rows = [["month", "insurance", "spending", "balance"], ["2026-11", "employee", "1", "2"]]
    with written(draw.csv([rows]), "f.csv") as path:
        read_fund(path)


_WORDS = ("5%", "0.05", "department:骨科=5%", "dip_score:resident=5.2", "92", "2026-11")
_WORDS += ("demo.rate=1.5", "fund.prepaid_share=0.9", "a=b")


def selectors(draw: Draw) -> None:
    """What is written behind options of commands: shares, growth, point values, months."""
    word = draw.document([one.encode() for one in _WORDS]).decode("utf-8", "surrogateescape")
    for read in (read_share, read_growth, read_point, read_value, read_month):
        try:
            read(word)
        except GrouperError as error:
            error.describe("en")


def insurer_list(draw: Draw) -> None:
    """An insurer's list of findings (xlsx, CSV)."""
    comma = draw.number(2)
    cells = [
        "S1",
        "V1",
        "P1",
        "某某",
        "R1",
        "规则",
        "A01",
        "2026-11-05",
        "1",
        "12.5",
        "内容",
        "2026-12-01",
    ]
    rows = [["标题"], INSURER.split(","), cells, ["合计", *[""] * 8, "12.5"]]
    content = draw.csv([rows]) if comma else workbook(draw, {"明细": rows})
    with written(content, "l.csv" if comma else "l.xlsx") as path:
        read_list(path, shipped())


_OWN_COLUMNS = b"""source = "x"
[columns.case]
names = ["a", "b"]
[level.words]
verify = ["c"]
[limits]
rows = 5
"""


def insurer_columns(draw: Draw) -> None:
    """A hospital's own names of columns (TOML)."""
    with written(draw.document([_OWN_COLUMNS]), "insurer_columns.toml") as path:
        read_columns(path).known("case")


def price_list(draw: Draw) -> None:
    """A price list (xlsx, CSV)."""
    comma = draw.number(2)
    rows = [
        ["item", "最高限价", "价格", "生效日期", "失效日期", "截止日期"],
        ["A01", "12.30", "10", "2026-01-01", "2026-12-31", ""],
        ["A01", "13", "", "2027年1月1日", "", "20271231"],
    ]
    content = draw.csv([rows]) if comma else workbook(draw, {"价格": rows})
    with written(content, "p.csv" if comma else "p.xlsx") as path:
        for fault in read_prices(path).faults:
            fault.describe("en")


def weight_file(draw: Draw) -> None:
    """Weights of groups for a comparison (CSV)."""
    rows = [["group", "weight", "scheme"], ["AA19", "18.2858", "chs-drg-3.0"], ["AB19", "1", ""]]
    with written(draw.csv([rows]), "w.csv") as path:
        read_weights(path)


@cache
def _charges() -> bytes:
    columns: dict[str, Any] = {
        "case_id": ["N1", "N1", "N2"],
        "line_no": [1, 2, 1],
        "line_item": ["A", "B", "A"],
        "line_name": ["甲", "乙", "甲"],
        "line_class": ["1", "2", "1"],
        "line_scope": ["A", "B", None],
        "line_department": ["D", "D", "D"],
        "line_physician": ["P", "P", "P"],
        "line_quantity": [1.0, 2.0, 1.0],
        "line_amount": [1.5, 2.5, -1.5],
        "line_time": pa.array([0, 1, 2], pa.timestamp("ms", "Asia/Shanghai")),
    }
    return packed(pa.table(columns))


def charge_file(draw: Draw) -> None:
    """Charge lines (Parquet)."""
    with written(parquet(draw, _charges()), "charges.parquet") as path:
        words = Vocabulary(Words(), Words(), Words())
        for block in blocks_of([path]):
            owners = _owners(block.names())
            block.lines(owners, words, owners)
        lines_at([path], pa.array(["N1"]))


def _owners(names: pa.DictionaryArray) -> Any:
    import numpy as np  # noqa: PLC0415 -- for this alone

    return np.zeros(len(names), np.int32)


_CREDIT = [["month", "input", "part", "whole", "source"], ["2026-11", "violations", "1", "2", "x"]]


def credit_files(draw: Draw) -> None:
    """Values and an own scheme of the hospital's credit (CSV, TOML), an outlook (JSON)."""
    kind = draw.number(3)
    if kind == 0:
        with written(draw.csv([_CREDIT]), "c.csv") as path:
            read_values(path, "2026-11")
    elif kind == 1:
        text = draw.document([_resource("fund", "credit.toml")]).decode("utf-8", "replace")
        list(read_schemes(text, "credit.toml", own=True))
    else:
        figure = {"expected": "1.5", "intervals": [{"level": "0.9", "low": "1", "high": "2"}]}
        period = {"name": "2026", "whole": {"points_amount": figure, "amount": figure}}
        told = {"region": "demo", "as_of": "2026-11-30", "periods": [period]}
        with written(draw.json([told]), "o.json") as path:
            read_outlook(path, 2026)


def review_limits(draw: Draw) -> None:
    """A hospital's own limits of the review (TOML)."""
    text = draw.document([_resource("review", "limits.toml")]).decode("utf-8", "replace")
    read_limits(_resource("review", "limits.toml").decode(), text)


@cache
def _resource(part: str, name: str) -> bytes:
    lies = files(f"grouper.audit.{part}") / "data"
    found = lies / name
    if not found.is_file():
        found = next(one for one in lies.iterdir() if one.name.endswith(".toml"))
    return found.read_bytes()


def evidence_file(draw: Draw) -> None:
    """A file that is put beside a finding."""
    name = draw.of(("a.pdf", "a.docx", "a.png", "a.txt", "a", "../a.pdf", "a.xlsx"))
    content = (
        workbook(draw, {"a": [["x"]]})
        if draw.number(2)
        else draw.document([b"%PDF-1.7\n", "甲".encode()])
    )
    check_evidence(name if draw.number(2) else draw.text(), content)


SEEDS: dict[str, Callable[[], list[bytes]]] = {}
