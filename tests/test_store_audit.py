"""The audit log: whatever is done to its rows shows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam
from store_support import START, database

from grouper.store import audit
from grouper.store.anchors import add_anchor, anchor_line, read_anchors
from grouper.store.audit import Anchor, Fault
from grouper.store.database import Database, StoreError
from grouper.store.schema import audit as table

__all__ = ["database"]


@pytest.fixture
def log(database: Database) -> Database:
    with database.writing_store() as connection:
        for number in range(1, 7):
            at = START + timedelta(seconds=number)
            about = {"b": number, "a": "看"}
            assert audit.append(connection, "lin", "case.read", f"case:{number}", about, at=at) == (
                number
            )
    return database


def faults(log: Database, *anchors: Anchor) -> list[tuple[int, Fault]]:
    with log.reading() as connection:
        return list(audit.verify(connection, anchors).faults)


def end(log: Database) -> Anchor:
    with log.reading() as connection:
        return audit.end(connection)


def change(log: Database, number: int, **values: Any) -> None:
    with log.writing_store() as connection:
        connection.execute(table.update().where(table.c.id == number).values(**values))


def remove(log: Database, *numbers: int) -> None:
    with log.writing_store() as connection:
        connection.execute(table.delete().where(table.c.id.in_(numbers)))


def rows(log: Database) -> list[dict[str, Any]]:
    with log.reading() as connection:
        found = connection.execute(table.select().order_by(table.c.id)).mappings()
        return [dict(row) for row in found]


def write_anew(log: Database, said: list[dict[str, Any]]) -> None:
    """Write the whole chain anew, as one who knows how could."""
    with log.writing_store() as connection:
        connection.execute(table.delete())
        for row in said:
            audit.append(connection, row["actor"], row["action"], row["object"], {}, at=row["at"])


def test_a_whole_log(log: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_BLOCK", 2)
    told: list[int] = []
    with log.reading() as connection:
        report = audit.verify(connection, [audit.end(connection)], told.append)
    assert (report.entries, report.faults, report.end) == (6, (), end(log))
    assert told == [2, 4, 6, 6]


def test_an_empty_log(database: Database) -> None:
    assert end(database) == Anchor(0, audit.START)
    assert faults(database, end(database)) == []


def test_entries_are_read_page_by_page(log: Database) -> None:
    with log.reading() as connection:
        first = audit.entries(connection, limit=4)
        second = audit.entries(connection, before=first[-1].id)
        own = audit.entries(connection, object="case:2", actor="lin")
        none = audit.entries(connection, actor="xu")
    assert [entry.id for entry in [*first, *second]] == [6, 5, 4, 3, 2, 1]
    assert [(entry.id, entry.about) for entry in own] == [(2, {"a": "看", "b": 2})]
    assert none == []


@pytest.mark.parametrize(
    "values",
    [
        {"at": START},
        {"actor": "xu"},
        {"action": "case.list"},
        {"object": "case:9"},
        {"about": '{"a":"看","b":4}'},
        {"about": '{"b":3,"a":"看"}'},
    ],
)
def test_a_changed_entry(log: Database, values: dict[str, Any]) -> None:
    change(log, 3, **values)
    assert faults(log) == [(3, Fault.CHANGED)]


def test_a_changed_entry_whose_hash_was_made_anew(log: Database) -> None:
    row = {**rows(log)[2], "actor": "xu"}
    change(log, 3, actor="xu", hash=audit._hash(row))
    assert faults(log) == [(4, Fault.BROKEN)]


def test_a_changed_hash(log: Database) -> None:
    change(log, 3, hash=bytes(32))
    assert faults(log) == [(3, Fault.CHANGED), (4, Fault.BROKEN)]
    change(log, 3, hash=rows(log)[3]["previous"], previous=bytes(32))
    assert faults(log) == [(3, Fault.CHANGED), (3, Fault.BROKEN)]


@pytest.mark.parametrize(("gone", "first"), [((3,), 3), ((1,), 1), ((1, 2), 1), ((4, 5), 4)])
def test_removed_entries(log: Database, gone: tuple[int, ...], first: int) -> None:
    remove(log, *gone)
    assert faults(log) == [(first, Fault.REMOVED)]


def test_a_removed_entry_whose_place_was_closed(log: Database) -> None:
    remove(log, 3)
    for number in (4, 5, 6):
        change(log, number, id=number - 1)
    assert faults(log) == [
        (3, Fault.CHANGED),
        (3, Fault.BROKEN),
        (4, Fault.CHANGED),
        (5, Fault.CHANGED),
    ]


def test_an_inserted_entry(log: Database) -> None:
    for number in (6, 5, 4):
        change(log, number, id=number + 1)
    row = {**rows(log)[2], "id": 4, "object": "case:forged", "previous": rows(log)[2]["hash"]}
    with log.writing_store() as connection:
        connection.execute(table.insert(), {**row, "hash": audit._hash(row)})
    found = faults(log)
    assert (5, Fault.BROKEN) in found
    assert (5, Fault.CHANGED) in found


def test_an_entry_before_the_first(log: Database) -> None:
    row = {**rows(log)[0], "id": 0}
    with log.writing_store() as connection:
        connection.execute(table.insert(), {**row, "hash": audit._hash(row)})
    assert faults(log)[0] == (1, Fault.REMOVED)


def test_reordered_entries(log: Database) -> None:
    with log.writing_store() as connection:
        swap = table.update().where(table.c.id == bindparam("old")).values(id=bindparam("new"))
        for old, new in ((3, 99), (4, 3), (99, 4)):
            connection.execute(swap, {"old": old, "new": new})
    assert {number for number, _ in faults(log)} == {3, 4, 5}


def test_a_tail_that_was_cut_off_shows_against_an_anchor(log: Database) -> None:
    anchor = end(log)
    remove(log, 5, 6)
    assert faults(log) == []
    assert faults(log, Anchor(0, audit.START), anchor) == [(5, Fault.CUT)]
    remove(log, 1, 2, 3, 4)
    assert faults(log, anchor) == [(1, Fault.CUT)]


def test_a_log_written_anew_shows_against_an_anchor(log: Database) -> None:
    anchor = end(log)
    said = rows(log)
    write_anew(log, [*said[:2], *said[3:], said[3]])
    assert faults(log) == []
    assert faults(log, anchor) == [(6, Fault.REWRITTEN)]


def test_anchors_are_kept_in_a_file(log: Database, tmp_path: Path) -> None:
    path = tmp_path / "anchors.jsonl"
    add_anchor(path, Anchor(0, audit.START), START)
    add_anchor(path, end(log), START)
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    assert read_anchors(path) == [Anchor(0, audit.START), end(log)]
    assert '"at":"2026-03-01T00:00:00+00:00"' in anchor_line(end(log), START)


@pytest.mark.parametrize(
    "content", ["{", "[]", "1", '{"id": 1}', '{"id": -1, "hash": ""}', '{"id": 1, "hash": "zz"}',
                '{"id": "x", "hash": ""}', '{"id": 1, "hash": "00"}', '{"id": null, "hash": 3}']
)  # fmt: skip
def test_a_file_that_is_none_is_declared(tmp_path: Path, content: str) -> None:
    path = tmp_path / "anchors.jsonl"
    path.write_text(f"\n{content}\n", "utf-8")
    with pytest.raises(StoreError) as error:
        read_anchors(path)
    assert (error.value.code, error.value.where.row) == ("ANCHOR_FILE", 2)


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    for act in (read_anchors, lambda p: add_anchor(p, Anchor(0, audit.START), START)):
        with pytest.raises(StoreError) as error:
            act(tmp_path)
        assert error.value.code == "ANCHOR_FILE"
