"""The ``codebooks`` commands as a user runs them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from codebooks import codes, icd10cm, paths
from codebooks.book import BookCard, make_book
from codebooks.code_storage import CodeCard, Kind
from codebooks.code_writing import code_table, crosswalk_table, write_codes
from codebooks.errors import CodebookError
from codebooks.messages import catalogue
from codebooks.registry import registry
from codebooks.storage import write_book
from grouper.cli import codebooks_check, codebooks_render
from grouper.cli.codebooks import app
from grouper.cli.codebooks_check import Checked

if TYPE_CHECKING:
    from collections.abc import Iterator

CARD: dict[str, Any] = {
    "id": "own-1",
    "family": "drg",
    "region": "beijing",
    "valid_from": "2030-01-01",
    "valid_to": None,
    "diagnosis_code_set": "icd10-nhsa-2.0",
    "procedure_code_set": "icd9cm3-nhsa-2.0",
    "newborn_weight": "birth",
    "standing": "本院试用：仅供测试",
    "source": "本院",
    "options": {},
}

ROWS: dict[str, list[dict[str, Any]]] = {
    "mdc": [{"mdc": "MDCB", "name": "神经", "rule": "ZYZD in DI_B00", "sort": 1}],
    "adrg": [
        {"adrg": "BB1", "name": "开颅", "rule": "ZYSS in OP_BB1", "mdc": "MDCB", "sort": 1},
    ],
    "drg": [
        {
            "drg": "BB11",
            "name": "甲",
            "rule": "QTZD in MCC",
            "adrg": "BB1",
            "mdc": "MDCB",
            "sort": 1,
        },
        {"drg": "BB15", "name": "乙", "rule": "", "adrg": "BB1", "mdc": "MDCB", "sort": 2},
    ],
    "sets": [
        {"set_id": "DI_B00", "code": "I61.000x006"},
        {"set_id": "OP_BB1", "code": "01.2400"},
        {"set_id": "OP_ALL", "code": "01.2400"},
    ],
    "cc": [{"code": "I21.001", "level": "MCC", "exclusion": "EX_1"}],
    "exclusions": [{"exclusion": "EX_1", "principal_code": "I61.000x006"}],
    "not_principal": [{"code": "R99.x00"}],
}

SHIPPED = len(list((paths.shipped() / "schemes").iterdir()))


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    registry.cache_clear()
    yield
    registry.cache_clear()
    codes.reload()


def run(*arguments: str, status: int = 0) -> str:
    # A pipe: whatever the terminal of the test run is, nothing is drawn or shortened.
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return str(result.stdout)


def run_json(*arguments: str, status: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", status=status))


def fails(code: str, *arguments: str) -> None:
    with pytest.raises(CodebookError) as caught:
        run(*arguments)
    assert caught.value.code == code
    for lang in ("zh", "en"):
        assert code in caught.value.describe(lang)


def install(
    id_: str = "own-1", options: dict[str, bool] | None = None, **rows: list[dict[str, Any]]
) -> None:
    card = BookCard.from_json({**CARD, "id": id_, "options": options or {}})
    book = make_book(card, {**ROWS, **rows})
    write_book(book, paths.installed() / "schemes" / id_)
    registry.cache_clear()


def line_of(output: str, start: str) -> str:
    return next(line for line in output.splitlines() if line.startswith(start))


def test_list_shows_everything() -> None:
    install()
    output = run("list")
    assert f"分组方案（{SHIPPED + 1}）" in output
    national = line_of(output, "chs-drg-2.0 ")
    for part in ("全国", "2025-01-01 至 2027-01-01（不含）", "DRG 654", "provisional", "随附"):
        assert part in national
    own = line_of(output, "own-1 ")
    assert "本院试用 " in own
    assert own.endswith("本院导入")
    assert "33304" in line_of(output, "icd10-nhsa-2.0 ")
    assert "35587" in line_of(output, "icd10-clinical-2.0--icd10-nhsa-2.0 ")


def test_list_as_json() -> None:
    shelves = run_json("list")
    assert {k: len(v) for k, v in shelves.items()} == {
        "schemes": SHIPPED,
        "code_sets": 5,
        "crosswalks": 2,
    }
    scheme = next(s for s in shelves["schemes"] if s["id"] == "chs-drg-3.0")
    assert scheme["valid_from"] == "2027-01-01"
    assert scheme["counts"]["drg"] == 870
    assert scheme["origin"] == "shipped"


def test_which_scheme_binds() -> None:
    output = run("list", "--on", "2026-11-20", "--region", "北京")
    assert "chs-drg-2.0" in line_of(output, "北京市")
    found = run_json("list", "--on", "2023-06-01", "--region", "beijing")
    assert (found["scheme"], found["bound_by"]) == ("beijing-2022", "beijing")
    install()
    found = run_json("list", "--on", "2031-01-01", "--region", "beijing")
    assert (found["scheme"], found["origin"]) == ("own-1", "installed")
    everywhere = run_json("list", "--on", "2027-01-01")
    of_region = {e["region"]: e["scheme"] for e in everywhere}
    dip, american = ("pingdingshan", "ningde", "demo"), of_region.pop("us")
    assert {of_region.pop(region) for region in dip} == {"dip-3.0"}
    assert set(of_region.values()) == {"chs-drg-3.0"}
    assert american == "ms-drg"
    assert run_json("list", "--region", "national")["day"]


def test_days_without_a_scheme() -> None:
    fails("SCHEME_UNCOVERED", "list", "--on", "2010-01-01", "--region", "beijing")
    fails("REGION_UNKNOWN", "list", "--region", "nowhere")
    assert "无适用方案" in line_of(run("list", "--on", "2010-01-01"), "全国")
    assert run_json("list", "--on", "2010-01-01")[0]["scheme"] is None


def test_language_of_one_run() -> None:
    assert f"Schemes ({SHIPPED})" in run("list", "--lang", "en")
    assert os.environ["GROUPER_LANG"] == "en"
    assert "national" in line_of(run("list"), "chs-drg-3.0 ")
    assert f"分组方案（{SHIPPED}）" in run("list", "--lang", "zh")


def test_show_a_scheme() -> None:
    install(options={"retry_each_procedure_as_main": True, "coined_here": True, "off": False})
    output = run("show", "own-1")
    assert line_of(output, "适用").endswith("北京市 2030-01-01 起")
    assert "依次以其他手术作为主要手术再试" in output
    assert "coined_here" in output
    assert "off" not in output
    assert "出生体重" in output
    plain = run_json("show", "chs-drg-3.0")
    assert plain["content_sha256"] in run("show", "chs-drg-3.0")
    assert plain["bindings"][0]["region"] == "national"
    assert "选项" in run("show", "chs-drg-3.0")


def test_show_code_sets_and_crosswalks() -> None:
    output = run("show", "icd9cm3-nhsa-2.0")
    assert "编码 13776、补充 9、无名称 1" in output
    assert "未载明" in output
    walk = run("show", "icd10-clinical-2.0--icd10-nhsa-2.0")
    assert line_of(walk, "同码异义").split()[1] == "245"
    assert len(run_json("show", "icd9cm3-clinical-3.0--icd9cm3-nhsa-2.0")["ambiguous"]) == 3
    assert "ambiguous" not in run_json("show", "icd10-nhsa-2.0")


def test_show_a_group() -> None:
    output = run("show", "chs-drg-3.0", "aa2")
    assert "ADRG  AA2  肺移植" in output
    assert "ZYSS in OP_AA2" in line_of(output, "规则")
    assert "主要手术属于" in line_of(output, "释义")
    assert line_of(output, "AA29").split()[1] == "肺移植"
    assert "官方表行号" in output
    assert "MDCB > BB1" in line_of(run("show", "chs-drg-3.0", "BB19"), "上级")
    assert "BB1" in run("show", "chs-drg-3.0", "MDCB")
    groups = run_json("show", "chs-drg-3.0", "BQY")["groups"]
    assert [g["table"] for g in groups] == ["adrg", "drg"]


def test_show_a_group_whose_rule_cannot_be_read() -> None:
    broken = [{"adrg": "BB1", "name": "", "rule": "ZYSS @", "mdc": "MDCB", "sort": 1}]
    install(adrg=[{**broken[0], "source_row": None}])
    output = run("show", "own-1", "BB1")
    assert "RULE_CHARACTER" in line_of(output, "释义")
    assert "官方表行号" not in output


def test_show_a_set() -> None:
    output = run("show", "chs-drg-3.0", "op_arb")
    assert "编码 5" in output
    assert line_of(output, "17.4200").endswith("腹腔镜机器人援助操作")
    assert run_json("show", "chs-drg-3.0", "OP_ARB")["set"]["codes"][0] == "17.4100"
    assert run("show", "chs-drg-3.0", "EX_1").startswith("排除表 EX_1  编码 172")


def test_show_a_code_in_one_scheme() -> None:
    line = line_of(run("show", "chs-drg-3.0", "i21.001"), "chs-drg-3.0")
    assert line.split() == ["chs-drg-3.0", "MCC（EX_43）", "EX_43", "DI_F00", "DI_FK2", "DI_FR1"]
    plain = run_json("show", "chs-drg-3.0", "I21.001")["code"]
    assert plain["cc"] == [["MCC", "EX_43"]]
    assert plain["names"] == {"icd10-nhsa-2.0": "急性前壁心肌梗死"}
    install(cc=[{"code": "R99.x00", "level": "CC", "exclusion": ""}])
    line = line_of(run("show", "own-1", "R99.X00"), "own-1")
    assert line.split() == ["own-1", "CC（无）", "不作主诊断"]


def test_show_a_code_in_every_scheme() -> None:
    output = run("show", "icd10-nhsa-2.0", "I21001")
    assert output.startswith("I21.001  急性前壁心肌梗死\n")
    assert sum(line.startswith("chs-drg-") for line in output.splitlines()) == 4
    plain = run_json("show", "icd10-nhsa-2.0", "I21.001")
    assert len(plain["schemes"]) == 15
    assert "来源未给出名称" in run("show", "icd9cm3-nhsa-2.0", "17.7200x003")
    assert "现有分组方案均未使用" in run("show", "icd10-nhsa-2.0", "A00.000")
    assert run("show", "icd10cm", "A00").splitlines() == ["A00  Cholera"]


def test_show_a_code_of_a_crosswalk() -> None:
    walk = "icd10-clinical-2.0--icd10-nhsa-2.0"
    output = run("show", walk, "a19000x001")
    assert "→ A19.001" in output
    assert "血行播散性肺结核" in line_of(output, "注意")
    assert run_json("show", walk, "A00.000") == {
        "crosswalk": walk,
        "code": "A00.000",
        "name": "霍乱，由于O1群霍乱弧菌，霍乱生物型所致",
        "targets": {"A00.000": "霍乱，由于O1群霍乱弧菌，霍乱生物型所致"},
        "ambiguous": False,
    }
    assert "A19.001" in line_of(run("show", "icd10-clinical-2.0", "A19.000x001"), walk)
    fails("CODE_UNKNOWN", "show", walk, "nothing")


def install_crosswalk(*pairs: tuple[str, str | None]) -> None:
    words = {"zh": "测试"}
    for id_, table in (
        ("left", code_table([{"code": "A1", "name": "甲"}])),
        ("right", code_table([{"code": "B1", "name": "乙"}])),
    ):
        card = CodeCard(id_, Kind.DIAGNOSIS, words, "1", None, None, words, words)
        write_codes(card, table, paths.installed() / "codes" / id_)
    card = CodeCard("left--right", Kind.DIAGNOSIS, words, "1", None, None, words, words)
    write_codes(card, crosswalk_table(pairs), paths.installed() / "crosswalks" / "left--right")


def test_show_a_code_without_a_counterpart() -> None:
    install_crosswalk(("A1", None))
    assert "没有对应的目标编码" in run("show", "left--right", "a1")


def test_show_nothing() -> None:
    fails("BOOK_UNKNOWN", "show", "nothing")
    fails("CODE_UNKNOWN", "show", "chs-drg-3.0", "nothing")
    fails("CODE_UNKNOWN", "show", "icd10-nhsa-2.0", "nothing")


def test_search() -> None:
    output = run("search", "jxlwy", "--limit", "2")
    assert output.splitlines()[1].split() == ["K35.800x001", "急性阑尾炎", "诊断", "icd10-nhsa-2.0"]
    assert len(output.splitlines()) == 3
    hits = run_json("search", "肺", "移植", "--in", "chs-drg-3.0", "--limit", "1")
    assert hits == [
        {
            "set": "chs-drg-3.0",
            "kind": "adrg",
            "code": "AA2",
            "name": "肺移植",
            "match": "exact_name",
        }
    ]
    assert "没有找到“不存在的”" in run("search", "不存在的")
    fails("SEARCH_UNKNOWN", "search", "甲", "--in", "nothing")


def test_check_what_is_named() -> None:
    install()
    output = run("check", "own-1", "icd10-nhsa-2.0", "icd10-clinical-2.0--icd10-nhsa-2.0")
    assert "共检查 3 项，没有错误" in output
    assert "完好" in line_of(output, "icd10-nhsa-2.0 ")
    plain = run_json("check", "icd9cm3-nhsa-2.0")
    assert plain[0]["ok"] is True
    fails("BOOK_UNKNOWN", "check", "nothing")


def test_check_counts_findings_and_lists_them() -> None:
    install(sets=[*ROWS["sets"], {"set_id": "DI_B00", "code": "不是编码"}])
    counted = run("check", "own-1")
    assert "CODES_UNKNOWN" in counted
    assert "加 --all 逐条列出" in counted
    listed = run("check", "own-1", "--all")
    assert "不是编码" in listed
    assert "加 --all" not in listed
    codes_found = {f["code"] for f in run_json("check", "own-1")[0]["findings"]}
    assert "CODES_UNKNOWN" in codes_found


def test_check_fails_on_errors() -> None:
    install(adrg=[{"adrg": "BB1", "name": "", "rule": "ZYSS in", "mdc": "MDCB", "sort": 1}])
    output = run("check", "own-1", status=1)
    assert "共检查 1 项，1 项有错误" in output
    assert "RULE_INCOMPLETE" in output
    finding = next(
        f for f in run_json("check", "own-1", status=1)[0]["findings"] if f["severity"] == "error"
    )
    assert finding["where"]
    assert finding["text"]


def test_check_goes_on_after_a_broken_book() -> None:
    install()
    path = paths.installed() / "schemes" / "own-1" / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    # As one of before, which has no sum of its own.
    del manifest["manifest_sha256"]
    path.write_text(json.dumps({**manifest, "content_sha256": "0"}), "utf-8")
    output = run("check", "own-1", "icd9cm3-nhsa-2.0", status=1)
    assert "无法使用 [BOOK_HASH]" in line_of(output, "own-1 ")
    assert "完好" in line_of(output, "icd9cm3-nhsa-2.0 ")
    assert run_json("check", "own-1", status=1)[0]["error"] == "BOOK_HASH"


def test_check_tells_of_a_book_whose_manifest_is_damaged() -> None:
    install()
    path = paths.installed() / "schemes" / "own-1" / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**manifest, "content_sha256": "0"}), "utf-8")
    registry.cache_clear()
    assert "[BOOK_MANIFEST]" in line_of(run("check", "own-1", status=1), "own-1 ")


def test_check_of_everything_looks_at_damaged_books_too(monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    path = paths.installed() / "schemes" / "own-1" / "manifest.json"
    path.write_text("{", "utf-8")
    registry.cache_clear()
    looked: list[str] = []
    monkeypatch.setattr(
        codebooks_check, "_check_one", lambda id_, kind: looked.append(id_) or Checked(id_, kind)
    )
    codebooks_check.check([])
    assert "own-1" in looked


def test_check_finds_strangers_in_a_crosswalk() -> None:
    install_crosswalk(("A1", "B1"), ("A9", "B9"), ("A1", None))
    found = run_json("check", "left--right", status=1)[0]["findings"]
    assert [(f["code"], f["where"]["column"]) for f in found] == [
        ("CROSSWALK_CODE", "source_code"),
        ("CROSSWALK_CODE", "target_code"),
    ]
    assert "A9" in found[0]["text"]
    assert "“B9”" in run("check", "left--right", "--all", "--lang", "en", status=1)


def test_check_everything_passes_over_an_absent_package(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, shelf = paths.shipped(), tmp_path_factory.mktemp("shelf")
    monkeypatch.setattr(paths, "shipped", lambda: shelf)
    for name in ("regions.csv", "bindings.csv"):
        first = (real / name).read_text("utf-8").splitlines()
        kept = first if name == "regions.csv" else first[:1]
        (shelf / name).write_text("\n".join(kept) + "\n", "utf-8")
    for name in ("codes/icd10cm", "codes/icd9cm3-nhsa-2.0"):
        (shelf / name).parent.mkdir(exist_ok=True)
        (shelf / name).symlink_to(real / name)
    registry.cache_clear()
    monkeypatch.setattr(icd10cm, "find_spec", lambda _: None)
    assert [c["id"] for c in run_json("check")] == ["icd9cm3-nhsa-2.0"]
    assert run_json("check", "icd10cm", status=1)[0]["error"] == "CODESET_PACKAGE"


def test_diff() -> None:
    install()
    install(
        "own-2",
        adrg=[
            {
                "adrg": "BB1",
                "name": "开颅手术",
                "rule": "ZYSS in OP_BB1 and NL>=1",
                "mdc": "MDCB",
                "sort": 1,
            }
        ],
        drg=[{"drg": "BB19", "name": "丙", "rule": "", "adrg": "BB1", "mdc": "MDCB", "sort": 1}],
        sets=[{"set_id": "DI_B00", "code": "I61.001"}, *ROWS["sets"][1:]],
        cc=[
            {"code": "I21.001", "level": "CC", "exclusion": "EX_1"},
            {"code": "I21.002", "level": "CC", "exclusion": ""},
        ],
        exclusions=[{"exclusion": "EX_1", "principal_code": "I61.001"}],
    )
    counted = run("diff", "own-1", "own-2")
    for part in (
        "新增 DRG（1）",
        "取消 DRG（2）",
        "改名 ADRG（1）",
        "规则变化 ADRG（1）",
        "+  ZYSS in OP_BB1 and NL>=1",
        "集合变化（1）",
        "并发症级别变化（2）",
        "排除范围变化（1）",
    ):
        assert part in counted
    assert "I61.001" not in counted
    listed = run("diff", "own-1", "own-2", "--codes")
    assert "    + I61.001" in listed
    assert "    - I61.000x006" in listed
    assert line_of(listed, "I21.001").split() == ["I21.001", "MCC", "CC"]
    plain = run_json("diff", "own-1", "own-2")
    assert plain["levels"][1] == {"code": "I21.002", "old": None, "new": "CC"}
    assert plain["groups"][1]["rules"][0]["new"] == "ZYSS in OP_BB1 and NL>=1"


def test_diff_of_nothing_and_of_the_unknown() -> None:
    install()
    install("own-2")
    assert "没有差异" in run("diff", "own-1", "own-2")
    fails("SCHEME_UNKNOWN", "diff", "own-1", "nothing")


def test_diff_without_codes_or_levels() -> None:
    install()
    install("own-2", mdc=[{**ROWS["mdc"][0], "name": "脑"}])
    output = run("diff", "own-1", "own-2", "--codes")
    assert "改名 MDC（1）" in output
    assert "集合" not in output


def test_terminal_gets_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        codebooks_render,
        "Console",
        lambda **options: Console(**options, force_terminal=True, width=30),
    )
    codebooks_render.print_table(["编码", "名称"], [["A1", "[HIV病]" + "长" * 30]])
    output = capsys.readouterr().out
    assert "─" in output or "━" in output
    assert "[HIV病]" in output
    assert output.count("长") == 30


def test_standings_are_cut_at_their_first_mark() -> None:
    assert codebooks_render.short("provisional: lists of the draft") == "provisional"
    assert codebooks_render.short("本院试用，仅供测试") == "本院试用"
    assert codebooks_render.short("whole") == "whole"


def test_plain_values_of_json() -> None:
    assert codebooks_render._plain(Kind.DIAGNOSIS) == "diagnosis"
    assert codebooks_render._plain(Path("x")) == "x"


def test_catalogues_have_the_same_keys() -> None:
    assert catalogue("zh").keys() == catalogue("en").keys()


def test_help_is_chinese() -> None:
    output = run("--help")
    for command in ("list", "show", "search", "check", "diff", "import"):
        assert command in output
    assert "查看、检索" in output
