"""Writing HL7 v2: what is built reads back as it was, in every character set."""

from __future__ import annotations

import pytest
from examples import examples
from hl7_codec_support import HEADER
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grouper.intake.forms import IntakeError
from hl7_adapters.hl7v2.charsets import charsets
from hl7_adapters.hl7v2.codec import Field, build, parse

NAMES = sorted({s.codec: s.name for s in charsets().by_name.values()}.values())
BARE = ["|", "^", *[""] * 6, "ADT", "M1"]
MSH = ["|", "^~\\&", *HEADER[1:]]


def in_set(charset: str, text: str) -> str:
    """The text without the characters that a set cannot write and read back, and without NUL."""
    found = charsets().get(charset)
    assert found is not None
    kept = []
    for letter in text:
        try:
            if letter != "\0" and found.decode(found.encode(letter)).lstrip("\ufeff") == letter:
                kept.append(letter)
        except IntakeError:
            continue
    return "".join(kept)


TEXTS = st.text(max_size=12) | st.text('|^~\\&\r\n\v\x1c.brXEFSTHNCM20中文"#', max_size=12)


@pytest.mark.parametrize("charset", NAMES)
@given(st.lists(st.lists(st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=3), min_size=1, max_size=3), st.sampled_from(["|^~\\&", "|^~\\&#", "$%*?@", "!\\|^~", "|^~\\."]))  # fmt: skip
@example([[["a\\", "\\F\\"], ["\\X41\\"]], [["\\.br\\\n\r"]]], "|^~\\&")
@settings(deadline=None, max_examples=examples(40))
def test_any_text_comes_back(charset: str, drawn: list[list[list[str]]], marks: str) -> None:
    repetitions = [[[in_set(charset, t) for t in subs] for subs in comps] for comps in drawn]
    field = [tuple(tuple(subs) for subs in comps) for comps in repetitions]
    header = [marks[0], marks[1:], *HEADER[1:]]
    raw = build([("MSH", header), ("ZXX", [field, "end"])], charset)
    found = parse(raw)
    zxx = found.segments[1]
    assert (len(found.segments), zxx.size, zxx.value(2)) == (2, 2, "end")
    for r, comps in enumerate(repetitions, 1):
        for c, subs in enumerate(comps, 1):
            assert [zxx.value(1, c, s, r) for s in range(1, len(subs) + 1)] == subs
    assert found.charset == charset


@given(st.text(max_size=20).filter(lambda t: "\0" not in t))
@settings(deadline=None)
def test_what_is_parsed_and_built_again_parses_the_same(text: str) -> None:
    text = in_set("UNICODE UTF-8", text)
    lines: list[tuple[str, list[Field]]] = [("MSH", [*MSH]), ("PID", ["", ("a", text), text])]
    once = parse(build(lines, "UNICODE UTF-8"))
    again = parse(build([(s.name, [s.value(n) for n in range(1, s.size + 1)]) for s in once.segments], once.charset))  # fmt: skip
    assert [s.value(3) for s in again.segments] == [s.value(3) for s in once.segments]
    assert again.segments[1].value(2) == "a"


def test_the_bytes_are_what_the_standard_writes() -> None:
    lines: list[tuple[str, list[Field]]] = [
        ("MSH", ["|", "^~\\&", "HIS", "", "", "", "", "", ("ADT", "A01"), "M1", "P", "2.4"]),
        ("EVN", []),
        ("PID", ["", "", [("P1", "", "", ("YB", "1.2"), "PI"), "Q|2"], "", ("测\n试", "a\\b")]),
    ]
    assert build(lines, "GB18030") == (
        b"MSH|^~\\&|HIS||||||ADT^A01|M1|P|2.4||||||GB18030\rEVN\r"
        b"PID|||P1^^^YB&1.2^PI~Q\\F\\2||\xb2\xe2\\.br\\\xca\xd4^a\\E\\b\r"
    )


def test_utf_16_is_written_with_a_mark() -> None:
    raw = build([("MSH", MSH)], "UNICODE")
    assert raw.startswith(b"\xff\xfeM\0S\0H\0")
    assert parse(raw).segments[0].value(18) == "UNICODE"


def test_a_set_that_is_stated_already_stays() -> None:
    stated = [*MSH, *[""] * (17 - len(MSH)), "gbk"]
    assert parse(build([("MSH", stated)], "GB18030")).segments[0].value(18) == "gbk"


@pytest.mark.parametrize(
    ("lines", "charset", "code", "place"),
    [
        ([("MSH", MSH)], "KOI8-R", "CHARSET_UNKNOWN", "MSH-18"),
        ([("MSH", MSH)], "", "CHARSET_UNKNOWN", "MSH-18"),
        ([("MSH", MSH), ("PID", ["中"])], "ASCII", "CHARSET_BROKEN", "MSH-18"),
        ([("MSH", MSH), ("PID", ["\x85"])], "8859/1", "CHARSET_BROKEN", "MSH-18"),
        ([("MSH", MSH), ("PID", ["\ud800"])], "UTF-8", "CHARSET_BROKEN", "MSH-18"),
        ([("MSH", MSH), ("PID", ["\ud800"])], "UNICODE", "CHARSET_BROKEN", "MSH-18"),
        ([("MSH", [*MSH, *[""] * (17 - len(MSH)), "UTF-8"])], "GBK", "CHARSET_BROKEN", "MSH-18"),
        ([], "GBK", "MESSAGE_UNREADABLE", "MSH"),
        ([("PID", ["1"])], "GBK", "MESSAGE_UNREADABLE", "MSH"),
        ([("MSH", [])], "GBK", "MESSAGE_UNREADABLE", "MSH-1"),
        ([("MSH", ["a", "^~\\&"])], "GBK", "MESSAGE_UNREADABLE", "MSH-1"),
        ([("MSH", [("|", "^"), "^~\\&"])], "GBK", "MESSAGE_UNREADABLE", "MSH-1"),
        ([("MSH", ["|", "^~|"])], "GBK", "MESSAGE_UNREADABLE", "MSH-2"),
        ([("MSH", MSH), ("PID", ["a\0"])], "GBK", "MESSAGE_UNREADABLE", "NUL"),
        ([("MSH", BARE), ("PID", ["a|b"])], "GBK", "MESSAGE_UNREADABLE", "MSH-2"),
        (
            [("MSH", BARE), ("PID", [["a", "b"]])],
            "GBK",
            "MESSAGE_UNREADABLE",
            "MSH-2",
        ),
    ],
)
def test_what_cannot_be_written_is_refused(
    lines: list[tuple[str, list[Field]]], charset: str, code: str, place: str
) -> None:
    with pytest.raises(IntakeError) as caught:
        build(lines, charset)
    assert (caught.value.code, caught.value.params["place"]) == (code, place)


@pytest.mark.parametrize("text", ["\\M244141\\V", "\\C2842\\x", "\\X41\\", "a\\E\\M2441\\E\\b"])
def test_what_looks_like_a_sequence_is_written_so_that_it_is_read_as_text(text: str) -> None:
    raw = build([("MSH", MSH), ("NTE", ["1", "", text])], "UNICODE UTF-8")
    found = parse(raw).first("NTE")
    assert found is not None
    assert found.value(3) == text
