from __future__ import annotations

import tomllib
from datetime import date
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_trees import trees

from codebooks.book import BookCard, SchemeBook, make_book
from codebooks.messages import catalogue
from grouper.rules.ast import Expr, Scalar
from grouper.rules.parser import parse
from grouper.rules.set_names import SetNames, set_label
from grouper.rules.words import describe

BOOK: SchemeBook = make_book(
    BookCard(
        id="small",
        family="chs-drg",
        region="national",
        valid_from=date(2024, 1, 1),
        valid_to=None,
        diagnosis_code_set="icd10-nhsa-2.0",
        procedure_code_set="icd9cm3-nhsa-2.0",
        newborn_weight="birth",
        standing="test",
        source="test",
    ),
    {
        "mdc": [{"mdc": "MDCB", "name": "神经系统疾病", "rule": "", "sort": 1}],
        "adrg": [
            {"adrg": "AC1", "name": "胰/肾联合移植", "rule": "", "mdc": "MDCB", "sort": 1},
            {"adrg": "IB1", "name": "脊柱融合术", "rule": "", "mdc": "MDCB", "sort": 2},
            {"adrg": "BQY", "name": None, "rule": "", "mdc": "MDCB", "sort": 3},
            {"adrg": "B00", "name": "", "rule": "", "mdc": "MDCB", "sort": 4},
        ],
        "drg": [
            {"drg": "CB11", "name": "白内障", "rule": "", "adrg": "AC1", "mdc": "MDCB", "sort": 1}
        ],
    },
)
NAMES = SetNames.of(BOOK)


@pytest.mark.parametrize(
    ("set_id", "zh", "en"),
    [
        ("OP1_AC1", "“AC1 胰/肾联合移植”手术表（第1组）〔OP1_AC1〕",
         "the procedures of “AC1 胰/肾联合移植”, part 1 [OP1_AC1]"),
        ("DI_AC1", "“AC1 胰/肾联合移植”诊断表〔DI_AC1〕",
         "the diagnoses of “AC1 胰/肾联合移植” [DI_AC1]"),
        ("OP1_IB1_3", "“IB1 脊柱融合术”手术表（第1-3组）〔OP1_IB1_3〕",
         "the procedures of “IB1 脊柱融合术”, part 1-3 [OP1_IB1_3]"),
        ("OP_CB11", "“CB11 白内障”手术表〔OP_CB11〕", "the procedures of “CB11 白内障” [OP_CB11]"),
        ("DI_B00", "“MDCB 神经系统疾病”诊断表〔DI_B00〕",
         "the diagnoses of “MDCB 神经系统疾病” [DI_B00]"),
        ("DI_B02", "“MDCB 神经系统疾病”诊断表（第2组）〔DI_B02〕",
         "the diagnoses of “MDCB 神经系统疾病”, part 2 [DI_B02]"),
        ("DI_Z01", "“Z01”诊断表〔DI_Z01〕", "the diagnoses of “Z01” [DI_Z01]"),
        ("OP_BQY", "“BQY”手术表〔OP_BQY〕", "the procedures of “BQY” [OP_BQY]"),
        ("OP_ALL", "“全部有效手术操作”〔OP_ALL〕", "“all valid procedures” [OP_ALL]"),
        ("SPECIAL", "〔SPECIAL〕", "[SPECIAL]"),
    ],
)  # fmt: skip
def test_a_set_is_named_by_its_group_and_keeps_its_id(set_id: str, zh: str, en: str) -> None:
    assert set_label(BOOK, set_id, "zh") == zh
    assert set_label(BOOK, set_id, "en") == en


@pytest.mark.parametrize(
    ("rule", "zh", "en"),
    [
        ("", "总是成立", "always holds"),
        ("1", "总是成立", "always holds"),
        ("0", "从不成立", "never holds"),
        ("NL>=70", "年龄不小于70岁", "the age in years is at least 70"),
        ("NL<=6", "年龄不大于6岁", "the age in years is at most 6"),
        ("NL=0", "年龄不满1岁", "the age is under 1 year"),
        ("XSRTL<29", "出生不足29天", "the patient was born less than 29 days ago"),
        ("XSRTZ>2499", "新生儿体重大于2499克", "the newborn's weight in grams is above 2499"),
        ("XB=1", "性别为男", "the sex is male"),
        ("XB=9", "性别为9", "the sex is 9"),
        ("LYFS=5", "离院方式为死亡", "died in hospital"),
        ("KS='儿科'", "科室为“儿科”", "the department is “儿科”"),
        ("ZYTS=1", "住院天数为1天", "the length of stay in days is 1"),
        ("ICUXS<120", "重症监护时长小于120小时",
         "the time in intensive care in hours is below 120"),
        ("QTZD in {MCC, CC}",
         "其他诊断中有未被主要诊断排除的严重合并症或并发症（MCC）或一般合并症或并发症（CC）",
         ("the other diagnoses include a major complication or comorbidity (MCC) or a complication"
         " or comorbidity (CC) that the principal diagnosis does not exclude")),
        ("QTZD not in CC", "其他诊断中没有未被主要诊断排除的一般合并症或并发症（CC）",
         ("the other diagnoses do not include a complication or comorbidity (CC) that the principal"
         " diagnosis does not exclude")),
        ("ZYSS not in OP_ALL", "主要手术不属于“全部有效手术操作”〔OP_ALL〕（没有主要手术也算）",
         ("the principal procedure is not in “all valid procedures” [OP_ALL]"
         " (also when there is none)")),
        ("QTZD in DI_X", "其他诊断之一属于“X”诊断表〔DI_X〕",
         "one of the other diagnoses is in the diagnoses of “X” [DI_X]"),
        ("{ZYZD, QTZD} not in {DI_X, DI_Y}",
         "主要或其他诊断均不属于“X”诊断表〔DI_X〕、“Y”诊断表〔DI_Y〕中的任何一个",
         ("none of the principal and other diagnoses is in any of the diagnoses of “X” [DI_X],"
         " the diagnoses of “Y” [DI_Y]")),
        ("{ZYZD, QTSS} in DI_X", "主要诊断、其他手术之一属于“X”诊断表〔DI_X〕",
         ("one of the principal diagnosis and the other procedures is in the diagnoses of “X”"
         " [DI_X]")),
        ("length(OP_ALL ∩ {ZYSS, QTSS})>=2",
         "主要或其他手术中属于“全部有效手术操作”〔OP_ALL〕的不同编码不少于2个",
         ("the principal and other procedures hold at least 2 different codes of"
         " “all valid procedures” [OP_ALL]")),
        ("not (XB=1 and NL<18)", "以下不成立（性别为男，且年龄不满18岁）",
         "it is not so that (the sex is male, and the age is under 18 years)"),
        ("XB=1 and (NL<18 or NL>=70)", "性别为男，且（年龄不满18岁，或年龄不小于70岁）",
         "the sex is male, and (the age is under 18 years, or the age in years is at least 70)"),
        ("XB=1 or XB=2", "性别为男，或性别为女", "the sex is male, or the sex is female"),
        ("XB=1 and NL<18 or (XB=2 or NL<6)",
         "满足下列条件之一：1）性别为男，且年龄不满18岁；2）性别为女；3）年龄不满6岁",
         ("one of the following holds: 1) the sex is male, and the age is under 18 years;"
         " 2) the sex is female; 3) the age is under 6 years")),
        ("QTZD in {MCC, DI_X}",
         "（其他诊断中有未被主要诊断排除的严重合并症或并发症（MCC），或其他诊断之一属于“X”诊断表〔DI_X〕）",
         ("(the other diagnoses include a major complication or comorbidity (MCC) that the"
         " principal diagnosis does not exclude, or one of the other diagnoses is in the"
         " diagnoses of “X” [DI_X])")),
        ("QTZD not in {CC, DI_X}",
         "（其他诊断中没有未被主要诊断排除的一般合并症或并发症（CC），且其他诊断均不属于“X”诊断表〔DI_X〕）",
         None),
    ],
)  # fmt: skip
def test_rules_in_words(rule: str, zh: str, en: str | None) -> None:
    assert describe(parse(rule), "zh") == zh
    if en is not None:
        assert describe(parse(rule), "en") == en


def test_a_rule_of_the_official_sheet() -> None:
    rule = parse(
        "(ZYSS in OP1_AC1 and {ZYSS, QTSS} in OP2_AC1)"
        " or (ZYSS in OP2_AC1 and {ZYSS, QTSS} in OP1_AC1)"
    )
    first, second = (f"“AC1 胰/肾联合移植”手术表（第{n}组）〔OP{n}_AC1〕" for n in (1, 2))
    assert describe(rule, names=NAMES) == (
        f"满足下列条件之一：1）主要手术属于{first}，且主要或其他手术之一属于{second}；"
        f"2）主要手术属于{second}，且主要或其他手术之一属于{first}"
    )


def test_the_language_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPER_LANG", "en")
    assert describe(parse("XB=2")) == "the sex is female"
    assert NAMES.label("OP_ALL") == "“all valid procedures” [OP_ALL]"


@given(
    trees(
        st.sampled_from(("DI_A", "OP2_B", "MCC", "CC", "OP_ALL", "{0}")),
        st.integers(0, 99),
        st.sampled_from(Scalar),
        st.sampled_from(("a", "{b}")),
    )
)
def test_every_tree_can_be_said(tree: Expr) -> None:
    for lang in ("zh", "en"):
        said = describe(tree, lang, NAMES)
        assert said
        assert said.count("〔") == said.count("〕")
        assert said.count("[") == said.count("]")
        # Numbered alternatives close a bracket that they do not open.
        assert said.count("（") <= said.count("）")


def test_both_languages_have_the_same_words() -> None:
    for topic in ("rule_words", "rule_check"):
        keys = []
        for lang in ("zh", "en"):
            file = files("grouper.text") / lang / f"{topic}.toml"
            tables = tomllib.loads(file.read_text("utf-8"))
            keys.append(sorted(_paths(tables)))
        assert keys[0] == keys[1]
        assert set(keys[0]) <= set(catalogue("zh"))


def _paths(table: dict[str, object], prefix: str = "") -> list[str]:
    found: list[str] = []
    for key, value in table.items():
        found += _paths(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return found
