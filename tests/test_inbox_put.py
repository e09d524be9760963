"""``grouper inbox put``: files put into the inbox without a running service."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from folder_support import Whole, run
from hl7_messages import pv1, stay
from inbox_support import opened
from typer.testing import CliRunner, Result

from codebooks.errors import GrouperError
from grouper.cli import inbox_put
from grouper.cli.inbox import app
from grouper.cli.inbox_put import _ranges
from grouper.intake.envelope import Envelope
from grouper.intake.forms import forms
from grouper.store.database import StoreError
from grouper.store.group_commit import GroupCommit
from grouper.store.inbox import Inbox, Stored
from hl7_adapters.folder import FolderListener, FolderOptions

ONE = stay("ADT^A01", control_id="T1")
TWO = stay("ADT^A08", control_id="T2")
BAD = stay("ADT^A08", pv1(visit=""), control_id="T3")
ODD = stay("MFN^M02", control_id="T4")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    found = f"sqlite:///{tmp_path / 'grouper.sqlite'}"
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", found)
    monkeypatch.setenv("GROUPER_SERVICE_FOLDER", str(tmp_path / "service"))
    return found


@pytest.fixture
def made(tmp_path: Path, url: str) -> str:
    with opened(tmp_path, url):
        return url


def put(*files: Path, form: str = "hl7v2") -> Result:
    return CliRunner().invoke(app, ["put", *map(str, files), "--form", form])


def file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def stored(folder: Path, url: str) -> list[Stored]:
    with opened(folder, url) as database:
        return Inbox(database).after(0, count=1000, size=10**8)


def test_a_batch_and_a_message_are_put(tmp_path: Path, made: str) -> None:
    batch = file(tmp_path, "a.hl7", b"BHS|^~\\&|HIS\r" + ONE + TWO + b"BTS|2\r")
    done = put(batch, file(tmp_path, "b.hl7", stay("ADT^A03", control_id="T9")))
    assert done.exit_code == 0
    assert "文件 2 个，报文 3 条" in done.output
    assert "AA 3 条" in done.output
    assert "1-3" in done.output
    found = stored(tmp_path, made)
    assert [one.raw for one in found[:2]] == [ONE, TWO]
    assert {one.channel.partition(":")[0] for one in found} == {"put"}


def test_what_was_put_before_is_known(tmp_path: Path, made: str) -> None:
    batch = file(tmp_path, "a.hl7", ONE + TWO)
    put(batch)
    done = put(batch, file(tmp_path, "c.hl7", stay("ADT^A03", control_id="T9")))
    assert done.exit_code == 0
    assert "（未重复存入）：2 条" in done.output
    assert "新存入的号码：3" in done.output
    assert len(stored(tmp_path, made)) == 3
    again = put(batch)
    assert "新存入的号码" not in again.output


def test_what_cannot_be_used_is_told_and_gives_status_1(tmp_path: Path, made: str) -> None:
    path = file(tmp_path, "zhang-san.hl7", ONE + BAD + ODD)
    done = put(path)
    assert done.exit_code == 1
    assert "第 1 个文件第 2 条（收件箱第 2 号，AE）：[VISIT_MISSING]" in done.output
    assert "第 1 个文件第 3 条（收件箱第 3 号，AR）：[TYPE_UNSUPPORTED]" in done.output
    for words in ("AA 1 条", "AE 1 条", "AR 1 条"):
        assert words in done.output
    assert "zhang" not in done.output
    assert len(stored(tmp_path, made)) == 3


def test_a_batch_that_is_not_whole_is_put_whole(tmp_path: Path, made: str) -> None:
    raw = b"BHS|^~\\&|HIS\r" + ONE + TWO + b"BTS|3\r"
    assert put(file(tmp_path, "a.hl7", raw)).exit_code == 1
    (found,) = stored(tmp_path, made)
    assert (found.raw, found.verdict) == (raw, "AE")


def test_empty_and_unreadable_files_are_told_and_others_are_put(
    tmp_path: Path, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [file(tmp_path, f"{n}.hl7", content) for n, content in enumerate((b"", b"x", ONE))]
    read = Path.read_bytes

    def refused(self: Path) -> bytes:
        if self.name == "1.hl7":
            raise PermissionError(13, "no")
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", refused)
    done = put(*paths)
    assert done.exit_code == 1
    assert "第 1 个文件没有内容" in done.output
    assert "第 2 个文件无法读取" in done.output
    assert "文件 1 个，报文 1 条" in done.output
    assert [one.raw for one in stored(tmp_path, made)] == [ONE]


@pytest.mark.usefixtures("url")
def test_old_tables_are_named_and_left_alone(tmp_path: Path) -> None:
    done = put(file(tmp_path, "a.hl7", ONE))
    assert isinstance(done.exception, GrouperError)
    assert done.exception.code == "STORE_OLD"
    done = put(file(tmp_path, "a.hl7", ONE))
    assert isinstance(done.exception, GrouperError)


@pytest.mark.usefixtures("made")
def test_a_form_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = put(file(tmp_path, "a.hl7", ONE), form="xml")
    assert isinstance(done.exception, GrouperError)
    assert done.exception.code == "FORM_UNKNOWN"
    assert put(tmp_path).exit_code == 2
    assert put(tmp_path / "absent").exit_code == 2


def test_a_database_that_fails_half_way_tells_what_is_stored(
    tmp_path: Path, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_put, "WINDOW", 1)
    own = Inbox.put_many

    def failing(self: Inbox, messages: Sequence[tuple[Envelope, str]]) -> object:
        if messages[0][0].control_id == "T2":
            raise StoreError("STORE_UNAVAILABLE")
        return own(self, messages)

    monkeypatch.setattr(Inbox, "put_many", failing)
    done = put(file(tmp_path, "a.hl7", ONE + TWO))
    assert isinstance(done.exception, GrouperError)
    assert "新存入的号码：1\n" in done.output
    monkeypatch.undo()
    monkeypatch.setenv("GROUPER_SERVICE_DATABASE", made)
    assert "（未重复存入）：1 条" in put(tmp_path / "a.hl7").output


def test_windows_end_at_their_bytes_too(
    tmp_path: Path, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_put, "WINDOW_BYTES", 1)
    put(file(tmp_path, "a.hl7", ONE + TWO))
    assert [one.raw for one in stored(tmp_path, made)] == [ONE, TWO]


@pytest.mark.usefixtures("made")
def test_only_the_first_reasons_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_put, "_SHOWN", 1)
    assert "另有 1 条" in put(file(tmp_path, "a.hl7", BAD + ODD)).output


def test_nobody_by_name_and_words_that_nobody_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError

    monkeypatch.setattr(inbox_put.getpass, "getuser", nobody)
    assert inbox_put._channel() == "put"
    assert inbox_put._words("reason", "NO_WORDS") == "NO_WORDS"
    assert _ranges([1, 3, 4, 5, 9, 10]) == "1, 3-5, 9-10"


def test_the_folder_and_the_command_know_each_others_files(tmp_path: Path, made: str) -> None:
    """Also those of a form whose messages carry no id."""
    watched = tmp_path / "in"
    watched.mkdir()
    path = file(watched, "a.csv", b"case_id,age\nC1,50\n")
    first = put(path, form="table")
    assert "报文 1 条" in first.output

    async def look() -> None:
        with opened(tmp_path, made) as database:
            commits = GroupCommit(Inbox(database))
            options = FolderOptions.from_mapping({"path": str(watched), "settle": 0})
            one = FolderListener(options, commits.put, forms())
            await one.look()
            assert one.metrics()["folder_duplicates_total"] == 1
            await commits.close()

    run(look())
    assert len(stored(tmp_path, made)) == 1


def test_a_plain_form_is_no_batch(tmp_path: Path, made: str) -> None:
    with opened(tmp_path, made) as database:
        told = inbox_put._Told()
        inbox_put._put(Inbox(database), Whole(), file(tmp_path, "a", b"1 a\n2 b"), 1, told)
    assert told.numbers == [1]
