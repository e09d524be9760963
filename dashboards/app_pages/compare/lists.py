"""The tables of a comparison: kinds of groups, departments, flows, as rows with columns of ours."""

from __future__ import annotations

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from codebooks.messages import text
from dashboards.charts.moved import CASES, MOVED
from dashboards.frame.labels import department
from dashboards.frame.tables import forms
from grouper.compare.words import reason_words
from grouper.compare.words import say as compare_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KINDS = (
    "cmp_kind",
    "cmp_groups_from",
    "cmp_cases_from",
    "cmp_groups_to",
    "cmp_cases_to",
    "cmp_means",
)
DEPARTMENTS = (
    "department",
    "cases",
    "cmp_same",
    "cmp_regrouped",
    "cmp_left",
    "cmp_new",
    "cmp_moved",
    "cmp_points",
    "cmp_from_weight",
    "cmp_to_weight",
)
FLOWS = (
    "cases",
    "cmp_moved",
    "cmp_points",
    "cmp_from",
    "cmp_to",
    "cmp_change",
    "cmp_level",
    "cmp_from_weight",
    "cmp_to_weight",
)
_KINDS = ("unchanged", "renamed", "split", "merged", "split_merged", "left", "new", "minor")
_ARROW = {"count": pa.int64(), "number": pa.decimal128(28, 6), "day": pa.date32()}
_STEP = Decimal("0.000001")
_HUNDRED = Decimal(100)


def tabled(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pa.Table:
    """Rows as a table with the types that their columns have."""
    schema = pa.schema([(name, _ARROW.get(forms()[name].name, pa.string())) for name in columns])
    return pa.Table.from_pylist([{name: row.get(name) for name in columns} for row in rows], schema)


def known(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> tuple[str, ...]:
    """The columns of which anything is known: where no weights are, no empty columns are shown."""
    return tuple(one for one in columns if any(row.get(one) is not None for row in rows))


def kind_rows(told: Mapping[str, Any], lang: str) -> list[dict[str, Any]]:
    """What became of groups on both sides."""
    nothing = {"groups": 0, "cases": 0}
    found = []
    for kind in _KINDS:
        sides = [told["kinds"][end].get(kind, nothing) for end in ("from", "to")]
        if any(side["groups"] for side in sides):
            row: dict[str, Any] = {
                "cmp_kind": compare_word(lang, f"kind.{kind}"),
                "cmp_means": compare_word(lang, f"kind_means.{kind}"),
            }
            for end, side in zip(("from", "to"), sides, strict=True):
                row |= {f"cmp_groups_{end}": side["groups"], f"cmp_cases_{end}": side["cases"]}
            found.append(row)
    return found


def department_rows(told: Mapping[str, Any], measure: str) -> list[dict[str, Any]]:
    """Departments, those with the largest change first; ``name`` and ``value`` are for the picture.

    Args:
        told: the report.
        measure: of the ``value``.
    """
    found = [
        {
            "department": department(one["department"]),
            "cases": one["cases"],
            **{
                f"cmp_{name}": one["changes"][name] for name in ("same", "regrouped", "left", "new")
            },
            **_weights(one),
        }
        for one in told["departments"]
    ]
    for row, one in zip(found, told["departments"], strict=True):
        changed = one["cases"] - one["changes"]["same"] - one["changes"]["outside"]
        row |= {"name": row["department"], "value": _value(row, measure, changed)}
    return sorted(found, key=lambda one: -abs(one["value"] or 0))


def flow_rows(flows: Sequence[Mapping[str, Any]], lang: str, measure: str) -> list[dict[str, Any]]:
    """Flows in the order of the report; ``name`` and ``value`` are for the picture."""
    found = []
    for one in flows:
        ends = [place_words(one[end], lang) for end in ("from", "to")]
        row = {
            "cmp_from": ends[0],
            "cmp_to": ends[1],
            "cmp_change": compare_word(lang, f"change.{one['change']}"),
            "cmp_level": one["level"] and compare_word(lang, f"level.{one['level']}"),
            "cases": one["cases"],
            **_weights(one),
        }
        found.append({**row, "value": _value(row, measure, one["cases"])})
    for row, name in zip(found, _names(flows, lang), strict=True):
        row["name"] = name
    return found


def _names(flows: Sequence[Mapping[str, Any]], lang: str) -> list[str]:
    """Short names of flows, each another one: a chart adds up bars of one name."""
    ends = [[_short(one[end], lang) for end in ("from", "to")] for one in flows]
    seen = Counter(map(tuple, ends))
    return [
        " → ".join(
            pair
            if seen[tuple(pair)] == 1
            else [_whole(one[end], name) for end, name in zip(("from", "to"), pair, strict=True)]
        )
        for one, pair in zip(flows, ends, strict=True)
    ]


def _short(place: Mapping[str, Any], lang: str) -> str:
    """A group's code, else why cases are in none."""
    return place["group"] or place_words(place, lang)


def _whole(place: Mapping[str, Any], name: str) -> str:
    """A name with what else tells places apart: codes of the scheme and the reason."""
    codes = [one for one in (place.get("scheme"), place["reason"]) if one]
    return f"{name} [{' '.join(codes)}]" if codes else name


def place_words(place: Mapping[str, Any], lang: str) -> str:
    """Where cases stand: the group with its name, else why they are in none."""
    if place["group"] is not None:
        return f"{place['group']} {place['name'] or ''}".strip()
    status = text(f"status.{place['status']}", lang)
    reason = reason_words(lang, place["reason"])
    return compare_word(lang, "comma").join(one for one in (status, reason) if one)


def _value(row: Mapping[str, Any], measure: str, changed: int) -> Decimal | None:
    if measure == CASES:
        return Decimal(changed)
    found: Decimal | None = row["cmp_moved" if measure == MOVED else "cmp_points"]
    return found


def _weights(one: Mapping[str, Any]) -> dict[str, Decimal | None]:
    return {
        "cmp_from_weight": _decimal(one["from_weight"]),
        "cmp_to_weight": _decimal(one["to_weight"]),
        "cmp_moved": _decimal(one["moved"]),
        "cmp_points": _decimal(one["share_change"], _HUNDRED),
    }


def _decimal(told: str | None, times: Decimal = Decimal(1)) -> Decimal | None:
    return None if told is None else (Decimal(told) * times).quantize(_STEP, ROUND_HALF_UP)
