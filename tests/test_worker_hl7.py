"""Bad input end to end: HL7 v2 messages through the inbox and the worker, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hl7_messages import PATIENT, PID, VISIT, dg1, message, pv1, segment, stay
from inbox_support import opened, settings_of
from sqlalchemy import select

from grouper.intake.envelope import Receipt
from grouper.service.worker import Worker
from grouper.store.database import Database
from grouper.store.inbox import Inbox
from grouper.store.quarantine import Quarantine, Wanted
from grouper.store.schema import grouping, outcome, stay_version
from grouper.store.schema import stay as stays
from hl7_adapters.hl7v2 import FORM

OTHER = PID.replace("测试^患者", "另一^患者").replace("19610203", "19900909")
LEFT = "20260309100000+0800"
GONE = pv1(discharged=LEFT, way="1")


class House:
    def __init__(self, folder: Path, database: Database) -> None:
        self.database = database
        self.worker = Worker(settings_of(folder), database, {FORM.name: FORM})

    def send(self, *raws: bytes) -> list[Receipt]:
        envelopes = [(FORM.envelope(raw), "mllp") for raw in raws]
        receipts = Inbox(self.database).put_many(envelopes)
        while self.worker.step():
            pass
        return receipts

    def rows(self, *columns: object) -> list[tuple[object, ...]]:
        with self.database.reading() as connection:
            return [tuple(row) for row in connection.execute(select(*columns))]  # type: ignore[call-overload]

    def told(self) -> list[tuple[object, ...]]:
        return self.rows(outcome.c.state, outcome.c.reason)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path) as database:
        yield House(tmp_path, database)


def admitted(house: House) -> None:
    house.send(stay("ADT^A01", pv1(), control_id="1"))


def test_a_stay_from_admission_to_discharge_is_grouped_at_each_step(house: House) -> None:
    admitted(house)
    house.send(stay("ADT^A08", pv1(), dg1(1, "I63.900", f15="1"), control_id="2"))
    house.send(stay("ADT^A03", GONE, dg1(1, "I63.900", f15="1"), control_id="3"))
    assert house.rows(stays.c.visit, stays.c.state, stays.c.version) == [(VISIT, "discharged", 3)]
    groups = house.rows(grouping.c.version, grouping.c.scheme, grouping.c.group)
    assert [(version, scheme) for version, scheme, _ in groups] == [
        (1, "chs-drg-2.0"),
        (2, "chs-drg-2.0"),
        (3, "chs-drg-2.0"),
    ]
    assert str(groups[-1][2]).startswith("BR2")


def test_replayed_messages_change_nothing(house: House) -> None:
    sent = [stay("ADT^A01", control_id="1"), stay("ADT^A03", GONE, control_id="2")]
    first = house.send(*sent)
    before = house.rows(stay_version)
    again = house.send(*sent, *sent)
    assert all(receipt.duplicate for receipt in again)
    assert {receipt.message_id for receipt in again} == {r.message_id for r in first}
    assert house.rows(stay_version) == before


def test_two_patients_under_one_number_wait_for_a_person(house: House) -> None:
    admitted(house)
    (receipt,) = house.send(message("ADT^A01", OTHER, pv1(visit="ZY900002"), control_id="2"))
    # Stored and understood, so AA; that it contradicts is found when it is applied.
    assert receipt.verdict == "AA"
    assert house.told() == [("applied", ""), ("quarantined", "PATIENT_CONFLICT")]
    assert len(house.rows(stays.c.id)) == 1


def test_a_discharge_before_the_admission_is_kept_with_its_issue(house: House) -> None:
    early = pv1(discharged="20260201100000+0800", way="1")
    house.send(stay("ADT^A03", early, dg1(1, "I63.900", f15="1"), control_id="1"))
    assert house.told() == [("applied", "")]
    ((issues,),) = house.rows(stay_version.c.issues)
    assert "DATE_ORDER" in {issue["reason"] for issue in issues}  # type: ignore[attr-defined]


def test_a_discharge_that_arrives_before_its_admission_comes_to_the_same(house: House) -> None:
    house.send(
        stay("ADT^A03", GONE, control_id="1"),
        stay("ADT^A01", pv1(discharged=""), control_id="2"),
    )
    assert house.told() == [("applied", "")] * 2
    assert house.rows(stays.c.state) == [("discharged",)]


def test_a_merge_to_itself_waits_for_a_person(house: House) -> None:
    admitted(house)
    mrg = segment("MRG", f1=f"{PATIENT}^^^测试医院^PI")
    house.send(message("ADT^A40", PID, mrg, control_id="2"))
    assert house.told() == [("applied", ""), ("quarantined", "MERGE_TO_ITSELF")]


def test_a_wrong_charset_and_a_truncated_message_wait_for_a_person(house: House) -> None:
    whole = stay("ADT^A01", control_id="1")
    mislabelled = whole.replace("测试医院".encode(), b"\xff\xfe")
    receipts = house.send(mislabelled, whole[:40])
    assert [receipt.verdict for receipt in receipts] == ["AE", "AE"]
    assert [state for state, _ in house.told()] == ["quarantined"] * 2
    assert all(reason for _, reason in house.told())


def test_the_same_id_with_other_content_waits_and_can_be_replayed(house: House) -> None:
    admitted(house)
    (receipt,) = house.send(stay("ADT^A03", GONE, control_id="1"))
    assert (receipt.verdict, receipt.reason) == ("AE", "CONFLICTING_DUPLICATE")
    assert house.rows(stays.c.state) == [("running",)]
    assert len(Quarantine(house.database).replay(Wanted(), "lin")) == 1
    house.send()
    assert house.told() == [("applied", ""), ("replayed", "CONFLICTING_DUPLICATE"), ("applied", "")]
    assert house.rows(stays.c.state) == [("discharged",)]
