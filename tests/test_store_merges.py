"""Persons and stays that turn out to be one, and numbers that stand for two."""

from __future__ import annotations

from decimal import Decimal

import pytest
from store_support import HOSPITAL, Feed, database, line, stay

from grouper.intake.event import Coded, Event, EventKind
from grouper.intake.forms import IntakeError
from grouper.store.database import Database
from grouper.store.history import case_at, lines_at
from grouper.store.reading import stay_by_case, stays_of_patient, who
from grouper.store.schema import person
from grouper.store.schema import stay as stays

__all__ = ["database"]

LI = {"name": "李一", "birth_date": "19600102"}
WU = {"name": "吴二", "birth_date": "1975-05-05"}


@pytest.fixture
def feed(database: Database) -> Feed:
    return Feed(database)


def one_person(patient: str, prior: str, **said: str) -> Event:
    return Event(kind=EventKind.MERGE_PERSON, patient=patient, prior_patient=prior, person=said)


def one_stay(visit: str, prior: str, patient: str = "P1") -> Event:
    return Event(kind=EventKind.MERGE_VISIT, visit=visit, prior_visit=prior, patient=patient)


def refused(feed: Feed, *events: Event) -> str:
    before = [feed.rows(person), feed.rows(stays)]
    with pytest.raises(IntakeError) as error:
        feed(*events)
    assert [feed.rows(person), feed.rows(stays)] == before
    return error.value.code


def details(feed: Feed, visit: str = "V1") -> dict[str, object]:
    number = feed.head(visit).person_id
    assert number is not None
    with feed.database.reading() as connection:
        found = who(connection, number)
    assert found is not None
    return {"patient": found.patient, **found.details}


def test_the_stays_of_the_prior_number_move_and_later_messages_follow(feed: Feed) -> None:
    feed(stay("V1", "OLD", person=LI))
    feed(stay("V2", "P1", person=LI))
    moved = feed(one_person("P1", "OLD"))
    assert moved == (feed.head("V1").id,)
    feed(stay("V3", "OLD"))
    pseudonyms = {feed.head(visit).pseudonym for visit in ("V1", "V2", "V3")}
    assert len(pseudonyms) == 1
    assert feed.head("V1").patient == "P1"
    assert feed.head("V1").version == 1
    with feed.database.reading() as connection:
        for number in ("OLD", "P1"):
            visits = [head.visit for head in stays_of_patient(connection, HOSPITAL, number)]
            assert visits == ["V3", "V2", "V1"]
        assert stays_of_patient(connection, HOSPITAL, "P9") == []
        assert case_at(connection, feed.head("V1").id)[0].person in pseudonyms


def test_a_number_that_nobody_named_yet_is_remembered(feed: Feed) -> None:
    assert feed(one_person("P1", "OLD", **LI)) == ()
    feed(stay("V1", "OLD"))
    assert details(feed) == {"patient": "P1", **LI}
    assert feed(one_person("P1", "OLD")) == ()


def test_chains_of_merges_end_at_the_last_number(feed: Feed) -> None:
    feed(stay("V1", "A"), stay("V2", "B"))
    feed(one_person("B", "A"))
    feed(one_person("C", "B"))
    feed(stay("V3", "A"))
    assert {details(feed, v)["patient"] for v in ("V1", "V2", "V3")} == {"C"}
    with feed.database.reading() as connection:
        numbers = [row["id"] for row in feed.rows(person)]
        assert {getattr(who(connection, number), "patient", None) for number in numbers} == {"C"}
    # They are one already: nothing moves, in whichever direction it is said.
    assert feed(one_person("A", "C")) == ()


def test_a_merge_within_the_chunk_sees_what_is_not_written_yet(database: Database) -> None:
    feed = Feed(database)
    feed(stay("V1", "OLD"), one_person("P1", "OLD"), stay("V2", "OLD"))
    feed(stay("V1", "P1", sex="1"))
    assert feed.head("V1").person_id == feed.head("V2").person_id


def test_two_patients_under_one_number(feed: Feed) -> None:
    feed(stay("V1", "P1", person=LI))
    assert refused(feed, stay("V2", "P1", person=WU)) == "PATIENT_CONFLICT"
    assert (
        refused(feed, Event(kind=EventKind.PERSON, patient="P1", person=WU)) == "PATIENT_CONFLICT"
    )
    # One of the two may be corrected; afterwards the old words are no one else's.
    feed(Event(kind=EventKind.PERSON, patient="P1", person={"name": "李 一"}))
    feed(stay("V1", "P1", person={"name": "李乙", "birth_date": "1960/1/2"}))
    feed(stay("V1", "P1", person={"name": "李乙", "birth_date": "1961-01-02"}))
    feed(stay("V1", "P1", person=LI), stamp=1)
    assert details(feed) == {"patient": "P1", "name": "李乙", "birth_date": "1961-01-02"}
    # What cannot be read, and what is not known, tells nothing.
    feed(stay("V1", "P1", person={"name": "周", "birth_date": "?"}))
    feed(stay("V4", "P4", person={"name": "郑"}))
    feed(stay("V4", "P4", person=WU))


def test_after_a_merge_the_prior_persons_words_are_no_conflict(feed: Feed) -> None:
    feed(stay("V1", "OLD", person={**WU, "sex": "2"}), stay("V2", "P1", person=LI))
    feed(one_person("P1", "OLD"))
    feed(stay("V1", "OLD", person=LI))
    feed(stay("V3", "OLD", person={"name": "吴二", "birth_date": "19750505"}), stamp=1)
    assert details(feed)["name"] == "李一"
    assert details(feed)["sex"] == "2"


def test_a_stay_of_someone_else(feed: Feed) -> None:
    feed(stay("V1", "P1"))
    assert refused(feed, stay("V1", "P2", sex="2")) == "PATIENT_CONFLICT"
    feed(one_person("P2", "P1"))
    feed(stay("V1", "P1", sex="2"))
    feed(stay("V5", ""))
    feed(stay("V5", "P7"))
    assert feed.head("V5").patient == "P7"
    assert feed.head("V5").version == 1


def test_one_number_in_two_hospitals_is_two(feed: Feed) -> None:
    numbers = feed(stay("V1", "P1", hospital="H2"), stay("V1", "P1"))
    assert len(set(numbers)) == 2
    assert len(feed.rows(person)) == 2


def test_two_stays_become_one(feed: Feed) -> None:
    feed(
        stay(
            "OLD",
            department="0301",
            dx=["A01.000", "I10.x00"],
            lines=(line("1", "5.00"), line("2", "7.00")),
            extra={"Z": "old"},
        )
    )
    feed(stay("V1", department="0302", dx=["C34.900"], lines=(line("1", "1.00"),)))
    feed(stay("OLD", sex="2", cancelled=True, px=[Coded(code="36.0700", rank=0)]))
    before = feed.head("V1").version
    numbers = feed(one_stay("V1", "OLD"))
    head = feed.head("V1")
    assert set(numbers) == {head.id, feed.rows(stays)[0]["id"]}
    assert head.id == feed.head("OLD").id
    assert (head.state, head.version) == ("running", before + 1)
    assert head.total_cost == Decimal("13.00")
    with feed.database.reading() as connection:
        case, _ = case_at(connection, head.id)
        then, _ = case_at(connection, head.id, before)
        ended = stay_by_case(connection, feed.rows(stays)[0]["case_id"])
    assert (case.department, case.sex, case.dx, case.px) == ("0302", 2, ("C34.900",), ("36.0700",))
    assert sorted(case.line_amount) == [Decimal(1), Decimal(5), Decimal(7)]
    assert then.line_amount == (Decimal("1.00"),)
    assert ended is not None
    assert (ended.state, ended.merged_into) == ("merged", head.id)


def test_lines_under_the_old_number_are_corrected_under_it(feed: Feed) -> None:
    feed(stay("OLD", lines=(line("1", "5.00"), line("*", "6.00"))), stay("V1", lines=(line("1"),)))
    feed(one_stay("V1", "OLD"))
    feed(stay("OLD", lines=(line("1", "8.00"),)))
    assert feed.head("V1").total_cost == Decimal("15.00")
    feed(one_stay("V2", "V1"))
    feed(stay("OLD", lines=(line("9", "0.50"),), lines_whole=True))
    assert feed.head("V2").total_cost == Decimal("1.50")
    feed(stay("V1", lines=(line("1", "2.00"),)))
    assert feed.head("V2").total_cost == Decimal("2.50")
    feed(stay("V2", lines=(line("z", "4.00"),), lines_whole=True))
    assert feed.head("V2").total_cost == Decimal("4.00")
    with feed.database.reading() as connection:
        assert [row.line for row in lines_at(connection, feed.head("V2").id)] == ["z"]


def test_a_bill_before_the_merge_is_not_of_the_other_stay(feed: Feed) -> None:
    feed(stay("OLD", lines=(line("1", "5.00"),)))
    feed(stay("V1", lines=(line("2", "1.00"),), lines_whole=True))
    feed(one_stay("V1", "OLD"))
    assert feed.head("V1").total_cost == Decimal("6.00")


def test_an_old_number_of_a_stay_is_remembered(feed: Feed) -> None:
    feed(one_stay("V1", "OLD"))
    feed(stay("OLD", sex="1"))
    assert feed.head("V1").version == 2
    feed(one_stay("V1", "OLD"))
    assert feed.head("V1").version == 2


def test_stays_of_two_patients_are_not_made_one(feed: Feed) -> None:
    feed(stay("V1", "P1"), stay("OLD", "P2"))
    assert refused(feed, one_stay("V1", "OLD")) == "PATIENT_CONFLICT"
    feed(stay("V3", ""))
    feed(one_stay("V3", "OLD", ""))
    assert feed.head("V3").patient == "P2"


def test_a_list_without_a_patient_number_still_says_who_the_stays_patient_is(feed: Feed) -> None:
    feed(stay(person={"name": "示例"}))
    feed(stay(patient="", person={"birth_date": "1960-01-01"}))
    number = feed.head().person_id
    assert number is not None
    with feed.database.reading() as connection:
        found = who(connection, number)
    assert found is not None
    assert found.details == {"name": "示例", "birth_date": "1960-01-01"}
    # Where no message said whose stay it is, there is nobody to describe.
    feed(stay("V9", patient="", person={"name": "示例"}))
    assert feed.head("V9").person_id is None
