"""Policy files: exact values, and every fault refused with its file, row and key."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from policy_support import given, one, probe, put, rate  # noqa: F401 -- a fixture

from codebooks.errors import CodebookError
from codebooks.policies.reading import read_file

pytestmark = pytest.mark.usefixtures("probe")


def refused(root: Path, text: str) -> CodebookError:
    with pytest.raises(CodebookError) as caught:
        given(root, text)
    return caught.value


@pytest.mark.parametrize(
    ("parameter", "written", "value"),
    [
        ("share", "0.10", Decimal("0.10")),
        ("share", "1", Decimal(1)),
        ("places", "-2", -2),
        ("places", "4.0", 4),
        ("listed", "true", True),
        ("listed", "False", False),
        ("rounding", "down", "down"),
        ("words", '" 空 格 "', "空 格"),
        ("words", "no", "no"),
        ("since", "2023-02-28", date(2023, 2, 28)),
        ("kinds", "[inpatient, outpatient]", ("inpatient", "outpatient")),
        ("kinds", "[]", ()),
        ("share", "null", None),
        ("share", "~", None),
        ("hospital_level", "{H1: III, '*': I}", {"H1": "III", "*": "I"}),
        ("hospital_level", "II", "II"),
    ],
)
def test_values_are_read_by_their_kind(
    tmp_path: Path, parameter: str, written: str, value: Any
) -> None:
    (found,) = given(tmp_path, one(parameter, written))
    assert found.value == value
    assert type(found.value) is type(value)
    assert found.path == f"probe.{parameter}"
    assert found.region == "harbin"
    assert found.note == "注"


def test_money_is_exact_and_keeps_its_places(tmp_path: Path) -> None:
    written = "{employee: {I: 12252.70, '*': 0.1}, resident: 123456789012345678.0123456789}"
    (found,) = given(tmp_path, one("rate", written, "CNY/weight"))
    told = dict(found.by_keys())
    assert str(told["employee", "I"]) == "12252.70"
    assert told["employee", "*"] * 3 == Decimal("0.3")
    assert str(told["resident",]) == "123456789012345678.0123456789"


def test_sources_notes_and_marks_are_kept(tmp_path: Path) -> None:
    text = (
        "topic: probe\nsource: 总文件\nnote: 全文件的说明\nparameters:\n  share:\n    note: 参数的说明\n    values:\n"
        "      - {from: 2023-01-01, to: 2024-01-01, value: 0.5}\n"
        "      - {from: 2024-01-01, value: 0.6, source: 后文件, note: 取值的说明, assumption: true}\n"
    )
    first, second = given(tmp_path, text)
    assert (first.source, first.note, first.assumption) == ("总文件", "参数的说明", False)
    assert (second.source, second.note, second.assumption) == ("后文件", "取值的说明", True)
    assert first.about == second.about == "全文件的说明"
    assert (first.valid_to, second.valid_to) == (date(2024, 1, 1), None)
    assert first.covers(date(2023, 12, 31))
    assert not first.covers(date(2024, 1, 1))
    assert (second.where.file, second.where.row) == ("harbin/probe.yaml", 9)


def test_tables_in_the_file_and_beside_it_say_the_same(tmp_path: Path) -> None:
    rows = (
        "[{group: AA19, weight: 1.50, kinds: [inpatient, outpatient]}, "
        "{group: AB19, weight: 2, kinds: inpatient, since: 2024-02-29}, "
        "{group: AC19, weight: 3, kinds: null}]"
    )
    (inside,) = given(tmp_path, one("weights", rows))
    table = "weight,group,since,kinds\n1.50,AA19,,inpatient|outpatient\n\n2,AB19,2024-02-29,inpatient\n3,AC19,,\n"
    (tmp_path / "harbin" / "w.csv").write_bytes(table.encode("gb18030"))
    (beside,) = given(tmp_path, one("weights", "{file: w.csv}"))
    assert inside.value == beside.value
    assert inside.value[0]["since"] is None
    assert inside.value[1]["since"] == date(2024, 2, 29)
    (by_insurance,) = given(tmp_path, one("weights", "{employee: {file: w.csv}}"))
    assert by_insurance.value == {"employee": inside.value}


FAULTS = [
    # the text, the code, the row, the key
    ("", "POLICY_MAPPING", 1, None),
    ("- a\n", "POLICY_MAPPING", 1, None),
    ("topic: [probe\n", "POLICY_YAML", 2, None),
    ("topic: probe\n---\nsource: x\n", "POLICY_YAML", 2, None),
    ("topic: &a probe\nparameters: {}\n", "POLICY_YAML", 1, None),
    ("topic: probe\nparameters: *a\n", "POLICY_YAML", 2, None),
    ("topic: !!str probe\nparameters: {}\n", "POLICY_YAML", 1, None),
    ("topic: probe\nparameters:\n  share: " + "[" * 60 + "]" * 60 + "\n", "POLICY_YAML", 3, None),
    ("topic: probe\nparameters: \x07\n", "POLICY_YAML", None, None),
    ("topic: probe\ntopic: probe\nparameters: {}\n", "POLICY_KEY_TWICE", 2, "topic"),
    ("topic: probe\n", "POLICY_KEY_MISSING", 1, None),
    ("topic: probe\nparameters: {}\nregion: x\n", "POLICY_KEY_UNKNOWN", 3, "region"),
    ("topic: other\nparameters: {}\n", "POLICY_TOPIC", 1, "topic"),
    ("topic: assignment\nparameters: {}\n", "POLICY_TOPIC", 1, "topic"),
    ("topic:\nparameters: {}\n", "POLICY_TEXT", 1, "topic"),
    ("topic: {a: b}\nparameters: {}\n", "POLICY_TEXT", 1, "topic"),
    ("topic: probe\nparameters: []\n", "POLICY_MAPPING", 2, "parameters"),
    ("topic: probe\nparameters:\n  rates: {}\n", "POLICY_KEY_UNKNOWN", 3, "parameters.rates"),
    ("topic: probe\nparameters:\n  share: 1\n", "POLICY_MAPPING", 3, "parameters.share"),
    ("topic: probe\nparameters:\n  share: {}\n", "POLICY_KEY_MISSING", 3, "parameters.share"),
    ("topic: probe\nparameters:\n  ? [a]\n  : 1\n", "POLICY_TEXT", 3, "parameters"),
    ("topic: probe\nparameters:\n  ' share': 1\n", "POLICY_TEXT", 3, "parameters"),
    ("? {a: 1}\n: 1\n", "POLICY_TEXT", 1, None),
    (
        "topic: probe\nparameters:\n  share: {values: []}\n",
        "POLICY_KEY_MISSING",
        3,
        "parameters.share.values",
    ),
    (
        "topic: probe\nparameters:\n  share: {values: 1}\n",
        "POLICY_LIST",
        3,
        "parameters.share.values",
    ),
    (
        "topic: probe\nparameters:\n  share:\n    values:\n      - {from: 2024-01-01, value: 1}\n",
        "POLICY_KEY_MISSING",
        5,
        "parameters.share.values[0]",
    ),
]


@pytest.mark.parametrize(("text", "code", "row", "key"), FAULTS)
def test_what_is_no_policy_file_is_refused(
    tmp_path: Path, text: str, code: str, row: int | None, key: str | None
) -> None:
    error = refused(tmp_path, text)
    assert (error.code, error.where.file) == (code, "harbin/probe.yaml")
    assert (error.where.row, error.where.column) == (row, key)


VALUES = [
    ("share", "85", "POLICY_BOUNDS", "value"),
    ("share", "-0.1", "POLICY_BOUNDS", "value"),
    ("share", "85%", "POLICY_NUMBER", "value"),
    ("share", "1e-1", "POLICY_NUMBER", "value"),
    ("share", ".5", "POLICY_NUMBER", "value"),
    ("share", "0.12345678901", "POLICY_NUMBER", "value"),
    ("share", ".inf", "POLICY_NUMBER", "value"),
    ("share", ".nan", "POLICY_NUMBER", "value"),
    ("share", "一", "POLICY_NUMBER", "value"),
    ("share", "'１'", "POLICY_NUMBER", "value"),
    ("share", "''", "POLICY_TEXT", "value"),
    ("share", "[1]", "POLICY_TEXT", "value"),
    ("share", "{employee: 1}", "POLICY_TEXT", "value"),
    ("places", "1.5", "POLICY_WHOLE", "value"),
    ("places", "5", "POLICY_BOUNDS", "value"),
    ("listed", "yes", "POLICY_FLAG", "value"),
    ("rounding", "up", "POLICY_CHOICE", "value"),
    ("since", "20240101", "POLICY_DAY", "value"),
    ("since", "2023-02-29", "POLICY_DAY", "value"),
    ("kinds", "inpatient", "POLICY_LIST", "value"),
    ("kinds", "[inpatient, day]", "POLICY_CHOICE", "value[1]"),
    ("kinds", "[null]", "POLICY_TEXT", "value[0]"),
    ("hospital_level", "{}", "POLICY_KEY_MISSING", "value"),
    ("hospital_level", "{H1: IV}", "POLICY_CHOICE", "value.H1"),
    ("weights", "{insured: {file: w.csv}}", "POLICY_KEY_UNKNOWN", "value.insured"),
    ("weights", "1", "POLICY_LIST", "value"),
    ("weights", "[1]", "POLICY_MAPPING", "value[0]"),
    ("weights", "[{group: A}]", "POLICY_KEY_MISSING", "value[0]"),
    ("weights", "[{group: A, weight: null}]", "POLICY_KEY_MISSING", "value[0]"),
    ("weights", "[{group: A, weight: 1, cost: 1}]", "POLICY_KEY_UNKNOWN", "value[0].cost"),
    ("weights", "[{group: A, weight: -1}]", "POLICY_BOUNDS", "value[0].weight"),
    ("weights", "[{group: A, weight: 1, kinds: []}]", "POLICY_KEY_MISSING", "value[0]"),
    ("weights", "[{group: A, weight: 1, kinds: day}]", "POLICY_CHOICE", "value[0].kinds"),
    ("weights", "[{group: A, weight: 1}, {group: A, weight: 2}]", "POLICY_ROW_TWICE", "value[1]"),
    ("weights", "{file: ../w.csv}", "POLICY_TABLE_FILE", "value.file"),
    ("weights", "{file: .w.csv}", "POLICY_TABLE_FILE", "value.file"),
    ("weights", "{file: w.xlsx}", "POLICY_TABLE_FILE", "value.file"),
    ("weights", "{file: [w.csv]}", "POLICY_TEXT", "value.file"),
]


@pytest.mark.parametrize(("parameter", "written", "code", "key"), VALUES)
def test_a_value_that_is_none_is_refused_where_it_stands(
    tmp_path: Path, parameter: str, written: str, code: str, key: str
) -> None:
    error = refused(tmp_path, one(parameter, written))
    where = (error.where.file, error.where.row, error.where.column)
    assert error.code == code
    assert where == ("harbin/probe.yaml", 7, f"parameters.{parameter}.values[0].{key}")


@pytest.mark.parametrize(
    ("written", "code", "key"),
    [
        ("{employe: 1}", "POLICY_KEY_UNKNOWN", "employe"),
        ("{employee: {IV: 1}}", "POLICY_KEY_UNKNOWN", "employee.IV"),
        ("{employee: {I: {H: 1}}}", "POLICY_TEXT", "employee.I"),
        ("{employee: -1}", "POLICY_BOUNDS", "employee"),
        ("{employee: null}", "POLICY_TEXT", "employee"),
        ("{employee: 1, employee: 2}", "POLICY_KEY_TWICE", "employee"),
    ],
)
def test_keys_of_dimensions_are_known_ones(
    tmp_path: Path, written: str, code: str, key: str
) -> None:
    error = refused(tmp_path, one("rate", written, "CNY/weight"))
    assert error.code == code
    assert error.where.column == f"parameters.rate.values[0].value.{key}"


@pytest.mark.parametrize(
    ("table", "code", "row", "column"),
    [
        (None, "TABLE_FILE", None, None),
        ("", "TABLE_COLUMN_MISSING", 1, None),
        ("group,weight\n", "POLICY_TABLE_EMPTY", None, None),
        ("group\nA\n", "TABLE_COLUMN_MISSING", 1, None),
        ("group,weight,cost\nA,1,1\n", "TABLE_COLUMN_UNKNOWN", 1, "cost"),
        ("group,weight,group\nA,1,B\n", "TABLE_COLUMN_TWICE", 1, "group"),
        ("group,weight\nA,1\nB,1,1\n", "TABLE_ROW_WIDTH", 3, None),
        ("group,weight\nA,1\nB,\n", "POLICY_KEY_MISSING", 3, "weight"),
        ("group,weight\nA,1\nB,eins\n", "POLICY_NUMBER", 3, "weight"),
        ("group,weight,kinds\nA,1,|\n", "POLICY_KEY_MISSING", 2, "kinds"),
        ("group,weight,kinds\nA,1,inpatient|day\n", "POLICY_CHOICE", 2, "kinds"),
        ("group,weight,since\nA,1,2024\n", "POLICY_DAY", 2, "since"),
        ("group,weight\nA,1\nB,1\nA,2\n", "POLICY_ROW_TWICE", 4, None),
        ('group,weight\n"A,1\n', "TABLE_CSV", 2, None),
    ],
)
def test_a_table_beside_the_file_is_refused_with_its_row(
    tmp_path: Path, table: str | None, code: str, row: int | None, column: str | None
) -> None:
    if table is not None:
        put(tmp_path, "harbin/w.csv", table)
    error = refused(tmp_path, one("weights", "{file: w.csv}"))
    assert error.code == code
    assert (error.where.file, error.where.row) == ("harbin/w.csv", row)
    assert error.where.column == column


def test_a_row_that_stands_twice_names_the_first(tmp_path: Path) -> None:
    put(tmp_path, "harbin/w.csv", "group,weight\nA,1\nB,1\nA,2\n")
    error = refused(tmp_path, one("weights", "{file: w.csv}"))
    assert error.params == {"key": "A", "first": 2}


@pytest.mark.parametrize(
    ("values", "code", "place"),
    [
        (["from: 2024-01-01, to: 2024-01-01, value: 1"], "POLICY_PERIOD", 0),
        (["from: 2024-01-01, to: 2023-01-01, value: 1"], "POLICY_PERIOD", 0),
        (["from: 2024-01-01, value: 1", "from: 2025-01-01, value: 2"], "POLICY_OVERLAP", 1),
        (
            ["from: 2024-01-01, to: 2025-01-02, value: 1", "from: 2025-01-01, value: 2"],
            "POLICY_OVERLAP",
            1,
        ),
        (
            ["from: 2025-01-01, to: 2026-01-01, value: 1", "from: 2024-01-01, value: 2"],
            "POLICY_OVERLAP",
            1,
        ),
        (
            ["from: 2024-01-01, to: 2024-12-31, value: 1", "from: 2025-01-01, value: 2"],
            "POLICY_GAP",
            1,
        ),
        (
            ["from: 2024-01-01, to: null, value: 1", "from: 2024-01-01, value: 2"],
            "POLICY_OVERLAP",
            1,
        ),
        (["from: 2024, value: 1"], "POLICY_DAY", 0),
        (["from: 2024-01-01, to: soon, value: 1"], "POLICY_DAY", 0),
        (["to: 2024-01-01, value: 1"], "POLICY_KEY_MISSING", 0),
        (["from: 2024-01-01"], "POLICY_KEY_MISSING", 0),
        (["from: 2024-01-01, value: 1, until: 2025-01-01"], "POLICY_KEY_UNKNOWN", 0),
        (["from: 2024-01-01, value: 1, assumption: yes"], "POLICY_CHOICE", 0),
        (["from: 2024-01-01, value: 1, note: ''"], "POLICY_TEXT", 0),
    ],
)
def test_values_follow_each_other(tmp_path: Path, values: list[str], code: str, place: int) -> None:
    error = refused(tmp_path, rate(*values))
    assert error.code == code
    assert error.where.row == 7 + place
    assert (error.where.column or "").startswith(f"parameters.rate.values[{place}]")


def test_values_in_order_are_taken(tmp_path: Path) -> None:
    found = given(
        tmp_path,
        rate(
            "from: 2023-01-01, to: 2024-01-01, value: 1",
            "from: 2024-01-01, to: 2025-01-01, value: null",
            "from: 2025-01-01, to: null, value: 3",
        ),
    )
    assert [one.value for one in found] == [1, None, 3]


@pytest.mark.parametrize(
    ("unit", "code"),
    [("CNY", "POLICY_UNIT"), ("元/权重", "POLICY_UNIT"), ("", "POLICY_KEY_MISSING")],
)
def test_the_unit_is_the_parameters(tmp_path: Path, unit: str, code: str) -> None:
    assert refused(tmp_path, one("rate", "1", unit)).code == code
    assert refused(tmp_path, one("share", "1", "CNY")).code == "POLICY_UNIT"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, "harbin/probe.yaml", "")
    path.write_bytes("topic: 试".encode("gb18030"))
    with pytest.raises(CodebookError) as caught:
        read_file(path, "harbin")
    assert (caught.value.code, caught.value.where.file) == ("POLICY_FILE", "harbin/probe.yaml")
    with pytest.raises(CodebookError, match="POLICY_FILE"):
        read_file(tmp_path / "harbin" / "none.yaml", "harbin")


def test_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (found,) = given(tmp_path, "\ufeff" + one("share", "1"))
    assert found.value == 1
