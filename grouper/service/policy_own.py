"""The hospital's own policy files: checked as they would be read to price, then put into force.

A draft is laid beside the own files that stand already, so that what is checked is the whole that
would hold after it. Nothing is written to the data folder before somebody confirms it; the file
that is replaced is kept.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codebooks import paths
from codebooks.errors import CodebookError, Where
from codebooks.policies.checking import check
from codebooks.policies.files import POLICY, TABLE
from codebooks.policies.policies import Policies, policies
from codebooks.registry import registry
from grouper.service.access.principal import Right, demand
from grouper.service.book_limits import book_limits
from grouper.service.policy_answers import policy_on
from grouper.store import audit
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from codebooks.policies.policy import Policy
    from grouper.service.access.principal import Principal
    from grouper.store.database import Database

_NAME = re.compile(r"[a-z0-9_][\w.-]{0,63}\.(yaml|csv)")
FOLDER = "policies"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFile:
    """What became of one file of a draft.

    Attributes:
        name: of the file.
        values: dated values read from it.
        error: why it cannot be used; None: it can.
        unused: whether it is a table that no policy file names.
        replaces: whether an own file of this name stands already.
    """

    name: str
    values: int
    error: CodebookError | None
    unused: bool
    replaces: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A draft, checked.

    Attributes:
        region: whose policy it is.
        files: by name, their bytes.
        checked: what became of each of them.
        faults: what would be unusable beside them, of this region or one below.
        after: the policy of the day that would hold; None: it cannot be used.
        before: the one that holds; None: it cannot be used now.
    """

    region: str
    files: Mapping[str, bytes]
    checked: Sequence[CheckedFile]
    faults: Sequence[CodebookError]
    before: Policy | None
    after: Policy | None

    @property
    def usable(self) -> bool:
        """Whether it may be put into force."""
        errors = any(one.error is not None for one in self.checked)
        return not errors and not self.faults and self.after is not None

    @property
    def stamp(self) -> str:
        """SHA-256 over the names and bytes of its files."""
        digest = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
        return digest.hexdigest()


def own_files(region: str, by: Principal) -> list[str]:
    """The names of the hospital's own files of a region.

    Raises:
        AccessError: ``NOT_ALLOWED``.
    """
    demand(by, Right.BOOKS)
    return _own_names(region)


def _own_names(region: str) -> list[str]:
    folder = _folder(region)
    if not folder.is_dir():
        return []
    return sorted(one.name for one in folder.iterdir() if one.suffix in (POLICY, TABLE))


def own_file(region: str, name: str, by: Principal) -> bytes:
    """An own file as it stands.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        CodebookError: ``OWN_POLICY_NAME``, ``POLICY_FILE``.
    """
    demand(by, Right.BOOKS)
    _checked_name(name)
    registry().region(region)
    try:
        return (_folder(region) / name).read_bytes()
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise CodebookError("POLICY_FILE", Where(file=name), reason=reason) from cause


def check_draft(region: str, files: Mapping[str, bytes], day: date, by: Principal) -> Draft:
    """Check files as they would be read to price, together with those that stand.

    Args:
        region: id of the region.
        files: ``<topic>.yaml`` and tables, by name.
        day: of which before and after are told.
        by: who asks.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        CodebookError: ``REGION_UNKNOWN``, ``OWN_POLICY_EMPTY``, ``OWN_POLICY_NAME``,
            ``OWN_POLICY_LARGE``.
    """
    demand(by, Right.BOOKS)
    place = registry().region(region).id
    limits = book_limits()
    if not any(name.endswith(POLICY) for name in files):
        raise CodebookError("OWN_POLICY_EMPTY")
    if len(files) > limits.policy_files or any(
        len(content) > limits.policy_bytes for content in files.values()
    ):
        most = limits.policy_bytes >> 20
        raise CodebookError("OWN_POLICY_LARGE", files=limits.policy_files, most=most)
    for name in files:
        _checked_name(name)
    standing = set(_own_names(place))
    with _copied(place) as root:
        for name, content in files.items():
            (root / place / name).write_bytes(content)
        told = [one for one in check(root / place) if Path(one.file).name in files]
        checked = [
            CheckedFile(
                name=Path(one.file).name,
                values=one.values,
                error=one.error,
                unused=one.unused,
                replaces=Path(one.file).name in standing,
            )
            for one in told
        ]
        whole = Policies(paths.shipped() / FOLDER, root)
        after, faults = _after(whole, place, day, {one.name for one in checked if one.error})
    named = {one.name for one in checked}
    checked += [
        CheckedFile(name=name, values=0, error=None, unused=False, replaces=name in standing)
        for name in sorted(files)
        if name not in named
    ]
    before = None
    with suppress(CodebookError):
        before = policy_on(place, day)
    return Draft(
        region=place,
        files=dict(files),
        checked=checked,
        faults=faults,
        before=before,
        after=after,
    )


@contextmanager
def _copied(region: str) -> Iterator[Path]:
    """A copy of all own files, with a folder for a region."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / FOLDER
        own = paths.installed() / FOLDER
        if own.is_dir():
            shutil.copytree(own, root)
        (root / region).mkdir(parents=True, exist_ok=True)
        yield root


def _after(
    whole: Policies, region: str, day: date, told: set[str]
) -> tuple[Policy | None, list[CodebookError]]:
    """The policy of the day after the draft, and errors of this region that are not told yet."""
    known = registry().regions
    above: set[str] = set()
    at: str | None = region
    while at is not None:
        above.add(at)
        at = known[at].parent
    faults = [
        one.error
        for one in whole.faults
        if one.region in above and Path(one.error.where.file or "").name not in told
    ]
    try:
        periods = whole.periods(region)
    except CodebookError:
        return None, faults
    found = next((one for one in periods if one.valid_from <= day < one.valid_to), periods[-1])
    return found, faults


def install_own(database: Database, by: Principal, draft: Draft) -> list[str]:
    """Put a draft into force in this process; the others take it up when they start anew.

    Tables are written before the files that name them, each in one step. The audit log has it
    before (``policy_install_asked``) and after (``policy_installed``).

    Args:
        database: the store.
        by: who confirms it.
        draft: as it was checked; it is checked again as it stands now.

    Returns:
        Names under which what was replaced is kept.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        CodebookError: ``OWN_POLICY_FAULTY``, ``IMPORT_WRITE``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(by, Right.BOOKS)
    day = now().date()
    if not check_draft(draft.region, draft.files, day, by).usable:
        raise CodebookError("OWN_POLICY_FAULTY")
    about = {"files": sorted(draft.files), "sha256": draft.stamp}
    _log(database, by, "policy_install_asked", draft.region, about)
    folder = _folder(draft.region)
    try:
        kept = [_keep(folder / name, draft.region) for name in draft.files]
        folder.mkdir(parents=True, exist_ok=True)
        for name in sorted(draft.files, key=lambda one: one.endswith(POLICY)):
            _write(folder / name, draft.files[name])
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise CodebookError("IMPORT_WRITE", Where(file=draft.region), reason=reason) from cause
    finally:
        policies.cache_clear()
    names = [name for name in kept if name is not None]
    _log(database, by, "policy_installed", draft.region, {**about, "replaced": names})
    return names


def withdraw_own(database: Database, by: Principal, region: str, name: str) -> str:
    """Take an own file out of force; it is kept, and the shipped values hold again.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        CodebookError: ``OWN_POLICY_NAME``, ``POLICY_FILE``, ``OWN_POLICY_NEEDED`` (what is left
            could not be used without it), ``IMPORT_WRITE``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(by, Right.BOOKS)
    content = own_file(region, name, by)
    with _copied(region) as root:
        before = len(Policies(paths.shipped() / FOLDER, root).faults)
        (root / region / name).unlink()
        if len(Policies(paths.shipped() / FOLDER, root).faults) > before:
            raise CodebookError("OWN_POLICY_NEEDED", Where(file=name))
    about = {"files": [name], "sha256": hashlib.sha256(content).hexdigest()}
    _log(database, by, "policy_withdraw_asked", region, about)
    path = _folder(region) / name
    try:
        kept = _keep(path, region)
        path.unlink()
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise CodebookError("IMPORT_WRITE", Where(file=name), reason=reason) from cause
    finally:
        policies.cache_clear()
    _log(database, by, "policy_withdrawn", region, {**about, "replaced": [kept]})
    return str(kept)


def _folder(region: str) -> Path:
    return paths.installed() / FOLDER / registry().region(region).id


def _checked_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise CodebookError("OWN_POLICY_NAME", Where(file=name[:64]))


def _keep(path: Path, region: str) -> str | None:
    """Copy a file that is to be replaced; returns what the copy is called, None: there was none."""
    if not path.is_file():
        return None
    place = paths.installed() / "replaced" / FOLDER / region
    place.mkdir(parents=True, exist_ok=True)
    kept = f"{path.name}-{now():%Y%m%dT%H%M%S%f}"
    shutil.copyfile(path, place / kept)
    return kept


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step; a name with a dot is read by nobody."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _log(
    database: Database, by: Principal, action: str, region: str, about: Mapping[str, object]
) -> None:
    with database.writing_store() as connection:
        audit.append(connection, by.name, action, f"policy:{region}", about)
