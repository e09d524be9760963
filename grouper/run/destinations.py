"""Where a run writes: checked before anything is opened, and told in our words when it fails."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from itertools import combinations
from typing import TYPE_CHECKING

import pyarrow as pa

from codebooks.errors import GrouperError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PART = ".part"
"""Ending of a file that is not whole yet."""


class OutputError(GrouperError):
    """The output cannot be written as asked."""


def part_of(path: Path) -> Path:
    """Where a file lies until it is whole."""
    return path.with_name(path.name + PART)


def check_destinations(source: Path, outputs: Sequence[Path]) -> None:
    """See that writing can harm neither the input nor another output.

    Args:
        source: the input.
        outputs: the files to write; each lies under :func:`part_of` until it is whole.

    Raises:
        OutputError: ``OUTPUT_IS_INPUT``, ``OUTPUT_TWICE`` (two outputs are one file),
            ``OUTPUT_FOLDER`` (its folder is not there) or ``OUTPUT_IS_FOLDER``.
    """
    written = [path for output in outputs for path in (output, part_of(output))]
    for path in written:
        if _same(path, source):
            raise OutputError("OUTPUT_IS_INPUT", Where(file=path.name))
    for one, other in combinations(written, 2):
        if _same(one, other):
            raise OutputError("OUTPUT_TWICE", Where(file=other.name))
    for path in outputs:
        if not path.parent.is_dir():
            raise OutputError("OUTPUT_FOLDER", Where(file=path.name))
        if path.is_dir():
            raise OutputError("OUTPUT_IS_FOLDER", Where(file=path.name))


def _same(one: Path, other: Path) -> bool:
    # Hard links and file systems without regard to case show only in the file itself.
    if one.exists() and other.exists():
        return one.samefile(other)
    return one.resolve() == other.resolve()


@contextmanager
def whole(paths: Sequence[Path]) -> Iterator[None]:
    """Let files take their names when all of them are whole.

    The body writes each under :func:`part_of`. After an error or an interruption none of them is
    there, or still the one of an earlier run.

    Raises:
        OutputError: ``OUTPUT_FAILED`` when a file cannot take its name.
    """
    try:
        yield
        for path in paths:
            with writing(path):
                part_of(path).replace(path)
    except BaseException:
        for path in paths:
            with suppress(OSError):
                part_of(path).unlink()
        raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what hinders writing into an error that says so.

    Raises:
        OutputError: ``OUTPUT_FAILED``: no right, no room, or a value that the format cannot hold.
    """
    try:
        yield
    except OSError as cause:
        problem = cause.strerror or type(cause).__name__
        raise OutputError("OUTPUT_FAILED", Where(file=path.name), cause=problem) from cause
    except pa.ArrowException as cause:
        # Arrow's words may quote a value of the row, so its kind of error has to do.
        problem = type(cause).__name__
        raise OutputError("OUTPUT_FAILED", Where(file=path.name), cause=problem) from cause
