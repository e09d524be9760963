"""Frames: cut from any stream, in any pieces, with what is broken named."""

from __future__ import annotations

import itertools

from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from hl7_adapters.mllp.frames import HEAD, Found, Frame, Frames, framed

WHOLE, TOO_LARGE = Found.WHOLE, Found.TOO_LARGE
TRUNCATED, ENDLESS = Found.TRUNCATED, Found.ENDLESS


def cut(
    *pieces: bytes, limit: int = 1000, drop: int = 5000
) -> tuple[list[tuple[Found, bytes]], int]:
    frames = Frames(limit, drop)
    found: list[Frame] = []
    for piece in pieces:
        frames.feed(piece)
        while (frame := frames.next()) is not None:
            found.append(frame)
    return [(f.found, f.content) for f in found], frames.garbage


def test_a_frame_is_its_content() -> None:
    assert cut(framed(b"MSH|a\r")) == ([(WHOLE, b"MSH|a\r")], 0)


def test_several_frames_in_one_piece() -> None:
    found, garbage = cut(framed(b"MSH|a") + framed(b"MSH|b") + framed(b""))
    assert found == [(WHOLE, b"MSH|a"), (WHOLE, b"MSH|b"), (WHOLE, b"")]
    assert garbage == 0


def test_ends_that_are_not_quite_right() -> None:
    for end in (b"\x1c\r", b"\x1c\n", b"\x1c\r\n", b"\x1c\x1c\r", b"\x1c"):
        found, garbage = cut(b"\x0bMSH|a" + end + framed(b"MSH|b"))
        assert (found, garbage) == ([(WHOLE, b"MSH|a"), (WHOLE, b"MSH|b")], 0), end


def test_blanks_between_frames_are_nothing_and_other_bytes_are_counted() -> None:
    stream = b"\r\n \t" + framed(b"MSH|a") + b"\x00\r\nhello" + framed(b"MSH|b") + b"tail"
    assert cut(stream) == ([(WHOLE, b"MSH|a"), (WHOLE, b"MSH|b")], 9)


def test_stray_separators_in_free_text_stay_in_the_message() -> None:
    text = b"MSH|a\rOBX|1\x0bnew line\x1cfield\r"
    assert cut(framed(text)) == ([(WHOLE, text)], 0)


def test_a_frame_that_another_begins_in_is_truncated() -> None:
    for head in (b"MSH|", b"FHS|", b"BHS|"):
        found, _ = cut(b"\x0bMSH|half" + framed(head + b"b"))
        assert found == [(TRUNCATED, b"MSH|half"), (WHOLE, head + b"b")]


def test_a_frame_over_the_limit_is_told_once_and_dropped() -> None:
    found, garbage = cut(framed(b"MSH|" + b"x" * 2000) + framed(b"MSH|b"))
    assert found == [(TOO_LARGE, b"MSH|" + b"x" * 996), (WHOLE, b"MSH|b")]
    assert garbage == 0


def test_of_a_frame_over_the_limit_the_head_alone_is_kept() -> None:
    found, _ = cut(framed(b"x" * 20_000), limit=10_000, drop=30_000)
    assert found == [(TOO_LARGE, b"x" * HEAD)]


def test_a_frame_of_just_the_limit_is_whole() -> None:
    assert cut(framed(b"x" * 1000))[0] == [(WHOLE, b"x" * 1000)]
    assert cut(framed(b"x" * 1001))[0] == [(TOO_LARGE, b"x" * 1000)]


def test_a_new_frame_ends_one_that_is_dropped() -> None:
    found, _ = cut(b"\x0b" + b"x" * 1500 + framed(b"MSH|b"))
    assert found == [(TOO_LARGE, b"x" * 1000), (WHOLE, b"MSH|b")]


def test_megabytes_without_an_end_end_it_and_take_no_memory() -> None:
    frames = Frames(1000, 5000)
    frames.feed(b"\x0bMSH|")
    found = []
    for _ in range(2000):
        frames.feed(b"y" * 1000)
        while (frame := frames.next()) is not None:
            found.append(frame.found)
        assert len(frames._buffer) <= 3000
    assert found == [TOO_LARGE, ENDLESS]
    frames.feed(framed(b"MSH|b"))
    assert frames.next() is None
    assert not frames.begun


def test_megabytes_of_garbage_take_no_memory() -> None:
    frames = Frames(1000, 5000)
    for _ in range(2000):
        frames.feed(b"z" * 1000)
        assert frames.next() is None
        assert len(frames._buffer) <= 1000
    assert frames.garbage == 2_000_000


def test_what_is_begun_and_what_may_have_ended() -> None:
    frames = Frames(1000, 5000)
    states = []
    for piece in (b"noise\x1c", b"\x0b", b"MSH|a", b"\x1c", b"\r"):
        frames.feed(piece)
        frame = frames.next()
        states.append((frames.begun, frames.may_have_ended, frame is not None))
    assert states == [
        (False, False, False),
        (True, False, False),
        (True, False, False),
        (True, True, False),
        (False, False, True),
    ]


# Streams that are dense in marks: every way to begin, end, break off and overflow.
PIECE = st.sampled_from(
    [
        b"\x0b",
        b"\x1c",
        b"\r",
        b"\n",
        b"MSH",
        b"MS",
        b"M",
        b"FHS|",
        b"BHS",
        b"x",
        b"abcdefghij",
        b" ",
        framed(b"MSH|1"),
        b"\x0bMSH|" + b"y" * 30,
    ]
)
STREAM = st.lists(PIECE, max_size=40).map(b"".join)


@settings(max_examples=examples(300), deadline=None)
@given(stream=STREAM, data=st.data(), limit=st.integers(4, 40), drop=st.integers(0, 60))
def test_the_pieces_make_no_difference(
    stream: bytes, data: st.DataObject, limit: int, drop: int
) -> None:
    places = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
    bounds = [0, *places, len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(bounds)]
    whole = cut(stream, limit=limit, drop=drop)
    assert cut(*pieces, limit=limit, drop=drop) == whole
    singles = [stream[i : i + 1] for i in range(len(stream))]
    assert cut(*singles, limit=limit, drop=drop) == whole


@settings(max_examples=examples(200), deadline=None)
@given(stream=st.binary(max_size=400), limit=st.integers(1, 50))
def test_any_bytes_are_cut_and_nothing_grows(stream: bytes, limit: int) -> None:
    frames = Frames(limit, 100)
    for at in range(0, len(stream), 7):
        frames.feed(stream[at : at + 7])
        while (frame := frames.next()) is not None:
            assert len(frame.content) <= limit
        assert len(frames._buffer) <= limit + 20
