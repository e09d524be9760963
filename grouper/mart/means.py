"""The mean cost and stay of each group that cases are compared with, for the whole mart."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from codebooks.policies.policies import policies
from grouper.payment.indices.cells import Cell
from grouper.payment.indices.means import means_of
from grouper.payment.settlement.looked import Looked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MEANS = pa.schema(
    [
        ("id", pa.int32()),
        ("scheme", pa.string()),
        ("group", pa.string()),
        ("mean_cost", pa.float64()),
        ("mean_days", pa.float64()),
        ("source", pa.string()),
    ]
)
"""A row a group: means in yuan and days; null: not known. Indices alone are reckoned from them."""
_CELLS = """
SELECT scheme, "group", count(*), count(cost), coalesce(sum(cost), 0), count(days),
  coalesce(sum(days), 0)
FROM given WHERE kind = 'inpatient' AND status = 'grouped' AND "group" IS NOT NULL
GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Written:
    """The file, how many groups' means came from where, and the policy's part in it."""

    file: str
    sources: dict[str, int]
    assumptions: list[str]
    policies: list[str]


def write_means(folder: Path, months: Sequence[Path], region: str) -> Written:
    """Write the means of the groups of some months.

    Args:
        folder: where the file goes.
        months: files of facts.
        region: whose policy of the last day says where means come from.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
    """
    cells: dict[tuple[str | None, str], list[Cell]] = defaultdict(list)
    sources: dict[str, int] = {}
    assumptions: list[str] = []
    used: list[str] = []
    rows = []
    if months:
        with duckdb.connect() as connection:
            connection.read_parquet([str(path) for path in months]).create_view("given")
            last = connection.execute("SELECT max(day) FROM given").fetchall()[0][0]
            for row in connection.execute(_CELLS).fetchall():
                cells[row[0], row[1]].append(_cell(*row))
            asked = "SELECT DISTINCT policy FROM given WHERE policy IS NOT NULL ORDER BY 1"
            used = [str(one[0]) for one in connection.execute(asked).fetchall()]
        looked = Looked(policies().on(region, last))
        found = means_of(looked, cells)
        sources, assumptions = dict(found.sources), list(looked.assumptions)
        for number, (scheme, group) in enumerate(cells):
            mean = found.by.get((scheme, group))
            rows.append(
                {
                    "id": number,
                    "scheme": scheme,
                    "group": group,
                    "mean_cost": None if mean is None or mean.cost is None else float(mean.cost),
                    "mean_days": None if mean is None or mean.days is None else float(mean.days),
                    "source": "" if mean is None else mean.source,
                }
            )
    name = f"means-{uuid4().hex[:12]}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, MEANS), folder / name)
    return Written(name, sources, assumptions, used)


def _cell(
    scheme: str | None, group: str, cases: int, costed: int, cost: int, stayed: int, days: int
) -> Cell:
    return Cell(
        key=None,
        method=None,
        scheme=scheme,
        group=group,
        cases=cases,
        weighed=0,
        weight=Decimal(0),
        costed=costed,
        cost=Decimal(cost).scaleb(-2),
        stayed=stayed,
        days=days,
        ended=0,
        deaths=0,
    )
