"""Code sets: which codes there are, how each is officially written, and what it is called."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, NamedTuple

from codebooks import code_storage, icd10cm, paths
from codebooks.code_storage import CODES, Kind
from codebooks.errors import CodebookError, Where
from codebooks.folding import fold_code, fold_codes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from codebooks.book import SchemeBook
    from codebooks.code_storage import CodeCard, Manifest


class CodeSet:
    """The codes of one edition, read once and looked up often.

    Attributes:
        manifest: card, counts and hash of the set.
        folder: where it lies.
        table: the codes in the form of :data:`codebooks.code_storage.CODES`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: Manifest = code_storage.read_manifest(folder)
        if self.manifest.card.package is None:
            self.table: pa.Table = code_storage.read_table(folder, self.manifest, CODES)
        else:
            self.table = icd10cm.read_table(self.manifest)

    @property
    def card(self) -> CodeCard:
        """What the set is."""
        return self.manifest.card

    @property
    def id(self) -> str:
        """The id by which schemes and cases name the set."""
        return self.card.id

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """All codes in their official spelling, sorted."""
        return tuple(self.table.column("code").to_pylist())

    @cached_property
    def folded(self) -> Mapping[str, str]:
        """From the folded code to its official spelling."""
        return dict(zip(fold_codes(self.codes), self.codes, strict=True))

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return dict(zip(self.codes, self.table.column("name").to_pylist(), strict=True))

    @cached_property
    def _undotted(self) -> Mapping[str, str | None]:
        """From the folded code without its dots; None where two codes would answer."""
        found: dict[str, str | None] = {}
        for folded, code in self.folded.items():
            bare = folded.replace(".", "")
            found[bare] = None if bare in found else code
        return found

    def canonical(self, raw: str) -> str | None:
        """The official spelling of a code however it was written.

        Case, width, blanks and look-alike characters are folded; failing that, the code that is
        the same but for its dots, if there is only one. A shorter or longer code never matches.

        Returns:
            The official spelling, or None when the code is unknown or not unique.
        """
        folded = fold_code(raw)
        return self.folded.get(folded) or self._undotted.get(folded.replace(".", ""))

    def name(self, code: str) -> str | None:
        """The name of a code in any spelling; empty when no source names it, None if unknown."""
        official = code if code in self._names else self.canonical(code)
        return None if official is None else self._names[official]

    def __contains__(self, code: object) -> bool:
        return isinstance(code, str) and self.canonical(code) is not None

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def verify(self) -> None:
        """Hold the content against the manifest's hash.

        Raises:
            CodebookError: ``CODESET_HASH``.
        """
        if code_storage.content_hash(self.table) != self.manifest.content_sha256:
            raise CodebookError("CODESET_HASH", Where(file=str(self.folder)), id=self.id)


def folders_of(shelf: str, base: Path) -> dict[str, Path]:
    """The folders with a manifest under ``base/shelf``, by id."""
    under = base / shelf
    if not under.is_dir():
        return {}
    found = sorted(f for f in under.iterdir() if (f / code_storage.MANIFEST).is_file())
    return {folder.name: folder for folder in found}


def code_set_folders() -> dict[str, Path]:
    """Every code set at hand; one that the hospital installed hides a shipped one of its id."""
    return folders_of("codes", paths.shipped()) | folders_of("codes", paths.installed())


def code_set(set_id: str) -> CodeSet:
    """A code set by its id; read once in a process.

    Raises:
        CodebookError: ``CODESET_UNKNOWN``, ``CODESET_MANIFEST``, ``CODESET_TABLE``,
            ``CODESET_COUNT``, or ``CODESET_PACKAGE`` for a set whose package is not installed.
    """
    folders = code_set_folders()
    if set_id not in folders:
        raise CodebookError("CODESET_UNKNOWN", found=set_id, known=", ".join(sorted(folders)))
    return _read(folders[set_id])


@cache
def _read(folder: Path) -> CodeSet:
    return CodeSet(folder)


def reload() -> None:
    """Forget the sets that were read, after an installation."""
    _read.cache_clear()


class UnknownCode(NamedTuple):
    """A code of a scheme that its code set does not have.

    Attributes:
        table: the scheme's table.
        owner: the row's place in it: set id, CC level or exclusion table; empty for plain lists.
        code: the code as the scheme writes it.
    """

    table: str
    owner: str
    code: str


# Each table that holds codes: the column that says where, the column of the code, its kind
# (None: the owner's name tells, sets beginning with DI being diagnoses and with OP procedures).
_CODE_COLUMNS: tuple[tuple[str, str | None, str, Kind | None], ...] = (
    ("sets", "set_id", "code", None),
    ("cc", "level", "code", Kind.DIAGNOSIS),
    ("exclusions", "exclusion", "principal_code", Kind.DIAGNOSIS),
    ("not_principal", None, "code", Kind.DIAGNOSIS),
    ("not_grouping", None, "code", Kind.PROCEDURE),
)


def unknown_codes(book: SchemeBook) -> list[UnknownCode]:
    """The codes of a scheme's tables that do not stand in the code sets its card names.

    Only the official spelling counts, letter case and width aside: a code without its dot, which
    :meth:`CodeSet.canonical` would take from a case, is unknown here. A set whose id begins
    neither with ``DI`` nor with ``OP`` may hold codes of both kinds.

    Returns:
        In the order of the tables and of their rows, each (table, owner, code) once.

    Raises:
        CodebookError: as :func:`code_set`, for the card's two sets.
    """
    known = {
        Kind.DIAGNOSIS: code_set(book.card.diagnosis_code_set),
        Kind.PROCEDURE: code_set(book.card.procedure_code_set),
    }
    spelled = {kind: frozenset(codes.codes) for kind, codes in known.items()}

    def stands(code: str, kind: Kind) -> bool:
        # Nearly every code has its official spelling, which is quicker to find than to fold.
        return code in spelled[kind] or fold_code(code) in known[kind].folded

    unknown: dict[UnknownCode, None] = {}
    for table, owner_column, code_column, kind in _CODE_COLUMNS:
        rows = book.tables[table]
        codes = rows.column(code_column).to_pylist()
        owners = rows.column(owner_column).to_pylist() if owner_column else [""] * len(codes)
        kinds = {owner: kind or kind_of_set(owner) for owner in set(owners)}
        for owner, code in zip(owners, codes, strict=True):
            of = kinds[owner]
            if not (stands(code, of) if of else any(stands(code, k) for k in Kind)):
                unknown[UnknownCode(table, owner, code)] = None
    return list(unknown)


def kind_of_set(set_id: str) -> Kind | None:
    """What a scheme's set holds by its name: ``DI…`` diagnoses, ``OP…`` procedures."""
    return {"DI": Kind.DIAGNOSIS, "OP": Kind.PROCEDURE}.get(set_id[:2].upper())
