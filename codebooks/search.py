"""Finding codes and groups by code, by name and by the pinyin initials of the name."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.book import RULE_TABLES
from codebooks.codes import CodeSet, code_set, code_set_folders
from codebooks.errors import CodebookError
from codebooks.folding import fold_code
from codebooks.registry import registry
from codebooks.storage import read_book
from codebooks.tabular import groups_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

_FEWEST_INITIALS = 2
"""Fewer letters are the initials of nearly everything."""


class Match(IntEnum):
    """How a query matched, best first."""

    EXACT_CODE = 0
    CODE_PREFIX = 1
    EXACT_NAME = 2
    NAME_PREFIX = 3
    INITIALS_PREFIX = 4
    FRAGMENT = 5
    """A piece of the code or the name, or each of several words somewhere in code or name."""
    INITIALS_FRAGMENT = 6


@dataclass(frozen=True, slots=True)
class Hit:
    """One code or group found.

    Attributes:
        set_id: the code set or scheme.
        kind: ``diagnosis``, ``procedure``, ``mdc``, ``adrg``, ``drg`` or ``group``.
        code: official spelling.
        name: official name, empty when no source gives it.
        match: how it was found.
    """

    set_id: str
    kind: str
    code: str
    name: str
    match: Match


@dataclass(frozen=True, slots=True)
class _Index:
    set_id: str
    kinds: tuple[str, ...] | str
    codes: tuple[str, ...]
    names: pa.Array
    folded: pa.Array
    undotted: pa.Array
    plain: pa.Array
    initials: pa.Array
    lengths: npt.NDArray[np.int32]

    def kind(self, row: int) -> str:
        return self.kinds if isinstance(self.kinds, str) else self.kinds[row]


def default_sets() -> tuple[str, ...]:
    """The code sets that some CHS-DRG scheme at hand uses, sorted."""
    cards = [card for card in registry().cards.values() if card.family == "drg"]
    return tuple(sorted({s for c in cards for s in (c.diagnosis_code_set, c.procedure_code_set)}))


def search(query: str, set_ids: Iterable[str] | None = None, limit: int = 20) -> list[Hit]:
    """The best matches of a query, best first.

    Ranked by :class:`Match`; within a rank codes found by their code in order of code, those
    found by name the shortest name first, then in the order of the sets asked for and of codes.

    Args:
        query: a code or its beginning (dots, case and width do not matter), a piece of a name,
            several words of it, or pinyin initials (``jxlwy``).
        set_ids: code sets and schemes to search (of a scheme the names of its groups); None
            searches the code sets that the schemes at hand use.
        limit: the most hits to return.

    Raises:
        CodebookError: ``SEARCH_UNKNOWN``, or as :func:`codebooks.codes.code_set`.
    """
    words = query.split()
    if not words or limit < 1:
        return []
    best: list[tuple[int, int, int, str, Hit]] = []
    for order, set_id in enumerate(dict.fromkeys(default_sets() if set_ids is None else set_ids)):
        index = _index(set_id, by_initials=query.isascii())
        ranks = _ranks(index, words)
        rows = np.flatnonzero(ranks < len(Match))
        # Python sorts only what can still be among the first: the rest is cut by rank and length.
        keys = ranks[rows].astype(np.int64) << 32 | _length_keys(index, ranks, rows)
        for row in rows[np.argsort(keys, kind="stable")[:limit]].tolist():
            match = Match(int(ranks[row]))
            code, name = index.codes[row], index.names[row].as_py()
            hit = Hit(set_id, index.kind(row), code, name, match)
            best.append(
                (match, int(_length_keys(index, ranks, np.array([row]))[0]), order, code, hit)
            )
    return [entry[-1] for entry in sorted(best, key=lambda entry: entry[:-1])[:limit]]


def _length_keys(
    index: _Index, ranks: npt.NDArray[np.int8], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    by_code = ranks[rows] <= Match.CODE_PREFIX
    return np.where(by_code, 0, index.lengths[rows]).astype(np.int64)


def _ranks(index: _Index, words: list[str]) -> npt.NDArray[np.int8]:
    """The :class:`Match` of each row, one more than the last for none."""
    folded = [fold_code(word) for word in words]
    plain = [_plain(word) for word in words]
    code, name = "".join(folded), "".join(plain)
    bare = code.replace(".", "")
    letters = name if name.isascii() and name.isalnum() and len(name) >= _FEWEST_INITIALS else None
    ranks = np.full(len(index.codes), len(Match), dtype=np.int8)

    def mark(match: Match, *masks: pa.Array) -> None:
        for mask in masks:
            ranks[mask.to_numpy(zero_copy_only=False)] = match

    # Worst first, so that a better match overwrites it.
    if letters:
        mark(Match.INITIALS_FRAGMENT, pc.match_substring(index.initials, letters))
    pieces = [
        pc.or_(pc.match_substring(index.plain, p), pc.match_substring(index.folded, f))
        for p, f in zip(plain, folded, strict=True)
        if p and f
    ]
    if pieces:
        every = pieces[0]
        for piece in pieces[1:]:
            every = pc.and_(every, piece)
        mark(Match.FRAGMENT, every)
    if letters:
        mark(Match.INITIALS_PREFIX, pc.starts_with(index.initials, letters))
    if name:
        mark(Match.NAME_PREFIX, pc.starts_with(index.plain, name))
        mark(Match.EXACT_NAME, pc.equal(index.plain, name))
    if bare:
        mark(
            Match.CODE_PREFIX,
            pc.starts_with(index.folded, code),
            pc.starts_with(index.undotted, bare),
        )
        mark(Match.EXACT_CODE, pc.equal(index.folded, code), pc.equal(index.undotted, bare))
    return ranks


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()


def _index(set_id: str, *, by_initials: bool) -> _Index:
    if set_id in code_set_folders():
        return _code_index(code_set(set_id))
    schemes = registry()
    if set_id in schemes.cards:
        return _scheme_index(schemes.folders[set_id], by_initials=by_initials)
    known = ", ".join((*sorted(code_set_folders()), *sorted(schemes.cards)))
    raise CodebookError("SEARCH_UNKNOWN", found=set_id, known=known)


@cache
def _code_index(codes: CodeSet) -> _Index:
    names, letters = (codes.table.column(c).combine_chunks() for c in ("name", "initials"))
    return _build(
        codes.id,
        str(codes.card.kind),
        codes.codes,
        folded=list(codes.folded),
        names=names,
        initials=letters,
    )


@cache
def _scheme_index(folder: Path, *, by_initials: bool) -> _Index:
    book = read_book(folder)
    if book.card.family == "drg":
        groups = {
            (str(row[table]), table): str(row["name"] or "")
            for table in RULE_TABLES
            for row in book.rows(table)
        }
    else:
        groups = {(code, "group"): name for code, name in groups_of(book).items()}
    codes = tuple(code for code, _ in sorted(groups))
    names = [groups[key] for key in sorted(groups)]
    letters = [""] * len(names)
    if by_initials:
        # The pinyin dictionary takes a third of a second to load and only this needs it.
        from codebooks.initials import initials  # noqa: PLC0415

        letters = [initials(name) for name in names]
    return _build(
        book.card.id,
        tuple(table for _, table in sorted(groups)),
        codes,
        folded=[fold_code(code) for code in codes],
        names=pa.array(names, pa.string()),
        initials=pa.array(letters, pa.string()),
    )


def _build(
    set_id: str,
    kinds: tuple[str, ...] | str,
    codes: tuple[str, ...],
    *,
    folded: list[str],
    names: pa.Array,
    initials: pa.Array,
) -> _Index:
    wide = pc.utf8_lower(pc.utf8_normalize(names, form="NFKC"))
    spelled = pa.array(folded, pa.string())
    return _Index(
        set_id,
        kinds,
        codes,
        names,
        spelled,
        pc.replace_substring(spelled, ".", ""),
        pc.replace_substring_regex(wide, r"\s+", ""),
        initials,
        pc.utf8_length(names).to_numpy(zero_copy_only=False),
    )
