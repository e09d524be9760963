"""What the policy says of a patient's share, read for one case or for all cases of a block alike.

Both ways of reckoning ask through :func:`read`, so that both name the same values and assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from codebooks.policies.yaml_nodes import PolicyError
from grouper.payment.asked import rounding_of
from grouper.payment.reasons import PayReason
from grouper.payment.share.parts import CENTS
from grouper.payment.sheet import TableCell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.policies.policy import Value
    from grouper.payment.exact import Rounding


class Source(Protocol):
    """An :class:`~grouper.payment.asked.Asked` or a :class:`~grouper.payment.block.Block`."""

    facts: Mapping[str, str | None]

    def value(self, path: str, **more: str | None) -> Value:
        """The policy's value, which must be given."""
        ...

    def find(self, path: str, **more: str | None) -> Value | None:
        """The policy's value, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Band:
    """A segment: from ``low`` to ``high`` (None: open) at a ratio; ``cell`` is where it stands."""

    low: Decimal
    high: Decimal | None
    ratio: Decimal
    cell: TableCell


@dataclass(frozen=True, slots=True)
class Step:
    """A deductible from the n-th admission on."""

    admission: int
    amount: Decimal
    cell: TableCell


@dataclass(frozen=True, slots=True, kw_only=True)
class Critical:
    """Critical-illness insurance; fields as the parameters of its topic, ``ceiling`` None: none."""

    counts: tuple[str, ...]
    threshold: Value
    factor: Value
    of_payments: bool
    bands: tuple[Band, ...]
    bonus: Value
    ceiling: Value | None
    with_basic: bool

    def ratio(self, band: Band) -> Decimal:
        """The ratio of a band with the addition."""
        return min(band.ratio + self.bonus.number, Decimal(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Aid:
    """Medical aid; fields as the parameters of its topic, ``ceiling`` None: none."""

    counts: tuple[str, ...]
    deductible: Value
    ratio: Value
    ceiling: Value | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A supplement that a case may have; cells of one row."""

    name: TableCell
    counts: tuple[str, ...]
    deductible: TableCell
    ratio: TableCell
    ceiling: TableCell | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The benefit of a case: what holds of its deductible, ratios, ceilings and further layers."""

    account: str
    steps: tuple[Step, ...]
    yearly: bool
    bands: tuple[Band, ...]
    from_cost: bool
    ceiling: Value | None
    critical: Critical | None
    aid: Aid | None
    layers: tuple[Layer, ...]

    @property
    def amounts(self) -> tuple[Decimal, ...]:
        """The amounts up to or from which something is paid."""
        given = [self.ceiling]
        cells = [one for layer in self.layers for one in (layer.deductible, layer.ceiling)]
        lows = [band.low for band in self.bands]
        if self.critical is not None:
            given.append(self.critical.ceiling)
        if self.aid is not None:
            given += [self.aid.deductible, self.aid.ceiling]
        told = [one.number for one in (*given, *cells) if one is not None]
        return (*(step.amount for step in self.steps), *lows, *told)

    @property
    def needs(self) -> tuple[str, ...]:
        """What must be known of the year before the case: fields of the case."""
        critical = self.critical
        amounts = {step.amount for step in self.steps}
        found = {
            "admission_number": len(amounts) > 1 or any(s.admission > 1 for s in self.steps),
            "year_deductible": self.yearly and bool(self.steps),
            "year_basic": self.ceiling is not None
            or (critical is not None and (critical.of_payments or critical.with_basic)),
            "year_burden": critical is not None,
            "year_critical": critical is not None and critical.ceiling is not None,
        }
        return tuple(name for name, needed in found.items() if needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """How costs are parted: what is reckoned when the charge lines have to say it.

    ``lines``: whether they may; ``class_b``: of class B lines that state no first share.
    """

    tolerance: Decimal
    money: Rounding
    lines: bool
    within_limit: bool
    class_b: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """All that is asked for a share; ``rules`` is a reason where they are not known."""

    money: Rounding
    stated_first: bool
    deducted: tuple[str, ...]
    catalogue: Catalogue
    rules: Rules | str


def read(source: Source, benefits: Source | str, *, own_lines: bool) -> Terms:
    """What the policy says for a case or a block.

    Args:
        source: by the policy of the place of treatment.
        benefits: by the policy whose benefit rules hold; a reason where there is none.
        own_lines: whether the catalogue by which the hospital marks its lines holds.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``: of what holds for every share.
    """
    catalogue = catalogue_of(source, own_lines=own_lines)
    return Terms(
        money=catalogue.money,
        stated_first=bool(source.value("benefit.stated_first").value),
        deducted=source.value("benefit.deducted").value,
        catalogue=catalogue,
        rules=benefits if isinstance(benefits, str) else rules(benefits),
    )


def catalogue_of(source: Source, *, own_lines: bool = True) -> Catalogue:
    """How the costs of a case or a block are parted; arguments and errors as of :func:`read`."""
    money = rounding_of(source, "money")
    class_b = source.find("benefit.class_b_share")
    return Catalogue(
        tolerance=source.value("general.total_tolerance").number,
        money=money,
        lines=own_lines,
        within_limit=source.value("benefit.first_share_of").value == "within_limit",
        class_b=None if class_b is None else class_b.number,
    )


def rules(source: Source) -> Rules | str:
    """The benefit rules of a case or a block, or the reason why there are none."""
    try:
        visit = visit_of(source)
        if visit is None:
            return PayReason.BENEFIT_NONE
        if source.facts.get("insurance") is None:
            return PayReason.INSURANCE_MISSING
        found = _rules(source, visit["benefit"], visit["account"])
    except PolicyError as error:
        return error.code
    # Parts of a fen would not add up to the total once each part is an amount that can be paid.
    whole = all(one == round(one, CENTS) for one in found.amounts)
    return found if whole else PayReason.POLICY_UNUSABLE


def visit_of(source: Source) -> dict[str, Any] | None:
    """The row of ``benefit.visits`` of a case or a block; None: the policy knows no such visit.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
    """
    kind, visit = source.facts.get("kind"), source.facts.get("visit_type")
    rows = {(row["kind"], row["visit_type"]): row for row in source.value("benefit.visits").value}
    found: dict[str, Any] | None = rows.get((kind, visit)) or rows.get((kind, None))
    return found


def _rules(source: Source, benefit: str, account: str) -> Rules:
    place = source.facts.get("place") or "here"
    tier = source.value("benefit.tier").value
    keys = {"benefit": benefit, "place": place, "tier": tier}
    ceiling = None
    if source.value("benefit.has_ceiling", **keys).value:
        ceiling = source.value("benefit.ceiling", **keys)
    return Rules(
        account=account,
        steps=_steps(source.value("benefit.deductible", **keys)),
        yearly=source.value("benefit.deductible_period", **keys).value == "year",
        bands=_bands(source.value("benefit.ratio", **keys)),
        from_cost=source.value("benefit.ratio_of", **keys).value == "cost",
        ceiling=ceiling,
        critical=_critical(source, keys),
        aid=_aid(source, keys),
        layers=_layers(source, benefit),
    )


def _critical(source: Source, keys: dict[str, str]) -> Critical | None:
    topic = "critical_illness"
    if not source.value(f"{topic}.in_force", **keys).value:
        return None
    capped = source.value(f"{topic}.has_ceiling", **keys).value
    return Critical(
        counts=source.value(f"{topic}.counts").value,
        threshold=source.value(f"{topic}.threshold"),
        factor=source.value(f"{topic}.threshold_factor"),
        of_payments=source.value(f"{topic}.threshold_of").value == "payments",
        bands=_bands(source.value(f"{topic}.ratios")),
        bonus=source.value(f"{topic}.ratio_bonus"),
        ceiling=source.value(f"{topic}.ceiling", **keys) if capped else None,
        with_basic=bool(capped) and source.value(f"{topic}.ceiling_of").value == "with_basic",
    )


def _aid(source: Source, keys: dict[str, str]) -> Aid | None:
    topic = "medical_aid"
    if not source.value(f"{topic}.in_force", **keys).value:
        return None
    capped = source.value(f"{topic}.has_ceiling").value
    return Aid(
        counts=source.value(f"{topic}.counts").value,
        deductible=source.value(f"{topic}.deductible"),
        ratio=source.value(f"{topic}.ratio"),
        ceiling=source.value(f"{topic}.ceiling") if capped else None,
    )


def _layers(source: Source, benefit: str) -> tuple[Layer, ...]:
    table = source.value("supplement.layers")
    facts = {**source.facts, "benefit": benefit}
    found = []
    for row in sorted(table.value, key=lambda one: int(one["rank"])):
        wanted = ((facts.get(name), row[name]) for name in ("benefit", "insurance", "aid"))
        if not all(among is None or fact in among for fact, among in wanted):
            continue
        key = str(row["rank"])
        capped = row["ceiling"] is not None
        found.append(
            Layer(
                name=TableCell(table, key, row["name"]),
                counts=row["counts"],
                deductible=TableCell(table, key, row["deductible"]),
                ratio=TableCell(table, key, row["ratio"]),
                ceiling=TableCell(table, key, row["ceiling"]) if capped else None,
            )
        )
    return tuple(found)


def _steps(table: Value) -> tuple[Step, ...]:
    return tuple(
        Step(
            row["admission"], row["amount"], TableCell(table, str(row["admission"]), row["amount"])
        )
        for row in sorted(table.value, key=lambda one: int(one["admission"]))
    )


def _bands(table: Value) -> tuple[Band, ...]:
    rows = sorted(table.value, key=lambda one: Decimal(one["above"]))
    highs = [*(row["above"] for row in rows[1:]), None][: len(rows)]
    return tuple(
        Band(row["above"], high, row["ratio"], TableCell(table, f"{row['above']:f}", row["ratio"]))
        for row, high in zip(rows, highs, strict=True)
    )
