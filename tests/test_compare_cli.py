"""``grouper compare`` as a person types it: one case, a month, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from compare_support import FIRST, SECOND, forget, install, month, weights
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from grouper.case.readers import open_source
from grouper.cli.main import app
from grouper.schemes.load import load_scheme

RUN = CliRunner()
GALL = ["--dx", "K80.101|I50.900", "--px", "51.2300", "--sex", "1", "--age", "45"]
TWO_THREE = ["--from", "chs-drg-2.0", "--to", "chs-drg-3.0"]
TINY = ["--from", "tiny-a", "--to", "tiny-c"]


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    install("tiny-a", FIRST)
    install("tiny-c", SECOND)
    yield month(tmp_path / "in.csv", departments="xy")
    forget()


def call(*words: object, code: int = 0) -> str:
    result = RUN.invoke(app, ["compare", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def fails(*words: object) -> GrouperError:
    result = RUN.invoke(app, ["compare", *map(str, words)])
    assert isinstance(result.exception, GrouperError), result.output
    return result.exception


def test_one_case_shows_both_results_and_both_paths() -> None:
    told = call(*GALL, *TWO_THREE)
    first = told.splitlines()[0].split()
    assert first[1:] == ["chs-drg-2.0", "chs-drg-3.0"]
    assert "HC23" in told
    assert "HC43" in told
    assert "换了病组" in told
    assert "从“核心组”开始不同：HC2 胆囊切除手术 / HC4 胆囊切除手术" in told
    assert "ZYSS in OP_HC2" in told
    assert "ZYSS in OP_HC4" in told
    english = call(*GALL, *TWO_THREE, "--lang", "en")
    assert "other group" in english
    assert "they part at" in english


def test_one_case_with_weights_and_the_binding_scheme(tmp_path: Path) -> None:
    one = weights(tmp_path / "a.csv", {"HC23": "1.25"})
    other = weights(tmp_path / "b.csv", {"HC43": "1.5"})
    words = ["--from", "auto", "--to", "chs-drg-3.0", "--discharge", "2026-12-31"]
    told = call(*GALL, *words, "--weights-from", one, "--weights-to", other)
    assert "权重变化 +0.25" in told
    assert "统筹区 national，有效期 [2025-01-01, 2027-01-01)" in told
    plain = json.loads(call(*GALL, *words, "--json"))
    assert plain["change"] == "regrouped"
    assert plain["weight_change"] is None
    assert plain["from"]["trace"]["binding"]["valid_from"] == "2025-01-01"
    assert plain["to"]["trace"]["binding"] is None
    assert plain["parting"] == {
        "level": "adrg",
        "from": {"code": "HC2", "name": "胆囊切除手术"},
        "to": {"code": "HC4", "name": "胆囊切除手术"},
    }
    assert fails(*GALL, "--from", "auto", "--to", "chs-drg-3.0").code == "DATE_NEEDED"


def test_one_case_of_a_file_is_written_as_a_page(tiny: Path, tmp_path: Path) -> None:
    page, data = tmp_path / "one.html", tmp_path / "one.json"
    told = call(tiny, "--row", 4, *TINY, "-o", page, "-o", data)
    assert "BA29" in told
    written = page.read_text("utf-8")
    assert "一例的比较：tiny-a → tiny-c" in written
    assert "BA29组" in written
    assert "ZYZD in DI_BA29" in written
    assert json.loads(data.read_text("utf-8"))["to"]["trace"]["result"]["group"]["code"] == "BA29"
    assert "BE19" in call(tiny, "--case", "N13", *TINY)
    left = json.loads(call(tiny, "--case", "N13", *TINY, "--json"))
    assert left["change"] == "left"
    # Both walked down the category; under the second scheme no row of an ADRG took the case.
    assert left["to"]["trace"]["result"]["status"] == "ungrouped"


def test_complications_that_count_differently_are_listed() -> None:
    words = ["--dx", "K80.101|I50.900|A15.701|A00.900", "--sex", "1", "--age", "45", *TWO_THREE]
    found = {
        c["code"]: (c["from"], c["to"]) for c in json.loads(call(*words, "--json"))["complications"]
    }
    # Heart failure counts as MCC under both and is not listed.
    assert found == {
        "A15.701": ({"level": "MCC", "counts": True}, {"level": "CC", "counts": True}),
        "A00.900": (None, {"level": "MCC", "counts": True}),
    }
    told = call(*words)
    assert "：MCC 计入 / CC 计入" in told
    assert "：非并发症 / MCC 计入" in told


def test_one_code_under_both_has_no_parting(tiny: Path) -> None:
    same = json.loads(call(tiny, "--row", 1, *TINY, "--json"))
    assert same["change"] == "same"
    assert same["parting"] is None


def test_a_month_is_told_in_words(tiny: Path, tmp_path: Path) -> None:
    tables = [
        "--weights-from",
        weights(tmp_path / "a.csv", {"BA19": "1", "BB19": "2", "BE19": "3"}),
        "--weights-to",
        weights(tmp_path / "b.csv", {"BA19": "1.5", "BB19": "2"}),
    ]
    out = tmp_path / "r.html"
    told = call(tiny, *TINY, *tables, "-o", out, "--cases", tmp_path / "c.csv")
    assert "共比较 21 例：tiny-a → tiny-c" in told
    assert "组码不变：12（57.1%）" in told
    assert "拆分 1 个" in told
    assert "合并 2 个" in told
    assert "tiny-c 有 1 个病组的病例在原方案下都未入组" in told
    assert "权重净变化 +1.5（增加 +1.5，减少 0）；其中组码不变的 +1.5，换了病组的 0" in told
    assert "tiny-a 有 3 个病组没有权重，涉及 8 例" in told
    assert "-6  BE19 BE19组 → 未入组" in told
    assert "+1.5  BA19 BA19组 → BA19 BA19组" in told
    assert "BD19 BD19组 → BF19 BF19组" in told
    assert "已写入 r.html，c.csv" in told
    english = call(tiny, *TINY, *tables, "--lang", "en")
    assert "21 cases compared: tiny-a → tiny-c" in english
    assert "split 1" in english


def test_a_month_as_json_with_limits(tiny: Path) -> None:
    plain = json.loads(call(tiny, *TINY, "--json", "--min-cases", 2, "--min-share", "7.5"))
    assert plain["thresholds"] == {"cases": 2, "percent": "7.5"}
    # One case of d is noise now.
    assert plain["kinds"]["from"]["minor"] == {"groups": 1, "cases": 1}
    assert plain["movers"] == []


@pytest.mark.parametrize("share", ["-1", "101", "many", "nan"])
def test_a_share_that_is_none(tiny: Path, share: str) -> None:
    assert "min-share" in call(tiny, *TINY, "--min-share", share, code=2)


def test_an_empty_file_has_its_own_exit_status(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("sex,dx\n", "utf-8")
    assert "FILE_EMPTY" in call(source, *TWO_THREE, code=1)


def test_a_bar_is_shown_on_a_terminal(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grouper.cli.group.sys.stderr.isatty", lambda: True, raising=False)
    assert "共比较 21 例" in call(tiny, *TINY)


def test_wrong_words_are_told(tiny: Path, tmp_path: Path) -> None:
    assert fails(*TWO_THREE).code == "COMPARE_PLACE"
    assert fails(tiny, "--row", 1, *TINY, "--cases", tmp_path / "c.csv").code == "COMPARE_OPTION"
    assert fails(tiny, "--from", "nope", "--to", "tiny-c").code == "SCHEME_UNKNOWN"
    assert fails(tiny, *TINY, "--region", "atlantis").code == "REGION_UNKNOWN"
    assert fails(tiny, "--row", 99, *TINY).code == "CASE_NOT_FOUND"
    assert fails(tiny, "--row", 1, *TINY, "-o", tmp_path / "o.csv").code == "OUTPUT_FORMAT"
    assert fails(tiny, "--row", 1, *TINY, "-o", tiny).code == "OUTPUT_IS_INPUT"
    assert fails(tiny, *TINY, "--weights-to", tmp_path / "no.csv").code == "FILE_NOT_FOUND"
    assert "SEX_INVALID" in call("--dx", "K80.101", "--sex", "huh", *TWO_THREE)


def test_the_bundled_month_under_three_schemes(tmp_path: Path) -> None:
    with as_file(files("grouper.demo") / "month.csv") as source:
        for first, second in (("chs-drg-1.1", "chs-drg-2.0"), ("chs-drg-2.0", "chs-drg-3.0")):
            report = tmp_path / f"{second}.json"
            call(source, "--from", first, "--to", second, "-o", report)
            plain = json.loads(report.read_text("utf-8"))
            assert plain["cases"] == sum(plain["changes"].values()) == 1200
            assert sum(flow["cases"] for flow in plain["flows"]) == 1200
            assert sum(d["cases"] for d in plain["departments"]) == 1200
            assert plain["changes"]["regrouped"] > 0


def test_a_month_under_drg_and_under_dip(tmp_path: Path) -> None:
    table = weights(tmp_path / "w.csv", {"HC43": "1.2", "HC45": "0.9", "IR19": "0.7"})
    report, page = tmp_path / "r.json", tmp_path / "r.html"
    with as_file(files("grouper.demo") / "month.csv") as source:
        words = ["--from", "chs-drg-3.0", "--to", "dip-pingdingshan-2025"]
        told = call(source, *words, "--weights-from", table, "-o", report, "-o", page)
        batches = [batch.cases for batch in open_source(source).batches()]
    assert "两个方案体系不同，组码不能相比" in told
    plain = json.loads(report.read_text("utf-8"))
    assert plain["changes"]["same"] == 0
    assert plain["changes"]["regrouped"] > 0
    assert plain["levels"] == {}
    assert not plain["weights"]["comparable"]
    assert {flow["moved"] for flow in plain["flows"]} == {None}
    scheme = load_scheme("dip-pingdingshan-2025")
    own = [row for cases in batches for row in scheme.group_batch(cases).to_pylist()]
    grouped = [row["weight"] for row in own if row["status"] == "grouped"]
    assert plain["weights"]["to"]["dip"]["cases"] == len(grouped)
    assert Decimal(plain["weights"]["to"]["dip"]["weight"]) == sum(filter(None, grouped))
    changes = [Decimal(flow["share_change"]) for flow in plain["flows"]]
    assert abs(sum(changes)) < Decimal("0.001")
    assert "两边单位不同，不能相减" in page.read_text("utf-8")


def test_one_case_under_drg_and_under_dip() -> None:
    words = ["--from", "chs-drg-3.0", "--to", "dip-3.0"]
    plain = json.loads(call(*GALL, *words, "--json"))
    assert plain["change"] == "regrouped"
    assert plain["parting"] is None
    assert plain["complications"] == []
    told = call(*GALL, *words)
    assert "HC43" in told
    assert "dip-3.0 的入组依据" in told
    refused = call("--dx", "X99.XXX", "--sex", "1", "--age", "45", *words, "--lang", "en")
    assert "DX_PRINCIPAL_UNKNOWN" in refused
    assert "never grouped" in refused
