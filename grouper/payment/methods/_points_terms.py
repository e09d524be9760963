"""What a policy says of DRG by points; each value asked once for a case, or for a block of cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codebooks.folding import fold_code
from grouper.payment.asked import rows_of
from grouper.payment.history import SINCE, UNTIL
from grouper.payment.methods._outliers import Outliers
from grouper.payment.sheet import TableCell

if TYPE_CHECKING:
    from codebooks.policies.policy import Value
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block
    from grouper.payment.exact import Rounding

TOPIC = "drg_points"
BED_DAY = "bed_day"
"""Kind of a group whose stays earn points by the day."""
GROUPS, FACTORS = f"{TOPIC}.groups", f"{TOPIC}.cost_factors"


@dataclass(frozen=True, slots=True)
class Readmission:
    """The rule on a return into the same group.

    Attributes:
        days: within so many days, inclusive.
        reduces: whether the earlier or the later stay is paid less.
        share: what part of its points is paid.
        exempt: first characters of principal diagnoses that are exempt; None: no exemption.
    """

    days: Value
    reduces: Value
    share: Value
    exempt: Value | None

    @classmethod
    def of(cls, asked: Asked | Block) -> Readmission | None:
        """The rule that holds; None: there is none.

        Raises:
            PolicyError: ``POLICY_VALUE_MISSING``: a part of the rule is not given.
        """
        days = asked.find(f"{TOPIC}.readmission_days")
        exempt = asked.find(f"{TOPIC}.readmission_exempt")
        if days is None:
            return None
        reduces = asked.value(f"{TOPIC}.readmission_reduces")
        return cls(days, reduces, asked.value(f"{TOPIC}.readmission_share"), exempt)

    @property
    def column(self) -> str:
        """The column of the history that the rule asks."""
        return str(UNTIL if self.reduces.value == "earlier" else SINCE)

    @property
    def exempt_codes(self) -> tuple[str, ...]:
        """First characters of principal diagnoses that are exempt."""
        return () if self.exempt is None else tuple(self.exempt.value)

    def exempts(self, diagnosis: str | None) -> bool:
        """Whether a principal diagnosis is exempt."""
        begins = tuple(fold_code(one) for one in self.exempt_codes)
        return diagnosis is not None and fold_code(diagnosis).startswith(begins)


@dataclass(frozen=True, slots=True)
class Terms:
    """The values of the topic.

    Attributes:
        groups: the table of groups.
        factors: the hospital's table of cost factors.
        default_factor: of groups that it lacks.
        ways: ways of discharge of an incomplete stay; None: none.
        below: share of the group's mean cost below which a stay is incomplete; None: none.
        outliers: limits of outliers.
        least_days: fewest days of a stay of a bed-day group.
        readmission: the rule on a return; None: there is none.
        point_value: yuan a point.
        points, money: their roundings.
    """

    groups: Value
    factors: Value
    default_factor: Value
    ways: Value | None
    below: Value | None
    outliers: Outliers
    least_days: Value
    readmission: Readmission | None
    point_value: Value
    points: Rounding
    money: Rounding

    @classmethod
    def of(cls, asked: Asked | Block) -> Terms:
        """The values of the topic.

        Raises:
            PolicyError: ``POLICY_VALUE_MISSING``.
        """
        return cls(
            asked.value(GROUPS),
            asked.value(FACTORS),
            asked.value(f"{TOPIC}.default_factor"),
            asked.find(f"{TOPIC}.incomplete_ways"),
            asked.find(f"{TOPIC}.incomplete_below"),
            Outliers.of(asked, TOPIC),
            asked.value(f"{TOPIC}.bed_day_minimum"),
            Readmission.of(asked),
            asked.value(f"{TOPIC}.point_value"),
            asked.rounding("points"),
            asked.rounding("money"),
        )

    @property
    def by_cost(self) -> bool:
        """Whether how every stay is paid depends on what it cost."""
        return self.outliers.by_cost or self.below is not None

    @property
    def incomplete_ways(self) -> tuple[str, ...]:
        """Ways of discharge of an incomplete stay."""
        return () if self.ways is None else tuple(self.ways.value)

    @property
    def bed_day_groups(self) -> tuple[str, ...]:
        """Groups whose stays earn points by the day."""
        return tuple(g for g, row in rows_of(self.groups).items() if row["kind"] == BED_DAY)

    def cell(self, table: Value, group: str | None, column: str) -> TableCell | None:
        """A number of a group; None where the table has none, or nought, which is no number to pay by."""
        row: dict[str, Any] = rows_of(table).get(group or "", {})
        found = row.get(column)
        return TableCell(table, group or "", found) if found else None
