"""Reading HL7 v2: segments, fields, separators, escape sequences, and forms that senders bend."""

from __future__ import annotations

import time

import pytest
from hl7_codec_support import header, message, one, read, refusal
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grouper.intake.forms import IntakeError
from hl7_adapters.hl7v2.codec import NULL, Message, parse

LINES = (
    "EVN|A08|20240305",
    "PID|1||P1^^^HIS^PI~Q2^^^YB&1.2&ISO^SS||测试^甲||19560412|M",
    "PV1|1|I",
)


def texts(found: Message) -> list[str]:
    return [segment.text for segment in found.segments]


def test_field_numbers_are_those_of_the_standard() -> None:
    msh = read("PID|1").segments[0]
    assert (msh.value(1), msh.value(2), msh.value(3)) == ("|", "^~\\&", "HIS")
    assert (msh.value(9), msh.value(9, 2), msh.value(10), msh.value(17)) == (
        *("ADT", "A08", "M1", "CHN"),
    )
    assert (msh.repetitions(2), msh.components(2), msh.value(2, 2), msh.value(2, repetition=2)) == (
        *(1, 1, "", ""),
    )


def test_repetitions_components_and_subcomponents() -> None:
    pid = read(*LINES).first("PID")
    assert pid is not None
    assert [pid.value(3, repetition=n) for n in range(4)] == ["", "P1", "Q2", ""]
    assert [pid.value(3, 4, sub, 2) for sub in range(5)] == ["", "YB", "1.2", "ISO", ""]
    assert [pid.repetitions(n) for n in (0, 2, 3, 99)] == [0, 0, 2, 0]
    assert [pid.components(3, n) for n in (1, 2, 3)] == [5, 5, 0]
    assert [pid.value(5, n) for n in (1, 2, 3)] == ["测试", "甲", ""]
    assert (pid.raw(3), pid.raw(0), pid.raw(-1)) == ("P1^^^HIS^PI~Q2^^^YB&1.2&ISO^SS", "", "")
    assert (pid.value(7, 2), pid.value(7, 1, 2), pid.value(7, repetition=2)) == ("", "", "")
    assert pid.size == 8


def test_segments_are_found_by_name_in_their_order() -> None:
    found = read("DG1|1", "DG1|2", "ZXX|备注", "EVN")
    assert [s.value(1) for s in found.all("DG1")] == ["1", "2"]
    first = found.first("DG1")
    assert first is not None
    assert first.value(1) == "1"
    assert found.first("PV1") is None
    assert found.all("PV1") == []
    evn = found.segments[-1]
    assert (evn.name, evn.size, evn.value(1), evn.raw(1), evn.repetitions(1)) == (
        *("EVN", 0, "", "", 0),
    )


def test_a_segment_shows_no_content_in_its_repr() -> None:
    shown = repr(read("PID|1||P0001||测试").segments[1])
    assert shown == "Segment('PID', 5 fields)"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\n\r", "\r\r\n", " \r\n\r\n"])
def test_any_segment_end_reads_the_same(end: str) -> None:
    expected = texts(read(*LINES))
    found = read(*LINES, end=end)
    assert [text.rstrip(" ") for text in texts(found)] == expected


def test_mixed_ends_and_a_missing_last_end() -> None:
    raw = "\n".join((header(), "\r".join(LINES[:2]), LINES[2])).encode()
    assert texts(parse(raw)) == texts(read(*LINES))


@pytest.mark.parametrize(
    "before", ["\v", " \r\n", "\t\v", "\ufeff", "\v\ufeff", "\0\0", "\x1c\r\n"]
)
@pytest.mark.parametrize("after", ["\x1c\r", "\x1c", "\0\0\0", "\n\n \n", "\r\x1c\r\v"])
def test_blanks_and_what_a_frame_left_around_do_not_matter(before: str, after: str) -> None:
    found = parse((before + message(*LINES) + after).encode())
    assert texts(found) == texts(read(*LINES))
    found = parse((before + message(*LINES).rstrip("\r") + after).encode())
    assert [t.rstrip("\n ") for t in texts(found)] == texts(read(*LINES))


def test_blanks_before_a_segment_go_and_those_in_a_last_field_stay() -> None:
    found = read("  PID|1||P1 ", "\tPV1|1|I  ")
    assert texts(found)[1:] == ["PID|1||P1 ", "PV1|1|I  "]


def test_a_line_without_a_segment_name_goes_on_with_the_field_before() -> None:
    found = read("OBX|1|FT|||first line\n  second|line\nOBXray\nlast", "PV1|1|I")
    obx = found.segments[1]
    assert [s.name for s in found.segments] == ["MSH", "OBX", "PV1"]
    assert obx.value(5) == "first line\n  second"
    assert obx.value(6) == "line\nOBXray\nlast"


@pytest.mark.parametrize(
    ("first", "value"),
    [
        ("MSH$%*?@$HIS$H0001$$$$$ADT%A08$M1$P$2.4", "a@b"),
        ("MSH#!~\\&#HIS#H0001#####ADT!A08#M1#P#2.4", "a@b"),
    ],
)
def test_separators_are_those_of_the_header(first: str, value: str) -> None:
    field, component, repetition, escape = first[3], first[4], first[5], first[6]
    sub = first[7]
    line = field.join(("PID", "1", f"x{sub}y{component}{value}{repetition}z", f"{escape}F{escape}"))
    found = parse(f"{first}\r{line}\r".encode())
    pid = found.segments[1]
    assert found.segments[0].value(9, 2) == "A08"
    assert (pid.value(2), pid.value(2, 1, 2), pid.value(2, 2)) == (
        "x",
        "y",
        value.partition(sub)[0],
    )
    assert (pid.value(2, repetition=2), pid.value(3)) == ("z", field)


@pytest.mark.parametrize(
    ("encoding", "pid5", "escaped"),
    [
        ("^", ["a~b&c\\F\\"], "d"),
        ("^~", ["a", "b&c\\F\\"], "d"),
        ("^~\\", ["a", "b&c|"], "d"),
        ("^~\\&", ["a", "b"], "d"),
        ("", ["a", "b"], "d"),
        ("^~\\\\&", ["a", "b"], "d"),
    ],
)
def test_missing_separators_do_not_exist(encoding: str, pid5: list[str], escaped: str) -> None:
    raw = f"MSH|{encoding}|HIS|||||||ADT|M1\rPID|||||a~b&c\\F\\^d\r".encode()
    pid = parse(raw).segments[1]
    assert [pid.value(5, repetition=n + 1) for n in range(pid.repetitions(5))] == pid5
    assert pid.value(5, 2, repetition=pid.repetitions(5)) == escaped


def test_the_truncation_character_of_2_7() -> None:
    found = parse(b"MSH|^~\\&#|HIS|||||||ADT|M1\rPID|||a\\P\\b#\r")
    assert found.syntax.truncation == "#"
    assert found.segments[1].value(3) == "a#b#"
    assert one("PID|||a\\P\\b").value(3) == "a\\P\\b"


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"MSH|HIS|H0001||||||ADT|M1\r", "MSH-2"),
        (b"MSH|^~\\&#!|HIS|||||||ADT|M1\r", "MSH-2"),
        (b'MSH|^~"&|HIS|||||||ADT|M1\r', "MSH-2"),
        (b"MSH|^~ &|HIS|||||||ADT|M1\r", "MSH-2"),
        ("MSH|^~、&|HIS|||||||ADT|M1\r".encode(), "MSH-2"),
        (b"MSHA^~\\&A\r", "MSH-1"),
        (b"MSH7^~\\&7\r", "MSH-1"),
        ("MSH¦^~\\&¦HIS\r".encode(), "MSH-1"),
        (b"MSH\x01^~\\&\x01HIS\r", "MSH-1"),
    ],
)
def test_what_cannot_separate_is_refused(raw: bytes, place: str) -> None:
    assert refusal(raw) == ("MESSAGE_UNREADABLE", place)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f", "a|b^c&d~e\\f"),
        ("\\.br\\", "\n"),
        ("a\\.br\\b\\X0D0A\\c", "a\nb\r\nc"),
        ("\\H\\bold\\N\\ plain", "bold plain"),
        ("\\XE4B8AD\\", "中"),
        ("\\XE4\\\\XB8\\\\XAD\\", "中"),
        ("\\Xe4b8ad\\\\F\\", "中|"),
        ("\\XE4B8\\", "\\XE4B8\\"),
        ("\\X4\\", "\\X4\\"),
        ("\\X00\\", "\\X00\\"),
        ("\\X\\", "\\X\\"),
        ("\\Z12\\ \\.sp3\\ \\f\\", "\\Z12\\ \\.sp3\\ \\f\\"),
        ("C:\\data", "C:\\data"),
        ("\\\\server\\share", "\\\\server\\share"),
        ("\\C2842\\text", "text"),
        ("\\M2441\\VPND\\C2842\\!", "中文!"),
        ("\\M2441\\VPND", "中文"),
        ("\\M2441\\中", "\\M2441\\中"),
        ("\\C2D41\\text", "\\C2D41\\text"),
        ("\\M24412\\text", "\\M24412\\text"),
        ("\\M2442\\F", "\\M2442\\F"),
        ("\\E\\F\\E\\", "\\F\\"),
    ],
)
def test_escape_sequences(written: str, text: str) -> None:
    assert one(f"NTE|1||{written}").value(3) == text


def test_hex_bytes_are_in_the_set_of_the_message() -> None:
    for charset, codec in (("GB18030", "gb18030"), ("UNICODE", "utf-16"), ("8859/1", "latin-1")):
        bytes_of_it = b"\xd6\xd0" if codec == "gb18030" else b"\xe4\xb8\xad"
        raw = message(f"NTE|1||\\X{bytes_of_it.hex()}\\", charset=charset).encode(codec)
        expected = {"GB18030": "中", "UNICODE": "中", "8859/1": "ä¸\xad"}[charset]
        assert parse(raw).segments[1].value(3) == expected


def test_separators_inside_escape_sequences_still_separate() -> None:
    segment = one("NTE|1||a\\Z^b\\c")
    assert (segment.value(3), segment.value(3, 2)) == ("a\\Z", "b\\c")


def test_the_null_is_told_from_an_absent_value() -> None:
    segment = one('PID|""|x^""^y||""~a|&""|"a"')
    assert (segment.value(1), segment.value(1, 3), segment.value(1, 1, 2)) == (NULL, NULL, NULL)
    assert [segment.value(2, n) for n in (1, 2, 3)] == ["x", NULL, "y"]
    assert segment.value(2, 2, 4) == NULL
    assert segment.value(3) == ""
    assert [segment.value(4, repetition=n) for n in (1, 2)] == [NULL, "a"]
    assert [segment.value(5, 1, n) for n in (1, 2)] == ["", NULL]
    assert segment.value(6) == '"a"'


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", ("MESSAGE_UNREADABLE", "MSH")),
        (b"\r\n \v", ("MESSAGE_UNREADABLE", "MSH")),
        (b"PID|1\r", ("MESSAGE_UNREADABLE", "MSH")),
        (b"{}", ("MESSAGE_UNREADABLE", "MSH")),
        (b"\xef\xbb\xbfPID|1\r", ("MESSAGE_UNREADABLE", "MSH")),
        (b"\xff\xd8\xff\xe0", ("MESSAGE_UNREADABLE", "MSH")),
        (b"FHS|^~\\&|\rMSH|^~\\&|\r", ("MESSAGE_UNREADABLE", "MSH")),
        (b"MSH", ("MESSAGE_TRUNCATED", "MSH-1")),
        (b"MSH\r", ("MESSAGE_TRUNCATED", "MSH-1")),
        (b"MSH|", ("MESSAGE_TRUNCATED", "MSH-9")),
        (b"MSH|^~\\&|HIS|H0001|GROUP", ("MESSAGE_TRUNCATED", "MSH-9")),
        (b"MSH|^~\\&|HIS|||||||ADT|M1\rPI", ("MESSAGE_TRUNCATED", "PI")),
        (b"MSH|^~\\&|HIS|||||||ADT|M1\nEVN|A01\nP\x1c", ("MESSAGE_TRUNCATED", "P")),
        ((message() + message()).encode(), ("MESSAGE_UNREADABLE", "MSH")),
        (message("PID|1||P\0Q").encode(), ("MESSAGE_UNREADABLE", "NUL")),
    ],
)
def test_what_is_no_whole_message_is_refused(raw: bytes, expected: tuple[str, str]) -> None:
    assert refusal(raw) == expected


def test_every_cut_of_a_message_reads_or_is_refused() -> None:
    whole = message(*LINES).encode()
    refused = set()
    for length in range(len(whole)):
        try:
            found = parse(whole[:length])
        except IntakeError as error:
            refused.add(error.code)
        else:
            assert whole.decode().startswith("\r".join(texts(found)))
    assert refused == {"MESSAGE_UNREADABLE", "MESSAGE_TRUNCATED"}


@pytest.mark.parametrize(
    "piece", ["A", "|", "^", "\\", "~&", "\n", "\r\n", "\\X41\\", "\\M2441\\", "\n MSHx", "\v", " "]
)
def test_megabytes_without_an_end_take_time_in_proportion(piece: str) -> None:
    def seconds(size: int) -> float:
        raw = (header() + "\rOBX|1||" + piece * (size // len(piece))).encode()
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            segment = parse(raw).segments[-1]
            segment.value(3)
            segment.value(segment.size, 2)
            best = min(best, time.process_time() - start)
        return best

    small = max(seconds(250_000), 0.002)
    assert seconds(2_000_000) < 8 * 6 * small


@given(st.binary(max_size=400))
@example(b"MSH|^~\\&\xff")
@settings(deadline=None)
def test_any_bytes_end_in_a_message_or_a_declared_error(raw: bytes) -> None:
    exercise(raw)


@given(st.lists(st.sampled_from(["|", "^", "~", "\\", "&", "\r", "\n", '""', "X41", "中", "M2441", "\0"]) | st.text(max_size=3)), st.sampled_from(["", "GBK", "UNICODE", "ASCII", "8859/1", "UTF-8"]), st.sampled_from(["utf-8", "gb18030", "utf-16", "utf-16-be"]))  # fmt: skip
@settings(deadline=None)
def test_bent_messages_end_in_a_message_or_a_declared_error(
    parts: list[str], charset: str, codec: str
) -> None:
    text = message("PID|" + "".join(parts), charset=charset)
    exercise(text.encode(codec, "surrogatepass" if "utf" in codec else "replace"))
    exercise(text.encode("utf-8", "surrogatepass")[len(parts) :])


def exercise(raw: bytes) -> None:
    try:
        found = parse(raw)
    except IntakeError as error:
        told = {error.describe("en"), error.describe("zh")}
    else:
        told = {"", "read"}
        walk(found)
    assert len(told) == 2


def walk(found: Message) -> None:
    assert found.segments[0].name == "MSH"
    for segment in found.segments:
        for field in range(-1, segment.size + 2):
            for repetition in range(segment.repetitions(field) + 2):
                for component in range(segment.components(field, repetition) + 2):
                    assert "\0" not in segment.value(field, component, 1, repetition)
                    segment.value(field, component, 2, repetition)
