"""How a benchmark tells its figures to whoever keeps them (``history.py``).

A script prints for people, and calls :func:`told` beside it. Run by itself, nothing is kept.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

RESULTS = "GROUPER_BENCH_RESULTS"
"""The variable with the name of the file that figures are appended to."""


def told(figure: str, value: float, unit: str) -> None:
    """Tell a figure.

    Args:
        figure: its name, the same in every run: small letters, digits, ``_``, parts between dots.
        value: in the unit.
        unit: one of ``list.toml``, which says whether more is better.
    """
    file = os.environ.get(RESULTS)
    if file:
        line = json.dumps({"figure": figure, "value": value, "unit": unit})
        with Path(file).open("a", encoding="utf-8") as results:
            results.write(line + "\n")
