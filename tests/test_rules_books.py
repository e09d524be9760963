"""The shipped books: printed, said, and checked."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import pytest

from codebooks import paths, storage
from codebooks.book import RULE_TABLES, SchemeBook
from codebooks.findings import Finding, Severity
from grouper.rules.check import check_book
from grouper.rules.parser import parse
from grouper.rules.printer import print_rule
from grouper.rules.set_names import SetNames
from grouper.rules.words import describe

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = paths.shipped() / "schemes"
SCHEMES = sorted(
    folder.name for folder in SHIPPED.iterdir() if storage.read_card(folder).family == "drg"
)


@cache
def book_of(scheme: str) -> SchemeBook:
    return storage.read_book(SHIPPED / scheme)


@cache
def findings_of(scheme: str) -> list[Finding]:
    return check_book(book_of(scheme))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_official_rule_prints_and_can_be_said(scheme: str) -> None:
    book = book_of(scheme)
    names = SetNames.of(book)
    for table in RULE_TABLES:
        for row in book.rows(table):
            rule = parse(row["rule"])
            assert parse(print_rule(rule)) == rule
            assert describe(rule, "zh", names)
            assert describe(rule, "en", names)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_shipped_books_have_no_errors(scheme: str) -> None:
    assert [f.describe() for f in findings_of(scheme) if f.severity is Severity.ERROR] == []


def test_findings_in_the_national_books() -> None:
    found = {s: Counter(f.code for f in findings_of(s)) for s in ("chs-drg-1.1", "chs-drg-3.0")}
    # 3.0: no case falls to an unnamed fallback; the table "无" (none) has no rows by its nature.
    assert found["chs-drg-3.0"] == {"FALLBACKS_IDLE": 1, "CC_EXCLUSION_EMPTY": 1}
    assert set(found["chs-drg-1.1"]) == {"CC_EXCLUSION_EMPTY", "CODES_UNKNOWN"}


def test_faults_of_city_books_are_found() -> None:
    hefei = findings_of("hefei-2023")
    empty = [f.params for f in hefei if f.code == "RULE_SET_EMPTY"]
    assert [(p["set_id"], p["count"]) for p in empty] == [("OP_MB1X", 34)]
    beijing = {
        f.params["group"]: f.code for f in findings_of("beijing-2022") if "group" in f.params
    }
    # The stem-cell codes of AG1 and AG2 are not in OP_ALL, which MDCA asks for.
    assert beijing["AG1"] == beijing["AG2"] == "RULE_NEVER_IN_SCOPE"
    assert beijing["WB1_1"] == "GROUP_SHADOWED_BY"


def unreachable(scheme: str) -> set[str]:
    """DRG codes all of whose rows stand in or under groups that were called unreachable."""
    codes = {"RULE_NEVER", "RULE_NEVER_IN_SCOPE", "RULE_REPEATED"}
    codes |= {"GROUP_SHADOWED", "GROUP_SHADOWED_BY", "GROUP_CHILDLESS"}
    named = {(f.where.sheet, f.where.row) for f in findings_of(scheme) if f.code in codes}
    book = book_of(scheme)
    adrgs = {(r["mdc"], r["adrg"]) for r in book.rows("adrg") if ("ADRG", r["source_row"]) in named}
    reached: dict[str, bool] = {}
    for row in book.rows("drg"):
        under = (row["mdc"], row["adrg"]) in adrgs
        idle = under or ("DRG", row["source_row"]) in named
        reached[row["drg"]] = reached.get(row["drg"], False) or not idle
    return {drg for drg, is_reached in reached.items() if not is_reached}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_labelled_case_is_in_a_group_called_unreachable(scheme: str, facts: Path) -> None:
    idle = unreachable(scheme)
    with gzip.open(facts / "cases" / "chs_drg" / f"{scheme}.jsonl.gz", "rt", "utf-8") as file:
        groups = {json.loads(line)["expect"] for line in file}
    assert len(groups) > 100
    assert not idle & groups
