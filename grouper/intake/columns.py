"""What the columns of a file that mean nothing to a case say of a person (``data/columns.csv``)."""

from __future__ import annotations

from enum import StrEnum
from functools import cache, lru_cache

from grouper.case.layout import fold_name
from grouper.case.tables import rows


class Said(StrEnum):
    """What a column says."""

    RECORD = "record"
    """The number of the medical record: which patient, not which stay."""
    NAME = "name"
    ID_NUMBER = "id_number"
    PRIVATE = "private"
    """Something else that leads to a person: an address, a telephone."""
    STAFF = "staff"
    NOTHING = ""


@cache
def _words() -> tuple[dict[tuple[str, str], Said], tuple[tuple[str, Said], ...]]:
    whole: dict[tuple[str, str], Said] = {}
    parts: list[tuple[str, Said]] = []
    for row in rows("columns.csv", "grouper.intake"):
        word, said = fold_name(row["word"]), Said(row["to"])
        if row["whole"]:
            whole.setdefault((row["dialect"], word), said)
        else:
            parts.append((word, said))
    return whole, tuple(parts)


@lru_cache(maxsize=4096)
def said_by(column: str, dialect: str = "") -> Said:
    """What a column says of a person, by its name; the first fitting word of the table counts.

    Args:
        column: its name.
        dialect: of the file (``hqms``), which has codes for names; empty for the general form.
    """
    folded = fold_name(column)
    whole, parts = _words()
    for key in ((dialect, folded), ("", folded)):
        if key in whole:
            return whole[key]
    return next((said for word, said in parts if word in folded), Said.NOTHING)
