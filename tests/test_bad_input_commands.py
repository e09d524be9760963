"""Commands on bad input: no file is harmed, no name of a person told, every end is one of ours."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from bad_input_support import COLUMNS, DAY, GOOD, NAMED, NAMED_HEADER, csv_file, invoke, refused

from codebooks.errors import GrouperError
from grouper.case.readers import open_source
from grouper.run import flow
from grouper.run.choose import Chooser
from grouper.run.destinations import OutputError
from grouper.run.flow import run


def test_a_folder_or_a_closed_file_is_no_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.csv"
    for command in (("group", tmp_path, "-o", out), ("explain", tmp_path)):
        assert refused(*command) == "FILE_NOT_FOUND"
    path = csv_file(tmp_path, GOOD)
    opened = Path.open

    def closed(self: Path, *args: Any, **options: Any) -> Any:
        if self == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(self, *args, **options)

    monkeypatch.setattr(Path, "open", closed)
    assert refused("group", path, "-o", out) == "FILE_DENIED"
    assert not out.exists()


@pytest.mark.parametrize(
    ("source", "output", "explain", "code"),
    [
        ("in.csv", "in.csv", None, "OUTPUT_IS_INPUT"),
        ("in.csv", "./sub/../in.csv", None, "OUTPUT_IS_INPUT"),
        ("in.csv", "hard.csv", None, "OUTPUT_IS_INPUT"),
        ("in.csv", "soft.csv", None, "OUTPUT_IS_INPUT"),
        ("x.rejects.csv", "x.csv", None, "OUTPUT_IS_INPUT"),
        ("y.csv.part", "y.csv", None, "OUTPUT_IS_INPUT"),
        ("in.csv", "out.csv", "in.csv", "OUTPUT_IS_INPUT"),
        ("in.csv", "out.csv", "out.csv", "OUTPUT_TWICE"),
        ("in.csv", "out.csv", "out.rejects.csv", "OUTPUT_TWICE"),
        ("in.csv", "out.csv", "no/why.jsonl", "OUTPUT_FOLDER"),
        ("in.csv", "no/out.csv", None, "OUTPUT_FOLDER"),
        ("in.csv", "sub", None, "OUTPUT_IS_FOLDER"),
        ("in.csv", "out.xlsx", None, "OUTPUT_FORMAT"),
    ],
)
def test_outputs_that_would_harm(
    tmp_path: Path, source: str, output: str, explain: str | None, code: str
) -> None:
    (tmp_path / "sub").mkdir()
    content = csv_file(tmp_path, GOOD).read_bytes()
    for name in ("x.rejects.csv", "y.csv.part"):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "in.csv")
    (tmp_path / "soft.csv").symlink_to(tmp_path / "in.csv")
    before = {p.name for p in tmp_path.iterdir()}
    words = ["--explain", tmp_path / explain] if explain else []
    where = f"{tmp_path}/{output}"
    assert refused("group", tmp_path / source, "-o", where, "--format", "csv", *words) == code
    assert (tmp_path / source).read_bytes() == content
    assert {p.name for p in tmp_path.iterdir()} == before


def test_no_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = csv_file(tmp_path, GOOD)

    class Full:
        def write(self, _: pa.RecordBatch) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def close(self) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(flow, "open_writer", lambda *_: Full())
    assert refused("group", path, "-o", tmp_path / "out.csv") == "OUTPUT_FAILED"
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


def test_words_of_arrow_are_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def quoting(*_: object) -> None:
        raise pa.ArrowInvalid("张三")

    monkeypatch.setattr(flow, "open_writer", quoting)
    with pytest.raises(OutputError) as caught:
        run(open_source(csv_file(tmp_path, GOOD)), tmp_path / "out.csv", Chooser())
    assert "张三" not in str(caught.value)
    assert "ArrowInvalid" in str(caught.value)


def test_explain_of_bad_cases(tmp_path: Path) -> None:
    rows = [
        f"C1,张三,,1,45,,,{DAY},K80.101,",
        f"C2,,李四,1,45,,,{DAY},K80.101,",
        f"C3,,,王五,45,,,{DAY},K80.101,51.2300",
        "C4,,,1,45,,,,K80.101,",
        "C5,,,1",
    ]
    path = csv_file(tmp_path, *rows, header=COLUMNS)
    codes = ("REGION_UNKNOWN", "SCHEME_UNCOVERED", None, "DATE_NEEDED", "CASE_UNREADABLE")
    for row, code in enumerate(codes, 1):
        result = invoke("explain", path, "--row", row)
        error = result.exception
        assert (error.code if isinstance(error, GrouperError) else None) == code
        said = result.stderr + (error.describe() if isinstance(error, GrouperError) else "")
        assert not [name for name in ("张三", "李四", "王五") if name in said]
        assert ("SEX_INVALID" in said) == (row == 3)
    assert refused("explain", path, "--row", 3, "-o", path) == "OUTPUT_IS_INPUT"
    assert refused("explain", path, "--row", 3, "-o", tmp_path) == "OUTPUT_FAILED"
    assert refused("explain", path, "--case", "张三") == "CASE_NOT_FOUND"


def test_explain_takes_any_words() -> None:
    for dx in ("张三", "\udcff", "K80\0.101", "", "|||", "K" * 10_000):
        result = invoke("explain", "--dx", dx, "--sex", "李四", "--scheme", "chs-drg-3.0")
        assert result.exit_code == 0
        assert "李四" not in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("group", "none.csv", "-o", "out.csv"),
        ("group", "in.csv", "-o", "out.csv", "--lang", "fr"),
    ],
)
def test_the_command_itself_ends_with_two(tmp_path: Path, words: tuple[str, ...]) -> None:
    csv_file(tmp_path, *NAMED, header=NAMED_HEADER)
    done = subprocess.run(
        [sys.executable, "-m", "grouper", *words], cwd=tmp_path, capture_output=True, check=False
    )
    told = done.stderr.decode()
    assert done.returncode == 2
    assert told.strip()
    assert "Traceback" not in told
    assert "张三" not in told
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]
