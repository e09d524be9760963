"""What is not a rule: the card, the tree of groups, complications, exclusions, codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.codes import unknown_codes
from codebooks.errors import CodebookError
from codebooks.findings import Finding, Severity
from codebooks.folding import fold_code
from grouper.rules.ast import SEVERITY_SETS
from grouper.rules.check_rules import shorten
from grouper.rules.rows import place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codebooks.book import BookCard, SchemeBook
    from grouper.rules.rows import RuleRow

OPTIONS = frozenset({"retry_each_procedure_as_main"})
"""Options of a card that the engine knows (``docs/RULES.md``)."""

WEIGHTS = frozenset({"birth", "admission"})
"""What a card may say the newborn's weight is."""


def check_card(card: BookCard) -> Iterator[Finding]:
    """Validity, options and newborn weight of the card."""
    if card.valid_to is not None and card.valid_to <= card.valid_from:
        params = {"valid_from": card.valid_from, "valid_to": card.valid_to}
        yield Finding("CARD_VALIDITY", Severity.ERROR, place("card", column="valid_to"), params)
    for option in sorted(set(card.options) - OPTIONS):
        params = {"found": option, "known": ", ".join(sorted(OPTIONS))}
        yield Finding("CARD_OPTION", Severity.ERROR, place("card", column="options"), params)
    if card.newborn_weight not in WEIGHTS:
        params = {"found": card.newborn_weight, "known": ", ".join(sorted(WEIGHTS))}
        where = place("card", column="newborn_weight")
        yield Finding("CARD_WEIGHT", Severity.ERROR, where, params)


def check_tree(rows: Mapping[str, list[RuleRow]]) -> Iterator[Finding]:
    """Codes that stand twice in their scope, parents that do not exist, groups without rows."""
    for table, parents in (("mdc", None), ("adrg", "mdc"), ("drg", "adrg")):
        known = {(*row.parent, row.code) for row in rows[parents]} if parents else {()}
        seen: dict[tuple[str, ...], int] = {}
        for row in rows[table]:
            key = (*row.parent, row.code)
            if key in seen:
                params = {"group": row.code, "first": seen[key]}
                yield Finding("GROUP_DUPLICATE", Severity.ERROR, row.where("code"), params)
            seen.setdefault(key, row.number)
            if row.parent not in known:
                params = {"group": row.code, "parent": "/".join(row.parent)}
                yield Finding("GROUP_PARENT", Severity.ERROR, row.where("parent"), params)
    for table, children in (("mdc", "adrg"), ("adrg", "drg")):
        parents_used = {row.parent for row in rows[children]}
        for row in rows[table]:
            if (*row.parent, row.code) not in parents_used:
                sheet = place(children).sheet
                params = {"group": row.code, "children": sheet}
                yield Finding("GROUP_CHILDLESS", Severity.WARNING, row.where("code"), params)


def check_complications(book: SchemeBook) -> Iterator[Finding]:
    """Levels, codes that stand twice, exclusion tables that are missing or not used."""
    tables = {row["exclusion"] for row in book.rows("exclusions") if row["principal_code"]}
    first: dict[str, tuple[str, str]] = {}
    named: dict[str, list[str]] = {}
    for row in book.rows("cc"):
        code, level, exclusion = row["code"], row["level"], row["exclusion"] or ""
        if level not in SEVERITY_SETS:
            params = {"code": code, "level": level, "known": ", ".join(SEVERITY_SETS)}
            yield Finding("CC_LEVEL", Severity.ERROR, place("cc"), params)
        before = first.setdefault(fold_code(code), (level, exclusion))
        if before != (level, exclusion):
            params = {
                "code": code,
                "first": " ".join(before),
                "second": f"{level} {exclusion}",
            }
            yield Finding("CC_TWICE", Severity.ERROR, place("cc"), params)
        if exclusion:
            named.setdefault(exclusion, []).append(code)
    for exclusion in sorted(set(named) - tables):
        codes = named[exclusion]
        params = {"exclusion": exclusion, "count": len(codes), "examples": shorten(codes)}
        yield Finding("CC_EXCLUSION_EMPTY", Severity.WARNING, place("exclusions"), params)
    unused = sorted(tables - set(named))
    if unused:
        params = {"count": len(unused), "examples": shorten(unused)}
        yield Finding("EXCLUSIONS_UNUSED", Severity.NOTE, place("exclusions"), params)


def check_codes(book: SchemeBook) -> Iterator[Finding]:
    """Codes that the card's code sets do not have, one finding for each set or table of them."""
    try:
        unknown = unknown_codes(book)
    except CodebookError as error:
        params = {
            "diagnoses": book.card.diagnosis_code_set,
            "procedures": book.card.procedure_code_set,
            "reason": error.code,
        }
        yield Finding("CARD_CODE_SET", Severity.ERROR, place("card", column="code_sets"), params)
        return
    found: dict[tuple[str, str], list[str]] = {}
    for table, owner, code in unknown:
        if code:
            found.setdefault((table, owner), []).append(code)
    for (table, owner), codes in found.items():
        # A code that never comes shortens a set; in an exclusion or a plain list it does nothing.
        severity = Severity.WARNING if table in ("sets", "cc") else Severity.NOTE
        params = {"owner": owner, "count": len(codes), "examples": shorten(codes)}
        yield Finding("CODES_UNKNOWN", severity, place(table), params)
