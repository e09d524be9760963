"""An invented table of stays as the public benchmark has it; nothing in it is anyone's."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np

from grouper.forecast.benchmark.columns import SETTINGS, Columns, Plan, plan, shipped
from grouper.forecast.benchmark.reading import Stays, read_stays
from grouper.forecast.tables import toml

CHOICES = {
    "hospital_id": ["Hospital A", "Hospital B", "Hospital C", "Hospital D"],
    "hospital_county": ["East", "West"],
    "health_service_area": ["North", "South"],
    "age_group": ["30-49", "50-69", "70 or Older"],
    "sex": ["F", "M"],
    "race": ["One", "Other [<]"],
    "ethnicity": ["This", "That"],
    "admission_type": ["Emergency", "Elective"],
    "ed_indicator": ["Y", "N"],
    "payer_primary": ["Medicare", "Medicaid"],
    "payer_secondary": ["", "Medicaid"],
    "payer_tertiary": ["", "Self-Pay"],
    "ccsr_dx_code": ["CIR019", "GEN003"],
    "apr_severity_code": ["1", "2", "3", "4"],
    "apr_mortality_risk": ["Minor", "Major"],
    "ccsr_proc_code": ["", "ESA004", "CAR024"],
    "proc_group": ["none", "support"],
}
LATE = {
    "los": ["1.0", "9.0"],
    "discharge_status": ["Home", "Expired"],
    "discharge_group": ["Home", "Death"],
    "charges": ["1.5", "90000"],
}
Table = dict[str, list[str]]


def table(count: int, seed: int = 1) -> Table:
    """Stays whose cost is a product of a hospital's, a severity's and a procedure's factor."""
    draw = np.random.default_rng(seed)
    found: Table = {
        name: [str(word) for word in draw.choice(words, count)]
        for name, words in (CHOICES | LATE).items()
    }
    factors = [
        1 + 0.5 * CHOICES["hospital_id"].index(hospital) for hospital in found["hospital_id"]
    ]
    severity = [1.5 ** int(word) for word in found["apr_severity_code"]]
    procedure = [3.0 if word == "CAR024" else 1.0 for word in found["ccsr_proc_code"]]
    noise = np.exp(draw.normal(0, 0.3, count))
    costs = 5000 * noise * np.array(factors) * np.array(severity) * np.array(procedure)
    return found | {"costs": [f"{cost:.2f}" for cost in costs]}


def write(path: Path, columns: Table) -> Path:
    """Write a table as CSV, compressed where the name says so."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def quick(**more: Any) -> dict[str, Any]:
    """The shipped settings with few trees and parts."""
    how = dict(toml(SETTINGS))
    for part in ("quantiles", "mean", "plain"):
        how[part] = how[part] | {"rounds": 12, "eta": 0.3}
    fewer = {"folds": 3, "inner_folds": 3, "calibration_folds": 3, "calibration_least": 100}
    return how | fewer | more


def setting(task: str = "coded", **more: Any) -> tuple[Columns, Plan, dict[str, Any]]:
    """What training takes."""
    return shipped(), plan(task), quick(**more)


def stays(path: Path, columns: Table) -> Stays:
    """A table, written and read."""
    return read_stays(write(path, columns), shipped())
