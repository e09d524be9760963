"""One case under two schemes: both traces, and where they part."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from codebooks.folding import fold_code
from codebooks.messages import text
from grouper.compare.document import number_text
from grouper.compare.nodes import Node
from grouper.compare.page import templates, tools
from grouper.compare.sides import family_of
from grouper.compare.tally import Change, change_of, weight_of
from grouper.compare.words import difference, number, say, side_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from grouper.compare.sides import Side
    from grouper.schemes.protocol import Grouping

_ENDS = ("from", "to")
_NAMED = ("group", "mdc", "adrg")


def case_document(
    sides: tuple[Side, Side], groupings: tuple[Grouping, Grouping], lang: str
) -> dict[str, Any]:
    """A case on both sides as plain values (``docs/COMPARE.md``).

    Args:
        sides: the two sides.
        groupings: the case's grouping on each.
        lang: language of the traces.
    """
    nodes = tuple(_node(grouping) for grouping in groupings)
    weights = tuple(
        weight_of(side, node, grouping.weight)
        for side, node, grouping in zip(sides, nodes, groupings, strict=True)
    )
    traces = [grouping.trace.document(lang) for grouping in groupings]
    plain: dict[str, Any] = {
        end: {
            "name": side.name,
            "region": side.region,
            "weights": side.weights.file if side.weights else None,
            "weight": None if weight is None else number_text(weight),
            "cc_level": grouping.cc_level,
            "trace": trace,
        }
        for end, side, weight, grouping, trace in zip(
            _ENDS, sides, weights, groupings, traces, strict=True
        )
    }
    change = change_of(*nodes)
    plain["change"] = change.word
    plain["parting"] = _parting(*traces) if _one_family(*nodes) else None
    plain["weight_change"] = _weight_change(change, nodes, weights)
    plain["complications"] = _complications(*traces) if _one_family(*nodes) else []
    return plain


def _node(grouping: Grouping) -> Node:
    return Node(grouping.scheme, grouping.status, grouping.reason, grouping.group)


def _one_family(first: Node, second: Node) -> bool:
    return family_of(first.scheme) == family_of(second.scheme)


def _parting(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first level at which the two paths stand in different rows; None when in none."""
    paths = [{step["level"]: step for step in trace["path"]} for trace in (first, second)]
    for level in dict.fromkeys(level for path in paths for level in path):
        steps = [path.get(level) for path in paths]
        codes = [fold_code(step["code"]) if step else None for step in steps]
        if codes[0] != codes[1]:
            ends = [step and {"code": step["code"], "name": step["name"]} for step in steps]
            return {"level": level, "from": ends[0], "to": ends[1]}
    return None


def _weight_change(
    change: Change, nodes: tuple[Node, ...], weights: tuple[Decimal | None, ...]
) -> str | None:
    """The second weight less the first, where both are of one unit and known."""
    first, second = weights
    both = change in (Change.SAME, Change.REGROUPED)
    if not both or not _one_family(*nodes) or first is None or second is None:
        return None
    return number_text(second - first)


def _complications(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Diagnoses whose standing as a complication differs."""
    found: dict[str, dict[str, Any]] = {}
    for end, trace in zip(_ENDS, (first, second), strict=True):
        for item in trace["complications"]:
            code = fold_code(item["code"])
            one = found.setdefault(
                code, {"code": item["code"], "name": item["name"], "from": None, "to": None}
            )
            one[end] = {"level": item["level"], "counts": item["counts"]}
    return [one for one in found.values() if one["from"] != one["to"]]


def table(plain: Mapping[str, Any], lang: str) -> tuple[list[str], list[list[str]]]:
    """Both results side by side: the header, and a row for each item that one of them has."""
    header = [say(lang, "one.item"), *(side_name(plain[end], lang) for end in _ENDS)]
    columns = [_cells(plain[end]) for end in _ENDS]
    rows = [
        [say(lang, f"one.{name}"), *(column[name] or "—" for column in columns)]
        for name in columns[0]
        if any(column[name] for column in columns)
    ]
    return header, rows


def _cells(side: Mapping[str, Any]) -> dict[str, str | None]:
    result = side["trace"]["result"]
    named = {name: result[name] and _named(result[name]) for name in _NAMED}
    reason = result["reason"] and f"{result['reason']} {result['reason_text']}"
    return {
        "scheme": side["trace"]["scheme"]["id"],
        "status": result["status_text"],
        **named,
        "group_kind": result["group_kind_text"],
        "cc_level": side["cc_level"],
        "weight": None if side["weight"] is None else number(side["weight"]),
        "reason": reason,
    }


def conclusions(plain: Mapping[str, Any], lang: str) -> Iterator[str]:
    """What differs, in a few lines."""
    yield say(lang, f"change.{plain['change']}")
    parting = plain["parting"]
    if parting:
        first, second = (_named(parting[end]) for end in _ENDS)
        level = text(f"trace.level_{parting['level']}", lang)
        yield say(lang, "one.first_step", level=level, first=first, second=second)
    if plain["weight_change"] is not None:
        yield say(lang, "one.weight_change", value=difference(plain["weight_change"]))
    for item in plain["complications"]:
        first, second = (_standing(item[end], lang) for end in _ENDS)
        told = {"code": item["code"], "name": item["name"]}
        yield say(lang, "one.complication", **told, first=first, second=second)


def _named(step: Mapping[str, Any] | None) -> str:
    return f"{step['code']} {step['name']}".strip() if step else "—"


def _standing(found: Mapping[str, Any] | None, lang: str) -> str:
    if found is None:
        return say(lang, "one.no_level")
    return say(lang, "one.counted" if found["counts"] else "one.excluded", level=found["level"])


def paths(plain: Mapping[str, Any], lang: str) -> str:
    """The steps that led to each result, as text."""
    return _render("case.txt", plain, lang)


def case_page(plain: Mapping[str, Any], lang: str) -> str:
    """The comparison of a case as one HTML page that needs nothing else."""
    return _render("case.html", plain, lang)


def _render(template: str, plain: Mapping[str, Any], lang: str) -> str:
    return (
        templates()
        .get_template(template)
        .render(
            **tools(lang),
            sides=[plain[end] for end in _ENDS],
            trace=partial(_trace_word, lang),
            table=table(plain, lang),
            conclusions=list(conclusions(plain, lang)),
        )
    )


def _trace_word(lang: str, key: str, **params: object) -> str:
    return text(f"trace.{key}", lang, **params)
