"""Crosswalks from one code set to another, applied only where somebody asks for it.

A crosswalk must never be applied to a record that is already in the target's codes: a few hundred
codes are spelled alike in the clinical and the insurance edition and mean different things, so a
second passage silently changes the diagnosis. :attr:`Crosswalk.ambiguous` lists them. Which set a
code is of must be known from where the record comes from; the code itself does not tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from codebooks import code_storage, paths
from codebooks.code_storage import CROSSWALK
from codebooks.codes import code_set, folders_of
from codebooks.errors import CodebookError, Where
from codebooks.folding import fold_code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from codebooks.code_storage import CodeCard, Manifest

_BETWEEN = "--"


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A code that stands in both sets and that the crosswalk carries to another one.

    Attributes:
        code: the code, spelled alike in both sets.
        source_name: its name in the source set.
        target_name: its name in the target set.
        targets: what the crosswalk makes of it.
    """

    code: str
    source_name: str
    target_name: str
    targets: tuple[str, ...]


class Crosswalk:
    """The targets of each code of one set in another.

    Attributes:
        manifest: card, counts and hash.
        folder: where it lies.
        table: pairs in the form of :data:`codebooks.code_storage.CROSSWALK`.
        source_id, target_id: the two code sets.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: Manifest = code_storage.read_manifest(folder)
        self.source_id, _, self.target_id = folder.name.partition(_BETWEEN)
        self.table: pa.Table = code_storage.read_table(folder, self.manifest, CROSSWALK)

    @property
    def card(self) -> CodeCard:
        """What the crosswalk is."""
        return self.manifest.card

    @property
    def id(self) -> str:
        """``<from>--<to>``."""
        return self.card.id

    @cached_property
    def _targets(self) -> Mapping[str, tuple[str, ...]]:
        sources = self.table.column("source_code").to_pylist()
        targets = self.table.column("target_code").to_pylist()
        found: dict[str, tuple[str, ...]] = {}
        for source, target in zip(sources, targets, strict=True):
            folded = fold_code(source)
            found[folded] = (*found.get(folded, ()), *((target,) if target else ()))
        return found

    def to(self, code: str) -> tuple[str, ...]:
        """The codes of the target set for one of the source set, folded but not guessed.

        Returns:
            One code as a rule. Several when the crosswalk leaves the choice to a coder, none
            when the code has no counterpart or is not in the crosswalk (``in`` tells which).
        """
        return self._targets.get(fold_code(code), ())

    def __contains__(self, code: object) -> bool:
        return isinstance(code, str) and fold_code(code) in self._targets

    @cached_property
    def ambiguous(self) -> frozenset[str]:
        """Codes of both sets that mean something else in each: never carry these twice."""
        return frozenset(a.code for a in self.ambiguities)

    @cached_property
    def ambiguities(self) -> tuple[Ambiguity, ...]:
        """Every code of :attr:`ambiguous` with its two names and its targets, sorted by code.

        A code of the source that the target set has too, but that the crosswalk carries to
        another code. Where both names are alike the target set draws its lines differently.

        Raises:
            CodebookError: as :func:`codebooks.codes.code_set`, for either set.
        """
        source, target = code_set(self.source_id), code_set(self.target_id)
        return tuple(
            Ambiguity(code, source.name(code) or "", target.name(code) or "", self.to(code))
            for code in source.codes
            if (own := target.folded.get(fold_code(code))) and own not in self.to(code)
        )

    def verify(self) -> None:
        """Hold the content against the manifest's hash.

        Raises:
            CodebookError: ``CODESET_HASH``.
        """
        if code_storage.content_hash(self.table) != self.manifest.content_sha256:
            raise CodebookError("CODESET_HASH", Where(file=str(self.folder)), id=self.id)


def crosswalk_folders() -> dict[str, Path]:
    """Every crosswalk at hand; one that the hospital installed hides a shipped one of its id."""
    return folders_of("crosswalks", paths.shipped()) | folders_of("crosswalks", paths.installed())


def crosswalk(from_id: str, to_id: str) -> Crosswalk:
    """The crosswalk between two code sets; read once in a process.

    Raises:
        CodebookError: ``CROSSWALK_UNKNOWN``, or as :func:`codebooks.codes.code_set`.
    """
    folders = crosswalk_folders()
    folder = folders.get(f"{from_id}{_BETWEEN}{to_id}")
    if folder is None:
        known = ", ".join(folders)
        raise CodebookError("CROSSWALK_UNKNOWN", source=from_id, target=to_id, known=known)
    return _read(folder)


@cache
def _read(folder: Path) -> Crosswalk:
    return Crosswalk(folder)


def reload() -> None:
    """Forget the crosswalks that were read, after an installation."""
    _read.cache_clear()
