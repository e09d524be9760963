"""Tiny DRG books whose groups are lists of letters, and cases that are one letter each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa

from codebooks import registry
from codebooks.book import BookCard, make_book
from codebooks.storage import write_book
from grouper.run import choose
from grouper.schemes.dressing import result_batch

CODE = {
    "a": "A09.900",
    "b": "B02.900",
    "c": "D12.600",
    "d": "E04.101",
    "e": "G40.900",
    "f": "H26.900",
    "g": "I10.x00",
    "h": "J18.900",
    "i": "K35.800",
}
"""A letter stands for a principal diagnosis of the insurance edition."""

FIRST = {"BA19": "ab", "BB19": "c", "BC19": "d", "BD19": "e", "BE19": "f", "BH19": "i"}
SECOND = {"BA19": "a", "BA29": "b", "BB19": "cd", "BF19": "e", "BG19": "g", "BH19": "i"}
MONTH = "aaabbccccdeeffghiiiii"
"""a stays, b splits off, d joins c, e gets another code, f leaves, g is new, h is never grouped."""


def install(book_id: str, groups: Mapping[str, str], suffix: str = "") -> str:
    """Install a national DRG book in which each group takes the cases of some letters.

    One id must always stand for one book: loaded schemes stay loaded from test to test.
    """
    card = BookCard(
        book_id, "drg", "national", date(2030, 1, 1), None, "icd10-nhsa-2.0", "icd9cm3-nhsa-2.0",
        "birth", "made up", "made up",
    )  # fmt: skip
    rows = {
        "mdc": [{"mdc": "MDCB", "name": "全部", "rule": "", "sort": 1, "source_row": 2}],
        "adrg": [
            {
                "adrg": code[:3], "name": f"{code[:3]}核心", "rule": f"ZYZD in DI_{code}",
                "mdc": "MDCB", "sort": at, "source_row": at + 2,
            }
            for at, code in enumerate(groups)
        ],
        "drg": [
            {
                "drg": code, "name": f"{code}组{suffix}", "rule": "", "adrg": code[:3],
                "mdc": "MDCB", "sort": 1, "source_row": at + 2,
            }
            for at, code in enumerate(groups)
        ],
        "sets": [
            {"set_id": f"DI_{code}", "code": CODE[letter]}
            for code, letters in groups.items()
            for letter in letters
        ],
    }  # fmt: skip
    write_book(make_book(card, rows), Path(os.environ["GROUPER_DATA"]) / "schemes" / book_id)
    forget()
    return book_id


def forget() -> None:
    """Let the process see the books that are installed now."""
    registry.reload()
    choose.forget()


def month(path: Path, letters: str = MONTH, departments: str = "") -> Path:
    """A file with one case for each letter; the department is a letter too, or missing."""
    lines = ["case_id,sex,age,department,dx"]
    for at, letter in enumerate(letters):
        department = departments[at % len(departments)].strip() if departments else ""
        lines.append(f"N{at + 1},1,40,{department},{CODE[letter]}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def weights(path: Path, values: Mapping[str, str], header: str = "病组编码,权重") -> Path:
    """A file of weights."""
    lines = [header, *(f"{group},{value}" for group, value in values.items())]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


WORD = pa.dictionary(pa.int32(), pa.string())


def results(
    rows: list[tuple[str | None, str, str | None, str | None, str | None]],
) -> pa.RecordBatch:
    """Groupings from scheme, status, reason, group and own weight, as a scheme would give them."""
    names = ("scheme", "status", "reason", "group", "weight")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    arrays = {n: pa.array(columns.get(n, []), pa.string()) for n in names}
    weight = arrays.pop("weight").cast(pa.decimal128(18, 6))
    encoded = {n: a.dictionary_encode() for n, a in arrays.items()}
    name = pa.array([r[3] and f"name of {r[3]}" for r in rows], pa.string()).dictionary_encode()
    return result_batch({**encoded, "group_name": name, "weight": weight}, len(rows))
