"""The insurer's lists: read, by which columns, and made into findings; recall."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from insurer_lists_support import PAIRS, PAIRS_NAME, code, row, write
from store_support import HOSPITAL, database

from codebooks.audit.books import audit_book
from codebooks.errors import GrouperError
from grouper.audit.errors import AuditError
from grouper.audit.insurer.columns import at_hand, read_columns, shipped
from grouper.audit.insurer.findings import Known, finding_of, grouped, lines_of
from grouper.audit.insurer.reading import InsurerList, Row, read_list
from grouper.audit.insurer.recall import Compared, Seen, recall, same
from grouper.audit.insurer.rules import EXTERNAL, Rules, external
from grouper.service.insurer_lines import known_lines
from grouper.store import finding_stays
from grouper.store.database import Database

__all__ = ["database"]


def read(folder: Path, text: str, **more: Any) -> InsurerList:
    return read_list(write(folder, text, **more), shipped())


# --- reading -----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_list_is_found_below_its_title_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    text = (
        "示例医院违规明细,,,\n\n结算ID;规则名称;费用日期;违规金额\n"
        "S1;医疗服务项目重复收费;2026/3/1 09:30:00;1,012.50\n合计：;;;1012.50\n"
    )
    found = read(tmp_path, text, encoding=encoding)
    (row,) = found.rows
    assert (row.row, row.reason) == (4, None)
    assert row.said == {
        "settlement": "S1",
        "rule_name": PAIRS_NAME,
        "day": date(2026, 3, 1),
        "amount": Decimal("1012.50"),
    }
    assert found.stated == (Decimal("1012.50"),)


def test_a_workbook_of_several_sheets_with_merged_cells(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    book = xlsxwriter.Workbook(str(path))
    about = book.add_worksheet("说明")
    about.write(0, 0, "本清单供反馈使用")
    about.merge_range(1, 0, 2, 4, "示例医院")
    sheet = book.add_worksheet("明细")
    sheet.write_row(0, 0, ["结算ID", "规则名称", "项目编码", "费用日期", "违规金额"])
    sheet.merge_range(1, 0, 2, 0, "S1")
    sheet.merge_range(1, 1, 2, 1, PAIRS_NAME)
    sheet.merge_range(1, 4, 2, 4, 30)
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for at, item in ((1, "001"), (2, "002")):
        sheet.write(at, 2, item)
        sheet.write_datetime(at, 3, datetime(2026, 3, at), day)  # noqa: DTZ001 -- as a workbook has it
    book.close()
    one, other = read_list(path, shipped()).rows
    assert (one.numbers, other.numbers) == ({"settlement": ("S1",)}, {"settlement": ("S1",)})
    assert one.decimal("amount") == 30
    # An amount of merged cells counts once.
    assert other.decimal("amount") is None
    assert (other.text("rule_name"), other.day("day")) == (PAIRS_NAME, date(2026, 3, 2))


def test_what_names_a_person_is_kept_nowhere(tmp_path: Path) -> None:
    text = (
        "结算ID,姓名,证件号码,奇怪的列,违规内容,违规金额\n"
        "S1,示例某某,110101190001010011,示例某某的话,患者示例某某（110101190001010011）重复收费,1\n"
    )
    found = read(tmp_path, text)
    told = repr(found)
    assert "示例某某" not in told
    assert "110101190001010011" not in told
    (row,) = found.rows
    assert row.text("content") == "患者＊＊＊＊（＊＊＊＊＊＊＊＊＊＊＊＊＊＊＊＊＊＊）重复收费"
    assert found.headers[0].unkept == ("奇怪的列",)
    assert row.cells[1:4] == ("", "", "")


@pytest.mark.parametrize(
    ("cells", "reason", "column"),
    [
        ("S1,A,abc,1,2026-03-01", "INSURER_ROW_MONEY", "违规金额"),
        ("S1,A,-1,1,2026-03-01", "INSURER_ROW_MONEY", "违规金额"),
        ("S1,A,1.234,1,2026-03-01", "INSURER_ROW_MONEY", "违规金额"),
        ("S1,A,1,many,2026-03-01", "INSURER_ROW_QUANTITY", "数量"),
        ("S1,A,1,1,01/02/2026", "INSURER_ROW_DAY", "费用日期"),
        ("S1,A\udcff,1,1,2026-03-01", "INSURER_ROW_TEXT", None),
    ],
)
def test_a_row_that_cannot_be_read_is_kept_with_its_reason(
    tmp_path: Path, cells: str, reason: str, column: str | None
) -> None:
    text = f"结算ID,规则名称,违规金额,数量,费用日期\n{cells}\nS2,A,1,1,2026-03-01\n"
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    bad, good = read_list(path, shipped()).rows
    assert (bad.reason, bad.column) == (reason, column)
    assert bad.numbers == {"settlement": ("S1",)}
    assert good.reason is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a,b\n1,2\n", "INSURER_HEADER"),
        ("", "INSURER_HEADER"),
        ("结算ID,违规金额\n", "INSURER_EMPTY"),
        ("结算ID,违规金额\n合计,3\n", "INSURER_EMPTY"),
        ("结算ID,违规金额,违规金额\nS1,1,1\n", "INSURER_COLUMN_TWICE"),
        ('结算ID,违规金额\n"S1"x,1\n', "INSURER_TEXT"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, text: str, wanted: str) -> None:
    with pytest.raises(AuditError) as error:
        read(tmp_path, text)
    assert code(error) == wanted
    assert error.value.describe("en")


def test_files_that_are_no_sound_workbooks_are_refused(tmp_path: Path) -> None:
    for name, content, wanted in (
        ("a.xlsx", b"PK\x03\x04rubbish", "IMPORT_CORRUPT"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "IMPORT_NOT_XLSX"),
        ("b.xlsx", "结算ID,违规金额\n".encode(), "IMPORT_NOT_XLSX"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(GrouperError) as error:
            read_list(tmp_path / name, shipped())
        assert code(error) == wanted
    (tmp_path / "nul.csv").write_bytes(b"\0\0\0,\n")
    with pytest.raises(GrouperError) as error:
        read_list(tmp_path / "nul.csv", shipped())
    assert code(error) == "FILE_ENCODING"
    assert error.value.where.file == "nul.csv"
    with pytest.raises(GrouperError) as error:
        read_list(tmp_path / "absent.csv", shipped())
    assert code(error) == "IMPORT_FILE"


def test_a_list_has_an_end(tmp_path: Path) -> None:
    few = write(tmp_path, "[limits]\nrows = 2\n", "own.toml")
    columns = read_columns(few)
    path = write(tmp_path, "结算ID,违规金额\n" + "S1,1\n" * 3)
    with pytest.raises(AuditError) as error:
        read_list(path, columns)
    assert code(error) == "INSURER_ROWS"


def test_of_several_columns_for_one_meaning_the_preferred_name_speaks(tmp_path: Path) -> None:
    found = read(tmp_path, "结算ID,数量,违规数量,违规金额\nS1,9,2,1\n")
    assert found.rows[0].decimal("quantity") == 2
    assert found.headers[0].unkept == ("数量",)


# --- columns -----------------------------------------------------------------------------------


def test_a_hospital_says_what_its_columns_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = (
        'source = "示例"\n[columns.visit]\nnames = ["流水"]\n[columns.amount]\nnames = ["数量"]\n'
        '[hospital]\ncodes = ["H9"]\n'
    )
    columns = read_columns(write(tmp_path, own, "own.toml"))
    assert columns.names["数量"] == ("amount", -1)
    found = read_list(write(tmp_path, "流水,数量\nV1,3\n"), columns)
    assert found.rows[0].decimal("amount") == 3
    assert columns.hospitals == {"H9"}
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    assert at_hand() == shipped()
    (tmp_path / "audit").mkdir()
    write(tmp_path / "audit", own, "insurer_columns.toml")
    assert at_hand() == columns


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[unknown]\na = 1\n",
        "limits = 3\n",
        "columns = 3\n",
        "[columns.unknown]\nnames = ['a']\n",
        "[columns.visit]\nnames = 'a'\n",
        "[columns]\nvisit = 3\n",
        "[limits]\nrows = 0\n",
        "[limits]\nrows = true\n",
        "[level]\nwords = 3\n",
        "[hospital]\ncodes = 3\n",
    ],
)
def test_a_table_of_columns_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(AuditError) as error:
        read_columns(write(tmp_path, text, "own.toml"))
    assert code(error) == "INSURER_COLUMNS"
    assert error.value.describe("zh")


def test_an_absent_table_of_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditError) as error:
        read_columns(tmp_path / "absent.toml")
    assert code(error) == "INSURER_COLUMNS"


def test_rules_are_known_by_code_or_by_name() -> None:
    rules = Rules(audit_book())
    assert rules.rule_of(row(rule=PAIRS.lower())) == PAIRS
    assert rules.rule_of(row(rule="X1", rule_name=f" {PAIRS_NAME} ")) == PAIRS
    # Some lists write the name where the code should be.
    assert rules.rule_of(row(rule=PAIRS_NAME)) == PAIRS
    assert rules.rule_of(row(rule_name="Duplicate charge of services")) == PAIRS
    assert rules.rule_of(row(rule="X1", rule_name="某规则")) == f"{EXTERNAL}某规则"
    assert rules.rule_of(row(rule="X1")) == f"{EXTERNAL}X1"
    assert rules.rule_of(row()) == f"{EXTERNAL}?"
    long, other = external("很长的规则" * 20), external("很长的规则" * 20 + "二")
    assert len(long) == len(other) == 64
    assert long != other


def test_the_level_is_what_the_insurer_says_else_that_of_the_rule() -> None:
    rules, columns = Rules(audit_book()), shipped()
    assert rules.level_of(row(level="可疑"), PAIRS, columns) == "suspect"
    assert rules.level_of(row(), PAIRS, columns) == "violation"
    assert rules.level_of(row(level="其他"), f"{EXTERNAL}某规则", columns) == "suspect"


def keys(*rows: Row, rules: Sequence[str] = ()) -> list[str]:
    return [one.key for one in grouped(rows, rules or [PAIRS] * len(rows), HOSPITAL)]


def test_rows_of_one_finding_number_are_one_finding() -> None:
    rows = (
        row(1, finding="F1", item="001", amount=Decimal("1.00"), day=date(2026, 3, 2)),
        row(2, finding="F1", item="002", amount=Decimal("2.50"), day=date(2026, 3, 1)),
        row(3, finding="F2", item="001", deduction=Decimal("4.00")),
    )
    one, other = grouped(rows, [PAIRS] * 3, HOSPITAL)
    assert (one.amount, one.day, one.every("item")) == (
        Decimal("3.50"),
        date(2026, 3, 1),
        ["001", "002"],
    )
    assert one.deduction is None
    assert (other.amount, other.deduction) == (Decimal("4.00"), Decimal("4.00"))


def test_the_same_finding_of_a_later_list_has_the_same_key() -> None:
    said: dict[str, Any] = {"item": "001", "day": date(2026, 3, 1), "quantity": Decimal("1.0000")}
    (plain_key,) = keys(row(7, amount=Decimal(3), **said))
    assert keys(row(1, amount=Decimal(2), **said)) == [plain_key]
    assert keys(row(1, **said | {"quantity": Decimal(1)})) == [plain_key]
    assert keys(row(1, **said | {"item": "002"})) != [plain_key]
    assert keys(row(1, **said), rules=["X"]) != [plain_key]
    # Two rows that say the same are two findings.
    first, second = keys(row(1, **said), row(2, **said))
    assert first == plain_key
    assert first != second


def test_persons_numbers_name_a_stay_with_its_day() -> None:
    numbers = {"person": ("P1",)}
    some = [row(1, numbers, settled=date(2026, 3, day)) for day in (1, 2)]
    first, second = keys(*some)
    assert first != second


def known(number: int, **values: Any) -> Known:
    return Known(number=number, name=f"L{number}", **{"item": "001"} | values)


def test_lines_are_meant_by_name_else_by_item_and_day() -> None:
    lines = [
        known(1, day=date(2026, 3, 1), quantity=Decimal(1), amount=Decimal(5)),
        known(2, day=date(2026, 3, 1), quantity=Decimal(2), amount=Decimal(10)),
        known(3, day=date(2026, 3, 2)),
        known(4, item="002", text="某项目"),
    ]

    def meant(*rows: Row) -> list[int]:
        (group,) = grouped([*rows], [PAIRS] * len(rows), HOSPITAL)
        return [one.number for one in lines_of(group, lines)]

    assert meant(row(line="L3", item="001")) == [3]
    assert meant(row(line="L9", item="001", day=date(2026, 3, 2))) == [3]
    assert meant(row(item="001")) == [1, 2, 3]
    assert meant(row(item="001", day=date(2026, 3, 1))) == [1, 2]
    assert meant(row(item="001", day=date(2026, 3, 1), quantity=Decimal(2))) == [2]
    assert meant(row(item="001", day=date(2026, 3, 1), amount=Decimal(5))) == [1]
    # A quantity that no line has does not take all of them away.
    assert meant(row(item="001", day=date(2026, 3, 1), quantity=Decimal(7))) == [1, 2]
    assert meant(row(item="001", day=date(2026, 3, 9))) == []
    assert meant(row(item_name="某项目")) == [4]
    assert meant(row(content="无明细")) == []
    numbered = [row(at, finding="F", line=f"L{at}") for at in (2, 1)]
    assert meant(*numbered) == [1, 2]


def test_what_the_insurer_says_is_evidence_of_its_finding() -> None:
    said: dict[str, Any] = {"content": "重复收费", "deduction": Decimal("4.00")}
    (group,) = grouped([row(**said)], [PAIRS], HOSPITAL)
    found = finding_of(group, "violation", "b", None)
    assert found["evidence"] == [
        {"key": "insurer_content", "value": "重复收费"},
        {"key": "insurer_deduction", "value": "4.00"},
    ]
    assert (found["amount"], found["lines"], found["line_names"]) == (Decimal("4.00"), [], [])


def test_a_stay_without_a_version_has_no_lines(database: Database) -> None:
    none = finding_stays.Found(1, "case", None, 0, None, None, None)
    with database.reading() as connection:
        assert known_lines(connection, none) == []


# --- recall ------------------------------------------------------------------------------------


def test_the_recall_counts_what_was_found_before_of_the_stays_that_are_here() -> None:
    def of(rule: str, seen: Seen, amount: str = "1.00") -> Compared:
        return Compared(rule, seen, Decimal(amount))

    told = recall(
        [
            of("A", Seen.BEFORE),
            of("A", Seen.NOT_FOUND, "2.00"),
            of("A", Seen.NO_STAY, "4.00"),
            of("B", Seen.NO_STAY),
        ]
    )
    assert [one["rule"] for one in told] == ["A", "B", None]
    assert (told[0]["recall"], told[0]["missed_amount"]) == ("0.5000", "2.00")
    assert told[1]["recall"] is None
    assert (told[2]["findings"], told[2]["recall"], told[2]["no_stay"]) == (4, "0.5000", 2)
    assert recall([])[0]["recall"] is None


def test_two_findings_are_the_same_if_they_share_a_line_else_by_their_day() -> None:
    assert same(["a", "b"], "2026-03-01", ["b"], "2026-03-02")
    assert not same(["a"], "2026-03-01", ["b"], "2026-03-01")
    assert same([], "2026-03-01", ["b"], "2026-03-01")
    assert same([], None, ["b"], "2026-03-01")
    assert not same(["a"], "2026-03-02", [], "2026-03-01")
