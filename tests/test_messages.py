"""The catalogues: the same keys and parameters in every language, and none that nobody defined."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import grouper  # noqa: F401 -- registers its catalogue
from codebooks.errors import CodebookError, GrouperError, Where
from codebooks.findings import Finding, Severity
from codebooks.messages import LANGUAGES, catalogue, language, text
from grouper.schemes.reasons import FIELD, Reason, Status

ROOT = Path(__file__).resolve().parents[1]


def parameters(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_languages_have_the_same_keys() -> None:
    assert set(catalogue("zh")) == set(catalogue("en"))
    assert len(catalogue("zh")) > 200


def test_languages_ask_for_the_same_parameters() -> None:
    zh, en = catalogue("zh"), catalogue("en")
    assert {k for k in zh if parameters(zh[k]) != parameters(en[k])} == set()


def test_chinese_texts_are_chinese_and_english_texts_are_not() -> None:
    han = re.compile(r"[\u4e00-\u9fff]")
    # Official sheet and column names stay as they are printed; examples show what to type; the switch
    # of languages names the other one in its own words.
    official = (
        *("rule_check.sheet.", "rule_check.column.", "cli_codebooks.help.", "cli_import."),
        *("sign_in.other", "codes.placeholder"),
    )
    mixed = [k for k, v in catalogue("en").items() if han.search(v)]
    assert [k for k in mixed if not k.startswith(official)] == []


def test_every_error_has_words_and_a_hint() -> None:
    zh = catalogue("zh")
    errors = {k.removeprefix("error.") for k in zh if re.fullmatch(r"error\.[A-Z0-9_]+", k)}
    hints = {k.removeprefix("hint.") for k in zh if k.startswith("hint.")}
    assert errors == hints


def test_every_error_raised_in_the_code_is_in_the_catalogue() -> None:
    raised = re.compile(r"\b\w*(?:Error|_fail)\(\s*\"([A-Z][A-Z0-9_]+)\"")
    zh = catalogue("zh")
    found = {
        code
        for package in ("codebooks", "grouper", "hl7_adapters")
        for path in (ROOT / package).rglob("*.py")
        for code in raised.findall(path.read_text("utf-8"))
    }
    assert len(found) > 20
    kinds = ("error", "reason", "finding")
    assert {code for code in found if not any(f"{kind}.{code}" in zh for kind in kinds)} == set()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_reason_and_status_has_words(lang: str) -> None:
    for reason in Reason:
        assert text(f"reason.{reason}", lang)
        assert text(f"advice.{reason}", lang)
        assert reason in FIELD
    for status in Status:
        assert text(f"status.{status}", lang)


def test_an_error_says_code_place_and_advice() -> None:
    error = GrouperError("BOOK_COUNT", Where("sets.parquet", row=3), found=1, wanted=2)
    assert str(error) == (
        "[BOOK_COUNT] 文件 sets.parquet，第 3 行：数据表有 1 行，清单记为 2 行。"
        "文件可能不完整，请重新安装或重新导入该方案"
    )
    assert "row 3: the table holds 1 rows" in error.describe("en")
    assert str(CodebookError("SCHEME_UNKNOWN", found="x", known="y")).startswith(
        "[SCHEME_UNKNOWN] 未知"
    )


def test_a_finding_is_one_line() -> None:
    codes = [k.removeprefix("finding.") for k in catalogue("zh") if re.match(r"finding\.[A-Z]", k)]
    template = catalogue("zh")[f"finding.{codes[0]}"]
    params = dict.fromkeys(parameters(template), "x")
    line = Finding(codes[0], Severity.NOTE, Where(sheet="DRG"), params).describe()
    assert "DRG" in line
    assert "\n" not in line


def test_the_environment_chooses_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPER_LANG", "en_US.UTF-8")
    assert language() == "en"
    monkeypatch.setenv("GROUPER_LANG", "fr")
    assert language() == "zh"
    monkeypatch.delenv("GROUPER_LANG")
    assert language() == "zh"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_wrong_has_no_stop_of_its_own(lang: str) -> None:
    """The layout of an error sets it, before the advice."""
    ends = [key for key, words in catalogue(lang).items() if key.startswith("error.")]
    assert [key for key in ends if catalogue(lang)[key].endswith((".", "。"))] == []


def test_an_unknown_key_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        text("error.NO_SUCH_ERROR")
