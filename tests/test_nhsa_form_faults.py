"""NHSA messages, options and tables that cannot be used: each is named with its place, and answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nhsa_support import HEAD, message, only, raw, settlement

from codebooks.errors import CodebookError, GrouperError
from grouper.intake.envelope import Receipt, Verdict
from grouper.intake.forms import IntakeError
from hl7_adapters.nhsa import FORM, NhsaForm, read_options


def code_of(content: bytes, form: NhsaForm = FORM) -> tuple[str, str]:
    with pytest.raises(IntakeError) as caught:
        list(form.events(content))
    envelope = form.envelope(content)
    assert envelope.reason == caught.value.code
    assert envelope.verdict is not Verdict.ACCEPTED
    return caught.value.code, str(caught.value.params["place"])


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b"", "MESSAGE_UNREADABLE", "$"),
        (b"[]", "MESSAGE_UNREADABLE", "$"),
        (b"7", "MESSAGE_UNREADABLE", "$"),
        (b"MSH|^~\\&|", "MESSAGE_UNREADABLE", "@0"),
        (b'{"infno":"4101","input":{"setlinfo":{"mdtrt_id"', "MESSAGE_TRUNCATED", "@47"),
        (b'{"infno":"41', "MESSAGE_TRUNCATED", "@9"),
        (b'{"infno":"4101","input":{"setlinfo":{"mdtrt_id":NaN}}}', "MESSAGE_UNREADABLE", "NaN"),
        (
            b'{"infno":"4101","input":{"setlinfo":{"mdtrt_id":"1","mdtrt_id":"2"}}}',
            "MESSAGE_UNREADABLE",
            "mdtrt_id",
        ),
        (
            b'{"infno":"4101","input":{"setlinfo":{"mdtrt_id":"\\u0000"}}}',
            "MESSAGE_UNREADABLE",
            "$.input.setlinfo.mdtrt_id",
        ),
        (
            b'{"infno":"4101","input":{"diseinfo":[{"x":"\\ud800"}]}}',
            "MESSAGE_UNREADABLE",
            "$.input.diseinfo[1].x",
        ),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "MESSAGE_UNREADABLE", "$"),
        (b'{"a":' * 100_000, "MESSAGE_UNREADABLE", "$"),
        (
            b'{"infno":"4101","input":{"setlinfo":[{"mdtrt_id":"1"},{"mdtrt_id":"2"}]}}',
            "MESSAGE_UNREADABLE",
            "setlinfo",
        ),
        (b'{"infno":"4101","input":{"diseinfo":["x"]}}', "MESSAGE_UNREADABLE", "diseinfo[1]"),
        (b'{"infno":"4101","input":[1]}', "MESSAGE_UNREADABLE", "input"),
        (b'{"infno":"4101","input":"{"}', "MESSAGE_TRUNCATED", "@1"),
        (b"\xff\xfe\x00", "CHARSET_BROKEN", "$"),
        (b'{"infno":"4101","x":"\xff\xff"}', "CHARSET_BROKEN", "$"),
        (b'{"infno":"9999","msgid":"M9","input":{}}', "TYPE_UNSUPPORTED", "infno"),
        (b'{"a":1}', "TYPE_UNSUPPORTED", "infno"),
        (b'{"infno":"4101","input":{}}', "VISIT_MISSING", "setlinfo.mdtrt_id"),
        (
            b'{"infno":"4101A","input":{"Setlinfo":{"psn_no":"P1"}}}',
            "VISIT_MISSING",
            "Setlinfo.mdtrt_id",
        ),
        (b'{"infno":"2301","input":{"feedetail":[]}}', "VISIT_MISSING", "feedetail.mdtrt_id"),
    ],
)
def test_what_cannot_be_used_is_named(content: bytes, code: str, place: str) -> None:
    assert code_of(content) == (code, place)
    refused = FORM.envelope(content).verdict is Verdict.REFUSED
    assert refused == (code == "TYPE_UNSUPPORTED")


def test_a_refused_message_keeps_its_name_and_sender() -> None:
    envelope = FORM.envelope(raw(message("1101", {"data": {}})))
    assert (envelope.kind, envelope.control_id, envelope.sender) == (
        "1101",
        HEAD["msgid"],
        "FSI_LOCAL",
    )


def test_answers() -> None:
    good = FORM.envelope(raw(message("4101", settlement())))
    told = json.loads(FORM.answer(good, Receipt(message_id=7, verdict=Verdict.ACCEPTED)))
    assert told == {
        "infcode": "0",
        "inf_refmsgid": HEAD["msgid"],
        "err_msg": "",
        "output": {"receipt": "7"},
    }
    bad = FORM.envelope(b'{"infno":"4101","msgid":"M9","input":{"setlinfo":{}}}')
    receipt = Receipt(message_id=8, verdict=bad.verdict, reason=bad.reason, place=bad.place)
    told = json.loads(FORM.answer(bad, receipt))
    assert (told["infcode"], told["inf_refmsgid"]) == ("-1", "M9")
    assert told["err_msg"].startswith("VISIT_MISSING（setlinfo.mdtrt_id）：报文没有就诊号。")
    lost = json.loads(
        FORM.answer(bad, Receipt(message_id=None, verdict=Verdict.REFUSED, reason="NOT_STORED"))
    )
    assert (lost["infcode"], lost["output"]) == ("-1", {})
    assert lost["err_msg"].startswith("NOT_STORED：")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "setlinfo",
                    "diseinfo",
                    "oprninfo",
                    "icuinfo",
                    "iteminfo",
                    "feedetail",
                    "result",
                    "mdtrt_id",
                    "diag_code",
                    "amt",
                    "cnt",
                    "vent_used_dura",
                    "ZDXX",
                    "Input_Ybsjsc",
                    "setldetail",
                    "x",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
BODIES = st.one_of(
    JSON,
    st.builds(
        lambda infno, content, key: {"infno": infno, key: content},
        st.sampled_from(["4101", "4101A", "4103", "4401", "2301", "2304", "2401", "2402", "1", ""]),
        JSON,
        st.sampled_from(["input", "output"]),
    ),
)


def drain(content: bytes) -> None:
    envelope = FORM.envelope(content)
    assert envelope.raw == content
    reason, events = "", []
    try:
        events = list(FORM.events(content))
    except IntakeError as error:
        reason = error.code
    assert envelope.reason == reason
    assert (envelope.verdict is Verdict.ACCEPTED) == (reason == "")
    for event in events:
        json.dumps([dict(event.facts), dict(event.extra), dict(event.person)])


@given(BODIES)
def test_any_json_raises_only_intake_errors(body: Any) -> None:
    drain(raw(body, "utf-8") if _fits(body) else json.dumps(body).encode())


def _fits(body: Any) -> bool:
    return "\\ud" not in json.dumps(body)


@given(st.binary(max_size=60), st.integers(0, 400))
def test_any_bytes_raise_only_intake_errors(noise: bytes, at: int) -> None:
    drain(noise)
    whole = raw(message("4101", settlement()))
    drain(whole[:at] + noise + whole[at + len(noise) :])


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ({"link": "yes"}, "link"),
        ({"visit": "mdtrt_id"}, "visit"),
        ({"visit": [1]}, "visit"),
        ({"tables": "/nowhere/at/all"}, "tables"),
        ({"dialect": "mars"}, "dialect"),
        ({"other": 1}, "other"),
    ],
)
def test_options_that_are_wrong_are_named(options: dict[str, Any], setting: str) -> None:
    with pytest.raises(GrouperError) as caught:
        read_options(options)
    assert caught.value.code == "SETTING_INVALID"
    assert caught.value.params["setting"] == f"forms.nhsa.{setting}"


def test_a_hospital_adds_its_own_rows(tmp_path: Path) -> None:
    (tmp_path / "dialects.csv").write_text(
        "dialect,transaction,node,field,spelled,source\n*,4101,setlinfo,dscg_way,LEAVE,ours\nours,4101,setlinfo,,SETL,ours\n",
        "utf-8",
    )
    (tmp_path / "regions.csv").write_text(
        "dialect,region,whole,zh,en\nours,9901,,我院,ours\n", "utf-8"
    )
    (tmp_path / "code_lists.csv").write_text(
        "dialect,list,code,meaning,role,source\n,dscg_way,8,其他,,ours\n,ipt_patn_disediag_type_code,2,门诊诊断,aside,ours\n",
        "utf-8",
    )
    form = NhsaForm(read_options({"tables": str(tmp_path), "dialect": "ours"}))
    event = only(message("4101", {"SETL": {"mdtrt_id": "V1", "LEAVE": "8"}}), form)
    assert event.facts["discharge_way"] == "8"
    assert event.unknown == ()
    assert event.extra["4101.dialect"] == "ours"
    content = {
        "baseinfo": {"mdtrt_id": "V1"},
        "diseinfo": [{"diag_code": "I20.000", "ipt_patn_disediag_type_code": "2"}],
    }
    assert only(message("4401", content), form).dx == ()


@pytest.mark.parametrize(
    ("table", "content", "row", "column"),
    [
        (
            "fields",
            "dialect,transaction,node,field,name,type,length,scale,list,required,open,private,source\n,4101,setlinfo,x,,text,ten,,,,,,\n",
            2,
            "length",
        ),
        (
            "fields",
            "dialect,transaction,node,field,name,type,length,scale,list,required,open,private,source\n,4101,setlinfo,x,,word,,,,,,,\n",
            2,
            "type",
        ),
        ("code_lists", "dialect,list,code,meaning,role,source\n,gend,3,x,queen,\n", 2, "role"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_its_place(
    tmp_path: Path, table: str, content: str, row: int, column: str
) -> None:
    (tmp_path / f"{table}.csv").write_text(content, "utf-8")
    with pytest.raises(CodebookError) as caught:
        read_options({"tables": str(tmp_path)})
    where = caught.value.where
    assert (caught.value.code, where.file, where.row, where.column) == (
        "NHSA_TABLE_VALUE",
        f"{table}.csv",
        row,
        column,
    )
    assert f"{table}.csv" in caught.value.describe("zh")
