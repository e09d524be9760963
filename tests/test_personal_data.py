"""The inventory of personal data: every column and kind of file is in it, and the page says the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import String, Text

from grouper.service.backup_archive import backup_data
from grouper.service.erasing_list import data
from grouper.service.settings import Retention
from grouper.store.erasing import _owned
from grouper.store.erasing_inventory import FREE, KINDS, WAYS, Place, columns, places
from grouper.store.erasing_needles import Needles
from grouper.store.erasing_page import page
from grouper.store.erasing_subject import Subject
from grouper.store.schema import INBOX, STORE

PAGE = Path(__file__).resolve().parents[1] / "docs" / "PERSONAL_DATA.md"


def test_every_column_is_in_it_once_and_nothing_else() -> None:
    told = [(one.place, one.name, one.column) for one in places() if one.place != "files"]
    assert told == columns()


def test_the_words_are_those_that_are_known() -> None:
    for one in places():
        assert one.kind in KINDS, one
        assert {one.erased, one.limited} <= set(WAYS), one
        assert one.why, one
        assert one.keep, one


def test_what_is_personal_and_stays_says_why() -> None:
    personal = {"identifier", "number", FREE}
    left = [one for one in places() if one.kind in personal and one.erased == "stays"]
    assert all(one.note for one in left)
    assert {one.name for one in left if one.place != "files"} == set()


def test_settings_that_are_named_are_there() -> None:
    named = {
        word.removeprefix("retention.")
        for one in places()
        for word in one.keep.replace(",", " ").split()
        if word.startswith("retention.")
    }
    assert named <= set(Retention.model_fields)


@pytest.mark.parametrize("limit", [False, True])
def test_rows_that_go_are_said_to_go(*, limit: bool) -> None:
    subject = Subject((), (), (), (), Needles())
    gone = {table.name for _, table, _, _ in _owned(subject, limit=limit)}
    said = {
        one.name
        for one in places()
        if one.place == "store" and one.column == "id" and _way(one, limit=limit) == "gone"
    }
    said |= {"screened_stay"} if not limit else set()
    # Findings go one by one: of some the money stays.
    assert said - {"finding"} == gone


def _way(one: Place, *, limit: bool) -> str:
    return one.limited if limit else one.erased


def test_texts_that_people_write_can_be_searched() -> None:
    for one in places():
        if one.kind == FREE:
            kind = (STORE if one.place == "store" else INBOX).tables[one.name].c[one.column].type
            assert isinstance(kind, String | Text), one


def test_folders_of_the_service_are_in_it() -> None:
    folders = data()["files"]
    kept = {*folders["anew"], *folders["working"], *folders["kept"], folders["mart"]}
    kept |= {folders["aside"], data()["list"]["folder"]}
    assert kept <= {one.name for one in places() if one.place == "files"}
    # The list has to outlive backups, and is in none.
    assert data()["list"]["folder"] in backup_data()["service_without"]


def test_the_page_is_up_to_date() -> None:
    written = PAGE.read_text("utf-8")
    assert page(written) == written
    assert "| `person` | identifier | `details`" in written
