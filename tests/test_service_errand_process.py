"""How an errand is done: what it is given, what becomes of its errors, its kinds and limits."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from access_support import database
from errand_support import OFFICE, Own, ask, code, held, own, settings

from codebooks.errors import CodebookError, GrouperError, Where
from grouper.service import errand_kinds, errand_process
from grouper.service.errand_kinds import Inputs, Limits
from grouper.service.errand_process import ErrandStopped, Work, run_one
from grouper.service.errands import Errands, ErrandState
from grouper.service.settings import Settings
from grouper.store.database import Database
from grouper.store.schema import now

__all__ = ["database", "held", "own", "settings"]


def test_a_declared_error_is_told_in_the_language_of_who_asked(
    held: Errands, own: Own, settings: Settings, database: Database
) -> None:
    def does(_: Work) -> Mapping[str, Any]:
        raise CodebookError("SCHEME_UNKNOWN", Where(file="x.csv", row=3), found="x", known="y")

    own.does = does
    found = run_one(held, ask(held).id, settings, database)
    assert found is not None
    assert (found.state, found.code) == (ErrandState.FAILED, "SCHEME_UNKNOWN")
    assert found.detail is not None
    assert found.detail.startswith("file x.csv, row 3: ")
    assert found.advice
    assert found.ended is not None


def test_of_an_error_of_ours_nothing_is_told(
    held: Errands,
    own: Own,
    settings: Settings,
    database: Database,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def does(_: Work) -> Mapping[str, Any]:
        raise ValueError("张三")

    own.does = does
    found = run_one(held, ask(held).id, settings, database)
    assert found is not None
    assert found.code == "INTERNAL"
    assert "张三" not in (held.folder(found.id) / "errand.json").read_text("utf-8")
    told = capsys.readouterr()
    assert "张三" not in told.out + told.err
    assert "ValueError" in told.out + told.err


def test_what_is_taken_away_while_it_runs_leaves_nothing(
    held: Errands, own: Own, settings: Settings, database: Database
) -> None:
    def does(work: Work) -> Mapping[str, Any]:
        held.cancel(held.all()[0].id, OFFICE)
        work.told(1)
        raise AssertionError

    own.does = does
    assert run_one(held, ask(held).id, settings, database) is None
    assert list(held.place.iterdir()) == []

    def silent(_: Work) -> Mapping[str, Any]:
        held.cancel(held.all()[0].id, OFFICE)
        return {}

    def broken(work: Work) -> Mapping[str, Any]:
        silent(work)
        raise FileNotFoundError(work.out)

    for own.does in (silent, broken):
        assert run_one(held, ask(held).id, settings, database) is None
    assert list(held.place.iterdir()) == []
    with pytest.raises(GrouperError) as caught:
        run_one(held, "nothing", settings, database)
    assert code(caught) == "ERRAND_UNKNOWN"


def test_what_is_to_stop_is_left_as_it_is(
    held: Errands, own: Own, settings: Settings, database: Database
) -> None:
    def does(work: Work) -> Mapping[str, Any]:
        work.told(1, 5)
        raise AssertionError

    own.does = does
    made = ask(held)
    with pytest.raises(ErrandStopped):
        run_one(held, made.id, settings, database, lambda: False)
    assert held.one(made.id, OFFICE).state is ErrandState.RUNNING


def test_a_second_try_finds_nothing_of_the_first(
    held: Errands, own: Own, settings: Settings, database: Database
) -> None:
    made = ask(held)
    (held.files(made) / "half").write_text("x")
    own.does = lambda work: {"found": [one.name for one in work.out.iterdir()]}
    found = run_one(held, made.id, settings, database)
    assert found is not None
    assert found.answer == {"found": []}
    assert found.tries == 1


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize(("kind", "left"), [("own", ["given"]), ("secret", [])])
def test_what_was_handed_in_goes_when_it_ended_however(
    held: Errands,
    own: Own,
    settings: Settings,
    database: Database,
    kind: str,
    left: list[str],
    fails: bool,
) -> None:
    def does(work: Work) -> Mapping[str, Any]:
        # Until then it is there: a try that is broken off is begun anew.
        assert [one.name for one in work.files.iterdir()] == ["given"]
        if fails:
            raise ValueError
        return {}

    own.does = does
    made = held.ask(kind, {}, by=OFFICE, language="en", files={"given": b"x"})
    found = run_one(held, made.id, settings, database)
    assert found is not None
    assert found.state is (ErrandState.FAILED if fails else ErrandState.DONE)
    assert [one.name for one in (held.folder(made.id) / "in").iterdir()] == left


def test_what_a_fallen_process_left_of_it_goes_with_age(
    held: Errands, own: Own, settings: Settings, database: Database
) -> None:
    del own
    made = held.ask("secret", {}, by=OFFICE, language="en", files={"given": b"x"})
    given = held.folder(made.id) / "in" / "given"
    held.age(now())
    assert given.exists()
    run_one(held, made.id, settings, database)
    given.write_bytes(b"x")
    held.age(now())
    assert not given.exists()


def test_progress_is_written_now_and_then_and_at_the_end(
    held: Errands,
    own: Own,
    settings: Settings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[tuple[int, int | None]] = []
    monkeypatch.setattr(
        errand_process, "write_progress", lambda _, done, of: written.append((done, of))
    )

    def does(work: Work) -> Mapping[str, Any]:
        for done in range(1, 1001):
            work.told(done, 1000)
        return {}

    own.does = does
    run_one(held, ask(held).id, settings, database)
    assert written[0] == (1, 1000)
    assert written[-1] == (1000, 1000)
    assert len(written) < 50


def test_the_table_and_the_limits_are_as_they_should_be() -> None:
    for kind in errand_kinds.kinds().values():
        assert callable(kind.load()), kind.name
        assert kind.rights, kind.name
    gone = {n for n, kind in errand_kinds.kinds().items() if kind.inputs is Inputs.GONE}
    assert gone == {"reconcile", "insurer_list", "settlement"}
    found = errand_kinds.limits()
    assert set(found.days) - {"default"} <= set(errand_kinds.kinds())
    assert found.kept("none of ours").days == found.days["default"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"most": None}, "most"),
        ({"least": 1}, "least"),
        ({"most": 0}, "most"),
        ({"most": 1.5}, "most"),
        ({"most": True}, "most"),
        ({"watch_seconds": "1"}, "watch_seconds"),
        ({"days": 3}, "days.default"),
        ({"days": {"own": 3}}, "days.default"),
        ({"days": {"default": -1}}, "days.default"),
    ],
    ids=json.dumps,
)
def test_limits_that_are_none_are_refused(
    tmp_path: Path, change: Mapping[str, Any], name: str
) -> None:
    plain: dict[str, Any] = {
        "most": 1,
        "most_own": 1,
        "tries": 1,
        "progress_seconds": 0.5,
        "watch_seconds": 1,
        "most_bytes": 1,
        "days": {"default": 1},
    }
    path = tmp_path / "errands.toml"

    def written(of: Mapping[str, Any]) -> str:
        days = of["days"]
        tail = (
            "".join(["[days]\n", *(f"{k} = {v}\n" for k, v in days.items())])
            if isinstance(days, dict)
            else ""
        )
        head = {k: v for k, v in of.items() if v is not None and not isinstance(v, dict)}
        return "".join(f"{k} = {json.dumps(v)}\n" for k, v in head.items()) + tail

    path.write_text(written(plain))
    assert isinstance(errand_kinds.read_limits(path), Limits)
    path.write_text(written({**plain, **change}))
    with pytest.raises(CodebookError) as caught:
        errand_kinds.read_limits(path)
    assert (caught.value.code, caught.value.params["name"]) == ("ERRAND_LIMITS", name)


def test_limits_that_are_no_toml_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "errands.toml"
    path.write_text("most = ")
    with pytest.raises(CodebookError) as caught:
        errand_kinds.read_limits(path)
    assert caught.value.code == "ERRAND_LIMITS"


@pytest.fixture
def served(
    settings: Settings, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The settings as a process of an errand finds them."""
    del database
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'grouper.sqlite'}")
    monkeypatch.setenv("GROUPER_SERVICE_FOLDER", str(settings.folder))
    monkeypatch.setattr(errand_process, "_watch", lambda _: None)
    return tmp_path


@pytest.mark.usefixtures("served")
def test_the_process_does_one_errand(
    held: Errands, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ask(held)
    assert errand_process.main(made.id, os.getppid()) == 0
    assert held.one(made.id, OFFICE).state is ErrandState.DONE
    assert errand_process.main("nothing", os.getppid()) == errand_process.FAILED

    def does(work: Work) -> Mapping[str, Any]:
        work.told(1)
        raise AssertionError

    own.does = does
    # The parent is another one by now: who started it is gone.
    assert errand_process.main(ask(held).id, -1) == errand_process.STOPPED
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", "nonsense://")
    assert errand_process.main(made.id, os.getppid()) == errand_process.FAILED


def test_a_process_whose_parent_is_gone_ends_within_a_long_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parents: list[int] = [7, 7, 1]
    ended: list[int] = []
    monkeypatch.setattr(os, "getppid", lambda: parents.pop(0))
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    errand_process._watch(7)
    assert (ended, parents) == ([errand_process.STOPPED], [])
