"""The official DIP 3.0 workbook built anew, in full size, from the shipped book; and small ones."""

from __future__ import annotations

from workbook_builder import Cell, Sheets

from codebooks.book import SchemeBook

TITLES = {
    "XQ": "一、先期分组",
    "BX": "二、并项规则下的核心病种",
    "burn": "三、诊断辅助细分-烧伤类病种",
    "tumour": "三、诊断辅助细分-肿瘤类病种",
    "tuberculosis": "三、诊断辅助细分-结核类病种",
    "resistant": "附表 结核耐药诊断",
    "JC": "四、基础规则下的核心病种",
    "diagnoses": "五、不纳入分组的主要诊断",
    "procedures": "五、不纳入分组的主要手术操作",
    "primary": "六、基层病种",
}
WORDS = {"conservative": "按保守治疗处理", "not_main": "不作为主要手术操作"}
FIRST = ["主要诊断编码", "主要诊断名称", "主要手术操作编码", "主要手术操作名称"]
SWAPPED = ("4489", "4490")


def official(book: SchemeBook) -> Sheets:
    """All ten sheets with their titles, headers of one or two rows, and quirks."""
    groups = book.rows("groups")

    def of(section: str, detail: str = "") -> list[dict]:
        return [r for r in groups if (r["section"], r["detail"]) == (section, detail)]

    basic = of("JC")
    at = [row["group"] for row in basic].index(SWAPPED[0])
    basic[at : at + 2] = basic[at + 1], basic[at]
    related = ["相关手术操作编码", "相关手术操作名称"]
    return {
        TITLES["XQ"]: pre_groups(of("XQ")),
        TITLES["BX"]: [
            ["并项规则下的核心病种"],
            ["分类", "序号", *FIRST, *related],
            *([*head(row), *main(row), row["related"], row["related_name"]] for row in of("BX")),
        ],
        TITLES["burn"]: [
            ["烧伤类病种"],
            ["分类", "序号", "主要诊断", None, "其他诊断", None, *double("主要", "相关")],
            [None, None, "编码", "程度", "编码", "面积", "编码", "名称", "编码", "名称"],
            *(
                [
                    *head(row),
                    row["diagnosis"],
                    row["diagnosis_name"],
                    row["second_diagnosis"],
                    row["second_diagnosis_name"],
                    row["procedure"],
                    row["procedure_name"],
                    row["related"],
                    row["related_name"],
                ]
                for row in of("FZ", "burn")
            ),
        ],
        TITLES["tumour"]: [
            ["肿瘤类病种"],
            ["分类", "序号", *FIRST[:2], "其他诊断编码", "其他诊断名称", *FIRST[2:]],
            *(
                [
                    *head(row),
                    row["diagnosis"],
                    row["diagnosis_name"],
                    row["second_diagnosis"],
                    row["second_diagnosis_name"],
                    row["procedure"],
                    row["procedure_name"],
                ]
                for row in of("FZ", "tumour")
            ),
        ],
        TITLES["tuberculosis"]: [
            ["结核类病种"],
            ["分类", "序号", *FIRST, "是否耐药", "说明"],
            *(
                [*head(row), *main(row), "是" if row["resistant"] == "yes" else "否", row["note"]]
                for row in of("FZ", "tuberculosis")
            ),
        ],
        TITLES["resistant"]: [
            ["结核耐药诊断列表"],
            ["诊断编码", "诊断名称"],
            *([row["code"], row["name"]] for row in book.rows("resistant_diagnoses")),
        ],
        TITLES["JC"]: [
            ["基础规则下的核心病种"],
            ["分类", "序号", *FIRST],
            *([*head(row), *main(row)] for row in basic),
        ],
        TITLES["diagnoses"]: [
            ["不纳入分组的主要诊断"],
            ["以下诊断不作为主要诊断"],
            ["编码", "名称"],
            *([row["code"], "某诊断"] for row in book.rows("excluded_diagnoses")),
        ],
        TITLES["procedures"]: [
            ["不纳入分组的主要手术操作"],
            ["编码", "名称", "说明"],
            *([r["code"], "某手术操作", words(r)] for r in book.rows("excluded_procedures")),
        ],
        TITLES["primary"]: [
            ["基层病种"],
            ["序号", *FIRST],
            *([int(row["group"]), *main(row)] for row in book.rows("primary_care")),
        ],
    }


def head(row: dict) -> list[Cell]:
    return [row["section"], int(row["group"])]


def main(row: dict) -> list[Cell]:
    return [row["diagnosis"], row["diagnosis_name"], row["procedure"], row["procedure_name"]]


def double(*kinds: str) -> list[Cell]:
    return [cell for kind in kinds for cell in (f"{kind}手术操作", None)]


def words(row: dict) -> str:
    # The published cell breaks the line inside its list and has a stray blank.
    return row["note"].replace("D01|", "D01|\n").replace("I85|", "I85 |") or WORDS[row["treatment"]]


def pre_groups(rows: list[dict]) -> list[list[Cell]]:
    top: list[list[Cell]] = [
        ["先期分组"],
        ["分类", "序号", "分组名称", "主要诊断", None, "主要手术操作", None, "说明"],
        [None, None, None, "编码", "名称", "编码", "名称", None],
    ]
    nested: list[Cell] = ["分类", "序号", "分组名称", *FIRST[:2], "天龄", "出生体重", None]
    for row in rows:
        if row["age_days_max"] is not None and nested not in top:
            top.append(nested)
        pair = [row["procedure"], row["procedure_name"]]
        if row["age_days_max"] is not None:
            band = f"{row['weight_g_min']}-{row['weight_g_max']}"
            pair = [f"＜{row['age_days_max'] + 1}天", f"出生体重{band}克"]
        diagnosis = [row["diagnosis"], row["diagnosis_name"]]
        top.append([*head(row), row["name"], *diagnosis, *pair, row["note"]])
    return top
