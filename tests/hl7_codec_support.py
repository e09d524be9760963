"""Small made-up HL7 v2 messages for the tests of the codec."""

from __future__ import annotations

from pathlib import Path

import pytest

from grouper.intake.forms import IntakeError
from hl7_adapters.hl7v2.charsets import Charsets
from hl7_adapters.hl7v2.codec import Message, Segment, parse

HEADER = (
    "MSH|^~\\&",
    "HIS",
    "H0001",
    "GROUPER",
    "INS",
    "20240305",
    "",
    "ADT^A08",
    "M1",
    "P",
    "2.4",
)


def header(charset: str = "", *, application: str = "HIS", language: str = "") -> str:
    """A header up to MSH-19; MSH-3, MSH-18 and MSH-19 can be given."""
    parts = [HEADER[0], application, *HEADER[2:], "", "", "", "", "CHN", charset, language]
    return "|".join(parts)


def message(*lines: str, charset: str = "", end: str = "\r") -> str:
    """A header and the given segments, each ended by ``end``."""
    return "".join(line + end for line in (header(charset), *lines))


def read(*lines: str, end: str = "\r") -> Message:
    """A message in UTF-8, read."""
    return parse(message(*lines, end=end).encode())


def one(line: str) -> Segment:
    """One segment of a message."""
    return read(line).segments[1]


def refusal(raw: bytes, sets: Charsets | None = None) -> tuple[str, str]:
    """Code and place of the error that reading the bytes ends with."""
    with pytest.raises(IntakeError) as caught:
        parse(raw, sets)
    return caught.value.code, str(caught.value.params["place"])


def table(folder: Path, *rows: str) -> Path:
    """A table of character sets with these rows."""
    path = folder / "charsets.csv"
    path.write_text("\n".join(("name,codec,undefined,note", *rows)), encoding="utf-8")
    return path
