"""What messages say becomes stays: versions, states, order of replays, what cannot be applied."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_support import HOSPITAL, START, Feed, database, line, open_database, stay

from grouper.intake.event import Coded, Event, EventKind, Line
from grouper.intake.forms import IntakeError
from grouper.store import bills, ids
from grouper.store.database import Database
from grouper.store.history import case_at, issues_of, record_at, versions
from grouper.store.schema import outcome, person, stay_version
from grouper.store.schema import stay as stays
from grouper.store.stays import Applier

__all__ = ["database", "outcome"]

ADMITTED = {"admission_time": "20260301093000", "admission_department": "0301", "sex": "1"}


@pytest.fixture
def feed(database: Database) -> Feed:
    return Feed(database)


def refused(feed: Feed, *events: Event) -> str:
    before = {t: feed.rows(t) for t in (stays, stay_version, person)}
    with pytest.raises(IntakeError) as error:
        feed(*events)
    assert {t: feed.rows(t) for t in before} == before
    return error.value.code


def test_a_stay_from_admission_to_discharge(feed: Feed) -> None:
    (number,) = feed(stay(**ADMITTED))
    assert feed.touched == (number,)
    head = feed.head()
    assert (head.state, head.version, head.department) == ("running", 1, "0301")
    assert head.admitted == datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
    feed(stay(dx=["I21.900", "I10.x00"], department="0302"))
    feed(stay(discharge_time="20260310", total_cost="1234.5"))
    head = feed.head()
    assert (head.state, head.version, head.department) == ("discharged", 3, "0302")
    assert head.total_cost == Decimal("1234.50")
    feed(stay(discharge_time=None))
    assert (feed.head().state, feed.head().discharged) == ("running", None)
    with feed.database.reading() as connection:
        then, _ = case_at(connection, number, 1)
        last, _ = case_at(connection, number)
        made = [(v.version, v.message_id, v.at > START) for v in versions(connection, number)]
    assert (then.dx, last.dx) == ((), ("I21.900", "I10.x00"))
    assert then.case_id == last.case_id == feed.head().case_id
    assert then.person == feed.head().pseudonym
    assert "P1" not in {then.person, then.case_id}
    assert then.hospital == HOSPITAL
    assert made == [(n, n, True) for n in (1, 2, 3, 4)]


def test_cancelled_and_reinstated(feed: Feed) -> None:
    feed(stay(**ADMITTED))
    feed(stay(cancelled=True))
    assert feed.head().state == "cancelled"
    feed(stay(discharge_time="20260310"))
    assert feed.head().state == "cancelled"
    feed(stay(cancelled=False))
    assert feed.head().state == "discharged"


def test_what_says_nothing_new_makes_no_version(feed: Feed) -> None:
    feed(stay(dx=["I21.900"], **ADMITTED))
    assert feed(stay(dx=["I21.900"], **ADMITTED)) == (feed.head().id,)
    assert feed.touched == ()
    assert feed.head().version == 1
    # Its stamp counts all the same: a replay of something older changes nothing.
    feed(stay(dx=["J18.900"], sex="2"), stamp=1)
    assert feed.head().version == 1
    with feed.database.reading() as connection:
        assert case_at(connection, feed.head().id)[0].sex == 1


def test_a_replay_stands_where_its_original_stood(feed: Feed) -> None:
    feed(stay(**ADMITTED))
    feed.last = 5
    feed(stay(department="0309", insurance_type="310"))
    feed(stay(department="0302", region="330100"), stamp=3)
    with feed.database.reading() as connection:
        case, _ = case_at(connection, feed.head().id)
        numbers = [v.message_id for v in versions(connection, feed.head().id)]
    assert (case.department, case.insurance_type, case.region) == ("0309", "310", "330100")
    assert numbers == [1, 6, 7]


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck), deadline=None)
@given(order=st.permutations(range(1, 7)))
def test_the_order_of_application_does_not_matter(
    order: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    said = {
        1: stay(dx=["A01.000"], lines=(line("1", "5.00"), line("2", "7.00")), **ADMITTED),
        2: stay(dx=["B02.900"], department="0302", lines=(line("1", "6.00"),)),
        3: stay(discharge_time="20260303", lines=(line("3"),), lines_whole=True),
        4: stay(discharge_time=None, cancelled=True),
        5: stay(dx=["C34.900", "I10.x00"], cancelled=False, lines=(line("2", "9.00"),)),
        6: stay(discharge_time="20260309", px=["36.0700"], lines=(line("3", "2.50"),)),
    }
    with open_database("sqlite", tmp_path_factory.mktemp("order")) as found:
        feed = Feed(found)
        for number in order:
            feed(said[number], stamp=number)
        head = feed.head()
        with found.reading() as connection:
            case, _ = case_at(connection, head.id)
    assert (head.state, head.total_cost) == ("discharged", Decimal("11.50"))
    assert case.dx == ("C34.900", "I10.x00")
    assert sorted(case.line_amount) == [Decimal("2.50"), Decimal("9.00")]


def test_many_events_of_one_message_make_one_version(feed: Feed) -> None:
    numbers = feed(
        stay(**ADMITTED), stay("V2", "P2", **ADMITTED), stay(dx=["I10.x00"], region="330100")
    )
    assert numbers == (feed.head().id, feed.head("V2").id)
    assert (feed.head().version, feed.head("V2").version) == (1, 1)


def name_many(database: Database, count: int) -> None:
    feed = Feed(database)
    many = [stay(f"V{n}", f"P{n}", sex="1") for n in range(count)]
    lines = tuple(line(str(n)) for n in range(count))
    assert len(feed(*many, stay("V1", "P1", lines=lines))) == count
    assert feed.head("V1").total_cost == count
    feed(stay("V1", "P1", lines=lines))
    with database.writing_store() as connection:
        applier = Applier(connection, HOSPITAL)
        assert len(applier.apply(many, 3, 3, START)) == count
        assert applier.touched == ()
    assert len(feed.rows(stays)) == len(feed.rows(person)) == count


def test_a_message_is_asked_for_in_blocks(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "AT_ONCE", 3)
    monkeypatch.setattr(bills, "AT_ONCE", 3)
    name_many(database, 10)


@pytest.mark.slow
def test_a_message_may_name_more_than_a_question_can_ask(database: Database) -> None:
    name_many(database, 66_000)


def test_a_chunk_is_one_memory(database: Database) -> None:
    with database.writing_store() as connection:
        applier = Applier(connection, HOSPITAL)
        applier.foresee(["V1", "V2", ""], ["P1", ""])
        applier.apply([stay(**ADMITTED)], 1, 1, START)
        with pytest.raises(IntakeError):
            applier.apply([stay(dx=["I10.x00"]), stay("V1", "P2")], 2, 2, START)
        applier.apply([stay(department="0309", lines=(line("1"),))], 3, 3, START)
        (touched,) = applier.touched
        case = applier.case(touched)
        applier.flush()
        applier.apply([stay(department="0308")], 4, 4, START)
        applier.flush()
    assert (case.department, case.dx, case.line_item) == ("0309", (), ("I1",))
    feed = Feed(database)
    assert feed.head().version == 3
    assert len(feed.rows(person)) == 1
    with database.reading() as connection:
        assert case_at(connection, touched.id, 2)[0] == case


def test_of_what_could_not_be_told_a_part_is_told(database: Database) -> None:
    bad = Event(kind=EventKind.REJECTED, reason="VISIT_MISSING", place="row 2")
    with database.writing_store() as connection:
        applier = Applier(connection, HOSPITAL)
        assert len(applier.apply([stay(**ADMITTED), bad], 1, 1, START)) == 1
        assert applier.rejected == (bad,)
        applier.apply([Event(kind=EventKind.NOTHING)], 2, 2, START)
        assert applier.rejected == ()


def test_issues_are_kept_without_values_that_name(feed: Feed) -> None:
    feed(
        stay(
            birth_date="王小明",
            admission_time="20260310",
            discharge_time="20260301",
            unknown=(("PV1-36", "回家路上"),),
        )
    )
    feed(stay(lines=(line("1", "much"),), unknown=(("FT1-7", "Z9"),)))
    with feed.database.reading() as connection:
        first, second = versions(connection, feed.head().id)
    reasons = {(i["field"], i["reason"]) for i in first.issues}
    assert {("birth_date", "DATE_INVALID"), ("", "VALUE_UNKNOWN")} <= reasons
    assert any(reason == "DATE_ORDER" for _, reason in reasons)
    assert {"PV1-36", "FT1-7"} <= {i.get("place") for i in second.issues}
    assert [i["line"] for i in second.issues if "line" in i] == ["1"]
    assert {issue.reason for issue in issues_of(first)} == {reason for _, reason in reasons}
    assert "王" not in str(first.issues) + str(second.issues)
    assert "回家" not in str(first.issues)


def test_places_not_understood_are_said_until_they_are(feed: Feed) -> None:
    feed(stay(unknown=(("PV1-36", "Q7"),), **ADMITTED))
    feed(stay(lines=(line("1"),)))
    feed(stay(discharge_way="1"))
    with feed.database.reading() as connection:
        found = [len(v.issues) for v in versions(connection, feed.head().id)]
    assert found == [1, 1, 0]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (stay(""), "VISIT_MISSING"),
        (stay("V" * 257), "NUMBER_UNUSABLE"),
        (stay("V1", "P\x00"), "NUMBER_UNUSABLE"),
        (stay("V1\ud800"), "NUMBER_UNUSABLE"),
        (stay(hospital="H" * 65), "NUMBER_UNUSABLE"),
        (stay(lines=(Line(key="K" * 257),)), "NUMBER_UNUSABLE"),
        (Event(kind=EventKind.PERSON), "PATIENT_MISSING"),
        (Event(kind=EventKind.MERGE_PERSON, prior_patient="P1"), "PATIENT_MISSING"),
        (Event(kind=EventKind.MERGE_PERSON, patient="P1"), "MERGE_INCOMPLETE"),
        (Event(kind=EventKind.MERGE_PERSON, patient="P1", prior_patient="P1"), "MERGE_TO_ITSELF"),
        (Event(kind=EventKind.MERGE_VISIT, visit="V1"), "MERGE_INCOMPLETE"),
        (Event(kind=EventKind.MERGE_VISIT, prior_visit="V1"), "VISIT_MISSING"),
        (Event(kind=EventKind.MERGE_VISIT, visit="V1", prior_visit="V1"), "MERGE_TO_ITSELF"),
    ],
)
def test_what_cannot_be_applied_changes_nothing(feed: Feed, event: Event, code: str) -> None:
    feed(stay(**ADMITTED))
    first = stay(dx=["I10.x00"], lines=(line("1"),))
    assert refused(feed, first, stay("V9", "P9"), event) == code


def test_values_that_a_database_does_not_take_are_shown(feed: Feed) -> None:
    feed(
        stay(
            sex="1",
            department="内\x00科\ud800" + "长" * 200,
            dx=[Coded(code="I10\x00", rank=0, about={"name": Decimal("1.5")})],
            assessments={"assessment_item": ("A",), "assessment_value": (7,)},
            admission_time=date(2026, 3, 1),
            extra={"ZXX-1": {"n": 1 << 70, "text": "\\u0000", "list": (1, None, True)}},
            lines=(line("1", "2.00", line_name="a\x00"),),
        )
    )
    with feed.database.reading() as connection:
        record = record_at(connection, feed.head().id)
        case, _ = case_at(connection, feed.head().id)
    assert case.department == "内␀科?" + "长" * 200
    assert case.admission_time is not None
    assert case.line_name == ("a␀",)
    assert (case.dx, case.assessment_value) == (("I10␀",), ("7",))
    assert record["dx"]["items"]["I10␀"]["about"] == {"name": "1.5"}
    assert record["extra"]["ZXX-1"][0] == {
        "n": str(1 << 70),
        "text": "\\u0000",
        "list": [1, None, True],
    }
    department = feed.head().department
    assert department is not None
    assert len(department) == 128


def test_nesting_without_an_end_is_no_message(feed: Feed) -> None:
    deep: object = "x"
    for _ in range(3000):
        deep = [deep]
    assert refused(feed, stay(extra={"Z": deep})) == "MESSAGE_UNREADABLE"


TEXT = st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
EVENTS = st.builds(
    Event,
    kind=st.sampled_from([k for k in EventKind if k is not EventKind.REJECTED]),
    patient=st.sampled_from(["", "P1", "P2"]) | TEXT,
    visit=st.sampled_from(["", "V1", "V2"]) | TEXT,
    prior_patient=st.sampled_from(["", "P1", "P2"]),
    prior_visit=st.sampled_from(["", "V1", "V2"]),
    cancelled=st.none() | st.booleans(),
    facts=st.dictionaries(
        st.sampled_from(["sex", "discharge_time", "total_cost", "kind", "los"]), VALUES, max_size=3
    ),
    extra=st.dictionaries(TEXT, VALUES, max_size=2),
    person=st.fixed_dictionaries({"name": TEXT, "birth_date": TEXT}),
    lines=st.lists(
        st.builds(
            Line,
            key=TEXT,
            about=st.dictionaries(
                st.sampled_from(["line_amount", "line_quantity", "line_time"]), VALUES, max_size=3
            ),
        ),
        max_size=3,
    ).map(tuple),
    lines_whole=st.booleans(),
)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_anything_at_all_is_applied_or_declared(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with open_database(kind, tmp_path_factory.mktemp("fuzz")) as found:
        feed = Feed(found)

        @settings(max_examples=examples(60), suppress_health_check=list(HealthCheck), deadline=None)
        @given(events=st.lists(EVENTS, min_size=1, max_size=3))
        def applied(events: list[Event]) -> None:
            try:
                numbers = feed(*events)
            except IntakeError:
                return
            with found.reading() as connection:
                for number in numbers:
                    for version in versions(connection, number):
                        case_at(connection, number, version.version)

        applied()
