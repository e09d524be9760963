"""Build our default outpatient scheme (a maintainer's step); what it is made of: build_apg.toml.

Usage: python tools/build_apg.py FACTS_FOLDER
"""

from __future__ import annotations

import csv
import gzip
import shutil
import sys
import tomllib
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from codebooks import paths
from codebooks.apg.checks import check_apg
from codebooks.book import BookCard, SchemeBook, table_book
from codebooks.codes import code_set
from codebooks.findings import Severity
from codebooks.forms.apg import OPTIONS
from codebooks.registry import registry
from codebooks.storage import write_book
from grouper.schemes.load import load_scheme

DRG = "chs-drg-3.0"
DIAGNOSES, PROCEDURES = "icd10-nhsa-2.0", "icd9cm3-nhsa-2.0"
CATEGORY = 3
Rows = list[dict[str, Any]]


def procedures(plan: dict[str, Any]) -> tuple[Rows, Rows]:
    """Groups and codes of procedures: by two-digit category and whether CHS-DRG operates with it."""
    operations = {r["code"] for r in registry().book(DRG).rows("sets") if r["set_id"] == "OP_ALL"}
    groups: dict[str, dict[str, Any]] = {}
    codes = []
    for code in sorted(code_set(PROCEDURES).codes):
        category = code[:2]
        name = plan["categories"][category]
        operation = code in operations
        charged = not operation and int(category) >= plan["procedures"]["charged_from"]
        group = f"{'I' if charged else 'P'}{category}{'A' if operation else 'B'}"
        part = plan["source"]["surgery" if operation else "other"]
        if charged:
            part = plan["source"]["charged"]
        groups[group] = {
            "group": group,
            "name": name + ("手术" if operation else "其他操作"),
            "type": "incidental" if charged else "procedure",
            "consolidation": "" if charged else f"category_{category}",
            "source": plan["source"]["procedure"].format(category=category, part=part),
        }
        codes.append({"code": code, "group": group})
    return [groups[g] for g in sorted(groups)], codes


def adrgs(plan: dict[str, Any], codes: list[str]) -> dict[str, str]:
    """The medical ADRG that CHS-DRG gives to each diagnosis standing alone, where it gives one."""
    scheme = load_scheme(DRG)
    found: dict[str, str] = {}
    for person in plan["standing_for"]:
        cases = pa.RecordBatch.from_pylist(
            [{"dx": [code], **person} for code in codes],
            pa.schema(
                [
                    ("dx", pa.list_(pa.string())),
                    ("sex", pa.int8()),
                    ("age", pa.int16()),
                    ("age_days", pa.int32()),
                ]
            ),
        )
        result = scheme.group_batch(cases)
        statuses, answers = (result.column(n).to_pylist() for n in ("status", "adrg"))
        for code, status, adrg in zip(codes, statuses, answers, strict=True):
            if status == "grouped":
                found.setdefault(code, adrg)
    return found


def diagnoses(plan: dict[str, Any]) -> tuple[Rows, Rows]:
    """Groups and codes of diagnoses: ADRG, else that of most codes of the category, else chapter."""
    codes = sorted(code_set(DIAGNOSES).codes)
    adrg_of = adrgs(plan, codes)
    tally: dict[str, Counter[str]] = {}
    for code, adrg in adrg_of.items():
        tally.setdefault(code[:CATEGORY], Counter())[adrg] += 1
    names = {r["adrg"]: r["name"] for r in registry().book(DRG).rows("adrg")}
    chapters = sorted(plan["chapters"], key=lambda chapter: chapter["first"])
    numbers = {c["first"]: n for n, c in enumerate(plan["chapters"], 1)}
    groups: dict[str, dict[str, Any]] = {}
    rows, steps = [], Counter[str]()
    for code in codes:
        kin = tally.get(code[:CATEGORY])
        adrg = adrg_of.get(code) or (min(kin, key=lambda a: (-kin[a], a)) if kin else None)
        if adrg:
            group, name = f"M{adrg}", names[adrg]
            source = plan["source"]["adrg"].format(adrg=adrg)
            steps["adrg" if code in adrg_of else "category"] += 1
        else:
            chapter = [c for c in chapters if c["first"] <= code[:CATEGORY]][-1]
            number = numbers[chapter["first"]]
            group, name = f"MC{number:02d}", chapter["name"]
            source = plan["source"]["chapter"].format(number=number)
            steps["chapter"] += 1
        groups[group] = {
            "group": group,
            "name": name,
            "type": "medical",
            "consolidation": "",
            "source": source,
        }
        rows.append({"code": code, "group": group})
    print("diagnoses by", dict(steps))
    return [groups[g] for g in sorted(groups)], rows


def lines(plan: dict[str, Any]) -> tuple[Rows, Rows]:
    """Groups of service lines and what leads to them."""
    groups, items = [], []
    for line in plan["lines"]:
        groups.append(
            {
                "group": line["group"],
                "name": line["name"],
                "type": line["type"],
                "consolidation": line.get("consolidation", ""),
                "source": plan["source"]["ours"],
            }
        )
        row = {"line_class": "", "group": line["group"]}
        length = plan["items"]["length"]
        items += [
            {**row, "code": region + item, "length": length}
            for region in plan["items"]["regions"]
            for item in line.get("items", ())
        ]
        drugs = plan["items"]["drug_lengths"]
        items += [{**row, "code": c, "length": drugs[c]} for c in line.get("codes", ())]
        items += [{**row, "code": "", "line_class": c} for c in line.get("classes", ())]
    return groups, items


def knowledge(facts: Path, rule: str) -> list[str]:
    """The item codes of one national audit rule."""

    def read(name: str) -> Rows:
        with gzip.open(facts / "audit" / name, "rt", encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    points = {r["kp_id"] for r in read("knowledge_points.csv.gz") if r["rule_code"] == rule}
    links = read("knowledge_point_codes.csv.gz")
    return sorted({r["nhsa_code"] for r in links if r["kp_id"] in points})


def lists(plan: dict[str, Any], facts: Path) -> Rows:
    """What is never paid, and what not alone."""
    source = plan["source"]
    never = {"list": "never_pay", "kind": "item", "companion": "", "source": source["herb_never"]}
    alone = {"list": "not_alone", "kind": "item", "companion": "group"}
    rows: Rows = [{**never, "code": c} for c in knowledge(facts, "GZ10000101003000")]
    rows += [
        {**alone, "code": c, "source": source["herb_alone"]}
        for c in knowledge(facts, "GZ10000101004000")
    ]
    rows.append(
        {
            "list": "not_alone",
            "kind": "group",
            "code": "A3301",
            "companion": "",
            "source": source["anaesthesia"],
        }
    )
    return rows


def build(facts: Path) -> SchemeBook:
    """The whole book."""
    path = Path(__file__).with_suffix(".toml")
    plan = tomllib.loads(path.read_text("utf-8"))
    card = plan["card"]
    of_procedures, procedure_codes = procedures(plan)
    of_diagnoses, diagnosis_codes = diagnoses(plan)
    of_lines, items = lines(plan)
    groups = [*of_procedures, *of_diagnoses, *of_lines]
    weights = [
        {"group": g["group"], "weight": Decimal(1), "source": plan["source"]["weight"]}
        for g in groups
    ]
    texts = dict.fromkeys(("visit", "type", "group", "item", "line_class"), "")
    packaging = [
        {
            **texts,
            **rule,
            "sort": number,
            **{k: Decimal(rule[k]) for k in ("amount_from", "amount_below") if k in rule},
        }
        for number, rule in enumerate(plan["packaging"], 1)
    ]
    rates = [{**rate, "share": Decimal(rate["share"])} for rate in plan["rates"]]
    rows = {
        "groups": groups,
        "procedures": procedure_codes,
        "diagnoses": diagnosis_codes,
        "items": items,
        "packaging": packaging,
        "lists": lists(plan, facts),
        "rates": rates,
        "weights": weights,
    }
    return table_book(
        BookCard(
            id=card["id"],
            family="apg",
            region=card["region"],
            valid_from=date.fromisoformat(card["valid_from"]),
            valid_to=None,
            diagnosis_code_set=DIAGNOSES,
            procedure_code_set=PROCEDURES,
            newborn_weight="",
            standing=card["standing"],
            source=card["source"],
            options={name: values[0] for name, values in OPTIONS.items()},
            kinds=("outpatient",),
        ),
        rows,
    )


def main() -> None:
    """Write the book anew."""
    book = build(Path(sys.argv[1]))
    for finding in check_apg(book):
        print(finding.describe("en"))
        if finding.severity is Severity.ERROR:
            raise SystemExit(1)
    target = paths.shipped() / "schemes" / book.card.id
    shutil.rmtree(target, ignore_errors=True)
    write_book(book, target)
    print(book.card.id, book.counts())


if __name__ == "__main__":
    main()
