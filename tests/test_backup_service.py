"""A service backed up while it writes, restored elsewhere: it starts, and answers the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from postgres_support import fresh_database, server
from review_support import keep, row
from service_support import Service, service

from grouper.service.backing_up import back_up
from grouper.service.restoring import restore
from grouper.store import audit
from grouper.store.checking import check
from grouper.store.database import connect
from grouper.store.schema import now

WAYS = [(one, other) for one in ("sqlite", "postgresql") for other in ("sqlite", "postgresql")]


@contextmanager
def _url(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'grouper.sqlite'}"
        return
    server()
    with fresh_database() as url:
        yield url


def _answers(asked: Service, case: str) -> dict[str, Any]:
    """What people see of cases and findings."""
    number = asked.ask("office", "GET", "/api/v1/findings").json()["findings"][0]["id"]
    paths = (
        f"cases/{case}",
        f"cases/{case}/versions",
        f"cases/{case}/lines",
        f"cases/{case}/person",
        f"cases/{case}/findings",
        f"findings/{number}",
        "findings",
    )
    found = {}
    for path in paths:
        answer = asked.ask("office", "GET", f"/api/v1/{path}")
        assert answer.status_code == 200, path
        found[path] = answer.json()
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("source", "target"), WAYS)
def test_a_restored_service_answers_the_same(
    source: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    file, over = tmp_path / "b.tar", threading.Event()
    with ExitStack() as stack:
        url, other = (
            stack.enter_context(_url(kind, place))
            for kind, place in ((source, first), (target, second))
        )
        monkeypatch.setenv("GROUPER_DATA", str(first))
        running = stack.enter_context(service(first, url))
        case = running.stay(lines={"L1": {"line_item": "I1", "line_amount": "3.10"}})
        running.stay(visit="V2", patient="P2")
        keep(running.database, [row("a" * 24, stay_id=1), row("b" * 24, stay_id=2)], at=now())
        before = _answers(running, case)

        def write() -> None:
            number = 10
            while not over.is_set():
                running.send(visit=f"W{number}", patient=f"Q{number}", facts={"sex": "1"})
                number += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            back_up(running.settings, running.database, file)
        finally:
            over.set()
            writer.join()

        monkeypatch.setenv("GROUPER_DATA", str(second))
        fresh = connect(other)
        settings = running.settings.model_copy(update={"folder": second / "service"})
        restore(settings, fresh, file)
        fresh.close()
        restored = stack.enter_context(service(second, other))
        assert check(restored.database).whole
        with restored.database.reading() as connection:
            assert audit.verify(connection).faults == ()
        assert _answers(restored, case) == before
        # It goes on: messages are taken and applied, ids are not given twice.
        restored.sent = 1_000
        restored.stay(visit="V3", patient="P3")
        assert check(restored.database).whole
