"""The character set of HL7 v2 messages: MSH-18 before anything is split."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hl7_codec_support import header, message, refusal, table
from hypothesis import given, settings
from hypothesis import strategies as st

from codebooks.errors import CodebookError
from grouper.intake.forms import IntakeError
from hl7_adapters.hl7v2.charsets import FILE, charsets, load_charsets, stated
from hl7_adapters.hl7v2.codec import parse

NAMES = [row.split(",")[0] for row in FILE.read_text("utf-8").splitlines()[1:]]
SEEN = (
    *("GB 18030-2000", "GB18030", "GBK", "GB2312", "UNICODE UTF-8", "UNICODE", "8859/1", "ASCII"),
    "",
)
SEPARATORS = b"|\\^~"


def traps() -> list[str]:
    """Every character of two bytes in GB18030 whose second byte is a separator."""
    found = []
    for lead in range(0x81, 0xFF):
        for trail in SEPARATORS:
            text = bytes((lead, trail)).decode("gb18030", "replace")
            if len(text) == 1 and text != "\ufffd":
                found.append(text)
    return found


def test_names_that_senders_were_seen_to_write_are_known() -> None:
    known = charsets()
    assert [name for name in SEEN if name and known.get(name) is None] == []
    assert [s.codec for s in known.order] == ["utf-8", "gb18030"]


@pytest.mark.parametrize("name", [name for name in NAMES if name])
def test_each_set_reads_what_it_can_write(name: str) -> None:
    charset = charsets().get(name)
    assert charset is not None
    letters = "".join(chr(c) for c in (*range(0x20, 0x7F), *range(0xA0, 0x2000), 0x4E2D, 0x6587))
    text = "".join(c for c in letters if c not in SEPARATORS.decode() + "&" and fits(c, name))
    found = parse(charset.encode(message(f"PID|1||{text}x", charset=name)))
    assert found.segments[1].value(3) == text + "x"
    assert found.charset == name


def fits(letter: str, name: str) -> bool:
    charset = charsets().get(name)
    assert charset is not None
    try:
        return letter.encode(charset.codec).decode(charset.codec) == letter
    except UnicodeError:
        return False


@pytest.mark.parametrize(
    "written", ["gb18030", "GB-18030", " Gb18030 ", "GB18030~ASCII", "gb_18030^x"]
)
def test_the_spelling_of_a_name_does_not_matter(written: str) -> None:
    found = parse(message("PID|1||中文", charset=written).encode("gb18030"))
    assert (found.charset, found.segments[1].value(3)) == ("GB18030", "中文")


def test_a_null_in_msh_18_states_nothing() -> None:
    assert parse(message("PID|1||中文", charset='""').encode("gb18030")).charset == "GB18030"
    assert stated(header('""')) == ""
    assert stated("MSH") == ""
    assert stated(header("GBK") + "\rPID") == "GBK"
    assert stated("MSH|^~\\&\rPID" + "|GBK" * 30) == ""


def test_there_are_as_many_traps_as_the_standard_has() -> None:
    chinese = [text for text in traps() if "\u3400" <= text <= "\u9fff"]
    assert len(chinese) >= 464
    assert len(traps()) == len(set(traps()))


@pytest.mark.parametrize("charset", ["GB18030", "GBK", ""])
def test_characters_whose_second_byte_is_a_separator_divide_nothing(charset: str) -> None:
    for text in traps():
        line = f"PID|1||{text}^{text}{text}~{text}&{text}||a{text}"
        first = header(charset, application=f"甲{text}", language=text)
        found = parse(f"{first}\r{line}\r".encode("gb18030"))
        msh, pid = found.segments
        assert (msh.value(3), msh.value(10), msh.value(18), msh.value(19)) == (
            *(f"甲{text}", "M1", charset, text),
        )
        assert [pid.value(3), pid.value(3, 2), pid.value(3, 1, 2, 2), pid.value(5)] == [
            *(text, text * 2, text, f"a{text}"),
        ]
        assert pid.size == 5


@given(
    st.lists(st.sampled_from(traps()), min_size=1, max_size=40), st.sampled_from(["GB18030", ""])
)
@settings(deadline=None)
def test_any_row_of_them_in_the_header(letters: list[str], charset: str) -> None:
    text = "".join(letters)
    found = parse(f"{header(charset, application=text)}\rPID|1||{text}\r".encode("gb18030"))
    assert found.segments[0].value(3) == text
    assert found.segments[1].value(3) == text


def test_characters_of_four_bytes() -> None:
    text = "㐀𠀀€ḿ"
    raw = f"{header('GB18030', application=text)}\rPID|1||{text}\r".encode("gb18030")
    assert [s.value(3) for s in parse(raw).segments] == [text, text]


@given(st.text("测试患者é|^é中\u00a0", min_size=1), st.sampled_from(["UNICODE UTF-8", "UTF-8", ""]))
def test_utf_8_in_the_header(text: str, charset: str) -> None:
    text = text.replace("|", "").replace("^", "")
    found = parse(f"{header(charset, application='a' + text)}\rPID|1||{text}.\r".encode())
    assert (found.segments[0].value(3), found.segments[1].value(3)) == ("a" + text, text + ".")


@pytest.mark.parametrize("charset", ["UNICODE", "UNICODE UTF-16", ""])
@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("mark", [True, False])
@pytest.mark.parametrize("around", [("", ""), ("\v", "\x1c\r"), ("\r\n ", "\0\0")])
def test_utf_16_in_both_orders(
    charset: str, order: str, mark: bool, around: tuple[str, str]
) -> None:
    codec = f"utf-16-{order}"
    text = around[0] + message("PID|1||中文ഊ|č", charset=charset) + around[1]
    raw = text.encode(codec)
    if mark:
        raw = (codecs.BOM_UTF16_LE if order == "le" else codecs.BOM_UTF16_BE) + raw
    found = parse(raw)
    assert found.segments[1].value(3) == "中文ഊ"
    assert found.charset == (charset or "UNICODE")


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_single_bytes_of_a_frame_around_utf_16(codec: str) -> None:
    raw = message("PID|1||中文", charset="UNICODE").encode(codec)
    assert parse(b"\v" + raw).segments[1].value(3) == "中文"
    assert parse(raw + b"\x1c").segments[1].value(3) == "中文"


def test_marks_of_byte_order() -> None:
    assert parse(b"\xef\xbb\xbf" + message("PID|1||中").encode()).charset == "UNICODE UTF-8"
    raw = "\ufeff".encode("gb18030") + message("PID|1||中").encode("gb18030")
    assert (parse(raw).charset, parse(raw).segments[1].value(3)) == ("GB18030", "中")


def test_without_a_name_utf_8_is_tried_before_gb18030() -> None:
    text = message("PID|1||测试")
    assert (parse(text.encode()).charset, parse(text.encode("gb18030")).charset) == (
        *("UNICODE UTF-8", "GB18030"),
    )
    assert parse(text.encode("gb18030")).segments[1].value(3) == "测试"


LE, BE = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE
BODY = "PID|1||测试"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (message(BODY, charset="KOI8-R").encode(), "CHARSET_UNKNOWN"),
        (message(BODY, charset="7").encode(), "CHARSET_UNKNOWN"),
        (LE + message(BODY, charset="KOI8-R").encode("utf-16-le"), "CHARSET_UNKNOWN"),
        (f"{header('KOI8-R', application='测试')}\r".encode(), "CHARSET_UNKNOWN"),
        (message(BODY, charset="UNICODE UTF-8").encode("gb18030"), "CHARSET_BROKEN"),
        (message(BODY, charset="ASCII").encode(), "CHARSET_BROKEN"),
        (message(BODY, charset="UNICODE").encode(), "CHARSET_BROKEN"),
        (message("PID|1||x", charset="UNICODE").encode(), "CHARSET_BROKEN"),
        (message("PID|1||a", charset="GBK").encode() + b"\x80\r", "CHARSET_BROKEN"),
        (message(BODY, charset="8859/1").encode(), "CHARSET_BROKEN"),
        (message("PID|1").encode() + b"ZXX|\xff\xff\r", "CHARSET_BROKEN"),
        (message("PID|1").encode() + b"ZXX|\xed\xa0\x80\r", "CHARSET_BROKEN"),
        (message("PID|\ud800", charset="UTF-8").encode("utf-8", "surrogatepass"), "CHARSET_BROKEN"),
        (LE + message("PID|\ud800").encode("utf-16-le", "surrogatepass"), "CHARSET_BROKEN"),
        (message("PID|\udc00").encode("utf-16-be", "surrogatepass"), "CHARSET_BROKEN"),
        (b"\xef\xbb\xbf" + message(BODY, charset="GBK").encode(), "CHARSET_BROKEN"),
        (BE + message(BODY, charset="UTF-8").encode("utf-16-be"), "CHARSET_BROKEN"),
        (f"{header('GB18030', application='测试院')}\r".encode(), "CHARSET_BROKEN"),
        (f"{header('UTF-8', application='測試')}\r".encode("gb18030"), "CHARSET_BROKEN"),
        (message(BODY, charset="UTF-8").encode()[:-2], "MESSAGE_TRUNCATED"),
        (message(BODY).encode()[:-2], "MESSAGE_TRUNCATED"),
        (message("PID|1||中", charset="GBK").encode("gb18030")[:-2], "MESSAGE_TRUNCATED"),
        (message(BODY, charset="UNICODE").encode("utf-16-le")[:-3], "MESSAGE_TRUNCATED"),
    ],
)
def test_a_set_that_is_unknown_or_does_not_fit_is_told(raw: bytes, code: str) -> None:
    assert refusal(raw) == (code, "MSH-18")


def test_errors_show_nothing_of_the_content() -> None:
    with pytest.raises(IntakeError) as caught:
        parse(message("PID|1||秘密", charset="UTF-8").encode("gb18030"))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert set(caught.value.params) == {"place"}


def test_a_hospital_may_give_its_own_table(tmp_path: Path) -> None:
    rows = ("Latin,latin-1,80-9f,", "UTF-8,utf8,,", "GBK,gbk,,", ",latin1,,", "KOI8-R,koi8_r,,")
    own = load_charsets(table(tmp_path, *rows))
    text = message("PID|1||\u00e4\u00f6")
    assert parse(text.encode("latin-1"), own).segments[1].value(3) == "äö"
    assert parse(text.encode("latin-1"), own).charset == "Latin"
    assert refusal(message("PID|1||文").encode(), own) == ("CHARSET_BROKEN", "MSH-18")
    assert refusal(message(charset="ASCII").encode(), own) == ("CHARSET_UNKNOWN", "MSH-18")
    assert refusal(message().encode("utf-16"), own) == ("CHARSET_UNKNOWN", "MSH-18")
    assert (
        parse(message("ZXX|ж", charset="KOI8-R").encode("koi8_r"), own).segments[1].value(1) == "ж"
    )


@pytest.mark.parametrize(
    ("rows", "code", "row", "column"),
    [
        (("A,utf-7x,,", ",utf-8,,"), "HL7_CHARSET_CODEC", 2, "codec"),
        (("A,hex,,", ",utf-8,,"), "HL7_CHARSET_CODEC", 2, "codec"),
        (("A,cp037,,",), "HL7_CHARSET_CODEC", 2, "codec"),
        (("A,undefined,,",), "HL7_CHARSET_CODEC", 2, "codec"),
        (("UTF-8,utf-8,,", "utf 8,utf-8,,"), "HL7_CHARSET_TWICE", 3, "name"),
        (("A,latin-1,80,",), "HL7_CHARSET_UNDEFINED", 2, "undefined"),
        (("A,latin-1,9F-80,",), "HL7_CHARSET_UNDEFINED", 2, "undefined"),
        (("A,utf-8,,", ",gbk,,"), "HL7_CHARSET_ORDER", 3, "codec"),
        (("A,utf-8,,",), "HL7_CHARSET_ORDER", None, None),
        (("A,utf-8",), "TABLE_ROW_WIDTH", 2, None),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_its_place(
    tmp_path: Path, rows: tuple[str, ...], code: str, row: int | None, column: str | None
) -> None:
    with pytest.raises(CodebookError) as caught:
        load_charsets(table(tmp_path, *rows))
    error = caught.value
    assert (error.code, error.where.file, error.where.row, error.where.column) == (
        *(code, "charsets.csv", row, column),
    )
    assert error.describe("zh") != error.describe("en")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_header_with_chinese_and_a_set_that_is_not_served(encoding: str) -> None:
    for name in ("KS X 1001", "ISO IR87", "CARRIER PIGEON"):
        raw = f"MSH|^~\\&|医院信息系统|示例|G|D|2026||ADT^A01|1|P|2.5||||||{name}\rPID|1".encode(
            encoding
        )
        with pytest.raises(IntakeError) as caught:
            parse(raw)
        assert caught.value.code == "CHARSET_UNKNOWN"
