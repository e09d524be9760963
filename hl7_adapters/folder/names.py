"""What a file's name says: a form, a marker, or that it is still being written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Self

from codebooks.errors import CodebookError
from codebooks.strict_csv import read_rows
from hl7_adapters.folder.options import invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

FORM, MARKER, PARTIAL = "form", "marker", "partial"
_END, _START = "end", "start"
_BAD = "FOLDER_TABLE"


@dataclass(frozen=True, slots=True)
class Meanings:
    """The tables of names and contents.

    Attributes:
        forms: the forms of files by the end of their names.
        markers: ends of markers.
        partial_ends: ends of files that are still being written.
        partial_starts: starts of such files.
        contents: patterns by form.
    """

    forms: Mapping[str, tuple[str, ...]]
    markers: tuple[str, ...]
    partial_ends: tuple[str, ...]
    partial_starts: tuple[str, ...]
    contents: Mapping[str, re.Pattern[bytes]] = field(default_factory=dict)

    def partial(self, name: str) -> bool:
        """Whether a file is not to be taken yet, nor ever under this name."""
        lower = name.lower()
        return lower.startswith(self.partial_starts) or lower.endswith(self.partial_ends)

    def marked(self, name: str) -> str | None:
        """The name that a marker speaks of; None: it is no marker."""
        lower = name.lower()
        end = next((end for end in self.markers if lower.endswith(end)), None)
        return None if end is None else name[: -len(end)]

    def form_of(self, name: str, raw: bytes) -> str | None:
        """The form of a file; None: its name does not say."""
        lower = name.lower()
        ends = [end for end in self.forms if lower.endswith(end)]
        if not ends:
            return None
        forms = self.forms[max(ends, key=len)]
        if len(forms) == 1:
            return forms[0]
        # UTF-16 is ASCII between zero bytes.
        plain = raw.replace(b"\0", b"")
        found = (f for f in forms if f in self.contents and self.contents[f].search(plain))
        return next(found, forms[-1])

    def overridden(self, rows: Mapping[str, str], known: Collection[str]) -> Self:
        """These with a hospital's own ends of names.

        Args:
            rows: meaning by end: a form, forms between blanks, ``marker`` or ``partial``.
            known: names of the forms at hand.

        Raises:
            GrouperError: ``SETTING_INVALID``.
        """
        own = {end.lower(): meaning.split() for end, meaning in rows.items()}
        for end, words in own.items():
            special = words in ([MARKER], [PARTIAL])
            if not end or not words or not (special or all(word in known for word in words)):
                choice = ", ".join((*known, MARKER, PARTIAL))
                raise invalid("suffixes", "suffix", end=end, known=choice)

        def ends(shipped: Iterable[str], meaning: str) -> tuple[str, ...]:
            rest = tuple(end for end in shipped if end not in own)
            return rest + tuple(end for end, words in own.items() if words == [meaning])

        forms = {end: found for end, found in self.forms.items() if end not in own}
        said = {e: tuple(w) for e, w in own.items() if w not in ([MARKER], [PARTIAL])}
        return type(self)(
            forms | said,
            ends(self.markers, MARKER),
            ends(self.partial_ends, PARTIAL),
            self.partial_starts,
            self.contents,
        )


def read_meanings(suffixes: Path, contents: Path) -> Meanings:
    """Read the tables.

    Raises:
        CodebookError: ``FOLDER_TABLE`` and those of :func:`codebooks.strict_csv.read_rows`; names
            file, row and column.
    """
    found: dict[tuple[str, str], list[str]] = {}
    forms: dict[str, tuple[str, ...]] = {}
    for row in read_rows(suffixes, ("where", "part", "meaning", "forms", "source")):
        where, part, meaning, named = (
            row.cells[name] for name in ("where", "part", "meaning", "forms")
        )
        if where not in (_END, _START) or (where == _START and meaning != PARTIAL):
            raise CodebookError(_BAD, row.at("where"), found=where)
        twice = any(part in parts for (at, _), parts in found.items() if at == where)
        if not part or part != part.lower() or twice:
            raise CodebookError(_BAD, row.at("part"), found=part)
        if meaning not in (FORM, MARKER, PARTIAL):
            raise CodebookError(_BAD, row.at("meaning"), found=meaning)
        if bool(named) != (meaning == FORM):
            raise CodebookError(_BAD, row.at("forms"), found=named)
        if meaning == FORM:
            forms[part] = tuple(named.split())
        found.setdefault((where, meaning), []).append(part)
    patterns: dict[str, re.Pattern[bytes]] = {}
    for row in read_rows(contents, ("form", "pattern", "source")):
        try:
            patterns[row.cells["form"]] = re.compile(row.cells["pattern"].encode("ascii"))
        except (re.error, UnicodeEncodeError):
            raise CodebookError(_BAD, row.at("pattern"), found=row.cells["pattern"]) from None
    return Meanings(
        forms,
        tuple(found.get((_END, MARKER), ())),
        tuple(found.get((_END, PARTIAL), ())),
        tuple(found.get((_START, PARTIAL), ())),
        patterns,
    )


@cache
def meanings() -> Meanings:
    """The tables that are shipped.

    Raises:
        CodebookError: as :func:`read_meanings`.
    """
    data = files("hl7_adapters.folder") / "data"
    with as_file(data / "suffixes.csv") as suffixes, as_file(data / "contents.csv") as contents:
        return read_meanings(suffixes, contents)
