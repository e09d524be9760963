"""Catalogue files checked and installed as errands: read, reported, and installed when confirmed.

A check writes its report, all rows that were left out and all changes beside; the installation reads
the same bytes again and installs them only onto the list that they were checked against.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.catalogues.catalogue import Catalogue, in_force
from codebooks.catalogues.diff import difference
from codebooks.catalogues.forms import KINDS, form
from codebooks.catalogues.importer import (
    CatalogueOptions,
    Draft,
    install_catalogue,
    read_catalogue,
)
from codebooks.errors import CodebookError, Where
from grouper.store import audit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from codebooks.catalogues.keeping import Import
    from grouper.service.errand_process import Work

CHECK, INSTALL, MAPPING = "catalogue_check", "catalogue_install", "catalogue_mapping"
"""Kinds of errands."""
REPORT, LEFT_OUT, CHANGES = "report.json", "left_out.parquet", "changes.parquet"
"""Files of a check."""
_CHANGES = pa.schema(
    [(name, pa.string()) for name in ("key", "name", "sort", "field", "old", "new")]
)
_STEPS = 2
_SOURCE, _ENDINGS = "source", (".xlsx", ".csv")


@dataclass(frozen=True, slots=True)
class Limits:
    """Attributes: as ``data/catalogues.toml`` says."""

    faults: int
    longest_name: int
    words: int


@cache
def limits() -> Limits:
    """The limits."""
    path = files("grouper.service") / "data" / "catalogues.toml"
    return Limits(**tomllib.loads(path.read_text("utf-8")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be imported, and how.

    Attributes:
        kind: of the catalogue.
        file: name of the file as it was handed in.
        valid_from: from when on it holds.
        whole: whether it is the whole list.
        source: where it comes from; None: its name.
        sheet: the only sheet to read; None: every one with the needed columns.
        columns: header texts of fields that the file calls by names of its own.
        level: of the hospital; None: not asked.
    """

    kind: str
    file: str
    valid_from: date
    whole: bool = True
    source: str | None = None
    sheet: str | None = None
    columns: Mapping[str, str] | None = None
    level: str | None = None

    def params(self) -> dict[str, Any]:
        """As the parameters of an errand."""
        return {**asdict(self), "valid_from": self.valid_from.isoformat()}

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Wanted:
        """Read back.

        Raises:
            CodebookError: ``CATALOGUE_KIND``, ``CATALOGUE_VALID_FROM``.
        """
        known: dict[str, Any] = {name: params.get(name) for name in cls.__dataclass_fields__}
        kind, day = str(known["kind"]), str(known["valid_from"])
        if kind not in KINDS:
            raise CodebookError("CATALOGUE_KIND", found=kind, known=", ".join(KINDS))
        try:
            first = date.fromisoformat(day)
        except ValueError:
            raise CodebookError("CATALOGUE_VALID_FROM", found=day) from None
        return cls(**{**known, "valid_from": first})

    def options(self) -> CatalogueOptions:
        """As the importer takes them."""
        return CatalogueOptions(
            valid_from=self.valid_from,
            whole=self.whole,
            source=self.source or None,
            sheet=self.sheet or None,
            columns=dict(self.columns or {}),
            level=self.level or None,
            called=self.file,
        )


def file_name(called: str) -> str:
    """A plain name of a file that is handed in, with its ending.

    Args:
        called: as the browser says; it may hold folders, or be too long.
    """
    name = PurePath(called.replace("\\", "/")).name.lstrip(".") or "catalogue"
    most = limits().longest_name
    ending = PurePath(name).suffix[:most]
    return name if len(name) <= most else name[: most - len(ending)] + ending


def stored_name(called: str) -> str:
    """The name under which an errand keeps a file; its own may be too long for a disk.

    Args:
        called: as :func:`file_name` gives it.
    """
    ending = PurePath(called).suffix.lower()
    return f"{_SOURCE}{ending}" if ending in _ENDINGS else _SOURCE


def held_file(folder: Path, called: str) -> Path:
    """The file that was handed in; that of an older errand lies under its own name.

    Args:
        folder: of the files of an errand.
        called: the file's own name.
    """
    path = folder / stored_name(called)
    return path if path.is_file() else folder / called


def check(work: Work) -> Mapping[str, Any]:
    """Read and check a file; nothing is installed.

    Raises:
        CodebookError: as :func:`codebooks.catalogues.importer.read_catalogue`.
    """
    wanted = Wanted.of(work.params)
    work.told(0, _STEPS)
    path = held_file(work.files, wanted.file)
    draft = read_catalogue(wanted.kind, path, wanted.options())
    work.told(1, _STEPS)
    report = json.dumps(draft.report.to_json(work.language), ensure_ascii=False)
    (work.out / REPORT).write_text(report, "utf-8")
    pq.write_table(draft.read.left_out, work.out / LEFT_OUT)
    pq.write_table(_changes(draft), work.out / CHANGES)
    work.told(_STEPS, _STEPS)
    return {
        "refused": draft.new is None,
        "rows": draft.report.rows,
        "left_out": draft.report.left_out,
        "sha256": draft.report.sha256,
        "base": draft.base.kept.sha256,
        "number": len(draft.base.kept.imports) + 1,
    }


def _changes(draft: Draft) -> pa.Table:
    """What the file changes on its first day; a first list changes nothing."""
    if draft.rows is None or draft.new is None or not draft.base:
        return _CHANGES.empty_table()
    day = draft.new.valid_from
    after = draft.rows.filter(in_force(draft.rows, day))
    found = difference(form(draft.kind), draft.base.on(day), after).changes
    return pa.Table.from_pylist([asdict(one) for one in found], _CHANGES)


def install(work: Work) -> Mapping[str, Any]:
    """Install a file that was checked; ``params`` are those of the check and its answer's.

    The audit log has it before (``catalogue_install_asked``) and after (``catalogue_installed``).

    Raises:
        CodebookError: ``CATALOGUE_CHANGED``: since the check another list was installed, or it is not
            the file that was checked; and as :func:`check`.
        StoreError: ``STORE_UNAVAILABLE``: nothing is installed, or it is and the log has only that it
            was asked for.
    """
    wanted = Wanted.of(work.params)
    known = Catalogue(wanted.kind).kept
    last = known.imports[-1] if known.imports else None
    # An errand that was broken off after its last step is begun anew.
    if last is None or not _is(last, wanted, work.params):
        path = held_file(work.files, wanted.file)
        draft = read_catalogue(wanted.kind, path, wanted.options())
        if (draft.base.kept.sha256, draft.report.sha256) != _checked(work.params):
            raise CodebookError("CATALOGUE_CHANGED", Where(file=wanted.kind))
        work.told(1, _STEPS)
        asked = {"sha256": draft.report.sha256}
        _log(work, "catalogue_install_asked", wanted.kind, asked)
        install_catalogue(draft)
        last = Catalogue(wanted.kind).kept.imports[-1]
    about = {
        "number": last.number,
        "valid_from": last.valid_from.isoformat(),
        "rows": last.rows,
        "left_out": last.left_out,
        "sha256": last.sha256,
    }
    _log(work, "catalogue_installed", wanted.kind, about)
    return about


def _log(work: Work, action: str, kind: str, about: Mapping[str, Any]) -> None:
    with work.database.writing_store() as connection:
        audit.append(connection, work.actor, action, f"catalogue:{kind}", about)


def _checked(params: Mapping[str, Any]) -> tuple[str, str]:
    return str(params.get("base")), str(params.get("sha256"))


def _is(last: Import, wanted: Wanted, params: Mapping[str, Any]) -> bool:
    """Whether the newest import is the one that was asked for."""
    of_check = (params.get("number"), params.get("sha256"), wanted.valid_from)
    return (last.number, last.sha256, last.valid_from) == of_check


def read_report(folder: Path) -> dict[str, Any]:
    """The report that a check wrote, as :meth:`codebooks.catalogues.report.CatalogueReport.to_json`.

    Raises:
        OSError: it is not there any more.
    """
    found: dict[str, Any] = json.loads((folder / REPORT).read_text("utf-8"))
    return found
