"""The codec against the package ``hl7``: where that is right, both agree field by field."""

from __future__ import annotations

import csv
import logging
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hl7
import pytest
from hl7_codec_support import message

from hl7_adapters.hl7v2.codec import Message, parse, split_batch

Place = tuple[int, int, int, int, int]
"""Number of the segment, field, repetition, component, sub-component; from 0, 1, 1, 1, 1."""

MESSAGES = 228
KNOWN = {
    "TRAILING_BLANKS": "hl7 takes blanks off the end of the whole message, so also off a last field",
    "DOUBLED_ESCAPE": "MSH-2 is written ^~\\\\&; hl7 takes the second backslash for sub-components",
    "LINE_FEED": "hl7 gives CR for .br, which would end a segment; here it is LF",
    "HIGHLIGHT": "hl7 leaves _ for the begin and end of highlighting, which are no text",
    "UNKNOWN_SEQUENCE": "hl7 drops sequences that it does not know; here they are kept",
    "UNFINISHED_SEQUENCE": "hl7 drops what stands behind a last single backslash; here it is kept",
    "HEX_BYTES": "hl7 takes each hex byte for a character, whatever the character set",
    "FEWER_SEPARATORS": "hl7 puts in the standard separators where MSH-2 has fewer",
    "NULL_PARTS": "hl7 has no null: only the first part of a null field is one",
}
EXPECTED = {
    "FHIR-Converter__PPR_PC1__bdf765e0.hl7": {"TRAILING_BLANKS": 1},
    "FHIR-Converter__PPR_PC2__e397d3e8.hl7": {"TRAILING_BLANKS": 1},
    "hl7v2-fhir-converter__ADT_A01__1afe948f.hl7": {"DOUBLED_ESCAPE": 6},
    "hl7v2-fhir-converter__ADT_A01__4673945e.hl7": {"DOUBLED_ESCAPE": 4},
    "hl7v2-fhir-converter__VXU_V04_VXU_V04__0a652cbb.hl7": {"TRAILING_BLANKS": 1},
    "hl7v2-fhir-converter__VXU_V04_VXU_V04__923dd8a8.hl7": {"TRAILING_BLANKS": 1},
}
"""How many values of which message differ, and why; every other message agrees in all."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The package logs each sequence that it drops."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def spread(part: object, depth: int) -> list[object]:
    """The package leaves out levels that have one part; here all are there."""
    parts = [part] if isinstance(part, str) else list(part)  # type: ignore[call-overload]  # a list
    return parts if depth == 0 else [spread(p, depth - 1) for p in parts]


def theirs(raw: bytes, codec: str = "utf-8") -> dict[Place, str]:
    """All values by the package, which wants CR and text."""
    text = raw.decode(codec).replace("\r\n", "\r").replace("\n", "\r")
    read = hl7.parse(text)
    found: dict[Place, str] = {}
    for s, segment in enumerate(read):
        header = str(segment[0]) in {"MSH", "BHS", "FHS"}
        for f, field in enumerate(segment):
            for r, repetition in enumerate(spread(field, 2), 1):
                for c, component in enumerate(repetition, 1):  # type: ignore[var-annotated,arg-type]  # nested
                    for u, value in enumerate(component, 1):
                        plain = header and f in {1, 2}
                        found[s, f, r, c, u] = value if plain else read.unescape(value)
    return found


def ours(found: Message) -> dict[Place, str]:
    """All values that the codec has; sub-components as far as there are any."""
    values: dict[Place, str] = {}
    for s, segment in enumerate(found.segments):
        values[s, 0, 1, 1, 1] = segment.name
        for f in range(1, segment.size + 1):
            for r in range(1, max(1, segment.repetitions(f)) + 1):
                for c in range(1, max(1, segment.components(f, r)) + 1):
                    u = 1
                    values[s, f, r, c, u] = segment.value(f, c, u, r)
                    subs = segment.raw(f).count(found.syntax.subcomponent or "\n") + 1
                    for u in range(2, subs + 1):
                        values[s, f, r, c, u] = segment.value(f, c, u, r)
    return values


def differences(raw: bytes, codec: str = "utf-8") -> list[tuple[Place, str, str]]:
    """Places whose values differ: theirs and ours, "" where one has none."""
    his, mine = theirs(raw, codec), ours(parse(raw))
    places = sorted(his.keys() | mine.keys())
    return [
        (place, his.get(place, ""), mine.get(place, ""))
        for place in places
        if his.get(place, "") != mine.get(place, "")
    ]


def finished(value: str) -> str:
    """The value without an escape sequence that does not end."""
    before, escape, behind = value.rpartition("\\")
    return before if escape and "\\" not in before + behind else value


def reason(raw: bytes, place: Place, his: str, mine: str) -> str:
    """Which of the known cases explains a difference; "" when none does."""
    found = parse(raw)
    segment = found.segments[place[0]]
    last = place[0] == len(found.segments) - 1 and place[1] == segment.size
    written = segment.raw(place[1])
    if last and mine != his == mine.rstrip():
        return "TRAILING_BLANKS"
    mended = raw.replace(b"|^~\\\\&|", b"|^~\\&|")
    if mended != raw and theirs(mended).get(place, "") in {mine, finished(mine)}:
        return "DOUBLED_ESCAPE"
    if his == finished(mine):
        return "UNFINISHED_SEQUENCE"
    if len(found.segments[0].value(2)) < 4:
        return "FEWER_SEPARATORS"
    if mine == '""' and not his:
        return "NULL_PARTS"
    if "\\.br\\" in written and his.replace("\r", "\n") == mine:
        return "LINE_FEED"
    if his.replace("_", "") == mine and "\\H\\" in written:
        return "HIGHLIGHT"
    if "\\X" in written and his == mine.encode(found.syntax.codec).decode("latin-1"):
        return "HEX_BYTES"
    if his == mine.replace("\\Z1\\", ""):
        return "UNKNOWN_SEQUENCE"
    return ""


@pytest.fixture(scope="module")
def messages(facts: Path) -> dict[str, bytes]:
    with (facts / "messages" / "INDEX.csv").open(encoding="utf-8", newline="") as file:
        names = [row["file"] for row in csv.DictReader(file)]
    return {name: (facts / "messages" / name).read_bytes() for name in names}


def test_all_messages_decode(messages: dict[str, bytes]) -> None:
    assert len(messages) == MESSAGES
    for raw in messages.values():
        (piece,) = split_batch(raw)
        assert piece == raw or parse(piece).segments[0].text == parse(raw).segments[0].text
        assert parse(raw).segments[0].name == "MSH"


def test_every_difference_is_explained(messages: dict[str, bytes]) -> None:
    values = 0
    seen: dict[str, dict[str, int]] = {}
    for name, raw in messages.items():
        values += len(theirs(raw))
        found = Counter(reason(raw, *difference) for difference in differences(raw))
        if found:
            seen[name] = dict(found)
    assert seen == EXPECTED
    assert values > 60_000


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ends_that_the_package_does_not_know_read_the_same(
    messages: dict[str, bytes], end: str
) -> None:
    for raw in messages.values():
        bent = raw.replace(b"\r", end.encode())
        assert [s.text for s in parse(bent).segments] == [s.text for s in parse(raw).segments]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("PID|1||P1^^^HIS^PI~Q2^^^A&1.2&ISO||测试^甲|||\\F\\\\S\\\\T\\\\R\\\\E\\", {}),
        ("NTE|1||a\\.br\\b", {"LINE_FEED": 1}),
        ("NTE|1||a\\H\\b\\N\\c", {"HIGHLIGHT": 1}),
        ("NTE|1||a\\Z1\\b", {"UNKNOWN_SEQUENCE": 1}),
        ("NTE|1||C:\\data", {"UNFINISHED_SEQUENCE": 1}),
        ("NTE|1||\\XE4B8AD\\", {"HEX_BYTES": 1}),
        ("NTE|1||\\X41\\", {}),
        ("PID|1||P1  ", {"TRAILING_BLANKS": 1}),
        ('PID|1||""', {}),
        ('PID|1||""^a&b', {"NULL_PARTS": 1}),
    ],
)
def test_made_up_messages(line: str, expected: dict[str, int]) -> None:
    raw = message(line).encode()
    assert Counter(reason(raw, *d) for d in differences(raw)) == Counter(expected)
    assert set(expected) <= set(KNOWN)


def test_fewer_separators() -> None:
    raw = b"MSH|^~|HIS|||||||ADT^A08|M1\rPID|1||a&b\r"
    found = Counter(reason(raw, *d) for d in differences(raw))
    assert found == {"FEWER_SEPARATORS": 2}


def test_what_the_package_cannot_read_at_all() -> None:
    with pytest.raises(IndexError):
        hl7.parse("MSH")
    lf = message("PID|1", end="\n")
    assert len(hl7.parse(lf)) == 1
    assert len(parse(lf.encode()).segments) == 2
    gbk = message("PID|1||讀^讀", charset="GBK").encode("gb18030")
    assert "讀".encode("gb18030")[1:] == b"x"
    assert parse(gbk).segments[1].value(3, 2) == "讀"


def test_reading_is_many_times_as_fast() -> None:
    raw = message(*(f"DG1|{n}||A00.{n}^测试诊断^I10||20240305|W" for n in range(20))).encode()
    text = raw.decode()

    def codec() -> None:
        read = parse(raw)
        assert [s.value(3) for s in read.all("DG1")[:10]] == [f"A00.{n}" for n in range(10)]

    def package() -> None:
        hl7.parse(text)

    fastest = []
    for read in (codec, package):
        times = []
        for _ in range(20):
            start = time.perf_counter()
            read()
            times.append(time.perf_counter() - start)
        fastest.append(min(times))
    assert fastest[1] > 4 * fastest[0]
