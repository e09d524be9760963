"""The review's data: read, refused with file and name; exceptions, evidence, promotion, statistics."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from review_support import RULE

from codebooks.audit.books import audit_book
from codebooks.messages import catalogue
from grouper.audit import words
from grouper.audit.finding import FINDING_SCHEMA
from grouper.audit.review import evidence, promotion, tables, whitelisting
from grouper.audit.review.documents import plain, typed
from grouper.audit.review.errors import ReviewError
from grouper.audit.review.statistics import Facts, document, tallies
from grouper.audit.review.tables import (
    Limits,
    limits,
    read_limits,
    read_states,
    read_steps,
    standings,
    states,
    steps,
)
from grouper.store.rule_standings import Judged
from grouper.store.states import Standing
from grouper.store.whitelists import WhitelistRow

AT = datetime(2026, 3, 10, 2, tzinfo=UTC)
DATA = files("grouper.audit.review") / "data"


def shipped(name: str) -> str:
    return (DATA / name).read_text("utf-8")


def test_everything_has_words_in_both_languages() -> None:
    for lang in ("zh", "en"):
        known = catalogue(lang)
        for name, state in states().items():
            assert f"review.state.{name}" in known
            assert f"review.stage.{state.stage}" in known
        for action in {step.action for step in steps()}:
            assert f"review.action.{action}" in known
        assert {f"review.standing.{name}" for name in standings()} <= known.keys()
    assert set(standings()) == set(Standing)


@pytest.mark.parametrize(
    ("file", "words", "name"),
    [
        ("states", "[a", "TOML"),
        ("states", "a = 1", "a"),
        ("states", '[a]\nstage = "first"\nmore = 1', "a"),
        ("states", '[a]\nstage = "last"', "a.stage"),
        ("states", '[a]\nstage = "first"\nhidden = 1', "a.hidden"),
        ("states", '[a]\nstage = "first"\nsays = "maybe"', "a.says"),
        ("steps", "x = 1", "step, automatic"),
        ("steps", "step = [1]\nautomatic = []", "step 1"),
        ("steps", "[[step]]\naction = 'x'\n[[automatic]]", "step 1 from"),
    ],
)
def test_tables_that_are_not_right_are_refused(file: str, words: str, name: str) -> None:
    def read() -> object:
        return read_states(words) if file == "states" else read_steps(words, states())

    with pytest.raises(ReviewError) as refused:
        read()
    assert refused.value.code == "REVIEW_TABLE"
    assert refused.value.where.file == f"{file}.toml"
    assert refused.value.params["name"] == name


STEP = {
    "action": '"go"',
    "from": '["new"]',
    "to": '"confirmed"',
    "sources": '["own"]',
    "right": '"review"',
}


def one_step(**changed: str) -> str:
    rows = STEP | changed
    told = "\n".join(f"{name} = {value}" for name, value in rows.items() if value)
    return f'[[step]]\n{told}\n[[automatic]]\nfrom = ["new"]\nto = ["gone"]\n'


def test_a_step_is_read() -> None:
    (step,), (way,) = read_steps(one_step(), states())
    assert (step.action, step.before, step.to) == ("go", ("new",), "confirmed")
    assert (way.before, way.to) == (("new",), ("gone",))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("action", ""),
        ("action", "1"),
        ("from", '["nowhere"]'),
        ("from", '"new"'),
        ("to", '"nowhere"'),
        ("sources", '["nobody"]'),
        ("right", '"any"'),
        ("needs", '["luck"]'),
        ("takes", '["time"]'),
        ("opinion", '"loud"'),
        ("other_than", '["me"]'),
        ("closes", "1"),
        ("closes", "true"),
        ("to", '"deducted"'),
        ("more", '"x"'),
    ],
)
def test_a_step_that_is_not_right_is_refused(name: str, value: str) -> None:
    with pytest.raises(ReviewError) as refused:
        read_steps(one_step(**{name: value}), states())
    assert refused.value.code == "REVIEW_TABLE"
    assert "step 1" in str(refused.value.params["name"])


def test_two_steps_of_one_name_from_one_state_are_refused() -> None:
    twice = one_step() + one_step().partition("[[automatic]]")[0]
    with pytest.raises(ReviewError):
        read_steps(twice, states())


def test_a_hospital_replaces_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    assert limits().days["new"]["violation"] == 3
    own = tmp_path / "audit" / "review" / "limits.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[days.new]\nviolation = 1\n[rules]\nmost_false = "0.25"\n', "utf-8")
    found: Limits = limits()
    assert (found.days["new"]["violation"], found.days["new"]["suspect"]) == (1, 5)
    assert (found.most_false, found.marks) == (Decimal("0.25"), 3)
    own.write_bytes(b"\xff")
    with pytest.raises(ReviewError) as refused:
        limits()
    assert refused.value.where.file == "audit/review/limits.toml"


@pytest.mark.parametrize(
    ("own", "name"),
    [
        ("[more]\nx = 1", "more"),
        ("days = 1", "days"),
        ("[days.nowhere]\nviolation = 1", "days.nowhere"),
        ("[days.new]\nviolation = 0", "days.new.violation"),
        ("[days.new]\nloud = 1", "days.new.loud"),
        ("[rules]\nmarks = true", "rules.marks"),
        ("[rules]\nmarks = 0", "rules.marks"),
        ("[rules]\nmore = 1", "rules.more"),
        ("[rules]\nmost_false = 0.1", "rules.most_false"),
        ('[rules]\nmost_false = "x"', "rules.most_false"),
        ('[rules]\nmost_false = "1.5"', "rules.most_false"),
        ("[days]\nnew = 3", "days.new"),
    ],
)
def test_figures_that_are_not_right_are_refused(own: str, name: str) -> None:
    with pytest.raises(ReviewError) as refused:
        read_limits(shipped("limits.toml"), own)
    assert (refused.value.code, refused.value.params["name"]) == ("REVIEW_TABLE", name)


def test_a_document_is_the_finding() -> None:
    made = {
        "finding": "a" * 24,
        "rule": RULE,
        "row": None,
        "book": "national-2025",
        "level": "violation",
        "case_id": "C1",
        "person": "p",
        "department": "心内科",
        "physician": None,
        "lines": [1, 2],
        "items": ["i"],
        "day": date(2026, 3, 1),
        "observed": Decimal("2.0000"),
        "allowed": None,
        "unit": None,
        "amount": Decimal("12.50"),
        "evidence": [{"key": "sum", "value": "2"}],
        "moment": "stay",
    }
    row = {name: made.get(name) for name in FINDING_SCHEMA.names}
    told = plain(row)
    assert told["amount"] == "12.50"
    assert typed(told | {"line_names": ["L1"]}) == row
    assert pa.Table.from_pylist([typed(told)], FINDING_SCHEMA).num_rows == 1
    assert words.lines(typed(told), audit_book(), "en")
    assert typed({"rule": "r"})["lines"] == []
    with_more = plain(row | {"lines": (1, 2)})
    assert with_more["lines"] == [1, 2]


def exception(number: int = 1, **values: Any) -> WhitelistRow:
    made: dict[str, Any] = {
        "id": number,
        "rule": RULE,
        "row": None,
        "scope": {},
        "reason": "r",
        "valid_from": date(2026, 1, 1),
        "valid_to": date(2026, 7, 1),
        "created": AT,
        "created_by": "x",
    }
    return WhitelistRow(**(made | values))


DOCUMENT = {"rule": RULE, "row": "r1", "case_id": "C1", "department": "0301", "items": ["i", "j"]}
DAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("values", "covers"),
    [
        ({"row": "r1"}, True),
        ({"row": "r2"}, False),
        ({"rule": "R9", "row": "r1"}, False),
        ({"scope": {"case_id": "C1"}}, True),
        ({"scope": {"case_id": "C2"}}, False),
        ({"scope": {"department": "0301"}}, True),
        ({"scope": {"department": "0302"}}, False),
        ({"scope": {"item": "j"}}, True),
        ({"scope": {"item": "k"}}, False),
        ({"scope": {"dx": "Z51"}}, True),
        ({"scope": {"dx": "Z52"}}, False),
        ({"scope": {"dx": "Z51", "item": "k"}}, False),
        ({"valid_to": DAY}, False),
        ({"valid_from": DAY, "valid_to": DAY + timedelta(days=1)}, True),
    ],
)
def test_which_exceptions_cover_a_finding(values: dict[str, Any], *, covers: bool) -> None:
    found = whitelisting.matching([exception(**values)], DOCUMENT, ["I10", "Z51.100"], DAY)
    assert found == (1 if covers else None)


def test_of_several_exceptions_the_first_covers_and_none_without_a_day() -> None:
    several = [exception(7), exception(3)]
    assert whitelisting.matching(several, DOCUMENT, [], DAY) == 3
    assert whitelisting.matching(several, DOCUMENT, [], None) is None
    assert whitelisting.matching([], DOCUMENT, [], DAY) is None


def test_what_an_exception_has_to_say() -> None:
    book = audit_book()
    days = (date(2026, 1, 1), date(2027, 1, 1))
    whitelisting.check(book, RULE, None, {"dx": "Z51"}, "化疗", *days)
    row = next(
        (table.column("rule")[0].as_py(), table.column("row")[0].as_py())
        for table in book.tables.values()
        if table.num_rows
    )
    whitelisting.check(book, row[0], row[1], {}, "x", *days)
    broken: list[tuple[tuple[Any, ...], str]] = [
        (("R9", None, {"dx": "Z"}, "x", *days), "REVIEW_RULE"),
        ((RULE, "no", {"dx": "Z"}, "x", *days), "REVIEW_ROW"),
        ((RULE, None, {}, "x", *days), "WHITELIST_SCOPE"),
        ((RULE, None, {"more": "x"}, "x", *days), "WHITELIST_SCOPE"),
        ((RULE, None, {"dx": ""}, "x", *days), "WHITELIST_SCOPE"),
        ((RULE, None, {"dx": "Z"}, " ", *days), "REVIEW_NOTE"),
        ((RULE, None, {"dx": "Z"}, "x" * 2001, *days), "REVIEW_NOTE"),
        ((RULE, None, {"dx": "Z"}, "x", days[0], days[0]), "WHITELIST_DAYS"),
        ((RULE, None, {"dx": "Z"}, "x", days[0], date(2027, 1, 3)), "WHITELIST_DAYS"),
    ]
    for asked, code in broken:
        with pytest.raises(ReviewError) as refused:
            whitelisting.check(book, *asked)
        assert refused.value.code == code


def workbook(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        for name in names:
            opened.writestr(name, "x")
    return out.getvalue()


SHEET = workbook("[Content_Types].xml", "xl/workbook.xml")


@pytest.mark.parametrize(
    ("name", "content", "media"),
    [
        ("病历.PDF", b"%PDF-1.7 ...", "application/pdf"),
        ("a.png", b"\x89PNG\r\n\x1a\n..", "image/png"),
        ("a.jpeg", b"\xff\xd8\xff\xe0..", "image/jpeg"),
        ("a.tif", b"MM\x00*..", "image/tiff"),
        ("a.xlsx", SHEET, None),
        ("a.csv", "项目,金额\r\n".encode("gb18030"), "text/plain"),
        ("a.txt", "﻿说明".encode(), "text/plain"),
    ],
)
def test_evidence_is_told_by_its_content(name: str, content: bytes, media: str | None) -> None:
    shown, found = evidence.check(name, content)
    assert shown == name
    assert found == media or (media is None and found.endswith("spreadsheetml.sheet"))


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.pdf", b"", "EVIDENCE_EMPTY"),
        ("a.pdf", b"%PDF-" + bytes(20_971_520), "EVIDENCE_LARGE"),
        ("a.pdf", b"MZ..", "EVIDENCE_TYPE"),
        ("a.png", b"%PDF-1.7", "EVIDENCE_TYPE"),
        ("a.exe", b"%PDF-1.7", "EVIDENCE_TYPE"),
        ("", b"%PDF-1.7", "EVIDENCE_TYPE"),
        ("a.xlsx", b"PK\x03\x04 no zip", "EVIDENCE_TYPE"),
        ("a.xlsx", workbook("word/document.xml"), "EVIDENCE_TYPE"),
        (
            "a.xlsx",
            workbook("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"),
            "EVIDENCE_TYPE",
        ),
        ("a.txt", b"a\x00b", "EVIDENCE_TYPE"),
        ("a.txt", b"\xff\xff\xff", "EVIDENCE_TYPE"),
    ],
)
def test_other_files_are_refused(name: str, content: bytes, code: str) -> None:
    with pytest.raises(ReviewError) as refused:
        evidence.check(name, content)
    assert refused.value.code == code


def test_names_lose_folders_and_control_characters() -> None:
    assert evidence.check("..\\x/../y\\a\n\u202e.pdf", b"%PDF-1")[0] == "a.pdf"
    long = evidence.check("长" * 300 + ".pdf", b"%PDF-1")[0]
    assert len(long) == limits().most_name
    assert long.endswith("长.pdf")


@settings(max_examples=examples(200))
@given(st.text(max_size=300), st.binary(max_size=200))
def test_any_file_is_taken_or_refused(name: str, content: bytes) -> None:
    for start in (b"", b"PK\x03\x04", b"%PDF-"):
        for ending in ("", ".xlsx", ".pdf", ".txt"):
            try:
                shown, media = evidence.check(name + ending, start + content)
            except ReviewError:
                continue
            assert media
            assert 0 < len(shown) <= limits().most_name


def test_when_a_rule_is_promoted() -> None:
    check = promotion.check_change
    check("shadow", "live", "office1", "office2", Judged(20, 10, 1))
    check("shadow", "live", None, "office2", Judged(0, 0, 0))
    check("shadow", "live", "office1", "office2", Judged(2, 2, 0))
    check("live", "off", "office1", "office1", Judged(0, 0, 0))
    broken: list[tuple[tuple[Any, ...], str]] = [
        (("live", "live", None, "x", Judged(0, 0, 0)), "STANDING_WAY"),
        (("off", "live", None, "x", Judged(0, 0, 0)), "STANDING_WAY"),
        (("live", "loud", None, "x", Judged(0, 0, 0)), "STANDING_WAY"),
        (("shadow", "live", "x", "x", Judged(20, 10, 0)), "SECOND_PERSON"),
        (("shadow", "live", "y", "x", Judged(20, 4, 0)), "PROMOTION_UNJUDGED"),
        (("review", "live", "y", "x", Judged(20, 10, 2)), "PROMOTION_FALSE"),
    ]
    for asked, code in broken:
        with pytest.raises(ReviewError) as refused:
            check(*asked)
        assert refused.value.code == code
        assert refused.value.describe("zh")


def test_standings_and_marks() -> None:
    rule = audit_book().rules[RULE]
    assert promotion.standing_of(rule, {}) == "live"
    assert promotion.standing_of(rule, {RULE: "off"}) == "off"
    assert [promotion.told(one) for one in standings()] == [True, False, False, False]
    assert [promotion.asked(one) for one in standings()] == [True, True, True, False]
    assert promotion.falls("live", 3)
    assert not promotion.falls("live", 2)
    assert not promotion.falls("shadow", 9)


def facts(**values: Any) -> Facts:
    made: dict[str, Any] = {
        "rule": RULE,
        "department": "0301",
        "physician": "D1",
        "day": date(2026, 3, 2),
        "state": "new",
        "shadow": False,
        "amount": Decimal("10.00"),
        "first_seen": AT - timedelta(days=10),
        "last_seen": AT,
    }
    return Facts(**(made | values))


def test_what_is_counted() -> None:
    close = {"closed": AT - timedelta(days=4), "judged": AT}
    found = [
        facts(due=AT),
        facts(state="asked", asked_until=AT - timedelta(days=1), due=AT + timedelta(days=1)),
        facts(state="confirmed"),
        facts(state="deducted", deduction=Decimal("4.00"), **close),
        facts(state="dismissed", false_positive=True, **close),
        facts(state="corrected", **close),
        facts(state="corrected", gone=AT, **(close | {"closed": AT - timedelta(days=1)})),
        facts(state="gone", gone=AT),
        facts(state="shadow", shadow=True),
        facts(state="judged", shadow=True, judged=AT, false_positive=True),
        facts(department=None, day=None),
    ]
    counted = tallies(found, "department", AT)
    assert list(counted) == ["0301", None]
    one = document(counted["0301"])
    expected: dict[str, Any] = {
        "found": 8,
        "open": 3,
        "confirmed": 4,
        "dismissed": 1,
        "corrected": 2,
        "still_found": 1,
        "gone": 1,
        "deducted": 1,
        "overdue": 2,
        "judged": 5,
        "false_positives": 2,
        "shadow": 2,
        "amount": Decimal("80.00"),
        "deduction": Decimal("4.00"),
        "false_share": Decimal("0.400"),
        "median_days": Decimal("6.0"),
    }
    assert one == expected
    other = document(counted[None])
    assert (other["false_share"], other["median_days"]) == (None, None)
    assert list(tallies(found, "month", AT)) == ["2026-02", "2026-03"]
    assert list(tallies(found, "rule", AT)) == [RULE]
    half = tallies(
        [
            facts(state="dismissed", closed=AT - timedelta(days=10 - n), judged=AT)
            for n in (1, 2, 4, 9)
        ],
        "physician",
        AT,
    )
    assert half["D1"].median_days == Decimal("3.0")


def test_the_shipped_tables_are_cached() -> None:
    assert tables.steps() is tables.steps()


def test_the_page_names_every_state_step_and_standing() -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "AUDIT_REVIEW.md").read_text("utf-8")
    own = page.partition("## The insurer's lists")[0]
    for step in steps():
        assert f"`{step.action}`" in own
        assert step.to in own
    for name in (*states(), *standings()):
        assert name in own
