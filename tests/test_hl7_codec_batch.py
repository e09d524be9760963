"""Batches of HL7 v2: FHS, BHS, BTS, FTS, with and without trailers and counts."""

from __future__ import annotations

import codecs

import pytest
from hl7_codec_support import message
from hypothesis import given, settings
from hypothesis import strategies as st

from grouper.intake.forms import IntakeError
from hl7_adapters.hl7v2.batch import Batch, read_batch
from hl7_adapters.hl7v2.codec import parse, split_batch

FHS, BHS = "FHS|^~\\&|HIS|H0001\r", "BHS|^~\\&|HIS|H0001\r"
ONE, TWO, THREE = (message(f"PID|1||P{n}^测试") for n in (1, 2, 3))


def patients(raw: bytes) -> list[str]:
    return [parse(piece).segments[1].value(3) for piece in split_batch(raw)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ONE, ["P1"]),
        (ONE + TWO, ["P1", "P2"]),
        (FHS + BHS + ONE + TWO + "BTS|2\rFTS|1\r", ["P1", "P2"]),
        (FHS + BHS + ONE + "BTS|1\r" + BHS + TWO + THREE + "BTS|2\rFTS|2\r", ["P1", "P2", "P3"]),
        (FHS + BHS + ONE + TWO, ["P1", "P2"]),
        (BHS + ONE + TWO + "BTS\r", ["P1", "P2"]),
        (BHS + ONE + TWO + "BTS||note", ["P1", "P2"]),
        (BHS + ONE + TWO + "BTS|1\r", ["P1", "P2"]),
        (BHS + ONE + TWO + "BTS|many\r", ["P1", "P2"]),
        (BHS + ONE + TWO + "BTS|9999999999\r", ["P1", "P2"]),
        (FHS + ONE + TWO + "FTS|2\r", ["P1", "P2"]),
        (FHS + ONE + TWO + "FTS|1\r", ["P1", "P2"]),
        (ONE + "BTS|1\rFTS|1\r", ["P1"]),
        (ONE + "BTS|2\rFTS|3\r", ["P1"]),
        (FHS + "FTS|0\r", []),
        (BHS + "BTS|0\r", []),
        ("\v" + FHS + " " + BHS + "\n" + ONE + "\x1c\r" + TWO + "FTS", ["P1", "P2"]),
        ("\ufeff" + FHS + ONE + "\ufeff" + TWO, ["P1", "P2"]),
    ],
)
@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_messages_of_a_batch(text: str, expected: list[str], end: str) -> None:
    assert patients(text.replace("\r", end).encode()) == expected


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF16_LE])
def test_a_batch_in_utf_16(mark: bytes) -> None:
    raw = mark + (FHS + BHS + ONE + TWO + "BTS|2\rFTS|1\r").encode("utf-16-le")
    assert patients(raw) == ["P1", "P2"]
    assert [w.decode("utf-16-le")[:3] for w in read_batch(raw).wrappers] == [
        *("FHS", "BHS", "BTS", "FTS"),
    ]


def test_each_message_keeps_its_own_set_and_its_bytes() -> None:
    first = message("PID|1||P1^测试甲", charset="GBK").encode("gb18030")
    second = message("PID|1||P2^测试", charset="UTF-8").encode()
    batch = read_batch(BHS.encode() + first + second + b"BTS|2\r")
    assert batch == Batch((first, second), (BHS.strip().encode(), b"BTS|2"))
    assert [parse(m).charset for m in batch.messages] == ["GBK", "UTF-8"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (BHS + ONE + "BTS|2\r", "BTS-1"),
        (FHS + BHS + "BTS|1\rFTS|1\r", "BTS-1"),
        (FHS + BHS + ONE + TWO + "BTS|2\r" + BHS + THREE + "BTS|2\rFTS|2\r", "BTS-1"),
        (FHS + BHS + ONE + "BTS|1\rFTS|2\r", "FTS-1"),
        (FHS + BHS + ONE + "BTS|2\rFTS|9\r", "BTS-1"),
        (FHS + ONE + "FTS|3\r", "FTS-1"),
    ],
)
def test_fewer_messages_than_a_trailer_states_is_a_batch_cut(text: str, place: str) -> None:
    with pytest.raises(IntakeError) as caught:
        split_batch(text.encode())
    assert (caught.value.code, caught.value.params["place"]) == ("MESSAGE_TRUNCATED", place)
    assert read_batch(text.encode()).missing == place


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        (FHS + BHS + ONE + "BTS|1\rFTS|1\r", True),
        (FHS + BHS + ONE + "BTS|1\r", False),
        (BHS + ONE, False),
        (ONE, True),
        (ONE + "BTS|1\r", True),
    ],
)
def test_a_missing_trailer_can_be_seen(text: str, closed: bool) -> None:
    assert read_batch(text.encode()).closed is closed


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"PID|1||P1\r", b"{}", b"MSHX|", b"xMSH|^~\\&|\r", b"\xff\xfeM\0X\0"]
)
def test_what_is_no_batch_is_one_piece_for_the_reader_to_refuse(raw: bytes) -> None:
    assert split_batch(raw) == [raw]


def test_stray_lines_are_pieces_of_their_own_and_none_is_dropped() -> None:
    stray = b"PID|1||LOST\r"
    good = ONE.encode()
    assert split_batch(stray + good) == [stray, good]
    assert split_batch(BHS.encode() + stray + good) == [stray, good]
    assert split_batch(good + b"BTS|1\r" + stray) == [good, stray]


def test_a_stray_header_inside_a_message_does_not_cut_it() -> None:
    raw = (message("EVN|A04") + BHS + "PID|1||P1\rBTS|1\rFTS|1\r").encode()
    (piece,) = split_batch(raw)
    assert [s.name for s in parse(piece).segments] == ["MSH", "EVN", "PID"]


def test_broken_utf_16_is_told() -> None:
    with pytest.raises(IntakeError) as caught:
        split_batch((ONE + TWO).encode("utf-16-le") + b"\0\xd8\r\0")
    assert caught.value.code == "CHARSET_BROKEN"


@given(
    st.lists(st.sampled_from(["FHS|", "BHS|", "MSH|^~\\&|", "PID|x", "BTS|1", "FTS", "\r", "\n", " ", "\v", "中"])),
    st.sampled_from(["utf-8", "gb18030", "utf-16", "utf-16-be"]),
)  # fmt: skip
@settings(deadline=None)
def test_no_byte_of_a_message_is_lost(parts: list[str], codec: str) -> None:
    batch = read_batch("".join(parts).encode(codec))
    pieces = b"".join((*batch.messages, *batch.wrappers))
    text = pieces.decode(codec if codec != "utf-16" else "utf-16-le").replace("\ufeff", "")
    wanted = "".join(parts)
    assert sorted(text.translate(BLANK)) == sorted(wanted.translate(BLANK))


BLANK = dict.fromkeys(map(ord, " \r\n\v"))


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"FHS|\r", b"M\0S\0H\0", b"\xfe\xff\0M\0S\0H"])
)
@settings(deadline=None)
def test_any_bytes_are_split_or_refused(raw: bytes, first: bytes) -> None:
    try:
        pieces = split_batch(first + raw)
    except IntakeError as error:
        told = error.code
    else:
        told = "" if all(isinstance(piece, bytes) for piece in pieces) else "no bytes"
    assert told in {"", "MESSAGE_TRUNCATED", "CHARSET_BROKEN"}
