"""What belongs to a person in the tables: numbers that merged, numbers of others, and what a message says beside."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from erasure_support import first, hospital, traces
from sqlalchemy import insert
from store_support import Feed, line, stay
from store_support import database as database  # noqa: PLC0414 -- a fixture

from grouper.intake.envelope import Envelope
from grouper.intake.event import Event, EventKind
from grouper.store import erasing, erasing_subject, finding_batches
from grouper.store.checking import check
from grouper.store.database import Database
from grouper.store.erasing_inbox import messages_of
from grouper.store.finding_batches import Batch, BatchRow
from grouper.store.inbox import Inbox
from grouper.store.review_schema import finding_batch_row, finding_event
from grouper.store.schema import charge_line, now, outcome, person, stay_version
from grouper.store.schema import stay as stays

__all__ = ["database", "first"]

NUMBERS = erasing_subject.Numbers(6, ("id_number", "psn_no"), frozenset({"setl_id"}))
WHO = {"name": "章密示", "id_number": "110101196102030018", "tel": "13900001234"}
SETTLED = "2304.setlinfo.setl_id"


def found(database: Database, number: str, by: str = "patient") -> erasing_subject.Subject:
    with database.reading() as connection:
        return erasing_subject.find(connection, "H0001", by, number, NUMBERS)


def test_all_numbers_that_merged_are_one_person(database: Database) -> None:
    feed = Feed(database)
    feed(stay("V1", "P1", person=WHO, lines=(line("a"),)))
    feed(stay("V2", "P2"))
    feed(stay("V3", "P3"))
    feed(stay("V4", "P4"))
    feed(Event(kind=EventKind.MERGE_PERSON, patient="P1", prior_patient="P2"))
    feed(Event(kind=EventKind.MERGE_PERSON, patient="P3", prior_patient="P1"))
    feed(Event(kind=EventKind.MERGE_VISIT, visit="V1", prior_visit="V2", patient="P3"))
    # A number that merged before any message named it.
    feed(Event(kind=EventKind.MERGE_PERSON, patient="P3", prior_patient="P9"))
    feed(stay("V5", "P3", person={"name": "章新"}))
    subject = found(database, "P9")
    assert [number for _, number in subject.patients] == ["P1", "P2", "P3", "P9"]
    assert [number for _, number in subject.visits] == ["V1", "V2", "V3", "V5"]
    assert subject.needles.words == ("13900001234", "章密示", "章新")
    assert subject.needles.certificates == ("110101196102030018",)
    assert {found(database, number) for number in ("P1", "P2", "P3")} == {subject}
    assert found(database, "V2", "visit") == subject
    with database.writing_store() as connection:
        erasing.erase(connection, subject)
    assert [row["patient"] for row in feed.rows(person)] == ["P4"]
    assert [row["visit"] for row in feed.rows(stays)] == ["V4"]
    assert len(feed.rows(stay_version)) == 1
    assert feed.rows(charge_line) == []
    assert check(database).whole


def test_a_stay_of_nobody(database: Database) -> None:
    feed = Feed(database)
    feed(stay("V1", ""))
    subject = found(database, "V1", "visit")
    assert (subject.persons, len(subject.stays)) == ((), 1)
    with database.writing_store() as connection:
        erasing.erase(connection, subject)
    assert feed.rows(stays) == []


def test_what_is_said_beside_the_case(database: Database) -> None:
    feed = Feed(database)
    said = {SETTLED: "SETL000001", "2304.setlinfo.addr": "密示路", "2304.setlinfo.n": 1}
    feed(stay("V1", "P1", extra=said, person={"psn_no": "51000000000001"}))
    feed(stay("V1", "P1", lines=(line("a"),)))
    subject = found(database, "P1")
    assert subject.needles.sure(b"SETL000001")
    assert subject.needles.certificates == ("51000000000001",)
    with database.writing_store() as connection:
        told = {"finding_id": 1, "at": now(), "actor": "a", "action": "c", "before": "new"}
        told |= {"after": "new", "note": "编号 51000000000001", "about": {}}
        connection.execute(insert(finding_event), told)
        erasing.limit(connection, replace(subject, findings=(1,)), [SETTLED])
    first_version, second = (row["record"] for row in feed.rows(stay_version))
    assert first_version["extra"] == {SETTLED: ["SETL000001", 1]}
    assert second == {"as": 1}
    assert [row["note"] for row in feed.rows(finding_event)] == [None]
    assert [row["details"] for row in feed.rows(person)] == [{}]


def _listed(database: Database, name: str, code: str, *rows: tuple[str | None, list[str]]) -> None:
    """An insurer's list of a hospital: of each row the finding's key, and its cells."""
    made = [
        BatchRow(number=n, sheet=None, row=n + 1, key=key, reason=None, cells=cells)
        for n, (key, cells) in enumerate(rows, 1)
    ]
    told: dict[str, Any] = {"at": now(), "actor": "a", "name": name, "sha256": name * 64}
    told |= {"hospital": code, "due": None, "rows": len(made), "unread": 0, "matched": 0}
    batch = Batch(**told, header=[], about={})
    with database.writing_store() as connection:
        finding_batches.add(connection, batch, made)


def _rows_of(database: Database, subject: erasing_subject.Subject) -> list[list[str]]:
    rows = Feed(database).rows(finding_batch_row)
    return [row["cells"] for row in rows if row["id"] in subject.list_rows]


def test_an_amount_in_a_list_is_no_number_of_a_person(database: Database) -> None:
    feed = Feed(database)
    feed(stay("1001", "PT900001", person=WHO))
    mine = [["PT900001", "1"], ["X", "110101196102030018"]]
    rows = [(None, mine[0]), (None, mine[1]), ("k" * 64, ["ZY7", "1001"])]
    _listed(database, "a", "H0001", *rows)
    _listed(database, "b", "H0002", *rows)
    _listed(database, "c", "", *rows)
    subject = found(database, "PT900001")
    assert _rows_of(database, subject) == [*mine, *mine]
    # Of a list that says no hospital a number does not tell the person where there are several.
    feed(stay("V1", "PT900001", hospital="H0002", person={"name": "李他人"}))
    assert _rows_of(database, found(database, "PT900001")) == [*mine, mine[1]]


def test_the_same_number_of_another_hospital(database: Database) -> None:
    """Who shares a database may share numbers: then a number counts beside a name alone."""
    feed = Feed(database)
    feed(stay("V1", "PT900001", person=WHO))
    feed(stay("V1", "PT900001", hospital="H0002", person={"name": "李他人"}))
    subject = found(database, "PT900001")
    assert not subject.needles.alone
    assert len(subject.persons) == len(subject.stays) == 1
    raws = ["PT900001|章密示", "PT900001|李他人", "PT900001", "X|110101196102030018"]
    envelopes = [
        Envelope(form="f", raw=raw.encode(), control_id=str(n), patient="PT900001", visit="V1")
        for n, raw in enumerate(raws)
    ]
    # Numbers of messages that the stays were made of come first.
    put = Inbox(database).put_many([(one, "c") for one in envelopes])
    assert [one.message_id for one in put] == [1, 2, 3, 4]
    assert messages_of(database, subject).every == (1, 4)
    assert feed.rows(outcome) == []


_KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from erasure_support import Hospital, settings_of
from grouper.service import erasing, erasing_files
from grouper.store import audit, erasing_inbox
from grouper.store.database import connect

folder, url, name = Path(sys.argv[2]), sys.argv[3], sys.argv[4]
place = {"erase": erasing_files, "append": audit, "compact": erasing}.get(name, erasing_inbox)
real = getattr(place, name)

def killed(*given, **named):
    real(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(place, name, killed)
Hospital(settings_of(folder, url), connect(url), url).erase()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "places"),
    [
        ("sqlite", ("erase", "settle", "blank", "unlink", "append", "compact")),
        ("postgresql", ("blank", "append")),
    ],
    ids=["sqlite", "postgresql"],
)
def test_it_may_be_killed_anywhere(
    kind: str, places: tuple[str, ...], tmp_path: Path, first: Path
) -> None:
    with hospital(kind, tmp_path / "h", first) as made:
        for name in places:
            command = [sys.executable, "-c", _KILLED, str(Path(__file__).parent)]
            command += [str(tmp_path / "h"), made.url, name]
            done = subprocess.run(command, check=False, capture_output=True)
            assert done.returncode == -signal.SIGKILL, done.stderr.decode()
            assert [one.done for one in made.eraser.erasures.entries()] == [False]
        assert made.eraser.finish("tester") == 1
        assert traces(made.held()) == {}
        assert check(made.database).whole
