"""The files for analysis say what the tables say, whole or step by step, and can be deleted."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from store_support import START, Feed, database, line, open_database, stay

from grouper.case.dates import LOCAL
from grouper.intake.event import Event, EventKind, ItemAction, Line
from grouper.intake.record import raw_case
from grouper.store import analysis, analysis_tables, groupings
from grouper.store.analysis import connect_analysis, export
from grouper.store.database import Database, StoreError
from grouper.store.groupings import GroupingRow
from grouper.store.history import lines_at, record_at, typed_lines
from grouper.store.reading import Wanted, stays

__all__ = ["database"]


def ask(folder: Path, question: str) -> list[dict[str, Any]]:
    connection = connect_analysis(folder)
    try:
        found = connection.execute(question)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    finally:
        connection.close()


def local(time: datetime | None) -> datetime | None:
    return None if time is None else time.astimezone(LOCAL).replace(tzinfo=None)


def hold_equal(database: Database, folder: Path) -> None:
    """The views are what the reading functions of the store say."""
    with database.reading() as connection:
        heads, _ = stays(connection, Wanted(), limit=1000)
        expected_lines, expected_versions = {}, {}
        for head in heads:
            if head.merged_into is None and head.version:
                standing = lines_at(connection, head.id)
                for row in typed_lines(connection, standing):
                    row["charged"] = local(row["charged"])
                    expected_lines[head.id, row["line"]] = row
            for version in range(1, head.version + 1):
                said = raw_case(record_at(connection, head.id, version))
                expected_versions[head.id, version] = said
    rows = {row["stay_id"]: row for row in ask(folder, "FROM stays")}
    assert set(rows) == {head.id for head in heads}
    for head in heads:
        row = rows[head.id]
        assert (row["case_id"], row["person"]) == (head.case_id, head.pseudonym)
        for name in ("state", "kind", "department", "version", "total_cost", "merged_into"):
            assert row[name] == getattr(head, name), name
        for name in ("admitted", "discharged", "changed"):
            assert row[name] == local(getattr(head, name)), name
        counted = head.grouping
        assert row["group"] == (counted.group if counted else None)
        assert row["grouped_version"] == (counted.version if counted else None)
    found = {(row["stay_id"], row["line"]): row for row in ask(folder, "FROM lines")}
    assert set(found) == set(expected_lines)
    for key, values in expected_lines.items():
        assert {name: found[key][name] for name in values} == values
    question = (
        "SELECT v.stay_id, v.version, h.record FROM versions v JOIN versions h "
        "ON h.stay_id = v.stay_id AND h.version = v.record_version"
    )
    said = {(r["stay_id"], r["version"]): orjson.loads(r["record"]) for r in ask(folder, question)}
    assert said == {key: orjson.loads(orjson.dumps(v)) for key, v in expected_versions.items()}


def test_the_files_follow_the_tables(database: Database, tmp_path: Path) -> None:
    feed, folder = Feed(database), tmp_path / "analysis"
    charged = {"line_time": "20260331235900", "line_quantity": "1.5", "scope": "1"}
    feed(stay("V1", dx=["I10.x00"], admission_time="20260301", lines=(line("1", **charged),)))
    feed(stay("V2", "P2", lines=(line("1", "9.00", line_time="20260401"), line("2"))))
    assert export(database, folder).anew
    hold_equal(database, folder)
    assert {p.name for p in (folder / "charge_rows").iterdir()} == {"2026-03", "2026-04", "unknown"}

    feed(stay("V1", lines=(Line(key="1", action=ItemAction.DELETE), line("~3", "4.00"))))
    feed(stay("V2", "P2", lines=(line("9", "1.00"),), lines_whole=True))
    feed(stay("V3", lines=(line("1", "6.00"), line("2", "7.00"))))
    feed(Event(kind=EventKind.MERGE_VISIT, visit="V1", prior_visit="V3", patient="P1"))
    feed(stay("V3", lines=(line("2", "8.00"),), lines_whole=True))
    feed(Event(kind=EventKind.MERGE_PERSON, patient="P2", prior_patient="P1"))
    done = export(database, folder)
    assert (done.anew, done.rows["versions"]) == (False, 5)
    hold_equal(database, folder)

    row = GroupingRow(
        stay_id=1, version=1, at=START, scheme="s", content_hash="0", binding=True, status="grouped"
    )
    with database.writing_store() as connection:
        groupings.write(connection, [row])
    assert export(database, folder).rows == {"stays": 3, "versions": 0, "charge_rows": 0}
    hold_equal(database, folder)
    assert sum(export(database, folder).rows.values()) == 0
    assert export(database, folder, anew=True).rows["stays"] == 3
    hold_equal(database, folder)


def test_no_number_or_name_is_exported(tmp_path: Path) -> None:
    with open_database("sqlite", tmp_path) as found:
        feed = Feed(found)
        feed(
            stay(
                "VISIT77",
                "PATIENT77",
                person={"name": "测试某"},
                extra={"ZXX": "SECRET77"},
                lines=(line("1", physician="SECRET77"),),
            )
        )
        folder = tmp_path / "analysis"
        export(found, folder)
        tables = ("stays", "versions", "charge_rows", "lines")
        told = str([ask(folder, f"FROM {name}") for name in tables])
    for secret in ("VISIT77", "PATIENT77", "测试某", "SECRET77"):
        assert secret not in told


def test_an_empty_store_has_its_views(tmp_path: Path) -> None:
    with open_database("sqlite", tmp_path) as found:
        export(found, tmp_path / "analysis")
        export(found, tmp_path / "analysis")
    for name in ("stays", "versions", "charge_rows", "lines"):
        assert ask(tmp_path / "analysis", f"FROM {name}") == []


def test_the_folder_can_be_deleted_or_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "analysis"
    with pytest.raises(StoreError) as absent:
        connect_analysis(folder)
    assert absent.value.code == "ANALYSIS_ABSENT"
    with open_database("sqlite", tmp_path) as found:
        Feed(found)(stay("V1", lines=(line("1"),)))
        export(found, folder)
        shutil.rmtree(folder)
        assert export(found, folder).anew
        for spoil in (
            lambda: next(folder.rglob("*.parquet")).unlink(),
            lambda: (folder / analysis.MANIFEST).write_text("{"),
            lambda: (folder / analysis.MANIFEST).write_text('{"other": 1}'),
            lambda: (folder / analysis.MANIFEST).write_text('{"format": 0}'),
        ):
            spoil()
            assert export(found, folder).anew
            hold_equal(found, folder)
            assert not export(found, folder).anew


def test_files_of_another_database_are_made_anew(tmp_path: Path) -> None:
    """A database restored from a backup counts its rows once more from an earlier number."""
    folder = tmp_path / "analysis"
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with open_database("sqlite", tmp_path / name) as found:
            Feed(found)(stay("V1", lines=(line(name),)))
            assert export(found, folder).anew
            hold_equal(found, folder)


def test_many_small_files_become_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "MOST_FILES", 2)
    folder = tmp_path / "analysis"
    with open_database("sqlite", tmp_path) as found:
        feed = Feed(found)
        for number in range(4):
            feed(stay(lines=(line(str(number), line_time="20260301"),)))
            export(found, folder)
            reader = connect_analysis(folder)
            files = export(found, folder).files
            # One who reads the state before is not disturbed.
            assert reader.execute("SELECT count(*) FROM lines").fetchall() == [(number + 1,)]
            reader.close()
        hold_equal(found, folder)
        assert files <= 1 + 2 * 2
        old = list(folder.rglob("*.parquet"))
        for path in old:
            os.utime(path, (0, 0))
        feed(stay(sex="1"))
        export(found, folder)
        export(found, folder)
        hold_equal(found, folder)
        left = len(list(folder.rglob("*.parquet")))
    assert left < len(old)


def test_only_the_block_that_changed_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis_tables, "BLOCK", 2)
    monkeypatch.setattr(analysis_tables, "ROWS", 3)
    folder = tmp_path / "analysis"
    told: list[int] = []
    with open_database("sqlite", tmp_path) as found:
        feed = Feed(found)
        feed(*(stay(f"V{n}", f"P{n}", lines=(line("1"),)) for n in range(7)))
        assert export(found, folder, progress=told.append).rows["stays"] == 7
        feed(stay("V3", "P3", sex="1"))
        assert export(found, folder).rows == {"stays": 2, "versions": 1, "charge_rows": 0}
        hold_equal(found, folder)
    assert told == sorted(told)
    assert told[-1] == 21


def test_a_folder_that_cannot_be_written_is_declared(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with open_database("sqlite", tmp_path) as found:
        with pytest.raises(StoreError) as failed:
            export(found, tmp_path / "file")
        assert failed.value.code == "EXPORT_FAILED"


def test_amounts_stay_exact(tmp_path: Path) -> None:
    with open_database("sqlite", tmp_path) as found:
        Feed(found)(stay(lines=(line("1", "0.10"), line("2", "0.20"), line("3", "0.01"))))
        export(found, tmp_path / "analysis")
    (row,) = ask(tmp_path / "analysis", "SELECT sum(amount) AS total FROM lines")
    assert row["total"] == Decimal("0.31")
