"""The insurer's lists: read by names that are data, matched, kept once, answered in their own columns."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import python_calamine
import typer
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_support import Service, service
from store_support import HOSPITAL, Feed, database, line, stay
from typer.testing import CliRunner

from codebooks.audit.books import audit_book
from codebooks.errors import GrouperError
from codebooks.messages import catalogue
from grouper.audit.errors import AuditError
from grouper.audit.insurer.columns import Columns, at_hand, read_columns, shipped
from grouper.audit.insurer.findings import Known, finding_of, grouped, lines_of
from grouper.audit.insurer.reading import InsurerList, Row, read_list
from grouper.audit.insurer.recall import Compared, Seen, recall, same
from grouper.audit.insurer.rules import EXTERNAL, Rules, external
from grouper.audit.review.documents import plain, typed
from grouper.audit.review.tables import limits
from grouper.audit.words import document
from grouper.case.dates import LOCAL
from grouper.cli import findings_import
from grouper.service import insurer_answers, insurer_lists, insurer_matching
from grouper.service.insurer_lines import known_lines
from grouper.store import audit, finding_batches, finding_files, finding_stays, findings
from grouper.store import finding_events as events
from grouper.store.database import Database
from grouper.store.finding_events import Change
from grouper.store.findings import FindingRow, Wanted

__all__ = ["database"]

NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
PAIRS = "GZ10000102012000"
PAIRS_NAME = "医疗服务项目重复收费"
HEADER = "结算ID,就诊ID,人员编号,姓名,规则编码,规则名称,项目编码,费用日期,数量,违规金额,违规内容,反馈截止时间"


def write(folder: Path, text: str, name: str = "list.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def workbook(folder: Path, sheets: dict[str, Sequence[Sequence[Any]]]) -> Path:
    path = folder / "list.xlsx"
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    book.close()
    return path


def read(folder: Path, text: str, **more: Any) -> InsurerList:
    return read_list(write(folder, text, **more), shipped())


def code(error: pytest.ExceptionInfo[GrouperError]) -> str:
    return error.value.code


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


# --- rules, findings, lines --------------------------------------------------------------------


def row(number: int = 1, numbers: dict[str, tuple[str, ...]] | None = None, **said: Any) -> Row:
    return Row(
        number=number,
        sheet=None,
        row=number + 1,
        said=said,
        numbers={"visit": ("V1",)} if numbers is None else numbers,
    )


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


# --- the store ---------------------------------------------------------------------------------


def take(
    database: Database,
    path: Path,
    columns: Columns | None = None,
    hospital: str = HOSPITAL,
    **more: Any,
) -> insurer_lists.Taken:
    book = audit_book()
    how: dict[str, Any] = {"actor": "office1", "at": NOW} | more
    return insurer_lists.take_in(
        database, path, book, columns or shipped(), hospital=hospital, **how
    )


def the_stay(feed: Feed, visit: str = "V1", patient: str = "P1", **more: Any) -> None:
    said: dict[str, Any] = {
        "sex": "1",
        "department": "心内科",
        "admission_time": "2026-02-20 08:00",
        "discharge_time": "2026-03-05 10:00",
        "lines": tuple(
            line(f"l{day}", "12.50", line_item="001", line_time=f"2026-03-0{day} 09:00")
            for day in (1, 2)
        ),
    }
    feed(stay(visit, patient, **said | more))


def found_in(database: Database) -> list[findings.FindingRow]:
    with database.reading() as connection:
        return [one.finding for one in findings.page(connection, Wanted())][::-1]


def own(stay_id: int, day: int, **values: Any) -> FindingRow:
    given: dict[str, Any] = {
        "key": f"{day:024x}",
        "source": "own",
        "moment": "upload",
        "stay_id": stay_id,
        "version": 1,
        "rule": PAIRS,
        "book": "national-2025",
        "book_hash": "0" * 64,
        "level": "violation",
        "amount": Decimal("12.50"),
        "day": date(2026, 3, day),
        "document": {"line_names": [f"l{day}"], "day": f"2026-03-0{day}"},
        "raised_by": "screening",
    }
    return FindingRow(**given | values)


def test_a_list_becomes_findings_and_nothing_is_lost(database: Database, tmp_path: Path) -> None:
    feed = Feed(database)
    the_stay(feed, extra={"2304.setlinfo.setl_id": "S1"})
    the_stay(feed, "V2", "P2")
    with database.writing_store() as connection:
        findings.keep(
            connection,
            [own(feed.head("V1").id, 1), own(feed.head("V1").id, 2, shadow=True)],
            at=NOW - timedelta(days=1),
            actor="screening",
        )
    text = (
        f"{HEADER}\n"
        f"S1,,,示例甲,{PAIRS},,001,2026-03-01,1,12.50,重复收费,2026-04-20\n"
        f"S1,,,示例甲,,{PAIRS_NAME},001,2026-03-02,1,12.50,重复收费,\n"
        ",,P2,示例乙,,某地方规则,,2026-03-01,,100,说明,\n"
        f",V9,,,,{PAIRS_NAME},001,,,5,,\n"
        f",V1,,,,{PAIRS_NAME},001,,,not a number,,\n"
        "合计,,,,,,,,,230.00,,\n"
    )
    taken = take(database, write(tmp_path, text), due=date(2026, 4, 30), name="四月\0清单.csv")
    assert (taken.rows, taken.unread, taken.findings, taken.fresh) == (5, 1, 4, 4)
    assert (taken.matched, taken.own, taken.external) == (3, 1, 1)
    assert taken.reasons == {"INSURER_ROW_MONEY": 1, "INSURER_STAY_UNKNOWN": 1}
    # 12.50 + 12.50 + 100 + 5 is not what the file states.
    assert taken.total is False
    first, second, third, fourth = [o for o in found_in(database) if o.source == "insurer"]
    head = feed.head("V1")
    assert (first.stay_id, first.rule, first.state) == (head.id, PAIRS, "notified")
    assert (first.department, first.level, first.amount) == (
        "心内科",
        "violation",
        Decimal("12.50"),
    )
    assert first.document["line_names"] == ["l1"]
    assert first.document["lines"] == [1]
    assert first.document["own_finding"] == 1
    # Our finding of the second line is in shadow: nobody was told.
    assert "own_finding" not in second.document
    assert first.due == datetime(2026, 4, 20, 16, tzinfo=UTC)
    assert second.due == datetime(2026, 4, 30, 16, tzinfo=UTC)
    assert datetime.fromisoformat(first.document["deadline"]) == first.due
    assert (third.stay_id, third.rule) == (feed.head("V2").id, f"{EXTERNAL}某地方规则")
    assert (fourth.stay_id, fourth.document["reason"]) == (None, "INSURER_STAY_UNKNOWN")
    assert fourth.document["case_id"] is None
    for lang in ("zh", "en"):
        words = document(typed(first.document), audit_book(), lang)["words"]
        assert "重复收费" in " ".join(words)
    assert plain(typed(first.document)) == {
        name: value
        for name, value in first.document.items()
        if name not in ("line_names", "deadline", "own_finding")
    }
    told = insurer_answers.shown(database, taken.batch_id, audit_book(), "zh")
    assert told["name"] == "四月\u2400清单.csv"
    assert [one["row"] for one in told["kept_back"]] == [5, 6]
    assert [one["finding"] for one in told["kept_back"]] == [True, False]
    by_rule = {one["rule"]: one for one in told["recall"]}
    assert {key: by_rule[PAIRS][key] for key in ("before", "shadow", "no_stay", "recall")} == {
        "before": 1,
        "shadow": 1,
        "no_stay": 1,
        "recall": "0.5000",
    }
    assert by_rule[f"{EXTERNAL}某地方规则"]["no_rule"] == 1
    with database.reading() as connection:
        entry = next(one for one in audit.entries(connection) if one.action == "findings_imported")
    assert "示例" not in repr(entry)
    assert entry.about["findings"] == 4


def test_the_same_file_is_taken_once_and_a_later_list_goes_on(
    database: Database, tmp_path: Path
) -> None:
    feed = Feed(database)
    the_stay(feed)
    text = f"就诊ID,规则名称,项目编码,费用日期,违规金额\nV1,{PAIRS_NAME},001,2026-03-01,12.50\n"
    path = write(tmp_path, text)
    first = take(database, path)
    again = take(database, path)
    assert (again.repeated, again.batch_id, again.findings) == (True, first.batch_id, 1)
    assert len(found_in(database)) == 1
    (one,) = found_in(database)
    days = limits().days["notified"]["violation"]
    assert one.due == datetime(2026, 4, 1 + days, 16, tzinfo=UTC)
    with database.writing_store() as connection:
        change = Change(action="ask", after="asked")
        events.step(connection, one.id or 0, "notified", change, at=NOW, actor="office1")
    later = take(
        database,
        write(tmp_path, text.replace("12.50", "6.25"), "second.csv"),
        at=NOW + timedelta(days=1),
    )
    assert (later.repeated, later.findings, later.fresh) == (False, 1, 0)
    (one,) = found_in(database)
    assert (one.state, one.amount, one.batch_id) == ("asked", Decimal("6.25"), later.batch_id)
    # Both lists can be answered.
    with database.reading() as connection:
        for batch in (first, later):
            assert list(finding_batches.findings_of(connection, batch.batch_id)) == [one.key]
    found, following = insurer_answers.listing(database, None, 1)
    assert ([b.id for b in found], following) == ([later.batch_id], later.batch_id)
    found, following = insurer_answers.listing(database, following, 1)
    assert ([b.id for b in found], following) == ([first.batch_id], None)


def test_a_later_list_without_deadlines_puts_none_off(database: Database, tmp_path: Path) -> None:
    the_stay(Feed(database))
    text = f"就诊ID,规则名称,项目编码,费用日期,违规金额\nV1,{PAIRS_NAME},001,2026-03-01,12.50\n"
    take(database, write(tmp_path, text))
    (first,) = found_in(database)
    much_later = NOW + timedelta(days=30)
    take(database, write(tmp_path, text.replace("12.50", "6.25"), "b.csv"), at=much_later)
    (one,) = found_in(database)
    assert (one.amount, one.due) == (Decimal("6.25"), first.due)
    assert one.document["deadline"] == first.document["deadline"]
    # One that the list states is taken.
    wanted = {"at": much_later, "due": date(2026, 5, 20)}
    take(database, write(tmp_path, text.replace("12.50", "6.00"), "c.csv"), **wanted)
    (one,) = found_in(database)
    assert one.due == datetime(2026, 5, 20, 16, tzinfo=UTC)
    assert one.document["deadline"] == one.due.astimezone(LOCAL).isoformat()


def test_two_who_take_the_same_file_at_once_keep_one(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "就诊ID,规则名称,违规金额\nV1,某规则,1\n")
    looks = []
    real = finding_batches.by_sha256

    def late(connection: Any, sha256: str) -> Any:
        looks.append(sha256)
        return None if len(looks) == 1 else real(connection, sha256)

    first = take(database, path)
    monkeypatch.setattr(finding_batches, "by_sha256", late)
    assert take(database, path).repeated
    assert len(looks) == 2
    with database.reading() as connection:
        assert [one.id for one in finding_batches.page(connection)] == [first.batch_id]


def test_a_finding_is_looked_for_by_every_number(database: Database, tmp_path: Path) -> None:
    feed = Feed(database)
    the_stay(feed, "V1", "P1", extra={"4101A.setlinfo.setl_id": "S1"})
    the_stay(
        feed,
        "V2",
        "P1",
        admission_time="2026-03-10 08:00",
        discharge_time="2026-03-12 08:00",
        lines=(),
    )
    the_stay(feed, "V3", "P3")
    one, two = feed.head("V1"), feed.head("V2")

    def matched(said: str, hospital: str = HOSPITAL, columns: Columns | None = None) -> Any:
        text = f"case_id,结算ID,就诊ID,病案号,人员编号,机构编码,费用日期,违规金额\n{said},1\n"
        rows = read_list(write(tmp_path, text), shipped()).rows
        with database.reading() as connection:
            (found,) = insurer_matching.match(connection, rows, columns or shipped(), hospital)
        return found.stay or found.reason

    assert matched(f"{one.case_id},,,,,,") == one.id
    assert matched(",S1,,,,,") == one.id
    assert matched(",S9,V2,,,,") == two.id
    assert matched(",,,V3,,,") == feed.head("V3").id
    assert matched(",,,,P1,,2026-03-11") == two.id
    assert matched(",,,P1,,,2026-03-01") == one.id
    assert matched(",,,,P1,,") == "INSURER_STAY_SEVERAL"
    assert matched(",,,,P1,,2026-05-01") == "INSURER_STAY_UNKNOWN"
    assert matched(",,,,,,2026-03-01") == "INSURER_NO_NUMBER"
    assert matched(f"{one.case_id},,V2,,,,") == "INSURER_STAY_CONFLICT"
    assert matched(",,V1,,,H9,") == "INSURER_OTHER_HOSPITAL"
    assert matched(f",,V1,,,{HOSPITAL},") == one.id
    assert matched(",,V1,,,,", hospital="H7") == "INSURER_STAY_UNKNOWN"
    aliased = read_columns(write(tmp_path, '[hospital]\ncodes = ["H9"]\n', "own.toml"))
    assert matched(",,V1,,,H9,", columns=aliased) == one.id


def test_a_stay_that_was_merged_is_the_one_that_goes_on(database: Database, tmp_path: Path) -> None:
    from grouper.intake.event import Event, EventKind  # noqa: PLC0415 -- only here

    feed = Feed(database)
    the_stay(feed, "V1", "P1")
    the_stay(feed, "V2", "P1", lines=())
    old = feed.head("V1").id
    feed(Event(kind=EventKind.MERGE_VISIT, patient="P1", visit="V2", prior_visit="V1"))
    take(database, write(tmp_path, "就诊ID,规则名称,违规金额\nV1,某规则,1\n"))
    (one,) = found_in(database)
    assert one.stay_id == feed.head("V2").id != old


def test_rows_of_one_finding_that_lie_in_several_stays_have_none(
    database: Database, tmp_path: Path
) -> None:
    feed = Feed(database)
    the_stay(feed, "V1", "P1")
    the_stay(feed, "V2", "P1", admission_time="2026-03-10 08:00", discharge_time="2026-03-12 08:00")
    text = (
        "疑点编号,人员编号,规则名称,费用日期,违规金额\n"
        "F1,P1,某规则,2026-03-01,1\nF1,P1,某规则,2026-03-11,1\n"
    )
    taken = take(database, write(tmp_path, text))
    assert taken.reasons == {"INSURER_STAY_SEVERAL": 2}
    (one,) = found_in(database)
    assert (one.stay_id, one.amount) == (None, Decimal("2.00"))


def test_the_list_is_answered_in_its_own_columns(database: Database, tmp_path: Path) -> None:
    feed = Feed(database)
    the_stay(feed)
    sheets = {
        "一月": [
            ["就诊ID", "姓名", "规则名称", "项目编码", "费用日期", "违规金额"],
            ["V1", "示例甲", PAIRS_NAME, "001", "2026-03-01", 12.5],
            ["V1", "示例甲", PAIRS_NAME, "001", "2026-03-02", "?"],
        ],
        "二月": [["就诊ID", "规则名称", "违规金额"], ["V9", "=1+1", 3]],
    }
    taken = take(database, workbook(tmp_path, sheets))
    first, _ = found_in(database)
    with database.writing_store() as connection:
        change = Change(action="object", after="objecting", note="有病历为证")
        events.step(connection, first.id or 0, "notified", change, at=NOW, actor="office1")
        for name in ("病历.pdf", "医嘱.pdf"):
            how: dict[str, Any] = {"at": NOW, "actor": "office1"}
            content = name.encode()
            finding_files.add(connection, first.id or 0, name, "application/pdf", content, **how)
    out = tmp_path / "answers.xlsx"
    insurer_answers.answers(database, taken.batch_id, out, "zh")
    book = python_calamine.load_workbook(io.BytesIO(out.read_bytes()))
    rows = book.get_sheet_by_name("一月").to_python()
    assert rows[0][:8] == [
        "工作表",
        "行号",
        "就诊ID",
        "姓名",
        "规则名称",
        "项目编码",
        "费用日期",
        "违规金额",
    ]
    assert rows[1][1:8] == ["2", "V1", "", PAIRS_NAME, "001", "2026-03-01", "12.5"]
    assert rows[1][10:12] == ["有病历为证", "病历.pdf、医嘱.pdf"]
    assert rows[2][-1] == "金额无法读取"
    (_, other) = book.get_sheet_by_name("二月").to_python()
    assert other[3] == "=1+1"
    assert other[-1] == "本系统没有该编号的就诊"
    as_text = tmp_path / "answers.csv"
    insurer_answers.answers(database, taken.batch_id, as_text, "en")
    lines = list(csv.reader(io.StringIO(as_text.read_text("utf-8-sig"))))
    assert [one[1] for one in lines] == ["row", "2", "3"]
    with pytest.raises(GrouperError) as error:
        insurer_answers.answers(database, 99, out, "zh")
    assert code(error) == "FINDING_BATCH_UNKNOWN"


def test_a_rule_that_is_not_asked_is_no_miss_of_the_screening(
    database: Database, tmp_path: Path
) -> None:
    feed = Feed(database)
    the_stay(feed)
    unasked = next(rule for rule in audit_book().rules.values() if rule.template is None)
    text = (
        "就诊ID,规则编码,项目编码,费用日期,违规金额\n"
        f"V1,{unasked.rule},001,2026-03-01,1\nV1,{PAIRS},001,2026-03-01,1\n"
        f"V1,{PAIRS},001,2026-03-02,1\n"
    )
    taken = take(database, write(tmp_path, text))
    with database.writing_store() as connection:
        findings.keep(
            connection, [own(feed.head().id, 2)], at=NOW + timedelta(days=1), actor="screening"
        )
    seen = insurer_answers.compared(database, taken.batch_id, audit_book())
    assert [one.seen for one in seen] == [Seen.NOT_ASKED, Seen.NOT_FOUND, Seen.AFTER]


# --- REST --------------------------------------------------------------------------------------


@pytest.fixture
def running(tmp_path: Path) -> Any:
    with service(tmp_path) as found:
        yield found


def upload(running: Service, text: str, role: str = "office", **form: str) -> Any:
    files = {"file": ("四月.csv", text.encode())}
    return running.ask(role, "POST", "/api/v1/findings/batches", files=files, data=form)


def test_the_routes_take_show_and_answer(running: Service) -> None:
    running.stay("V1")
    text = "就诊ID,姓名,规则名称,违规金额\nV1,示例甲,某规则,3.00\nV8,示例乙,某规则,x\n"
    answer = upload(running, text, due="2026-12-31")
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["findings"], told["unread"], told["reasons"][0]["code"]) == (
        1,
        1,
        "INSURER_ROW_MONEY",
    )
    where = answer.headers["Location"]
    again = upload(running, text)
    assert (again.status_code, again.json()["repeated"]) == (200, True)
    listed = running.ask("office", "GET", "/api/v1/findings/batches").json()
    assert [one["name"] for one in listed["batches"]] == ["四月.csv"]
    one = running.ask("office", "GET", where).json()
    assert one["states"][0]["state"] == "notified"
    assert one["recall"][-1]["no_rule"] == 1
    assert "示例" not in answer.text + repr(one)
    book = running.ask("office", "GET", f"{where}/answers")
    assert book.headers["X-Content-Type-Options"] == "nosniff"
    assert book.headers["Content-Disposition"].startswith("attachment")
    rows = python_calamine.load_workbook(io.BytesIO(book.content)).get_sheet_by_index(0)
    assert len(rows.to_python()) == 3
    looks = [(actor, action) for actor, action, _ in running.looks()]
    assert ("office1", "findings_imported") in looks
    assert ("office1", "finding_batch_shown") in looks
    assert ("office1", "finding_batch_answered") in looks


def test_the_routes_refuse_what_they_must(running: Service) -> None:
    for role in ("physician", "manager", "admin", "interface"):
        assert upload(running, "x", role).status_code == 403
        assert running.ask(role, "GET", "/api/v1/findings/batches").status_code == 403
    answer = upload(running, "a,b\n")
    assert (answer.status_code, answer.json()["code"]) == (422, "INSURER_HEADER")
    assert "四月" not in answer.text
    absent = running.ask("office", "GET", "/api/v1/findings/batches/99")
    assert (absent.status_code, absent.json()["code"]) == (404, "FINDING_BATCH_UNKNOWN")
    absent = running.ask("office", "GET", "/api/v1/findings/batches/99/answers")
    assert absent.status_code == 404
    files = {"file": ("a.xlsx", b"PK\x03\x04rubbish")}
    broken = running.ask("office", "POST", "/api/v1/findings/batches", files=files)
    assert broken.status_code == 422


# --- the commands -------------------------------------------------------------------------------


def run(command: Any, *words: str) -> Any:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(words))


def test_the_commands_take_show_and_answer(
    running: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    running.stay("V1")
    assert "还没有导入过清单" in run(findings_import.batches_command).output
    text = (
        "流水,规则名称,违规金额,奇怪列\nV1,某规则,3.00,x\nV8,某规则,x,x\n"
        f"V1,{PAIRS_NAME},2.00,\n合计,,9.00,\n"
    )
    path = write(tmp_path, text)
    columns = write(tmp_path, "[columns.visit]\nnames = ['流水']\n", "columns.toml")
    words = [str(path), "--due", "2026-12-31", "--columns", str(columns), "--lang", "en"]
    found = run(findings_import.import_command, *words)
    assert found.exit_code == 0, found.output
    for part in ("List 1: 3 rows, 2 findings", "INSURER_ROW_MONEY", "奇怪列", "do not add up"):
        assert part in found.output
    again = run(findings_import.import_command, *words)
    assert "taken in before, as number 1" in again.output
    told = run(findings_import.import_command, *words, "--format", "json")
    assert json.loads(told.stdout)["repeated"] is True
    listed = run(findings_import.batches_command, "--format", "json")
    assert [one["id"] for one in json.loads(listed.stdout)] == [1]
    assert "list.csv" in run(findings_import.batches_command, "--lang", "en").output
    shown = run(findings_import.batches_command, "1", "--lang", "en").output
    assert "notified by the insurer: 2" in shown
    assert "all rules: 0 of 2 before the list came (0.0000)" in shown
    out = tmp_path / "answers.csv"
    assert run(findings_import.answers_command, "1", "-o", str(out)).exit_code == 0
    assert len(out.read_text("utf-8-sig").splitlines()) == 4
    actors = {actor for actor, action, _ in running.looks() if action == "finding_batch_answered"}
    assert all(one.startswith("command line") for one in actors)
    wrong = run(findings_import.import_command, str(path), "--due", "soon")
    assert isinstance(wrong.exception, AuditError)
    assert wrong.exception.code == "INSURER_DUE"

    def nobody() -> str:
        raise OSError

    monkeypatch.setattr("getpass.getuser", nobody)
    assert run(findings_import.answers_command, "1", "-o", str(out)).exit_code == 0
    assert running.looks()[-1][0] == "command line"


# --- fuzz --------------------------------------------------------------------------------------


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=300), st.integers(0, 2**32))
def test_whatever_the_file_holds_only_declared_errors_come(
    tmp_path: Path, noise: bytes, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- no secret
    sound = f"{HEADER}\nS1,,,甲乙,{PAIRS},,001,2026-03-01,1,12.50,说明,\n".encode()
    at = chance.randrange(len(sound))
    path = tmp_path / f"list{chance.choice(['.csv', '.xlsx', ''])}"
    path.write_bytes(sound[:at] + noise + sound[at + chance.randrange(3) :])
    try:
        found = read_list(path, shipped())
    except GrouperError as error:
        told = error.describe("en")
        found = InsurerList(name=told, sha256="", headers=(), rows=())
    rules = Rules(audit_book())
    rows = [one for one in found.rows if one.reason is None]
    for group in grouped(rows, [rules.rule_of(one) for one in rows], HOSPITAL):
        assert len(group.key) == 64
    assert {one.reason for one in found.rows} <= {
        None,
        *(f"INSURER_ROW_{kind}" for kind in ("MONEY", "QUANTITY", "DAY", "TEXT")),
    }


def test_every_reason_has_its_words() -> None:
    for lang in ("zh", "en"):
        words = catalogue(lang)
        reasons = [one for one in words if one.startswith("reason.INSURER_")]
        assert len(reasons) == 9
        assert all(one.replace("reason.", "advice.") in words for one in reasons)
