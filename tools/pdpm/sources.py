"""The sources of the PDPM books: the facts, the CMS map as PyPDPM carries it, and the files beside."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Sources:
    """Everything the books are built of.

    Attributes:
        facts: folder of the facts (``pdpm/`` lies in it).
        mappings: folder of the data of PyPDPM 0.0.5.22 (MIT licence), whose map also holds the
            codes that may not be a principal diagnosis, and the list of HIV.
    """

    facts: Path
    mappings: Path

    def tables(self) -> dict[str, Any]:
        """Groups, bands, indices and rates of CMS, numbers as decimals."""
        text = (self.facts / "pdpm" / "us_pdpm_tables.json").read_text("utf-8")
        found: dict[str, Any] = json.loads(text, parse_float=Decimal)
        return found

    def clinical_categories(self) -> dict[str, dict[str, str]]:
        """What the facts say of each ICD-10-CM code, by code without its dot."""
        raw = gzip.decompress(
            (self.facts / "pdpm" / "us_icd10cm_clinical_category.csv.gz").read_bytes()
        )
        return {r["icd10cm"]: r for r in csv.DictReader(io.StringIO(raw.decode()))}

    def whole_map(self) -> dict[str, str]:
        """Every code of the CMS map of FY2020 with its default category."""
        return self._mapping("clinical_category")

    def lists(self) -> dict[str, set[str]]:
        """The comorbidity lists by the name that their source gives them."""
        found: dict[str, set[str]] = {}
        path = self.facts / "pdpm" / "us_comorbidity_lists.csv"
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found.setdefault(row["list"], set()).add(row["icd10cm"])
        for code, names in self._mapping("NTA").items():
            if "HIV/AIDS" in names:
                found.setdefault("HIV/AIDS", set()).add(code)
        return found

    def _mapping(self, name: str) -> dict[str, Any]:
        path = self.mappings / f"PDPM_ICD10_Mappings_FY2020_{name}.json"
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return found


def csv_rows(name: str) -> list[dict[str, str]]:
    """Rows of a CSV file beside this module."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def toml(name: str) -> dict[str, Any]:
    """A TOML file beside this module."""
    return tomllib.loads((HERE / name).read_text("utf-8"))
