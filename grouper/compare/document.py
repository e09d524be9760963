"""A comparison as plain values: the JSON report, from which the other forms are made."""

from __future__ import annotations

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from codebooks.registry import registry
from grouper.compare.comparison import level_of, other_name
from grouper.compare.tally import Change
from grouper.schemes.load import load_scheme
from grouper.schemes.telling import plain_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grouper.compare.balance import Balance, Total
    from grouper.compare.comparison import Comparison, Department
    from grouper.compare.groups import Group, Kind
    from grouper.compare.nodes import About, Node
    from grouper.compare.sides import Side
    from grouper.compare.tally import Flow, Sums

_SHARE = Decimal("0.000001")
_MEAN = Decimal("0.0001")


def document(found: Comparison, movers: int) -> dict[str, Any]:
    """The report (``docs/COMPARE.md`` lists its parts).

    Args:
        found: the comparison.
        movers: how many flows to list that move most weight.
    """
    kinds = tuple({(g.node, g.other): g.kind for g in side} for side in found.groups)
    flows = [_flow(flow, found.balance, kinds) for flow in found.flows]
    return {
        "from": _side(found.first, [f.source for f in found.flows], found.flows),
        "to": _side(found.second, [f.target for f in found.flows], found.flows),
        "thresholds": {
            "cases": found.thresholds.cases,
            "percent": plain_number(found.thresholds.percent),
        },
        "cases": found.rows,
        "changes": {change.word: found.changes[change] for change in Change},
        "levels": {level.value: count for level, count in sorted(found.levels.items())},
        "other_names": _other_names(found.flows),
        "outside": _outside(found.flows),
        "kinds": {"from": _kinds(found.kinds(0)), "to": _kinds(found.kinds(1))},
        "groups": {
            "from": [_group(g, found.balance, first=True) for g in found.groups[0]],
            "to": [_group(g, found.balance, first=False) for g in found.groups[1]],
        },
        "weights": _weights(found),
        "movers": [_flow(flow, found.balance, kinds) for flow in found.movers(movers)],
        "departments": [_department(d, found.balance) for d in found.departments],
        "further_departments": found.further_departments,
        "flows": flows,
        "file_issues": [issue.reason for issue in found.file_issues],
    }


def place(node: Node, about: About) -> dict[str, Any]:
    """Where cases stand on one side."""
    return {
        "scheme": node.scheme,
        "status": node.status,
        "reason": node.reason,
        "group": node.group,
        "name": about.name or None,
    }


def share_text(part: Decimal | int, whole: Decimal | int) -> str | None:
    """A share of something, as text of six decimal places; None of nothing."""
    return number_text(Decimal(part) / Decimal(whole), _SHARE) if whole else None


def number_text(value: Decimal, step: Decimal | None = None) -> str:
    """A number as text, rounded half up where a step is given."""
    rounded = value if step is None else value.quantize(step, ROUND_HALF_UP)
    return plain_number(rounded) if step is None else f"{rounded:f}"


def _side(side: Side, nodes: Iterable[Node], flows: list[Flow]) -> dict[str, Any]:
    cases: Counter[str] = Counter()
    for node, flow in zip(nodes, flows, strict=True):
        if node.scheme is not None:
            cases[node.scheme] += flow.sums.cases
    if side.scheme is not None and not cases:
        cases[side.scheme] = 0
    return {
        "name": side.name,
        "region": side.region,
        "weights": side.weights.file if side.weights else None,
        "schemes": [_scheme(scheme, count) for scheme, count in sorted(cases.items())],
    }


def _scheme(scheme: str, cases: int) -> dict[str, Any]:
    card = registry().card(scheme)
    return {
        "id": scheme,
        "family": card.family,
        "region": card.region,
        "standing": card.standing,
        "source": card.source,
        "content_sha256": load_scheme(scheme).content_hash,
        "cases": cases,
    }


def _other_names(flows: Iterable[Flow]) -> list[dict[str, Any]]:
    """Groups of one code whose names differ; a code may have got another meaning."""
    return [
        {
            "group": flow.source.group,
            "from": flow.source_about.name,
            "to": flow.target_about.name,
            "cases": flow.sums.cases,
        }
        for flow in flows
        if other_name(flow)
    ]


def _outside(flows: Iterable[Flow]) -> list[dict[str, Any]]:
    """Cases in no group on one side or on both, by status and reason."""
    found: Counter[tuple[str, str | None, str, str | None]] = Counter()
    for flow in flows:
        if not (flow.source.grouped and flow.target.grouped):
            first, second = flow.source, flow.target
            found[first.status, first.reason, second.status, second.reason] += flow.sums.cases
    ranked = sorted(found.items(), key=lambda item: (-item[1], [part or "" for part in item[0]]))
    return [
        {
            "from": {"status": status, "reason": reason},
            "to": {"status": status_to, "reason": reason_to},
            "cases": cases,
        }
        for (status, reason, status_to, reason_to), cases in ranked
    ]


def _kinds(kinds: dict[Kind, tuple[int, int]]) -> dict[str, dict[str, int]]:
    return {k.value: {"groups": groups, "cases": cases} for k, (groups, cases) in kinds.items()}


def weight_part(sums: Sums, balance: Balance, share: Decimal | None) -> dict[str, Any]:
    """Weights of some cases; ``moved`` is null where the units of the sides differ."""
    moved = balance.comparable and sums.compared
    return {
        "from_weighed": sums.from_known,
        "from_weight": number_text(sums.from_sum) if sums.from_known else None,
        "to_weighed": sums.to_known,
        "to_weight": number_text(sums.to_sum) if sums.to_known else None,
        "moved": number_text(sums.moved) if moved else None,
        "share_change": None if share is None else number_text(share, _SHARE),
    }


def _group(group: Group, balance: Balance, *, first: bool) -> dict[str, Any]:
    sums = group.sums
    ends = (group.node.scheme, group.other)
    source, target = ends if first else ends[::-1]
    flows = [*group.inside, *group.outside]
    return {
        "scheme": group.node.scheme,
        "other_scheme": group.other,
        "group": group.node.group,
        "name": group.about.name or None,
        "mdc": group.about.mdc,
        "kind": group.kind.value,
        "cases": sums.cases,
        "cases_inside": group.cases_inside,
        "cases_outside": group.cases_outside,
        **weight_part(sums, balance, balance.share_of(source, target, sums)),
        "flows": [_end(flow, sums.cases, first=first) for flow in flows],
    }


def _end(flow: Flow, whole: int, *, first: bool) -> dict[str, Any]:
    other = (flow.target, flow.target_about) if first else (flow.source, flow.source_about)
    cases = flow.sums.cases
    return {**place(*other), "cases": cases, "share": share_text(cases, whole)}


def _flow(
    flow: Flow, balance: Balance, kinds: tuple[dict[tuple[Node, str | None], Kind], ...]
) -> dict[str, Any]:
    level = level_of(flow)
    kind = kinds[0].get((flow.source, flow.target.scheme))
    kind_to = kinds[1].get((flow.target, flow.source.scheme))
    return {
        "from": place(flow.source, flow.source_about),
        "to": place(flow.target, flow.target_about),
        "change": flow.change.word,
        "level": level.value if level else None,
        "from_kind": kind.value if kind else None,
        "to_kind": kind_to.value if kind_to else None,
        "cases": flow.sums.cases,
        **weight_part(flow.sums, balance, balance.share_change(flow)),
    }


def _weights(found: Comparison) -> dict[str, Any]:
    balance = found.balance
    sides = (("from", balance.first, found.first), ("to", balance.second, found.second))
    known = dict(zip(("from", "to"), balance.known, strict=True))
    # Where no weights are at hand at all, a list of every group says nothing.
    told = {end: known[end] or side.weights is not None for end, _, side in sides}
    lacking = dict(zip(("from", "to"), balance.unweighed, strict=True))
    return {
        "comparable": balance.comparable,
        "known": known,
        **{end: {f: _total(t) for f, t in sorted(totals.items())} for end, totals, _ in sides},
        "moved": {
            family: {
                "cases": moved.cases,
                "net": number_text(moved.net),
                "same": number_text(moved.same),
                "regrouped": number_text(moved.regrouped),
                "gained": number_text(moved.gained),
                "lost": number_text(moved.lost),
            }
            for family, moved in sorted(balance.moved.items())
        },
        "left": {family: _total(total) for family, total in sorted(balance.left.items())},
        "new": {family: _total(total) for family, total in sorted(balance.new.items())},
        "unweighed": {end: _lacking(lacking[end]) if told[end] else [] for end in told},
    }


def _lacking(groups: dict[Node, tuple[About, int]]) -> list[dict[str, Any]]:
    """Groups with cases without a weight, those with most of them first."""
    ranked = sorted(groups.items(), key=lambda item: (-item[1][1], item[0].group or ""))
    return [{**place(node, about), "cases": cases} for node, (about, cases) in ranked]


def _total(total: Total) -> dict[str, Any]:
    return {
        "cases": total.cases,
        "weighed": total.weighed,
        "weight": number_text(total.weight) if total.weighed else None,
        "mean": None if total.mean is None else number_text(total.mean, _MEAN),
    }


def _department(department: Department, balance: Balance) -> dict[str, Any]:
    part = weight_part(department.sums, balance, department.share_change)
    for end, totals in (("from", balance.first), ("to", balance.second)):
        if len(totals) > 1:
            # Weights of two families are never added.
            part[f"{end}_weight"] = None
    return {
        "department": department.name,
        "cases": department.sums.cases,
        "changes": {change.word: department.changes[change] for change in Change},
        **part,
    }
