"""Wheels as files: what their own metadata say, and the requirements that name each by its hash."""

from __future__ import annotations

import hashlib
import re
import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import Message
    from pathlib import Path

_BLOCK = 1 << 20
_GLIBC = re.compile(r"^manylinux_2_(\d+)_")
_OLD_GLIBC = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
"""Names of before; the glibc (2.x) that each stands for."""
_APPROVED = "License :: OSI Approved :: "
_LONGEST = 64
"""A longer text in ``License`` is a licence itself, not its name."""


class WheelError(Exception):
    """A file is no wheel, or not the one that is wanted."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel.

    Attributes:
        path: the file.
        name: of the package, in the form in which names are compared.
        version: as its file name says it.
        summary: one line; may be empty.
        licences: names or expressions of its licences; empty where it states none.
        requires: what it needs, with its markers.
        sha256: of the file, 64 hexadecimal digits.
    """

    path: Path
    name: str
    version: str
    summary: str
    licences: tuple[str, ...]
    requires: tuple[Requirement, ...]
    sha256: str

    @property
    def pin(self) -> str:
        """``name==version``."""
        return f"{self.name}=={self.version}"

    @property
    def glibc(self) -> int:
        """The least glibc 2.x that it runs on; 0: it does not depend on one."""
        *_, tags = parse_wheel_filename(self.path.name)
        needs = []
        for tag in tags:
            named = _GLIBC.match(tag.platform)
            needs.append(int(named[1]) if named else _OLD_GLIBC.get(tag.platform.split("_")[0], 0))
        # The tags of one file say the same in two ways, or an older way as well: the least one holds.
        return min(needs)


def sha256(path: Path) -> str:
    """The hash of a file, as hexadecimal digits."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def read_wheel(path: Path) -> Wheel:
    """A wheel by its own metadata.

    Raises:
        WheelError: it cannot be read.
    """
    try:
        name, version, _, _ = parse_wheel_filename(path.name)
        with zipfile.ZipFile(path) as packed:
            inside = [
                one
                for one in packed.namelist()
                if one.endswith(".dist-info/METADATA") and one.count("/") == 1
            ]
            told = HeaderParser().parsestr(packed.read(inside[0]).decode("utf-8"))
    except (ValueError, IndexError, OSError, zipfile.BadZipFile) as error:
        raise WheelError(path.name) from error
    return Wheel(
        path=path,
        name=name,
        version=str(version),
        summary=(told["Summary"] or "").strip(),
        licences=_licences(told),
        requires=tuple(Requirement(one) for one in told.get_all("Requires-Dist", [])),
        sha256=sha256(path),
    )


def read_wheels(folder: Path) -> list[Wheel]:
    """All wheels of a folder, by name.

    Raises:
        WheelError: one cannot be read, a package is there twice, or another file lies beside them.
    """
    found: dict[str, Wheel] = {}
    for path in sorted(folder.iterdir()):
        wheel = read_wheel(path)
        if wheel.name in found:
            raise WheelError(f"{path.name}, {found[wheel.name].path.name}")
        found[wheel.name] = wheel
    return [found[name] for name in sorted(found)]


def requirements(wheels: Iterable[Wheel]) -> str:
    """The requirements that name each wheel by version and hash, for ``pip --require-hashes``."""
    return "".join(f"{one.pin} --hash=sha256:{one.sha256}\n" for one in wheels)


def not_pinned(wheels: Iterable[Wheel], constraints: str) -> list[str]:
    """The wheels, as ``name==version``, that a file of constraints does not name just so."""
    lines = (line.split("#")[0].strip() for line in constraints.splitlines())
    pins = {
        f"{canonicalize_name(name)}=={version}"
        for name, _, version in (line.partition("==") for line in lines if line)
    }
    return [one.pin for one in wheels if one.pin not in pins]


def _licences(told: Message) -> tuple[str, ...]:
    """What metadata say of the licence, the strictest form first: expression, classifiers, name."""
    if expression := told["License-Expression"]:
        return (expression.strip(),)
    classified = [
        one.removeprefix(_APPROVED)
        for one in told.get_all("Classifier", [])
        if one.startswith(_APPROVED)
    ]
    if classified:
        return tuple(sorted(classified))
    written: str = (told["License"] or "").strip()
    return (written,) if written and len(written) <= _LONGEST and "\n" not in written else ()
