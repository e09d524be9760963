"""Whether policy files can be used: each read by itself, all that is wrong told at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError
from codebooks.policies.files import POLICY, TABLE, Fault, Found, policy_files, region_files
from codebooks.policies.reading import read_file
from codebooks.policies.yaml_nodes import Many, Mapping, PolicyError, Scalar, read_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codebooks.policies.yaml_nodes import Tree


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one file.

    Attributes:
        region: in whose folder it lies.
        file: its folder and name; empty for what is no file.
        values: dated values read from it.
        error: why it cannot be used; None where it can.
        unused: whether it is a table that no policy of its folder names.
    """

    region: str
    file: str
    values: int = 0
    error: CodebookError | None = None
    unused: bool = False


def check(place: Path) -> list[Checked]:
    """Read every policy file of a place as it would be read to price.

    Args:
        place: a folder with folders of regions, one region's folder, or one file. A region's folder
            may be called anything, so that a draft can be checked where it lies.

    Raises:
        PolicyError: ``POLICY_FOLDER``: there is nothing to check.
    """
    found = list(_files(place))
    if not found:
        raise PolicyError("POLICY_FOLDER", found=place.name or str(place))
    checked: list[Checked] = []
    for one in found:
        if isinstance(one, Fault):
            checked.append(Checked(one.region, one.error.where.file or "", error=one.error))
        else:
            checked.append(_read(one))
    if place.is_dir():
        checked += _unused([one for one in found if isinstance(one, Found)])
    return checked


def _files(place: Path) -> Iterator[Found | Fault]:
    if place.is_file():
        yield Found(place.resolve().parent.name, place.resolve())
    elif any(place.glob(f"*{POLICY}")):
        yield from region_files(place.resolve(), place.resolve().name)
    else:
        yield from policy_files(place)


def _read(found: Found) -> Checked:
    name = f"{found.path.parent.name}/{found.path.name}"
    try:
        return Checked(found.region, name, values=len(read_file(found.path, found.region)))
    except CodebookError as error:
        return Checked(found.region, name, error=error)


def _unused(found: list[Found]) -> Iterator[Checked]:
    named: dict[Path, set[str]] = {}
    for one in found:
        names = named.setdefault(one.path.parent, set())
        try:
            names.update(_tables(read_tree(one.path, one.path.name)))
        except CodebookError:
            # Of a file that cannot be read nobody knows which tables it names.
            names.add("*")
    for folder, names in named.items():
        for path in sorted(folder.glob(f"*{TABLE}")):
            if path.name not in names and "*" not in names:
                yield Checked(folder.name, f"{folder.name}/{path.name}", unused=True)


def _tables(tree: Tree) -> Iterator[str]:
    if isinstance(tree, Many):
        for one in tree.items:
            yield from _tables(one)
    elif isinstance(tree, Mapping):
        for key, below in tree.items.items():
            if key == "file" and isinstance(below, Scalar):
                yield below.text or ""
            yield from _tables(below)
