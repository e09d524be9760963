"""``grouper erase``: how the number comes in, what is told, and what a restore does again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from erasure_support import (
    OTHER,
    PATIENT,
    SECRETS,
    VISITS,
    Hospital,
    first,
    hospital,
    messages,
    traces,
)
from typer.testing import CliRunner, Result

from codebooks.errors import GrouperError
from codebooks.messages import catalogue, text
from grouper.case.dates import LOCAL
from grouper.cli import erase as command
from grouper.cli.backup import restore_command
from grouper.service import erasing
from grouper.service.backing_up import back_up
from grouper.service.erasing_list import ErasureList, data
from grouper.service.restoring import restore
from grouper.service.settings import Settings
from grouper.store.database import connect
from grouper.store.erasing_subject import BY
from grouper.store.schema import person

__all__ = ["first"]


USAGE = 2
restoring = typer.Typer()
restoring.command()(restore_command)


@pytest.fixture
def made(tmp_path: Path, first: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hospital]:
    with hospital("sqlite", tmp_path / "h", first) as found:
        monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "h" / "home"))
        monkeypatch.setenv("GROUPER_SERVICE_DATABASE", found.url)
        monkeypatch.setenv("GROUPER_SERVICE_REGION", "demo")
        monkeypatch.setenv("GROUPER_SERVICE_FOLDER", str(found.settings.folder))
        yield found


def run(*arguments: str, said: str | None = None) -> Result:
    return CliRunner().invoke(command.app, list(arguments), input=said)


def code(result: Result) -> str:
    assert isinstance(result.exception, GrouperError), result.output
    return result.exception.code


def test_a_look_ahead_counts_and_changes_nothing(made: Hospital) -> None:
    before = made.held()
    done = run("person", "--why", "request", "--dry-run", "--lang", "en", said=f"{PATIENT}\n")
    assert done.exit_code == 0, done.output
    assert "  stays: 2\n" in done.output
    assert "  Months of discharge: 2026-03 (1)\n" in done.output
    assert "nothing was changed" in done.output
    assert not [secret for secret in SECRETS if secret in done.output]
    after = made.held()
    # A reader of the database leaves files beside it.
    assert {n: b for n, b in after.items() if n in before and not n.endswith("-shm")} == {
        n: b for n, b in before.items() if n in after and not n.endswith("-shm")
    }
    assert ErasureList.at(made.settings).entries() == []


def test_a_person_is_erased(made: Hospital, tmp_path: Path) -> None:
    file = tmp_path / "number.txt"
    file.write_text(f"\ufeff{VISITS[0]}\n", "utf-8")
    done = run("person", "--why", "mistake", "--by", "visit", "--file", str(file), "--yes")
    assert done.exit_code == 0, done.output
    assert text("erase.erased", "zh") in done.output
    assert traces(made.held()) == {}
    again = run("person", "--why", "mistake", "--yes", said=PATIENT)
    assert code(again) == "ERASE_UNKNOWN"
    assert "0" in run("finish").output
    assert run("returned").output == text("erase.returned_count", "zh", count=0) + "\n"


def test_billing_may_stay(made: Hospital) -> None:
    done = run("person", "--why", "request", "--keep-billing", "--yes", said=PATIENT)
    assert text("erase.limited", "zh") in done.output
    (entry,) = ErasureList.at(made.settings).entries()
    assert (entry.limit, entry.why, entry.done) == (True, "request", True)


def test_one_number_and_someone_who_says_yes(made: Hospital, tmp_path: Path) -> None:
    why = ("person", "--why", "request")
    assert code(run(*why, said=PATIENT)) == "ERASE_CONFIRM"
    assert code(run(*why, "--yes", said="\n")) == "ERASE_ONE"
    two = tmp_path / "two.txt"
    two.write_text("a\nb\n", "utf-8")
    assert code(run(*why, "--yes", "--file", str(two))) == "ERASE_ONE"
    assert code(run(*why, "--yes", "--file", str(tmp_path / "none"))) == "ERASE_FILE"
    assert made.rows(person)


@pytest.mark.parametrize("yes", [True, False])
def test_on_a_terminal_it_is_typed_unseen_and_asked(
    made: Hospital, monkeypatch: pytest.MonkeyPatch, *, yes: bool
) -> None:
    class Terminal:
        """A screen in the place of the standard input."""

        @staticmethod
        def isatty() -> bool:
            return True

    def confirm(_question: str, *, abort: bool) -> None:
        assert abort
        if not yes:
            raise typer.Abort

    monkeypatch.setattr(command, "_stdin", Terminal)
    monkeypatch.setattr("getpass.getpass", lambda _: PATIENT)
    monkeypatch.setattr("typer.confirm", confirm)
    done = run("person", "--why", "request")
    assert done.exit_code == (0 if yes else 1)
    assert (traces(made.held()) == {}) is yes


def test_what_was_broken_off_is_finished(made: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "compact", broken)
        assert isinstance(
            run("person", "--why", "request", "--yes", said=PATIENT).exception, RuntimeError
        )
    assert text("erase.unfinished", "zh", count=1) in run("returned").output
    done = run("person", "--why", "request", "--yes", said=PATIENT)
    assert text("erase.finished", "zh", count=1) in done.output
    assert traces(made.held()) == {}


def test_tables_have_to_be_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", f"sqlite:///{tmp_path / 'empty.sqlite'}")
    assert code(run("returned")) == "STORE_OLD"


def test_a_restore_is_erased_again(made: Hospital, tmp_path: Path) -> None:
    """The list of erasures outlives the backup that was made before."""
    backup = tmp_path / "backup.tar"
    # A list that is there already is no part of a backup, and no restore writes over it.
    earlier = ErasureList.at(made.settings).begin({"m"}, datetime.now(UTC), "order", limit=False)
    ErasureList.at(made.settings).finish(earlier.number)
    told = back_up(made.settings, made.database, backup)
    made.erase()
    other = connect(f"sqlite:///{tmp_path / 'h' / 'home' / 'second.sqlite'}")
    try:
        restore(made.settings, other, backup, replace=True)
        assert traces(made.held())
        assert erasing.reapply(other, made.settings, datetime.now(UTC), "tester") == 0
        since = datetime.fromisoformat(told.made)
        assert erasing.reapply(other, made.settings, since, "tester") == 1
        assert traces(made.held()) == {}
        with other.reading() as connection:
            left = connection.execute(person.select()).mappings().all()
        assert [row["patient"] for row in left] == [OTHER]
    finally:
        other.close()
    # An erasure from before a backup is not done again: who came back since would lose the new stay.
    assert run(
        "reapply", "--since", f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    ).output == (text("erase.reapplied", "zh", count=0) + "\n")


def test_the_command_of_a_restore_erases_again(made: Hospital, tmp_path: Path) -> None:
    backup = tmp_path / "backup.tar"
    back_up(made.settings, made.database, backup)
    made.erase()
    done = CliRunner().invoke(restoring, [str(backup), "--replace"])
    assert done.exit_code == 0, done.output
    assert text("erase.reapplied", "zh", count=1) in done.output
    assert "grouper erase reapply --since TIME" in done.output
    assert traces(made.held()) == {}


def test_nothing_was_ever_erased(tmp_path: Path) -> None:
    settings = Settings(folder=tmp_path / "service")
    database = connect(f"sqlite:///{tmp_path / 'a.sqlite'}")
    assert erasing.reapply(database, settings, datetime(2000, 1, 1, tzinfo=UTC)) == 0
    database.close()


def test_the_time_of_a_backup_is_wanted_as_a_backup_tells_it(made: Hospital) -> None:
    made.erase()
    (entry,) = ErasureList.at(made.settings).entries()
    assert run("reapply").exit_code == USAGE
    assert code(run("reapply", "--since", "yesterday")) == "ERASE_TIME"
    later = entry.spans[0][1]
    assert later is not None
    later += timedelta(seconds=1)
    none, one = (text("erase.reapplied", "zh", count=count) + "\n" for count in (0, 1))
    assert run("reapply", "--since", later.isoformat()).output == none
    # Without an offset it is local time, wherever the machine stands.
    local = later.astimezone(LOCAL).replace(tzinfo=None)
    assert run("reapply", "--since", f"{local}").output == none
    assert run("reapply", "--since", f"{local - timedelta(hours=1)}").output == one


def test_repeating_the_command_spares_who_came_back(
    made: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "compact", broken)
        run("person", "--why", "request", "--yes", said=PATIENT)
    made.send(messages()[0].replace(b"|A1|", b"|A11|"))
    done = run("person", "--why", "request", "--yes", said=PATIENT)
    assert text("erase.here_since", "zh") in done.output
    assert PATIENT in {row["patient"] for row in made.rows(person)}
    assert (
        text("erase.erased", "zh")
        in run("person", "--why", "request", "--yes", said=PATIENT).output
    )
    assert traces(made.held()) == {}


@pytest.mark.usefixtures("made")
def test_whose_messages_came_again(made: Hospital) -> None:
    made.erase()
    again = messages()[0].replace(b"|A1|", b"|A11|")
    made.send(again)
    said = run("returned", "--lang", "en").output
    assert "After erasure 1" in said
    assert said.endswith(text("erase.returned_count", "en", count=1) + "\n")


def test_every_code_has_words() -> None:
    words = catalogue("zh")
    assert all(f"erase.why.{one}" in words for one in data()["whys"]["codes"])
    assert [str(one) for one in command.By] == list(BY)
