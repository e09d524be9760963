"""Files of cases as messages: one event a row, what cannot be read told with its row."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codebooks.errors import GrouperError
from grouper.case import Case
from grouper.case.readers import open_source
from grouper.intake import table_form
from grouper.intake.columns import Said, said_by
from grouper.intake.envelope import Receipt, Verdict
from grouper.intake.event import Event, EventKind
from grouper.intake.forms import Form, IntakeError
from grouper.intake.record import case_of, merge
from grouper.intake.table_form import FORM, TableForm
from grouper.intake.table_rows import plain

HEADER = (
    "case_id,病案号,姓名,性别,年龄,入院时间,出院时间,主要诊断编码,其他诊断编码1,主要手术编码,备注"
)
ROW = "c1,0001,张测试,1,50,2026-03-01 08:00,2026-03-05,I21.001,E11.900,36.0601,x"


def csv_of(*rows: str, header: str = HEADER, encoding: str = "utf-8") -> bytes:
    return "\n".join([header, *rows, ""]).encode(encoding)


def events(raw: bytes, form: TableForm = FORM) -> list[Event]:
    return list(form.events(raw))


def case_from(event: Event) -> Case:
    record = json.loads(json.dumps(merge({}, event, 1)))
    return case_of(record, [line.about for line in event.lines])[0]


def code_of(raw: bytes) -> tuple[str, str]:
    with pytest.raises(IntakeError) as caught:
        events(raw)
    return caught.value.code, str(caught.value.params["place"])


def test_it_is_a_form() -> None:
    assert isinstance(FORM, Form)
    assert FORM.name == "table"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_rows_are_events(encoding: str) -> None:
    first, second = events(csv_of(ROW, ROW.replace("c1,0001", "c2,0002"), encoding=encoding))
    assert (first.patient, first.visit, first.hospital) == ("0001", "c1", "")
    assert (second.patient, second.visit) == ("0002", "c2")
    case = case_from(first)
    assert (case.sex, case.age, case.dx, case.px) == (1, 50, ("I21.001", "E11.900"), ("36.0601",))
    assert first.extra["table.备注"] == "x"
    assert first.person == {"name": "张测试"}
    assert "张测试" not in json.dumps([first.facts, first.extra], ensure_ascii=False)


def test_what_the_row_does_not_state_is_no_fact() -> None:
    (event,) = events(csv_of(ROW))
    assert set(event.facts) == {"sex", "age", "admission_time", "discharge_time"}
    assert event.lines_whole is False
    assert event.assessments is None
    (bare,) = events(csv_of("c1,1", header="case_id,性别"))
    assert bare.dx is None
    assert bare.px is None


def test_a_column_without_codes_clears_the_list() -> None:
    (event,) = events(csv_of("c1,,", header="case_id,主要诊断编码,主要手术编码"))
    assert (event.dx, event.px) == ((), ())


def test_a_missing_principal_stays_missing() -> None:
    (event,) = events(csv_of("c1,,E11.900", header="case_id,主要诊断编码,其他诊断编码1"))
    assert [(c.code, c.rank) for c in event.dx or ()] == [("E11.900", 1)]
    assert case_from(event).dx == (None, "E11.900")


def test_rows_that_cannot_be_read_are_told_and_the_others_count() -> None:
    found = events(
        csv_of(
            ROW, "c2,1", ROW.replace("c1", ""), ROW.replace("c1", "c4").replace("E11.900", '"E11')
        )
    )
    assert [e.kind for e in found][:2] == [EventKind.STAY, EventKind.REJECTED]
    told = [(e.reason, e.place) for e in found if e.kind is EventKind.REJECTED]
    assert told == [("ROW_RAGGED", "row 2"), ("ROW_QUOTE", "row 4")]
    # A row without a number of its own goes by its record number and admission.
    stays = [e.visit for e in found if e.kind is EventKind.STAY]
    assert stays == ["c1", "0001@20260301T080000"]


def test_a_record_number_alone_takes_the_admission_to_tell_the_stay() -> None:
    header = "病案号,入院时间,主要诊断编码"
    first, again, other = events(
        csv_of("7,2026-03-01,I21.001", "7,2026-05-01,I21.001", "7,,I21.001", header=header)
    )
    assert (first.patient, first.visit) == ("7", "7@20260301T000000")
    assert again.visit == "7@20260501T000000"
    assert (other.kind, other.reason, other.place) == (EventKind.REJECTED, "VISIT_MISSING", "row 3")


def test_numbers_that_cannot_be_kept_are_told() -> None:
    long, unseen, good = events(
        csv_of("c" * 300 + ",1", "c\u200b1,1", "c1,1", header="case_id,性别")
    )
    assert (long.reason, unseen.reason, good.kind) == (
        "NUMBER_UNUSABLE",
        "NUMBER_UNUSABLE",
        EventKind.STAY,
    )


def test_values_that_cannot_be_read_are_kept_beside() -> None:
    (event,) = events(csv_of(ROW.replace(",1,50,", ",雄,五十,")))
    assert "sex" not in event.facts
    assert (event.extra["table.性别"], event.extra["table.年龄"]) == ("雄", "五十")
    (way,) = events(csv_of("c1,七", header="case_id,离院方式"))
    assert way.facts["discharge_way"] == "七"
    assert way.unknown == (("row 1.discharge_way", "七"),)


LINES = {
    "case_id": "c1",
    "kind": "outpatient",
    "person": "p1",
    "hospital": "H9",
    "code_system": "nhsa",
    "birth_date": "1990-01-01",
    "dx": ["I21.001"],
    "icu_hours": 26.25,
    "lines": [
        {
            "item": "A1",
            "class": "01",
            "quantity": 2,
            "amount": "12.50",
            "time": "2026-03-01 08:00:00",
        },
        {"item": "A2", "amount": "-1.00"},
    ],
    "assessments": [{"date": "2026-03-01", "type": "admission", "items": {"BARTHEL": "40"}}],
    "note": {"deep": [1, 2.5, None]},
}


def test_json_lines_with_charge_lines_and_assessments() -> None:
    raw = json.dumps(LINES, ensure_ascii=False).encode() + b"\nnot json\n"
    event, bad = events(raw)
    assert (bad.reason, bad.place) == ("ROW_JSON", "row 2")
    assert [line.key for line in event.lines] == ["#1", "#2"]
    assert event.lines_whole
    case = case_from(event)
    assert case.line_amount == (Decimal("12.50"), Decimal("-1.00"))
    assert (case.icu_hours, case.kind, case.assessment_value) == (26.25, "outpatient", ("40",))
    assert (event.patient, event.hospital) == ("p1", "")
    form = TableForm()
    form.configure({"hospital": True, "defaults": {"region": "beijing"}})
    stated = events(raw, form)[0]
    assert (stated.hospital, stated.facts["region"]) == ("H9", "beijing")


def test_a_file_says_the_same_as_its_reader(tmp_path: Path) -> None:
    rows = [
        LINES,
        LINES
        | {
            "case_id": "c2",
            "age": 3,
            "dx": [None, "E11.900"],
            "admission_time": "2026-03-01",
            "discharge_time": "2026-03-09",
        },
    ]
    raw = "\n".join(json.dumps(row) for row in rows).encode()
    path = tmp_path / "cases.jsonl"
    path.write_bytes(raw)
    (batch,) = open_source(path).batches()
    for at, event in enumerate(events(raw)):
        case = Case.from_batch(batch.cases, at)
        stated = {"case_id": case.case_id, "person": case.person, "hospital": case.hospital}
        record = json.loads(json.dumps(merge({}, event, 1)))
        assert case_of(record, [line.about for line in event.lines], **stated)[0] == case


def test_parquet_with_columns_of_any_type() -> None:
    table = pa.table(
        {
            "case_id": ["c1"],
            "sex": pa.array([1], pa.int8()),
            "dx": [["I21.001"]],
            "total_cost": [Decimal("1.50")],
            "raw": [b"\xff"],
            "when": pa.array([0], pa.timestamp("us")),
            "price": [1.5],
            "inner": [{"a": [1]}],
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    (event,) = events(out.getvalue())
    assert event.facts["total_cost"] == "1.50"
    assert event.extra["table.raw"] == "/w=="
    assert event.extra["table.inner"] == {"a": [1]}
    assert event.extra["table.price"] == "1.5"
    assert FORM.envelope(out.getvalue()).kind == "parquet"


def test_front_pages_know_their_persons_by_their_codes() -> None:
    page = {
        "A48": "0001",
        "A49": "2",
        "A11": "张测试",
        "A20": "999999199001010000",
        "A27": "00000000000",
        "A12C": "1",
        "B12": "2026-03-01 08:30:00",
        "B15": "2026-03-04",
        "C03C": "I21.001",
        "B22": "医师甲",
        "F04": "2026-03-02",
    }
    raw = csv_of(",".join(page.values()), header=",".join(page))
    (event,) = events(raw)
    assert (event.patient, event.visit) == ("0001", "0001-2")
    assert event.person == {
        "name": "张测试",
        "id_number": "999999199001010000",
        "A27": "00000000000",
    }
    assert not {"table.A11", "table.A20", "table.A27"} & set(event.extra)
    assert event.extra["table.F04"] == "2026-03-02"


@pytest.mark.parametrize(
    ("column", "dialect", "said"),
    [
        ("病案号", "", Said.RECORD),
        ("A48", "hqms", Said.RECORD),
        ("A48", "", Said.NOTHING),
        ("患者姓名", "", Said.NAME),
        ("主治医师姓名", "", Said.STAFF),
        ("联系人姓名", "", Said.PRIVATE),
        ("家庭地址（省）", "", Said.PRIVATE),
        ("身份证号码", "", Said.ID_NUMBER),
        ("diag_name", "", Said.NOTHING),
        ("备注", "", Said.NOTHING),
    ],
)
def test_what_columns_say_of_persons(column: str, dialect: str, said: Said) -> None:
    assert said_by(column, dialect) is said


@pytest.mark.parametrize(
    ("raw", "code", "place"),
    [
        (b"", "FILE_EMPTY", "file"),
        (b"case_id,dx\n", "FILE_EMPTY", "file"),
        (b"[1]", "FILE_FORMAT", "file"),
        (b"PK\x03\x04zzzz", "FILE_FORMAT", "file"),
        (b"PAR1 and no more", "FILE_BROKEN", "file"),
        (b"\0\0\0\0", "FILE_ENCODING", "file"),
        (b"x,y\n1,2\n", "FILE_COLUMNS", "file"),
        (b"case_id,dx\na,b,c,d\n", "ROW_RAGGED", "row 1"),
        (b'{"case_id": \n', "FILE_COLUMNS", "file"),
    ],
)
def test_a_file_of_which_nothing_can_be_read(raw: bytes, code: str, place: str) -> None:
    assert code_of(raw) == (code, place)
    envelope = FORM.envelope(raw)
    if place == "file":
        assert (envelope.verdict, envelope.reason) == (Verdict.UNUSABLE, code)


def test_the_envelope_looks_at_the_beginning_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_form, "_HEAD", 400)
    raw = csv_of(*[ROW] * 200) + b"\xff\xff\xff"
    envelope = FORM.envelope(raw, "k1")
    assert (envelope.verdict, envelope.kind, envelope.control_id) == (Verdict.ACCEPTED, "csv", "k1")
    assert envelope.raw is raw
    assert FORM.envelope(b"case_id" + b"," * 500).raw


def test_large_files_come_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_form, "BATCH_ROWS", 7)
    rows = [ROW.replace("c1", f"c{at}") if at % 5 else "broken" for at in range(1, 41)]
    found = events(csv_of(*rows))
    assert [e.visit for e in found if e.kind is EventKind.STAY] == [
        f"c{at}" for at in range(1, 41) if at % 5
    ]
    assert [e.place for e in found if e.kind is EventKind.REJECTED] == [
        f"row {at}" for at in range(5, 41, 5)
    ]


def test_no_file_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    events(csv_of(ROW))
    code_of(b"[1]")
    FORM.envelope(csv_of(ROW))
    half = FORM.events(csv_of(ROW, ROW))
    next(half)
    assert len(list(tmp_path.iterdir())) == 1
    half.close()
    assert list(tmp_path.iterdir()) == []


def test_answers() -> None:
    good = FORM.envelope(csv_of(ROW), "k1")
    told = json.loads(FORM.answer(good, Receipt(message_id=3, verdict=Verdict.ACCEPTED)))
    assert told == {"verdict": "AA", "message": 3, "control_id": "k1"}
    bad = FORM.envelope(b"[1]")
    told = json.loads(
        FORM.answer(
            bad, Receipt(message_id=4, verdict=bad.verdict, reason=bad.reason, place=bad.place)
        )
    )
    assert (told["verdict"], told["reason"], told["words"]) == (
        "AE",
        "FILE_FORMAT",
        "不支持该文件格式",
    )
    assert told["advice"]


@pytest.mark.parametrize(
    "options", [{"x": 1}, {"defaults": {"region": 1}}, {"defaults": 3}, {"hospital": "yes"}]
)
def test_options_that_are_wrong_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(GrouperError) as caught:
        TableForm().configure(options)
    assert caught.value.code == "SETTING_INVALID"


def test_a_default_that_cannot_be_read_is_told_with_the_file() -> None:
    form = TableForm()
    form.configure({"defaults": {"nothing": "x"}})
    assert form.envelope(csv_of(ROW)).reason == "DEFAULT_INVALID"


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


def drain(raw: bytes) -> None:
    envelope = FORM.envelope(raw)
    assert envelope.raw == raw
    found: list[Event] = []
    with suppress(IntakeError):
        found = list(FORM.events(raw))
    for event in found:
        json.dumps([dict(event.facts), dict(event.extra), dict(event.person)])


@settings(deadline=None)
@given(st.lists(st.lists(CELL, min_size=2, max_size=5), min_size=1, max_size=4))
def test_any_table_raises_only_intake_errors(rows: list[list[str]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["case_id", "入院时间", "dx", "病案号", "ICU小时"])
    writer.writerows(rows)
    drain(out.getvalue().encode())


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_raise_only_intake_errors(raw: bytes) -> None:
    drain(raw)
    drain(b"PAR1" + raw + b"PAR1")
    drain(b'{"case_id":"1"}\n' + raw)


def test_values_without_a_form_of_their_own_are_texts() -> None:
    assert plain({"a": (Decimal("1.5"), None, True)}) == {"a": ["1.5", None, True]}
