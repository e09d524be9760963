"""The physician's page below the surface: the course of a group, corrections, limits, remarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from discharge_support import lines, local, number_of, past, present
from service_support import Service, service

from codebooks.errors import CodebookError
from grouper.case.record import Case
from grouper.service import discharge_limits as limits_module
from grouper.service.correction import Act, Change, code_sets, consequence, corrected
from grouper.service.discharge import Role, at_discharge, codings, remarks, why
from grouper.service.discharge_limits import discharge_limits, read_limits
from grouper.service.group_course import group_course, own_course
from grouper.service.problems import ServiceError
from grouper.service.stored import stay_of_case
from grouper.store.reading import stay_by_case

SCHEME, GROUP = "chs-drg-2.0", "FM39"
SETS = {"diagnosis": "icd10-nhsa-2.0", "procedure": "icd9cm3-nhsa-2.0"}
CASE = Case(
    dx=("I21.001", "E11.900"),
    dx_poa=("1", "2"),
    px=("36.0601", "88.5500"),
    px_level=("4", "3"),
)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as found:
        yield found


def _head(running: Service, case_id: str) -> Any:
    with running.database.reading() as connection:
        return stay_by_case(connection, case_id)


def test_the_band_of_a_day_is_of_the_stays_that_were_still_there(running: Service) -> None:
    for number in range(30):
        past(running, number, days=2 if number < 20 else 5, amount=f"{10 * (number + 1)}.00")
    found = group_course(running.database, SCHEME, GROUP, datetime.now(UTC))
    assert found.stays == 30
    # Ten stays alone saw the fourth day: fewer than a figure may rest on.
    assert [(one.day, one.stays) for one in found.days] == [(1, 30), (2, 30), (3, 30)]
    first = found.days[0].cost
    assert (first.low, first.middle, first.high) == (Decimal(30), Decimal(150), Decimal(270))
    assert found.days[2].cost.middle == Decimal(450)
    assert found.los == (2, 2, 5)
    whole = sorted(10 * (number + 1) * (3 if number < 20 else 6) for number in range(30))
    assert found.cost is not None
    assert [found.cost.low, found.cost.middle, found.cost.high] == [whole[2], whole[14], whole[26]]


def test_too_few_stays_tell_nothing(running: Service) -> None:
    past(running, 1)
    found = group_course(running.database, SCHEME, GROUP, datetime.now(UTC))
    assert (found.stays, found.days, found.cost, found.los) == (1, (), None, None)
    other = group_course(running.database, SCHEME, "ZZZ", datetime.now(UTC))
    assert other.stays == 0


def test_the_course_of_a_stay(running: Service) -> None:
    charged = lines(2, 2)
    charged["before"] = {"line_amount": "7.00", "line_time": local(9)}
    charged["undated"] = {"line_amount": "0.50"}
    charged["without"] = {"line_item": "A"}
    case = present(running, lines=charged)
    at = datetime.now(UTC)
    # What was charged before counts on the first day, what has no time on the last.
    expected = (Decimal("107.00"), Decimal("207.00"), Decimal("207.50"))
    assert own_course(running.database, _head(running, case), at) == expected
    empty = present(running, "NOW2", "PY", lines={})
    assert own_course(running.database, _head(running, empty), at) == ()
    head = replace(_head(running, case), admitted=None)
    assert own_course(running.database, head, at) == ()
    backwards = replace(
        _head(running, case), state="discharged", discharged=datetime(2000, 1, 1, tzinfo=UTC)
    )
    assert own_course(running.database, backwards, at) == ()


@pytest.mark.parametrize(
    ("changes", "dx", "poa", "px"),
    [
        (
            [Change(Act.ADD, "diagnosis", "i50900")],
            ("I21.001", "E11.900", "I50.900"),
            ("1", "2", None),
            None,
        ),
        ([Change(Act.REMOVE, "diagnosis", "E11.900")], ("I21.001",), ("1",), None),
        ([Change(Act.REMOVE, "diagnosis", "I21.001")], (None, "E11.900"), (None, "2"), None),
        ([Change(Act.FIRST, "diagnosis", "E11.900")], ("E11.900", "I21.001"), ("2", "1"), None),
        (
            [Change(Act.REMOVE, "diagnosis", "I21.001"), Change(Act.FIRST, "diagnosis", "E11.900")],
            ("E11.900",),
            ("2",),
            None,
        ),
        ([Change(Act.FIRST, "procedure", "88.5500")], None, None, ("88.5500", "36.0601")),
    ],
)
def test_corrections(
    changes: list[Change], dx: tuple[str | None, ...] | None, poa: Any, px: Any
) -> None:
    found = corrected(CASE, changes, SETS)
    assert found.dx == (dx or CASE.dx)
    assert found.dx_poa == (poa or CASE.dx_poa)
    assert found.px == (px or CASE.px)
    assert found.px_level == (("3", "4") if px else CASE.px_level)
    assert found.px_date == ()


def test_all_codes_may_be_taken_away() -> None:
    case = Case(dx=("I21.001",))
    gone = corrected(case, [Change(Act.REMOVE, "diagnosis", "I21.001")], SETS)
    assert gone.dx == ()
    again = corrected(gone, [Change(Act.ADD, "diagnosis", "I21.001")], SETS)
    assert again == case


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (Change(Act.ADD, "diagnosis", "Q99.XYZ"), "CORRECTION_CODE"),
        (Change(Act.ADD, "diagnosis", "E11.900"), "CORRECTION_TWICE"),
        (Change(Act.REMOVE, "diagnosis", "I50.900"), "CORRECTION_ABSENT"),
        (Change(Act.FIRST, "procedure", "I21.001"), "CORRECTION_ABSENT"),
    ],
)
def test_corrections_that_cannot_be_made(change: Change, code: str) -> None:
    with pytest.raises(ServiceError) as error:
        corrected(CASE, [change], SETS)
    assert error.value.code == code
    for lang in ("zh", "en"):
        assert code in error.value.describe(lang)


def test_the_consequence_of_a_correction(running: Service) -> None:
    case = present(running, px=[])
    stay = stay_of_case(running.database, case, None)
    assert code_sets(SCHEME) == SETS
    change = [Change(Act.ADD, "procedure", "36.0601")]
    found = consequence(stay, change, "operation_note", "national", "zh")
    assert found.moved
    assert found.after["result"]["group"]["code"] == GROUP
    assert found.before["result"]["group"]["code"] != GROUP
    assert [one.role for one in found.codes] == [Role.PRINCIPAL, Role.NONE, Role.DECIDED]
    heart = [Change(Act.ADD, "diagnosis", "I50.900"), Change(Act.ADD, "diagnosis", "J18.900")]
    found = consequence(stay, heart, "course_note", "national", "zh")
    counted = {one.code for one in found.codes if one.role is Role.COUNTED}
    assert {one.code for one in found.now_counting()} == counted != set()
    assert found.no_longer_counting() == []
    # Nothing of it is stored.
    assert stay_of_case(running.database, case, None).case.dx == stay.case.dx


def test_a_trial_needs_changes_and_a_ground(running: Service) -> None:
    stay = stay_of_case(running.database, present(running), None)
    change = Change(Act.REMOVE, "diagnosis", "E11.900")
    most = discharge_limits().most_changes
    for changes, ground, code in (
        ([], "course_note", "CORRECTION_EMPTY"),
        ([change], "", "CORRECTION_GROUND"),
        ([change] * (most + 1), "course_note", "CORRECTION_MOST"),
    ):
        with pytest.raises(ServiceError) as error:
            consequence(stay, changes, ground, "national", "zh")
        assert error.value.code == code


def test_what_is_told_at_discharge(running: Service) -> None:
    at = datetime.now(UTC)
    case = present(running, dx=["I21.001", "Z99.XYZ", "I50.900"], px=["36.0601", "99.9999"])
    stay = stay_of_case(running.database, case, None)
    told = at_discharge(running.database, stay, "national", "zh", at)
    assert (told.scheme, told.group) == (SCHEME, GROUP)
    assert told.document is not None
    roles = [(one.code, one.role) for one in codings(told.document)]
    assert roles[0] == ("I21.001", Role.PRINCIPAL)
    assert ("Z99.XYZ", Role.UNKNOWN) in roles
    assert ("36.0601", Role.DECIDED) in roles
    assert [one.code for one in why(told.document)] == ["MDCF", "FM3", "FM39"]
    assert any("Z99.XYZ" in one.words for one in remarks(told, stay.issues, "zh"))
    empty = present(running, "NOW2", "PY", dx=[], px=[])
    stay = stay_of_case(running.database, empty, None)
    told = at_discharge(running.database, stay, "national", "en", at)
    assert told.group is None
    first = remarks(told, stay.issues, "en")[0]
    assert first.words
    assert first.advice


def test_a_case_that_no_scheme_binds(running: Service) -> None:
    facts = {"admission_time": "2001-01-01 08:00", "discharge_time": "2001-01-05 08:00"}
    case = running.stay("OLD", "PO", facts=facts)
    stay = stay_of_case(running.database, case, None)
    told = at_discharge(running.database, stay, "national", "zh", datetime.now(UTC))
    assert (told.document, told.reason, told.group) == (None, "SCHEME_UNCOVERED", None)
    assert remarks(told, (), "zh")[0].advice
    bare = replace(
        stay, groupings=(), case=replace(stay.case, discharge_time=datetime(2001, 1, 5, tzinfo=UTC))
    )
    told = at_discharge(running.database, bare, "national", "zh", datetime.now(UTC))
    assert told.reason == "SCHEME_UNCOVERED"
    lost = replace(stay, groupings=[replace(stay.groupings[0], scheme="gone-1.0")])
    with pytest.raises(CodebookError) as error:
        at_discharge(running.database, lost, "national", "zh", datetime.now(UTC))
    assert error.value.code == "SCHEME_UNKNOWN"
    assert number_of(running, case) == stay.head.id


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("most_stays = 300", "", "most_stays"),
        ("keep = 300", "keep = true", "keep"),
        ("keep = 300", "keep = 0", "keep"),
        ("keep = 300", "keep = 300\nmore = 1", "more"),
        ('low = "0.10"', "low = 0.1", "low"),
        ('low = "0.10"', 'low = "1.10"', "low"),
        ('low = "0.10"', 'low = "x"', "low"),
        ('low = "0.10"', 'low = "0.95"', "high"),
        ("grounds = [", "grounds = [1, ", "grounds"),
        ("keep = 300", "keep 300", ""),
    ],
)
def test_limits_that_cannot_be_used(tmp_path: Path, old: str, new: str, name: str) -> None:
    shipped = limits_module._FILE.read_text("utf-8")
    assert old in shipped
    file = tmp_path / "discharge.toml"
    file.write_text(shipped.replace(old, new), "utf-8")
    with pytest.raises(CodebookError) as error:
        read_limits(file)
    assert (error.value.code, error.value.params["name"]) == ("DISCHARGE_LIMITS", name)
    assert error.value.describe("zh") != error.value.describe("en")
