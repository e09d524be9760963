"""The message that takes a result back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from codebooks.errors import CodebookError, GrouperError
from grouper.case.record import Case
from grouper.intake.forms import IntakeError
from grouper.intake.result import CaseResult, Grouped, Priced
from hl7_adapters.hl7v2 import encoder
from hl7_adapters.hl7v2.codec import Message, parse

AT = datetime(2026, 3, 6, 1, 2, 3, tzinfo=UTC)
GROUPED = Grouped(
    scheme="chs-drg-2.0",
    content_hash="sha256:0",
    status="grouped",
    warnings=("AGE_CONFLICT", "LOS_CONFLICT"),
    mdc="MDCF",
    adrg="FJ1",
    group="FJ19",
    group_name="某组^名|称",
    cc_level="3",
    group_kind="surgical",
    weight=Decimal("1.2500"),
)
RESULT = CaseResult(
    case=Case(
        case_id="c1",
        dx=("I21.001", "I10.x00"),
        birth_date=date(1961, 2, 3),
        icu_hours=12.5,
    ),
    hospital="H1",
    patient="P900001",
    visit="ZY900001",
    version=4,
    at=AT,
    grouped=GROUPED,
    priced=Priced(policy="p1", amount=Decimal("12345.60"), fund=Decimal(10000)),
)


def sent(result: CaseResult = RESULT, **options: object) -> Message:
    return parse(encoder(options).encode(result, "G1"))


def values(message: Message, name: str, *fields: int) -> list[str]:
    segment = message.first(name)
    assert segment is not None
    return [segment.value(field) for field in fields]


def template(tmp_path: Path, text: str) -> str:
    path = tmp_path / "own.toml"
    path.write_text(text, "utf-8")
    return str(path)


@pytest.mark.parametrize("charset", ["UNICODE UTF-8", "GB 18030-2000"])
def test_the_shipped_template_states_group_weight_and_amount(charset: str) -> None:
    message = sent(charset=charset, receiving_application="电子病历")
    assert message.charset == charset
    assert values(message, "MSH", 3, 5, 7, 9, 10, 12) == [
        "GROUPER",
        "电子病历",
        "20260306090203+0800",
        "BAR",
        "G1",
        "2.5.1",
    ]
    assert values(message, "PID", 3) == ["P900001"]
    assert values(message, "PV1", 2, 19) == ["I", "ZY900001"]
    drg = message.first("DRG")
    assert drg is not None
    assert [drg.value(1, n) for n in (1, 2, 3)] == ["FJ19", "某组^名|称", "chs-drg-2.0"]
    zgr = message.first("ZGR")
    assert zgr is not None
    assert values(message, "ZGR", 1, 2, 3, 5, 6, 10, 11) == [
        "chs-drg-2.0",
        "grouped",
        "",
        "MDCF",
        "FJ1",
        "1.2500",
        "4",
    ]
    assert [zgr.value(4, repetition=n) for n in (1, 2)] == ["AGE_CONFLICT", "LOS_CONFLICT"]
    assert values(message, "ZGP", 1, 2, 3, 4) == ["p1", "12345.60", "10000", ""]


def test_a_case_without_a_group_says_why() -> None:
    message = sent(replace(RESULT, grouped=None, reason="NO_SCHEME", priced=None))
    assert message.first("DRG") is None
    assert message.first("ZGP") is None
    assert values(message, "ZGR", 1, 2, 3) == ["", "", "NO_SCHEME"]
    invalid = replace(GROUPED, status="invalid", reason="SEX_MISSING", group=None)
    message = sent(replace(RESULT, grouped=invalid))
    assert message.first("DRG") is None
    assert values(message, "ZGR", 2, 3) == ["invalid", "SEX_MISSING"]


def test_a_hospital_has_its_own_template(tmp_path: Path) -> None:
    path = template(
        tmp_path,
        """
charset = "GBK"
[constants]
room = "病案室"
[[segments]]
name = "MSH"
fields = { 1 = "|", 2 = '^~\\&', 4 = "{room}", 9 = "ORU^R01", 10 = "{control_id}", 12 = "2.4" }
[[segments]]
name = "OBX"
when = ["warnings"]
fields = { 5 = "组：{group}（{weight}）^{status}", 6 = "{dx}", 7 = "{birth_date}", 8 = "{icu_hours}" }
""",
    )
    message = sent(template=path)
    assert values(message, "MSH", 4, 9, 18) == ["病案室", "ORU", "GBK"]
    obx = message.first("OBX")
    assert obx is not None
    assert (obx.value(5), obx.value(5, 2)) == ("组：FJ19（1.2500）", "grouped")
    assert [obx.value(6, repetition=n) for n in (1, 2)] == ["I21.001", "I10.x00"]
    assert values(message, "OBX", 7, 8) == ["19610203", "12.5"]
    quiet = sent(replace(RESULT, grouped=replace(GROUPED, warnings=())), template=path)
    assert quiet.first("OBX") is None
    assert values(sent(template=path, room="医保办"), "MSH", 4) == ["医保办"]


def test_a_set_without_the_characters_is_no_message() -> None:
    with pytest.raises(IntakeError, match="CHARSET_BROKEN"):
        sent(charset="ASCII")


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ({"templat": "x"}, "encoding.templat"),
        ({"charset": "KLINGON"}, "encoding.charset"),
        ({"charset": 8}, "encoding.charset"),
        ({"template": 8}, "encoding.template"),
        ({"version": 2.5}, "encoding.version"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], setting: str) -> None:
    with pytest.raises(GrouperError) as caught:
        encoder(options)
    assert (caught.value.code, caught.value.params["setting"]) == ("SETTING_INVALID", setting)


HEAD = """charset = "UTF-8"
[[segments]]
name = "MSH"
fields = { 1 = "|", 2 = '^~\\&' }
"""


@pytest.mark.parametrize(
    ("text", "code", "key"),
    [
        (HEAD.replace("UTF-8", "X"), "HL7_VALUE", "charset"),
        (HEAD.replace("'^~\\&'", '"^A"'), "HL7_VALUE", "segments[1].fields.2"),
        (HEAD.replace('1 = "|"', '1 = "||"'), "HL7_VALUE", "segments[1].fields.1"),
        ('charset = "UTF-8"', "HL7_VALUE", "segments"),
        (HEAD.replace("MSH", "ZZZ"), "HL7_VALUE", "segments"),
        (HEAD.replace("MSH", "msh"), "HL7_VALUE", "segments[1].name"),
        (HEAD.replace("1 =", "3 = '{name}', 1 ="), "HL7_PLACEHOLDER", "segments[1].fields.3"),
        (HEAD.replace("1 =", "3 = 'x{dx}', 1 ="), "HL7_VALUE", "segments[1].fields.3"),
        (HEAD.replace("1 =", "x = '', 1 ="), "HL7_VALUE", "segments[1].fields.x"),
        (HEAD.replace("1 =", "999 = '', 1 ="), "HL7_VALUE", "segments[1].fields.999"),
        (HEAD + 'when = ["x"]', "HL7_PLACEHOLDER", "segments[1].when"),
        (HEAD + "wen = []", "HL7_KEY_UNKNOWN", "segments[1].wen"),
        (HEAD + "[extra]", "HL7_KEY_UNKNOWN", "extra"),
        (HEAD + "[constants]\ngroup = 'x'", "HL7_VALUE", "constants.group"),
        ('charset = "UTF-8"\nsegments = [1]', "HL7_VALUE", "segments[1]"),
    ],
)
def test_a_bad_template_is_refused_with_file_and_key(
    tmp_path: Path, text: str, code: str, key: str
) -> None:
    with pytest.raises(CodebookError) as caught:
        encoder({"template": template(tmp_path, text)})
    error = caught.value
    assert (error.code, error.where.file, error.params["key"]) == (code, "own.toml", key)
    assert "own.toml" in error.describe("en")
