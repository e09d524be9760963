"""Tables of reference: a CSV in the package is the truth, a page in docs shows it row by row.

``python tests/reference_support.py`` writes the tables of the pages anew.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "grouper" / "service" / "data"
DOCS = ROOT / "docs"
PAGES = {
    "LOGS.md": ("log_events",),
    "METRICS.md": ("metrics", "metric_values"),
}
"""The tables of each page."""
_BLOCK = "<!-- table: {name} -->\n{table}\n<!-- end of table -->"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a table."""
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _cell(column: str, value: str) -> str:
    if column in {"event", "metric", "name", "logger"}:
        return f"`{value}`"
    if column in {"fields", "labels"}:
        return " ".join(f"`{one}`" for one in value.split())
    return value


def table(found: list[dict[str, str]]) -> str:
    """Rows as a table of Markdown."""
    names = list(found[0])
    lines = [names, ["---"] * len(names)]
    lines += [[_cell(name, row[name]) for name in names] for row in found]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(page: str) -> Mapping[str, str]:
    """The tables of a page as they stand there."""
    text = (DOCS / page).read_text("utf-8")
    pattern = r"<!-- table: (\w+) -->\n(.*?)\n<!-- end of table -->"
    return dict(re.findall(pattern, text, re.DOTALL))


def write() -> None:
    """Write the tables into their pages."""
    for page, names in PAGES.items():
        path = DOCS / page
        text = path.read_text("utf-8")
        for name in names:
            block = _BLOCK.format(name=name, table=table(rows(name)))
            pattern = rf"<!-- table: {name} -->\n.*?<!-- end of table -->"
            text = re.sub(pattern, lambda _, new=block: new, text, flags=re.DOTALL)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    write()
