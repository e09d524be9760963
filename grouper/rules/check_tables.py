"""What is not a rule: the card, the tree of groups, complications, exclusions, codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.codes import unknown_codes
from codebooks.errors import CodebookError
from codebooks.folding import fold_code
from grouper.rules.ast import SEVERITY_SETS
from grouper.rules.report import error, note, place, shorten, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codebooks.book import BookCard, SchemeBook
    from codebooks.findings import Finding
    from grouper.rules.rows import RuleRow

OPTIONS = frozenset({"retry_each_procedure_as_main"})
"""Options of a card that the engine knows (``docs/RULES.md``)."""

WEIGHTS = frozenset({"birth", "admission"})
"""What a card may say the newborn's weight is."""


def check_card(card: BookCard) -> Iterator[Finding]:
    """Validity, options and newborn weight of the card."""
    if card.valid_to is not None and card.valid_to <= card.valid_from:
        where = place("card", column="valid_to")
        yield error("CARD_VALIDITY", where, valid_from=card.valid_from, valid_to=card.valid_to)
    for option in sorted(set(card.options) - OPTIONS):
        where = place("card", column="options")
        yield error("CARD_OPTION", where, found=option, known=", ".join(sorted(OPTIONS)))
    if card.newborn_weight not in WEIGHTS:
        where = place("card", column="newborn_weight")
        known = ", ".join(sorted(WEIGHTS))
        yield error("CARD_WEIGHT", where, found=card.newborn_weight, known=known)


def check_tree(rows: Mapping[str, list[RuleRow]]) -> Iterator[Finding]:
    """Codes that stand twice in their scope, parents that do not exist, groups without rows."""
    for table, above in (("mdc", None), ("adrg", "mdc"), ("drg", "adrg")):
        parents = {row.path for row in rows[above]} if above else {()}
        first: dict[tuple[str, ...], int] = {}
        for row in rows[table]:
            if row.path in first:
                where, line = row.where("code"), first[row.path]
                yield error("GROUP_DUPLICATE", where, group=row.code, first=line)
            first.setdefault(row.path, row.number)
            if row.parent not in parents:
                parent = "/".join(row.parent)
                yield error("GROUP_PARENT", row.where("parent"), group=row.code, parent=parent)
    for table, below in (("mdc", "adrg"), ("adrg", "drg")):
        parents = {row.parent for row in rows[below]}
        for row in rows[table]:
            if row.path not in parents:
                children = place(below).sheet
                yield warning(
                    "GROUP_CHILDLESS", row.where("code"), group=row.code, children=children
                )


def check_complications(book: SchemeBook) -> Iterator[Finding]:
    """Levels, codes that stand twice, exclusion tables that are missing or not used."""
    exclusions = book.tables["exclusions"]
    rows = zip(
        exclusions["exclusion"].to_pylist(), exclusions["principal_code"].to_pylist(), strict=True
    )
    tables = {exclusion for exclusion, principal in rows if principal}
    first: dict[str, tuple[str, str]] = {}
    named: dict[str, list[str]] = {}
    for row in book.rows("cc"):
        code, level, exclusion = row["code"], row["level"], row["exclusion"] or ""
        if level not in SEVERITY_SETS:
            known = ", ".join(SEVERITY_SETS)
            yield error("CC_LEVEL", place("cc"), code=code, level=level, known=known)
        before = first.setdefault(fold_code(code), (level, exclusion))
        if before != (level, exclusion):
            one, other = " ".join(before), f"{level} {exclusion}"
            yield error("CC_TWICE", place("cc"), code=code, first=one, second=other)
        if exclusion:
            named.setdefault(exclusion, []).append(code)
    where = place("exclusions")
    for exclusion in sorted(set(named) - tables):
        codes = named[exclusion]
        yield warning(
            "CC_EXCLUSION_EMPTY",
            where,
            exclusion=exclusion,
            count=len(codes),
            examples=shorten(codes),
        )
    unused = sorted(tables - set(named))
    if unused:
        yield note("EXCLUSIONS_UNUSED", where, count=len(unused), examples=shorten(unused))


def check_codes(book: SchemeBook) -> Iterator[Finding]:
    """Codes that the card's code sets do not have, one finding for each set or table of them."""
    card = book.card
    try:
        unknown = unknown_codes(book)
    except CodebookError as failure:
        yield error(
            "CARD_CODE_SET",
            place("card", column="code_sets"),
            diagnoses=card.diagnosis_code_set,
            procedures=card.procedure_code_set,
            reason=failure.code,
        )
        return
    found: dict[tuple[str, str], list[str]] = {}
    for table, owner, code in unknown:
        if code:
            found.setdefault((table, owner), []).append(code)
    for (table, owner), codes in found.items():
        # A code that never comes shortens a set; in an exclusion or a plain list it does nothing.
        report = warning if table in ("sets", "cc") else note
        yield report(
            "CODES_UNKNOWN", place(table), owner=owner, count=len(codes), examples=shorten(codes)
        )
