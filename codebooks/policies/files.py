"""Which files of a folder are policies, and of which region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError, Where
from codebooks.policies.forms import FORMS
from codebooks.policies.yaml_nodes import PolicyError
from codebooks.registry import registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLICY, TABLE = ".yaml", ".csv"
_PLAIN = (".md", ".txt")
"""Files that people may lay beside policies: read by nobody."""


@dataclass(frozen=True, slots=True)
class Found:
    """A policy file and the region in whose folder it lies."""

    region: str
    path: Path


@dataclass(frozen=True, slots=True)
class Fault:
    """What cannot be used of a region, and why; ``region`` is the folder where none is known."""

    region: str
    error: CodebookError


def policy_files(root: Path) -> Iterator[Found | Fault]:
    """The policy files in ``<root>/<region>/``, in their order; none where there is no folder.

    A file that would be passed over (``drg_rate.yml``, one beside the folders of regions, a folder
    that no region is called) is a fault: whoever put it there takes it to be in force.
    """
    for below in _entries(root, ""):
        if isinstance(below, Fault):
            yield below
        elif below.is_dir():
            if below.name in registry().regions:
                yield from region_files(below, below.name)
            else:
                known = ", ".join(registry().regions)
                at = Where(file=below.name)
                error = PolicyError("REGION_UNKNOWN", at, found=below.name, known=known)
                yield Fault(below.name, error)
        elif below.suffix not in _PLAIN:
            at = Where(file=below.name)
            yield Fault("", PolicyError("POLICY_SUFFIX", at, found=below.name))


def region_files(folder: Path, region: str) -> Iterator[Found | Fault]:
    """The policy files of one region."""
    for path in _entries(folder, region):
        if isinstance(path, Fault):
            yield path
        elif path.suffix == POLICY:
            yield Found(region, path)
        elif path.suffix not in (TABLE, *_PLAIN):
            at = Where(file=f"{folder.name}/{path.name}")
            yield Fault(region, PolicyError("POLICY_SUFFIX", at, found=path.name))


def _entries(folder: Path, region: str) -> Iterator[Path | Fault]:
    if not folder.is_dir():
        return
    try:
        found = sorted(folder.iterdir())
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        yield Fault(region, PolicyError("POLICY_FILE", Where(file=folder.name), reason=reason))
        return
    for path in found:
        # A hidden file is the system's or an editor's.
        if not path.name.startswith(".") and path.name != FORMS:
            yield path
