"""``make serve``: what it sets up, that it goes on where it was, and that it serves."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from serve_support import free_port
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from grouper.case.dates import LOCAL
from grouper.demo import serve, serve_findings, serve_store
from grouper.demo.serve import SetUp
from grouper.demo.serve_plan import Place, Plan
from grouper.demo.service import DemoError
from grouper.mart.mart import Mart
from grouper.service.access import signing_in
from grouper.service.access.principal import AccessError
from grouper.service.mart import mart_folder
from grouper.service.settings import Settings, load_settings
from grouper.store import findings, outcomes, reading
from grouper.store.database import Database, connect
from grouper.store.findings import Wanted
from grouper.store.inbox import Inbox
from grouper.store.migrate import upgrade
from grouper.store.states import Source, State, StayState

pytestmark = pytest.mark.slow

PLAN = Plan(first="2026-10", months=2, stored=2, scale=0.01)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Settings, Database]]:
    """A small hospital set up whole; only the model is not trained."""
    place = Place(tmp_path_factory.mktemp("serve") / "serve")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in place.surroundings(8791).items():
            patch.setenv(name, value)
        setting_up = SetUp(place, PLAN, lambda _: None)
        settings = load_settings()
        database = connect(settings.url)
        upgrade(database)
        serve_store.make_people(database)
        with pytest.MonkeyPatch.context() as without:
            without.setattr(SetUp, "_model", lambda _: 0)
            setting_up.run(settings, database)
        yield place, settings, database
        database.close()


@pytest.fixture
def surrounded(
    made: tuple[Place, Settings, Database], monkeypatch: pytest.MonkeyPatch
) -> tuple[Place, Settings, Database]:
    """The same, with the settings in the environment of this test."""
    for name, value in made[0].surroundings(8791).items():
        monkeypatch.setenv(name, value)
    return made


def states(database: Database, source: Source) -> Counter[str]:
    with database.reading() as connection:
        told = findings.counts(connection, Wanted(source=source))
    return Counter({one.state: one.count for one in told})


def test_the_plan_names_its_months() -> None:
    assert Plan(first="2025-11", months=3, stored=2).all_months == ["2025-11", "2025-12", "2026-01"]
    assert Plan().stored_months[0] == "2025-12"
    assert Plan().stored_months[-1] == "2026-11"


@pytest.mark.parametrize(
    ("now", "at", "first", "learnt"),
    [
        ("2026-11-28T17:00+08:00", "2026-11-28T08:00", "2025-03", "2026-10-01"),
        ("2026-11-28T07:59+08:00", "2026-11-27T08:00", "2025-03", "2026-10-01"),
        # Still the evening before in London.
        ("2026-11-30T23:30+00:00", "2026-11-30T08:00", "2025-03", "2026-10-01"),
        ("2026-12-03T09:00+08:00", "2026-12-03T08:00", "2025-04", "2026-11-01"),
        ("2027-03-01T09:00+08:00", "2026-12-30T08:00", "2025-04", "2026-11-01"),
    ],
)
def test_the_clock_stands_at_the_morning(now: str, at: str, first: str, learnt: str) -> None:
    plan = Plan.of_day(datetime.fromisoformat(now))
    assert (plan.at, plan.first, plan.learnt_until) == (at, first, learnt)
    assert plan.all_months[-1] == at[:7]
    assert Plan.read(plan.written()) == plan
    assert Plan.read('{"other": 1}') is None
    assert Plan.read("no plan") is None


def test_nothing_lies_in_the_users_own_data(tmp_path: Path) -> None:
    told = Place(tmp_path).surroundings(8000)
    assert told["GROUPER_DATA"].startswith(str(tmp_path))
    assert str(tmp_path) in told["GROUPER_SERVICE_DATABASE"]
    assert told["GROUPER_SERVICE_PAGES__PORT"] == "8000"


def test_stays_run_and_ended_and_messages_are_kept_back(
    made: tuple[Place, Settings, Database],
) -> None:
    _, _, database = made
    with database.reading() as connection:
        counted = {
            state: reading.count(connection, reading.Wanted(states=[state])) for state in StayState
        }
        told = outcomes.counts(connection)
        heads, _ = reading.stays(
            connection, reading.Wanted(states=[StayState.DISCHARGED]), limit=500
        )
    assert counted[StayState.RUNNING] > 3
    assert counted[StayState.DISCHARGED] > 20
    assert told[State.QUARANTINED] + told[State.REFUSED] == 3
    ended = [one.discharged for one in heads if one.discharged is not None]
    assert len(ended) == len(heads)
    assert max(ended) <= PLAN.moment


def test_findings_stand_at_several_steps_of_the_review(
    made: tuple[Place, Settings, Database],
) -> None:
    own, theirs = states(made[2], Source.OWN), states(made[2], Source.INSURER)
    assert {"new", "confirmed", "asked", "answered", "dismissed", "deducted"} <= set(own)
    assert {"notified", "accepted", "objecting", "appealed"} <= set(theirs)


def test_the_mart_holds_the_cases_of_the_store_with_names(
    made: tuple[Place, Settings, Database],
) -> None:
    _, settings, database = made
    about = Mart.open(mart_folder(settings)).about
    with database.reading() as connection:
        ended = reading.count(connection, reading.Wanted(states=[StayState.DISCHARGED]))
    assert about.cases == ended
    assert about.months[-1] == "2026-11"


def test_deadlines_go_along_with_the_days(
    surrounded: tuple[Place, Settings, Database],
) -> None:
    place, _, database = surrounded
    setting_up = SetUp(place, PLAN, lambda _: None)
    today = date(2027, 3, 1)
    setting_up.keep_time(database, today)
    first = due(database)
    at = datetime.combine(today, time(8), LOCAL)
    late = [one for one in first if one <= at]
    # Only what some departments were asked, and not most of it.
    assert len(late) <= len(first) / 4
    assert max(first) <= at + timedelta(days=30)
    SetUp(place, PLAN, lambda _: None).keep_time(database, today)
    assert due(database) == first
    SetUp(place, PLAN, lambda _: None).keep_time(database, today + timedelta(days=40))
    assert due(database) == [one + timedelta(days=40) for one in first]


def due(database: Database) -> list[datetime]:
    """The deadlines of findings, the earliest first."""
    with database.reading() as connection:
        found = findings.page(connection, Wanted(), None, 10_000)
    days = ((one.finding.due, one.finding.asked_until) for one in found)
    return sorted(min(filter(None, pair)) for pair in days if any(pair))


def test_a_second_run_makes_nothing_again_and_an_interrupted_one_goes_on(
    surrounded: tuple[Place, Settings, Database],
) -> None:
    place, settings, database = surrounded
    said: list[str] = []
    before = Inbox(database).last()
    SetUp(place, PLAN, said.append).run(settings, database)
    assert said == []
    # As if it had been stopped before its last steps were marked.
    mark = place.folder / "done.json"
    kept = mark.read_text("utf-8")
    done = json.loads(kept)
    done["steps"] = [one for one in done["steps"] if one not in {"spoilt", "list", "review"}]
    mark.write_text(json.dumps(done), "utf-8")
    own, theirs = states(database, Source.OWN), states(database, Source.INSURER)
    SetUp(place, PLAN, said.append).run(settings, database)
    assert len(said) == 6
    assert states(database, Source.INSURER) == theirs
    assert sum(states(database, Source.OWN).values()) == sum(own.values())
    with database.reading() as connection:
        told = outcomes.counts(connection)
    assert told[State.QUARANTINED] + told[State.REFUSED] == 3
    assert Inbox(database).last() >= before


def test_another_plan_makes_everything_anew(tmp_path: Path) -> None:
    place = Place(tmp_path / "serve")
    SetUp(place, PLAN, lambda _: None)
    (place.folder / "done.json").write_text(json.dumps({"plan": PLAN.written(), "steps": ["x"]}))
    (place.folder / "old").touch()
    assert SetUp(place, PLAN, lambda _: None)._done["steps"] == ["x"]
    assert (place.folder / "old").exists()
    assert SetUp(place, Plan(), lambda _: None)._done["steps"] == []
    assert not (place.folder / "old").exists()


def test_passwords_are_given_once_and_anew_when_asked_for(
    made: tuple[Place, Settings, Database],
) -> None:
    _, settings, database = made
    first = serve_store.give_passwords(database)
    assert set(first) == {name for name, _, _ in serve_store.PEOPLE}
    assert len(set(first.values())) == len(first)
    serve_store.make_people(database)
    assert serve_store.give_passwords(database) == {}
    access = settings.access
    signed = signing_in.by_password(database, access, "office", first["office"])
    assert not signed.account.must_change
    second = serve_store.give_passwords(database, anew=True)
    with pytest.raises(AccessError):
        signing_in.by_password(database, access, "office", first["office"])
    assert signing_in.by_password(database, access, "office", second["office"])


def test_a_list_of_nothing_is_a_list(tmp_path: Path) -> None:
    serve_findings.write_list(tmp_path / "list.csv", [])
    assert len((tmp_path / "list.csv").read_text("utf-8").splitlines()) == 2


def test_who_is_not_there_takes_no_step(made: tuple[Place, Settings, Database]) -> None:
    with pytest.raises(LookupError):
        serve_findings._asker(made[2], "nobody")


def test_a_training_that_fails_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, None, None)
    )
    setting_up = SetUp(Place(tmp_path), PLAN, lambda _: None)
    with pytest.raises(DemoError):
        setting_up._model()
    monkeypatch.setattr(
        subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, None, None)
    )
    assert setting_up._model() == 1


class Process:
    """A service that is none."""

    def __init__(self, status: int | None, *, interrupted: bool = False) -> None:
        self.status, self.interrupted, self.ended = status, interrupted, False

    def poll(self) -> int | None:
        return self.status

    def wait(self) -> int:
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt
        return self.status or 0

    def terminate(self) -> None:
        self.ended = True


def test_serving_ends_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("signal.signal", lambda *_: None)
    process = Process(None, interrupted=True)

    def started(command: Any, env: dict[str, str], **_: Any) -> Process:
        asked.append((command, env))
        return process

    monkeypatch.setattr(subprocess, "Popen", started)
    monkeypatch.setattr(serve, "_until_answers", lambda *_: None)
    folder = {"GROUPER_SERVICE_FOLDER": str(tmp_path)}
    serve.serve({"A": "b", **folder}, 8123)
    assert process.ended
    command, environment = asked[0]
    only = ("worker", "web", "clerk", "pages")
    assert command[-8:] == tuple(word for one in only for word in ("--only", one))
    assert environment["A"] == "b"
    assert environment.keys() >= os.environ.keys()
    assert "http://127.0.0.1:8123" in capsys.readouterr().out
    process.status = 1
    with pytest.raises(DemoError):
        serve.serve(folder, 8123)


def test_a_service_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    with pytest.raises(DemoError):
        serve._until_answers(Process(1), url)  # type: ignore[arg-type]
    monkeypatch.setattr(serve, "_LONGEST", 0.3)
    with pytest.raises(DemoError):
        serve._until_answers(Process(None), url)  # type: ignore[arg-type]


def test_the_command_sets_up_and_says_the_passwords_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import typer  # noqa: PLC0415 -- the command is a function until it is run

    served: list[int] = []
    monkeypatch.setattr(serve, "OUT", tmp_path / "serve")
    monkeypatch.setattr(serve, "check_at_hand", lambda _: None)
    monkeypatch.setattr(serve.SetUp, "run", lambda *_: None)
    monkeypatch.setattr(serve, "serve", lambda _, port: served.append(port))
    for name in Place(tmp_path).surroundings(1):
        # Whatever the command puts there is taken away again.
        monkeypatch.setenv(name, "")
    app = typer.Typer()
    app.command()(serve.main)
    first = CliRunner().invoke(app, ["--port", "8124"])
    assert first.exit_code == 0, first.output
    assert "physician" in first.output
    assert served == [8124]
    second = CliRunner().invoke(app, ["--only-set-up"])
    assert "--passwords" in second.output
    assert "physician" not in second.output
    assert served == [8124]
    (tmp_path / "serve" / "old").touch()
    third = CliRunner().invoke(app, ["--only-set-up", "--anew"])
    assert "physician" in third.output
    assert not (tmp_path / "serve" / "old").exists()


def test_without_the_extra_nothing_is_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grouper.service.porch_processes.entry_points", lambda **_: [])
    monkeypatch.setattr(serve, "OUT", tmp_path / "serve")
    with pytest.raises(GrouperError, match="EXTRA_MISSING"):
        serve.main()
    assert not (tmp_path / "serve").exists()
