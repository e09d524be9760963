"""The insurer's lists in the store: taken in, matched, answered."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import python_calamine
import xlsxwriter
from insurer_lists_support import HEADER, PAIRS, PAIRS_NAME, code, own, write
from store_support import HOSPITAL, Feed, database, line, stay

from codebooks.audit.books import audit_book
from codebooks.errors import GrouperError
from grouper.audit.insurer.columns import Columns, read_columns, shipped
from grouper.audit.insurer.reading import read_list
from grouper.audit.insurer.recall import Seen
from grouper.audit.insurer.rules import EXTERNAL
from grouper.audit.review.documents import plain, typed
from grouper.audit.review.tables import limits
from grouper.audit.words import document
from grouper.case.dates import LOCAL
from grouper.service import insurer_answers, insurer_lists, insurer_matching
from grouper.store import audit, finding_batches, finding_files, findings
from grouper.store import finding_events as events
from grouper.store.database import Database
from grouper.store.finding_events import Change
from grouper.store.findings import Wanted

__all__ = ["database"]


NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)


def workbook(folder: Path, sheets: dict[str, Sequence[Sequence[Any]]]) -> Path:
    path = folder / "list.xlsx"
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    book.close()
    return path


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
