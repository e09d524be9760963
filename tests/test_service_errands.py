"""Errands: asked for with a right, done within a reach, seen by nobody who sees less."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from access_support import database
from errand_support import COLLEAGUE, DOCTOR, MANAGER, OFFICE, Own, ask, code, held, own, settings

from codebooks.errors import GrouperError
from grouper.service import errand_kinds, errands, json_files
from grouper.service.errand_files import read_errand, write_errand
from grouper.service.errand_process import Work, run_one
from grouper.service.errands import Errand, Errands, ErrandState
from grouper.service.settings import Settings
from grouper.store.database import Database
from grouper.store.schema import now

__all__ = ["database", "held", "own", "settings"]


def test_an_errand_is_done_and_found_with_its_answer_and_files(
    held: Errands, own: Own, settings: Settings, database: Database
) -> None:
    def does(work: Work) -> Mapping[str, Any]:
        (work.out / "result.txt").write_bytes((work.files / "given.txt").read_bytes() * 2)
        work.told(3, 3)
        return {"size": 6}

    own.does = does
    made = held.ask(
        "own", {"month": "2026-03"}, by=DOCTOR, language="en", files={"given.txt": b"abc"}
    )
    assert (made.state, made.owner, made.actor) == (ErrandState.WAITING, 2, "doctor1")
    assert held.folder(made.id).stat().st_mode & 0o077 == 0
    run_one(held, made.id, settings, database)
    found = held.one(made.id, DOCTOR)
    assert (found.state, found.answer, found.done, found.of) == (
        ErrandState.DONE,
        {"size": 6},
        3,
        3,
    )
    assert found.share == 1.0
    assert found.created <= found.started <= found.ended  # type: ignore[operator]
    assert (held.files(found) / "result.txt").read_bytes() == b"abcabc"
    work = own.given[0]
    assert (work.reach, work.actor, work.language) == (("心内科",), "doctor1", "en")
    assert work.params == {"month": "2026-03"}
    assert work.settings is settings
    held.cancel(made.id, DOCTOR)
    assert list(held.place.iterdir()) == []


def test_a_file_may_be_handed_in_by_its_place(held: Errands, tmp_path: Path) -> None:
    given = tmp_path / "book.xlsx"
    given.write_bytes(b"PK")
    made = held.ask("own", {}, by=OFFICE, language="zh", files={"book.xlsx": given})
    assert (held.folder(made.id) / "in" / "book.xlsx").read_bytes() == b"PK"


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../a"])
def test_a_name_of_a_file_that_is_a_place_is_refused(held: Errands, name: str) -> None:
    with pytest.raises(GrouperError) as caught:
        held.ask("own", {}, by=OFFICE, language="zh", files={name: b""})
    assert code(caught) == "ERRAND_FILE"


def test_files_that_are_not_there_or_too_large_are_refused(
    held: Errands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(errand_kinds.limits(), most_bytes=3)
    monkeypatch.setattr(errands, "limits", lambda: small)
    for given in (b"four", tmp_path / "absent"):
        with pytest.raises(GrouperError) as caught:
            held.ask("own", {}, by=OFFICE, language="zh", files={"a": given})
        assert code(caught) == "ERRAND_FILE"
    assert held.all() == []


def test_who_lacks_a_right_may_not_ask_and_no_more_see(
    held: Errands, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GrouperError) as caught:
        ask(held, MANAGER, "review")
    assert code(caught) == "NOT_ALLOWED"
    with pytest.raises(GrouperError) as caught:
        ask(held, OFFICE, "cellar")
    assert code(caught) == "ERRAND_KIND"
    made = ask(held, OFFICE, "review")
    assert held.of(MANAGER, shared=True) == []
    with pytest.raises(GrouperError) as caught:
        held.one(made.id, MANAGER)
    assert code(caught) == "ERRAND_UNKNOWN"
    # A kind that a later version no longer has is shown to nobody.
    monkeypatch.setattr(errands, "kinds", dict)
    assert held.of(OFFICE) == []


def test_errands_are_shared_by_those_who_see_the_same_departments(held: Errands) -> None:
    first, second = ask(held, OFFICE, n=1), ask(held, DOCTOR, n=2)
    assert [one.id for one in held.of(OFFICE)] == [first.id]
    assert held.of(MANAGER) == []
    assert [one.id for one in held.of(MANAGER, "own", shared=True)] == [first.id]
    assert held.of(MANAGER, "review", shared=True) == []
    assert [one.id for one in held.of(COLLEAGUE, shared=True)] == [second.id]
    assert held.one(second.id, COLLEAGUE).id == second.id
    # Another's may be seen and not taken away.
    for number in (second.id, "nothing", "../errands"):
        with pytest.raises(GrouperError) as caught:
            held.cancel(number, COLLEAGUE)
        assert code(caught) == "ERRAND_UNKNOWN"
    # Newest first.
    third = ask(held, OFFICE, n=3)
    assert [one.id for one in held.of(OFFICE)] == [third.id, first.id]
    assert [held.before(one) for one in (first, second, third)] == [0, 1, 2]


def test_who_sees_less_than_before_sees_no_more_of_what_was_done_then(held: Errands) -> None:
    made = ask(held, OFFICE)
    demoted = replace(DOCTOR, account_id=OFFICE.account_id)
    assert held.of(demoted) == []
    moved = ask(held, DOCTOR)
    assert held.of(replace(DOCTOR, departments=("外科",))) == []
    wider = replace(DOCTOR, departments=("心内科", "外科"))
    assert [one.id for one in held.of(wider)] == [moved.id]
    promoted = replace(OFFICE, account_id=DOCTOR.account_id)
    assert [one.id for one in held.of(promoted)] == [moved.id]
    assert held.one(made.id, OFFICE).reach is None


def test_the_same_is_not_asked_for_twice_while_it_is_under_way(
    held: Errands, settings: Settings, database: Database
) -> None:
    made = ask(held, months=("2026-01", "2026-02"))
    assert ask(held, months=["2026-01", "2026-02"]).id == made.id
    assert ask(held, months=["2026-01"]).id != made.id
    assert ask(held, MANAGER, months=["2026-01", "2026-02"]).id != made.id
    run_one(held, made.id, settings, database)
    assert ask(held, months=["2026-01", "2026-02"]).id != made.id


def test_only_so_many_wait(held: Errands, monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(errand_kinds.limits(), most=3, most_own=2)
    monkeypatch.setattr(errands, "limits", lambda: few)
    ask(held, n=1)
    ask(held, n=2)
    with pytest.raises(GrouperError) as caught:
        ask(held, n=3)
    assert (code(caught), caught.value.params) == ("ERRANDS_FULL", {"waiting": 2, "own": 2})
    ask(held, MANAGER, n=1)
    with pytest.raises(GrouperError) as caught:
        ask(held, DOCTOR, n=1)
    assert (code(caught), caught.value.params) == ("ERRANDS_FULL", {"waiting": 3, "own": 0})


def test_a_folder_that_cannot_be_written_is_told(
    held: Errands, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings.folder / errands.FOLDER).write_text("no folder")
    with pytest.raises(GrouperError) as caught:
        ask(held)
    assert code(caught) == "ERRANDS_UNWRITABLE"
    assert held.all() == []
    (settings.folder / errands.FOLDER).unlink()

    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(errands, "write_errand", full)
    with pytest.raises(GrouperError) as caught:
        ask(held)
    assert caught.value.params == {"cause": "No space left on device"}
    assert list(held.place.iterdir()) == []


def test_what_ended_long_ago_is_taken_away(
    held: Errands, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = replace(errand_kinds.limits(), days={"default": 2, "review": 9})
    monkeypatch.setattr(errands, "limits", lambda: days)
    waiting, short, long = ask(held, n=1), ask(held, n=2), ask(held, kind="review")
    for one in (short, long):
        run_one(held, one.id, settings, database)
    left, fresh = held.place / ".new-x", held.place / ".gone-y"
    for folder in (left, fresh):
        folder.mkdir()
    (held.place / ".lock").touch()
    old = time.time() - 2 * errands._LEFT
    os.utime(left, (old, old))
    assert held.age(now()) == 0
    assert held.age(now() + timedelta(days=3)) == 1
    assert {one.id for one in held.all()} == {waiting.id, long.id}
    assert (left.exists(), fresh.exists()) == (False, True)


def test_files_that_are_no_errands_are_passed_over(held: Errands) -> None:
    made = ask(held)
    for name, words in (("a", "{"), ("b", "[]"), ("c", "{}")):
        (held.place / name).mkdir()
        (held.place / name / "errand.json").write_text(words)
    (held.folder(made.id) / "progress.json").write_text('{"done": "x", "of": null}')
    assert [one.id for one in held.all()] == [made.id]
    assert (made.share, read_errand(held.folder(made.id))) == (None, made)


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    json_files.write(path, {"a": 1})

    def broken(*_: object) -> Path:
        raise OSError

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError):  # noqa: PT011 -- as raised above
        json_files.write(path, {"a": 2})
    assert json_files.read(path) == {"a": 1}


def test_states_that_end() -> None:
    assert [one for one in ErrandState if one.ended] == [ErrandState.DONE, ErrandState.FAILED]


def test_an_errand_is_written_and_read_as_it_was(tmp_path: Path) -> None:
    at = now()
    made = Errand(
        id=tmp_path.name,
        kind="own",
        owner=3,
        actor="x",
        reach=("心内科",),
        language="zh",
        params={"a": [1]},
        state=ErrandState.FAILED,
        created=at,
        started=at,
        ended=at,
        code="INTERNAL",
        detail="a",
        advice="b",
        tries=2,
    )
    write_errand(tmp_path, made)
    assert read_errand(tmp_path) == made
    assert not list(tmp_path.glob(".errand*"))
