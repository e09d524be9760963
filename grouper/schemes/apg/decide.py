"""What the scalar engine does with the parts of a visit, one rule of the algorithm a function."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from codebooks.apg.words import MODIFIER_RATES, Companion, GroupType, Packing, Rate
from grouper.schemes.apg.words import DISTINCT, MOST_DAYS, PAYING, Action, PartKind, Why

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codebooks.apg.words import VisitKind
    from grouper.schemes.apg.answer import Part
    from grouper.schemes.apg.compiled import CompiledApg
    from grouper.schemes.apg.rules import PackagingRule

ONE, ZERO = Decimal(1), Decimal(0)
_PLACES = Decimal("0.000001")


def rounded(value: Decimal) -> Decimal:
    """A share or weight to six places, half up."""
    return value.quantize(_PLACES, ROUND_HALF_UP)


def significant(scheme: CompiledApg, parts: Sequence[Part]) -> list[Part]:
    """The significant procedures: coded ones, and lines of such groups where they stand for one."""
    found = [p for p in parts if p.open and p.type is GroupType.PROCEDURE]
    coded = [p for p in found if p.kind is PartKind.PROCEDURE]
    if not coded or scheme.lines_stand_beside:
        return found
    for part in found:
        if part.kind is PartKind.LINE:
            part.close(Action.PACKAGED, Why.CHARGE_OF_PROCEDURE)
    return coded


def _modifier_rate(scheme: CompiledApg, part: Part) -> Decimal:
    return next((scheme.rates[r] for r in MODIFIER_RATES if r.value == part.modifier), ONE)


def _adjusted(scheme: CompiledApg, part: Part) -> Decimal:
    """The weight by which procedures are held against each other: with their modifier."""
    return (part.weight or ZERO) * _modifier_rate(scheme, part)


def consolidate(scheme: CompiledApg, found: Sequence[Part]) -> None:
    """Of procedures of one class (and not distinct) only the heaviest stays open.

    The same group is one class; with related groups, so are those of one consolidation class.
    """
    classes: dict[tuple[bool, str], list[Part]] = {}
    for part in found:
        if part.group is None or part.modifier == DISTINCT:
            continue
        related = part.group.consolidation if scheme.related_groups else ""
        classes.setdefault((bool(related), related or part.group.code), []).append(part)
    for members in classes.values():
        heaviest = max(members, key=lambda part: _adjusted(scheme, part))
        for part in members:
            same = part.group is heaviest.group
            if part is not heaviest and (scheme.same_group or not same):
                part.close(Action.CONSOLIDATED, Why.SAME_GROUP if same else Why.RELATED_GROUP)


def discount_procedures(scheme: CompiledApg, kept: Sequence[Part]) -> None:
    """The heaviest procedure pays in full, further ones less; modifiers go on top."""
    first = max(kept, key=lambda part: _adjusted(scheme, part))
    for part in kept:
        order = scheme.rates[Rate.FIRST if part is first else Rate.FURTHER]
        share = rounded(order * _modifier_rate(scheme, part))
        if part is not first:
            why = Why.FURTHER_PROCEDURE
        elif part.modifier in [rate.value for rate in MODIFIER_RATES]:
            why = Why(str(part.modifier))
        else:
            why = Why.FIRST_PROCEDURE
        part.close(Action.PAID if share >= ONE else Action.DISCOUNTED, why, share)


def package(scheme: CompiledApg, parts: Sequence[Part], kind: VisitKind) -> None:
    """What is inside, and what pays apart or alone."""
    for part in (p for p in parts if p.open):
        decided, part.rule = _first_rule(scheme, part, kind)
        if not decided:
            part.close(Action.UNDECIDED, Why.AMOUNT_MISSING)
        elif part.rule is not None and part.rule.action is Packing.PACKAGED:
            part.close(Action.PACKAGED, Why.PACKAGING_RULE)
        else:
            part.close(Action.PAID, Why.APART_RULE if part.rule else Why.ALONE, ONE)
            _count_days(part)


def _first_rule(
    scheme: CompiledApg, part: Part, kind: VisitKind
) -> tuple[bool, PackagingRule | None]:
    """The rule that decides, None where none does; False where that hangs on a missing amount."""
    suiting = [r for r in scheme.rules if kind in r.visits and r.suits(part.fate)]
    amount = part.amount
    if amount is not None:
        return True, next((r for r in suiting if r.amount_holds(amount)), None)
    plain = next((r for r in suiting if not r.asks_amount), None)
    if part.kind is PartKind.PROCEDURE:
        # A coded procedure has no amount; rules on amounts do not speak of it.
        return True, plain
    before = suiting[: suiting.index(plain)] if plain is not None else suiting
    outcome = plain.action if plain is not None else Packing.PAID
    return all(rule.action is outcome for rule in before), plain


def _count_days(part: Part) -> None:
    """A line of a per-diem group pays for each of its days."""
    if part.kind is not PartKind.LINE or part.type is not GroupType.PER_DIEM:
        return
    days = part.quantity
    if days is None or days % 1 or not ONE <= days <= MOST_DAYS:
        part.close(Action.UNDECIDED, Why.QUANTITY_UNUSABLE)
    else:
        part.share = rounded(days)


def discount_repeats(scheme: CompiledApg, parts: Sequence[Part]) -> None:
    """What stands alone or apart pays once in full, and again less by the rate of its type."""
    seen: set[str] = set()
    for part in parts:
        if part.action is not Action.PAID or part.why not in (Why.ALONE, Why.APART_RULE):
            continue
        if part.group is None or part.share is None:
            continue
        rate = scheme.repeat[part.group.type]
        if part.group.code in seen and rate < ONE:
            part.close(Action.DISCOUNTED, Why.REPEAT, rounded(part.share * rate))
        seen.add(part.group.code)


def hold_back(parts: Sequence[Part]) -> None:
    """Take back what is not paid alone: it needs something beside it that is not on the list."""
    company = [p for p in parts if p.action in PAYING and p.fate.alone is None]
    groups = {p.group.code for p in company if p.group is not None}
    for part in parts:
        if part.action not in PAYING or part.fate.alone is None or part.group is None:
            continue
        kept = part.group.code in groups if part.fate.alone is Companion.GROUP else bool(company)
        if not kept:
            part.close(Action.NOT_ALONE, Why.NOT_ALONE_LIST)
