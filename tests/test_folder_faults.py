"""Files that change, vanish, cannot be read or moved, are links or oddly named: none is lost."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from folder_support import Folder, LineForm, Whole, folder, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grouper.intake.envelope import Envelope
from hl7_adapters.folder import filing as filing_module
from hl7_adapters.folder.place import REASON, Place, free_name

__all__ = ["folder"]


def test_a_file_that_changes_while_it_is_read_is_not_put(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder.drop("a.hl7", b"1 a")
    read = os.read

    def growing(handle: int, size: int) -> bytes:
        part = read(handle, size)
        if part:
            with file.open("ab") as writing:
                writing.write(b"2")
        return part

    monkeypatch.setattr(os, "read", growing)
    folder.look()
    monkeypatch.setattr(os, "read", read)
    assert (folder.memory.raws, folder.count("files_changed")) == ([], 1)
    folder.look()
    assert len(folder.memory.raws) == 1


def test_a_file_that_changed_since_the_look_is_not_read(folder: Folder) -> None:
    file = folder.drop("a.hl7", b"1 a")
    place = Place(folder.path)
    place.prepare()
    (found,) = place.files()
    file.write_bytes(b"1 ab")
    assert place.read(found) is None
    file.unlink()
    with pytest.raises(FileNotFoundError):
        place.read(found)


def test_a_file_that_vanishes_while_the_folder_is_read_is_passed_over(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.drop("a.hl7", b"1 a")
    folder.drop("b.hl7", b"2 b")
    seen = os.lstat

    def gone(path: Any, **more: Any) -> os.stat_result:
        if str(path).endswith("a.hl7"):
            raise FileNotFoundError(2, "gone")
        return seen(path, **more)

    monkeypatch.setattr(os, "lstat", gone)
    folder.look()
    assert (folder.memory.raws, folder.left()) == ([b"2 b"], ["a.hl7"])


@pytest.mark.parametrize("when", ["read", "move"])
def test_a_file_that_vanishes_is_counted(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    file = folder.drop("a.hl7", b"1 a")
    own = getattr(Place, when)

    def gone(*arguments: Any) -> Any:
        file.unlink()
        return own(*arguments)

    monkeypatch.setattr(Place, when, gone)
    folder.look()
    assert (folder.count("files_vanished"), folder.left()) == (1, [])
    assert folder.memory.raws == ([] if when == "read" else [b"1 a"])
    assert folder.names("done") == []


def test_a_file_that_must_not_be_read_stays_and_is_tried_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    os.utime(folder.drop("zhang-san.hl7", b"1 a"), (1, 1))
    folder.drop("b.hl7", b"2 b")
    opened = os.open

    def refused(path: Any, *rest: Any) -> int:
        if "zhang" in str(path):
            raise PermissionError(13, "no", str(path))
        return opened(path, *rest)

    monkeypatch.setattr(os, "open", refused)
    with caplog.at_level(logging.DEBUG):
        folder.look()
        run(folder.listener.look())
    assert (folder.left(), folder.memory.raws) == (["zhang-san.hl7"], [b"2 b"])
    assert folder.count("unreadable") == 1
    assert "zhang" not in caplog.text
    assert caplog.text.count("1 files cannot be read") == 1
    monkeypatch.setattr(os, "open", opened)
    run(folder.listener.look())
    assert (folder.left(), folder.count("unreadable")) == ([], 0)


def test_a_file_that_cannot_be_moved_is_not_put_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.drop("a.hl7", b"1 a")
    rename = os.rename

    def refused(source: Any, target: Any) -> None:
        if "done" in str(target):
            raise PermissionError(13, "no")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refused)
    folder.look()
    folder.look()
    assert (folder.names(".moving"), folder.count("not_moved")) == (["a.hl7"], 1)
    monkeypatch.setattr(os, "rename", rename)
    run(folder.listener.look())
    assert (folder.names("done"), folder.left()) == (["a.hl7"], [])
    assert (folder.memory.raws, folder.memory.repeats) == ([b"1 a"], 0)


def test_links_are_refused(folder: Folder, tmp_path: Path) -> None:
    secret = tmp_path / "secret.hl7"
    secret.write_bytes(b"9 secret")
    (folder.path / "link.hl7").symlink_to(secret)
    (folder.path / "dangling.hl7").symlink_to(tmp_path / "absent")
    folder.look()
    assert (folder.memory.raws, folder.left()) == ([], [])
    assert (folder.path / "kept" / "link.hl7").is_symlink()
    assert "符号链接" in (folder.path / "kept" / "link.hl7.reason.txt").read_text("utf-8")
    assert secret.read_bytes() == b"9 secret"
    assert folder.count("files_aside") == 2


def test_a_reason_is_not_written_through_a_link(folder: Folder, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("as it was")
    (folder.path / "kept").mkdir()
    (folder.path / "kept" / "a.hl7.reason.txt").symlink_to(victim)
    folder.drop("a.hl7", b"1 bad")
    folder.look()
    assert victim.read_text() == "as it was"
    assert "VISIT_MISSING" in (folder.path / "kept" / "a.hl7.reason.txt").read_text("utf-8")


def test_a_link_that_comes_after_the_look_is_not_followed(folder: Folder, tmp_path: Path) -> None:
    file = folder.drop("a.hl7", b"1 a")
    place = Place(folder.path)
    place.prepare()
    (found,) = place.files()
    file.rename(tmp_path / "a.hl7")
    file.symlink_to(tmp_path / "a.hl7")
    with pytest.raises(OSError, match=r"a\.hl7"):
        place.read(found)


def test_folders_and_pipes_are_passed_over(folder: Folder) -> None:
    (folder.path / "sub.hl7").mkdir()
    (folder.path / "sub.hl7" / "a.hl7").write_bytes(b"1 a")
    os.mkfifo(folder.path / "pipe.hl7")
    folder.look()
    assert folder.memory.raws == []
    assert (folder.path / "sub.hl7" / "a.hl7").exists()
    assert stat.S_ISFIFO((folder.path / "pipe.hl7").stat().st_mode)


def test_an_empty_file_gets_its_time(folder: Folder) -> None:
    file = folder.drop("a.hl7", b"")
    folder.drop("b.hl7", b"")
    folder.drop("b.hl7.done", b"")
    folder.look()
    assert (folder.left(), folder.count("waiting")) == (["a.hl7", "b.hl7", "b.hl7.done"], 2)
    file.write_bytes(b"1 late")
    folder.look(after=3600)
    assert (folder.memory.raws, folder.names("kept")) == (
        [b"1 late"],
        ["b.hl7", "b.hl7.reason.txt"],
    )
    assert "没有内容" in (folder.path / "kept" / "b.hl7.reason.txt").read_text("utf-8")


def test_a_file_that_is_too_long_is_put_aside_unread(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "in", limit=4)
    folder.drop("a.hl7", b"1 abc")
    folder.drop("b.hl7", b"1 ab")
    folder.look()
    assert folder.memory.raws == [b"1 ab"]
    assert "4 字节" in (folder.path / "kept" / "a.hl7.reason.txt").read_text("utf-8")


def test_a_name_that_says_nothing_is_put_aside(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "in", form="", name="HIS")
    folder.drop("a.hl7", b"1 a")
    folder.drop("b.doc", b"2 b")
    folder.look()
    assert (folder.memory.raws, folder.memory.channels) == ([b"1 a"], ["folder:HIS"])
    assert folder.names("kept") == ["b.doc", "b.doc.reason.txt"]
    assert (folder.count("files_aside"), folder.count("files_kept")) == (1, 0)


def test_a_name_that_is_no_text_is_taken(folder: Folder) -> None:
    name = os.fsdecode(b"\xd5\xc5\xc8\xfd\xff.hl7")
    folder.drop(name, b"1 bad")
    folder.look()
    assert folder.names("kept") == [name, f"{name}.reason.txt"]


def test_long_names_are_moved(folder: Folder) -> None:
    folder.drop("病" * 83 + ".hl7", b"1 bad")  # 253 bytes
    folder.drop("x." + "y" * 253, b"2 bad")
    folder.look()
    assert folder.left() == []
    assert len(folder.names("kept")) == 4


@pytest.mark.parametrize("name", ["a.hl7", "a", ".hl7", "a.b.c", "病" * 80, "x." + "y" * 250])
def test_free_names_differ(tmp_path: Path, name: str) -> None:
    for _ in range(12):
        found = free_name(tmp_path, name)
        assert len(os.fsencode(found)) <= 240
        (tmp_path / found).write_bytes(b"")
    assert len(list(tmp_path.iterdir())) == 12


def test_only_the_first_reasons_are_told(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filing_module, "_SHOWN", 2)
    folder.drop("a.hl7", b"\n".join(b"%d bad" % n for n in range(5)))
    folder.look()
    said = (folder.path / "kept" / "a.hl7.reason.txt").read_text("utf-8").splitlines()
    assert len(said) == 4
    assert "3" in said[-1]


def test_words_of_a_reason_that_nobody_wrote(folder: Folder) -> None:
    class Strange(LineForm):
        def envelope(self, raw: bytes, control_id: str = "") -> Envelope:
            found = super().envelope(raw, control_id)
            return Envelope(
                form=found.form, raw=raw, verdict=found.verdict, reason=found.reason and "NO_WORDS"
            )

    folder.forms = {"hl7v2": Strange()}
    folder.listener = folder.made()
    folder.drop("a.hl7", b"1 bad")
    folder.look()
    assert "[NO_WORDS]" in (folder.path / "kept" / "a.hl7.reason.txt").read_text("utf-8")


NAMES = st.text(
    st.characters(blacklist_characters="/\0", max_codepoint=0x2FFFF), min_size=1, max_size=60
).filter(lambda name: name not in (".", "..", "done", "kept", ".moving"))


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    files=st.dictionaries(NAMES, st.binary(max_size=40), max_size=5),
    form=st.sampled_from(["", "hl7v2"]),
)
def test_no_file_is_lost_whatever_it_is_called(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], form: str
) -> None:
    forms = {"hl7v2": Whole(), "fhir": Whole(), "nhsa": Whole(), "table": Whole()}
    folder = Folder(tmp_path_factory.mktemp("in"), forms=forms, form=form)
    made = {}
    for name, content in files.items():
        try:
            folder.drop(name, content)
        except (OSError, UnicodeEncodeError):  # too long, or no name for a file at all
            continue
        made[name] = content
    folder.look(after=10**6)
    folder.look(after=10**6)
    left = [f for part in ("", "done", "kept", ".moving") for f in _files(folder.path / part)]
    contents = sorted(f.read_bytes() for f in left if not f.name.endswith(REASON))
    assert contents == sorted(made[name] for name in made if not name.endswith(REASON))
    taken = sorted(content for content in made.values() if content in folder.memory.raws)
    done = sorted(f.read_bytes() for f in _files(folder.path / "done") if f.stat().st_size)
    assert [content for content in done if content not in taken] == []


def _files(folder: Path) -> list[Path]:
    return [f for f in folder.iterdir() if f.is_file()]
