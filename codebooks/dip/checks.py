"""What a sound DIP catalogue keeps: unique keys, known codes, scores that follow from their costs.

Errors say that a row contradicts another; warnings leave the judgement to the officer.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from codebooks.dip.city import COMPREHENSIVE
from codebooks.dip.grammar import WHOLE_PROCEDURE, parse_diagnoses, parse_procedures
from codebooks.dip.known import known_codes
from codebooks.errors import Where
from codebooks.folding import fold_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from codebooks.book import BookCard
    from codebooks.importers.notes import Notes

Row = dict[str, Any]

PLACE = "_place"
"""Key under which a row carries its place until the book is made."""

_FIGURES = ("score", "mean_cost")


def place_of(row: Mapping[str, Any], column: str | None = None) -> Where:
    """Where a row was read; for a row of a book, its source row."""
    found: Where = row.get(PLACE) or Where(row=row.get("source_row"))
    return Where(found.file, found.sheet, found.row, column or found.column)


def key_of(row: Mapping[str, Any]) -> tuple[object, ...]:
    """What a row asks for, however it is written: two rows with one key contradict each other."""

    def procedures(cell: str) -> object:
        return frozenset(frozenset(part) for part in parse_procedures(cell).parts)

    diagnoses = [frozenset(map(str, part)) for part in parse_diagnoses(row["diagnosis"])]
    return (
        row["section"],
        # The first part is the principal diagnosis, the others stand in any order.
        *(diagnoses[:1]),
        frozenset(diagnoses[1:]),
        procedures(row["procedure"]),
        procedures(row["related"]),
        row["treatment"],
    )


def fold_repeats(rows: list[Row], notes: Notes) -> list[Row]:
    """Fold rows that repeat another whole; refuse those that contradict one.

    ``DIP_CONFLICT``: one key with other figures; ``DIP_KEY_TWICE``: one key under two codes;
    ``DIP_GROUP_TWICE``: one code for two keys. All are errors at the later row.
    """
    by_key: dict[tuple[object, ...], Row] = {}
    by_code: dict[str, Row] = {}
    kept: list[Row] = []
    for row in rows:
        code = fold_code(row["group"])
        first = by_key.setdefault(key_of(row), row)
        named = by_code.setdefault(code, row)
        if first is row and named is row:
            kept.append(row)
            continue
        if first is row:
            other = named
            finding = "DIP_GROUP_TWICE"
        else:
            other = first
            same = fold_code(other["group"]) == code
            figures = all(other[column] == row[column] for column in _FIGURES)
            finding = "" if same and figures else "DIP_CONFLICT" if same else "DIP_KEY_TWICE"
        if finding:
            there = place_of(other).row
            notes.error(finding, place_of(row), group=row["group"], other=there)
        else:
            notes.mended("dip_repeat")
    return kept


def check_codes(rows: Iterable[Row], card: BookCard, notes: Notes) -> None:
    """Warn of diagnoses and procedures that the card's code sets do not have.

    ``DIP_CODE_UNKNOWN``, each code once, at the first row that has it. A procedure shorter than
    seven characters is known when some code begins with it.
    """
    diagnoses = known_codes(card.diagnosis_code_set)
    procedures = known_codes(card.procedure_code_set)
    seen: set[str] = set()

    def warn(row: Row, column: str, code: str, code_set: str) -> None:
        if code not in seen:
            seen.add(code)
            notes.warning("DIP_CODE_UNKNOWN", place_of(row, column), code=code, set=code_set)

    for row in rows:
        for part in parse_diagnoses(row["diagnosis"]):
            for key in part:
                if not diagnoses.takes(key):
                    warn(row, "diagnosis", str(key), card.diagnosis_code_set)
        for column in ("procedure", "related"):
            for code in sorted(parse_procedures(row[column]).codes):
                short = len(code) < WHOLE_PROCEDURE
                if not (procedures.begins(code) if short else procedures.has(code)):
                    warn(row, column, code, card.procedure_code_set)


def check_conservative(rows: Iterable[Row], notes: Notes) -> None:
    """Warn of diagnoses with core groups by procedure and no conservative row.

    ``DIP_CONSERVATIVE``: a case of the diagnosis without a procedure finds no core group.
    """
    first: dict[str, Row] = {}
    conservative: set[str] = set()
    for row in rows:
        if row["section"] == COMPREHENSIVE:
            continue
        diagnosis = fold_code(row["diagnosis"])
        if row["procedure"]:
            first.setdefault(diagnosis, row)
        else:
            conservative.add(diagnosis)
    for diagnosis, row in first.items():
        if diagnosis not in conservative:
            notes.warning("DIP_CONSERVATIVE", place_of(row), diagnosis=row["diagnosis"])


def check_scores(
    rows: Iterable[Row],
    city_mean: Decimal | None,
    score_base: int,
    tolerance: Decimal,
    notes: Notes,
) -> None:
    """Warn of scores that do not follow from their mean cost.

    ``DIP_SCORE_MEAN``: the score differs by more than ``tolerance`` points from mean cost ÷ city
    mean × score base; ``DIP_SCORE_MISSING``: a group without a score. Without a city mean the
    middle one of those that the rows imply is taken and noted (``DIP_CITY_MEAN``).

    Args:
        rows: with ``score`` in points and ``mean_cost`` in yuan, either may be None.
        city_mean: in yuan.
        score_base: score of a group whose mean cost is the city's.
        tolerance: in points.
        notes: takes the findings.
    """
    both: list[Row] = []
    for row in rows:
        if row["score"] is None:
            notes.warning("DIP_SCORE_MISSING", place_of(row), group=row["group"])
        elif row["mean_cost"] is not None:
            both.append(row)
    if city_mean is None:
        implied = [row["mean_cost"] / row["score"] * score_base for row in both if row["score"]]
        if not implied:
            return
        city_mean = round(median(implied), 6)
        notes.note("DIP_CITY_MEAN", Where(), mean=city_mean, count=len(implied))
    if not city_mean:
        return
    for row in both:
        wanted = row["mean_cost"] / city_mean * score_base
        if abs(row["score"] - wanted) > tolerance:
            shown = round(wanted, 4)
            notes.warning(
                "DIP_SCORE_MEAN",
                place_of(row, "score"),
                group=row["group"],
                found=row["score"],
                wanted=shown,
            )
