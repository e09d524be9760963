"""The Charlson comorbidity index: which first characters of a code mean which comorbidity, and weights.

The codes are matched by their first characters without the dot, for insurance-edition codes too:
the mapping was made for the ICD-10 of the WHO, whose first characters the insurance edition keeps.
The tables, their source and licence stand in ``data/charlson/``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from codebooks import paths
from codebooks.errors import CodebookError, Where
from codebooks.messages import language
from codebooks.strict_csv import read_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHELF, MANIFEST = "charlson", "manifest.json"
FILES = {
    "comorbidities.csv": ("comorbidity", "yields_to", "zh", "en"),
    "prefixes.csv": ("mapping", "comorbidity", "prefix"),
    "weights.csv": ("weights", "comorbidity", "weight"),
}
"""The files of the folder and their columns."""


@dataclass(frozen=True, slots=True)
class Comorbidity:
    """One comorbidity of a variant.

    Attributes:
        id: its short name (``ami``, ``diabwc`` …).
        names: what it is called, by language.
        prefixes: first characters of the codes that mean it, without dots, in capitals.
        weight: its points.
        yields_to: the severer form beside which it does not count (diabetes without complications
            beside diabetes with them); empty for none.
    """

    id: str
    names: Mapping[str, str]
    prefixes: tuple[str, ...]
    weight: int
    yields_to: str

    def name(self, lang: str | None = None) -> str:
        """What it is called, in one language."""
        return self.names[lang or language()]


@dataclass(frozen=True, slots=True)
class CharlsonVariant:
    """A mapping with weights; ``mapping`` and ``weights`` name them."""

    mapping: str
    weights: str
    comorbidities: tuple[Comorbidity, ...]
    source: Mapping[str, Any]


def content_hash(folder: Path) -> str:
    """SHA-256 over the tables' rows, order aside."""
    digest = hashlib.sha256()
    for name, columns in FILES.items():
        rows = (tuple(row.cells[c] for c in columns) for row in read_rows(folder / name, columns))
        lines = sorted(json.dumps(row, ensure_ascii=False) for row in rows)
        digest.update("\n".join((name, *lines)).encode())
    return digest.hexdigest()


@cache
def charlson_variant(mapping: str, weights: str) -> CharlsonVariant:
    """The comorbidities of a mapping with the points of a system of weights.

    Args:
        mapping: ``quan`` (Quan 2005, ICD-10).
        weights: ``charlson`` (the original of 1987) or ``quan`` (2011).

    Raises:
        CodebookError: ``CHARLSON_UNKNOWN``; ``CHARLSON_TABLE`` when the tables are broken.
    """
    folder = paths.shipped() / SHELF
    names, prefixes, points = (list(read_rows(folder / f, c)) for f, c in FILES.items())
    own = [r.cells for r in prefixes if r.cells["mapping"] == mapping]
    weight = {
        r.cells["comorbidity"]: int(r.cells["weight"])
        for r in points
        if r.cells["weights"] == weights
    }
    if not own or not weight:
        known = sorted({r.cells["mapping"] for r in prefixes})
        systems = sorted({r.cells["weights"] for r in points})
        pairs = ", ".join(f"{m}/{w}" for m in known for w in systems)
        raise CodebookError("CHARLSON_UNKNOWN", found=f"{mapping}/{weights}", known=pairs)
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    if content_hash(folder) != manifest["content_sha256"]:
        raise CodebookError("CHARLSON_TABLE", Where(file=str(folder)))
    comorbidities = tuple(
        Comorbidity(
            id_ := r.cells["comorbidity"],
            {"zh": r.cells["zh"], "en": r.cells["en"]},
            tuple(p["prefix"] for p in own if p["comorbidity"] == id_),
            weight[id_],
            r.cells["yields_to"],
        )
        for r in names
    )
    return CharlsonVariant(mapping, weights, comorbidities, manifest["source"])
