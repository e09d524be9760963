"""Carry the facts' DIP catalogues into the shipped codebooks (a maintainer's step).

Usage: python tools/build_dip.py FACTS_FOLDER
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

from codebooks import paths
from codebooks.book import BookCard, SchemeBook, table_book
from codebooks.codes import code_set
from codebooks.dip.city import city_row
from codebooks.dip.naming import names_of
from codebooks.dip.national import canonical, catalogue_row, excluded_procedure
from codebooks.storage import write_book

NATIONAL, CITY = "dip-3.0", "dip-pingdingshan-2025"
SWAPPED = {4489: 4490, 4490: 4489}
"""Basic rows that stand in the opposite order in the sheet."""

Rows = list[dict[str, Any]]


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file, gzipped or not."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Rows of a file with one JSON object a line."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def national_tables(folder: Path) -> dict[str, Rows]:
    """The tables of the national catalogue."""
    groups = [
        *pre_groups(folder),
        *core_groups(folder, "merged", "BX", 3),
        *burns(folder),
        *tumours(folder),
        *tuberculosis(folder),
        *core_groups(folder, "basic", "JC", 3),
    ]
    for rank, row in enumerate(groups, 1):
        row["sort"] = rank
    names = procedure_names()
    return {
        "groups": groups,
        "excluded_diagnoses": list(read_csv(folder / "excluded_diagnoses.csv.gz")),
        "excluded_procedures": [excluded(row) for row in excluded_rows(folder)],
        "resistant_diagnoses": list(read_csv(folder / "tuberculosis_resistant_diagnoses.csv")),
        "primary_care": [
            {
                "group": row["number"],
                "diagnosis": canonical(row["diagnosis"]),
                "diagnosis_name": row["diagnosis_name"],
                "procedure": canonical(row["procedures"]),
                "procedure_name": names_of(canonical(row["procedures"]), names),
            }
            for row in read_csv(folder / "primary_care.csv")
        ],
    }


def excluded_rows(folder: Path) -> list[dict[str, str]]:
    """Excluded procedures; a line break stands as two characters in the facts."""
    rows = read_csv(folder / "excluded_procedures.csv.gz")
    return [{**row, "treatment": row["treatment"].replace("\\n", "\n")} for row in rows]


def excluded(row: dict[str, str]) -> dict[str, str]:
    """One excluded procedure; two of the three kinds have been put into a word."""
    if row["treatment"] in {"conservative", "not_main"}:
        return {**row, "diagnoses": "", "note": ""}
    return excluded_procedure(row["code"], row["treatment"])


def procedure_names() -> dict[str, str]:
    """Names of the procedures of the insurance edition."""
    codes = code_set("icd9cm3-nhsa-2.0")
    return dict(zip(codes.codes, codes.table.column("name").to_pylist(), strict=True))


def pre_groups(folder: Path) -> Rows:
    """The pre-groups; the second header inside the sheet moves two columns."""
    rows: Rows = []
    for line in read_lines(folder / "pre_groups.jsonl"):
        if not line["seq"].isdigit():
            continue
        cells = {
            "group": line["seq"],
            "name": line["name"],
            "diagnosis": "|".join(line["principalDiagnosis"]),
            "diagnosis_name": line["principalDiagnosisName"],
            "note": line["note"],
        }
        joined = "|".join(line["principalProcedure"])
        if line["principalDiagnosis"] == ["所有诊断"]:
            cells |= {"procedure": joined, "procedure_name": line["principalProcedureName"]}
        else:
            cells |= {"age": joined, "weight": line["principalProcedureName"]}
        rows.append({**catalogue_row("XQ", "", cells), "source_row": line["sourceRow"]})
    return rows


def core_groups(folder: Path, file: str, section: str, first_row: int) -> Rows:
    """Merged or basic groups; their numbers continue, so the sheet's row follows from them."""
    names = procedure_names()
    rows: Rows = []
    lines = read_csv(folder / f"{file}.csv")
    first = int(lines[0]["number"])
    for line in lines:
        number = int(line["number"])
        procedure = canonical(line.get("procedures") or line.get("procedure") or "")
        related = canonical(line.get("related_procedures") or "")
        cells = {
            "group": line["number"],
            "diagnosis": line["diagnosis"],
            "diagnosis_name": line["diagnosis_name"],
            "procedure": procedure,
            "procedure_name": names_of(procedure, names),
            "related": related,
            "related_name": names_of(related, names),
        }
        place = first_row + SWAPPED.get(number, number) - first
        rows.append({**catalogue_row(section, "", cells), "source_row": place})
    return rows


def burns(folder: Path) -> Rows:
    """Burns and corrosions: degree and area stand for the names of the two diagnoses."""
    return [
        {
            **catalogue_row(
                "FZ",
                "burn",
                {
                    "group": line["seq"],
                    "diagnosis": "|".join(line["principalDiagnosis"]),
                    "diagnosis_name": line["burnDegree"],
                    "second_diagnosis": "|".join(line["secondaryDiagnosis"]),
                    "second_diagnosis_name": line["burnArea"],
                    "procedure": "|".join(line["principalProcedure"]),
                    "procedure_name": line["principalProcedureName"],
                    "related": "|".join(line["relatedProcedure"]),
                    "related_name": line["relatedProcedureName"],
                },
            ),
            "source_row": line["sourceRow"],
        }
        for line in read_lines(folder / "burns.jsonl")
    ]


def tumours(folder: Path) -> Rows:
    """Drug treatment of malignant tumours."""
    return [
        {
            **catalogue_row(
                "FZ",
                "tumour",
                {
                    "group": line["seq"],
                    "diagnosis": "|".join(line["principalDiagnosis"]),
                    "diagnosis_name": line["principalDiagnosisName"],
                    "second_diagnosis": "|".join(line["secondaryDiagnosis"]),
                    "second_diagnosis_name": line["secondaryDiagnosisName"],
                    "procedure": line["procedureExpression"],
                    "procedure_name": line["procedureName"],
                },
            ),
            "source_row": line["sourceRow"],
        }
        for line in read_lines(folder / "tumours.jsonl")
    ]


def tuberculosis(folder: Path) -> Rows:
    """Tuberculosis, resistant or not."""
    return [
        {
            **catalogue_row(
                "FZ",
                "tuberculosis",
                {
                    "group": line["seq"],
                    "diagnosis": "|".join(line["principalDiagnosis"]),
                    "diagnosis_name": line["principalDiagnosisName"],
                    "procedure": "|".join(line["principalProcedure"]),
                    "procedure_name": line["principalProcedureName"],
                    "resistant": line["drugResistant"],
                    "resistance": line["drugResistantRule"],
                },
            ),
            "source_row": line["sourceRow"],
        }
        for line in read_lines(folder / "tuberculosis.jsonl")
    ]


def city_tables(folder: Path) -> dict[str, Rows]:
    """The city's catalogue: its own group codes, scores and mean figures."""
    rows: Rows = []
    for number, line in enumerate(read_csv(folder / "pingdingshan_2025_dip2.csv.gz"), 1):
        cells = {
            "group": line["dip_code"],
            "diagnosis": line["diagnosis"],
            "diagnosis_name": line["diagnosis_name"],
            "procedure": line["procedure"],
            "procedure_name": line["procedure_name"],
            "related": line["related_procedures"].replace(",", "+"),
            "related_name": line["related_procedure_names"],
            "treatment": line["treatment_kind"],
            "score": line["score"],
            "mean_cost": line["mean_cost_cny"],
            "mean_los": line["mean_los_days"],
            "cost_cv": line["cost_cv"],
            "cases": line["cases"],
        }
        rows.append({**city_row(cells), "sort": number, "source_row": number + 1})
    return {"groups": rows}


def card_of(scheme: str) -> BookCard:
    """The card of a shipped catalogue, from ``tools/build_dip.toml``."""
    cards = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return BookCard.from_json({"id": scheme, "family": "dip", **cards[scheme]})


def books(facts: Path) -> tuple[SchemeBook, SchemeBook]:
    """Both shipped catalogues."""
    return (
        table_book(card_of(NATIONAL), national_tables(facts / "dip_3_0")),
        table_book(card_of(CITY), city_tables(facts / "dip")),
    )


def main() -> None:
    """Write both books anew."""
    target = paths.shipped() / "schemes"
    for book in books(Path(sys.argv[1])):
        shutil.rmtree(target / book.card.id, ignore_errors=True)
        write_book(book, target / book.card.id)
        print(book.card.id, book.counts())


if __name__ == "__main__":
    main()
