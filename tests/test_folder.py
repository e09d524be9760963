"""The folder listener: what becomes of files, and that none is lost or doubled."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from folder_support import Folder, Memory, Whole, folder, run

from codebooks.errors import GrouperError
from grouper.intake.envelope import Envelope, Receipt
from hl7_adapters.folder import FolderListener, FolderOptions, listener
from hl7_adapters.folder.listener import PASS_BY
from hl7_adapters.folder.place import Place

__all__ = ["folder"]


def test_a_file_is_put_and_then_moved(folder: Folder) -> None:
    folder.drop("a.hl7", b"1 a")
    folder.look()
    assert folder.memory.raws == [b"1 a"]
    assert folder.memory.channels == ["folder:in"]
    assert (folder.names("done"), folder.left()) == (["a.hl7"], [])
    assert (folder.path / "done" / "a.hl7").read_bytes() == b"1 a"
    counted = ("messages", "aa", "files_done", "bytes", "rounds", "up", "waiting")
    assert [folder.count(name) for name in counted] == [1, 1, 1, 3, 2, 1, 0]


def test_a_batch_is_put_message_by_message(folder: Folder) -> None:
    folder.drop("a.hl7", b"1 a\n2 bad\n3 odd\n1 a")
    folder.look()
    assert folder.memory.raws == [b"1 a", b"2 bad", b"3 odd"]
    assert folder.names("kept") == ["a.hl7", "a.hl7.reason.txt"]
    said = (folder.path / "kept" / "a.hl7.reason.txt").read_text("utf-8")
    assert "VISIT_MISSING" in said
    assert "收件箱第 2 号" in said
    assert "报文没有就诊号" in said
    counted = ("messages", "aa", "ae", "ar", "duplicates", "files_kept")
    assert [folder.count(name) for name in counted] == [4, 2, 1, 1, 1, 1]


def test_the_same_bytes_twice_in_a_batch_are_two_messages_without_ids(folder: Folder) -> None:
    folder.drop("a.hl7", b"- a\n- a")
    folder.look()
    assert folder.memory.raws == [b"- a", b"- a"]


@pytest.mark.parametrize("content", [b"1 CUT\n2 b", b"1 BUG\n2 b", b"\n\n"])
def test_a_batch_that_cannot_be_taken_apart_is_put_whole(folder: Folder, content: bytes) -> None:
    folder.drop("a.hl7", content)
    folder.look()
    assert (folder.memory.raws, folder.left()) == ([content], [])


def test_a_fault_of_the_form_loses_nothing(folder: Folder) -> None:
    folder.drop("a.hl7", b"1 FAULT\n2 b")
    folder.look()
    assert [e.reason for e in folder.memory.stored] == ["PROCESSING_FAILED", ""]
    assert folder.names("kept") == ["a.hl7", "a.hl7.reason.txt"]


def test_a_form_without_batches_takes_a_file_as_one_message(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "in", forms={"hl7v2": Whole()})
    folder.drop("a.hl7", b"1 a\n2 b")
    folder.look()
    assert folder.memory.raws == [b"1 a\n2 b"]


def test_a_file_that_still_grows_is_left_alone(folder: Folder) -> None:
    file = folder.drop("a.hl7", b"1 a")
    for more in (b"\n2 b", b"\n3 c"):
        run(folder.listener.look())
        folder.clock.now += 4.9
        with file.open("ab") as writing:
            writing.write(more)
    run(folder.listener.look())
    assert (folder.memory.raws, folder.count("waiting")) == ([], 1)
    folder.clock.now += 5
    run(folder.listener.look())
    assert folder.memory.raws == [b"1 a", b"2 b", b"3 c"]


def test_files_are_taken_in_the_order_of_their_times(folder: Folder) -> None:
    for name, at in (("a", 3), ("b", 1), ("c", 2)):
        os.utime(folder.drop(f"{name}.hl7", name.encode()), (at, at))
    folder.look()
    assert folder.memory.raws == [b"b", b"c", b"a"]


def test_a_marker_makes_a_file_whole_at_once(folder: Folder) -> None:
    for name in ("a.hl7", "b.hl7", "c.hl7"):
        folder.drop(name, name.encode())
    folder.drop("a.hl7.done")
    folder.drop("b.ok")
    run(folder.listener.look())
    assert sorted(folder.memory.raws) == [b"a.hl7", b"b.hl7"]
    folder.look()
    assert folder.names("done") == ["a.hl7", "a.hl7.done", "b.hl7", "b.ok", "c.hl7"]
    assert folder.left() == []


def test_with_markers_alone_nothing_else_is_whole(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "in", whole="marker")
    old = folder.drop("a.hl7.done")
    os.utime(old, (1, 1))  # left by the file before
    folder.drop("a.hl7", b"1 a")
    folder.look(after=10**6)
    assert (folder.memory.raws, folder.names("done")) == ([], [])
    folder.drop("a.hl7.done")
    run(folder.listener.look())
    assert (folder.memory.raws, folder.names("done")) == ([b"1 a"], ["a.hl7"])


def test_what_is_being_written_is_never_taken(folder: Folder) -> None:
    names = [".a.hl7", "a.hl7.part", "b.TMP", "~c.hl7", "d.hl7~"]
    for name in names:
        folder.drop(name)
    folder.look(after=10**6)
    assert (folder.left(), folder.memory.raws) == (sorted(names), [])
    assert folder.count("waiting") == 5
    (folder.path / "a.hl7.part").rename(folder.path / "a.hl7")
    folder.look()
    assert folder.names("done") == ["a.hl7"]


def test_a_name_that_is_taken_gets_a_number(folder: Folder) -> None:
    for content in (b"1 a", b"2 b", b"2 b"):
        folder.drop("a.hl7", content)
        folder.look()
    assert folder.names("done") == ["a.1.hl7", "a.2.hl7", "a.hl7"]
    assert folder.memory.raws == [b"1 a", b"2 b"]
    folder.drop("a.hl7", b"3 bad")
    folder.look()
    folder.drop("a.hl7", b"4 bad")
    folder.look()
    assert folder.names("kept") == [*("a.1.hl7", "a.1.hl7.reason.txt", "a.hl7", "a.hl7.reason.txt")]


def test_a_database_that_is_away_leaves_files_in_place_and_in_order(folder: Folder) -> None:
    os.utime(folder.drop("a.hl7", b"1 a\n2 b"), (1, 1))
    folder.drop("b.hl7", b"3 c")
    folder.memory.full = 1
    folder.look()
    assert folder.left() == ["a.hl7", "b.hl7"]
    assert (folder.memory.raws, folder.count("waiting")) == ([b"2 b"], 2)
    run(folder.listener.look())
    # The second message is not put again: it is known to be stored.
    assert folder.memory.raws == [b"2 b", b"1 a", b"3 c"]
    assert (folder.memory.repeats, folder.left()) == (0, [])
    assert (folder.count("not_stored"), folder.count("messages")) == (1, 3)


def test_a_file_that_is_never_stored_does_not_hold_up_the_others(folder: Folder) -> None:
    os.utime(folder.drop("a.hl7", b"1 a"), (1, 1))
    folder.drop("b.hl7", b"2 b")
    folder.memory.refuses = {b"1 a"}
    folder.look()
    for _ in range(PASS_BY - 2):
        run(folder.listener.look())
        assert folder.memory.raws == []
    run(folder.listener.look())
    assert (folder.memory.raws, folder.left()) == ([b"2 b"], ["a.hl7"])
    folder.memory.refuses = set()
    run(folder.listener.look())
    assert folder.left() == []


def test_after_a_restart_what_was_put_is_known(folder: Folder) -> None:
    folder.drop("a.hl7", b"- a\n2 b")
    move, Place.move = Place.move, lambda *_: False  # type: ignore[method-assign]
    try:
        folder.look()
    finally:
        Place.move = move  # type: ignore[method-assign]
    assert folder.left() == ["a.hl7"]
    folder.listener = folder.made()
    folder.look()
    assert (folder.memory.raws, folder.memory.repeats) == ([b"- a", b"2 b"], 2)
    assert folder.names("done") == ["a.hl7"]
    # The same bytes under another name are another message, where the form has no ids.
    folder.drop("b.hl7", b"- a")
    folder.look()
    assert folder.memory.raws == [b"- a", b"2 b", b"- a"]


def test_what_comes_under_the_name_meanwhile_is_not_moved_away(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder.drop("a.hl7", b"1 a")
    put = folder.memory.put

    async def meanwhile(envelope: Envelope, channel: str) -> Receipt:
        receipt = await put(envelope, channel)
        file.write_bytes(b"2 other")
        return receipt

    monkeypatch.setattr(folder.memory, "put", meanwhile)
    folder.listener = folder.made()
    folder.look()
    assert (folder.left(), folder.names("done")) == (["a.hl7"], [])
    assert (folder.path / ".moving" / "a.hl7").read_bytes() == b"2 other"
    file_again = folder.drop("a.hl7", b"3 third")
    monkeypatch.setattr(folder.memory, "put", put)
    folder.listener = folder.made()
    folder.look()
    assert folder.memory.raws == [b"1 a", b"2 other", b"3 third"]
    assert folder.names("done") == ["a.1.hl7", "a.hl7"]
    assert not file_again.exists()


def test_a_name_that_is_still_half_moved_waits(folder: Folder) -> None:
    folder.drop("a.hl7", b"1 a")
    Place(folder.path).prepare()
    half = folder.path / ".moving" / "a.hl7"
    half.write_bytes(b"2 half")
    run(folder.listener.look())
    folder.clock.now += 4
    half.write_bytes(b"3 growing")
    run(folder.listener.look())
    folder.clock.now += 1.5
    run(folder.listener.look())
    assert folder.memory.raws == [b"1 a"]
    assert (folder.left(), folder.count("files_changed")) == (["a.hl7", "a.hl7"], 1)
    folder.clock.now += 5
    run(folder.listener.look())
    assert folder.memory.raws == [b"1 a", b"3 growing"]
    assert folder.left() == []


def test_it_runs_by_itself_and_stops(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "in", settle=0, poll=0.01)
    folder.drop("a.hl7", b"1 a")

    async def through() -> None:
        stored = asyncio.Event()
        put = folder.memory.put

        async def told(envelope: Envelope, channel: str) -> Receipt:
            stored.set()
            return await put(envelope, channel)

        one = FolderListener(folder.options, told, folder.forms)
        await one.start()
        await stored.wait()
        await one.stop()
        await one.stop()

    run(through())
    assert (folder.names("done"), folder.left()) == (["a.hl7"], [])


def test_stopping_in_the_middle_of_a_batch_leaves_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grouper.intake.pieces.WINDOW", 2)
    folder = Folder(tmp_path / "in", settle=0, poll=0.01)
    os.utime(folder.drop("a.hl7", b"\n".join(b"%d a" % n for n in range(6))), (1, 1))
    folder.drop("b.hl7", b"9 b")

    async def through() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()
        put = folder.memory.put

        async def held(envelope: Envelope, channel: str) -> Receipt:
            begun.set()
            await go_on.wait()
            return await put(envelope, channel)

        one = folder.listener = FolderListener(folder.options, held, folder.forms)
        await one.start()
        await begun.wait()
        stopping = asyncio.create_task(one.stop())
        await asyncio.sleep(0)
        go_on.set()
        await stopping

    run(through())
    assert folder.memory.raws == [b"0 a", b"1 a"]
    assert folder.left() == ["a.hl7", "b.hl7"]
    assert folder.count("not_stored") == 0
    folder.listener = folder.made()
    run(folder.listener.look())
    assert len(folder.memory.raws) == 7
    assert (folder.memory.repeats, folder.left()) == (2, [])


def test_a_folder_that_goes_away_comes_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Folder(tmp_path / "in", settle=0, poll=0.01)

    class Told(FolderListener):
        looks: asyncio.Queue[Mapping[str, float]] = asyncio.Queue()

        async def look(self) -> None:
            try:
                await super().look()
            finally:
                self.looks.put_nowait(dict(self.metrics()))

    one = Told(folder.options, folder.memory.put, folder.forms)

    async def until(name: str) -> Mapping[str, float]:
        while not (told := await one.looks.get())[name]:
            continue
        return told

    async def through() -> None:
        await one.start()
        await until("folder_rounds_total")
        folder.path.rename(tmp_path / "away")
        await until("folder_rounds_failed_total")
        await one.looks.get()
        assert (await one.looks.get())["folder_up"] == 0
        (tmp_path / "away").rename(folder.path)
        folder.drop("a.hl7")
        assert (await until("folder_files_done_total"))["folder_up"] == 1
        await one.stop()

    run(through())
    assert caplog.text.count("a look failed: GrouperError") == 1
    assert str(tmp_path) not in caplog.text


@pytest.mark.parametrize("fault", ["absent", "file", "link", "no folder"])
def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "in"
    if fault == "file":
        path.write_bytes(b"")
    elif fault != "absent":
        path.mkdir()
        if fault == "link":
            (path / "done").symlink_to(tmp_path, target_is_directory=True)
        else:
            (path / "kept").write_bytes(b"")
    options = FolderOptions.from_mapping({"path": str(path)})
    one = FolderListener(options, Memory().put, {"hl7v2": Whole(), "fhir": Whole()})
    with pytest.raises(GrouperError) as raised:
        run(one.start())
    assert raised.value.code == "FOLDER_UNUSABLE"
    assert str(path) in str(raised.value)


def test_the_entry_point_makes_a_listener(tmp_path: Path) -> None:
    one = listener({"path": str(tmp_path), "form": "hl7v2"}, Memory().put)
    assert isinstance(one, FolderListener)
    with pytest.raises(GrouperError) as raised:
        listener({"path": str(tmp_path), "form": "nothing"}, Memory().put)
    assert raised.value.code == "FORM_UNKNOWN"
