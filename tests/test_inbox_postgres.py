"""The inbox and the worker over a real PostgreSQL server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from inbox_support import DISCHARGED, PlainForm, envelope_of, opened, settings_of
from postgres_support import fresh_database
from sqlalchemy import func, select

from grouper.intake.envelope import Envelope
from grouper.service.worker import Worker
from grouper.store import outcomes, retention
from grouper.store.database import Database, connect
from grouper.store.group_commit import GroupCommit
from grouper.store.inbox import Inbox
from grouper.store.quarantine import Quarantine, Wanted
from grouper.store.schema import message, now, repeat, stay_version


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with fresh_database() as url, opened(tmp_path, url) as found:
        yield found


def test_duplicates_conflicts_and_strange_fields(database: Database) -> None:
    inbox = Inbox(database)
    strange = Envelope(form="f", raw=b"\0r", control_id="nul\0", kind="k" * 999, sender="\ud800")
    sent = [
        envelope_of(1),
        envelope_of(1),
        envelope_of(1, facts={"age": "3"}),
        envelope_of(2, visit=""),
        strange,
    ]
    first = inbox.put_many([(envelope, "test") for envelope in sent])
    again = inbox.put_many([(envelope, "test") for envelope in sent])
    assert [receipt.reason for receipt in first] == [
        "",
        "",
        "CONFLICTING_DUPLICATE",
        "VISIT_MISSING",
        "",
    ]
    assert [receipt.duplicate for receipt in first] == [False, True, False, False, False]
    assert all(receipt.duplicate for receipt in again)
    assert [r.message_id for r in again] == [r.message_id for r in first]
    assert [one.raw for one in inbox.after(0, count=9, size=999)] == [
        envelope.raw for envelope in (sent[0], *sent[2:])
    ]
    with database.reading_inbox() as connection:
        assert connection.scalar(select(func.count()).select_from(repeat)) == 6


def test_ids_never_run_against_the_order_of_commits(database: Database) -> None:
    """A reader that has seen an id has seen all below it, however many write at once."""
    stop, seen = threading.Event(), []
    url = database.inbox.url.render_as_string(hide_password=False)

    def read() -> None:
        other = connect(url)
        inbox, position = Inbox(other), 0
        while True:
            last = stop.is_set()
            for one in inbox.after(position, count=10**6, size=10**9):
                seen.append(one.id)
                position = one.id
            if last:
                break
        other.close()

    def write(mark: int) -> None:
        inbox = Inbox(database)
        for n in range(40):
            inbox.put_many([(envelope_of(f"{mark}-{n}-{k}"), "test") for k in range(3)])

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(mark,)) for mark in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    with database.reading_inbox() as connection:
        assert seen == list(connection.scalars(select(message.c.id).order_by(message.c.id)))
    assert len(seen) == 480


def test_a_message_is_applied_replayed_and_pruned(database: Database, tmp_path: Path) -> None:
    form = PlainForm()
    inbox, quarantine = Inbox(database), Quarantine(database)
    worker = Worker(settings_of(tmp_path), database, {"plain": form})
    inbox.put_many(
        [
            (envelope_of(1, facts=DISCHARGED, dx=["I63.900"]), "test"),
            (envelope_of(2, visit=""), "test"),
        ]
    )
    assert worker.step() == 2
    assert [one.reason for one in quarantine.search(Wanted())] == ["VISIT_MISSING"]
    form.mended = True
    quarantine.replay(Wanted(), "lin")
    assert worker.step() == 1
    with database.reading() as connection:
        states = outcomes.counts(connection)
        versions = connection.scalar(select(func.count()).select_from(stay_version))
    assert (states, versions) == ({"applied": 2, "replayed": 1}, 2)
    assert quarantine.show(2, "lin").text is not None
    assert retention.prune(database, now()).messages == 2
    retention.shrink(database)
    assert quarantine.show(2, "lin").text is None


def test_a_server_that_cuts_the_connections_gets_each_message_once(database: Database) -> None:
    async def scene() -> None:
        commits = GroupCommit(Inbox(database))
        receipts = []
        for n in range(30):
            if n % 10 == 5:
                await asyncio.to_thread(cut)
            receipts.append(await commits.put(envelope_of(n), "test"))
        await commits.close()
        assert all(receipt.message_id for receipt in receipts)

    url = database.inbox.url.render_as_string(hide_password=False)

    def cut() -> None:
        other = connect(url)
        with other.inbox.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        other.close()

    asyncio.run(scene())
    with database.reading_inbox() as connection:
        found = connection.scalars(select(message.c.control_id)).all()
    assert sorted(found, key=int) == [str(n) for n in range(30)]
