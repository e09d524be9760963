"""What of the tables goes once it is old, and what never does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from retention_support import NEW, NOW, OLD, count, database, entered, ids, put

from grouper.store import retention_rows
from grouper.store.database import Database
from grouper.store.retention_rows import Aim, Held, held, sweep
from grouper.store.review_schema import (
    finding,
    finding_batch,
    finding_batch_row,
    finding_event,
    finding_file,
    order_check,
    screened_stay,
    screening,
)
from grouper.store.schema import alert, forecast, outbox, stay

__all__ = ["database"]

BEFORE = NOW - timedelta(days=400)


def swept(found: Database, kind: str, rows: int = 2, stopped: Callable[[], bool] = bool) -> int:
    return sweep(found, Aim(kind, BEFORE, 400, "clerk", rows), stopped)


def test_results_go_once_they_were_sent(database: Database) -> None:
    for created, state in ((OLD, "sent"), (OLD, "waiting"), (OLD, "failed"), (OLD, "sent")):
        put(database, outbox, created=created, state=state)
    put(database, outbox, created=NEW, state="sent")
    assert held(database, "outbox", BEFORE) == Held(5, OLD, 2)
    assert held(database, "outbox", None) == Held(5, OLD, 0)
    assert swept(database, "outbox", rows=1) == 2
    assert ids(database, outbox) == [2, 3, 5]
    assert entered(database) == [("clerk", "outbox", 1), ("clerk", "outbox", 1)]
    assert swept(database, "outbox") == 0
    assert len(entered(database)) == 2


def test_alerts_go_once_they_ended(database: Database) -> None:
    put(database, alert, started=OLD, ended=OLD)
    put(database, alert, started=OLD)
    put(database, alert, started=OLD, ended=NEW)
    assert held(database, "alerts", BEFORE) == Held(3, OLD, 1)
    assert swept(database, "alerts") == 1
    assert ids(database, alert) == [2, 3]


def test_what_was_told_before_signing_stays_while_its_stay_is_under_way(database: Database) -> None:
    running = put(database, stay, case_id="1", visit="1", state="running")
    argued = put(database, stay, case_id="2", visit="2", state="discharged")
    ended = put(database, stay, case_id="3", visit="3", state="discharged")
    put(database, finding, key="1", stay_id=argued, state="asked")
    put(database, finding, key="2", stay_id=ended, state="dismissed", closed=OLD)
    put(database, finding, key="3", stay_id=ended, state="shadow")
    for of in (running, argued, ended, None, 99):
        put(database, order_check, at=OLD, stay_id=of)
    put(database, order_check, at=NEW, stay_id=ended)
    assert held(database, "order_checks", BEFORE).due == 3
    assert swept(database, "order_checks") == 3
    assert ids(database, order_check, "id") == [1, 2, 6]


def test_forecasts_stay_until_they_are_scored(database: Database) -> None:
    known = {
        name: put(database, stay, case_id=name, visit=name, version=2, **values)
        for name, values in {
            "running": {"state": "running"},
            "unscored": {"state": "discharged", "discharged": OLD},
            "behind": {"state": "discharged", "discharged": OLD},
            "scored": {"state": "discharged", "discharged": OLD},
            "cancelled": {"state": "cancelled"},
        }.items()
    }
    by = {"behind": 1, "scored": 2}
    for name, number in known.items():
        put(database, forecast, stay_id=number, made=OLD, scored_version=by.get(name), model=name)
    put(
        database,
        forecast,
        stay_id=known["scored"],
        made=NEW,
        scored_version=2,
        as_of=date(2026, 11, 2),
    )
    assert swept(database, "forecasts") == 2
    assert ids(database, forecast, "model") == ["behind", "running", "unscored", "x"]


def test_findings_go_that_were_gone_before_anyone_looked(database: Database) -> None:
    for key, values in {
        "a": {"state": "gone", "gone": OLD},
        "b": {"state": "gone", "gone": NEW},
        # Decided on, and no longer found: a decision stays with its stay.
        "c": {"state": "dismissed", "gone": OLD, "closed": OLD},
        "d": {"state": "gone", "gone": OLD, "source": "person"},
        "e": {"state": "gone", "gone": OLD},
        "f": {"state": "new"},
    }.items():
        number = put(database, finding, key=key, **{"source": "own", **values})
        put(database, finding_event, finding_id=number)
        if key == "e":
            put(database, finding_file, finding_id=number)
    assert held(database, "findings_gone", BEFORE) == Held(4, OLD, 1)
    assert swept(database, "findings_gone") == 1
    assert ids(database, finding, "key") == ["b", "c", "d", "e", "f"]
    assert ids(database, finding_event, "finding_id") == [2, 3, 4, 5, 6]


def test_runs_of_the_audit_stay_while_they_are_what_a_stay_was_last_part_of(
    database: Database,
) -> None:
    for state in ("done", "waiting", "running", "failed", "done"):
        put(database, screening, started=OLD, state=state)
    put(database, screening, started=NEW, state="done")
    put(database, screened_stay, stay_id=1, moment="stay", screening_id=5)
    assert swept(database, "screenings") == 2
    assert ids(database, screening) == [2, 3, 5, 6]


def test_lists_of_the_insurer_go_once_their_findings_are_closed(database: Database) -> None:
    closed = {"state": "granted", "closed": OLD, "source": "insurer"}
    over = put(database, finding_batch, at=OLD, sha256="1")
    open_ = put(database, finding_batch, at=OLD, sha256="2")
    later = put(database, finding_batch, at=NEW, sha256="3")
    put(database, finding, key="alone", batch_id=over, **closed)
    put(database, finding, key="of_stay", batch_id=over, stay_id=1, **closed)
    put(database, finding, key="twice", batch_id=over, **closed)
    put(database, finding, key="open", batch_id=open_, state="notified", source="insurer")
    named = {over: ["alone", "of_stay", "twice", None], open_: ["open"], later: ["twice"]}
    for batch, keys in named.items():
        for number, key in enumerate(keys, 1):
            put(database, finding_batch_row, batch_id=batch, key=key, number=number)
    assert swept(database, "insurer_lists") == 1
    assert ids(database, finding_batch) == [open_, later]
    assert ids(database, finding_batch_row, "batch_id") == [open_, later]
    assert ids(database, finding, "key") == ["of_stay", "open", "twice"]
    # Nothing names a list that is no more.
    assert set(ids(database, finding, "batch_id")) == {None, open_}


def test_what_is_taken_up_meanwhile_stays(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        put(database, outbox, created=OLD, state="sent")
    writing = type(database).writing_store
    first = []

    def after_another(self: Database):  # noqa: ANN202 -- as the method
        if not first:
            first.append(1)
            with writing(self) as connection:
                connection.execute(outbox.update().where(outbox.c.id == 1).values(state="waiting"))
        return writing(self)

    monkeypatch.setattr(type(database), "writing_store", after_another)
    assert swept(database, "outbox") == 1
    assert ids(database, outbox) == [1]
    assert entered(database) == [("clerk", "outbox", 1)]


def test_one_that_is_stopped_goes_on_with_what_is_left(database: Database) -> None:
    for _ in range(5):
        put(database, outbox, created=OLD, state="sent")
    asked = iter([False, True])
    assert swept(database, "outbox", stopped=lambda: next(asked)) == 2
    assert count(database, outbox) == 3
    assert swept(database, "outbox") == 3
    assert [rows for _, _, rows in entered(database)] == [2, 2, 1]


def test_a_transaction_that_fails_takes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, outbox, created=OLD, state="sent")

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(retention_rows, "write_down", broken)
    with pytest.raises(ZeroDivisionError):
        swept(database, "outbox")
    assert ids(database, outbox) == [1]
