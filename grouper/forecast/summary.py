"""The running cases of a hospital at a glance: by department, and those that lose most."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from grouper.forecast.result import ForecastStatus
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

_READ = (
    *("case_id", "day", "status", "reason", "warnings", "department", "groups", "level"),
    *("cost_to_date", "cost_mean", "cost_middle", "amount_mean", "amount_middle"),
    *("surplus_low", "surplus_middle", "surplus_high", "surplus_mean"),
)
_SUMMED = ("cost_to_date", "cost", "amount", "surplus")


@dataclass(slots=True)
class Ward:
    """The cases of a department, or all of them.

    Attributes:
        department: code of the department; None: the record names none.
        cases: that were asked about.
        refused: of these without a forecast.
        unpriced: with a forecast, but without a surplus; their costs are in no sum of payments.
        loses: with a surplus below nought by the median.
        surely: of these with the whole interval below nought.
        warned: with a forecast that bears a warning.
        sums: expectations in yuan; of ``cost_to_date`` what is charged.
    """

    department: str | None
    cases: int = 0
    refused: int = 0
    unpriced: int = 0
    loses: int = 0
    surely: int = 0
    warned: int = 0
    sums: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(_SUMMED, Decimal(0)))

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a case."""
        self.cases += 1
        if row["status"] == ForecastStatus.REFUSED:
            self.refused += 1
            return
        self.warned += row["warnings"] is not None
        self.sums["cost_to_date"] += row["cost_to_date"]
        self.sums["cost"] += row["cost_mean"]
        if row["surplus_mean"] is None:
            self.unpriced += 1
            return
        self.sums["amount"] += row["amount_mean"]
        self.sums["surplus"] += row["surplus_mean"]
        self.loses += row["surplus_middle"] < 0
        self.surely += row["surplus_high"] is not None and row["surplus_high"] < 0


@dataclass(frozen=True, slots=True)
class Summary:
    """What a table of forecasts comes to.

    Attributes:
        wards: by department, the greatest expected loss first.
        whole: all together.
        refused: how many cases are refused, by reason.
        worst: rows of the cases that are to lose most by the median, the greatest loss first.
    """

    wards: Sequence[Ward]
    whole: Ward
    refused: Mapping[str, int]
    worst: Sequence[Mapping[str, Any]]


def summary(forecasts: pa.Table) -> Summary:
    """Sum up forecasts.

    Args:
        forecasts: columns of ``FORECAST_SCHEMA``.
    """
    wards: dict[str | None, Ward] = {}
    whole, refused = Ward(None), Counter[str]()
    losing = []
    for row in forecasts.select(_READ).to_pylist():
        for ward in (wards.setdefault(row["department"], Ward(row["department"])), whole):
            ward.add(row)
        if row["reason"] is not None:
            refused[row["reason"]] += 1
        if row["surplus_middle"] is not None and row["surplus_middle"] < 0:
            losing.append(row)
    most = int(toml("training.toml")["worst_cases"])
    return Summary(
        sorted(wards.values(), key=lambda one: (one.sums["surplus"], one.department or "")),
        whole,
        dict(sorted(refused.items())),
        sorted(losing, key=lambda row: (row["surplus_middle"], row["case_id"] or ""))[:most],
    )
