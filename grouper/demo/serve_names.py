"""The demonstration hospital's names of departments and physicians, as a hospital would hand them in."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from codebooks.hospital_names import KINDS
from grouper.demo.hospital.tables import toml
from grouper.demo.hospital.world import physician_codes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_STEMS = "甲乙丙丁戊己庚辛壬癸"
_INVENTED = "医师（虚构）"


def write_names(folder: Path) -> int:
    """Write both tables into the hospital's data folder; returns how many names they have."""
    rows = toml("hospital.toml")["departments"]
    names = {
        "department": [(one["code"], one["name"]) for one in rows],
        "physician": [
            (code, f"{_STEMS[number % len(_STEMS)]}{_INVENTED}")
            for one in rows
            for number, code in enumerate(physician_codes(one))
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for kind, told in names.items():
        _write(folder / KINDS[kind], told)
    return sum(map(len, names.values()))


def _write(path: Path, told: Iterable[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("code", "name"), *told])
